import { setTimeout as sleep } from 'node:timers/promises';
import type { SQLInputValue } from 'node:sqlite';
import { ImageError, isImageError } from '../errors.ts';
import { heldOpen } from '../io/held-open.ts';
import { asColumns } from '../io/sqlite.ts';
import { syncNow } from '../io/sync-now.ts';
import { asStoreError, isBusy, parametersOf } from './connection.ts';
import { LiveConnection } from './live-connection.ts';
import { PlaceLock } from './place-lock.ts';
import { isCurrent, migrate, refuseNewer } from './migrate.ts';
import type { Place } from './place.ts';
import { makePrivate } from './private-tables.ts';
import { spendReserve } from './reserve.ts';

/** The points of a write at which a crash test may end the process. */
export type StorePoint = 'draft' | 'begun' | 'renamed' | 'rows' | 'committed' | 'index-draft' | 'index-renamed' | 'trashed' | 'swept';

/** Those of a move, in their order. */
export type MovePoint =
  | 'move-begun'
  | 'move-copied'
  | 'move-database'
  | 'move-ready'
  | 'move-switched'
  | 'move-told'
  | 'move-removing'
  | 'move-removed';

export interface DatabaseOptions {
  readonly actor: string;
  readonly now: () => Date;
  readonly at: ((point: StorePoint | MovePoint) => void) | undefined;
}

/** What a piece of work may do inside a write transaction beside reading and writing rows. */
export interface Transaction {
  /** Milliseconds: the one time of all its rows. */
  readonly time: number;
  /** It will be taken back: nothing is told. */
  readonly isPlan?: boolean;
  /** Names in this folder are made durable before the rows that speak of them are. */
  syncFolder(path: string): void;
  /** Runs when the rows are durable. It must not fail. */
  afterCommit(act: () => void): void;
  /** Runs where the rows came to nothing, the last first: puts a file or folder back. A process that is killed does not come to it. */
  afterRollback(act: () => void): void;
}

interface Pending {
  readonly work: (transaction: Transaction) => unknown;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
  readonly since: number;
}

/** How long a writer waits for another process's transaction; they last milliseconds, so this one has stopped. */
const patience = 60_000;

/**
 * The store's database, and the place that it describes. Reads are synchronous and cheap; a write is a piece of synchronous work between BEGIN IMMEDIATE and COMMIT,
 * so no await ever happens inside one. Pieces that wait at the same time share one transaction: one fsync for all of them, and each may fail alone.
 */
export class Database {
  readonly actor: string;
  readonly now: () => Date;
  readonly at: (point: StorePoint | MovePoint) => void;
  readonly #live: LiveConnection;
  #pending: Pending[] = [];
  #draining: Promise<void> | undefined;
  #writes = 0;
  #closed = false;

  private constructor(live: LiveConnection, options: DatabaseOptions) {
    this.#live = live;
    this.actor = options.actor;
    this.now = options.now;
    this.at = options.at ?? (() => undefined);
  }

  /** @throws ImageError `store-unusable` for a newer format, or a file that is no database */
  static async open(place: Place, options: DatabaseOptions): Promise<Database> {
    const live = await LiveConnection.open(place);
    const database = new Database(live, options);
    try {
      await database.#migrate();
      live.follow();
      await database.#migrate();
    } catch (error) {
      live.close();
      throw error;
    }
    return database;
  }

  /** Where the store is: another than it was opened at, once it has been moved. */
  get place(): Place {
    return this.#live.place;
  }

  /** True where it can be read and not written: what would only save time, or put right what is found wrong, is left then. */
  get readOnly(): boolean {
    return this.#live.readOnly;
  }

  /**
   * Whoever goes by paths of the store longer than one turn of synchronous code takes this first, and then asks for the paths: what they lead to stays, though the store is moved meanwhile.
   * What is on its way into the store is taken to where the store is then.
   */
  use(): Disposable {
    if (this.#closed) throw closed();
    return this.#live.use();
  }

  /** As `use`, for who changes files that are in the store already: a container's, a volume's. The store is not moved meanwhile; while it is, this waits. @throws ImageError `canceled` */
  async useToWrite(signal?: AbortSignal): Promise<Disposable> {
    for (;;) {
      const use = this.use();
      const { place } = this;
      try {
        const lock = await PlaceLock.shared(place.writersLock, signal);
        if (place === this.place)
          return {
            [Symbol.dispose]: () => {
              lock[Symbol.dispose]();
              use[Symbol.dispose]();
            },
          };
        lock[Symbol.dispose]();
      } catch (error) {
        use[Symbol.dispose]();
        throw asStoreError(place, error);
      }
      use[Symbol.dispose]();
    }
  }

  get<Row>(sql: string, ...values: SQLInputValue[]): Row | undefined {
    return this.#read(() => this.#live.prepare(sql).get(...parametersOf(sql, values)) as Row | undefined);
  }

  all<Row>(sql: string, ...values: SQLInputValue[]): Row[] {
    return this.#read(() => this.#live.prepare(sql).all(...parametersOf(sql, values)) as Row[]);
  }

  /** As `all`, each row as its columns' values in order: for long lists, where an object for each costs more than reading it. */
  columns<Row extends readonly unknown[]>(sql: string, ...values: SQLInputValue[]): Row[] {
    return this.#read(() => asColumns<Row>(this.#live.prepare(`${sql} -- columns`), parametersOf(sql, values)));
  }

  /** As `columns`, also when the database has been closed: what was read then is still to be had. */
  columnsLater<Row extends readonly unknown[]>(sql: string, ...values: SQLInputValue[]): Row[] {
    if (!this.#closed) return this.columns(sql, ...values);
    const live = LiveConnection.openNow(this.place);
    try {
      return this.#guard(() => asColumns<Row>(live.prepare(sql), parametersOf(sql, values)));
    } finally {
      live.close();
    }
  }

  /** How many rows it changed. Only inside a transaction. */
  run(sql: string, ...values: SQLInputValue[]): number {
    return this.#guard(() => Number(this.#live.prepare(sql).run(...parametersOf(sql, values)).changes));
  }

  /** Several reads that see one state of the store. Not inside a transaction. */
  snapshot<T>(read: () => T): T {
    this.#read(() => this.#connection.exec('BEGIN'));
    try {
      return read();
    } finally {
      this.#guard(() => this.#connection.exec('COMMIT'));
    }
  }

  /** As `transact`, for work that makes room: on a full disk it is given what was laid aside for it. */
  async removing<T>(work: (transaction: Transaction) => T): Promise<T> {
    try {
      return await this.transact(work);
    } catch (error) {
      if (!isImageError(error, 'disk-full') || !spendReserve(this.place)) throw error;
      return await this.transact(work);
    }
  }

  /**
   * What would become of the rows: `work` changes a copy of its own (`makePrivate`), of one state of the store, and nobody waits for it. Nothing is told to the journal or as an event,
   * and what is left for after the commit does not happen. Not inside a transaction.
   */
  tryOut<T>(work: (transaction: Transaction) => T): T {
    this.#read(() => this.#connection.exec('BEGIN'));
    try {
      this.#guard(() => makePrivate(this.#connection));
      const nothing = () => undefined;
      return work({ time: this.now().getTime(), isPlan: true, syncFolder: nothing, afterCommit: nothing, afterRollback: nothing });
    } finally {
      this.#guard(() => this.#connection.exec('ROLLBACK'));
    }
  }

  /**
   * Runs `work`, which is synchronous, in a write transaction, and resolves when it is durable. A busy database is waited for without blocking this process.
   * Work that throws changes no row, and only it fails.
   */
  transact<T>(work: (transaction: Transaction) => T): Promise<T> {
    if (this.#closed) return Promise.reject(closed());
    return new Promise<T>((resolve, reject) => {
      this.#pending.push({ work, resolve: resolve as (value: unknown) => void, reject, since: performance.now() });
      this.#draining ??= this.#drain();
    });
  }

  /** A number that is another after any commit, by this process or by another. */
  epoch(): string {
    return `${this.dataVersion()}.${this.#writes}`;
  }

  /** A number that is another after a commit by another process. */
  dataVersion(): number {
    const version = this.get<{ data_version: number }>('PRAGMA data_version')?.data_version ?? 0;
    // Another place's database counts from anew.
    return this.#live.moves * 2 ** 32 + version;
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  async close(): Promise<void> {
    await this.#draining;
    if (this.#closed) return;
    this.#closed = true;
    this.#live.close();
  }

  get #connection() {
    return this.#live.connection;
  }

  /** At the place where the store is now. */
  #read<T>(act: () => T): T {
    if (this.#closed) throw closed();
    this.#live.look();
    return this.#guard(act);
  }

  #guard<T>(act: () => T): T {
    try {
      return act();
    } catch (error) {
      throw asStoreError(this.place, error);
    }
  }

  async #drain(): Promise<void> {
    try {
      while (this.#pending.length > 0) {
        // One turn of the loop, so that what is ready at the same time goes together.
        await new Promise((resolve) => setImmediate(resolve));
        let again: Pending[];
        try {
          again = await this.#begun(() => this.#commit(this.#pending.splice(0)));
        } catch (error) {
          for (const { reject } of this.#pending.splice(0)) reject(error);
          continue;
        }
        if (again.length === 0) continue;
        await sleep(20);
        this.#pending.unshift(...again);
      }
    } finally {
      this.#draining = undefined;
    }
  }

  /**
   * Begins a transaction at the place where the store is now, and does the work, which ends it, in the same turn: whoever shares this connection never meets it open.
   * @throws ImageError where it cannot begin
   */
  async #begun<T>(work: () => T): Promise<T> {
    const until = performance.now() + patience;
    for (let delay = 1; ; delay = Math.min(delay * 2, 25)) {
      this.#live.look();
      if (this.#begin(performance.now() > until)) return work();
      await sleep(delay * (0.5 + Math.random()));
    }
  }

  /** @returns whether it has begun; false where another process writes, which is refused the `last` time */
  #begin(last: boolean): boolean {
    // Not SQLite's own waiting: it would stop everything else in this process.
    this.#connection.exec('PRAGMA busy_timeout = 0');
    try {
      this.#connection.exec('BEGIN IMMEDIATE');
      return true;
    } catch (error) {
      if (!isBusy(error)) throw asStoreError(this.place, error);
      if (!last) return false;
      throw new ImageError('unavailable', `the store ${this.place.root} is busy: another process has been writing for a minute`, {
        hint: 'Look for a stopped process of ours, and end it.',
        cause: error,
      });
    } finally {
      this.#connection.exec('PRAGMA busy_timeout = 5000');
    }
  }

  /** The synchronous whole of a transaction that has begun. Returns what must be tried again in a moment. */
  #commit(batch: readonly Pending[]): Pending[] {
    const folders = new Set<string>();
    const acts: (() => void)[] = [];
    const done: { pending: Pending; value: unknown }[] = [];
    const failed: { pending: Pending; error: unknown }[] = [];
    const again: Pending[] = [];
    const undo: (() => void)[] = [];
    try {
      if (this.#live.movedTo() !== undefined) {
        this.#connection.exec('ROLLBACK');
        this.#live.follow();
        refuseNewer(this);
        return [...batch];
      }
      this.at('begun');
      const time = this.now().getTime();
      for (const pending of batch) {
        const ownActs: (() => void)[] = [];
        const undoFrom = undo.length;
        const transaction = {
          time,
          syncFolder: (path: string) => void folders.add(path),
          afterCommit: (act: () => void) => void ownActs.push(act),
          afterRollback: (act: () => void) => void undo.push(act),
        };
        this.#connection.exec('SAVEPOINT piece');
        try {
          const value = pending.work(transaction);
          this.#connection.exec('RELEASE piece');
          done.push({ pending, value });
          acts.push(...ownActs);
        } catch (error) {
          // A full disk may have ended the transaction itself: then everything in it has failed.
          if (!this.#connection.isTransaction) throw error;
          this.#connection.exec('ROLLBACK TO piece; RELEASE piece');
          undoAll(undo.splice(undoFrom));
          if (heldOpen(error) && performance.now() - pending.since < 2000) again.push(pending);
          else failed.push({ pending, error: asStoreError(this.place, error) });
        }
      }
      for (const folder of folders) syncNow(folder);
      this.at('rows');
      this.#connection.exec('COMMIT');
      this.#writes++;
      this.at('committed');
    } catch (error) {
      if (this.#connection.isTransaction) this.#connection.exec('ROLLBACK');
      undoAll(undo);
      for (const { reject } of batch) reject(asStoreError(this.place, error));
      return [];
    }
    for (const act of acts) act();
    for (const { pending, value } of done) pending.resolve(value);
    for (const { pending, error } of failed) pending.reject(error);
    return again;
  }

  /** Brings an older format to this one. */
  async #migrate(): Promise<void> {
    if (isCurrent(this)) return;
    await this.#begun(() => {
      try {
        migrate(this, (sql) => this.#connection.exec(sql));
        this.#connection.exec('COMMIT');
      } catch (error) {
        if (this.#connection.isTransaction) this.#connection.exec('ROLLBACK');
        throw asStoreError(this.place, error);
      }
    });
  }
}

/** Whoever has closed it goes on using it: an error of the caller's. */
function closed(): ImageError {
  return new ImageError('internal', 'the store is closed');
}

/** What cannot be put back now is found by the next start, as after a kill. */
function undoAll(acts: readonly (() => void)[]): void {
  for (const act of acts.toReversed()) {
    try {
      act();
    } catch {
      // The failure that led here is the one to tell.
    }
  }
}
