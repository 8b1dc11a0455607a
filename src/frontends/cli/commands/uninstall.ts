/** `bay uninstall`. */

import { familiar } from '../../../model/reference.ts';
import { completeImages } from '../complete-images.ts';
import { command } from '../grammar.ts';
import { openStore } from '../host.ts';
import { humanSize } from '../units.ts';

export const uninstall = command({
  description: 'Remove one or more base OS images, with all their names, unless something depends on them.',
  operands: { usage: 'IMAGE [IMAGE...]', min: 1 },
  flags: {
    'dry-run': { type: 'bool', help: 'Show what would be removed, and remove nothing' },
    json: { type: 'bool', help: 'Print one JSON document for each image' },
  },
  examples: [
    ['By name, where there is one version of it', 'bay uninstall NanoServer'],
    ['One of several', 'bay uninstall NanoServer:10.0.10586.0'],
  ],
  complete: completeImages,
  async run(invocation) {
    const { flags, operands, terminal, report } = invocation;
    const { uninstallBaseImage } = await import('../../../operations/uninstall-base.ts');
    await using store = await openStore(invocation);
    let failed = false;
    for (const name of operands)
      try {
        const { untagged, deleted, bytes } = await uninstallBaseImage({ store }, name, { dryRun: flags.dryRun, signal: terminal.signal });
        if (flags.json) {
          const names = untagged.map(familiar);
          terminal.print(`${JSON.stringify({ untagged: names, deleted, bytes, dryRun: flags.dryRun })}\n`);
          continue;
        }
        const done = (word: string): string => (flags.dryRun ? `Would be ${word.toLowerCase()}` : word);
        for (const reference of untagged) terminal.print(`${done('Untagged')}: ${familiar(reference)}\n`);
        for (const digest of deleted) terminal.print(`${done('Deleted')}: ${digest}\n`);
        if (flags.dryRun) terminal.print(`Space that would be reclaimed: ${humanSize(bytes, 4)}\n`);
      } catch (error) {
        if (terminal.signal.aborted) throw error;
        report(error);
        failed = true;
      }
    return failed ? 1 : 0;
  },
});
