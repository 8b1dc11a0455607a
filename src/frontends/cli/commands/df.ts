/** `bay system df`. */

import { shortId } from '../../../model/digest.ts';
import { familiarName } from '../../../model/reference.ts';
import { createdAt } from '../../../operations/image-filter.ts';
import type { Host } from '../../../operations/host.ts';
import { list } from '../../../operations/list.ts';
import { listContainers } from '../../../operations/list-containers.ts';
import { listVolumes } from '../../../operations/list-volumes.ts';
import { prune } from '../../../operations/prune.ts';
import type { Usage } from '../../../store/usage.ts';
import { command } from '../grammar.ts';
import { openContainers } from '../host.ts';
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
  description: 'Show what takes space in the store: images (packed, and layers of them that are laid out), containers, volumes.',
  operands: { usage: '', min: 0, max: 0 },
  flags: {
    format: tableFormat,
    json: { type: 'bool', help: 'Print one JSON document' },
    verbose: { type: 'bool', short: 'v', help: 'Show detailed information on space usage' },
  },
  examples: [['Image by image', 'bay system df -v']],
  async run(invocation) {
    const { flags, terminal } = invocation;
    await using host = await openContainers(invocation);
    const { store } = host;
    const usage = await store.usage();
    if (flags.json) {
      terminal.print(`${JSON.stringify(usage)}\n`);
      return;
    }
    if (flags.verbose) {
      const records = await list(host);
      const sizes = new Map(usage.images.map((image) => [image.target, image]));
      const rows = records.flatMap((image) => {
        const { size = 0, shared = 0, unique = 0 } = sizes.get(image.target.digest) ?? {};
        const created = createdAt(image) === 0 ? 'N/A' : timeSince(new Date(createdAt(image)), terminal.now());
        const names =
          image.names.length > 0
            ? image.names.map(({ reference }) => [familiarName(reference), reference.tag ?? '<none>'])
            : [['<none>', '<none>']];
        return names.map((name) => [
          ...name,
          shortId(image.target.digest),
          created,
          humanSize(size),
          humanSize(shared, 4),
          humanSize(unique, 4),
        ]);
      });
      const header = ['REPOSITORY', 'TAG', 'IMAGE ID', 'CREATED', 'SIZE', 'SHARED SIZE', 'UNIQUE SIZE'];
      terminal.print(`Images space usage:\n\n${await table(header, rows)}`);
      terminal.print(
        `\nUnfinished downloads and uploads: ${humanSize(usage.drafts, 4)}\nContent that nothing needs: ${humanSize(usage.unheld, 4)}\n`,
      );
      return;
    }
    terminal.print(
      await listText(await rowsOf(host, usage, terminal.signal), {
        format: flags.format,
        fields,
        columns: ['Type', 'TotalCount', 'Active', 'Size', 'Reclaimable'],
        type: '*formatter.diskUsageContext',
        raw: 'type: {{.Type}}\ntotal: {{.TotalCount}}\nactive: {{.Active}}\nsize: {{.Size}}\nreclaimable: {{.Reclaimable}}\n',
      }),
    );
  },
});

type DiskHost = Pick<Host, 'store' | 'containers' | 'now'>;

/** Docker's rows, with what can be had back as the prunes would. */
async function rowsOf(host: DiskHost, usage: Usage, signal: AbortSignal): Promise<readonly Row[]> {
  const containers = await listContainers(host, { all: true, size: true, signal });
  const volumes = await listVolumes(host, { usage: true });
  const used = new Set((await host.store.containers()).map(({ target }) => target.digest));
  const sum = (sizes: readonly number[]): number => sizes.reduce((total, size) => total + size, 0);
  const changes = ({ SizeRw = 0 }: { readonly SizeRw?: number }): number => SizeRw;
  const idle = containers.filter(({ State }) => !['running', 'paused', 'restarting'].includes(State));
  const volumeSize = ({ UsageData }: { readonly UsageData?: { readonly Size: number } }): number => UsageData?.Size ?? 0;
  const unused = volumes.filter(({ UsageData }) => !UsageData?.RefCount);
  const freed = await prune(host, { all: true, dryRun: true, signal });
  return [
    {
      type: 'Images',
      total: usage.images.length,
      active: usage.images.filter(({ target }) => used.has(target)).length,
      size: usage.total + usage.trees,
      reclaimable: freed.bytes - freed.strays,
    },
    {
      type: 'Containers',
      total: containers.length,
      active: containers.length - idle.length,
      size: sum(containers.map(changes)),
      reclaimable: sum(idle.map(changes)),
    },
    {
      type: 'Local Volumes',
      total: volumes.length,
      active: volumes.length - unused.length,
      size: sum(volumes.map(volumeSize)),
      reclaimable: sum(unused.map(volumeSize)),
    },
    { type: 'Unfinished', total: 0, active: 0, size: usage.drafts, reclaimable: Math.min(usage.drafts, freed.strays) },
  ];
}

const fields = {
  Active: { title: 'ACTIVE', value: ({ active }: Row) => String(active) },
  Reclaimable: {
    title: 'RECLAIMABLE',
    value: ({ size, reclaimable }: Row) =>
      size > 0 ? `${humanSize(reclaimable, 4)} (${Math.floor((reclaimable * 100) / size)}%)` : humanSize(reclaimable, 4),
  },
  Size: { title: 'SIZE', value: ({ size }: Row) => humanSize(size, 4) },
  TotalCount: { title: 'TOTAL', value: ({ total }: Row) => String(total) },
  Type: { title: 'TYPE', value: ({ type }: Row) => type },
} satisfies Record<string, Field<Row>>;
