import { randomBytes } from 'node:crypto';
import { realpathSync, statfsSync } from 'node:fs';
import { link, mkdir, readFile, rm } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DatabaseSync } from 'node:sqlite';
import { asImageError, ImageError, isSystemError } from '../errors.ts';
import { syncFolder, writeFileAtomic } from '../io/atomic-file.ts';
import { canceled } from '../io/concurrently.ts';
import { makeFolderPath } from '../io/make-folder-path.ts';
import { refuseOddPath } from '../io/path-rules.ts';
import { syncNow } from '../io/sync-now.ts';
import { asStoreError, connectNow, databasePath, isBusy } from './connection.ts';
import type { Database } from './database.ts';
import { leavePlace } from './leave-place.ts';
import { isWithin, Mirror } from './mirror.ts';
import { dropNoteDrafts, readMoveNote, removeIfEmpty, undoIfAble, undoMove, writeMoveNote, type MoveNote } from './move-note.ts';
import { PlaceLock } from './place-lock.ts';
import { makeFolders, Place, refuseNetwork, statIfThere, unusable } from './place.ts';
import { copyUploads } from './move-uploads.ts';

/** How far a move is. Bytes that are copied: none where files get second names on the same disk. */
export interface MoveProgress {
  readonly state: 'copying' | 'waiting' | 'switching' | 'removing';
  readonly current: number;
  readonly total: number;
}

export interface MoveOptions {
  /** Until the switch: nothing has been changed then, and the target is gone. Aborted after it, the old folder is left for the next start. */
  readonly signal?: AbortSignal | undefined;
  readonly onMove?: ((progress: MoveProgress) => void) | undefined;
  /** The store is at its new place: where that is written down for later processes. Before the old place goes. */
  readonly onSwitched?: (() => Promise<void>) | undefined;
}

export interface Moved {
  readonly from: string;
  readonly to: string;
  /** `linked`: on the same disk, nothing was copied. */
  readonly how: 'linked' | 'copied';
  /** Bytes that were copied. */
  readonly bytes: number;
  /** False where something that began before the move, or a process that has stopped, still uses the old folder, or Windows keeps a file of it: the next start removes it. */
  readonly removed: boolean;
}

/** What may be brought while everybody who writes waits. Bytes; files. */
const shortBytes = 128 * 1024 * 1024;
const shortFiles = 5000;
/** How long those who change files of containers and volumes are kept waiting for one that does so for longer, and how long then are let go on. Milliseconds. */
const hold = 10_000;
const rest = 5000;
/** One try within that, in which this process stands still. */
const standStill = 50;

/**
 * Moves the store of a database, which others use meanwhile (docs/decisions/0056-moving-the-store.md).
 *
 * Everything is brought to the new place while they go on; then what has come since, in a moment in which nobody writes; and the old database's last transaction says where the store is.
 * That is the switch: before it the new place is nothing, after it the old one.
 * @throws ImageError `conflict` where the target exists, or another is moving the store; `invalid-argument` where one lies in the other; `store-unusable` for a network file system;
 *   `disk-full`, `permission`, `unsupported`, `canceled`: nothing is changed then
 */
export async function relocate(database: Database, target: string, options: MoveOptions = {}): Promise<Moved> {
  if (options.signal?.aborted) throw canceled(options.signal.reason);
  const old = new Place(realpathSync.native(database.place.root));
  const place = await choosePlace(old, target);
  const lock = PlaceLock.alone(old.moveLock);
  if (!lock)
    throw new ImageError('conflict', `the store ${old.root} is being moved by another process`, { hint: 'Wait until it is done.' });
  let moving: Moving | undefined;
  try {
    if (readMoveNote(old)?.role === 'arriving')
      throw new ImageError(
        'conflict',
        `the store ${old.root} has not left its last place, ${readMoveNote(old)?.from}: a process has that open still`,
        {
          hint: 'End that process, or wait until it ends, and try again.',
        },
      );
    const dead = readMoveNote(old);
    if (dead) await undoMove(dead);
    dropNoteDrafts(old);
    moving = await Moving.begin(database, old, place, options);
    await moving.bring();
  } catch (error) {
    if (moving) await moving.undo();
    lock[Symbol.dispose]();
    throw asStoreError(old, error);
  }
  try {
    await options.onSwitched?.();
  } catch (error) {
    lock[Symbol.dispose]();
    throw error;
  }
  database.at('move-told');
  const removed = await leavePlace(database, { signal: options.signal, patience: 10_000, onMove: options.onMove, lock });
  return { from: old.root, to: place.root, how: moving.how, bytes: moving.bytes, removed };
}

/** @throws ImageError */
async function choosePlace(old: Place, target: string): Promise<Place> {
  const asked = resolve(target);
  refuseOddPath(asked);
  const refuse = (code: 'conflict' | 'invalid-argument', why: string, hint: string) =>
    new ImageError(code, `cannot move the store to ${asked}: ${why}`, { hint, detail: { path: asked } });
  if (readMoveNote(new Place(asked))?.role === 'leaving')
    throw refuse(
      'conflict',
      'the store came from there, and something that began before that still uses what is left',
      'Try again when it has ended.',
    );
  if (statIfThere(asked))
    throw refuse('conflict', 'the path exists already', 'Name a folder that is not there yet: the store becomes that folder.');
  refuseNetwork(asked);
  let existing = dirname(asked);
  while (!statIfThere(existing) && dirname(existing) !== existing) existing = dirname(existing);
  if (!statIfThere(existing)?.isDirectory())
    throw refuse('invalid-argument', `${existing} is no folder`, 'Name a folder on a disk of this machine.');
  const place = new Place(join(realpathSync.native(existing), asked.slice(existing.length)));
  if (isWithin(place.root, old.root)) throw refuse('invalid-argument', 'it lies in the store itself', 'Name a folder outside of it.');
  return place;
}

class Moving {
  how: 'linked' | 'copied' = 'copied';
  bytes = 0;
  readonly #database: Database;
  readonly #old: Place;
  readonly #place: Place;
  readonly #note: MoveNote;
  readonly #options: MoveOptions;
  #mirror!: Mirror;
  #total = 0;

  private constructor(database: Database, old: Place, place: Place, note: MoveNote, options: MoveOptions) {
    this.#database = database;
    this.#old = old;
    this.#place = place;
    this.#note = note;
    this.#options = options;
  }

  /** Makes the target, noted in both places. */
  static async begin(database: Database, old: Place, place: Place, options: MoveOptions): Promise<Moving> {
    const parents: string[] = [];
    for (let path = dirname(place.root); !statIfThere(path); path = dirname(path)) parents.push(path);
    const note: MoveNote = { id: randomBytes(16).toString('hex'), role: 'leaving', from: old.root, to: place.root, parents };
    const moving = new Moving(database, old, place, note, options);
    await writeMoveNote(old, note);
    try {
      makeFolderPath(dirname(place.root));
      await mkdir(place.root, { mode: 0o700 });
    } catch (error) {
      for (const folder of parents) removeIfEmpty(folder);
      await rm(old.moveNote, { force: true });
      // Somebody's, who was faster.
      throw isSystemError(error, 'EEXIST')
        ? new ImageError('conflict', `cannot move the store to ${place.root}: the path exists already`, { cause: error })
        : asImageError(error, `cannot move the store to ${place.root}`);
    }
    try {
      await mkdir(place.own, { mode: 0o700 });
      await writeMoveNote(place, { ...note, role: 'arriving' });
      database.at('move-begun');
      moving.how = (await moving.#canLink()) ? 'linked' : 'copied';
      moving.#mirror = new Mirror(old.root, place.root, {
        linking: moving.how === 'linked',
        leaveOut: isLeftOut,
        copyAlways: isCopiedAlways,
        signal: options.signal,
        onBytes: (count) => moving.#say('copying', count),
      });
      makeFolders(place);
      return moving;
    } catch (error) {
      await moving.undo();
      throw error;
    }
  }

  async bring(): Promise<void> {
    const { signal } = this.#options;
    const all = await this.#mirror.measure();
    this.#total = all.bytes;
    this.#checkRoom(all.bytes);
    for (;;) {
      // What comes meanwhile takes less time each time, until it is little.
      for (let left = all; left.bytes > shortBytes || left.files > shortFiles || left === all; left = await this.#mirror.measure()) {
        await this.#mirror.pass();
        await copyUploads(this.#database, this.#old, this.#place);
        if (left.files === 0) break;
      }
      this.#database.at('move-copied');
      using writers = await this.#stopWriters();
      if (await this.#switch()) return;
      writers[Symbol.dispose]();
      if (signal?.aborted) throw canceled(signal.reason);
    }
  }

  async undo(): Promise<void> {
    await undoIfAble(this.#note);
  }

  /** In the moment in which nobody writes. False where more than little has come since: then once more. */
  async #switch(): Promise<boolean> {
    const { signal } = this.#options;
    const old = connectNow(this.#old);
    try {
      await begin(old, signal);
      const left = await this.#mirror.measure();
      if (left.bytes > shortBytes || left.files > shortFiles) return false;
      this.#say('switching', 0);
      await this.#mirror.pass();
      await copyUploads(this.#database, this.#old, this.#place);
      await this.#mirror.finish();
      this.#copyDatabase();
      this.#database.at('move-database');
      for (const name of [this.#place.indexFile, this.#place.layoutFile])
        await writeFileAtomic(name, await readFile(join(this.#old.root, basename(name))));
      for (const folder of [
        this.#place.blobs,
        this.#place.own,
        this.#place.drafts,
        this.#place.root,
        dirname(this.#place.root),
        ...this.#note.parents.map(dirname),
      ])
        await syncFolder(folder);
      this.#database.at('move-ready');
      if (signal?.aborted) throw canceled(signal.reason);
      old.prepare('UPDATE state SET moved_to = ?').run(this.#place.root);
      old.exec('COMMIT');
    } catch (error) {
      throw asStoreError(this.#old, error);
    } finally {
      if (old.isTransaction) old.exec('ROLLBACK');
      old.close();
    }
    this.#database.at('move-switched');
    return true;
  }

  /** As it is before the transaction that says where it is, which this very process is in by another connection. */
  #copyDatabase(): void {
    const source = connectNow(this.#old);
    try {
      source.prepare('VACUUM INTO ?').run(databasePath(this.#place));
    } finally {
      source.close();
    }
    const copy = connectNow(this.#place);
    try {
      copy.exec('BEGIN IMMEDIATE');
      // What tools wrote into an index.json that has been replaced is of the old place.
      copy.exec('UPDATE state SET index_mark = NULL, previous_mark = NULL');
      copy
        .prepare("INSERT INTO journal (time, actor, verb, before, after) VALUES (?, ?, 'move', ?, ?)")
        .run(
          this.#database.now().getTime(),
          this.#database.actor,
          JSON.stringify({ path: this.#old.root }),
          JSON.stringify({ path: this.#place.root }),
        );
      for (const digest of this.#mirror.damaged) copy.prepare('UPDATE blob SET state = 2, mark = NULL WHERE digest = ?').run(digest);
      copy.exec('COMMIT; PRAGMA wal_checkpoint(TRUNCATE)');
    } finally {
      copy.close();
    }
    syncNow(this.#place.databaseFile);
  }

  async #canLink(): Promise<boolean> {
    const probe = join(this.#place.own, 'probe');
    try {
      await link(this.#old.layoutFile, probe);
      await rm(probe);
      return true;
    } catch (error) {
      if (isSystemError(error, 'ENOENT')) throw unusable(this.#old, 'it is no image layout any more');
      return false;
    }
  }

  /** @throws ImageError `disk-full` */
  #checkRoom(bytes: number): void {
    const { bavail, bsize } = statfsSync(this.#place.root);
    const needed = bytes + 2 * (statIfThere(this.#old.databaseFile)?.size ?? 0) + 16 * 1024 * 1024;
    if (bavail * bsize < needed)
      throw new ImageError(
        'disk-full',
        `cannot move the store to ${this.#place.root}: it needs ${megabytes(needed)} MB there, and ${megabytes(bavail * bsize)} MB are free`,
        { hint: 'Free some space there, or remove images first: `bay image prune`.', detail: { needed, free: bavail * bsize } },
      );
  }

  /** Waits until nobody changes the files of a container or a volume, and keeps others from beginning. */
  async #stopWriters(): Promise<PlaceLock> {
    const { signal } = this.#options;
    for (;;) {
      for (const end = performance.now() + hold; performance.now() < end;) {
        if (signal?.aborted) throw canceled(signal.reason);
        const lock = PlaceLock.alone(this.#old.writersLock, standStill);
        if (lock) return lock;
        this.#say('waiting', 0);
        await new Promise((resolve) => setImmediate(resolve));
      }
      await sleep(rest, undefined, signal ? { signal } : {}).catch(() => {
        throw canceled(signal?.reason);
      });
    }
  }

  #say(state: MoveProgress['state'], more: number): void {
    this.bytes += more;
    this.#options.onMove?.({ state, current: this.bytes, total: Math.max(this.#total, this.bytes) });
  }
}

async function begin(connection: DatabaseSync, signal: AbortSignal | undefined): Promise<void> {
  connection.exec('PRAGMA busy_timeout = 0');
  for (;;) {
    if (signal?.aborted) throw canceled(signal.reason);
    try {
      connection.exec('BEGIN IMMEDIATE');
      return;
    } catch (error) {
      if (!isBusy(error)) throw error;
    }
    await sleep(2 + Math.random() * 10);
  }
}

/** What does not go along: drafts are of those who make them (an upload's file goes by itself), the database and what belongs to the move are made anew. */
function isLeftOut(path: string): boolean {
  return (
    /^bay\/(?:store\.sqlite.*|move\.json.*|(?:move|writers)\.lock.*|reserve(?:\..*)?|drafts|index\.json\.previous|probe)$/.test(path) ||
    /^(?:index\.json|oci-layout)(?:\.[0-9a-f]+\.tmp)?$/.test(path)
  );
}

/** The index of a container's changes: a reader of the old place looks for its journal beside it. */
function isCopiedAlways(path: string): boolean {
  return /^bay\/containers\/[^/]+\/index\.sqlite/.test(path);
}

function megabytes(bytes: number): string {
  return Math.ceil(bytes / 1e6).toLocaleString('en');
}
