import { ImageError } from '../../errors.ts';

/** So many at once, and no more: what is over is refused, not queued, since a queue of open bodies is what the limit is there to prevent. */
export class Running {
  readonly #limit: number;
  #count = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** @throws ImageError `too-many-requests` */
  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#count >= this.#limit)
      throw new ImageError('too-many-requests', `${this.#limit} bodies are being taken in already`, { hint: 'Try again in a second.' });
    this.#count++;
    try {
      return await work();
    } finally {
      this.#count--;
    }
  }
}
