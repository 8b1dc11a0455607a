import { readdirSync, readFileSync, rmdirSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { asImageError, isSystemError } from '../errors.ts';
import { isDraftOf, writeFileAtomic } from '../io/atomic-file.ts';
import { removeFolder } from '../io/remove-folder.ts';
import { sqlite } from '../io/sqlite.ts';
import { asStoreError, databasePath, isBusy } from './connection.ts';
import { PlaceLock } from './place-lock.ts';
import { Place, statIfThere, unusable } from './place.ts';

/** What a move is about: in the old place from before its first step, in the new place from its first, in both until the old place has gone. */
export interface MoveNote {
  readonly id: string;
  /** Of the place in which the note lies. */
  readonly role: 'leaving' | 'arriving';
  readonly from: string;
  readonly to: string;
  /** Folders on the way to the new place that the move has made, the innermost first. */
  readonly parents: readonly string[];
}

export async function writeMoveNote(place: Place, note: MoveNote): Promise<void> {
  await writeFileAtomic(place.moveNote, `${JSON.stringify(note)}\n`, 0o600);
}

/** Undefined where there is none. */
export function readMoveNote(place: Place): MoveNote | undefined {
  try {
    return JSON.parse(readFileSync(place.moveNote, 'utf8')) as MoveNote;
  } catch (error) {
    if (isSystemError(error, 'ENOENT', 'ENOTDIR')) return undefined;
    throw asImageError(error, `cannot read ${place.moveNote}`);
  }
}

/**
 * Before a place with a note in it is opened: what a move that was killed before its switch has made is taken away; a place that a store is only about to come to is refused.
 * @throws ImageError `store-unusable`
 */
export async function settleMoveNote(place: Place): Promise<void> {
  const note = readMoveNote(place);
  if (!note) return;
  if (note.role === 'leaving') {
    if (!statIfThere(place.databaseFile)) return;
    using lock = PlaceLock.alone(place.moveLock);
    // Without it somebody is about it.
    if (lock && !hasMoved(place)) {
      await undoIfAble(note);
      dropNoteDrafts(place);
    }
    return;
  }
  const old = new Place(note.from);
  if (readMoveNote(old)?.id === note.id ? !hasMoved(old) : !statIfThere(place.databaseFile))
    throw unusable(place, `the store ${note.from} is just being moved here, or was to be`, `Wait until it is here, or use ${note.from}.`);
}

/** Whether the database of a place leads on, or has gone, or is just going: it is locked for no other reason. */
function hasMoved(old: Place): boolean {
  if (!statIfThere(old.databaseFile)) return true;
  try {
    const connection = new (sqlite().DatabaseSync)(databasePath(old), { readOnly: true, timeout: 500 });
    try {
      const { moved_to: moved } = connection.prepare('SELECT moved_to FROM state').get() as { moved_to: string | null };
      return moved !== null;
    } finally {
      connection.close();
    }
  } catch (error) {
    if (isBusy(error) || !statIfThere(old.databaseFile)) return true;
    throw asStoreError(old, error);
  }
}

/**
 * As `undoMove`; but what cannot be taken away, on a disk that has become read-only or broken, keeps nobody from the store that was to go there: the note stays, and each start tries again.
 * @returns false where something is left
 */
export async function undoIfAble(note: MoveNote): Promise<boolean> {
  try {
    await undoMove(note);
    return true;
  } catch {
    return false;
  }
}

/** Takes away what a move has made, before its switch. @throws ImageError where something cannot be removed: the note stays then */
export async function undoMove(note: MoveNote): Promise<void> {
  const [from, to] = [new Place(note.from), new Place(note.to)];
  if (readMoveNote(to)?.id === note.id) await removeFolder(to.root);
  // Killed before its note was there, the folder may have been left empty, or with the draft of the note alone.
  removeDraft(to, note);
  for (const folder of [...(statIfThere(to.own) ? [to.own] : []), to.root, ...note.parents]) removeIfEmpty(folder);
  rmSync(from.moveNote, { force: true });
}

/** A folder with anything else in it is not of this move. */
function removeDraft(place: Place, { id }: MoveNote): void {
  const [draft, ...others] = statIfThere(place.own) ? readdirSync(place.own) : [];
  if (draft === undefined || others.length > 0 || !isDraftOf(draft, basename(place.moveNote))) return;
  const path = join(place.own, draft);
  const text = readFileSync(path, 'utf8');
  if (text === '' || text.includes(id)) rmSync(path, { force: true });
}

/** What a kill has left of one: by whoever has the lock of moves alone, so that nobody is just writing it. */
export function dropNoteDrafts(place: Place): void {
  for (const name of readdirSync(place.own)) if (isDraftOf(name, basename(place.moveNote))) rmSync(join(place.own, name), { force: true });
}

export function removeIfEmpty(folder: string): void {
  try {
    rmdirSync(folder);
  } catch (error) {
    // In use by somebody, a disk of its own, in a folder that this user may not change: it stays, and does no harm.
    if (!isSystemError(error, 'ENOENT', 'ENOTEMPTY', 'EEXIST', 'EBUSY', 'EPERM', 'EACCES', 'EROFS', 'ENOTDIR'))
      throw asImageError(error, `cannot remove ${folder}`);
  }
}
