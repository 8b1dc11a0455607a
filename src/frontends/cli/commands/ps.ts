/** `bay ps` and `bay container ls`. */

import { listContainers } from '../../../operations/list-containers.ts';
import { containerFields } from '../container-fields.ts';
import { command } from '../grammar.ts';
import { openContainers } from '../host.ts';
import { isOwnTable, listText } from '../list.ts';
import { tableFormat } from './format-help.ts';

export const ps = command({
  description: 'List containers, the newest first. Without --all only those that run.',
  operands: { usage: '', min: 0, max: 0 },
  flags: {
    all: { type: 'bool', short: 'a', help: 'Show all containers (default shows just running)' },
    filter: { type: 'filter', short: 'f', value: 'filter', help: 'Filter output based on conditions provided' },
    format: tableFormat,
    json: { type: 'bool', help: 'Print one JSON document' },
    last: { type: 'int', short: 'n', default: -1, value: 'int', help: 'Show n last created containers (includes all\nstates)' },
    latest: { type: 'bool', short: 'l', help: 'Show the latest created container (includes all\nstates)' },
    'no-trunc': { type: 'bool', help: "Don't truncate output" },
    quiet: { type: 'bool', short: 'q', help: 'Only display container IDs' },
    size: { type: 'bool', short: 's', help: 'Display total file sizes' },
  },
  examples: [
    ['All of them', 'bay ps -a'],
    ['Those of an image', 'bay ps -a -f ancestor=debian:12'],
    ['For a script', "bay ps -a --format '{{.ID}} {{.Names}}'"],
  ],
  async run(invocation) {
    const { flags, terminal } = invocation;
    await using host = await openContainers(invocation);
    const { format } = flags;
    const found = await listContainers(host, {
      all: flags.all,
      limit: flags.latest ? 1 : flags.last,
      size: flags.size || (format !== undefined && !flags.quiet && /\{\{[^}]*\.Size\b/.test(format)),
      filters: flags.filter.map(({ name, value }) => ({ key: name, value })),
      signal: terminal.signal,
    });
    if (flags.json) {
      terminal.print(`${JSON.stringify(found)}\n`);
      return;
    }
    const fields = containerFields(terminal.now(), flags.noTrunc);
    if (flags.quiet && isOwnTable(format)) terminal.print(found.map((row) => `${fields.ID.value(row)}\n`).join(''));
    else
      terminal.print(
        await listText(found, {
          format: flags.quiet && format === 'raw' ? 'container_id: {{.ID}}' : format,
          fields,
          columns: ['ID', 'Image', 'Command', 'RunningFor', 'Status', 'Ports', 'Names', ...(flags.size ? (['Size'] as const) : [])],
          type: '*formatter.ContainerContext',
          raw: `container_id: {{.ID}}\nimage: {{.Image}}\ncommand: {{.Command}}\ncreated_at: {{.CreatedAt}}\nstate: {{- pad .State 1 0}}\nstatus: {{- pad .Status 1 0}}\nnames: {{.Names}}\nlabels: {{- pad .Labels 1 0}}\nports: {{- pad .Ports 1 0}}\n${flags.size ? 'size: {{.Size}}\n' : ''}`,
        }),
      );
  },
});
