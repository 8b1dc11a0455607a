/** `bay wim verify`. */

import { verifyWim } from '../../../formats/wim/verify-wim.ts';
import { command } from '../grammar.ts';
import { humanSize } from '../units.ts';
import { openWim, WimProgress, wimFileFlags } from './wim-files.ts';

export const wimVerify = command({
  description:
    'Read all of a WIM file and compare it with its hashes: the integrity table where it has one, the metadata of each image, and all content.',
  operands: { usage: 'FILE', min: 1, max: 1 },
  flags: { json: { type: 'bool', help: 'Print one JSON document' }, ...wimFileFlags },
  examples: [['Before it is installed', 'bay wim verify NanoServer.wim']],
  async run({ flags, operands, terminal }) {
    await using wim = await openWim(operands[0], flags, terminal);
    const progress = new WimProgress(terminal, 'Verifying');
    const result = await verify();
    if (flags.json) terminal.print(`${JSON.stringify({ file: wim.path, ...result })}\n`);
    else {
      const images = `${result.images} ${result.images === 1 ? 'image' : 'images'}`;
      terminal.print(
        `${operands[0]}: ${images}, ${result.entries} files and folders, ${result.blobs} blobs of ${humanSize(result.bytes)}: all right${result.integrity === 'verified' ? ', and the integrity table too' : ''}\n`,
      );
    }

    async function verify() {
      using shown = progress;
      return await verifyWim(wim, { signal: terminal.signal, onProgress: shown.show });
    }
  },
});
