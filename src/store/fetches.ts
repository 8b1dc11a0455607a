import { canceled } from '../io/concurrently.ts';
import type { Digest } from '../model/digest.ts';

/** What is being fetched into a store by this process: who wants the same waits, and finds it here, or goes on where the other has left it. */
export class Fetches {
  readonly #running = new Map<Digest, Promise<void>>();

  /**
   * Waits until nobody else fetches it.
   * @returns ends the claim, for the next who waits
   * @throws ImageError `canceled`
   */
  async claim(digest: Digest, signal: AbortSignal | undefined): Promise<() => void> {
    for (let other; (other = this.#running.get(digest));) await unlessAborted(other, signal);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#running.set(digest, promise);
    return () => {
      this.#running.delete(digest);
      resolve();
    };
  }
}

/** @throws ImageError `canceled` as soon as the signal says so */
async function unlessAborted(work: Promise<void>, signal: AbortSignal | undefined): Promise<void> {
  if (signal?.aborted) throw canceled(signal.reason);
  const { promise, reject } = Promise.withResolvers<never>();
  const abort = (): void => reject(canceled(signal?.reason));
  signal?.addEventListener('abort', abort, { once: true });
  try {
    await Promise.race([work, promise]);
  } finally {
    signal?.removeEventListener('abort', abort);
  }
}
