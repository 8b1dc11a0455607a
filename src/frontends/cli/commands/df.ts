/** `bay system df`. */

import type { Host } from '../../../operations/host.ts';
import { listContainers } from '../../../operations/list-containers.ts';
import { listVolumes } from '../../../operations/list-volumes.ts';
import { prune } from '../../../operations/prune.ts';
import type { Usage } from '../../../store/usage.ts';
import { command } from '../grammar.ts';
import { openContainers } from '../host.ts';
import { listText, type Field } from '../list.ts';
import { humanSize } from '../units.ts';
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
  examples: [
    ['Image by image, container by container, volume by volume', 'bay system df -v'],
    ['For a script', "bay system df -v --format '{{range .Images}}{{.ID}} {{.UniqueSize}} {{end}}'"],
  ],
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
      const { verboseUsage } = await import('../verbose-usage.ts');
      terminal.print(await verboseUsage(host, usage, { format: flags.format, signal: terminal.signal }));
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
  // Where nothing can be written nothing can be had back.
  const freed = host.store.readOnly ? { bytes: 0, strays: 0 } : await prune(host, { all: true, dryRun: true, signal });
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
