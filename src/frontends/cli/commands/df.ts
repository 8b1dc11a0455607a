/** `bay system df`. */

import { shortId } from '../../../model/digest.ts';
import { familiarName } from '../../../model/reference.ts';
import { createdAt } from '../../../operations/image-filter.ts';
import { list } from '../../../operations/list.ts';
import { command } from '../grammar.ts';
import { openStore } from '../host.ts';
import { listText, type Field } from '../list.ts';
import { table } from '../table.ts';
import { humanSize, timeSince } from '../units.ts';
import { tableFormat } from './format-help.ts';

interface Row {
  readonly type: string;
  readonly total: number;
  readonly active: number;
  readonly size: number;
  readonly reclaimable: number;
}

export const df = command({
  description: 'Show what takes space in the store, in packed bytes.',
  operands: { usage: '', min: 0, max: 0 },
  flags: {
    format: tableFormat,
    json: { type: 'bool', help: 'Print one JSON document' },
    verbose: { type: 'bool', short: 'v', help: 'Show detailed information on space usage' },
  },
  examples: [['Image by image', 'bay system df -v']],
  async run(invocation) {
    const { flags, terminal } = invocation;
    await using store = await openStore(invocation);
    const usage = await store.usage();
    if (flags.json) {
      terminal.stdout.write(`${JSON.stringify(usage)}\n`);
      return;
    }
    if (flags.verbose) {
      const records = await list({ store, now: () => terminal.now() });
      const sizes = new Map(usage.images.map((image) => [image.target, image]));
      const rows = records.flatMap((image) => {
        const { size = 0, shared = 0, unique = 0 } = sizes.get(image.target.digest) ?? {};
        const created = createdAt(image) === 0 ? 'N/A' : timeSince(new Date(createdAt(image)), terminal.now());
        const names =
          image.names.length > 0
            ? image.names.map(({ reference }) => [familiarName(reference), reference.tag ?? '<none>'])
            : [['<none>', '<none>']];
        return names.map((name) => [...name, shortId(image.target.digest), created, humanSize(size), humanSize(shared), humanSize(unique)]);
      });
      const header = ['REPOSITORY', 'TAG', 'IMAGE ID', 'CREATED', 'SIZE', 'SHARED SIZE', 'UNIQUE SIZE'];
      terminal.stdout.write(`Images space usage:\n\n${await table(header, rows)}`);
      terminal.stdout.write(
        `\nUnfinished downloads and uploads: ${humanSize(usage.drafts)}\nContent that nothing needs: ${humanSize(usage.unheld)}\n`,
      );
      return;
    }
    // Nothing runs on these images here: all of it can be had back.
    const images = { type: 'Images', total: usage.images.length, active: 0, size: usage.total, reclaimable: usage.total };
    const drafts = { type: 'Unfinished', total: 0, active: 0, size: usage.drafts, reclaimable: usage.drafts };
    const rows: Row[] = [images, drafts];
    terminal.stdout.write(
      await listText(rows, {
        format: flags.format,
        fields,
        columns: ['Type', 'TotalCount', 'Active', 'Size', 'Reclaimable'],
        type: '*formatter.diskUsageContext',
      }),
    );
  },
});

const fields = {
  Active: { title: 'ACTIVE', value: ({ active }: Row) => String(active) },
  Reclaimable: {
    title: 'RECLAIMABLE',
    value: ({ size, reclaimable }: Row) =>
      size > 0 ? `${humanSize(reclaimable)} (${Math.floor((reclaimable * 100) / size)}%)` : humanSize(reclaimable),
  },
  Size: { title: 'SIZE', value: ({ size }: Row) => humanSize(size) },
  TotalCount: { title: 'TOTAL', value: ({ total }: Row) => String(total) },
  Type: { title: 'TYPE', value: ({ type }: Row) => type },
} satisfies Record<string, Field<Row>>;
