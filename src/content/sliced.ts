import { Readable } from 'node:stream';

/** At most `length` bytes of a stream; what is left of it is not read. */
export function sliced(source: Readable, length: number | undefined): Readable {
  if (length === undefined) return source;
  return Readable.from(take(source, length), { objectMode: false });
}

async function* take(source: Readable, length: number): AsyncGenerator<Uint8Array> {
  let left = length;
  if (left === 0) {
    source.destroy();
    return;
  }
  for await (const chunk of source as AsyncIterable<Uint8Array>) {
    yield chunk.length <= left ? chunk : chunk.subarray(0, left);
    left -= chunk.length;
    if (left <= 0) return;
  }
}
