import type { Answer } from './answer.ts';
import type { StoreVersion } from './store-version.ts';

/** Longer request targets are not worth a key. */
const maxKey = 1024;

/**
 * Answers by request target, for as long as the store says that nothing has changed: what is asked for again and again costs one look-up.
 * All are forgotten at the first change, by this process or another, so a name that moved or was deleted is never served again.
 */
export class AnswerCache {
  readonly #version: StoreVersion;
  readonly #limit: number;
  readonly #entries = new Map<string, Answer>();
  #seen = Number.NaN;
  #bytes = 0;

  /** `limit` is in bytes. */
  constructor(version: StoreVersion, limit: number) {
    this.#version = version;
    this.#limit = limit;
  }

  get(target: string): Answer | undefined {
    this.version();
    return this.#entries.get(target);
  }

  /** The store's state, to be taken before what goes into an answer is read. */
  version(): number {
    const now = this.#version.read();
    if (now !== this.#seen) {
      this.#entries.clear();
      this.#bytes = 0;
      this.#seen = now;
    }
    return now;
  }

  /** Keeps an answer that was made from the store as it was at `version`. */
  put(target: string, answer: Answer, version: number): void {
    if (!answer.lasting || typeof answer.body === 'function' || target.length > maxKey || version !== this.version()) return;
    // A thousand bytes stand for the key, the headers and the maps' own.
    const size = 1000 + (answer.body?.length ?? 0);
    if (size > this.#limit / 8 || this.#entries.has(target)) return;
    if (this.#bytes + size > this.#limit) {
      this.#entries.clear();
      this.#bytes = 0;
    }
    this.#entries.set(target, answer);
    this.#bytes += size;
  }
}
