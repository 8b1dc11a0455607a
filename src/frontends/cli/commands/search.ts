/** `bay search`. */

import { search as searchFor } from '../../../operations/search.ts';
import type { SearchResult } from '../../../remote/registries.ts';
import { command } from '../grammar.ts';
import { openRegistries } from '../host.ts';
import { listText, type Field } from '../list.ts';

export const search = command({
  description: 'Search the Docker Hub for images, or the registry that the term begins with.',
  operands: { usage: 'TERM', min: 1, max: 1 },
  flags: {
    filter: { type: 'filter', short: 'f', value: 'filter', help: 'Filter output based on conditions provided' },
    format: { type: 'string', value: 'string', help: 'Pretty-print search using a Go template', values: ['table', 'json'] },
    json: { type: 'bool', help: 'Print one JSON document' },
    limit: { type: 'int', value: 'int', help: 'Max number of search results' },
    'no-trunc': { type: 'bool', help: "Don't truncate output" },
    'plain-http': { type: 'bool', help: 'Speak plain http to the registry' },
  },
  examples: [
    ['The Hub', 'bay search nginx'],
    ['A registry of your own', 'bay search localhost:5080/nano'],
  ],
  async run(invocation) {
    const { flags, operands, terminal } = invocation;
    const registries = await openRegistries(invocation, { plainHttp: flags.plainHttp });
    try {
      const filters = flags.filter.map(({ name, value }) => ({ key: name, value }));
      const results = await searchFor({ registries }, operands[0], {
        // Docker's command sends no limit below 1, and the daemon then takes its own.
        limit: flags.limit !== undefined && flags.limit > 0 ? flags.limit : undefined,
        filters,
        signal: terminal.signal,
      });
      if (flags.json) terminal.print(`${JSON.stringify(results)}\n`);
      else
        terminal.print(
          await listText(results, {
            format: flags.format,
            fields: searchFields(flags.noTrunc),
            columns: ['Name', 'Description', 'StarCount', 'IsOfficial'],
            type: '*registry.searchContext',
          }),
        );
    } finally {
      registries.close();
    }
  },
});

function searchFields(noTrunc: boolean) {
  return {
    Description: {
      title: 'DESCRIPTION',
      value: ({ description }) => {
        const line = description.replace(/[\r\n]+/g, ' ');
        return noTrunc || line.length <= 45 ? line : `${line.slice(0, 44)}…`;
      },
    },
    IsOfficial: { title: 'OFFICIAL', value: ({ official }) => (official ? '[OK]' : ''), json: ({ official }) => String(official) },
    Name: { title: 'NAME', value: ({ name }) => name },
    StarCount: { title: 'STARS', value: ({ stars }) => String(stars) },
  } satisfies Record<string, Field<SearchResult>>;
}
