/** `bay diff` and `bay container diff`. */

import { ImageError } from '../../../errors.ts';
import { containerChanges } from '../../../operations/container-changes.ts';
import { completeContainer } from '../complete-containers.ts';
import { command } from '../grammar.ts';
import { openContainers } from '../host.ts';
import { listText, type Field } from '../list.ts';
import { tableFormat } from './format-help.ts';

const letters = ['C', 'A', 'D'] as const;

export const diff = command({
  description: "Inspect changes to files or directories on a container's filesystem: A was added, C was changed, D was deleted.",
  operands: { usage: 'CONTAINER', min: 1, max: 1 },
  flags: {
    format: tableFormat,
    json: { type: 'bool', help: 'Print one JSON document' },
  },
  examples: [['What commit would put into the layer', 'bay diff work']],
  complete: completeContainer,
  async run(invocation) {
    const { flags, operands, terminal } = invocation;
    if (operands[0] === '') throw new ImageError('invalid-argument', 'Container name cannot be empty', { detail: { plain: true } });
    await using host = await openContainers(invocation);
    const rows = await containerChanges(host, operands[0], { signal: terminal.signal });
    if (flags.json) terminal.print(`${JSON.stringify(rows)}\n`);
    else if (flags.format === undefined) terminal.print(rows.map(({ Kind, Path }) => `${letters[Kind]} ${Path}\n`).join(''));
    else terminal.print(await listText(rows, { format: flags.format, fields, columns: ['Type', 'Path'], type: '*formatter.diffContext' }));
  },
});

const fields = {
  Path: { title: 'PATH', value: ({ Path }) => Path },
  Type: { title: 'CHANGE TYPE', value: ({ Kind }) => letters[Kind] },
} satisfies Record<string, Field<{ readonly Path: string; readonly Kind: 0 | 1 | 2 }>>;
