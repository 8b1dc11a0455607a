import { Readable } from 'node:stream';

/** How bytes are compressed. `none` also stands for what is not known. */
export type Compression = 'gzip' | 'zstd' | 'xz' | 'bzip2' | 'none';

/** As many bytes as `detectCompression` wants to see. */
export const detectionLength = 10;

const bzip2Block = [0x31, 0x41, 0x59, 0x26, 0x53, 0x59];
const bzip2End = [0x17, 0x72, 0x45, 0x38, 0x50, 0x90];

/**
 * What the first bytes of a stream show it to be. Fewer than `detectionLength` bytes may show less.
 *
 * For bzip2 more than its three letters are asked for: a tar begins with a file's name, which may be `BZh…` as well.
 */
export function detectCompression(bytes: Uint8Array): Compression {
  const begins = (magic: readonly number[], at = 0) => magic.every((byte, i) => bytes[at + i] === byte);
  if (begins([0x1f, 0x8b, 0x08])) return 'gzip';
  if (begins([0x28, 0xb5, 0x2f, 0xfd])) return 'zstd';
  // a skippable frame (RFC 8878 §3.1.2) in front, as seekable and estargz-like writers may put it
  if ((bytes[0]! & 0xf0) === 0x50 && begins([0x2a, 0x4d, 0x18], 1)) return 'zstd';
  if (begins([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00])) return 'xz';
  if (begins([0x42, 0x5a, 0x68]) && bytes[3]! >= 0x31 && bytes[3]! <= 0x39 && (begins(bzip2Block, 4) || begins(bzip2End, 4)))
    return 'bzip2';
  return 'none';
}

/** Looks at the beginning of a stream; `stream` has all of its bytes, the ones looked at too. */
export async function peekCompression(source: AsyncIterable<Uint8Array>): Promise<{ compression: Compression; stream: Readable }> {
  const chunks = source[Symbol.asyncIterator]();
  const seen: Uint8Array[] = [];
  let length = 0;
  while (length < detectionLength) {
    const next = await chunks.next();
    if (next.done) break;
    seen.push(next.value);
    length += next.value.length;
  }
  const stream = Readable.from(rejoined(seen, chunks), { objectMode: false });
  return { compression: detectCompression(Buffer.concat(seen)), stream };
}

async function* rejoined(seen: readonly Uint8Array[], rest: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  let ended = false;
  try {
    yield* seen;
    for (;;) {
      const next = await rest.next();
      if (next.done) {
        ended = true;
        return;
      }
      yield next.value;
    }
  } finally {
    if (!ended) await rest.return?.();
  }
}
