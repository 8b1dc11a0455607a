import type { Answer } from './answer.ts';

/** Longer request targets are not worth a key. */
const maxKey = 1024;

/** Milliseconds after which the store is asked again though it says that nothing has changed: links end by the clock, and other tools write into the folder. */
const life = 1000;

interface Entry {
  readonly answer: Answer;
  readonly until: number;
}

/**
 * Answers by request target, for as long as nothing has changed: what is asked for again and again costs one look-up. All are forgotten at the first
 * change, by this process or another, so a name that moved or was deleted is never served again.
 */
export class AnswerCache {
  readonly #epoch: () => string;
  readonly #limit: number;
  readonly #entries = new Map<string, Entry>();
  #seen = '';
  #bytes = 0;

  /** `epoch` is the store's. `limit` is in bytes. */
  constructor(epoch: () => string, limit: number) {
    this.#epoch = epoch;
    this.#limit = limit;
  }

  get(target: string): Answer | undefined {
    this.epoch();
    const entry = this.#entries.get(target);
    return entry && entry.until > performance.now() ? entry.answer : undefined;
  }

  /** The store's state, to be taken before what goes into an answer is read. */
  epoch(): string {
    const now = this.#epoch();
    if (now !== this.#seen) {
      this.#clear();
      this.#seen = now;
    }
    return now;
  }

  /** Keeps an answer that was made from the store as it was at `epoch`. */
  put(target: string, answer: Answer, epoch: string): void {
    if (!answer.lasting || typeof answer.body === 'function' || target.length > maxKey || epoch !== this.epoch()) return;
    const size = sizeOf(answer);
    if (size > this.#limit / 8) return;
    const before = this.#entries.get(target);
    if (before) this.#bytes -= sizeOf(before.answer);
    else if (this.#bytes + size > this.#limit) this.#clear();
    this.#entries.set(target, { answer, until: performance.now() + life });
    this.#bytes += size;
  }

  #clear(): void {
    this.#entries.clear();
    this.#bytes = 0;
  }
}

/** A thousand bytes stand for the key, the headers and the map's own. */
function sizeOf({ body }: Answer): number {
  return 1000 + (typeof body === 'function' ? 0 : (body?.length ?? 0));
}
