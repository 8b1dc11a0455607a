import { randomBytes } from 'node:crypto';
import { readdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isSystemError } from '../errors.ts';
import { heldOpen } from '../io/held-open.ts';
import { removeFileNow } from '../io/remove-file.ts';
import { removeFolder } from '../io/remove-folder.ts';
import { moveNow } from './carry.ts';
import type { Database, Transaction } from './database.ts';
import { statIfThere } from './place.ts';

/**
 * The folders that rows speak of: one for each tree and volume, one for each container that has changed something. They come and go within the transaction of their row.
 * A process killed between a rename and the commit leaves a folder without a row, or a row whose folder is in `trash/`: `mendFolders` puts both right.
 * Such a folder has a file of its name in `trash/` too. One that has not, and that no row speaks of, is no killed process's: the database was lost, or an older one put in its place,
 * and what is in it is its user's.
 */
const kinds = ['trees', 'containers', 'volumes'] as const;
export type FolderKind = (typeof kinds)[number];

/** Of a folder in `trash/`, or of a file there that says whose folder comes or goes at this moment. */
const trashName = (kind: FolderKind, name: string) => `${kind}~${name}.${randomBytes(6).toString('hex')}`;
const trashed = /^(trees|containers|volumes)~(.*)\.[0-9a-f]{12}$/;

/**
 * Within a transaction: the folder of a row that is going goes to `trash/`, where there is one.
 * @returns where it is then; undefined where there is nothing to empty. On Windows what somebody has open stays where it is until the next start or sweep.
 */
export function discardFolder(database: Database, transaction: Transaction, kind: FolderKind, name: string): string | undefined {
  const { place } = database;
  const trash = join(place.trash, trashName(kind, name));
  try {
    renameSync(join(place[kind], name), trash);
    transaction.afterRollback(() => renameSync(trash, join(place[kind], name)));
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return undefined;
    if (!heldOpen(error)) throw error;
    // In its place, so that the next start looks.
    writeFileSync(trash, '');
    return undefined;
  }
  database.at('trashed');
  transaction.syncFolder(place[kind]);
  return trash;
}

/** Within a transaction: a draft becomes the folder of a row that is coming. What lies there without a row goes. @returns what has gone to `trash/` */
export function placeFolder(
  database: Database,
  transaction: Transaction,
  kind: FolderKind,
  name: string,
  draft: string,
): string | undefined {
  const { place } = database;
  const old = statIfThere(join(place[kind], name)) ? discardFolder(database, transaction, kind, name) : undefined;
  const coming = join(place.trash, trashName(kind, name));
  writeFileSync(coming, '', { mode: 0o600 });
  transaction.afterCommit(() => void removeFileNow(coming));
  transaction.afterRollback(() => void removeFileNow(coming));
  moveNow(database, draft, join(place[kind], name));
  transaction.afterRollback(() => moveNow(database, join(place[kind], name), draft));
  database.at('renamed');
  transaction.syncFolder(place[kind]);
  return old;
}

/**
 * Brings a row's folder back, which a process took to `trash/` that was killed before its commit; for a process that was there before, and will not start again soon.
 * @returns false where there is none to bring back
 */
export async function restoreFolder(database: Database, kind: FolderKind, name: string): Promise<boolean> {
  const isIts = (entry: string) => isOf(entry, kind, name) && isFolder(join(database.place.trash, entry));
  if (!readdirSync(database.place.trash).some(isIts)) return false;
  return database.transact((transaction) => {
    const { place } = database;
    const path = join(place[kind], name);
    const kept = readdirSync(place.trash).find(isIts);
    if (kept === undefined || !hasRow(database, kind, name) || statIfThere(path)) return false;
    renameSync(join(place.trash, kept), path);
    transaction.syncFolder(place[kind]);
    return true;
  });
}

/** After the commit. */
export async function emptyFolders(paths: readonly (string | undefined)[]): Promise<void> {
  for (const path of paths) if (path !== undefined) await removeFolder(path);
}

/**
 * Brings back the folders in `trash/` whose rows still count, and gives up those that have no row, there or with a file of their name there. Nothing else in `trash/` is its concern.
 * A layer that is laid out and has no row is laid out again when it is needed; a container's or volume's folder stays.
 */
export async function mendFolders(database: Database): Promise<void> {
  const gone = await database.transact((transaction) => {
    const { place } = database;
    const dead: string[] = [];
    const ours = new Set<string>();
    for (const entry of readdirSync(place.trash)) {
      const [, kind, name] = trashed.exec(entry) ?? [];
      const known = kinds.find((one) => one === kind);
      if (!known || name === undefined) continue;
      const path = join(place.trash, entry);
      if (!isFolder(path)) ours.add(join(place[known], name));
      if (hasRow(database, known, name) && !statIfThere(join(place[known], name)) && isFolder(path)) {
        renameSync(path, join(place[known], name));
        transaction.syncFolder(place[known]);
      } else dead.push(path);
    }
    for (const kind of kinds)
      for (const name of readdirSync(place[kind]))
        if (!hasRow(database, kind, name) && (kind === 'trees' || ours.has(join(place[kind], name)))) {
          const trash = discardFolder(database, transaction, kind, name);
          if (trash !== undefined) dead.push(trash);
        }
    return dead;
  });
  await emptyFolders(gone);
}

/** True where such a folder was left by a process that was killed. */
export function isLeft(database: Database, kind: FolderKind, name: string): boolean {
  const { trash } = database.place;
  return readdirSync(trash).some((entry) => isOf(entry, kind, name) && !isFolder(join(trash, entry)));
}

/** A volume's name may be another's with a dot and more behind it. */
function isOf(entry: string, kind: FolderKind, name: string): boolean {
  const [, ofKind, ofName] = trashed.exec(entry) ?? [];
  return ofKind === kind && ofName === name;
}

function isFolder(path: string): boolean {
  return statIfThere(path)?.isDirectory() === true;
}

/** True for the name in `trash/` of what was such a folder. */
export function isFolderName(name: string): boolean {
  return trashed.test(name);
}

/** Folders that no row speaks of. */
export function strayFolders(database: Database): string[] {
  const { place } = database;
  return kinds.flatMap((kind) =>
    readdirSync(place[kind])
      .filter((name) => !hasRow(database, kind, name))
      .map((name) => join(place[kind], name)),
  );
}

function hasRow(database: Database, kind: FolderKind, name: string): boolean {
  switch (kind) {
    case 'trees': {
      const [algorithm = '', hex = ''] = name.split('-');
      return database.get('SELECT 1 FROM tree WHERE diff_id = ?', `${algorithm}:${hex}`) !== undefined;
    }
    case 'containers':
      return database.get('SELECT 1 FROM container WHERE id = ?', name) !== undefined;
    case 'volumes':
      return database.get('SELECT 1 FROM volume WHERE folder = ?', name) !== undefined;
  }
}
