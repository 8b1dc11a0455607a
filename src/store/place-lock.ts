import { toNamespacedPath } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DatabaseSync } from 'node:sqlite';
import { canceled } from '../io/concurrently.ts';
import { sqlite } from '../io/sqlite.ts';
import { isBusy } from './connection.ts';

/**
 * A lock that many processes share, or one has alone: the system's own, so that it ends with its process, however that ends. It is an empty file to SQLite, which takes and
 * gives such locks on every system that we run on; nothing is ever written into it.
 */
export class PlaceLock implements Disposable {
  readonly #connection: DatabaseSync;

  private constructor(connection: DatabaseSync) {
    this.#connection = connection;
  }

  /** Waits while another has it alone. @throws ImageError `canceled` */
  static async shared(path: string, signal?: AbortSignal): Promise<PlaceLock> {
    for (let delay = 1; ; delay = Math.min(delay * 2, 25)) {
      if (signal?.aborted) throw canceled(signal.reason);
      const lock = PlaceLock.#take(path, 'BEGIN; SELECT count(*) FROM sqlite_schema', 0);
      if (lock) return lock;
      await sleep(delay * (0.5 + Math.random()));
    }
  }

  /** Undefined where others have it. @param wait so long, in milliseconds, this process stands still, and keeps others from coming in meanwhile */
  static alone(path: string, wait = 0): PlaceLock | undefined {
    return PlaceLock.#take(path, 'PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE', wait);
  }

  static #take(path: string, sql: string, timeout: number): PlaceLock | undefined {
    const connection = new (sqlite().DatabaseSync)(path.length > 240 ? toNamespacedPath(path) : path, { timeout });
    try {
      connection.exec(sql);
      return new PlaceLock(connection);
    } catch (error) {
      connection.close();
      if (isBusy(error)) return undefined;
      throw error;
    }
  }

  [Symbol.dispose](): void {
    if (this.#connection.isOpen) this.#connection.close();
  }
}
