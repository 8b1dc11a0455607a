/**
 * Writes tar archives: ustar, with a PAX header where ustar cannot say it (long or non-ASCII names, sizes from 8 GiB, times before 1970
 * or with a part of a second, large owners, and all records asked for). The same entries give the same bytes, on every system.
 */

import { Readable } from 'node:stream';
import { ImageError } from '../../errors.ts';
import { endOnAbort } from '../../io/end-on-abort.ts';
import { blockSize } from './block.ts';
import type { TarHeader } from './entry.ts';
import { formatHeader } from './format-header.ts';

/** An entry to be written. A member of `readTar` is one. */
export interface NewTarMember {
  readonly entry: TarHeader;
  /** Exactly `entry.size` bytes; bytes given whole need no size. Read when its turn comes. */
  readonly body?: AsyncIterable<Uint8Array> | Iterable<Uint8Array> | Uint8Array | string | undefined;
}

export interface WriteTarOptions {
  readonly signal?: AbortSignal | undefined;
}

/** Small pieces are joined up to this many bytes. */
const joined = 256 << 10;
const zeroBlock = new Uint8Array(blockSize);

/**
 * A tar archive of these members, ended by two zero blocks. Bodies are streamed: large chunks pass through as they come.
 *
 * The stream fails with `size-mismatch` if a body is not as long as said, `invalid-argument` for an entry that no tar can hold
 * (no name, a NUL in one, a body on a folder or link, a negative size), and with the bodies' own errors.
 */
export function writeTar(members: AsyncIterable<NewTarMember> | Iterable<NewTarMember>, options: WriteTarOptions = {}): Readable {
  return endOnAbort(Readable.from(tarChunks(members), { objectMode: false, highWaterMark: joined }), options.signal);
}

async function* tarChunks(members: AsyncIterable<NewTarMember> | Iterable<NewTarMember>): AsyncGenerator<Uint8Array, void, undefined> {
  let waiting: Uint8Array[] = [];
  let length = 0;
  const flush = () => {
    const chunk = waiting.length === 1 ? waiting[0]! : Buffer.concat(waiting, length);
    waiting = [];
    length = 0;
    return chunk;
  };

  for await (const { entry, body } of members) {
    const bytes = typeof body === 'string' ? Buffer.from(body) : body;
    const isWhole = bytes instanceof Uint8Array;
    const size = entry.size ?? (isWhole ? bytes.length : 0);
    waiting.push(formatHeader(entry, size));
    length += waiting.at(-1)!.length;
    let written = 0;
    if (isWhole && bytes.length < joined && bytes.length <= size) {
      // without a loop: most files of most trees are small
      written = bytes.length;
      waiting.push(bytes);
      length += written;
    } else if (bytes !== undefined) {
      for await (const chunk of isWhole ? [bytes] : bytes) {
        written += chunk.length;
        if (written > size) break;
        if (chunk.length >= joined && length > 0) yield flush();
        waiting.push(chunk);
        length += chunk.length;
        if (length >= joined) yield flush();
      }
    }
    if (written !== size) {
      const sizes = written > size ? `more than the ${size} bytes` : `only ${written} of the ${size} bytes`;
      throw new ImageError('size-mismatch', `the body of ${JSON.stringify(entry.path)} has ${sizes} that its tar entry was to have`);
    }
    if (size % blockSize !== 0) {
      waiting.push(zeroBlock.subarray(size % blockSize));
      length += waiting.at(-1)!.length;
    }
    if (length >= joined) yield flush();
  }
  waiting.push(new Uint8Array(2 * blockSize));
  length += 2 * blockSize;
  yield flush();
}
