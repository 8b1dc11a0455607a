/** `bay rmi` and `bay image rm`. */

import { isImageError } from '../../../errors.ts';
import { familiar } from '../../../model/reference.ts';
import { remove } from '../../../operations/remove.ts';
import { completeImages } from '../complete-images.ts';
import { command } from '../grammar.ts';
import { platformFlag } from '../platform-flag.ts';
import { openStore } from '../host.ts';
import { humanSize } from '../units.ts';

export const rmi = command({
  description: 'Remove one or more images. An image goes with its last name, unless something depends on it.',
  operands: { usage: 'IMAGE [IMAGE...]', min: 1 },
  flags: {
    force: { type: 'bool', short: 'f', help: 'Force removal of the image' },
    'no-prune': { type: 'bool', help: 'Do not delete untagged parents' },
    platform: {
      type: 'csv',
      value: 'strings',
      help: 'Remove only the given platform variant.\nFormatted as "os[/arch[/variant]]" (e.g.,\n"linux/amd64")',
    },
    tree: { type: 'bool', help: 'Remove also what was made from it' },
    'with-containers': { type: 'bool', help: 'Remove also the containers that stand on what\ngoes (running ones with --force only)' },
    'dry-run': { type: 'bool', help: 'Show what would be removed, and remove nothing' },
    json: { type: 'bool', help: 'Print one JSON document for each image' },
  },
  examples: [
    ['By name', 'bay rmi debian:12'],
    ['What would go, and what the disk would get back', 'bay rmi --dry-run debian:12'],
    ['With all that stands on it', 'bay rmi --tree --with-containers debian:12'],
  ],
  complete: completeImages,
  async run(invocation) {
    const { flags, operands, terminal, report } = invocation;
    await using store = await openStore(invocation);
    const platforms = flags.platform.flatMap((text) => platformFlag(text, '') ?? []);
    let failed = false;
    for (const name of operands) {
      try {
        const removed = await remove({ store }, name, {
          force: flags.force,
          tree: flags.tree,
          withContainers: flags.withContainers,
          noPrune: flags.noPrune,
          dryRun: flags.dryRun,
          platforms,
          signal: terminal.signal,
        });
        if (flags.json)
          terminal.print(`${JSON.stringify({ ...removed, untagged: removed.untagged.map(familiar), dryRun: flags.dryRun })}\n`);
        else {
          const done = (word: string): string => (flags.dryRun ? `Would be ${word.toLowerCase()}` : word);
          for (const container of removed.containers) terminal.print(`${done('Removed')}: container ${container.name}\n`);
          for (const reference of removed.untagged) terminal.print(`${done('Untagged')}: ${familiar(reference)}\n`);
          for (const digest of removed.deleted) terminal.print(`${done('Deleted')}: ${digest}\n`);
          if (flags.dryRun) terminal.print(`Space that would be reclaimed: ${humanSize(removed.bytes, 4)}\n`);
        }
      } catch (error) {
        // The rest is not removed after a Ctrl-C.
        if (terminal.signal.aborted) throw error;
        // With --force an image that is not there is said, and as good as removed, as in docker's.
        report(error);
        failed ||= !(flags.force && isImageError(error, 'not-found'));
      }
    }
    return failed ? 1 : 0;
  },
});
