import { ImageError } from '../errors.ts';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Descriptor } from '../model/descriptor.ts';
import type { Digest } from '../model/digest.ts';
import type { Blobs } from './blobs.ts';
import type { ContainerChange, ContainerRecord, ContainerState, NewContainer } from './container-record.ts';
import type { Database, Transaction } from './database.ts';
import { insertEvent } from './events.ts';
import { discardFolder, emptyFolders, restoreFolder } from './folders.ts';
import { statIfThere } from './place.ts';
import type { Occurrence } from './store-event.ts';
import type { GoingVolume, NewVolume } from './volume-record.ts';
import { dropUnusedVolume, placeVolume } from './volumes.ts';

interface ContainerRow {
  readonly id: string;
  readonly name: string;
  readonly image: string;
  readonly target: Digest;
  readonly manifest: Digest;
  readonly origin: Digest | null;
  readonly state: ContainerState;
  readonly created: number;
  readonly document: string;
}

/** The newest first. */
export function listContainers(database: Database): ContainerRecord[] {
  return database.snapshot(() =>
    database.all<ContainerRow>('SELECT * FROM container ORDER BY created DESC, id').map((row) => record(database, row)),
  );
}

/**
 * What a text means: a whole id, else a name (with or without docker's slash before it), else the beginning of one id.
 * @throws ImageError `not-found`, `ambiguous`, with docker's texts
 */
export function findContainer(database: Database, text: string): ContainerRecord {
  return record(database, findRow(database, text));
}

function findRow(database: Database, text: string): ContainerRow {
  const name = text.startsWith('/') ? text.slice(1) : text;
  const exact = database.get<ContainerRow>('SELECT * FROM container WHERE id = ?1 OR name = ?2 ORDER BY id <> ?1 LIMIT 1', text, name);
  if (exact) return exact;
  const [first, second] = /^[0-9a-f]{1,64}$/.test(text)
    ? database.all<ContainerRow>('SELECT * FROM container WHERE id >= ?1 AND id < ?2 ORDER BY id LIMIT 2', text, `${text}g`)
    : [];
  if (second)
    throw new ImageError('ambiguous', `multiple IDs found with provided prefix: ${text}`, {
      hint: 'Write more of the id.',
      detail: { id: text },
    });
  if (!first) throw new ImageError('not-found', `No such container: ${text}`, { detail: { container: text } });
  return first;
}

/**
 * A container, and the volumes that are new with it: all of them or none.
 * @throws ImageError `conflict` where the name is taken; `not-found` where the image or a volume is not here any more
 */
export async function addContainer(
  database: Database,
  blobs: Blobs,
  added: NewContainer,
  event: Occurrence,
  volumes: readonly NewVolume[] = [],
): Promise<ContainerRecord> {
  const { made, trash } = await database.transact((transaction) => {
    requireName(database, added.name);
    const strays = volumes.map((volume) => placeVolume(database, transaction, volume, volume.event, volume.draft));
    for (const { digest } of [added.target, added.manifest]) {
      const missing = describe(database, digest);
      if (!missing || blobs.missing(missing) !== undefined)
        throw new ImageError('not-found', `No such image: ${added.image}`, { detail: { name: added.image, digest } });
    }
    database.run(
      'INSERT INTO container (id, name, image, target, manifest, origin, state, created, document) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)',
      added.id,
      added.name,
      added.image,
      added.target.digest,
      added.manifest.digest,
      added.origin?.digest ?? null,
      added.state,
      added.created.getTime(),
      JSON.stringify(added.document),
    );
    setVolumes(database, added.id, added.volumes);
    tell(database, transaction, added.id, event);
    return { made: findContainer(database, added.id), trash: strays };
  });
  await emptyFolders(trash);
  return made;
}

/**
 * Reads, decides and writes in one transaction: what two processes change at once, both have changed.
 * @param id whole
 * @param change synchronous
 * @throws ImageError `not-found`; `conflict` where the new name is taken; whatever `change` throws
 */
export async function changeContainer(
  database: Database,
  id: string,
  change: (current: ContainerRecord) => ContainerChange,
  event?: Occurrence,
): Promise<ContainerRecord> {
  return database.transact((transaction) => {
    const current = findContainer(database, id);
    const { name = current.name, state = current.state, document = current.document, volumes } = change(current);
    if (name !== current.name) requireName(database, name);
    database.run('UPDATE container SET name = ?, state = ?, document = ? WHERE id = ?', name, state, JSON.stringify(document), current.id);
    if (volumes) setVolumes(database, current.id, volumes);
    if (event) tell(database, transaction, current.id, event);
    return findContainer(database, current.id);
  });
}

/**
 * Takes the record and what was changed in it; its image's content is no longer held by it.
 * @param id whole
 * @param allow synchronous, within the transaction: throws where it must stay
 * @param volumes go with it where no other container needs them
 * @throws ImageError `not-found`
 */
export async function removeContainer(
  database: Database,
  id: string,
  event: Occurrence,
  allow: (current: ContainerRecord) => void = () => undefined,
  volumes: readonly GoingVolume[] = [],
): Promise<ContainerRecord> {
  const { removed, trash } = await database.removing((transaction) => {
    const current = findContainer(database, id);
    allow(current);
    const folder = dropContainer(database, transaction, current.id, event);
    return { removed: current, trash: [folder, ...volumes.map((volume) => dropUnusedVolume(database, transaction, volume))] };
  });
  await emptyFolders(trash);
  return removed;
}

/** Within a transaction. @param folder false: only the rows, to be taken back @returns its folder in `trash/`, where it had one */
export function dropContainer(
  database: Database,
  transaction: Transaction,
  id: string,
  event: Occurrence,
  folder = true,
): string | undefined {
  database.run('DELETE FROM container WHERE id = ?', id);
  database.run('DELETE FROM container_volume WHERE container = ?', id);
  tell(database, transaction, id, event);
  return folder ? discardFolder(database, transaction, 'containers', id) : undefined;
}

/** The folder for what is changed in a container; it is made where there is none, unless `make` is false. @throws ImageError `not-found` */
export async function containerFolder(database: Database, id: string, make: boolean): Promise<string> {
  const { id: name } = findRow(database, id);
  const path = join(database.place.containers, name);
  if (statIfThere(path) || (await restoreFolder(database, 'containers', name)) || !make) return path;
  return database.transact((transaction) => {
    // Removed in this moment, its folder would belong to nobody.
    const { id: whole } = findRow(database, id);
    const folder = join(database.place.containers, whole);
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    transaction.syncFolder(database.place.containers);
    return folder;
  });
}

function record(database: Database, row: ContainerRow): ContainerRecord {
  const descriptor = (digest: Digest): Descriptor => describe(database, digest) ?? { mediaType: '', digest, size: 0 };
  return {
    id: row.id,
    name: row.name,
    image: row.image,
    target: descriptor(row.target),
    manifest: descriptor(row.manifest),
    ...(row.origin === null ? {} : { origin: descriptor(row.origin) }),
    state: row.state,
    created: new Date(row.created),
    volumes: database
      .all<{ volume: string }>('SELECT volume FROM container_volume WHERE container = ? ORDER BY volume', row.id)
      .map(({ volume }) => volume),
    document: JSON.parse(row.document) as unknown,
  };
}

function describe(database: Database, digest: Digest): Descriptor | undefined {
  const row = database.get<{ media_type: string; size: number }>('SELECT media_type, size FROM manifest WHERE digest = ?', digest);
  return row && { mediaType: row.media_type, digest, size: row.size };
}

function requireName(database: Database, name: string): void {
  const taken = database.get<{ id: string }>('SELECT id FROM container WHERE name = ?', name);
  if (taken)
    throw new ImageError(
      'conflict',
      `Conflict. The container name "/${name}" is already in use by container "${taken.id}". You have to remove (or rename) that container to be able to reuse that name.`,
      { detail: { name, container: taken.id } },
    );
}

function setVolumes(database: Database, container: string, volumes: readonly string[]): void {
  database.run('DELETE FROM container_volume WHERE container = ?', container);
  for (const volume of new Set(volumes)) {
    if (!database.get('SELECT 1 FROM volume WHERE name = ?', volume))
      throw new ImageError('not-found', `get ${volume}: no such volume`, { detail: { volume } });
    database.run('INSERT INTO container_volume (container, volume) VALUES (?, ?)', container, volume);
  }
}

function tell(database: Database, transaction: Transaction, id: string, { action, attributes = {} }: Occurrence): void {
  insertEvent(database, transaction, { type: 'container', action, id, attributes });
}
