/** `bay save` and `bay image save`. */

import { pipeline } from 'node:stream/promises';
import { writtenCompressions } from '../../../formats/wim/new-wim.ts';
import { ImageError } from '../../../errors.ts';
import { writeStreamAtomic } from '../../../io/atomic-file.ts';
import { save as saveImages } from '../../../operations/save.ts';
import { completeImages } from '../complete-images.ts';
import { command } from '../grammar.ts';
import { openStore } from '../host.ts';
import { usageError } from '../usage.ts';
import { outputFile } from '../output-file.ts';
import { platformFlag } from '../platform-flag.ts';

const formats = ['archive', 'wim'] as const;

export const save = command({
  description:
    'Save one or more images to a tar archive, to standard output by default. The archive is an OCI layout and a docker archive at once; the digests in it are those of the store. One image can also go into a .wim file: what all its layers show together, for DISM, wimlib, 7-Zip and `bay install`.',
  operands: { usage: 'IMAGE [IMAGE...]', min: 1 },
  flags: {
    'accept-losses': { type: 'bool', help: 'Save though a .wim file cannot hold all that is in the image' },
    compression: {
      type: 'string',
      value: 'string',
      values: writtenCompressions,
      help: 'Of a .wim file: "lzx" (default), "xpress" (faster) or "none"',
    },
    format: {
      type: 'string',
      value: 'string',
      values: formats,
      help: 'What to write: "archive" or "wim" (default: by the name of the file)',
    },
    json: { type: 'bool', help: 'Print one JSON document about the file' },
    output: { type: 'string', short: 'o', value: 'string', help: 'Write to a file, instead of STDOUT' },
    platform: {
      type: 'string',
      value: 'string',
      help: 'Save only the given platform variant. Formatted\nas "os[/arch[/variant]]" (e.g., "linux/amd64")',
    },
  },
  examples: [
    ['Two images in one file', 'bay save -o images.tar debian:12 me/app'],
    ['A base image as Windows has it', 'bay save -o nanoserver.wim nanoserver:10.0.14393.0'],
    ['Packed on the way', 'bay save debian:12 | zstd > debian.tar.zst'],
  ],
  complete: completeImages,
  async run(invocation) {
    const { flags, operands, terminal } = invocation;
    const { signal } = terminal;
    const { output } = flags;
    const file =
      output === undefined || output === '' || output === '-' ? undefined : await outputFile(output, terminal.cwd, 'failed to save image');
    if (file === undefined && terminal.isTTY.stdout && flags.format !== 'wim')
      throw new ImageError('invalid-argument', 'cowardly refusing to save to a terminal. Use the -o flag or redirect', {
        detail: { plain: true },
      });
    if (flags.json && file === undefined) throw new ImageError('invalid-argument', '--json needs --output: standard output is the archive');
    const format = flags.format ?? (file !== undefined && /\.wim$/i.test(file) ? 'wim' : 'archive');
    if (!formats.some((known) => known === format)) throw usageError(`unknown format ${JSON.stringify(format)}: ${formats.join(' or ')}`);
    if (format === 'wim') {
      const { saveAsWim } = await import('../save-as-wim.ts');
      const { compression, platform, acceptLosses: accept, json } = flags;
      return await saveAsWim(terminal, { names: operands, file, compression, platform, accept, json });
    }
    const forWim = flags.compression !== undefined ? '--compression' : flags.acceptLosses ? '--accept-losses' : undefined;
    if (forWim !== undefined) throw new ImageError('invalid-argument', `${forWim} is for .wim files`);
    await using store = await openStore(invocation);
    const archive = await saveImages({ store }, operands, {
      signal,
      platform: platformFlag(flags.platform, 'invalid platform: '),
    });
    // Where the output fails the archive is not closed yet, and the store must stay open until what it holds there is given back.
    const closed = new Promise((resolve) => archive.once('close', resolve));
    try {
      if (file === undefined) await pipeline(archive, terminal.stdout, { signal, end: false });
      else {
        const size = await writeStreamAtomic(file, archive, signal);
        if (flags.json) terminal.print(`${JSON.stringify({ file, size })}\n`);
      }
    } finally {
      archive.destroy();
      await closed;
    }
  },
});
