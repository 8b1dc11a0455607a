/** `bay catalog`. */

import { command } from '../grammar.ts';
import { openRegistries } from '../host.ts';

export const catalog = command({
  description: 'List the repositories of a registry. Of base OS images in a folder, `bay catalog build FOLDER` writes a catalogue.',
  operands: { usage: 'HOST', min: 1, max: 1 },
  flags: {
    json: { type: 'bool', help: 'Print one JSON document' },
    limit: { type: 'int', help: 'At most so many repositories', value: 'int' },
    last: { type: 'string', help: 'Begin after this repository', value: 'name' },
    'plain-http': { type: 'bool', help: 'Speak plain http to the registry' },
  },
  examples: [['What a registry of your own holds', 'bay catalog localhost:5000']],
  complete: async (_word, { given }) => (given.length === 0 ? [['build', 'Write the catalogue of a folder of base OS images']] : []),
  async run(invocation) {
    const { flags, operands, terminal } = invocation;
    const registries = await openRegistries(invocation, { plainHttp: flags.plainHttp });
    try {
      const page = {
        ...(flags.limit === undefined ? {} : { limit: flags.limit }),
        ...(flags.last === undefined ? {} : { last: flags.last }),
      };
      const repositories = await registries.catalog(operands[0], page, { signal: terminal.signal });
      terminal.print(flags.json ? `${JSON.stringify({ repositories })}\n` : repositories.map((name) => `${name}\n`).join(''));
    } finally {
      registries.close();
    }
  },
});
