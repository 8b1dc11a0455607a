import { randomBytes } from 'node:crypto';
import { readdirSync, renameSync } from 'node:fs';
import { readdir, rmdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { asImageError, isSystemError } from '../errors.ts';
import { isDraftOf } from '../io/atomic-file.ts';
import { throwIfCanceled } from '../io/concurrently.ts';
import { heldOpen } from '../io/held-open.ts';
import type { Operation } from '../io/operation.ts';
import { removeFile, removeFileNow } from '../io/remove-file.ts';
import { removeFolder } from '../io/remove-folder.ts';
import { isObject } from '../model/descriptor.ts';
import { isDigest, type Digest } from '../model/digest.ts';
import { trashName, type Blobs } from './blobs.ts';
import type { Database } from './database.ts';
import { applyDiscard, type Discard, type DiscardedImage } from './discard.ts';
import { dropDeadDrafts, isDraftFolder } from './draft-folder.ts';
import { emptyFolders, isFolderName, mendFolders } from './folders.ts';
import type { Foreign } from './index-file.ts';
import { uprootLayers } from './layer-forest.ts';
import { deadLeases, endDeadLeases, leaseLife } from './lease.ts';
import { held, linkLife } from './links.ts';
import { statIfThere } from './place.ts';
import { dropTree, idleTrees, type IdleTree } from './trees.ts';
import { uploadLife } from './uploads.ts';

export interface SweepOptions extends Operation {
  /** Says what would go, and removes nothing. */
  readonly dryRun?: boolean | undefined;
  /** Only what these held. */
  readonly roots?: readonly Digest[] | undefined;
  /** With `dryRun`: what would be discarded first. So the plan of discarding and sweeping is what both would do. Default: `roots`, names and all. */
  readonly first?: Discard | undefined;
}

export interface Swept {
  readonly blobs: readonly {
    readonly digest: Digest;
    readonly size: number;
    /** Absent for blobs that are no manifests. */ readonly mediaType?: string;
  }[];
  /** Layers laid out that no image has any more. */
  readonly trees: readonly Digest[];
  /** Of the blobs, the trees, and what lay about. */
  readonly bytes: number;
  /** Of what lay about: forgotten drafts, files that nobody has named. */
  readonly strays: number;
}

/** What nobody has touched for so long, and nothing holds, may go: another tool's file that it has not named yet, a partial download. Milliseconds. */
const staleAfter = 24 * 60 * 60 * 1000;
/** Blobs taken in one transaction: other writers wait for no more. */
const atOnce = 200;

interface Candidate {
  readonly digest: Digest;
  readonly size: number;
  readonly mediaType: string | null;
}

/**
 * Takes away what nothing holds. It may run beside pulls, pushes and loads: whether something is held is asked again in the very transaction that takes it, and whoever relies
 * on content holds it in one of their own.
 *
 * A file goes to `trash/` in that transaction and is deleted afterwards; a process killed between the two leaves a row that still counts, and `recover` brings its file back.
 */
export async function sweep(database: Database, blobs: Blobs, options: SweepOptions = {}): Promise<Swept> {
  throwIfCanceled(options.signal);
  const find = (time: number) => notForeign(database, options.roots ? below(database, options.roots) : unheld(database, time));
  const swept: Candidate[] = [];
  const trees: IdleTree[] = [];
  if (options.dryRun) {
    const planned = plan(database, blobs, options, find);
    swept.push(...planned.blobs);
    trees.push(...planned.trees);
  } else {
    if (deadLeases(database).length > 0) await database.removing(() => endDeadLeases(database));
    const candidates = find(database.now().getTime());
    for (let at = 0; at < candidates.length; at += atOnce) {
      throwIfCanceled(options.signal);
      swept.push(...(await take(database, candidates.slice(at, at + atOnce))));
    }
    trees.push(...(await takeTrees(database)));
  }
  const content = [...swept.map(({ size }) => size), ...trees.map((tree) => tree.bytes)].reduce((sum, size) => sum + size, 0);
  const strays = options.roots ? 0 : await sweepFiles(database, options.dryRun ?? false);
  return {
    blobs: swept.map(({ digest, size, mediaType }) => ({ digest, size, ...(mediaType === null ? {} : { mediaType }) })),
    trees: trees.map(({ diffId }) => diffId),
    bytes: content + strays,
    strays,
  };
}

/** What would be taken, found by doing all of it but that, and taking it back. */
function plan(
  database: Database,
  blobs: Blobs,
  { roots, first = { images: roots?.map((digest): DiscardedImage => ({ digest, names: 'all', used: true })) } }: SweepOptions,
  find: (time: number) => readonly Candidate[],
): { readonly blobs: readonly Candidate[]; readonly trees: readonly IdleTree[] } {
  const act = { actor: database.actor, verb: 'plan' };
  return database.tryOut((transaction) => {
    endDeadLeases(database);
    applyDiscard(database, blobs, transaction, first, act, 'plan');
    const going = find(transaction.time).filter(({ digest }) => !held(database, digest, transaction));
    for (const { digest } of going) uprootLayers(database, digest);
    return { blobs: going, trees: idleTrees(database) };
  });
}

/** Everything that these need, what speaks of it, and what they were made from. */
function below(database: Database, roots: readonly Digest[]): Candidate[] {
  const found = new Map<Digest, Candidate>();
  for (const root of roots) {
    const rows = database.all<Candidate>(
      `WITH RECURSIVE down (digest) AS (
         VALUES (?)
         UNION SELECT edge.child FROM down JOIN edge ON edge.parent = down.digest
         UNION SELECT manifest.digest FROM down JOIN manifest ON manifest.subject = down.digest
         UNION SELECT parent.parent FROM down JOIN parent ON parent.child = down.digest)
       SELECT blob.digest, blob.size, manifest.media_type AS mediaType FROM down JOIN blob ON blob.digest = down.digest LEFT JOIN manifest ON manifest.digest = down.digest`,
      root,
    );
    for (const row of rows) found.set(row.digest, row);
  }
  return [...found.values()];
}

/** Without what entries of `index.json` that are not ours to understand point at: their tool still reaches it. */
function notForeign(database: Database, candidates: readonly Candidate[]): readonly Candidate[] {
  const foreign = foreignDigests(database);
  return foreign.size === 0 ? candidates : candidates.filter(({ digest }) => !foreign.has(digest));
}

function foreignDigests(database: Database): ReadonlySet<string> {
  const kept = database.get<{ entries: string | null }>('SELECT foreign_json AS entries FROM state')?.entries ?? null;
  const { entries } = kept === null ? { entries: [] } : (JSON.parse(kept) as Foreign);
  return new Set(entries.map((entry) => (isObject(entry) && typeof entry['digest'] === 'string' ? entry['digest'] : '')));
}

/** Marks from every holder down, in one statement. */
export function unheld(database: Database, now: number): Candidate[] {
  return database.all<Candidate>(
    `WITH RECURSIVE live (digest, deep) AS (
       SELECT digest, deep FROM holder WHERE until IS NULL OR until > ?1
       UNION SELECT edge.child, 1 FROM live JOIN edge ON edge.parent = live.digest WHERE live.deep
       UNION SELECT parent.parent, 1 FROM live JOIN parent ON parent.child = live.digest WHERE live.deep
       UNION SELECT manifest.digest, 1 FROM live JOIN manifest ON manifest.subject = live.digest)
     SELECT blob.digest, blob.size, manifest.media_type AS mediaType FROM blob LEFT JOIN manifest ON manifest.digest = blob.digest
     WHERE blob.digest NOT IN (SELECT digest FROM live)`,
    now,
  );
}

async function take(database: Database, candidates: readonly Candidate[]): Promise<Candidate[]> {
  const gone: string[] = [];
  const taken = await database.removing((transaction) => {
    const { place } = database;
    const dead = notForeign(database, candidates).filter(
      ({ digest }) => database.get('SELECT 1 FROM blob WHERE digest = ?', digest) && !held(database, digest, transaction),
    );
    for (const { digest } of dead) {
      const trash = join(place.trash, `${trashName(digest)}.${randomBytes(6).toString('hex')}`);
      if (moveIfThere(place.blob(digest), trash)) {
        gone.push(trash);
        transaction.afterRollback(() => renameSync(trash, place.blob(digest)));
      }
      database.at('trashed');
      for (const table of ['blob', 'manifest', 'summary', 'summary_detail', 'identity', 'link'])
        database.run(`DELETE FROM ${table} WHERE digest = ?`, digest);
      uprootLayers(database, digest);
      database.run('DELETE FROM base WHERE manifest = ?', digest);
      database.run('DELETE FROM checked WHERE blob = ?', digest);
      database.run('DELETE FROM parent WHERE child = ?', digest);
      database.run('DELETE FROM edge WHERE parent = ?', digest);
      database.run('DELETE FROM alias WHERE target = ?', digest);
    }
    return dead;
  });
  database.at('swept');
  // What Windows does not let go of now goes when the store is next opened.
  for (const file of gone) await removeFile(file);
  return taken;
}

/** Whoever lays a layer out holds an image that has it, so what no image has is nobody's. */
async function takeTrees(database: Database): Promise<IdleTree[]> {
  if (idleTrees(database).length === 0) return [];
  const { idle, gone } = await database.removing((transaction) => {
    const found = idleTrees(database);
    return { idle: found, gone: found.map(({ diffId }) => dropTree(database, transaction, diffId)) };
  });
  await emptyFolders(gone);
  return idle;
}

/** What lies about without rows: old drafts, those of the layout's own files too, ended uploads, expired leases and links, files in `blobs/` that nothing speaks of. @returns their bytes */
async function sweepFiles(database: Database, dryRun: boolean): Promise<number> {
  const { place } = database;
  const now = database.now().getTime();
  let bytes = 0;
  if (!dryRun) {
    await dropDeadDrafts(database);
    await mendFolders(database);
    await database.removing(({ time }) => {
      database.run(
        'DELETE FROM lease_hold WHERE lease IN (SELECT id FROM lease WHERE renewed <= ?1) OR lease NOT IN (SELECT id FROM lease)',
        time - leaseLife,
      );
      database.run('DELETE FROM lease WHERE renewed <= ?', time - leaseLife);
      database.run('DELETE FROM link WHERE hidden = 0 AND until <= ?', time);
      database.run('DELETE FROM upload WHERE updated <= ?', time - uploadLife);
      // From a clock that was set back since: nobody would see the end of these.
      database.run('UPDATE lease SET renewed = ?1 WHERE renewed > ?1', time);
      database.run('UPDATE upload SET updated = ?1 WHERE updated > ?1', time);
      database.run('UPDATE link SET until = ?1 WHERE until > ?1', time + linkLife);
    });
  }
  const uploads = new Set(
    database.all<{ file: string }>('SELECT file FROM upload WHERE updated > ?', now - uploadLife).map(({ file }) => file),
  );
  for (const entry of await readdir(place.drafts, { withFileTypes: true })) {
    const path = join(place.drafts, entry.name);
    // Another process is making these.
    if (isDraftFolder(entry)) continue;
    if (!entry.isDirectory()) {
      if (!uploads.has(entry.name)) bytes += await dropIfStale(path, now, dryRun);
      continue;
    }
    const lives =
      entry.name === 'free' || database.get('SELECT 1 FROM lease WHERE id = ? AND renewed > ?', entry.name, now - leaseLife) !== undefined;
    if (lives && entry.name !== 'free') continue;
    for (const name of await readdirIfThere(path)) bytes += await dropIfStale(join(path, name), now, dryRun);
    if (!lives && !dryRun) await rmdirIfEmpty(path);
  }
  for (const file of [place.indexFile, place.layoutFile, place.moveNote])
    for (const name of await readdirIfThere(dirname(file)))
      if (isDraftOf(name, basename(file))) bytes += await dropIfStale(join(dirname(file), name), now, dryRun);
  const foreign = foreignDigests(database);
  for (const algorithm of ['sha256', 'sha512'] as const) {
    for (const name of await readdirIfThere(place.blobFolder(algorithm))) {
      const digest = `${algorithm}:${name}`;
      // Names of other forms are other tools' work in progress.
      if (
        !isDigest(digest) ||
        foreign.has(digest) ||
        database.get(
          'SELECT 1 FROM blob WHERE digest = ?1 UNION ALL SELECT 1 FROM edge WHERE child = ?1 UNION ALL SELECT 1 FROM image WHERE digest = ?1 LIMIT 1',
          digest,
        )
      )
        continue;
      bytes += await dropIfStale(place.blob(digest), now, dryRun, () =>
        database.transact(() => {
          // Somebody may just have kept it.
          if (!database.get('SELECT 1 FROM blob WHERE digest = ?', digest)) removeFileNow(place.blob(digest));
        }),
      );
    }
  }
  return bytes;
}

/** Brings back what a killed process took without saying so, and deletes the rest, with the drafts of those that were killed. */
export async function recover(database: Database): Promise<void> {
  if (!(await dropDeadDrafts(database)) && readdirSync(database.place.trash).length === 0) return;
  await mendFolders(database);
  const gone = await database.transact((transaction) => {
    const { place } = database;
    const rest: string[] = [];
    for (const name of readdirSync(place.trash)) {
      if (isFolderName(name)) continue;
      const path = join(place.trash, name);
      const digest = /^(sha256|sha512)-([0-9a-f]+)\./.exec(name);
      const known = digest ? `${digest[1]}:${digest[2]}` : '';
      if (isDigest(known) && database.get('SELECT 1 FROM blob WHERE digest = ?', known) && !statIfThere(place.blob(known))) {
        renameSync(path, place.blob(known));
        transaction.syncFolder(dirname(place.blob(known)));
      } else rest.push(path);
    }
    return rest;
  });
  // A folder there is nobody's of ours, and stopped every start.
  for (const path of gone) await (statIfThere(path)?.isDirectory() ? removeFolder(path) : removeFile(path));
}

async function dropIfStale(
  path: string,
  now: number,
  dryRun: boolean,
  drop: () => Promise<unknown> = () => removeFile(path),
): Promise<number> {
  const facts = statIfThere(path);
  // A copied file keeps its old mtime; its ctime says when it came.
  if (!facts?.isFile() || Math.max(facts.mtimeMs, facts.ctimeMs) > now - staleAfter) return 0;
  if (!dryRun) await drop();
  return facts.size;
}

function moveIfThere(from: string, to: string): boolean {
  try {
    renameSync(from, to);
    return true;
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return false;
    throw error;
  }
}

async function readdirIfThere(path: string): Promise<string[]> {
  try {
    return await readdir(path);
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return [];
    throw asImageError(error, `cannot read ${path}`);
  }
}

async function rmdirIfEmpty(path: string): Promise<void> {
  try {
    await rmdir(path);
  } catch (error) {
    if (!isSystemError(error, 'ENOENT', 'ENOTEMPTY', 'EEXIST') && !heldOpen(error)) throw asImageError(error, `cannot remove ${path}`);
  }
}
