import { statSync } from 'node:fs';
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { isSystemError } from '../errors.ts';
import { asStoreError, connect, connectNow, connectToRead, readMark } from './connection.ts';
import { onlyReads, Place, statIfThere, unusable } from './place.ts';
import { migrations } from './schema.ts';

/** How often a process that does nothing looks whether the store has been moved: what it has open keeps the old folder from going. Milliseconds. */
const idleLook = 500;

/** A connection, and what is under way that goes by paths of its place. */
interface Ground {
  readonly connection: DatabaseSync;
  uses: number;
  /** It is to be closed with the last use. */
  left: boolean;
  /** Of a place that only can be read: its state when it was opened. */
  readonly mark: string | undefined;
  /** Which file was opened; not asked of a place that only can be read, whose mark says it. */
  readonly file: string | undefined;
}

function ground(place: Place, connection = connectNow(place)): Ground {
  return { connection, uses: 0, left: false, mark: undefined, file: fileAt(place) };
}

function groundToRead(place: Place): Ground {
  const mark = readMark(place);
  return { connection: connectToRead(place), uses: 0, left: false, mark, file: undefined };
}

function close({ connection }: Ground): void {
  if (connection.isOpen) connection.close();
}

/** Which file the database is, or undefined where there is none. */
function fileAt({ databaseFile }: Place): string | undefined {
  try {
    const { dev, ino } = statSync(databaseFile, { bigint: true });
    return `${dev} ${ino}`;
  } catch (error) {
    if (isSystemError(error, 'ENOENT', 'ENOTDIR')) return undefined;
    throw error;
  }
}

/**
 * The connection to the database of a store, which goes where the store goes. Whoever moves a store (relocate.ts) writes the new place into the old database, in its last transaction;
 * and removes the old folder when no process has that database open any more. So whoever has not looked yet, and whoever still uses paths of the old place, finds it whole.
 */
export class LiveConnection {
  #place: Place;
  #ground: Ground;
  readonly #statements = new Map<string, StatementSync>();
  #version: number | undefined;
  #hasLooked = false;
  #hasState = false;
  #moves = 0;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  private constructor(place: Place, ground: Ground) {
    this.#place = place;
    this.#ground = ground;
  }

  /** @throws ImageError */
  static async open(place: Place): Promise<LiveConnection> {
    const live = new LiveConnection(place, onlyReads(place) ? groundToRead(place) : ground(place, await connect(place)));
    live.#timer = setInterval(() => {
      try {
        live.look();
      } catch {
        // Whoever next asks for something is told.
      }
    }, idleLook);
    live.#timer.unref();
    return live;
  }

  /** The same for one look at where the store is now. @throws ImageError */
  static openNow(place: Place): LiveConnection {
    const live = new LiveConnection(place, onlyReads(place) ? groundToRead(place) : ground(place));
    live.follow();
    return live;
  }

  /** Where the store is now. What is read from it and done by it without an await in between is safe from a move; for more there is `use`. */
  get place(): Place {
    this.look();
    return this.#place;
  }

  get connection(): DatabaseSync {
    return this.#ground.connection;
  }

  /** True where the store is on a read-only mount, or another's that this user may read. */
  get readOnly(): boolean {
    return this.#ground.mark !== undefined;
  }

  /** How often it has gone to another place. */
  get moves(): number {
    return this.#moves;
  }

  prepare(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (!statement) {
      statement = this.connection.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }

  /** Goes where the store is, if another process has moved it. Costs nothing the second time in one turn of synchronous code. */
  look(): void {
    if (this.#hasLooked || this.#closed || (this.connection.isOpen && this.connection.isTransaction)) return;
    this.#hasLooked = true;
    queueMicrotask(() => (this.#hasLooked = false));
    try {
      if (this.readOnly && readMark(this.#place) !== this.#ground.mark) this.#go(this.#place, groundToRead(this.#place));
      else if (!this.readOnly && fileAt(this.#place) !== this.#ground.file) this.#meetAnother();
      const { data_version: version } = this.prepare('PRAGMA data_version').get() as { data_version: number };
      if (version === this.#version) return;
      this.follow();
      this.#version = version;
    } catch (error) {
      throw asStoreError(this.#place, error);
    }
  }

  /** Where the database says that the store is; undefined where that is here. A database that has no tables yet says nothing. */
  movedTo(): string | undefined {
    this.#hasState ||= this.connection.prepare("SELECT 1 FROM sqlite_master WHERE name = 'state'").get() !== undefined;
    if (!this.#hasState) return undefined;
    return (this.prepare('SELECT moved_to FROM state').get() as { moved_to: string | null } | undefined)?.moved_to ?? undefined;
  }

  /** As `look`, whatever was seen before. Not inside a transaction. @throws ImageError `store-unusable` */
  follow(): void {
    for (let steps = 0; ; steps++) {
      const moved = this.movedTo();
      if (moved === undefined) return;
      if (steps > 8) throw unusable(this.#place, 'it has been moved in a circle');
      const place = new Place(moved);
      if (!statIfThere(place.databaseFile)) throw unusable(this.#place, `it has been moved to ${moved}, and there is no store now`);
      this.#go(place, onlyReads(place) ? groundToRead(place) : ground(place));
    }
  }

  /**
   * Another file is where the database was, or none: its disk was taken away, or the folder put back from a backup. What is open still would take rows that nobody ever finds,
   * about blobs that are on another disk.
   */
  #meetAnother(): void {
    const place = this.#place;
    try {
      this.follow();
    } catch {
      // Its disk is gone, and says nothing any more.
    }
    if (place !== this.#place) return;
    if (!statIfThere(place.databaseFile))
      throw unusable(
        place,
        'it is not there any more: its disk has been taken away, or its folder has been removed',
        'Mount the disk again, and this goes on; or end this process, and start it with another place.',
      );
    // Before the other is opened: SQLite ends a log by its path, and knows another file in place of its own by the number of its inode alone.
    this.#leave(true);
    this.#go(place, ground(place));
    const { user_version: version } = this.prepare('PRAGMA user_version').get() as { user_version: number };
    if (version !== migrations.length) {
      this.#ground = { ...this.#ground, file: undefined };
      throw unusable(
        place,
        'another store has come in its place, which another version of bay wrote',
        'End this process, and start it again.',
      );
    }
  }

  #go(place: Place, ground: Ground): void {
    this.#leave();
    this.#ground = ground;
    this.#place = place;
    this.#version = undefined;
    this.#moves++;
  }

  /** Until it is disposed of, the paths of the place as it is now lead to files. */
  use(): Disposable {
    this.look();
    const ground = this.#ground;
    ground.uses++;
    let ended = false;
    return {
      [Symbol.dispose]: () => {
        if (ended) return;
        ended = true;
        ground.uses--;
        if (ground.left && ground.uses === 0) close(ground);
      },
    };
  }

  /** With the last use, where there is one. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearInterval(this.#timer);
    this.#leave();
  }

  /** @param atOnce though it is in use: what its paths led to is gone */
  #leave(atOnce = false): void {
    this.#statements.clear();
    this.#ground.left = true;
    if (atOnce || this.#ground.uses === 0) close(this.#ground);
  }
}
