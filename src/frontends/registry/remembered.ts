import type { ImageStore } from '../../store/image-store.ts';

/** Milliseconds after which it is made again though the store says that nothing has changed: links end by the clock, and other tools write into the folder. */
const life = 1000;

/** What is made from the whole store, and made again only after the store has changed. Many who ask at once share one making. */
export class Remembered<T> {
  readonly #store: Pick<ImageStore, 'epoch'>;
  readonly #make: () => Promise<T>;
  #made: { readonly epoch: string; readonly until: number; readonly value: Promise<T> } | undefined;

  constructor(store: Pick<ImageStore, 'epoch'>, make: () => Promise<T>) {
    this.#store = store;
    this.#make = make;
  }

  async get(): Promise<T> {
    const epoch = this.#store.epoch();
    if (this.#made?.epoch === epoch && this.#made.until > performance.now()) return this.#made.value;
    const made = { epoch, until: performance.now() + life, value: this.#make() };
    this.#made = made;
    try {
      return await made.value;
    } catch (error) {
      if (this.#made === made) this.#made = undefined;
      throw error;
    }
  }
}
