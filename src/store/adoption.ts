import { readFile } from 'node:fs/promises';
import { successors } from '../content/successors.ts';
import { asImageError, isImageError, isSystemError } from '../errors.ts';
import { maxConfigBytes, type ImageConfig } from '../model/config.ts';
import type { Descriptor } from '../model/descriptor.ts';
import { digestAlgorithm, digestOf, type Digest } from '../model/digest.ts';
import { maxManifestBytes, parseManifest, type Index, type Manifest } from '../model/manifest.ts';
import { isImageConfigType, isManifestType } from '../model/media-types.ts';
import { blobState, fileMark, makeReadOnly, type Blobs } from './blobs.ts';
import type { Database, Transaction } from './database.ts';
import { changedNames, folder, forgottenSince } from './index-changes.ts';
import { nameText, type IndexEntry, type IndexFile } from './index-file.ts';
import { insertManifest, insertSummary, parseConfigIfValid, summarize } from './manifests.ts';
import { nameKey } from './name-key.ts';
import { bumpChange, getName, setName } from './names.ts';
import { statIfThere } from './place.ts';

/** More pieces than this one index.json does not bring in; it was made to exhaust whoever walks it. */
const maxPieces = 1_000_000;
const maxForeign = 1000;

interface Piece {
  readonly target: Descriptor;
  readonly state: number;
  readonly mark: string | null;
  readonly size: number;
  readonly document?: Manifest | Index;
  readonly config?: ImageConfig | undefined;
}

/**
 * Takes in what other tools have written to `index.json`: names that are new or moved since our last projection, and the content below them.
 * Presence and sizes of all of it are looked at now; manifests and configs are read and hashed, as lists need them; layers are hashed before they are first given to anybody.
 * What is wrong is taken in as wrong: it keeps its name, and is said to be wrong when it is asked for.
 *
 * @param hash of the file that was read, or undefined where it is not the one in place
 * @param current asked within the transaction: whether the file is still the one that was read
 * @returns false where it is not: then nothing was taken in
 */
export async function adopt(
  database: Database,
  blobs: Blobs,
  index: IndexFile,
  hash: string | undefined,
  current: () => boolean,
): Promise<boolean> {
  const pieces = await examine(database, blobs, index.entries);
  return database.transact((transaction) => {
    if (!current()) return false;
    const state = database.get<{ index_hash: string | null; index_journal: number }>('SELECT index_hash, index_journal FROM state');
    // A projection of another process of ours, whose commit was waited for just now: there is nothing in it that we do not know.
    if (hash !== undefined && hash === state?.index_hash) return true;
    for (const piece of pieces.values()) insertPiece(database, transaction, piece);
    const changes = changedNames(database, index.entries);
    for (const entry of changes.moved) {
      if (!entry.name) continue;
      const target = described(database, entry.target);
      setName(database, transaction, nameKey(entry.name), target, undefined, { actor: folder, verb: 'adopt' });
    }
    for (const entry of index.entries) adoptSpelling(database, transaction, entry, Math.min(changes.base, state?.index_journal ?? 0));
    keepForeign(database, index);
    if (hash !== undefined) {
      database.run('UPDATE state SET index_hash = ?, index_mark = NULL', hash);
      if (!showsAll(database, index.entries)) bumpChange(database);
    }
    return true;
  });
}

/**
 * Within a transaction: a spelling that is not ours, and an image that has no name we can read.
 * @param base what was forgotten after that row of the journal is not brought back: it may be in the file because that is older. Names tell how old; an image without one
 * does not change them, so no later row than the one of our last projection counts
 */
function adoptSpelling(database: Database, { time }: Transaction, { target, name, typed }: IndexEntry, base: number): void {
  const key = name && nameKey(name);
  if (key) {
    if (typed === undefined || getName(database, key.repo, key.tag)?.target !== target.digest) return;
  } else {
    const known = database.get('SELECT 1 FROM image WHERE digest = ?', target.digest) !== undefined;
    if (!known && forgottenSince(database, base, target.digest)) return;
    if (!known) {
      const { mediaType, size } = described(database, target);
      database.run('INSERT INTO image (digest, media_type, size, added) VALUES (?, ?, ?, ?)', target.digest, mediaType, size, time);
      bumpChange(database);
    }
    if (typed === undefined) return;
  }
  const changed = database.run(
    `INSERT INTO alias (typed, repo, tag, target) VALUES (?1, ?2, ?3, ?4)
     ON CONFLICT (typed) DO UPDATE SET repo = excluded.repo, tag = excluded.tag, target = excluded.target WHERE target <> excluded.target`,
    typed,
    key?.repo ?? null,
    key?.tag ?? null,
    target.digest,
  );
  if (changed > 0) bumpChange(database);
}

/**
 * Within a transaction: false where the file is not what our projection would show. What a tool left out, or wrote back from its memory, changes nothing here;
 * left so, it would stay in the way of other tools until a name next changes.
 */
function showsAll(database: Database, entries: readonly IndexEntry[]): boolean {
  const names = new Map(
    database
      .all<{ repo: string; tag: string; target: Digest }>('SELECT repo, tag, target FROM name')
      .map(({ repo, tag, target }) => [`${repo}\n${tag}`, target]),
  );
  const missing = new Set(names.keys());
  const images = new Set(
    database.all<{ digest: Digest }>('SELECT digest FROM image WHERE digest NOT IN (SELECT target FROM name)').map(({ digest }) => digest),
  );
  for (const { name, target } of entries) {
    images.delete(target.digest);
    if (!name) continue;
    const key = nameText(name);
    if (names.get(key) !== target.digest) return false;
    missing.delete(key);
  }
  return missing.size === 0 && images.size === 0;
}

/** Within a transaction: adds what is not ours to what is already kept of that kind. */
function keepForeign(database: Database, { foreign }: IndexFile): void {
  if (foreign.entries.length === 0 && Object.keys(foreign.keys).length === 0) return;
  const before = database.get<{ foreign_json: string | null }>('SELECT foreign_json FROM state')?.foreign_json ?? null;
  const known = before === null ? { entries: [], keys: {} } : (JSON.parse(before) as IndexFile['foreign']);
  const entries = new Map([...known.entries, ...foreign.entries].map((entry) => [JSON.stringify(entry), entry]));
  const after = JSON.stringify({ entries: [...entries.values()].slice(-maxForeign), keys: { ...known.keys, ...foreign.keys } });
  if (after !== before) database.run('UPDATE state SET foreign_json = ?, change = change + 1 WHERE id = 1', after);
}

/** The descriptor as the store knows it: another tool's entry may be wrong about the size. */
function described(database: Database, target: Descriptor): Descriptor {
  const row = database.get<{ media_type: string; size: number }>('SELECT media_type, size FROM manifest WHERE digest = ?', target.digest);
  return { mediaType: row?.media_type ?? target.mediaType, digest: target.digest, size: row?.size ?? target.size };
}

async function examine(database: Database, blobs: Blobs, entries: readonly IndexEntry[]): Promise<Map<Digest, Piece>> {
  const pieces = new Map<Digest, Piece>();
  const waiting = entries.map(({ target }) => target);
  const named = new Set(waiting.map(({ digest }) => digest));
  const seen = new Set<Digest>();
  for (let target; (target = waiting.pop());) {
    if (seen.has(target.digest) || seen.size > maxPieces) continue;
    seen.add(target.digest);
    if (blobs.complete(target)) continue;
    const row = blobs.row(target.digest);
    const known = database.get('SELECT 1 FROM manifest WHERE digest = ?', target.digest) !== undefined;
    const piece =
      row && row.state !== blobState.damaged && (known || !isManifestType(target.mediaType))
        ? undefined
        : await look(database, target, { badMark: row?.mark ?? null, isEntry: named.has(target.digest) });
    if (piece) pieces.set(target.digest, piece);
    if (piece?.document) waiting.push(...successors(piece.document));
    else if (known) waiting.push(...knownChildren(database, target.digest));
  }
  for (const [digest, piece] of pieces) {
    const { document } = piece;
    if (document?.kind === 'manifest') pieces.set(digest, { ...piece, config: await readConfig(database, document.config, pieces) });
  }
  return pieces;
}

function knownChildren(database: Database, parent: Digest): Descriptor[] {
  return database
    .all<{ child: Digest; size: number; media_type: string | null }>('SELECT child, size, media_type FROM edge WHERE parent = ?', parent)
    .map(({ child, size, media_type: mediaType }) => ({ mediaType: mediaType ?? '', digest: child, size }));
}

/**
 * What the file of a digest is, or undefined where there is none, or where it is one that has proved wrong before.
 * @param about `isEntry`: whether index.json itself names it. No digest vouches for the size there: where the content is what its digest says, the size is the file's
 */
async function look(
  database: Database,
  named: Descriptor,
  { badMark, isEntry }: { readonly badMark: string | null; readonly isEntry: boolean },
): Promise<Piece | undefined> {
  const path = database.place.blob(named.digest);
  const facts = statIfThere(path);
  if (!facts?.isFile() || fileMark(facts) === badMark) return undefined;
  const sized = isEntry && isManifestType(named.mediaType) && facts.size <= maxManifestBytes;
  const target = sized ? { ...named, size: facts.size } : named;
  const wrong: Piece = { target, state: blobState.damaged, mark: fileMark(facts), size: facts.size };
  if (facts.size !== target.size) return wrong;
  const small = isManifestType(target.mediaType)
    ? facts.size <= maxManifestBytes
    : isImageConfigType(target.mediaType) && facts.size <= maxConfigBytes;
  if (!small) return { target, state: blobState.adopted, mark: null, size: facts.size };
  const bytes = await readIfAllowed(path);
  if (!bytes) return undefined;
  if (digestOf(bytes, digestAlgorithm(target.digest)) !== target.digest) return wrong;
  makeReadOnly(path);
  const piece: Piece = { target, state: blobState.verified, mark: null, size: facts.size };
  if (!isManifestType(target.mediaType)) return { ...piece, config: parseConfigIfValid(bytes) };
  try {
    return { ...piece, document: parseManifest(bytes, target.mediaType) };
  } catch (error) {
    // The bytes are what they say, and are no manifest: whoever asks for it reads them, and meets the same.
    if (isImageError(error, 'invalid-content', 'too-large')) return piece;
    throw error;
  }
}

/** Undefined where it is gone by now, or another user's: who asks for it meets the reason, a list does not. */
async function readIfAllowed(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path);
  } catch (error) {
    if (isSystemError(error, 'ENOENT', 'EACCES', 'EPERM')) return undefined;
    throw asImageError(error, `cannot read ${path}`);
  }
}

async function readConfig(database: Database, config: Descriptor, pieces: ReadonlyMap<Digest, Piece>): Promise<ImageConfig | undefined> {
  if (!isImageConfigType(config.mediaType)) return undefined;
  const piece = pieces.get(config.digest);
  if (piece) return piece.config;
  const row = database.get<{ size: number; state: number }>('SELECT size, state FROM blob WHERE digest = ?', config.digest);
  if (row?.state !== blobState.verified || row.size > maxConfigBytes) return undefined;
  const bytes = await readIfAllowed(database.place.blob(config.digest));
  return bytes && parseConfigIfValid(bytes);
}

/** Within a transaction. What was kept or proved meanwhile stays as it is. */
function insertPiece(database: Database, { time }: Transaction, { target, state, mark, size, document, config }: Piece): void {
  database.run(
    `INSERT INTO blob (digest, size, state, mark, added) VALUES (?1, ?2, ?3, ?4, ?5)
     ON CONFLICT (digest) DO UPDATE SET size = excluded.size, state = excluded.state, mark = excluded.mark WHERE blob.state = 2`,
    target.digest,
    size,
    state,
    mark,
    time,
  );
  if (!document) return;
  insertManifest(database, target, document);
  if (document.kind === 'manifest' && isImageConfigType(document.config.mediaType))
    insertSummary(database, target, document.config, summarize(target, document, config));
}
