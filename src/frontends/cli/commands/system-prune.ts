/** `bay system prune`. */

import { ImageError } from '../../../errors.ts';
import { pruneContainers } from '../../../operations/prune-containers.ts';
import { pruneNetworks } from '../../../operations/prune-networks.ts';
import { pruneVolumes } from '../../../operations/prune-volumes.ts';
import { prune as pruneImages } from '../../../operations/prune.ts';
import { confirm } from '../ask.ts';
import { command } from '../grammar.ts';
import { openContainers } from '../host.ts';
import { prunedImagesText, prunedText, reclaimedText } from '../pruned-text.ts';

export const systemPrune = command({
  description:
    'Remove unused data: all stopped containers, and then all dangling images, with --all every image that no container needs, with --volumes anonymous volumes too.',
  operands: { usage: '', min: 0, max: 0 },
  flags: {
    all: { type: 'bool', short: 'a', help: 'Remove all unused images not just dangling ones' },
    'dry-run': {
      type: 'bool',
      help: 'Show what would be removed, and remove nothing. What\nonly these containers need is not counted',
    },
    filter: { type: 'filter', value: 'filter', help: 'Provide filter values (e.g. "label=<key>=<value>")' },
    force: { type: 'bool', short: 'f', help: 'Do not prompt for confirmation' },
    volumes: { type: 'bool', help: 'Prune anonymous volumes' },
  },
  examples: [['All that nothing needs, older than a day', 'bay system prune --all --force --filter until=24h']],
  async run(invocation) {
    const { flags, terminal } = invocation;
    const { dryRun } = flags;
    const filters = flags.filter.map(({ name, value }) => ({ key: name, value }));
    if (flags.volumes && filters.some(({ key }) => key === 'until'))
      throw new ImageError('invalid-argument', 'ERROR: The "until" filter is not supported with "--volumes"', { detail: { plain: true } });
    if (!flags.force && !dryRun && !(await confirm(terminal, question(flags, filters)))) return;
    await using host = await openContainers(invocation);
    const { signal } = terminal;
    const containers = await pruneContainers(host, { filters, dryRun, signal });
    terminal.print(prunedText('Containers', containers.ContainersDeleted, dryRun));
    if (!dryRun) await pruneNetworks(host, { filters });
    const volumes = flags.volumes ? await pruneVolumes(host, { filters, dryRun, signal }) : undefined;
    terminal.print(prunedText('Volumes', volumes?.VolumesDeleted ?? null, dryRun));
    const { images, bytes } = await pruneImages(host, { all: flags.all, filters, dryRun, signal });
    terminal.print(prunedImagesText(images, dryRun));
    terminal.print(reclaimedText(containers.SpaceReclaimed + (volumes?.SpaceReclaimed ?? 0) + bytes, dryRun));
  },
});

function question(
  { all, volumes }: { readonly all: boolean; readonly volumes: boolean },
  filters: readonly { readonly key: string; readonly value: string }[],
): string {
  const kinds = [
    'all stopped containers',
    ...(volumes ? ['all anonymous volumes not used by at least one container'] : []),
    all ? 'all images without at least one container associated to them' : 'all dangling images',
  ];
  const filtered = filters.map(({ key, value }) => `  - ${key}=${value}\n`).join('');
  return [
    'WARNING! This will remove:\n',
    ...kinds.map((kind) => `  - ${kind}\n`),
    filtered === '' ? '' : `\n  Items to be pruned will be filtered with:\n${filtered}`,
    '\nAre you sure you want to continue? [y/N] ',
  ].join('');
}
