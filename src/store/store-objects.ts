import { isImageError } from '../errors.ts';
import { asStoreError } from './connection.ts';
import type { Digest } from '../model/digest.ts';
import type { Blobs } from './blobs.ts';
import type { ContainerChange, ContainerRecord, NewContainer } from './container-record.ts';
import type { Database } from './database.ts';
import type { DraftFolder } from './draft-folder.ts';
import type { EventOptions } from './events.ts';
import type { Happening, Occurrence, StoreEvent } from './store-event.ts';
import { statIfThere } from './place.ts';
import type { GoingVolume, NewVolume, VolumeRecord } from './volume-record.ts';

/**
 * What a store keeps beside images: containers, volumes, layers that are laid out, and what happened; and the place where all of it is. Each kind has its rows in a file of its own, loaded when it is
 * first asked for.
 */
export class StoreObjects {
  readonly #database: Database;
  readonly #blobs: Blobs;

  protected constructor(database: Database, blobs: Blobs) {
    this.#database = database;
    this.#blobs = blobs;
  }

  /**
   * Whoever goes by paths that the store has given, longer than one turn of synchronous code, takes this before it asks for them: they lead to files until it is disposed of, though the
   * store is moved meanwhile.
   */
  use(): Disposable {
    return this.#database.use();
  }

  /** As `use`, for who changes what such a path leads to: the store is not moved meanwhile; while it is, this waits. @throws ImageError `canceled` */
  async useToWrite(signal?: AbortSignal): Promise<Disposable> {
    return this.#database.useToWrite(signal);
  }

  /** True where the store has left a place that has not been removed yet. */
  get hasOldPlace(): boolean {
    return !this.#database.readOnly && statIfThere(this.#database.place.moveNote) !== undefined;
  }

  /** Removes the place that the store has left, if nobody has it open any more. Only once the new one is known to later processes. */
  async removeOldPlace(): Promise<void> {
    const { leavePlace } = await import('./leave-place.ts');
    try {
      await leavePlace(this.#database, { patience: 0 });
    } catch (error) {
      throw asStoreError(this.#database.place, error);
    }
  }

  /** What happened here, by any process: oldest first. `epoch` tells when to ask again. */
  async events(options?: EventOptions): Promise<readonly StoreEvent[]> {
    return (await eventRows()).listEvents(this.#database, options);
  }

  /** The number of the newest event; 0 where there has been none. */
  async lastEvent(): Promise<number> {
    return (await eventRows()).lastEvent(this.#database);
  }

  /** Writes down what changed nothing here, or what a container did; in a store that only can be read, nothing. Changes of names, containers and volumes write their own. */
  async record(happening: Happening): Promise<void> {
    if (this.#database.readOnly) return;
    const { insertEvent } = await eventRows();
    try {
      await this.#database.transact((transaction) => insertEvent(this.#database, transaction, happening));
    } catch (error) {
      // What has happened has happened, though a full disk keeps it from being written down.
      if (!isImageError(error, 'disk-full', 'unavailable')) throw error;
    }
  }

  /** The newest first. */
  async containers(): Promise<readonly ContainerRecord[]> {
    return (await containerRows()).listContainers(this.#database);
  }

  /** By its id, its name, or the beginning of its id. @throws ImageError `not-found`, `ambiguous`, with docker's texts */
  async container(idOrName: string): Promise<ContainerRecord> {
    return (await containerRows()).findContainer(this.#database, idOrName);
  }

  /** With the volumes that are new with it: all of them or none. @throws ImageError `conflict` where the name is taken; `not-found` where the image or a volume is not here any more */
  async addContainer(added: NewContainer, event: Occurrence, volumes?: readonly NewVolume[]): Promise<ContainerRecord> {
    return (await containerRows()).addContainer(this.#database, this.#blobs, added, event, volumes);
  }

  /** `change` is synchronous, and sees what is there in the very transaction that writes. @throws ImageError `not-found`, `conflict`; what `change` throws */
  async changeContainer(id: string, change: (current: ContainerRecord) => ContainerChange, event?: Occurrence): Promise<ContainerRecord> {
    return (await containerRows()).changeContainer(this.#database, id, change, event);
  }

  /**
   * Takes the record and what was changed in it. `allow` is synchronous, and throws where it must stay; `volumes` go with it where nothing else needs them.
   * @throws ImageError `not-found`
   */
  async removeContainer(
    id: string,
    event: Occurrence,
    allow?: (current: ContainerRecord) => void,
    volumes?: readonly GoingVolume[],
  ): Promise<ContainerRecord> {
    return (await containerRows()).removeContainer(this.#database, id, event, allow, volumes);
  }

  /** The folder for what is changed in a container, made where there is none, unless `make` is false; it goes with the container. @throws ImageError `not-found` */
  async containerFolder(id: string, { make = true }: { readonly make?: boolean } = {}): Promise<string> {
    return (await containerRows()).containerFolder(this.#database, id, make);
  }

  /** By name. */
  async volumes(): Promise<readonly VolumeRecord[]> {
    return (await volumeRows()).listVolumes(this.#database);
  }

  /** @throws ImageError `not-found` with docker's text */
  async volume(name: string): Promise<VolumeRecord> {
    return (await volumeRows()).findVolume(this.#database, name);
  }

  /** Ids of the containers that need it. */
  async volumeUsers(name: string): Promise<readonly string[]> {
    return (await volumeRows()).volumeUsers(this.#database, name);
  }

  /** Makes a volume, or finds the one of that name: then `draft` stays where it is. @param draft a folder with a `_data` in it, what the volume begins with */
  async addVolume(added: Pick<VolumeRecord, 'name' | 'document'>, event: Occurrence, draft?: DraftFolder): Promise<VolumeRecord> {
    return (await volumeRows()).addVolume(this.#database, added, event, draft);
  }

  async changeVolume(name: string, change: (current: VolumeRecord) => Pick<VolumeRecord, 'document'>): Promise<VolumeRecord> {
    return (await volumeRows()).changeVolume(this.#database, name, change);
  }

  /** Takes the volume with its files. @throws ImageError `not-found`; `conflict` with docker's text where a container needs it */
  async removeVolume(name: string, event: Occurrence): Promise<void> {
    return (await volumeRows()).removeVolume(this.#database, name, event);
  }

  /** A folder for what is on its way in; a later process removes it when this one was killed. `await using` it. @param purpose a word */
  async draftFolder(purpose: string): Promise<DraftFolder> {
    const { makeDraftFolder } = await import('./draft-folder.ts');
    return makeDraftFolder(this.#database, purpose);
  }

  /** The folder of a layer that has been laid out here, or undefined. */
  async tree(diffId: Digest): Promise<string | undefined> {
    return (await treeRows()).getTree(this.#database, diffId);
  }

  /**
   * Keeps a layer that was laid out, whose diff ID has been computed from the blob's bytes; where another was first, the draft stays its maker's.
   * @param bytes what it takes on the disk beside the blobs
   * @param blob what it was made from: from then on this blob is known to be that layer
   * @returns its folder
   */
  async addTree(diffId: Digest, draft: DraftFolder, bytes: number, blob?: Digest): Promise<string> {
    return (await treeRows()).addTree(this.#database, diffId, draft, bytes, blob);
  }

  /** What all layers that have been laid out take on the disk. */
  async treesBytes(): Promise<number> {
    return (await treeRows()).treesBytes(this.#database);
  }
}

const eventRows = () => import('./events.ts');
const containerRows = () => import('./containers.ts');
const volumeRows = () => import('./volumes.ts');
const treeRows = () => import('./trees.ts');
