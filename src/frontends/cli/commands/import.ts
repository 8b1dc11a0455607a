/** `bay import` and `bay image import`. */

import { open } from 'node:fs/promises';
import { resolve } from 'node:path';
import { asImageError, ImageError } from '../../../errors.ts';
import { familiar, parseReference, withDefaultTag } from '../../../model/reference.ts';
import { importImage } from '../../../operations/import-image.ts';
import { command } from '../grammar.ts';
import { openStore } from '../host.ts';
import type { Terminal } from '../terminal.ts';
import { platformFlag } from '../platform-flag.ts';

export const importCommand = command({
  description: 'Make an image of one layer from the tar of a root file system: a file, a URL, or - for standard input.',
  operands: { usage: 'file|URL|- [REPOSITORY[:TAG]]', min: 1, max: 2 },
  flags: {
    change: { type: 'list', short: 'c', value: 'list', help: 'Apply Dockerfile instruction to the created image' },
    json: { type: 'bool', help: 'Print one JSON document' },
    message: { type: 'string', short: 'm', value: 'string', help: 'Set commit message for imported image' },
    platform: { type: 'string', value: 'string', help: 'Set platform if server is multi-platform capable' },
  },
  examples: [['A Debian from its packages', `mmdebstrap --variant=minbase bookworm - | bay import -c 'CMD ["bash"]' - debian:12`]],
  async run(invocation) {
    const { flags, operands, terminal } = invocation;
    const [source, name] = operands;
    const reference = name === undefined ? undefined : withDefaultTag(parseReference(name));
    const platform = platformFlag(flags.platform);
    const tar = await openTar(source, terminal);
    await using store = await openStore(invocation);
    const root = await importImage({ store, now: () => terminal.now() }, tar, {
      reference,
      message: flags.message,
      changes: flags.change,
      platform,
      signal: terminal.signal,
    });
    terminal.print(
      flags.json ? `${JSON.stringify({ id: root.digest, names: reference ? [familiar(reference)] : [] })}\n` : `${root.digest}\n`,
    );
  },
});

/** Opened before anything else happens: a stream that fails before it is read would end the process. */
async function openFile(path: string): Promise<AsyncIterable<Uint8Array>> {
  try {
    const handle = await open(path);
    if ((await handle.stat()).isDirectory()) {
      await handle.close();
      throw new ImageError('invalid-argument', `${path} is a folder, not a tar`, {
        hint: `Pack it: tar -C ${path} -c . | bay import - NAME.`,
      });
    }
    return handle.createReadStream({ highWaterMark: 1 << 20 });
  } catch (error) {
    throw asImageError(error, `cannot open ${path}`);
  }
}

async function openTar(source: string, { stdin, cwd, signal }: Terminal): Promise<AsyncIterable<Uint8Array>> {
  if (source === '-') return stdin;
  if (!/^https?:\/\//.test(source)) return await openFile(resolve(cwd, source));
  const { fetchTar } = await import('../../../operations/fetch-tar.ts');
  return await fetchTar(source, { signal });
}
