import { createHash } from 'node:crypto';
import { chmod, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { ImageError } from '../errors.ts';
import type { Database, Transaction } from './database.ts';
import { makeDraftFolder, type DraftFolder } from './draft-folder.ts';
import { insertEvent } from './events.ts';
import { discardFolder, emptyFolders, isLeft, placeFolder, restoreFolder } from './folders.ts';
import { statIfThere } from './place.ts';
import type { Occurrence } from './store-event.ts';
import type { GoingVolume, VolumeRecord } from './volume-record.ts';

interface VolumeRow {
  readonly name: string;
  readonly folder: string;
  readonly created: number;
  readonly document: string;
}

/** By name. */
export function listVolumes(database: Database): VolumeRecord[] {
  return database.all<VolumeRow>('SELECT * FROM volume ORDER BY name').map((row) => record(database, row));
}

/** @throws ImageError `not-found` with docker's text */
export function getVolume(database: Database, name: string): VolumeRecord {
  return record(database, getRow(database, name));
}

/** As `getVolume`, with its files in their place, also where a removal of it was killed. */
export async function findVolume(database: Database, name: string): Promise<VolumeRecord> {
  const row = getRow(database, name);
  if (!statIfThere(join(database.place.volumes, row.folder))) await restoreFolder(database, 'volumes', row.folder);
  return record(database, row);
}

/** Ids of the containers that need it. */
export function volumeUsers(database: Database, name: string): string[] {
  return database
    .all<{ container: string }>('SELECT container FROM container_volume WHERE volume = ? ORDER BY container', name)
    .map(({ container }) => container);
}

/**
 * Makes a volume, or finds the one of that name, as docker does: then `draft` is left as it is, and no event is written.
 * @param draft a folder with a `_data` in it: what the volume begins with. Default: nothing
 */
export async function addVolume(
  database: Database,
  added: Pick<VolumeRecord, 'name' | 'document'>,
  event: Occurrence,
  draft?: DraftFolder,
): Promise<VolumeRecord> {
  await using own = draft ? undefined : await makeDraftFolder(database, 'volume');
  const folder = draft ?? own;
  if (own) {
    const data = join(own.path, '_data');
    await mkdir(data);
    // Whatever this user's umask: whoever runs in a container looks in.
    await chmod(data, 0o755);
  }
  const { made, old } = await database.transact((transaction) => ({
    old: folder && placeVolume(database, transaction, added, event, folder),
    made: getVolume(database, added.name),
  }));
  await emptyFolders([old]);
  return made;
}

/**
 * Within a transaction: makes the volume, unless there is one of that name. Files of that name whose row was lost with the database are its files again, as with docker, and the draft stays.
 * @returns what else lay in its place without a row, in `trash/` now
 */
export function placeVolume(
  database: Database,
  transaction: Transaction,
  added: Pick<VolumeRecord, 'name' | 'document'>,
  event: Occurrence,
  draft: DraftFolder,
): string | undefined {
  if (database.get('SELECT 1 FROM volume WHERE name = ?', added.name)) return undefined;
  const name = folderName(added.name);
  const found = statIfThere(join(database.place.volumes, name, '_data')) !== undefined && !isLeft(database, 'volumes', name);
  const stray = found ? undefined : placeFolder(database, transaction, 'volumes', name, draft.path);
  if (!found) draft.taken(transaction);
  database.run(
    'INSERT INTO volume (name, folder, created, document) VALUES (?, ?, ?, ?)',
    added.name,
    name,
    transaction.time,
    JSON.stringify(added.document),
  );
  tell(database, transaction, added.name, event);
  return stray;
}

/** @throws ImageError `not-found`; whatever `change` throws */
export async function changeVolume(
  database: Database,
  name: string,
  change: (current: VolumeRecord) => Pick<VolumeRecord, 'document'>,
): Promise<VolumeRecord> {
  return database.transact(() => {
    const { document } = change(getVolume(database, name));
    database.run('UPDATE volume SET document = ? WHERE name = ?', JSON.stringify(document), name);
    return getVolume(database, name);
  });
}

/** Takes the volume with its files. @throws ImageError `not-found`; `conflict` with docker's text where a container needs it */
export async function removeVolume(database: Database, name: string, event: Occurrence): Promise<void> {
  const trash = await database.removing((transaction) => {
    const { folder } = getRow(database, name);
    const users = volumeUsers(database, name);
    if (users.length > 0)
      throw new ImageError('conflict', `remove ${name}: volume is in use - [${users.join(', ')}]`, {
        detail: { volume: name, containers: users },
      });
    return drop(database, transaction, { name, folder }, event);
  });
  await emptyFolders([trash]);
}

/** Within a transaction. @returns where its folder is now; undefined where it stays, since a container needs it, or has gone already */
export function dropUnusedVolume(database: Database, transaction: Transaction, { name, event }: GoingVolume): string | undefined {
  const row = database.get<VolumeRow>('SELECT * FROM volume WHERE name = ?', name);
  return row && volumeUsers(database, name).length === 0 ? drop(database, transaction, row, event) : undefined;
}

function drop(
  database: Database,
  transaction: Transaction,
  { name, folder }: Pick<VolumeRow, 'name' | 'folder'>,
  event: Occurrence,
): string | undefined {
  database.run('DELETE FROM volume WHERE name = ?', name);
  tell(database, transaction, name, event);
  return discardFolder(database, transaction, 'volumes', folder);
}

function getRow(database: Database, name: string): VolumeRow {
  const row = database.get<VolumeRow>('SELECT * FROM volume WHERE name = ?', name);
  if (!row) throw new ImageError('not-found', `get ${name}: no such volume`, { detail: { volume: name } });
  return row;
}

function record(database: Database, { name, folder, created, document }: VolumeRow): VolumeRecord {
  return {
    name,
    created: new Date(created),
    mountpoint: join(database.place.volumes, folder, '_data'),
    document: JSON.parse(document) as unknown,
  };
}

/** The name itself where every file system takes it, and keeps it apart from others; else what stands for it. `~` is in no volume's name. */
function folderName(name: string): string {
  const plain = /^[a-z0-9][a-z0-9_.-]{0,99}$/.test(name) && !name.endsWith('.') && !/^(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)/.test(name);
  return plain ? name : `~${createHash('sha256').update(name).digest('hex').slice(0, 32)}`;
}

function tell(database: Database, transaction: Transaction, id: string, { action, attributes = {} }: Occurrence): void {
  insertEvent(database, transaction, { type: 'volume', action, id, attributes });
}
