/** `bay image prune`. */

import { familiar } from '../../../model/reference.ts';
import { prune as pruneImages } from '../../../operations/prune.ts';
import { confirm } from '../ask.ts';
import { command } from '../grammar.ts';
import { openStore } from '../host.ts';
import { prunedImagesText, reclaimedText } from '../pruned-text.ts';

const warnings = {
  dangling: 'WARNING! This will remove all dangling images.\nAre you sure you want to continue? [y/N] ',
  all: 'WARNING! This will remove all images without at least one container associated to them.\nAre you sure you want to continue? [y/N] ',
};

export const prune = command({
  description: 'Remove unused images: those that no name points at, or with --all those that nothing needs.',
  operands: { usage: '', min: 0, max: 0 },
  flags: {
    all: { type: 'bool', short: 'a', help: 'Remove all unused images, not just dangling ones' },
    'dry-run': { type: 'bool', help: 'Show what would be removed, and remove nothing' },
    filter: { type: 'filter', value: 'filter', help: 'Provide filter values (e.g. "until=<timestamp>")' },
    force: { type: 'bool', short: 'f', help: 'Do not prompt for confirmation' },
    json: { type: 'bool', help: 'Print one JSON document' },
  },
  examples: [
    ['What would go', 'bay image prune --all --dry-run'],
    ['Older than ten days', 'bay image prune --all --force --filter until=240h'],
  ],
  async run(invocation) {
    const { flags, terminal } = invocation;
    if (!flags.force && !flags.dryRun) {
      // Docker's: a no is no failure.
      if (!(await confirm(terminal, flags.all ? warnings.all : warnings.dangling))) return 0;
    }
    await using store = await openStore(invocation);
    const filters = flags.filter.map(({ name, value }) => ({ key: name, value }));
    const { images, bytes } = await pruneImages(
      { store, now: () => terminal.now() },
      { all: flags.all, filters, dryRun: flags.dryRun, signal: terminal.signal },
    );
    if (flags.json) {
      terminal.print(
        `${JSON.stringify({ dryRun: flags.dryRun, images: images.map(({ untagged, deleted }) => ({ untagged: untagged.map(familiar), deleted })), bytes })}\n`,
      );
      return;
    }
    terminal.print(`${prunedImagesText(images, flags.dryRun)}${reclaimedText(bytes, flags.dryRun)}`);
    return 0;
  },
});
