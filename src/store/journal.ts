import type { Descriptor } from '../model/descriptor.ts';
import { parseReference, withDefaultTag, type Reference } from '../model/reference.ts';
import type { Database } from './database.ts';
import { nameKey, nameReference } from './name-key.ts';

/** One change of a name, or a move of the store. Order is `number`, never the clock. */
export interface JournalEntry {
  readonly number: number;
  readonly time: Date;
  readonly actor: string;
  readonly verb: string;
  /** Absent where a dangling image was given up, and of a move. */
  readonly name?: Reference;
  readonly before?: Descriptor;
  readonly after?: Descriptor;
  /** Of a move of the whole store. */
  readonly moved?: { readonly from: string; readonly to: string };
}

export interface JournalOptions {
  /** Only entries after this number, oldest first. Without it the newest come, newest first. */
  readonly since?: number | undefined;
  /** Only this name's. */
  readonly name?: string | undefined;
  readonly limit?: number | undefined;
}

interface JournalRow {
  readonly number: number;
  readonly time: number;
  readonly actor: string;
  readonly verb: string;
  readonly repo: string | null;
  readonly tag: string | null;
  readonly before: string | null;
  readonly after: string | null;
}

export function readJournal(database: Database, { since, name, limit }: JournalOptions): JournalEntry[] {
  const key = name === undefined ? undefined : nameKey(withDefaultTag(parseReference(name)));
  const rows = database.all<JournalRow>(
    `SELECT * FROM journal WHERE number > ?1 AND (?2 IS NULL OR (repo = ?2 AND tag = ?3)) ORDER BY number ${since === undefined ? 'DESC' : 'ASC'} LIMIT ?4`,
    since ?? 0,
    key?.repo ?? null,
    key?.tag ?? null,
    limit ?? -1,
  );
  return rows.map(({ repo, tag, before, after, time, ...row }) => ({
    number: row.number,
    time: new Date(time),
    actor: row.actor,
    verb: row.verb,
    ...(repo === null || tag === null ? {} : { name: nameReference(repo, tag) }),
    ...(row.verb === 'move' && repo === null && before !== null && after !== null
      ? { moved: { from: pathIn(before), to: pathIn(after) } }
      : { ...sideOf('before', before), ...sideOf('after', after) }),
  }));
}

function pathIn(json: string): string {
  return (JSON.parse(json) as { path: string }).path;
}

function sideOf<Side extends 'before' | 'after'>(side: Side, json: string | null): { readonly [key in Side]?: Descriptor } {
  if (json === null) return {};
  const { mediaType, digest, size } = JSON.parse(json) as Descriptor;
  return { [side]: { mediaType, digest, size } } as { readonly [key in Side]: Descriptor };
}
