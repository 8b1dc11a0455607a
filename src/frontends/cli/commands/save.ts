/** `bay save` and `bay image save`. */

import { resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { ImageError } from '../../../errors.ts';
import { writeStreamAtomic } from '../../../io/atomic-file.ts';
import { parsePlatform } from '../../../model/platform.ts';
import { save as saveImages } from '../../../operations/save.ts';
import { completeImages } from '../complete-images.ts';
import { command } from '../grammar.ts';
import { openStore } from '../host.ts';

export const save = command({
  description:
    'Save one or more images to a tar archive, to standard output by default. The archive is an OCI layout and a docker archive at once; the digests in it are those of the store.',
  operands: { usage: 'IMAGE [IMAGE...]', min: 1 },
  flags: {
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
    ['Packed on the way', 'bay save debian:12 | zstd > debian.tar.zst'],
  ],
  complete: completeImages,
  async run(invocation) {
    const { flags, operands, terminal } = invocation;
    const { signal } = terminal;
    const file = flags.output === undefined || flags.output === '-' ? undefined : resolve(terminal.cwd, flags.output);
    if (file === undefined && terminal.isTTY.stdout)
      throw new ImageError('invalid-argument', 'cowardly refusing to save to a terminal. Use the -o flag or redirect', {
        detail: { plain: true },
      });
    if (flags.json && file === undefined) throw new ImageError('invalid-argument', '--json needs --output: standard output is the archive');
    await using store = await openStore(invocation);
    const archive = await saveImages({ store }, operands, {
      signal,
      platform: flags.platform === undefined ? undefined : parsePlatform(flags.platform),
    });
    if (file === undefined) await pipeline(archive, terminal.stdout, { signal, end: false });
    else {
      const size = await writeStreamAtomic(file, archive, signal);
      if (flags.json) terminal.stdout.write(`${JSON.stringify({ file, size })}\n`);
    }
  },
});
