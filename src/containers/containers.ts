import type { Image } from '../content/image.ts';
import type { Operation } from '../io/operation.ts';
import type { Descriptor } from '../model/descriptor.ts';
import type { Platform } from '../model/platform.ts';
import type { ContainerRecord } from '../store/container-record.ts';
import type { ImageStore } from '../store/image-store.ts';
import type { ContainerSettings } from './container-settings.ts';
import { Container } from './container.ts';
import { LayOut } from './lay-out.ts';

/** What a new container stands on: content of the store that a lease holds. */
export interface ContainerBase {
  /** As it was asked for. */
  readonly image: string;
  readonly target: Descriptor;
  readonly opened: Image;
  readonly origin?: Descriptor | undefined;
  readonly platform: Platform;
}

export interface NewContainerOptions extends Operation {
  /** Default: one that is made up. */
  readonly name?: string | undefined;
  readonly now: Date;
}

/** The containers of a store: objects, each a record and what was changed on top of an image. Every process sees the same ones at once. What a list does not need is loaded when it is first used. */
export class Containers {
  /** How the layers of commits are compressed, where a commit does not say it. */
  readonly compression: 'gzip' | 'zstd';
  readonly #store: ImageStore;
  readonly #layOut: LayOut;

  constructor(store: ImageStore, options: { readonly compression?: 'gzip' | 'zstd' | undefined } = {}) {
    this.compression = options.compression ?? 'gzip';
    this.#store = store;
    this.#layOut = new LayOut(store);
  }

  /** By its id, its name, or the beginning of its id. @throws ImageError `not-found`, `ambiguous`, with docker's texts */
  async get(idOrName: string): Promise<Container> {
    return this.#container(await this.#store.container(idOrName), idOrName);
  }

  /** The newest first. */
  async list(): Promise<readonly Container[]> {
    return (await this.#store.containers()).map((record) => this.#container(record));
  }

  /** Whether a container of the image needs no more of its content than is laid out already. */
  async isLaidOut(image: Image): Promise<boolean> {
    return this.#layOut.has(image);
  }

  /**
   * Makes a container: settings over the image's, layers laid out, volumes made and filled, and then in one transaction the record, its hold on the content, its volumes and their events.
   * Nothing is left of one that fails.
   * @throws ImageError `invalid-argument`, `conflict`, `not-found`, with docker's texts; `invalid-content` for layers that are refused
   */
  async create(settings: ContainerSettings, base: ContainerBase, options: NewContainerOptions): Promise<Container> {
    const { makeContainer } = await import('./make-container.ts');
    return this.#container(await makeContainer(this.#store, this.#layOut, settings, base, options));
  }

  #container(record: ContainerRecord, asked = record.name): Container {
    return new Container(this.#store, this.#layOut, record, asked);
  }
}
