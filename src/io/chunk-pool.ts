/** How many are kept for the next: what is on its way at once. */
const maxFree = 32;

/**
 * Buffers of one size that are used again. A stream of hundreds of megabytes in new ones makes V8 collect again and again, which costs more than what is done with them.
 * Whoever is given one gives it back when it needs its bytes no more, or not at all.
 */
export class ChunkPool {
  readonly #size: number;
  readonly #free: Buffer[] = [];
  readonly #own = new WeakMap<ArrayBufferLike, Buffer>();

  /** @param size bytes */
  constructor(size: number) {
    this.#size = size;
  }

  /** All of it zero. */
  take(): Buffer {
    const used = this.#free.pop();
    if (used) return used.fill(0);
    const made = Buffer.alloc(this.#size);
    this.#own.set(made.buffer, made);
    return made;
  }

  /** @param bytes all or a part of one that was taken; others are passed over */
  give({ buffer }: Uint8Array): void {
    const own = this.#own.get(buffer);
    if (own && this.#free.length < maxFree && !this.#free.includes(own)) this.#free.push(own);
  }
}
