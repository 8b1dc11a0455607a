import type { ImageStore } from '../../store/image-store.ts';

/** A number for the state of the store: another one after every change, by this process or by another. What is cached goes by it. */
export class StoreVersion {
  readonly #store: Pick<ImageStore, 'changed'>;
  #number = 0;

  constructor(store: Pick<ImageStore, 'changed'>) {
    this.#store = store;
  }

  read(): number {
    if (this.#store.changed()) this.#number++;
    return this.#number;
  }
}
