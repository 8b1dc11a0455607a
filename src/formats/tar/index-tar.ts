/**
 * An uncompressed archive on disk as a thing to look things up in: one pass over the headers, which seeks over the bodies, then any
 * body at any time by its offset.
 */

import type { FileHandle } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { ImageError, asImageError } from '../../errors.ts';
import { canceled } from '../../io/concurrently.ts';
import { endOnAbort } from '../../io/end-on-abort.ts';
import type { TarEntry } from './entry.ts';
import { TarParser } from './parser.ts';
import { type ReadTarOptions, zeros } from './read-tar.ts';

/** What is needed of an open file: positional reads, so that many can go on at once. */
export type ReadableFile = Pick<FileHandle, 'read' | 'stat'>;

const headerRead = 64 << 10;
const bodyRead = 1 << 20;

/**
 * The entries of a tar archive in a file, without reading their bodies: small ones come along with the headers, large ones are jumped over.
 *
 * @throws ImageError as `readTar`; an entry whose body would lie beyond the file's end is `invalid-content`.
 */
export async function* indexTar(file: ReadableFile, options: ReadTarOptions = {}): AsyncGenerator<TarEntry, void, undefined> {
  const parser = new TarParser(options.limits);
  const buffer = Buffer.allocUnsafe(headerRead);
  let position = 0;
  for (;;) {
    const event = parser.next();
    if (event === 'entry') {
      yield parser.entry;
      position += parser.jump();
      continue;
    }
    if (event === 'end') continue;
    if (parser.done) return;
    if (options.signal?.aborted) throw canceled(options.signal.reason);
    const count = await readAt(file, buffer, position);
    if (count === 0) {
      parser.end();
      await refuseBeyondEnd(file, parser);
      return;
    }
    parser.push(buffer.subarray(0, count));
    position += count;
  }
}

/** After a jump the parser believes that the bytes were there. Those that fill the last block may not be. */
async function refuseBeyondEnd(file: ReadableFile, parser: TarParser): Promise<void> {
  const { size } = await file.stat();
  if (parser.position <= size) return;
  const { path, bodyOffset, storedSize } = parser.entry;
  if (bodyOffset + storedSize <= size) return;
  throw new ImageError(
    'invalid-content',
    `the tar archive ends in the middle of ${JSON.stringify(path)}: it has ${size} bytes of ${bodyOffset + storedSize}`,
  );
}

/** The bytes of an indexed entry from `start` on; holes of a sparse file are zeros. The file stays open. @throws ImageError `range-invalid`, `invalid-content` */
export function readTarBody(
  file: ReadableFile,
  entry: TarEntry,
  options: { start?: number; signal?: AbortSignal | undefined } = {},
): Readable {
  const start = options.start ?? 0;
  if (!Number.isSafeInteger(start) || start < 0 || start > entry.size) {
    throw new ImageError(
      'range-invalid',
      `${JSON.stringify(entry.path)} has ${entry.size} bytes: nothing can be read from byte ${start} on`,
    );
  }
  const chunks = entry.sparse ? sparseBody(file, entry, start) : stored(file, entry, entry.bodyOffset + start, entry.size - start);
  return endOnAbort(Readable.from(chunks, { objectMode: false, highWaterMark: bodyRead }), options.signal);
}

async function* sparseBody(file: ReadableFile, entry: TarEntry, start: number): AsyncGenerator<Uint8Array> {
  let at = start;
  let offset = entry.bodyOffset;
  for (const piece of [...entry.sparse!, { offset: entry.size, length: 0 }]) {
    const end = piece.offset + piece.length;
    if (end >= at) {
      if (piece.offset > at) yield* zeros(piece.offset - at);
      const from = Math.max(at, piece.offset);
      yield* stored(file, entry, offset + from - piece.offset, end - from);
      at = end;
    }
    offset += piece.length;
  }
}

async function* stored(file: ReadableFile, entry: TarEntry, offset: number, length: number): AsyncGenerator<Uint8Array> {
  for (let done = 0; done < length;) {
    // a new buffer each time: a reader may keep what it was given
    const buffer = Buffer.allocUnsafeSlow(Math.min(bodyRead, length - done));
    const count = await readAt(file, buffer, offset + done);
    if (count === 0) throw new ImageError('invalid-content', `the tar archive ends in the middle of ${JSON.stringify(entry.path)}`);
    yield count === buffer.length ? buffer : buffer.subarray(0, count);
    done += count;
  }
}

async function readAt(file: ReadableFile, buffer: Buffer, position: number): Promise<number> {
  try {
    return (await file.read(buffer, 0, buffer.length, position)).bytesRead;
  } catch (error) {
    throw asImageError(error, 'cannot read a tar archive');
  }
}
