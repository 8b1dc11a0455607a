import { createHash } from 'node:crypto';
import { chmodSync, closeSync, fstatSync, openSync, readdirSync, read as readFile, renameSync, type Stats } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { asImageError, ImageError, isImageError, isSystemError } from '../errors.ts';
import type { OpenOptions } from '../content/image-source.ts';
import { canceled } from '../io/concurrently.ts';
import type { Operation } from '../io/operation.ts';
import { removeFileNow } from '../io/remove-file.ts';
import { doubt } from '../io/verified.ts';
import type { Descriptor } from '../model/descriptor.ts';
import { digestAlgorithm, digestFrom, digestHex, type Digest } from '../model/digest.ts';
import { isManifestType } from '../model/media-types.ts';
import { moveNow } from './carry.ts';
import type { Database, Transaction } from './database.ts';
import { statIfThere } from './place.ts';

/** How far a file in `blobs/` is to be trusted. */
export const blobState = { adopted: 0, verified: 1, damaged: 2 } as const;

export interface BlobRow {
  readonly size: number;
  readonly state: number;
  readonly mark: string | null;
}

const readBlock = promisify(readFile);

/** The files in `blobs/`, with their rows: what is here, whether it is what it says, and the bytes. */
export class Blobs {
  readonly #database: Database;
  /** Verifications under way: two readers of an adopted layer wait for one. */
  readonly #verifying = new Map<Digest, Promise<void>>();

  constructor(database: Database) {
    this.#database = database;
  }

  row(digest: Digest): BlobRow | undefined {
    return this.#database.get<BlobRow>('SELECT size, state, mark FROM blob WHERE digest = ?', digest);
  }

  /** True where the content and all that it needs is here, foreign layers excepted. */
  complete(target: Pick<Descriptor, 'digest' | 'mediaType'>): boolean {
    return this.missing(target) === undefined;
  }

  /** What of it, or of what it needs, is first found not to be here. */
  missing({ digest, mediaType }: Pick<Descriptor, 'digest' | 'mediaType'>): Digest | undefined {
    return this.#database.get<{ digest: Digest }>(
      `WITH RECURSIVE ${need}
       SELECT need.digest FROM need LEFT JOIN blob ON blob.digest = need.digest
       WHERE blob.digest IS NULL OR blob.state = 2 OR (need.manifest AND NOT EXISTS (SELECT 1 FROM manifest WHERE manifest.digest = need.digest)) LIMIT 1`,
      digest,
      isManifestType(mediaType) ? 1 : 0,
    )?.digest;
  }

  /**
   * Makes sure, before anybody relies on it, that what is said to be here is: files that are gone or cut off are noticed, and what was only adopted until now is hashed.
   * What proves wrong is marked, and counts as absent from then on.
   */
  async assure({ digest, mediaType }: Pick<Descriptor, 'digest' | 'mediaType'>, operation: Operation = {}): Promise<void> {
    // A CROSS JOIN is made in the order in which it is written: left to choose, SQLite reads all blobs, and looks for each among the few needed.
    const rows = this.#database.all<{ digest: Digest; size: number; state: number }>(
      `WITH RECURSIVE ${need} SELECT DISTINCT blob.digest, blob.size, blob.state FROM need CROSS JOIN blob ON blob.digest = need.digest WHERE blob.state <> 2`,
      digest,
      isManifestType(mediaType) ? 1 : 0,
    );
    for (const blob of rows) {
      const facts = statIfThere(this.#database.place.blob(blob.digest));
      if (!facts) {
        if (!(await this.#restore(blob.digest))) await this.#mark(blob.digest, undefined);
      } else if (facts.size !== blob.size) await this.#mark(blob.digest, facts);
      else if (blob.state === blobState.adopted) {
        try {
          await this.#verify(blob.digest, blob.size, operation);
        } catch (error) {
          if (!isImageError(error, 'digest-mismatch', 'blob-unknown')) throw error;
        }
      }
    }
  }

  /**
   * The bytes, of a file that has been verified once.
   * @throws ImageError `blob-unknown`, `manifest-unknown`, `range-invalid`; `digest-mismatch`, `size-mismatch` naming the file, where another tool has put wrong content there
   */
  async open(target: Descriptor, options: OpenOptions = {}): Promise<Readable> {
    if (options.signal?.aborted) throw canceled(options.signal.reason);
    // Who only lists streams nothing: Node's streams take 2 ms to load.
    const { FileStream } = await import('../io/file-stream.ts');
    const { file, size } = await this.#handle(target, options);
    const offset = options.offset ?? 0;
    const length = options.length ?? size - offset;
    if (!Number.isSafeInteger(offset) || !Number.isSafeInteger(length) || offset < 0 || length < 0 || offset > size) {
      closeSync(file);
      throw new ImageError('range-invalid', `${target.digest} has ${size} bytes, none at ${offset}`, {
        detail: { digest: target.digest, size, offset },
      });
    }
    const end = Math.min(offset + length, size);
    const stream = new FileStream(file, { start: offset, length: end - offset, signal: options.signal });
    return Object.assign(stream, { [doubt]: () => this.#doubt(target.digest) });
  }

  /** Where the bytes are, of a file that has been verified once. @throws as `open` */
  async path(target: Descriptor): Promise<string> {
    closeSync((await this.#handle(target, {})).file);
    return this.#database.place.blob(target.digest);
  }

  /** All of a small piece. */
  async read(target: Descriptor, limit: number, operation: Operation = {}): Promise<Buffer> {
    const { file, size } = await this.#handle(target, operation);
    try {
      if (size > limit) throw new ImageError('too-large', `${target.digest} of ${size} bytes is larger than ${limit} bytes`);
      const bytes = Buffer.allocUnsafeSlow(size);
      for (let position = 0; position < size;) {
        const { bytesRead } = await readBlock(file, bytes, position, size - position, position);
        if (bytesRead === 0)
          throw new ImageError('size-mismatch', `${this.#database.place.blob(target.digest)} became shorter while it was read`);
        position += bytesRead;
      }
      return bytes;
    } finally {
      closeSync(file);
    }
  }

  /**
   * Within a transaction: a sealed draft, whose bytes have been hashed, becomes the blob. Where the blob is here already the draft goes.
   * A damaged or missing file is healed by it.
   */
  keep(transaction: Transaction, draft: string, digest: Digest, size: number): void {
    const { place } = this.#database;
    const file = place.blob(digest);
    const row = this.row(digest);
    const there = statIfThere(file);
    if (row?.state === blobState.verified && there?.size === size) {
      transaction.afterCommit(() => removeFileNow(draft));
      return;
    }
    // Windows does not rename over a read-only file.
    if (there && process.platform === 'win32') chmodSync(file, 0o666);
    moveNow(this.#database, draft, file);
    this.#database.at('renamed');
    if (!there) transaction.afterRollback(() => this.#takeBack(digest));
    transaction.syncFolder(dirname(file));
    this.#database.run(
      'INSERT INTO blob (digest, size, state, added) VALUES (?, ?, 1, ?) ON CONFLICT (digest) DO UPDATE SET size = excluded.size, state = 1, mark = NULL',
      digest,
      size,
      transaction.time,
    );
  }

  /** A file whose rows came to nothing goes, or a full disk would hold it for a day. In a transaction of its own, as another process may be keeping the same just now. */
  #takeBack(digest: Digest): void {
    this.#database
      .transact(() => {
        if (!this.row(digest)) removeFileNow(this.#database.place.blob(digest));
      })
      // As after a kill: the sweep has it tomorrow.
      .catch(() => undefined);
  }

  /** An open file of the right size, verified. */
  async #handle(target: Descriptor, operation: Operation): Promise<{ file: number; size: number }> {
    let row = this.row(target.digest);
    if (row?.state === blobState.damaged && this.#replaced(target.digest, row)) row = await this.#takeIn(target.digest);
    if (!row && this.#expected(target.digest)) row = await this.#takeIn(target.digest);
    if (!row) throw this.#unknown(target);
    if (row.state === blobState.damaged) throw this.#wrong(target.digest);
    if (row.state === blobState.adopted) await this.#verify(target.digest, row.size, operation);
    let path = this.#database.place.blob(target.digest);
    let file = openIfThere(path);
    // A sweep that was killed between its rename and its commit: the row still counts.
    if (file === undefined && (await this.#restore(target.digest))) {
      path = this.#database.place.blob(target.digest);
      file = openIfThere(path);
    }
    if (file === undefined) {
      // Or a sweep that has just committed.
      if (this.row(target.digest)) await this.#mark(target.digest, undefined);
      throw this.#unknown(target, `its file ${path} is gone`);
    }
    const facts = fstatSync(file);
    if (facts.size === row.size) return { file, size: row.size };
    closeSync(file);
    await this.#mark(target.digest, facts);
    throw this.#wrong(target.digest);
  }

  /** Hashes a file that another tool wrote, once, before its first byte is given to anybody. */
  #verify(digest: Digest, size: number, operation: Operation): Promise<void> {
    const running = this.#verifying.get(digest);
    if (running) return running;
    const verification = this.#hashFile(digest, size, operation).finally(() => this.#verifying.delete(digest));
    this.#verifying.set(digest, verification);
    return verification;
  }

  async #hashFile(digest: Digest, size: number, operation: Operation): Promise<void> {
    const path = this.#database.place.blob(digest);
    const file = openIfThere(path);
    if (file === undefined) {
      await this.#mark(digest, undefined);
      throw this.#unknown({ digest, mediaType: '' }, `its file ${path} is gone`);
    }
    try {
      const facts = fstatSync(file);
      if (facts.size === size && (await hashOpen(file, digest, operation)) === digest) {
        if (this.#database.readOnly) return;
        await this.#database.transact(() =>
          this.#database.run('UPDATE blob SET state = 1, mark = NULL WHERE digest = ? AND state = 0', digest),
        );
        makeReadOnly(path);
        return;
      }
      await this.#mark(digest, facts);
    } finally {
      closeSync(file);
    }
    throw this.#wrong(digest);
  }

  /** Hashes a file again that was right once. Unless it is marked, no pull or load would ever put it right. @returns undefined where it is right still */
  async #doubt(digest: Digest): Promise<ImageError | undefined> {
    const row = this.row(digest);
    if (!row) return undefined;
    try {
      await this.#verify(digest, row.size, {});
      return undefined;
    } catch (error) {
      if (isImageError(error)) return error;
      throw error;
    }
  }

  /** Records that the file is not what it says, or that it is gone. */
  async #mark(digest: Digest, facts: Stats | undefined): Promise<void> {
    if (this.#database.readOnly) return;
    await this.#database.transact(() => {
      if (facts) this.#database.run('UPDATE blob SET state = 2, mark = ? WHERE digest = ?', fileMark(facts), digest);
      else if (!statIfThere(this.#database.place.blob(digest))) this.#database.run('DELETE FROM blob WHERE digest = ?', digest);
    });
  }

  #replaced(digest: Digest, row: BlobRow): boolean {
    const facts = statIfThere(this.#database.place.blob(digest));
    return facts !== undefined && fileMark(facts) !== row.mark;
  }

  /** True where something here points at it: a file of that name may then be looked at. */
  #expected(digest: Digest): boolean {
    return (
      this.#database.get(
        'SELECT 1 FROM edge WHERE child = ?1 UNION ALL SELECT 1 FROM name WHERE target = ?1 UNION ALL SELECT 1 FROM image WHERE digest = ?1 LIMIT 1',
        digest,
      ) !== undefined && statIfThere(this.#database.place.blob(digest)) !== undefined
    );
  }

  async #takeIn(digest: Digest): Promise<BlobRow | undefined> {
    if (this.#database.readOnly) return this.row(digest);
    await this.#database.transact((transaction) => {
      const facts = statIfThere(this.#database.place.blob(digest));
      if (!facts?.isFile()) return;
      this.#database.run(
        'INSERT INTO blob (digest, size, state, added) VALUES (?, ?, 0, ?) ON CONFLICT (digest) DO UPDATE SET size = excluded.size, state = 0, mark = NULL',
        digest,
        facts.size,
        transaction.time,
      );
    });
    return this.row(digest);
  }

  async #restore(digest: Digest): Promise<boolean> {
    if (this.#database.readOnly) return false;
    return this.#database.transact((transaction) => {
      const { place } = this.#database;
      const file = place.blob(digest);
      if (statIfThere(file)) return true;
      const name = trashName(digest);
      const kept = readdirSync(place.trash).find((entry) => entry.startsWith(`${name}.`));
      if (kept === undefined || !this.row(digest)) return false;
      renameSync(join(place.trash, kept), file);
      transaction.syncFolder(dirname(file));
      return true;
    });
  }

  #unknown(target: Pick<Descriptor, 'digest' | 'mediaType'>, why = 'it is not in the store'): ImageError {
    const manifest = isManifestType(target.mediaType);
    return new ImageError(
      manifest ? 'manifest-unknown' : 'blob-unknown',
      `${manifest ? 'manifest' : 'blob'} ${target.digest} unknown: ${why}`,
      { hint: 'Pull or load the image that needs it again: only what is missing is fetched.', detail: { digest: target.digest } },
    );
  }

  #wrong(digest: Digest): ImageError {
    const file = this.#database.place.blob(digest);
    return new ImageError('digest-mismatch', `${file} is not what its name says: its content is not ${digest}`, {
      hint: 'Another program wrote or changed this file. Pull or load the image again: the file is replaced then.',
      detail: { digest, file: basename(file) },
    });
  }
}

/** All that a piece of content needs: parameters are its digest and whether it is a manifest. */
const need = `need (digest, manifest) AS (
  VALUES (?, ?)
  UNION SELECT edge.child, edge.kind = 0 FROM need JOIN edge ON edge.parent = need.digest WHERE need.manifest AND NOT edge.optional
)`;

/** Kept content is not to be changed by accident. Another user's file stays as it is. */
export function makeReadOnly(path: string): void {
  try {
    chmodSync(path, 0o444);
  } catch (error) {
    if (!isSystemError(error, 'EPERM', 'EROFS', 'ENOENT')) throw asImageError(error, `cannot protect ${path}`);
  }
}

/** Which file it is: one that was changed or replaced has another. */
export function fileMark(facts: Stats): string {
  return `${facts.ino}-${facts.size}-${facts.mtimeMs}`;
}

/** The first part of a swept file's name in `trash/`. */
export function trashName(digest: Digest): string {
  return `${digestAlgorithm(digest)}-${digestHex(digest)}`;
}

/** The digest of an open file's content, by the algorithm of `like`. */
export async function hashOpen(file: number, like: Digest, operation: Operation = {}): Promise<Digest> {
  const algorithm = digestAlgorithm(like);
  const hash = createHash(algorithm);
  const block = Buffer.allocUnsafeSlow(1024 * 1024);
  for (let position = 0; ;) {
    if (operation.signal?.aborted) throw canceled(operation.signal.reason);
    const { bytesRead } = await readBlock(file, block, 0, block.length, position);
    if (bytesRead === 0) return digestFrom(algorithm, hash.digest('hex'));
    hash.update(block.subarray(0, bytesRead));
    position += bytesRead;
  }
}

function openIfThere(path: string): number | undefined {
  try {
    return openSync(path, 'r');
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return undefined;
    throw asImageError(error, `cannot read ${path}`);
  }
}
