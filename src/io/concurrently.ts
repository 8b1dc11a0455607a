import { ImageError } from '../errors.ts';

/** So many at once: `run` waits for a free slot, in the order of asking. */
export class Slots {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(count: number) {
    this.#free = count;
  }

  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#free++;
    }
  }
}

/**
 * Runs `work` with a signal that the outer signal or the first failure of anything in `all` aborts.
 * Resolves or rejects only when every started piece has ended: nothing runs on.
 */
export async function together<T>(outer: AbortSignal | undefined, work: (scope: Scope) => Promise<T>): Promise<T> {
  throwIfCanceled(outer);
  const controller = new AbortController();
  const onAbort = () => controller.abort(outer?.reason);
  outer?.addEventListener('abort', onAbort, { once: true });
  let failure: { error: unknown } | undefined;
  const all: Scope['all'] = async (pieces) => {
    const guarded = pieces.map(async (piece) => {
      try {
        return await piece;
      } catch (error) {
        failure ??= { error };
        controller.abort(error);
        throw error;
      }
    });
    const settled = await Promise.allSettled(guarded);
    const values: Awaited<(typeof guarded)[number]>[] = [];
    for (const result of settled) {
      if (result.status === 'rejected') throw failure?.error ?? result.reason;
      values.push(result.value);
    }
    return values;
  };
  try {
    return await work({ signal: controller.signal, all });
  } catch (error) {
    throw outer?.aborted ? canceled(outer.reason) : (failure?.error ?? error);
  } finally {
    outer?.removeEventListener('abort', onAbort);
  }
}

export interface Scope {
  readonly signal: AbortSignal;
  /** As Promise.all, but the first failure aborts `signal`, and all have ended when this ends; the error is the first one. */
  all<T>(pieces: readonly Promise<T>[]): Promise<T[]>;
}

/** As the signal's own `throwIfAborted`, with the error that all of the library has. @throws ImageError `canceled` */
export function throwIfCanceled(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw canceled(signal.reason);
}

/** The error of an operation that was told to stop. */
export function canceled(reason?: unknown): ImageError {
  return reason instanceof ImageError ? reason : new ImageError('canceled', 'canceled', { cause: reason });
}
