/** `bay tags`. */

import { familiarName, parseReference } from '../../../model/reference.ts';
import { command } from '../grammar.ts';
import { openRegistries } from '../host.ts';

export const tags = command({
  description: 'List the tags of a repository in its registry.',
  operands: { usage: 'REPOSITORY', min: 1, max: 1 },
  flags: {
    json: { type: 'bool', help: 'Print one JSON document' },
    limit: { type: 'int', help: 'At most so many tags', value: 'int' },
    last: { type: 'string', help: 'Begin after this tag', value: 'tag' },
    'plain-http': { type: 'bool', help: 'Speak plain http to the registry' },
  },
  examples: [
    ['All tags of the official image', 'bay tags debian'],
    ['A registry of your own', 'bay tags localhost:5000/me/app'],
  ],
  async run(invocation) {
    const { flags, operands, terminal } = invocation;
    const reference = parseReference(operands[0]);
    const registries = await openRegistries(invocation, { plainHttp: flags.plainHttp });
    try {
      const page = {
        ...(flags.limit === undefined ? {} : { limit: flags.limit }),
        ...(flags.last === undefined ? {} : { last: flags.last }),
      };
      const found = await registries.repository(reference).tags(page, { signal: terminal.signal });
      terminal.print(
        flags.json ? `${JSON.stringify({ name: familiarName(reference), tags: found })}\n` : found.map((tag) => `${tag}\n`).join(''),
      );
    } finally {
      registries.close();
    }
  },
});
