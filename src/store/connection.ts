import { toNamespacedPath } from 'node:path';
import { pathToFileURL } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DatabaseSync, SQLInputValue } from 'node:sqlite';
import { asImageError, ImageError, isSystemError } from '../errors.ts';
import { sqlite } from '../io/sqlite.ts';
import { cannotRead, cannotWrite, mayRead, mayWrite, statIfThere, unusable, type Place } from './place.ts';
import { spendReserve } from './reserve.ts';

/** Of a database, with its folders, in bytes: SQLite's own limit is 512 with `-journal` behind it (os_unix.c, MAX_PATHNAME). */
const longestPath = 504;

/** Opens a place's database, made where there is none. @throws ImageError */
export async function connect(place: Place): Promise<DatabaseSync> {
  // Turning a new database to WAL takes a lock that SQLite does not wait for.
  for (let tries = 0; ; tries++) {
    try {
      return connectNow(place);
    } catch (error) {
      if (!(error instanceof ImageError && isBusy(error.cause)) || tries > 200) throw error;
      await sleep(5 + Math.random() * 20);
    }
  }
}

export function connectNow(place: Place): DatabaseSync {
  try {
    const connection = new (sqlite().DatabaseSync)(databasePath(place));
    try {
      connection.exec('PRAGMA busy_timeout = 5000; PRAGMA synchronous = FULL; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -2000');
      const { journal_mode: mode } = connection.prepare('PRAGMA journal_mode').get() as { journal_mode: string };
      if (mode !== 'wal') connection.exec('PRAGMA journal_mode = WAL');
      // The first read maps SQLite's shared memory: it is now that a full disk shows.
      connection.prepare('PRAGMA user_version').get();
      return connection;
    } catch (error) {
      connection.close();
      throw error;
    }
  } catch (error) {
    if (isFull(error) && spendReserve(place)) return connectNow(place);
    throw asStoreError(place, error);
  }
}

/**
 * Opens the database of a place that only can be read. While a process elsewhere has it open (the same folder mounted twice), its log and shared memory are read too; else the file alone
 * is all that there is, and SQLite, which would make those two, is told so. @throws ImageError
 */
export function connectToRead(place: Place): DatabaseSync {
  try {
    const { DatabaseSync } = sqlite();
    if (hasLog(place)) {
      if (!statIfThere(`${place.databaseFile}-shm`))
        throw unusable(
          place,
          'a process that was killed has left its last changes in a log, which can be taken in only where the store may be written',
          'Mount it writable and run any command once, or copy it to where you may write.',
        );
      return opened(new DatabaseSync(databasePath(place), { readOnly: true }));
    }
    const address = pathToFileURL(place.databaseFile);
    address.search = 'immutable=1';
    return opened(new DatabaseSync(address, { readOnly: true }));
  } catch (error) {
    throw asStoreError(place, error);
  }
}

/** Which state of the file was opened by `connectToRead`: another one is to be opened anew, as SQLite itself looks no more at a file that it takes for immutable. */
export function readMark(place: Place): string {
  const { ino = 0, size = 0, mtimeMs = 0 } = statIfThere(place.databaseFile) ?? {};
  return hasLog(place) ? 'log' : `${ino}-${size}-${mtimeMs}`;
}

function hasLog({ databaseFile }: Place): boolean {
  return (statIfThere(`${databaseFile}-wal`)?.size ?? 0) > 0;
}

function opened(connection: DatabaseSync): DatabaseSync {
  try {
    connection.exec('PRAGMA busy_timeout = 5000; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -2000');
    connection.prepare('PRAGMA user_version').get();
    return connection;
  } catch (error) {
    connection.close();
    throw error;
  }
}

/** SQLite gives its path to Windows as it is, where one of more than 260 letters (with `-journal` behind it) must be written in another way. */
export function databasePath({ databaseFile }: Place): string {
  return databaseFile.length > 240 ? toNamespacedPath(databaseFile) : databaseFile;
}

/** SQLite's primary result code (sqlite.org/rescode.html), or undefined for another error. */
function resultCode(error: unknown): number | undefined {
  const code = (error as { errcode?: unknown } | undefined)?.errcode;
  return typeof code === 'number' ? code & 0xff : undefined;
}

export function isBusy(error: unknown): boolean {
  const code = resultCode(error);
  return code === 5 || code === 6;
}

/** No room: SQLITE_FULL, or SQLITE_IOERR_SHMSIZE and SQLITE_IOERR_SHMOPEN for the shared memory's file. */
function isFull(error: unknown): boolean {
  const code = (error as { errcode?: unknown } | undefined)?.errcode;
  return code === 13 || code === 4874 || code === 4618 || isSystemError(error, 'ENOSPC', 'EDQUOT');
}

/** The ImageError for what SQLite, or the system in the midst of a transaction, says. */
export function asStoreError(place: Place, error: unknown): ImageError {
  if (error instanceof ImageError) return error;
  const { message } = error as Error;
  if (isFull(error)) return asImageError({ code: 'ENOSPC', message }, `cannot write the store ${place.root}`);
  switch (resultCode(error)) {
    case 5:
    case 6:
      return new ImageError('unavailable', `the store ${place.root} is busy`, { cause: error });
    case 8:
      return cannotWrite(place, error);
    case 10:
      return mayWrite(place) ? asImageError({ code: 'EIO', message }, `cannot use the store ${place.root}`) : cannotWrite(place, error);
    case 11:
    case 26:
      return unusable(
        place,
        `its database is damaged (${message})`,
        `Move ${place.databaseFile} away: names and images come back from index.json, a volume's files when it is created again; containers do not, unless the file is repaired.`,
        error,
      );
    case 14:
      // Even who only reads writes there: SQLite's shared memory is a file.
      if (!mayWrite(place)) return mayRead(place) ? cannotWrite(place, error) : cannotRead(place, error);
      if (process.platform !== 'win32' && Buffer.byteLength(place.databaseFile) > longestPath)
        return unusable(
          place,
          `its path is too long: SQLite opens a file of at most ${longestPath} bytes`,
          'Choose another place with BAY_HOME.',
          error,
        );
      return unusable(
        place,
        `its database cannot be opened (${message})`,
        `${place.databaseFile} must be a file that you may read and write. Where it is none, move it away: names and images come back from index.json.`,
        error,
      );
    default:
      return asImageError(error, `cannot use ${(error as NodeJS.ErrnoException).path ?? `the store ${place.root}`}`);
  }
}

/** A statement's parameters, as `node:sqlite` takes them. */
type Parameters = readonly [named: Record<string, SQLInputValue>, ...others: SQLInputValue[]];

/** Values by their place. Numbered parameters (`?1`) get theirs by name: Node 22.18 does not count them as places. */
export function parametersOf(sql: string, values: readonly SQLInputValue[]): Parameters {
  return sql.includes('?1') ? [Object.fromEntries(values.map((value, at) => [`?${at + 1}`, value]))] : [{}, ...values];
}
