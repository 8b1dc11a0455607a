import type { Database, Transaction } from './database.ts';
import type { EventType, Happening, StoreEvent } from './store-event.ts';

export interface EventOptions {
  /** What came after this number. */
  readonly after?: number | undefined;
  /** Not older than. */
  readonly since?: Date | undefined;
  /** Older than. */
  readonly until?: Date | undefined;
  /** At most so many: with `after` the first, else the last. */
  readonly limit?: number | undefined;
}

/** Older ones are forgotten. */
const kept = 50_000;

interface EventRow {
  readonly number: number;
  readonly time: number;
  readonly type: EventType;
  readonly action: string;
  readonly actor: string;
  readonly attributes: string;
}

/** Within a transaction. */
export function insertEvent(database: Database, { time, isPlan }: Transaction, { type, action, id, attributes }: Happening): void {
  if (isPlan) return;
  database.run(
    'INSERT INTO event (time, type, action, actor, attributes) VALUES (?, ?, ?, ?, ?)',
    time,
    type,
    action,
    id,
    JSON.stringify(attributes),
  );
  database.run('DELETE FROM event WHERE number <= (SELECT max(number) FROM event) - ?', kept);
}

/** Oldest first. */
export function listEvents(database: Database, { after, since, until, limit }: EventOptions = {}): StoreEvent[] {
  const rows = database.all<EventRow>(
    `SELECT * FROM (
       SELECT * FROM event WHERE number > ?1 AND time >= ?2 AND time < ?3 ORDER BY number ${after === undefined ? 'DESC' : 'ASC'} LIMIT ?4
     ) ORDER BY number`,
    after ?? 0,
    since?.getTime() ?? 0,
    until?.getTime() ?? Number.MAX_SAFE_INTEGER,
    limit ?? -1,
  );
  return rows.map(({ number, time, type, action, actor, attributes }) => ({
    number,
    time: new Date(time),
    type,
    action,
    id: actor,
    attributes: JSON.parse(attributes) as Record<string, string>,
  }));
}

/** The number of the newest; 0 where there has been none. */
export function lastEvent(database: Database): number {
  return database.get<{ number: number | null }>('SELECT max(number) AS number FROM event')?.number ?? 0;
}
