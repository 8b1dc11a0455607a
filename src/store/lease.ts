import { randomUUID } from 'node:crypto';
import { ImageError, isImageError } from '../errors.ts';
import type { Digest } from '../model/digest.ts';
import type { Database, Transaction } from './database.ts';
import { hasEnded, processMark } from './process-mark.ts';

/** A lease that was not renewed for so long is void: its process has ended, or sleeps. Milliseconds. */
export const leaseLife = 60_000;
const renewal = 10_000;

/**
 * What one piece of work relies on: no sweep takes content that a live lease holds, nor anything that such content needs.
 *
 * A process may sleep past its lease (a laptop's lid, a debugger, a stopped job). Each write looks: when the lease is void, and all that it held is still here,
 * it is taken again as if nothing had been; when a sweep has taken some of it, the write fails with `lease-lost`, and the next one runs under a new lease
 * that holds what is left. Whoever copies then starts again, from what is here.
 */
export class Lease {
  readonly id: string = randomUUID();
  readonly #database: Database;
  readonly #purpose: string;
  readonly #held = new Set<Digest>();
  #timer: NodeJS.Timeout | undefined;
  #ended = false;

  constructor(database: Database, purpose: string) {
    this.#database = database;
    this.#purpose = purpose;
  }

  async begin(): Promise<void> {
    await this.#database.transact(({ time }) => this.#insert(time));
    this.#timer = setInterval(() => this.#renew(), renewal);
    this.#timer.unref();
  }

  /**
   * Within a transaction: makes sure of the lease.
   * @throws ImageError `lease-lost`
   */
  require({ time }: Transaction): void {
    if (this.#ended) throw new ImageError('internal', 'writing under a lease that has ended');
    if (this.#database.get('SELECT 1 FROM lease WHERE id = ? AND renewed > ?', this.id, time - leaseLife)) return;
    const lost = [...this.#held].filter((digest) => !this.#database.get('SELECT 1 FROM blob WHERE digest = ? AND state <> 2', digest));
    if (lost.length > 0) {
      for (const digest of lost) this.#held.delete(digest);
      throw new ImageError(
        'lease-lost',
        `this process slept for more than a minute, and a prune took ${lost.length} of the pieces that it had kept`,
        {
          hint: 'Run the command again: what is still here is not fetched again.',
          detail: { lost },
        },
      );
    }
    this.#insert(time);
    for (const digest of this.#held) this.#database.run('INSERT OR IGNORE INTO lease_hold (lease, digest) VALUES (?, ?)', this.id, digest);
  }

  /** Within a transaction, after `require`. */
  hold(digest: Digest): void {
    this.#held.add(digest);
    this.#database.run('INSERT OR IGNORE INTO lease_hold (lease, digest) VALUES (?, ?)', this.id, digest);
  }

  /** Where the store cannot be written (a full disk), or has been closed, the lease is void by itself in a minute: whoever ends it has a better error to tell. */
  async end(): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    clearInterval(this.#timer);
    if (this.#database.isClosed) return;
    try {
      await this.#database.transact(() => {
        this.#database.run('DELETE FROM lease_hold WHERE lease = ?', this.id);
        this.#database.run('DELETE FROM lease WHERE id = ?', this.id);
      });
    } catch (error) {
      if (!isImageError(error, 'disk-full', 'unavailable')) throw error;
    }
  }

  #insert(time: number): void {
    this.#database.run(
      'INSERT OR REPLACE INTO lease (id, actor, purpose, process, renewed) VALUES (?, ?, ?, ?, ?)',
      this.id,
      this.#database.actor,
      this.#purpose,
      processMark(),
      time,
    );
  }

  #renew(): void {
    this.#database
      .transact(({ time }) =>
        this.#database.run('UPDATE lease SET renewed = ? WHERE id = ? AND renewed > ?', time, this.id, time - leaseLife),
      )
      .catch(() => {
        // The store is closed, full or busy: the next write under this lease meets the same, and says it to somebody who can act.
      });
  }
}

/** True where its process was killed: it holds nothing any more, though it is not void yet. */
export function isDeadLease(database: Database, id: string): boolean {
  return hasEnded(database.get<{ process: string }>('SELECT process FROM lease WHERE id = ?', id)?.process ?? '');
}

export function deadLeases(database: Database): string[] {
  const leases = database.all<{ id: string }>('SELECT id FROM lease');
  return leases.flatMap(({ id }) => (isDeadLease(database, id) ? [id] : []));
}

/** Within a transaction. */
export function endDeadLeases(database: Database): void {
  for (const id of deadLeases(database)) {
    database.run('DELETE FROM lease_hold WHERE lease = ?', id);
    database.run('DELETE FROM lease WHERE id = ?', id);
  }
}
