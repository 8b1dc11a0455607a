import { throwIfCanceled } from '../../io/concurrently.ts';
import { ImageError } from '../../errors.ts';
import { checkMetadata } from './check-metadata.ts';
import { decodeBlobs, largestChunk, type BlobPiece, type BlobToDecode } from './decode-blobs.ts';
import { decodeAhead, startDecoding, type DecodingWorkers } from './decode-ahead.ts';
import { DecodeError, wrongHash } from './decode-task.ts';
import type { LookupTable } from './lookup-table.ts';
import { MetadataBytes } from './metadata-bytes.ts';
import { openWimFiles, type OpenWimFiles } from './open-wim-files.ts';
import { planDecoding } from './plan-decoding.ts';
import type { WimBlob } from './wim-entry.ts';
import { WimFile } from './wim-file.ts';
import type { WimCompression, WimHeader } from './wim-header.ts';
import type { WimImage } from './wim-images.ts';
import { defaultWimLimits, overLimit, type WimLimits } from './wim-limits.ts';
import { WimTree } from './wim-tree.ts';
import { createHash } from 'node:crypto';

export interface OpenWimOptions {
  /** Files that a delta WIM relies on. */
  readonly base?: readonly string[] | undefined;
  readonly limits?: Partial<WimLimits> | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface ReadWimOptions {
  readonly signal?: AbortSignal | undefined;
  /** What `startDecoding` gave: for one `tree` or `decode` at a time. */
  readonly workers?: DecodingWorkers | undefined;
}

/** Metadata of real images unpacks to some twenty times its size; what claims so many times the file is no metadata. */
const maxMetadataRatio = 512;

/**
 * An open WIM: its images, the tree of each, and the content of its files. Headers and tables have been checked when it is open; metadata is when a tree is asked for,
 * content while it is read. Nothing is believed before its SHA-1 is right, where it has one.
 */
export class Wim implements Disposable, AsyncDisposable {
  readonly #open: OpenWimFiles;
  readonly #limits: WimLimits;
  #isClosed = false;

  private constructor(open: OpenWimFiles, limits: WimLimits) {
    this.#open = open;
    this.#limits = limits;
  }

  /**
   * @param paths one file, or all parts of a split WIM in any order
   * @throws ImageError `not-found`, `permission`; `invalid-content` for what is damaged or no WIM; `unsupported` for pipable, encrypted and very old ones; `incomplete` where parts
   *   are missing; `too-large` for what is over a limit
   */
  static async open(paths: readonly string[], { base = [], limits, signal }: OpenWimOptions = {}): Promise<Wim> {
    throwIfCanceled(signal);
    const all = { ...defaultWimLimits, ...limits };
    return new Wim(openWimFiles(paths, base, all), all);
  }

  /**
   * Which of some files are parts of the same split WIM as the first, and which are others: what a delta WIM relies on.
   * @throws ImageError as `open`
   */
  static sort(path: string, others: readonly string[], limits?: Partial<WimLimits>): [parts: string[], base: string[]] {
    const headerOf = (file: string): WimHeader => {
      using open = new WimFile(file, { ...defaultWimLimits, ...limits });
      return open.header;
    };
    const { guid, parts } = headerOf(path);
    const isPart = (file: string): boolean => parts > 1 && headerOf(file).guid === guid;
    return [others.filter(isPart), others.filter((file) => !isPart(file))];
  }

  /** That of the first part. */
  get header(): WimHeader {
    return this.#first.header;
  }

  /** The path of the file, or of its first part. */
  get path(): string {
    return this.#first.path;
  }

  /** The parts, then what they rely on. */
  get files(): readonly WimFile[] {
    return this.#open.files;
  }

  /** How many of `files` are the WIM itself. */
  get partCount(): number {
    return this.#open.partCount;
  }

  /** Of what is not in a solid resource. */
  get compression(): WimCompression {
    return this.#first.header.compression;
  }

  /** By their index - 1. */
  get images(): readonly WimImage[] {
    return this.#open.images;
  }

  /** What the metadata of all images unpacks to: a name is some 150 bytes of it. */
  get metadataBytes(): number {
    return this.#open.metadata.reduce((sum, { size }) => sum + size, 0);
  }

  /** What is odd, and no reason to refuse it. */
  get warnings(): readonly string[] {
    return this.#open.warnings;
  }

  get table(): LookupTable {
    return this.#open.table;
  }

  get #first(): WimFile {
    return this.#open.files[0] as WimFile;
  }

  /**
   * The tree of an image. Its metadata is hashed and checked whole before this resolves; it is held as long as the tree is.
   * @param index from 1
   * @throws ImageError `not-found` where there is no such image; `invalid-content`, `digest-mismatch`, `too-large`
   */
  async tree(index: number, { signal, workers }: ReadWimOptions = {}): Promise<WimTree> {
    const place = this.#open.metadata[index - 1];
    if (!place) {
      const { length } = this.images;
      throw new ImageError('not-found', `${this.path} has no image ${index}`, {
        hint: length === 1 ? 'It has one image.' : `Its images are 1 to ${length}.`,
      });
    }
    const where = `${this.path}: metadata of image ${index}`;
    if (place.size > this.#limits.metadata) throw overLimit('metadata', this.#limits, `${where}: ${place.size} bytes`);
    if (place.size > this.#first.size * maxMetadataRatio)
      throw new ImageError('invalid-content', `${where}: it claims ${place.size} bytes, in a file of ${this.#first.size}`);
    const buffer = Buffer.allocUnsafeSlow(place.size);
    const hash = createHash('sha1');
    let filled = 0;
    const tasks = planDecoding([{ place, size: place.size }]);
    try {
      const { chunkSize } = place.resource;
      // Those for large chunks decode one thing at a time, which pieces of metadata would wait for.
      const own = workers && workers.targets > 1 ? { workers } : {};
      for await (const { parts, bytes } of decodeAhead(tasks, this.#descriptors, { chunkSize, signal, ...own })) {
        for (let part = 0; part < parts.count; part++) {
          const piece = parts.bytes(part, bytes);
          hash.update(piece);
          buffer.set(piece, filled);
          filled += piece.length;
        }
      }
      const found = hash.digest('hex');
      if (found !== place.sha1) throw new DecodeError(0, 0, wrongHash(found, place.sha1));
    } catch (error) {
      this.#first.refuseChanged();
      if (!(error instanceof DecodeError)) throw error;
      throw new ImageError(error.code, `${where} at ${place.resource.offset}: ${error.message}`, {
        hint: error.hint ?? damaged,
        detail: error.detail,
        cause: error,
      });
    }
    const metadata = new MetadataBytes(buffer, where, this.#limits);
    return new WimTree(metadata, this.table, checkMetadata(metadata, this.table, where, this.#limits));
  }

  /**
   * The content of blobs, in the order given, decoded ahead in worker threads where it is much. A body ends only where its SHA-1 is right. Bodies are read or left in
   * their order: one that is left is skipped, and not verified. Some 16 MB are in flight, more only where single chunks are larger.
   * @throws ImageError as the iteration goes: `incomplete` for what is in none of the files, `invalid-content`, `digest-mismatch`, `unavailable`, `canceled`
   */
  async *read(
    blobs: Iterable<WimBlob>,
    options: ReadWimOptions = {},
  ): AsyncGenerator<{ readonly blob: WimBlob; readonly body: AsyncGenerator<Uint8Array, void, undefined> }, void, undefined> {
    const asked = function* (): Generator<BlobToDecode, void, undefined> {
      for (const blob of blobs) yield { blob };
    };
    let pieces: BlobPiece<BlobToDecode>[] = [];
    const steps = this.decode(asked(), options);
    const next = async (): Promise<BlobPiece<BlobToDecode> | undefined> => {
      while (pieces.length === 0) {
        const { done, value } = await steps.next();
        if (done) return undefined;
        // The last first, so that taking one does not move the others.
        pieces = value.reverse();
      }
      return pieces.pop();
    };
    try {
      for (let piece = await next(); piece; piece = await next()) {
        const state = { isRead: false };
        const { blob } = piece.asked;
        yield { blob, body: bodyOf(piece, next, state) };
        // What was left of it is passed over.
        while (!piece.isLast && !state.isRead) {
          const other: BlobPiece<BlobToDecode> | undefined = await next();
          if (!other || other.isLast) break;
        }
      }
    } finally {
      await steps.return();
    }
  }

  /** What `read` is made of, without a copy: see `decodeBlobs`. */
  decode<B extends BlobToDecode>(
    blobs: Iterable<B>,
    { signal, workers }: ReadWimOptions = {},
  ): AsyncGenerator<BlobPiece<B>[], void, undefined> {
    return decodeBlobs(blobs, this.#open, { signal, workers, explain: async ({ sha1 }) => await this.#namesOf(sha1) });
  }

  /** Starts workers for the `tree`s and the `decode` of nearly all that there is, which its caller ends; undefined where it is too little for any. */
  startDecoding(): DecodingWorkers | undefined {
    const bytes = this.files.reduce((sum, { size }) => sum + size, 0);
    return startDecoding(this.#descriptors, bytes, largestChunk(this.files, this.table));
  }

  /** The same blobs sorted by their places: in this order no chunk of a solid resource is decoded twice. Missing and empty ones come first. */
  fileOrder(blobs: Iterable<WimBlob>): WimBlob[] {
    const all = [...blobs];
    const rows = all.map(({ sha1 }) => (sha1 === '' ? -1 : this.table.find(Buffer.from(sha1, 'hex'))));
    const absent = all.filter((_, position) => (rows[position] as number) < 0);
    const present = all.filter((_, position) => (rows[position] as number) >= 0);
    const order = this.table.order(rows.filter((row) => row >= 0));
    return [...absent, ...Array.from(order, (position) => present[position] as WimBlob)];
  }

  /** ` (/a/b of image 1, …)` for errors: looked for only when there is one. */
  async #namesOf(sha1: string): Promise<string> {
    const found: string[] = [];
    for (const { index } of this.images) {
      try {
        for (const { path, node } of (await this.tree(index)).walk()) {
          if (!node.blobs.some((blob) => blob.sha1 === sha1)) continue;
          if (found.push(`/${path}${this.images.length > 1 ? ` of image ${index}` : ''}`) === 3) return ` (${found.join(', ')}, …)`;
        }
      } catch (error) {
        // The first error is the one to show.
        if (!(error instanceof ImageError)) throw error;
      }
    }
    return found.length > 0 ? ` (${found.join(', ')})` : '';
  }

  get #descriptors(): readonly number[] {
    return this.files.map(({ descriptor }) => descriptor);
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const file of this.files) file[Symbol.dispose]();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }
}

const damaged = 'The file is damaged: get it again from where it was made.';

/** Bytes handed out at once. */
const slice = 2 ** 18;

/** Copies: who gets them may keep them. */
async function* bodyOf(
  first: BlobPiece<BlobToDecode>,
  next: () => Promise<BlobPiece<BlobToDecode> | undefined>,
  state: { isRead: boolean },
): AsyncGenerator<Uint8Array, void, undefined> {
  for (let piece: BlobPiece<BlobToDecode> | undefined = first; piece; piece = await next()) {
    if (piece.isLast) state.isRead = true;
    for (let at = 0; at < piece.bytes.length; at += slice) yield Buffer.from(piece.bytes.subarray(at, at + slice));
    if (piece.isLast) return;
  }
}
