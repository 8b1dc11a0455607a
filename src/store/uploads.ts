import { randomUUID, type Hash } from 'node:crypto';
import { copyFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Upload } from '../content/repository.ts';
import { asImageError, ImageError, isImageError } from '../errors.ts';
import { renameOver } from '../io/atomic-file.ts';
import { removeFileNow } from '../io/remove-file.ts';
import { digestMismatch } from '../io/verified.ts';
import type { Descriptor } from '../model/descriptor.ts';
import { digestAlgorithm, type Digest, type DigestAlgorithm } from '../model/digest.ts';
import { mediaTypes } from '../model/media-types.ts';
import type { Blobs } from './blobs.ts';
import { carryDraft, moveNow } from './carry.ts';
import type { Database } from './database.ts';
import { DraftFile } from './draft-file.ts';
import { privateDraft } from './drafts.ts';
import { link, linkLife } from './links.ts';
import type { Place } from './place.ts';
import { hasEnded, processMark } from './process-mark.ts';

/** Nobody goes on with an upload after so long. Milliseconds. */
export const uploadLife = 24 * 60 * 60 * 1000;
/** How often who writes says so, and after how long without a word another may go on. */
const heartbeat = 2000;
const silence = 10_000;
/** How long the end of a broken connection may take to be noticed here. Milliseconds. */
const breakOff = 2000;

interface UploadRow {
  readonly id: string;
  readonly repo: string;
  readonly file: string;
  readonly offset: number;
  readonly algorithm: DigestAlgorithm;
  readonly writer: string | null;
  readonly renewed: number | null;
}

/**
 * The uploads of a store: a row and a file each, so that any process, and the next one after a restart, can go on. The hash goes on in memory where the same process
 * does, else the file is read again. One writes at a time: who writes is in the row, and the offset moves by compare-and-set.
 */
export class Uploads {
  readonly #database: Database;
  readonly #blobs: Blobs;
  /** Hashes over exactly `offset` bytes of `file`. */
  readonly #hashes = new Map<string, { file: string; offset: number; algorithm: DigestAlgorithm; hash: Hash }>();
  /** What this process is writing now. */
  readonly #writers = new Map<string, DraftFile>();

  constructor(database: Database, blobs: Blobs) {
    this.#database = database;
    this.#blobs = blobs;
  }

  async begin(repo: string, algorithm: DigestAlgorithm): Promise<Upload> {
    const id = randomUUID();
    const file = fileName(id);
    using _use = this.#database.use();
    const draft = await DraftFile.create(join(this.#database.place.drafts, file), algorithm);
    await draft.close();
    const stale = await this.#database.transact(({ time }) => {
      if (!this.#database.place.holds(draft.path)) moveNow(this.#database, draft.path, join(this.#database.place.drafts, file));
      this.#database.run(
        'INSERT INTO upload (id, repo, file, offset, algorithm, updated) VALUES (?, ?, ?, 0, ?, ?)',
        id,
        repo,
        file,
        algorithm,
        time,
      );
      const old = this.#database.all<{ file: string }>('SELECT file FROM upload WHERE updated < ?', time - uploadLife);
      if (old.length > 0) this.#database.run('DELETE FROM upload WHERE updated < ?', time - uploadLife);
      return old;
    });
    for (const { file: old } of stale) await rm(join(this.#database.place.drafts, old), { force: true });
    return new StoreUpload(this, repo, id, 0);
  }

  /** @throws ImageError `upload-unknown` */
  async resume(repo: string, id: string): Promise<Upload> {
    const { offset, writer } = this.#row(repo, id);
    // Who asks may be the client of a broken request whose end has not been noticed here: what that has brought is there all the same.
    const writing = writer === null ? undefined : this.#writers.get(writer);
    return new StoreUpload(this, repo, id, Math.max(offset, writing?.written ?? 0));
  }

  /** Undefined where the upload has ended. */
  offset(repo: string, id: string): number | undefined {
    return this.#database.get<{ offset: number }>('SELECT offset FROM upload WHERE id = ? AND repo = ?', id, repo)?.offset;
  }

  /** @returns the offset after it */
  async append(repo: string, id: string, body: AsyncIterable<Uint8Array>, at: number | undefined): Promise<number> {
    const { row, draft, writer } = await this.#claim(repo, id, at);
    let beat = Promise.resolve();
    const timer = setInterval(() => {
      beat = this.#beat(row, writer, draft);
    }, heartbeat);
    let failure: { error: unknown } | undefined;
    try {
      await draft.append(body, Number.MAX_SAFE_INTEGER);
    } catch (error) {
      failure = { error };
    } finally {
      clearInterval(timer);
    }
    await beat;
    // A full disk is not left full by what nobody may ever go on with.
    const full = failure !== undefined && isImageError(failure.error, 'disk-full');
    const written = full ? row.offset : draft.written;
    const hash = written === draft.size ? draft.hash() : undefined;
    try {
      if (full) await draft.cut(written);
      for (let counted: number | undefined; counted === undefined;) {
        const place = await this.#carry(draft, row.file);
        counted = await this.#database.transact(({ time }) =>
          // Moved in this moment: then once more.
          place !== this.#database.place
            ? undefined
            : this.#database.run(
                'UPDATE upload SET offset = ?, updated = ?, writer = NULL, renewed = NULL WHERE id = ? AND writer = ?',
                written,
                time,
                id,
                writer,
              ),
        );
        if (counted === 0) throw this.#taken(id);
      }
    } finally {
      await draft.close();
      this.#writers.delete(writer);
    }
    if (hash) this.#remember(id, { file: row.file, offset: written, algorithm: draft.algorithm, hash });
    if (failure) throw failure.error;
    return written;
  }

  async finish(repo: string, id: string, digest: Digest): Promise<Descriptor> {
    using _use = this.#database.use();
    const { row, draft, writer } = await this.#claim(repo, id, undefined, digestAlgorithm(digest));
    try {
      const actual = draft.digest();
      if (actual !== digest) {
        await draft.close();
        await this.#remove(id, row.file, draft.path);
        throw digestMismatch({ digest }, actual);
      }
      await draft.seal();
      this.#database.at('draft');
      const here = await carryDraft(this.#database, draft.path);
      await this.#database.transact((transaction) => {
        if (this.#database.run('DELETE FROM upload WHERE id = ? AND writer = ?', id, writer) === 0) throw this.#taken(id);
        this.#blobs.keep(transaction, here, digest, draft.size);
        // Where the store was moved since it was opened, the file that went with it.
        if (!this.#database.place.holds(draft.path)) {
          const moved = join(this.#database.place.drafts, row.file);
          transaction.afterCommit(() => removeFileNow(moved));
        }
        link(this.#database, repo, digest, transaction.time + linkLife);
      });
    } finally {
      this.#writers.delete(writer);
    }
    return { mediaType: mediaTypes.bytes, digest, size: draft.size };
  }

  async cancel(repo: string, id: string): Promise<void> {
    const { file } = this.#row(repo, id);
    this.#hashes.delete(id);
    await this.#remove(id, file);
  }

  #row(repo: string, id: string): UploadRow {
    const row = this.#database.get<UploadRow>(
      'SELECT * FROM upload WHERE id = ? AND repo = ? AND updated >= ?',
      id,
      repo,
      this.#database.now().getTime() - uploadLife,
    );
    if (!row)
      throw new ImageError('upload-unknown', `upload ${id.slice(0, 64)} unknown: it has ended, or it was not gone on with for a day`, {
        detail: { id },
      });
    return row;
  }

  /**
   * Takes the right to write, and opens the file at its offset.
   * @throws ImageError `range-invalid` where `at` is not the offset, or another is writing
   */
  async #claim(
    repo: string,
    id: string,
    at: number | undefined,
    algorithm?: DigestAlgorithm,
  ): Promise<{ row: UploadRow; draft: DraftFile; writer: string }> {
    const writer = `${processMark()} ${randomUUID()}`;
    const first = await this.#settled(repo, id, at);
    if (at !== undefined && at !== first.offset) throw this.#misplaced(id, first.offset, at);
    if (first.writer !== null) await this.#outwait(first);
    const file = first.writer === null ? first.file : fileName(id);
    using _use = this.#database.use();
    const wanted = algorithm ?? first.algorithm;
    // Who fell silent may wake, with the old file open: we go on in a copy.
    if (file !== first.file) await this.#copyPart(first.file, file);
    const { place } = this.#database;
    const row = await this.#database.transact(({ time }) => {
      const claimed = this.#database.run(
        'UPDATE upload SET writer = ?, renewed = ?, updated = ?, file = ? WHERE id = ? AND offset = ? AND writer IS ?',
        writer,
        time,
        time,
        file,
        id,
        first.offset,
        first.writer,
      );
      return claimed === 0 ? undefined : this.#row(repo, id);
    });
    // Moved between the two: the copy that we have made goes along.
    if (row && file !== first.file && place !== this.#database.place)
      await copyFile(join(place.drafts, file), join(this.#database.place.drafts, file)).catch(() => undefined);
    const path = join(this.#database.place.drafts, file);
    if (!row) {
      if (file !== first.file) await rm(path, { force: true });
      throw this.#misplaced(id, this.#row(repo, id).offset, at ?? first.offset);
    }
    if (file !== first.file) await rm(join(this.#database.place.drafts, first.file), { force: true });
    const known = this.#hashes.get(id);
    this.#hashes.delete(id);
    const hash = known && known.file === file && known.offset === row.offset && wanted === known.algorithm ? known.hash : undefined;
    const draft = await DraftFile.reopen(path, wanted, { size: row.offset, ...(hash ? { hash } : {}) });
    if (!draft) {
      await this.#remove(id, file);
      throw new ImageError('upload-unknown', `upload ${id} unknown: its file is gone`, { detail: { id } });
    }
    this.#writers.set(writer, draft);
    return { row, draft, writer };
  }

  /** Where `at` is all that a request of this process has brought, that is the client's own that broke off: its end is waited for, and so is what it leaves. */
  async #settled(repo: string, id: string, at: number | undefined): Promise<UploadRow> {
    const end = performance.now() + breakOff;
    for (;;) {
      const row = this.#row(repo, id);
      const writing = row.writer === null ? undefined : this.#writers.get(row.writer);
      if (at === undefined || at !== writing?.written || performance.now() > end) return row;
      await sleep(20);
    }
  }

  /** Waits until it is clear whether the other writer is alive. @throws ImageError `range-invalid` where it is */
  async #outwait(first: UploadRow): Promise<void> {
    const end = performance.now() + silence;
    for (;;) {
      if (first.writer !== null && this.#writers.has(first.writer)) throw this.#taken(first.id);
      // A server that was killed and started again need not wait for the silence.
      if (first.writer !== null && hasEnded(first.writer)) return;
      const now = this.#row(first.repo, first.id);
      if (now.writer !== first.writer || now.renewed !== first.renewed) throw this.#taken(first.id);
      // The clock of this machine may have been set: our own waiting counts as well.
      if (this.#database.now().getTime() - (now.renewed ?? 0) > silence || performance.now() > end) return;
      await sleep(200);
    }
  }

  async #copyPart(from: string, to: string): Promise<void> {
    try {
      await copyFile(join(this.#database.place.drafts, from), join(this.#database.place.drafts, to));
    } catch (error) {
      throw asImageError(error, 'cannot go on with the upload');
    }
  }

  /**
   * Where the store was moved since a file of an upload was opened, what has been written to it since goes there too, though the file may have lost its name: who sends slowly keeps no folder
   * from going. On the same disk it is the same file still.
   * @returns the place where it is now
   */
  async #carry(draft: DraftFile, file: string): Promise<Place> {
    const { place } = this.#database;
    const here = join(place.drafts, file);
    if (await draft.isAt(here)) return place;
    const copy = privateDraft(this.#database);
    try {
      await draft.copyTo(copy);
      await renameOver(copy, here);
    } catch (error) {
      await rm(copy, { force: true });
      throw asImageError(error, 'cannot go on with the upload');
    }
    return place;
  }

  /** Says that we are alive, and how much is in the file: that counts, should this process be killed. */
  async #beat({ id, file }: UploadRow, writer: string, draft: DraftFile): Promise<void> {
    const { written } = draft;
    try {
      const { place } = this.#database;
      const isThere = await draft.isAt(join(place.drafts, file));
      await this.#database.transact(({ time }) => {
        // What the store has where it was moved to is what it had then.
        const counts = isThere && place === this.#database.place;
        this.#database.run(
          'UPDATE upload SET offset = iif(?, ?, offset), renewed = ?, updated = ? WHERE id = ? AND writer = ?',
          counts ? 1 : 0,
          written,
          time,
          time,
          id,
          writer,
        );
      });
    } catch {
      // A full or busy store: the end of the request meets the same, and answers for it.
    }
  }

  /** @param path where it was opened, if that may be another place */
  async #remove(id: string, file: string, path?: string): Promise<void> {
    // The file first: on a full disk that makes room for the rest.
    await rm(join(this.#database.place.drafts, file), { force: true });
    if (path !== undefined) await rm(path, { force: true });
    await this.#database.transact(() => this.#database.run('DELETE FROM upload WHERE id = ?', id));
  }

  #remember(id: string, known: { file: string; offset: number; algorithm: DigestAlgorithm; hash: Hash }): void {
    this.#hashes.set(id, known);
    if (this.#hashes.size > 1000) this.#hashes.delete(this.#hashes.keys().next().value ?? '');
  }

  #misplaced(id: string, offset: number, at: number): ImageError {
    return new ImageError('range-invalid', `upload ${id} has ${offset} bytes; what begins at ${at} does not go on from there`, {
      detail: { id, offset },
    });
  }

  #taken(id: string): ImageError {
    return new ImageError('range-invalid', `upload ${id} is being written by another request`, { detail: { id } });
  }
}

class StoreUpload implements Upload {
  readonly id: string;
  readonly #uploads: Uploads;
  readonly #repo: string;
  #offset: number;

  constructor(uploads: Uploads, repo: string, id: string, offset: number) {
    this.#uploads = uploads;
    this.#repo = repo;
    this.id = id;
    this.#offset = offset;
  }

  get offset(): number {
    return this.#offset;
  }

  async append(body: AsyncIterable<Uint8Array>, at?: number): Promise<void> {
    try {
      this.#offset = await this.#uploads.append(this.#repo, this.id, body, at);
    } catch (error) {
      this.#offset = this.#uploads.offset(this.#repo, this.id) ?? this.#offset;
      throw error;
    }
  }

  async finish(digest: Digest): Promise<Descriptor> {
    return this.#uploads.finish(this.#repo, this.id, digest);
  }

  async cancel(): Promise<void> {
    await this.#uploads.cancel(this.#repo, this.id);
  }
}

function fileName(id: string): string {
  return `upload-${id}.${randomUUID().slice(0, 8)}`;
}
