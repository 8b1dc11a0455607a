/**
 * Writes tar archives: ustar, with a PAX header where ustar cannot say it (long or non-ASCII names, sizes from 8 GiB, times before 1970
 * or with a part of a second, large owners, and all records asked for). The same entries give the same bytes, on every system.
 */

import { Readable } from 'node:stream';
import { ImageError } from '../../errors.ts';
import type { ChunkPool } from '../../io/chunk-pool.ts';
import { endOnAbort } from '../../io/end-on-abort.ts';
import { blockSize } from './block.ts';
import type { TarHeader } from './entry.ts';
import { formatHeader } from './format-header.ts';
import { putPlainHeader } from './plain-header.ts';

/** An entry to be written. A member of `readTar` is one. */
export interface NewTarMember {
  readonly entry: TarHeader;
  /** Exactly `entry.size` bytes; bytes given whole need no size. Read when its turn comes; what is shorter than `tarChunkSize` is needed only until the next member is. */
  readonly body?: AsyncIterable<Uint8Array> | Iterable<Uint8Array> | Uint8Array | string | undefined;
}

export interface WriteTarOptions {
  readonly signal?: AbortSignal | undefined;
  /** Where the tar's chunks come from, of `tarChunkSize`; whoever reads it gives them back. Default: each is a new one. */
  readonly pool?: ChunkPool | undefined;
}

/** Small pieces are joined up to this many bytes. */
export const tarChunkSize = 256 << 10;
const joined = tarChunkSize;

/**
 * A tar archive of these members, ended by two zero blocks. Bodies are streamed: large chunks pass through as they come.
 *
 * The stream fails with `size-mismatch` if a body is not as long as said, `invalid-argument` for an entry that no tar can hold
 * (no name, a NUL in one, a body on a folder or link, a negative size), and with the bodies' own errors.
 */
export function writeTar(members: AsyncIterable<NewTarMember> | Iterable<NewTarMember>, options: WriteTarOptions = {}): Readable {
  // One chunk at a time: of several that wait, a reader is given a copy, joined.
  return endOnAbort(Readable.from(tarChunks(members, options.pool), { objectMode: false, highWaterMark: 1 }), options.signal);
}

async function* tarChunks(
  members: AsyncIterable<NewTarMember> | Iterable<NewTarMember>,
  pool: ChunkPool | undefined,
): AsyncGenerator<Uint8Array, void, undefined> {
  const fresh = () => pool?.take() ?? Buffer.alloc(joined);
  // Headers and small bodies are written where they are sent from, and what is not written there is zero: the padding.
  let chunk = fresh();
  let length = 0;
  const take = () => {
    const full = chunk.subarray(0, length);
    [chunk, length] = [fresh(), 0];
    return full;
  };
  const put = (bytes: Uint8Array) => {
    chunk.set(bytes, length);
    length += bytes.length;
  };

  // Without waiting for each of those that are there: most are small.
  for await (const some of Symbol.iterator in members ? [members] : alone(members)) {
    for (const { entry, body } of some) {
      const bytes = typeof body === 'string' ? Buffer.from(body) : body;
      const isWhole = bytes instanceof Uint8Array;
      const size = entry.size ?? (isWhole ? bytes.length : 0);
      if (length + blockSize > joined) yield take();
      if (putPlainHeader(entry, size, chunk, length)) length += blockSize;
      else {
        const place = chunk.subarray(length, length + blockSize);
        const header = formatHeader(entry, size, place);
        if (header === place) length += blockSize;
        else {
          place.fill(0);
          if (length + header.length > joined && length > 0) yield take();
          if (header.length > joined) yield header;
          else put(header);
        }
      }
      let written = 0;
      if (isWhole && length + bytes.length <= joined && bytes.length <= size) {
        // without a loop: most files of most trees are small
        written = bytes.length;
        put(bytes);
      } else if (bytes !== undefined) {
        for await (const piece of isWhole ? [bytes] : bytes) {
          written += piece.length;
          if (written > size) break;
          if (length + piece.length > joined && length > 0) yield take();
          if (piece.length >= joined) yield piece;
          else put(piece);
        }
      }
      if (written !== size) {
        const sizes = written > size ? `more than the ${size} bytes` : `only ${written} of the ${size} bytes`;
        throw new ImageError('size-mismatch', `the body of ${JSON.stringify(entry.path)} has ${sizes} that its tar entry was to have`);
      }
      if (size % blockSize !== 0) {
        const padding = blockSize - (size % blockSize);
        if (length + padding > joined) yield take();
        length += padding;
      }
    }
  }
  if (length + 2 * blockSize > joined) yield take();
  length += 2 * blockSize;
  yield take();
}

async function* alone(members: AsyncIterable<NewTarMember>): AsyncGenerator<readonly NewTarMember[], void, undefined> {
  for await (const member of members) yield [member];
}
