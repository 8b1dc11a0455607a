/** `bay container prune`. */

import { pruneContainers } from '../../../operations/prune-containers.ts';
import { confirm } from '../ask.ts';
import { command } from '../grammar.ts';
import { openContainers } from '../host.ts';
import { prunedText, reclaimedText } from '../pruned-text.ts';

const warning = 'WARNING! This will remove all stopped containers.\nAre you sure you want to continue? [y/N] ';

export const containerPrune = command({
  description: 'Remove all stopped containers, those that were never started among them.',
  operands: { usage: '', min: 0, max: 0 },
  flags: {
    'dry-run': { type: 'bool', help: 'Show what would be removed, and remove nothing' },
    filter: { type: 'filter', value: 'filter', help: 'Provide filter values (e.g. "until=<timestamp>")' },
    force: { type: 'bool', short: 'f', help: 'Do not prompt for confirmation' },
  },
  examples: [['Older than a day', 'bay container prune --force --filter until=24h']],
  async run(invocation) {
    const { flags, terminal } = invocation;
    if (!flags.force && !flags.dryRun && !(await confirm(terminal, warning))) return;
    await using host = await openContainers(invocation);
    const { ContainersDeleted, SpaceReclaimed } = await pruneContainers(host, {
      filters: flags.filter.map(({ name, value }) => ({ key: name, value })),
      dryRun: flags.dryRun,
      signal: terminal.signal,
    });
    terminal.print(`${prunedText('Containers', ContainersDeleted, flags.dryRun)}${reclaimedText(SpaceReclaimed, flags.dryRun)}`);
  },
});
