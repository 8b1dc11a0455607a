import { randomBytes } from 'node:crypto';
import { lstatSync, readdirSync, rmSync } from 'node:fs';
import { copyFile, readdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DatabaseSync } from 'node:sqlite';
import { asImageError } from '../errors.ts';
import { heldOpen } from '../io/held-open.ts';
import { removeFile } from '../io/remove-file.ts';
import { removeFolder } from '../io/remove-folder.ts';
import { connectNow, isBusy } from './connection.ts';
import type { Database } from './database.ts';
import { readMoveNote, removeIfEmpty } from './move-note.ts';
import { PlaceLock } from './place-lock.ts';
import { Place, statIfThere } from './place.ts';
import type { MoveOptions } from './relocate.ts';

interface LeaveOptions extends Pick<MoveOptions, 'signal' | 'onMove'> {
  /** How long others that have the old place open are waited for. Milliseconds. */
  readonly patience: number;
  /** That of the old place's move, where the caller has it: it ends with this. */
  readonly lock?: PlaceLock | undefined;
}

/**
 * Removes the place that a store has left, once no process has it open; nothing where there is none. What speaks of the new place goes last, so that a kill leaves a place that leads on.
 * Not before it is written down where the store is now.
 * @returns false where it is still in use, or somebody else is about it
 */
export async function leavePlace(database: Database, options: LeaveOptions): Promise<boolean> {
  const { place } = database;
  const note = readMoveNote(place);
  if (note?.role !== 'arriving') return true;
  const old = new Place(note.from);
  if (statIfThere(old.databaseFile)) {
    if (readMoveNote(old)?.id !== note.id) return false;
    using lock = options.lock ?? PlaceLock.alone(old.moveLock);
    // While it was waited for, somebody else may have removed all.
    const connection = lock && statIfThere(old.databaseFile) && (await seize(old, place, options));
    if (!connection) return false;
    try {
      await takeDrafts(old, place);
      if (!(await removeAll(old, () => database.at('move-removing')))) return false;
      // Windows removes nothing that is open; elsewhere nobody comes in before it has gone.
      if (process.platform === 'win32') connection.close();
      for (const name of ['store.sqlite-wal', 'store.sqlite-shm', 'store.sqlite']) rmSync(join(old.own, name), { force: true });
    } catch (error) {
      if (heldOpen(error)) return false;
      throw asImageError(error, `cannot remove ${old.root}`);
    } finally {
      if (connection.isOpen) connection.close();
    }
  }
  // Only what is ours, and empty otherwise: the path may be somebody's since.
  if (readMoveNote(old)?.id === note.id) await removeFolder(old.own);
  // Whoever was just about to open the store there may have made a folder again.
  for (const folder of [old.blobFolder('sha256'), old.blobFolder('sha512'), old.blobs, old.own, old.root]) removeIfEmpty(folder);
  database.at('move-removed');
  rmSync(place.moveNote, { force: true });
  return true;
}

/** The old database for this process alone, if it leads to the new place, and nobody else has it open: while one has, WAL is not ended. */
async function seize(old: Place, place: Place, { patience, signal, onMove }: LeaveOptions): Promise<DatabaseSync | undefined> {
  const connection = connectNow(old);
  let isOurs = false;
  try {
    const { moved_to: moved } = connection.prepare('SELECT moved_to FROM state').get() as { moved_to: string | null };
    if (moved !== place.root) return undefined;
    connection.exec('PRAGMA busy_timeout = 0');
    for (const end = performance.now() + patience; ;) {
      try {
        const { journal_mode: mode } = connection.prepare('PRAGMA journal_mode = DELETE').get() as { journal_mode: string };
        if (mode === 'delete') {
          connection.exec('BEGIN EXCLUSIVE');
          isOurs = true;
          return connection;
        }
      } catch (error) {
        if (!isBusy(error)) throw error;
      }
      if (signal?.aborted || performance.now() > end) return undefined;
      onMove?.({ state: 'removing', current: 0, total: 0 });
      await sleep(25);
    }
  } finally {
    if (!isOurs) connection.close();
  }
}

/** Partial downloads, which anybody may go on with. */
async function takeDrafts(old: Place, place: Place): Promise<void> {
  if (!statIfThere(old.drafts)) return; // begun before, and killed
  for (const entry of await readdir(old.drafts, { withFileTypes: true })) {
    if (!entry.isDirectory() || entry.name.startsWith('~')) continue;
    for (const name of await readdir(join(old.drafts, entry.name))) {
      const [, content] = /^(sha(?:256|512)-[0-9a-f]+)(?:\.[0-9a-f]+)?$/.exec(name) ?? [];
      if (content === undefined) continue;
      const free = join(place.freeDrafts, `${content}.${randomBytes(6).toString('hex')}`);
      const from = join(old.drafts, entry.name, name);
      // It is hashed by whoever takes it: a loss costs a download, no more.
      await rename(from, free).catch(() => copyFile(from, free).catch(() => undefined));
    }
  }
}

/** All but what speaks of the move. False where Windows keeps a file that somebody has open. */
async function removeAll(old: Place, at: () => void): Promise<boolean> {
  const kept = new Set(['move.json', 'move.lock', 'store.sqlite', 'store.sqlite-wal', 'store.sqlite-shm']);
  let all = true;
  // First: without it nobody takes the folder for a store.
  await removeFile(old.layoutFile);
  for (const folder of [old.root, old.own])
    for (const name of readdirSync(folder)) {
      const path = join(folder, name);
      if (path === old.own || (folder === old.own && kept.has(name))) continue;
      at();
      all = (await removeTree(path)) && all;
    }
  at();
  return all;
}

/** Windows keeps read-only files from a recursive removal. */
async function removeTree(path: string): Promise<boolean> {
  if (process.platform !== 'win32') return removeFolder(path);
  if (!lstatSync(path).isDirectory()) return removeFile(path);
  let all = true;
  for (const name of readdirSync(path)) all = (await removeTree(join(path, name))) && all;
  if (all) removeIfEmpty(path);
  return all;
}
