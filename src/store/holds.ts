import { isImageError } from '../errors.ts';
import type { Operation } from '../io/operation.ts';
import type { Descriptor } from '../model/descriptor.ts';
import type { Ingest } from './ingest.ts';

/** What is kept here for those who send it elsewhere: until they give it back, and no longer than their store is open. */
export class Holds implements AsyncDisposable {
  readonly #open = new Set<AsyncDisposable>();

  /** Where nothing can be written (a read-only store, a full disk) nothing is kept, and it can be sent all the same. */
  async take(begin: () => Promise<Ingest>, targets: readonly Descriptor[], operation: Operation): Promise<AsyncDisposable> {
    let ingest: Ingest | undefined;
    try {
      ingest = await begin();
      for (const target of targets) await ingest.has(target, operation);
      return this.#until(ingest);
    } catch (error) {
      await ingest?.[Symbol.asyncDispose]();
      if (isImageError(error, 'permission', 'disk-full')) return { [Symbol.asyncDispose]: async () => {} };
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.allSettled([...this.#open].map(async (hold) => hold[Symbol.asyncDispose]()));
  }

  #until(ingest: AsyncDisposable): AsyncDisposable {
    let ended: Promise<void> | undefined;
    const end = async (): Promise<void> => {
      try {
        await ingest[Symbol.asyncDispose]();
      } finally {
        this.#open.delete(hold);
      }
    };
    const hold = { [Symbol.asyncDispose]: () => (ended ??= end()) };
    this.#open.add(hold);
    return hold;
  }
}
