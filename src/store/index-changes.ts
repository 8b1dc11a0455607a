import type { Digest } from '../model/digest.ts';
import type { Database } from './database.ts';
import { nameText, type IndexEntry } from './index-file.ts';

/** How many of the last changes of names an index.json may be behind. */
const reach = 5000;

export interface IndexChanges {
  /** Entries that another tool added or moved, the last of each name. */
  readonly moved: readonly IndexEntry[];
  /** The number of the journal's row that the file was made from. */
  readonly base: number;
}

/**
 * Within a transaction: which names in an index.json are another tool's doing.
 *
 * A tool reads the file, and writes all of it back with its own change, minutes later where it copied a large image between. So what differs from our names now
 * may be ours of then. The journal says what the names were at each of its rows; the file was made from that row from which it differs least, what it lacks counted too,
 * and only what differs from there was done by the tool. A file that is exactly what we once wrote was done by nobody: a tool that writes changes something.
 * Rows after our last projection count as well: that projection may have been ours, and cut off before its commit.
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
  const { shown } = database.get<{ shown: number }>('SELECT index_journal AS shown FROM state') ?? { shown: 0 };
  const rows = database.all<{ number: number; repo: string | null; tag: string | null; before: string | null }>(
    'SELECT number, repo, tag, before FROM journal ORDER BY number DESC LIMIT ?',
    reach,
  );
  const values = currentNames(database);
  const differs = (key: string, value: Digest | undefined) => {
    const here = listed.get(key);
    return here ? (here.every(({ target }) => target.digest === value) ? 0 : 1) : value === undefined ? 0 : 1;
  };
  let count = 0;
  for (const key of new Set([...listed.keys(), ...values.keys()])) count += differs(key, values.get(key));

  let best: { count: number; base: number } | undefined;
  const consider = (base: number) => {
    if (count === 0 && base < shown) return;
    if (!best || count < best.count) best = { count, base };
  };
  consider(rows[0]?.number ?? 0);
  for (const { number, repo, tag, before } of rows) {
    if (repo !== null && tag !== null) {
      const key = `${repo}\n${tag}`;
      count -= differs(key, values.get(key));
      const value = before === null ? undefined : (JSON.parse(before) as { digest: Digest }).digest;
      if (value === undefined) values.delete(key);
      else values.set(key, value);
      count += differs(key, value);
    }
    consider(number - 1);
    if (best && best.count === 0) break;
  }

  const base = best?.base ?? 0;
  // The names as they were at the base.
  const then = currentNames(database);
  for (const { number, repo, tag, before } of rows) {
    if (number <= base) break;
    if (repo === null || tag === null) continue;
    if (before === null) then.delete(`${repo}\n${tag}`);
    else then.set(`${repo}\n${tag}`, (JSON.parse(before) as { digest: Digest }).digest);
  }
  const moved = new Map<string, IndexEntry>();
  for (const [key, same] of listed) {
    const value = then.get(key);
    const change = same.findLast(({ target }) => target.digest !== value);
    if (change) moved.set(key, change);
  }
  return { moved: [...moved.values()], base };
}

/** Within a transaction: true where an image was given up, or lost its name, after that row of the journal. */
export function forgottenSince(database: Database, base: number, digest: Digest): boolean {
  return (
    database.get("SELECT 1 FROM journal WHERE number > ? AND json_extract(before, '$.digest') = ? LIMIT 1", base, digest) !== undefined
  );
}

function currentNames(database: Database): Map<string, Digest> {
  return new Map(
    database
      .all<{ repo: string; tag: string; target: Digest }>('SELECT repo, tag, target FROM name')
      .map(({ repo, tag, target }) => [`${repo}\n${tag}`, target]),
  );
}
