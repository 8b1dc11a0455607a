import type { Digest } from '../model/digest.ts';
import type { Database } from './database.ts';
import { nameText, type IndexEntry } from './index-file.ts';

/** How many of the last changes of names an index.json may be behind. */
const reach = 5000;
/** Who the journal says it was where another tool wrote into the folder. */
export const folder = 'folder';

export interface IndexChanges {
  /** Entries that another tool added or moved, the last of each name. */
  readonly moved: readonly IndexEntry[];
  /** The number of the journal's row that the file was made from. */
  readonly base: number;
}

/**
 * Within a transaction: which names in an index.json are another tool's doing.
 *
 * A tool reads the file, and writes all of it back with its own change, minutes later where it copied a large image between. So an entry that differs from our names now
 * may be ours of then. Entries that are not of our writing are the tool's own. Of ours, the journal says what the names were at each of its rows; the file was made from that
 * row from which it differs least, what it lacks counted too, and only what differs from there was done since. Rows after our last projection count as well:
 * the file may be a projection of ours that was cut off before its commit.
 */
export function changedNames(database: Database, entries: readonly IndexEntry[]): IndexChanges {
  const listed = new Map<string, IndexEntry[]>();
  for (const entry of entries) {
    if (!entry.name) continue;
    const key = nameText(entry.name);
    const same = listed.get(key);
    if (same) same.push(entry);
    else listed.set(key, [entry]);
  }
  const rows = database.all<JournalRow>('SELECT number, repo, tag, before, after, actor FROM journal ORDER BY number DESC LIMIT ?', reach);
  const values = new Map(
    database
      .all<{ repo: string; tag: string; target: Digest }>('SELECT repo, tag, target FROM name')
      .map(({ repo, tag, target }) => [`${repo}\n${tag}`, target]),
  );
  const moved = foreignMoves(database, listed, rows, values);
  const base = findBase(listed, rows, values);
  for (const [key, value] of namesAt(base, rows, values, listed.keys())) {
    if (moved.has(key)) continue;
    const change = listed.get(key)?.findLast(({ own, target }) => own && target.digest !== value);
    if (change) moved.set(key, change);
  }
  return { moved: [...moved.values()], base };
}

interface JournalRow {
  readonly number: number;
  readonly repo: string | null;
  readonly tag: string | null;
  readonly before: string | null;
  readonly after: string | null;
  readonly actor: string;
}

/** Entries that are not of our writing, and that we have not taken in already: until our next projection the file goes on having them. */
function foreignMoves(
  database: Database,
  listed: ReadonlyMap<string, readonly IndexEntry[]>,
  rows: readonly JournalRow[],
  values: ReadonlyMap<string, Digest>,
): Map<string, IndexEntry> {
  const { shown } = database.get<{ shown: number }>('SELECT index_journal AS shown FROM state') ?? { shown: 0 };
  const taken = new Set<string>();
  for (const { number, repo, tag, after, actor } of rows) {
    if (number <= shown) break;
    if (actor === folder && repo !== null && after !== null) taken.add(`${repo}\n${tag}\n${digestIn(after)}`);
  }
  const moved = new Map<string, IndexEntry>();
  for (const [key, same] of listed) {
    const change = same.findLast(({ own, target }) => !own && target.digest !== values.get(key) && !taken.has(`${key}\n${target.digest}`));
    if (change) moved.set(key, change);
  }
  return moved;
}

/** The row of the journal from which the file differs least, by the names that it has of our writing or lacks; of equals the latest. */
function findBase(
  listed: ReadonlyMap<string, readonly IndexEntry[]>,
  rows: readonly JournalRow[],
  now: ReadonlyMap<string, Digest>,
): number {
  const values = new Map(now);
  const differs = (key: string, value: Digest | undefined) => {
    const here = listed.get(key);
    if (!here) return value === undefined ? 0 : 1;
    return here.some(({ own, target }) => own && target.digest !== value) ? 1 : 0;
  };
  let count = 0;
  for (const key of new Set([...listed.keys(), ...values.keys()])) count += differs(key, values.get(key));
  let best = { count, base: rows[0]?.number ?? 0 };
  for (const { number, repo, tag, before } of rows) {
    if (best.count === 0) break;
    if (repo !== null && tag !== null) {
      const key = `${repo}\n${tag}`;
      count -= differs(key, values.get(key));
      const value = before === null ? undefined : digestIn(before);
      if (value === undefined) values.delete(key);
      else values.set(key, value);
      count += differs(key, value);
    }
    if (count < best.count) best = { count, base: number - 1 };
  }
  return best.base;
}

/** What these names pointed at when that row of the journal was the last. */
function namesAt(
  base: number,
  rows: readonly JournalRow[],
  now: ReadonlyMap<string, Digest>,
  keys: Iterable<string>,
): Map<string, Digest | undefined> {
  const then = new Map<string, Digest | undefined>();
  for (const key of keys) then.set(key, now.get(key));
  for (const { number, repo, tag, before } of rows) {
    if (number <= base) break;
    const key = `${repo}\n${tag}`;
    if (then.has(key)) then.set(key, before === null ? undefined : digestIn(before));
  }
  return then;
}

function digestIn(json: string): Digest {
  return (JSON.parse(json) as { digest: Digest }).digest;
}

/** Within a transaction: true where an image was given up, or lost its name, after that row of the journal. */
export function forgottenSince(database: Database, base: number, digest: Digest): boolean {
  return (
    database.get("SELECT 1 FROM journal WHERE number > ? AND json_extract(before, '$.digest') = ? LIMIT 1", base, digest) !== undefined
  );
}
