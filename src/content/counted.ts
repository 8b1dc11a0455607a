import { lent, type Lender } from '../io/lent.ts';
import type { Operation } from '../io/operation.ts';
import type { Descriptor } from '../model/descriptor.ts';

/** Bytes passed on as they come, given or lent, with a progress event at the start and then at most every 100 ms. */
export function counted(
  source: AsyncIterable<Uint8Array>,
  target: Descriptor,
  offset: number,
  onProgress: Operation['onProgress'],
): AsyncIterable<Uint8Array> {
  if (!onProgress) return source;
  const counting: AsyncIterable<Uint8Array> & Lender = {
    [Symbol.asyncIterator]: () => count(source, target, offset, onProgress),
    lent: () => count(lent(source), target, offset, onProgress),
  };
  return counting;
}

async function* count(
  source: AsyncIterable<Uint8Array>,
  target: Descriptor,
  offset: number,
  onProgress: NonNullable<Operation['onProgress']>,
): AsyncGenerator<Uint8Array> {
  let current = offset;
  let told = 0;
  for await (const chunk of source) {
    current += chunk.length;
    yield chunk;
    const now = performance.now();
    if (now - told < 100) continue;
    told = now;
    onProgress({ target, state: 'copying', current });
  }
}
