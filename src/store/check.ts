import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { successors } from '../content/successors.ts';
import { asImageError, isImageError, isSystemError } from '../errors.ts';
import { canceled } from '../io/concurrently.ts';
import type { Operation } from '../io/operation.ts';
import type { Digest } from '../model/digest.ts';
import { maxManifestBytes, parseManifest } from '../model/manifest.ts';
import { blobState, fileMark, hashOpen, type Blobs } from './blobs.ts';
import type { Database } from './database.ts';
import { strayFolders } from './folders.ts';
import { parseIndexFile } from './index-file.ts';
import { held } from './links.ts';
import { nameReference } from './name-key.ts';
import { type NameRow } from './names.ts';
import { canonical } from '../model/reference.ts';
import { statIfThere } from './place.ts';
import { listVolumes } from './volumes.ts';

/** Something that is not as it must be. */
export interface Fault {
  /**
   * `missing`: a blob whose file is gone. `damaged`: a file that is not what its name says. `incomplete`: something kept names what is not here.
   * `record`: the database says what cannot be. `layout`: the folder is no valid image layout.
   */
  readonly kind: 'missing' | 'damaged' | 'incomplete' | 'record' | 'layout';
  readonly digest?: Digest;
  readonly file?: string;
  /** A sentence. */
  readonly message: string;
}

/**
 * Hashes every blob, and compares files, rows and names. Others may work in the store meanwhile.
 * What proves damaged or missing is marked so: it is not served from then on, and the next pull or load of it puts it right.
 */
export async function check(database: Database, blobs: Blobs, options: Operation = {}): Promise<Fault[]> {
  const faults: Fault[] = [...checkDatabase(database), ...checkLayout(database)];
  for (const { digest } of database.all<{ digest: Digest }>('SELECT digest FROM blob ORDER BY digest')) {
    if (options.signal?.aborted) throw canceled(options.signal.reason);
    const fault = await checkBlob(database, digest, options);
    if (fault) faults.push(fault);
  }
  faults.push(...(await checkManifests(database, blobs, options)), ...checkNames(database, blobs), ...(await checkFolders(database)));
  return faults;
}

async function checkBlob(database: Database, digest: Digest, options: Operation): Promise<Fault | undefined> {
  const file = database.place.blob(digest);
  let descriptor: number;
  try {
    descriptor = openSync(file, 'r');
  } catch (error) {
    if (!isSystemError(error, 'ENOENT')) throw asImageError(error, `cannot read ${file}`);
    // Swept since the list was made, it has no row either.
    const gone = await database.transact(
      () =>
        database.get('SELECT 1 FROM blob WHERE digest = ?', digest) !== undefined &&
        fileGone(file) &&
        database.run('DELETE FROM blob WHERE digest = ?', digest) > 0,
    );
    return gone ? { kind: 'missing', digest, file, message: `${digest} is in the records, but its file ${file} is gone` } : undefined;
  }
  try {
    const facts = fstatSync(descriptor);
    const actual = await hashOpen(descriptor, digest, options);
    const row = database.get<{ size: number; state: number }>('SELECT size, state FROM blob WHERE digest = ?', digest);
    if (!row) return undefined;
    if (actual !== digest) {
      await database.transact(() =>
        database.run('UPDATE blob SET state = ?, mark = ? WHERE digest = ?', blobState.damaged, fileMark(facts), digest),
      );
      return { kind: 'damaged', digest, file, message: `${file} is not what its name says: its content is ${actual}` };
    }
    if (row.size !== facts.size || row.state !== blobState.verified)
      await database.transact(() => database.run('UPDATE blob SET state = 1, size = ?, mark = NULL WHERE digest = ?', facts.size, digest));
    if (row.size !== facts.size)
      return { kind: 'record', digest, message: `the record said that ${digest} has ${row.size} bytes; it has ${facts.size}` };
    return undefined;
  } finally {
    closeSync(descriptor);
  }
}

/** That the rows of each manifest are what its bytes say, and that what is kept is whole. */
async function checkManifests(database: Database, blobs: Blobs, options: Operation): Promise<Fault[]> {
  const faults: Fault[] = [];
  const rows = database.all<{ digest: Digest; media_type: string; size: number }>(
    'SELECT manifest.digest, media_type, manifest.size FROM manifest JOIN blob ON blob.digest = manifest.digest AND blob.state <> 2',
  );
  for (const { digest, media_type: mediaType, size } of rows) {
    if (options.signal?.aborted) throw canceled(options.signal.reason);
    try {
      const document = parseManifest(await blobs.read({ mediaType, digest, size }, maxManifestBytes), mediaType);
      const said = successors(document).map((child) => child.digest);
      const kept = database
        .all<{ child: Digest }>('SELECT child FROM edge WHERE parent = ? ORDER BY position', digest)
        .map(({ child }) => child);
      if (said.join() !== kept.join())
        faults.push({ kind: 'record', digest, message: `the records of what ${digest} points at are not what it says` });
    } catch (error) {
      // Swept meanwhile, or reported above.
      if (isImageError(error, 'blob-unknown', 'manifest-unknown', 'digest-mismatch')) continue;
      if (!isImageError(error)) throw error;
      faults.push({ kind: 'record', digest, message: `${digest} is recorded as a manifest, and is none: ${error.message}` });
    }
  }
  const now = database.now().getTime();
  const kept = database.all<{ digest: Digest; media_type: string; id: string; kind: string }>(
    'SELECT holder.digest, media_type, id, kind FROM holder JOIN manifest ON manifest.digest = holder.digest WHERE deep AND (until IS NULL OR until > ?)',
    now,
  );
  for (const { digest, media_type: mediaType, kind, id } of kept) {
    if (kind === 'lease' || kind === 'image') continue;
    const missing = blobs.missing({ mediaType, digest });
    if (missing !== undefined && missing !== digest && held(database, digest, { time: now }))
      faults.push({
        kind: 'incomplete',
        digest: missing,
        message: `${kind === 'container' ? `container ${id.slice(0, 12)}` : id} needs ${missing}, which is not here`,
      });
  }
  return faults;
}

function checkNames(database: Database, blobs: Blobs): Fault[] {
  const faults: Fault[] = [];
  for (const { repo, tag, target, target_size: size } of database.all<NameRow>('SELECT * FROM name')) {
    const row = blobs.row(target);
    const name = canonical(nameReference(repo, tag));
    if (!row) faults.push({ kind: 'missing', digest: target, message: `${name} points at ${target}, which is not here` });
    else if (row.state === blobState.verified && row.size !== size)
      faults.push({ kind: 'record', digest: target, message: `${name} says that ${target} has ${size} bytes; it has ${row.size}` });
    if (!database.get('SELECT 1 FROM image WHERE digest = ?', target))
      faults.push({ kind: 'record', digest: target, message: `${name} points at ${target}, which the list of images lacks` });
  }
  return faults;
}

/**
 * That each layer laid out and each volume has its folder, and each folder belongs to somebody. A layer whose folder is gone is laid out again when it is needed.
 * In one transaction: no folder comes or goes meanwhile.
 */
function checkFolders(database: Database): Promise<Fault[]> {
  return database.transact(() => {
    const faults: Fault[] = [];
    for (const { diff_id: digest } of database.all<{ diff_id: Digest }>('SELECT diff_id FROM tree')) {
      const file = database.place.tree(digest);
      if (statIfThere(file)) continue;
      database.run('DELETE FROM tree WHERE diff_id = ?', digest);
      faults.push({
        kind: 'missing',
        digest,
        file,
        message: `the layer ${digest} is recorded as laid out, but its folder ${file} is gone`,
      });
    }
    for (const { name, mountpoint: file } of listVolumes(database))
      if (!statIfThere(file)) faults.push({ kind: 'missing', file, message: `the folder ${file} of the volume ${name} is gone` });
    for (const file of strayFolders(database)) faults.push({ kind: 'record', file, message: `nothing that is recorded owns ${file}` });
    for (const { container, volume } of database.all<{ container: string; volume: string }>(
      'SELECT container, volume FROM container_volume WHERE volume NOT IN (SELECT name FROM volume) OR container NOT IN (SELECT id FROM container)',
    ))
      faults.push({
        kind: 'record',
        message: `container ${container.slice(0, 12)} is recorded to need the volume ${volume}, and one of them is not here`,
      });
    return faults;
  });
}

function checkDatabase(database: Database): Fault[] {
  return database
    .all<{ integrity_check: string }>('PRAGMA integrity_check')
    .filter(({ integrity_check: text }) => text !== 'ok')
    .map(({ integrity_check: text }) => ({ kind: 'record', file: database.place.databaseFile, message: `the database: ${text}` }));
}

/** That any other tool can read the folder (image-spec image-layout.md). */
function checkLayout(database: Database): Fault[] {
  const { place } = database;
  const faults: Fault[] = [];
  const attempt = (file: string, read: (bytes: Buffer) => void) => {
    try {
      read(readFileSync(file));
    } catch (error) {
      faults.push({ kind: 'layout', file, message: `${file} cannot be read: ${(error as Error).message}` });
    }
  };
  attempt(place.layoutFile, (bytes) => {
    const { imageLayoutVersion } = JSON.parse(bytes.toString()) as { imageLayoutVersion?: unknown };
    if (typeof imageLayoutVersion !== 'string') throw new Error('it has no imageLayoutVersion');
  });
  attempt(place.indexFile, (bytes) => void parseIndexFile(bytes));
  return faults;
}

function fileGone(file: string): boolean {
  try {
    closeSync(openSync(file, 'r'));
    return false;
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return true;
    throw error;
  }
}
