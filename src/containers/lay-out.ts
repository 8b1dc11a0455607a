import type { Image } from '../content/image.ts';
import { ImageError } from '../errors.ts';
import { Slots, together, throwIfCanceled } from '../io/concurrently.ts';
import type { Operation } from '../io/operation.ts';
import type { Descriptor } from '../model/descriptor.ts';
import type { Digest } from '../model/digest.ts';
import type { ImageStore } from '../store/image-store.ts';

/** Layers that one process lays out at once: each keeps a core busy. */
const atOnce = 2;

/**
 * Lays the layers of images out as trees, each once: what several ask for at the same time is made for all of them. Another process that makes the same tree
 * does it a second time; whoever is first has made it for both.
 */
export class LayOut {
  readonly #store: ImageStore;
  readonly #slots = new Slots(atOnce);
  readonly #making = new Map<Digest, Promise<string>>();

  constructor(store: ImageStore) {
    this.#store = store;
  }

  /**
   * @param image its content must be held by a lease or a container
   * @returns the folder of each layer's tree, the lowest first
   * @throws ImageError `invalid-content` for a layer that is refused, `digest-mismatch` for one that is not what the config says; `blob-unknown` for one that is not here
   */
  async image(image: Image, operation: Operation = {}): Promise<readonly string[]> {
    const os = image.config?.platform?.os ?? 'linux';
    return together(operation.signal, async ({ signal, all }) =>
      all(image.layers.map(({ descriptor, diffId }) => this.#layer(descriptor, diffId, os, { ...operation, signal }))),
    );
  }

  /** Whether all of its layers have been laid out: then nothing of it is read. */
  async has(image: Image): Promise<boolean> {
    for (const { diffId } of image.layers) if (diffId === undefined || (await this.#store.tree(diffId)) === undefined) return false;
    return true;
  }

  async #layer(layer: Descriptor, diffId: Digest | undefined, os: string, operation: Operation): Promise<string> {
    if (diffId === undefined)
      throw new ImageError('invalid-content', `${layer.digest}: the image's config does not say what layer this is`);
    for (;;) {
      const there = await this.#store.tree(diffId);
      if (there !== undefined) {
        operation.onProgress?.({ target: layer, state: 'exists' });
        return there;
      }
      const running = this.#making.get(diffId);
      if (!running) break;
      // Whoever makes it may be told to stop: that is no failure of ours.
      const made = await running.catch(() => undefined);
      if (made !== undefined) return made;
    }
    const making = this.#slots.run(() => this.#make(layer, diffId, os, operation));
    this.#making.set(diffId, making);
    try {
      return await making;
    } finally {
      this.#making.delete(diffId);
    }
  }

  async #make(layer: Descriptor, diffId: Digest, os: string, { signal, onProgress }: Operation): Promise<string> {
    throwIfCanceled(signal);
    using _use = this.#store.use();
    const file = await this.#store.blobFile(layer);
    const { makeLayerTree } = await import('../layers/layer-tree.ts');
    await using draft = await this.#store.draftFolder('tree');
    const { bytes } = await makeLayerTree(file, diffId, draft.path, {
      os,
      signal,
      onProgress: (current) => onProgress?.({ target: layer, state: 'copying', current }),
    });
    const folder = await this.#store.addTree(diffId, draft, bytes, layer.digest);
    onProgress?.({ target: layer, state: 'done' });
    return folder;
  }
}
