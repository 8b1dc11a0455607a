import { createHash } from 'node:crypto';
import { ImageError } from '../errors.ts';
import type { Descriptor } from '../model/descriptor.ts';
import { digestAlgorithm, digestFrom } from '../model/digest.ts';

/** Of a source whose bytes proved wrong: looks at what it has, and says what is to be told of it. */
export const doubt = Symbol('doubt');

export interface Doubtful extends AsyncIterable<Uint8Array> {
  [doubt]?(): Promise<ImageError | undefined>;
}

/**
 * Passes bytes on while it hashes and counts them; ends only where they are what `target` says. A byte too many fails at once, before it is passed on;
 * a wrong digest fails in place of the end, so a consumer that waits for the end never takes wrong content for right.
 * @throws ImageError `size-mismatch`, `digest-mismatch`
 */
export async function* verified(
  source: Doubtful,
  target: Pick<Descriptor, 'digest' | 'size'>,
): AsyncGenerator<Uint8Array, void, undefined> {
  const algorithm = digestAlgorithm(target.digest);
  const hash = createHash(algorithm);
  let size = 0;
  for await (const chunk of source) {
    size += chunk.length;
    if (size > target.size) throw sizeMismatch(target, `more than ${target.size}`);
    hash.update(chunk);
    yield chunk;
  }
  if (size !== target.size) throw sizeMismatch(target, String(size));
  const actual = digestFrom(algorithm, hash.digest('hex'));
  if (actual !== target.digest) throw (await source[doubt]?.()) ?? digestMismatch(target, actual);
}

/** The whole of a small piece of content, verified. @throws ImageError `too-large` where `target.size` is over `limit`, before a byte is asked for; else as `verified` */
export async function readVerified(
  open: () => Promise<AsyncIterable<Uint8Array>>,
  target: Pick<Descriptor, 'digest' | 'size'>,
  limit: number,
): Promise<Buffer> {
  if (target.size > limit) throw new ImageError('too-large', `${target.digest} of ${target.size} bytes is larger than ${limit} bytes`);
  return readBytes(verified(await open(), target), limit, target.digest);
}

/** All bytes of a stream. @throws ImageError `too-large` as soon as there are more than `limit` */
export async function readBytes(source: AsyncIterable<Uint8Array>, limit: number, what: string): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of source) {
    size += chunk.length;
    if (size > limit) throw new ImageError('too-large', `${what} is larger than ${limit} bytes`);
    chunks.push(chunk);
  }
  return chunks.length === 1 && Buffer.isBuffer(chunks[0]) ? chunks[0] : Buffer.concat(chunks, size);
}

export function digestMismatch(target: Pick<Descriptor, 'digest'>, actual: string): ImageError {
  return new ImageError('digest-mismatch', `content is ${actual}, not ${target.digest}`, {
    hint: 'The content was damaged or replaced on its way; it has not been kept.',
    detail: { expected: target.digest, actual },
  });
}

export function sizeMismatch(target: Pick<Descriptor, 'digest' | 'size'>, actual: string): ImageError {
  return new ImageError('size-mismatch', `${target.digest} has ${actual} bytes, not ${target.size}`, {
    detail: { digest: target.digest, expected: target.size, actual },
  });
}
