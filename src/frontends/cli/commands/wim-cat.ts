/** `bay wim cat`. */

import { pipeline } from 'node:stream/promises';
import { ImageError } from '../../../errors.ts';
import type { WimBlob } from '../../../formats/wim/wim-entry.ts';
import type { WimNode } from '../../../formats/wim/wim-tree.ts';
import type { Wim } from '../../../formats/wim/wim.ts';
import { command } from '../grammar.ts';
import { chosenIndex, findInImage, indexFlag, openWim, wimFileFlags } from './wim-files.ts';

export const wimCat = command({
  description: 'Write the content of files of an image in a WIM file to standard output.',
  operands: { usage: 'FILE PATH [PATH...]', min: 2 },
  flags: {
    index: indexFlag,
    ...wimFileFlags,
    stream: { type: 'string', value: 'string', help: 'A named stream of the file, in place of its content' },
  },
  examples: [['Of a base image', 'bay wim cat base.wim Windows/System32/drivers/etc/hosts']],
  async run({ flags, operands: [file, ...paths], terminal }) {
    await using wim = await openWim(file as string, flags, terminal);
    const index = chosenIndex(wim, flags.index);
    const tree = await wim.tree(index, terminal);
    const blobs = paths.map((path) => blobOf(wim, path, findInImage(wim, index, tree, path), flags.stream));
    await pipeline(bodies(wim, blobs, terminal.signal), terminal.stdout, { signal: terminal.signal, end: false });
  },
});

async function* bodies(wim: Wim, blobs: readonly WimBlob[], signal: AbortSignal): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const { body } of wim.read(blobs, { signal })) yield* body;
}

function blobOf(wim: Wim, path: string, node: WimNode, stream: string | undefined): WimBlob {
  const blob = stream === undefined ? node.data : node.streams.find(({ name }) => name === stream)?.data;
  if (blob) return blob;
  if (stream === undefined) throw new ImageError('invalid-argument', `${wim.path}: ${JSON.stringify(path)} is a folder`);
  const names = node.streams.map(({ name }) => JSON.stringify(name));
  throw new ImageError('not-found', `${wim.path}: ${JSON.stringify(path)} has no stream ${JSON.stringify(stream)}`, {
    hint: names.length === 0 ? 'It has none.' : `It has ${names.slice(0, 20).join(', ')}.`,
  });
}
