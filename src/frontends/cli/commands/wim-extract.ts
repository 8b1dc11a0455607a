/** `bay wim extract`. */

import { typedPath } from '../../../io/path-rules.ts';
import { setFlagsFromString } from 'node:v8';
import { extractWim, type ExtractedWim } from '../../../operations/extract-wim.ts';
import { command } from '../grammar.ts';
import { humanSize } from '../units.ts';
import { chosenIndex, indexFlag, openWim, warnLeftOut, WimProgress, wimFileFlags } from './wim-files.ts';

/** Metadata of some 100,000 names. Bytes. */
const manyNames = 2 ** 24;

export const wimExtract = command({
  description:
    'Write the files of an image in a WIM file to a folder that is empty or not there yet: with links and times, and with owners and modes where the image has them and you may give them. What the folder cannot hold is named.',
  operands: { usage: 'FILE FOLDER', min: 2, max: 2 },
  flags: {
    index: indexFlag,
    json: { type: 'bool', help: 'Print one JSON document' },
    ...wimFileFlags,
    path: { type: 'string', value: 'string', help: 'Only what is at this path in the image' },
  },
  examples: [
    ['All of it', 'bay wim extract base.wim ./base'],
    ['One folder of the second image', 'bay wim extract -i 2 --path Windows/System32/config install.wim ./config'],
  ],
  async run({ flags, operands: [file, folder], terminal }) {
    await using wim = await openWim(file, flags, terminal);
    const index = chosenIndex(wim, flags.index);
    // What a start with `wim extract` bounds, for the sake of many names, V8 may have for few: it is faster so (src/main/start.ts).
    // Of many, tens of thousands are under way until workers have answered, and then garbage of V8's old kind: it is collected at twice what is in use, not at four times.
    setFlagsFromString(wim.metadataBytes < manyNames ? '--semi-space-growth-factor=2' : '--heap-growing-percent=100');
    const extracted = await extract(new WimProgress(terminal, 'Extracting'));
    if (flags.json) {
      terminal.print(`${JSON.stringify(extracted)}\n`);
      return;
    }
    warnLeftOut(terminal, extracted.leftOut);
    const { folders, files, links, bytes } = extracted;
    terminal.print(
      `${folder}: ${counted(files, 'file')} in ${counted(folders, 'folder')}, ${counted(links, 'link')}, ${humanSize(bytes)}\n`,
    );

    async function extract(progress: WimProgress): Promise<ExtractedWim> {
      using shown = progress;
      return await extractWim(wim, index, typedPath(terminal.cwd, folder), {
        path: flags.path,
        signal: terminal.signal,
        onProgress: shown.show,
      });
    }
  },
});

function counted(count: number, thing: string): string {
  return `${count} ${thing}${count === 1 ? '' : 's'}`;
}
