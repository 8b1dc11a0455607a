/** Bytes that have come and were not taken yet: what a decoder that is fed piece by piece reads from. */
export class InputBuffer {
  #chunks: Uint8Array[] = [];
  #at = 0; // in the first of them
  #length = 0;
  #position = 0;
  #hasEnded = false;

  /** Bytes at hand. */
  get length(): number {
    return this.#length;
  }

  /** Bytes taken so far. */
  get position(): number {
    return this.#position;
  }

  /** True once no more will come. */
  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  append(chunk: Uint8Array): void {
    if (chunk.length === 0) return;
    this.#chunks.push(chunk);
    this.#length += chunk.length;
  }

  end(): void {
    this.#hasEnded = true;
  }

  /** The next bytes, `count` at most, left where they are. */
  peek(count: number): Uint8Array {
    const first = this.#chunks[0];
    if (first === undefined) return new Uint8Array(0);
    if (first.length - this.#at < count && this.#chunks.length > 1) {
      // all at once: many small chunks are joined only once
      this.#chunks[0] = first.subarray(this.#at);
      this.#chunks = [Buffer.concat(this.#chunks, this.#length)];
      this.#at = 0;
    }
    return this.#chunks[0]!.subarray(this.#at, this.#at + count);
  }

  /** The next bytes, `count` at most. */
  take(count: number): Uint8Array {
    const bytes = this.peek(count);
    this.skip(bytes.length);
    return bytes;
  }

  /** Passes over bytes, no more than `peek` has given. */
  skip(count: number): void {
    this.#at += count;
    this.#length -= count;
    this.#position += count;
    if (this.#chunks.length > 0 && this.#at === this.#chunks[0]!.length) {
      this.#chunks.shift();
      this.#at = 0;
    }
  }
}
