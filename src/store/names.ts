import { ImageError } from '../errors.ts';
import type { Descriptor } from '../model/descriptor.ts';
import type { Digest } from '../model/digest.ts';
import { familiar, type Reference } from '../model/reference.ts';
import type { Database, Transaction } from './database.ts';
import { tellDeleted, tellKept, tellNamed, tellUntagged } from './image-events.ts';
import type { ImageName } from './image-record.ts';
import type { Tagged } from './ingest.ts';
import { held, unhide, unlinkParts } from './links.ts';
import { nameKey, nameReference } from './name-key.ts';

export interface NameRow {
  readonly repo: string;
  readonly tag: string;
  readonly target: Digest;
  readonly target_type: string;
  readonly target_size: number;
  readonly origin: Digest | null;
  readonly origin_type: string | null;
  readonly origin_size: number | null;
  readonly tagged: number;
}

export function nameOf(row: NameRow): ImageName {
  return {
    reference: nameReference(row.repo, row.tag),
    target: { mediaType: row.target_type, digest: row.target, size: row.target_size },
    ...(row.origin === null ? {} : { origin: { mediaType: row.origin_type ?? '', digest: row.origin, size: row.origin_size ?? 0 } }),
    tagged: new Date(row.tagged),
  };
}

export function getName(database: Database, repo: string, tag: string): NameRow | undefined {
  return database.get<NameRow>('SELECT * FROM name WHERE repo = ? AND tag = ?', repo, tag);
}

/** Who changes names, and by which verb. */
export interface Act {
  readonly actor: string;
  readonly verb: string;
}

/** Verbs that are told of as often as somebody does them, though the name pointed there before. */
const told: ReadonlySet<string> = new Set(['pull', 'push', 'tag', 'load', 'import']);

/** Verbs by which an image comes to be, rather than comes here. */
const made: ReadonlySet<string> = new Set(['commit', 'build', 'install']);

/** Within a transaction: points a name at an image, and writes it down. Pointing it where it points already changes at most its origin. */
export function setName(
  database: Database,
  transaction: Transaction,
  { repo, tag }: { repo: string; tag: string },
  target: Descriptor,
  origin: Descriptor | undefined,
  act: Act,
): Tagged {
  const before = getName(database, repo, tag);
  if (insertImage(database, transaction, target) && made.has(act.verb)) tellKept(database, transaction, act.verb, target.digest);
  unhide(database, repo, target.digest);
  if (before?.target !== target.digest || told.has(act.verb)) tellNamed(database, transaction, act.verb, repo, tag, target.digest);
  if (before?.target === target.digest) {
    if (origin && origin.digest !== before.origin)
      database.run(
        'UPDATE name SET origin = ?, origin_type = ?, origin_size = ? WHERE repo = ? AND tag = ?',
        origin.digest,
        origin.mediaType,
        origin.size,
        repo,
        tag,
      );
    return { moved: false, before: nameOf(before).target };
  }
  database.run(
    'INSERT OR REPLACE INTO name (repo, tag, target, target_type, target_size, origin, origin_type, origin_size, tagged) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)',
    repo,
    tag,
    target.digest,
    target.mediaType,
    target.size,
    origin?.digest ?? null,
    origin?.mediaType ?? null,
    origin?.size ?? null,
    transaction.time,
  );
  write(database, transaction, act, repo, tag, before, { target, origin });
  if (before) settle(database, before.target);
  return before ? { moved: true, before: nameOf(before).target } : { moved: true };
}

/** False where it was one before. */
export function insertImage(database: Database, { time }: Transaction, { digest, mediaType, size }: Descriptor): boolean {
  return (
    database.run('INSERT OR IGNORE INTO image (digest, media_type, size, added) VALUES (?, ?, ?, ?)', digest, mediaType, size, time) > 0
  );
}

/** Within a transaction: takes a name away. Its image becomes dangling where it was the last one. @throws ImageError `not-found` */
export function removeName(database: Database, transaction: Transaction, { repo, tag }: { repo: string; tag: string }, act: Act): NameRow {
  const before = getName(database, repo, tag);
  if (!before) throw new ImageError('not-found', `No such image: ${familiar(nameReference(repo, tag))}`);
  database.run('DELETE FROM name WHERE repo = ? AND tag = ?', repo, tag);
  database.run('DELETE FROM alias WHERE repo = ? AND tag = ?', repo, tag);
  write(database, transaction, act, repo, tag, before, undefined);
  tellUntagged(database, transaction, repo, tag, before.target);
  settle(database, before.target);
  return before;
}

export interface ForgetOptions {
  /** Names of it that may go with it: all, or these. Default: none. */
  readonly names?: 'all' | readonly Reference[] | undefined;
  /** One of its platforms: what its names point at from then on, with it as their origin; without names it becomes an image without a name. */
  readonly instead?: Descriptor | undefined;
}

/**
 * Within a transaction: an image is wanted no more. Its names go where that is asked for, and its links, those of its parts in the same repositories, and those of what
 * speaks of it or of them: a platform of an index, and a signature, that nothing carries any more are no images of their own.
 * @throws ImageError `not-found`; `conflict` where it has names that may not go
 */
export function forgetImage(database: Database, transaction: Transaction, digest: Digest, options: ForgetOptions, act: Act): void {
  const names = database.all<NameRow>('SELECT * FROM name WHERE target = ? ORDER BY repo, tag', digest);
  const image = database.get<{ media_type: string; size: number }>('SELECT media_type, size FROM image WHERE digest = ?', digest);
  const linked = database.get('SELECT 1 FROM link WHERE digest = ? AND hidden = 0 AND until IS NULL LIMIT 1', digest) !== undefined;
  if (!image && !linked && names.length === 0) throw new ImageError('not-found', `No such image: ${digest}`);
  const { names: may = [], instead } = options;
  const going = new Set(may === 'all' ? [] : may.map((name) => keyText(nameKey(name))));
  const kept = may === 'all' ? [] : names.filter((row) => !going.has(keyText(row)));
  if (kept.length > 0) {
    const shown = kept.map(({ repo, tag }) => familiar(nameReference(repo, tag)));
    throw new ImageError('conflict', `image ${digest} is named ${shown.join(', ')}`, { detail: { digest, names: shown } });
  }
  const repos = database.all<{ repo: string }>(
    'SELECT repo FROM name WHERE target = ?1 UNION SELECT repo FROM link WHERE digest = ?1 AND hidden = 0',
    digest,
  );
  for (const row of names) {
    const { target, origin = target } = nameOf(row);
    if (instead) setName(database, transaction, row, instead, origin, act);
    else removeName(database, transaction, row, act);
  }
  if (image) {
    database.run('DELETE FROM image WHERE digest = ?', digest);
    if (names.length === 0) {
      const gone = { target: { mediaType: image.media_type, digest, size: image.size }, origin: undefined };
      write(database, transaction, act, null, null, gone, undefined);
    }
    if (instead) insertImage(database, transaction, instead);
  }
  tellDeleted(database, transaction, digest);
  database.run('DELETE FROM link WHERE digest = ?', digest);
  for (const { repo } of repos) unlinkParts(database, repo, digest, transaction);
  database.run('DELETE FROM alias WHERE target = ?', digest);
  bumpChange(database);
  const subjects = database.all<{ digest: Digest }>(
    `WITH RECURSIVE inside (digest) AS (
       VALUES (?) UNION SELECT edge.child FROM inside JOIN edge ON edge.parent = inside.digest AND edge.kind = 0)
     SELECT digest FROM inside WHERE EXISTS (SELECT 1 FROM manifest WHERE subject = inside.digest)`,
    digest,
  );
  for (const subject of subjects) if (!held(database, subject.digest, transaction)) unlinkReferrers(database, subject.digest, transaction);
}

function unlinkReferrers(database: Database, subject: Digest, transaction: Transaction): void {
  const shown = database.all<{ digest: Digest; repo: string }>(
    `WITH RECURSIVE about (digest) AS (
       SELECT digest FROM manifest WHERE subject = ? UNION SELECT manifest.digest FROM about JOIN manifest ON manifest.subject = about.digest)
     SELECT link.digest, link.repo FROM about JOIN link ON link.digest = about.digest`,
    subject,
  );
  for (const { digest, repo } of shown) {
    database.run('DELETE FROM link WHERE digest = ? AND repo = ?', digest, repo);
    unlinkParts(database, repo, digest, transaction);
  }
}

/** Neither a repository nor a tag has a space. */
function keyText({ repo, tag }: { repo: string; tag: string }): string {
  return `${repo} ${tag}`;
}

/** Within a transaction: what index.json shows has changed. */
export function bumpChange(database: Database): void {
  // One row by its key: SQLite begins a journal for a statement that may fail at a second row, and its end then looks through all that the savepoint has changed so far.
  database.run('UPDATE state SET change = change + 1 WHERE id = 1');
}

/** An image without a name is dangling, but not where a repository goes on showing it: clients pull it from there by its digest. */
function settle(database: Database, target: Digest): void {
  if (database.get('SELECT 1 FROM name WHERE target = ? LIMIT 1', target)) return;
  if (database.get('SELECT 1 FROM link WHERE digest = ? AND hidden = 0 AND until IS NULL LIMIT 1', target))
    database.run('DELETE FROM image WHERE digest = ?', target);
}

type Side = NameRow | { readonly target: Descriptor; readonly origin: Descriptor | undefined } | undefined;

function write(
  database: Database,
  { time, isPlan }: Transaction,
  { actor, verb }: Act,
  repo: string | null,
  tag: string | null,
  before: Side,
  after: Side,
): void {
  if (isPlan) return;
  database.run(
    'INSERT INTO journal (time, actor, verb, repo, tag, before, after) VALUES (?, ?, ?, ?, ?, ?, ?)',
    time,
    actor,
    verb,
    repo,
    tag,
    pointer(before),
    pointer(after),
  );
  bumpChange(database);
}

function pointer(side: Side): string | null {
  if (!side) return null;
  const { target, origin } = 'repo' in side ? nameOf(side) : side;
  const bare = ({ mediaType, digest, size }: Descriptor) => ({ mediaType, digest, size });
  return JSON.stringify({ ...bare(target), ...(origin ? { origin: bare(origin) } : {}) });
}
