import { randomBytes } from 'node:crypto';
import { Image } from '../content/image.ts';
import { ImageError, isImageError } from '../errors.ts';
import type { Operation } from '../io/operation.ts';
import type { Descriptor } from '../model/descriptor.ts';
import type { Platform } from '../model/platform.ts';
import { Tree } from '../layers/tree.ts';
import type { ContainerRecord, NewContainer } from '../store/container-record.ts';
import type { ImageStore } from '../store/image-store.ts';
import type { NewVolume } from '../store/volume-record.ts';
import { checkSettings } from './check-settings.ts';
import { writeDocument, type ContainerDocument } from './container-document.ts';
import { ContainerFiles } from './container-files.ts';
import { checkContainerName, randomContainerName } from './container-name.ts';
import { mergeConfig, readConfig, requireCommand, type ContainerSettings } from './container-settings.ts';
import { Container } from './container.ts';
import { isUserDefined, networksOf, withHostDefaults } from './host-defaults.ts';
import { LayOut } from './lay-out.ts';
import { planMounts, type MountPoint } from './mount-points.ts';
import { readyMounts } from './volumes.ts';

/** What a new container stands on: content of the store that a lease holds. */
export interface ContainerBase {
  /** As it was asked for. */
  readonly image: string;
  readonly target: Descriptor;
  readonly manifest: Descriptor;
  readonly origin?: Descriptor | undefined;
  readonly platform: Platform;
}

/** How often a name that we made up may be taken already. */
const attempts = 10;

/** The containers of a store: objects, each a record and what was changed on top of an image. Every process sees the same ones at once. */
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
   * @param name default: one that is made up
   * @throws ImageError `invalid-argument`, `conflict`, `not-found`, with docker's texts; `invalid-content` for layers that are refused
   */
  async create(
    settings: ContainerSettings,
    base: ContainerBase,
    options: Operation & { readonly name?: string | undefined; readonly now: Date },
  ): Promise<Container> {
    const { os } = base.platform;
    const { name, now, signal, onProgress } = options;
    if (name !== undefined) checkContainerName(name);
    checkSettings(settings, os);
    const image = await Image.open(this.#store, base.manifest, { signal });
    const merged = mergeConfig({ ...settings.config, Image: base.image }, readConfig(image.config?.config ?? {}), os);
    requireCommand(merged);
    const host = withHostDefaults(settings.host, os);
    const others = new Map<string, readonly MountPoint[]>();
    for (const spec of host.VolumesFrom ?? []) {
      const [other = ''] = spec.split(':', 1);
      others.set(other, (await this.get(other)).document.mounts);
    }
    // In a network of somebody's own a link is a name, and who it is may come later.
    for (const link of isUserDefined(host.NetworkMode) ? [] : (host.Links ?? [])) await this.#requireLinked(link.split(':', 1)[0] ?? '');
    const planned = planMounts({ host, config: merged }, os, (other) => others.get(other) ?? []);

    const folders = await this.#layOut.image(image, { signal, onProgress });
    const volumes: NewVolume[] = [];
    let files: ContainerFiles | undefined;
    const openFiles = () =>
      (files ??= new ContainerFiles(
        folders.map((folder) => Tree.open(folder)),
        undefined,
        [],
        os,
      ));
    try {
      const mounts = await readyMounts(this.#store, planned, openFiles, volumes, { signal });
      const id = randomBytes(32).toString('hex');
      const config = { ...merged, Hostname: merged.Hostname || id.slice(0, 12) };
      const networks = networksOf({ endpoints: settings.endpoints, host });
      const document = { platform: base.platform, config, host, networks, mounts };
      const { target, manifest, origin } = base;
      return await this.#add({ id, image: base.image, target, manifest, origin, created: now, document }, name, volumes);
    } finally {
      files?.[Symbol.dispose]();
      for (const { draft } of volumes) await draft[Symbol.asyncDispose]();
    }
  }

  /** The one transaction of a creation, with another name where one that we made up is taken. */
  async #add(
    added: Pick<NewContainer, 'id' | 'image' | 'target' | 'manifest' | 'origin' | 'created'> & { readonly document: ContainerDocument },
    name: string | undefined,
    volumes: readonly NewVolume[],
  ): Promise<Container> {
    const { document, image } = added;
    const used = document.mounts.flatMap(({ Type, Name }) => (Type === 'volume' && Name !== undefined ? [Name] : []));
    for (let attempt = 0; ; attempt++) {
      const own = name ?? randomContainerName(attempt);
      const event = { action: 'create', attributes: { ...document.config.Labels, image, name: own } };
      try {
        const record = { ...added, name: own, state: 'created', volumes: used, document: writeDocument(document) } as const;
        return this.#container(await this.#store.addContainer(record, event, volumes));
      } catch (error) {
        if (name !== undefined || attempt >= attempts || !isImageError(error, 'conflict')) throw error;
      }
    }
  }

  #container(record: ContainerRecord, asked = record.name): Container {
    return new Container(this.#store, this.#layOut, record, asked);
  }

  async #requireLinked(name: string): Promise<void> {
    try {
      await this.#store.container(name);
    } catch (error) {
      if (!isImageError(error, 'not-found')) throw error;
      throw new ImageError('not-found', `could not get container for ${name}: ${error.message}`, { detail: error.detail });
    }
  }
}
