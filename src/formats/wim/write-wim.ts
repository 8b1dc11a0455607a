/**
 * Writes WIM files in the one profile that DISM, wimlib, 7-Zip and go-winio all read: version 1.13, chunks of 32 KiB, neither solid nor split, the lookup table, XML and integrity
 * table uncompressed. The same images give the same bytes, wherever and whenever.
 */

import { createHash } from 'node:crypto';
import { type FileHandle, open, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { throwIfCanceled } from '../../io/concurrently.ts';
import { asImageError, ImageError } from '../../errors.ts';
import { draftBeside, refuseNoFile, renameOver, syncFolder } from '../../io/atomic-file.ts';
import { BlobTable, type WrittenResource, writeResourceHeader } from './blob-table.ts';
import { writtenChunkSize } from './chunk-encoder.ts';
import { chunkTableSize, type Content, contentSize, type Packed, type Piece, pieceSize } from './encode-contents.ts';
import { EncodingWorkers } from './encoding-workers.ts';
import { MetadataWriter, type WantedContent } from './metadata-writer.ts';
import type { NewWimImage, WrittenCompression } from './new-wim.ts';
import { refuseImageTexts, wimXml } from './write-xml.ts';

export interface WriteWimOptions {
  /** Default: `lzx`. */
  readonly compression?: WrittenCompression | undefined;
  /** Whether the file gets a table by which all of it can be checked. Default: true. */
  readonly integrity?: boolean | undefined;
  /** Whether a file that is there may be replaced. Default: false. */
  readonly overwrite?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Told now and then how many bytes of content have been read and packed, those that are there twice only once. */
  readonly onBytes?: ((bytes: number) => void) | undefined;
}

export interface WrittenWim {
  /** Of the file. */
  readonly size: number;
  /** Contents, each once. */
  readonly blobs: number;
  /** Of these, unpacked. */
  readonly contentBytes: number;
  /** Of each image: folders, and names of everything else. */
  readonly images: readonly { readonly folders: number; readonly files: number }[];
}

/**
 * Writes a WIM of these images to `path`: under another name, until all of it is on the disk.
 * @param path absolute
 * @throws ImageError `conflict` where it is there and may not be replaced; `invalid-argument` for what no WIM can hold; `unavailable` where a file changed; as the system says; `canceled`
 */
export async function writeWim(path: string, images: readonly NewWimImage[], options: WriteWimOptions = {}): Promise<WrittenWim> {
  refuseImageTexts(images);
  const draft = draftBeside(path);
  let file: FileHandle | undefined;
  try {
    throwIfCanceled(options.signal);
    if ((await refuseNoFile(path)) && !options.overwrite) throw exists(path);
    file = await open(draft, 'wx+', 0o644);
    let written: WrittenWim;
    try {
      written = await new WimDraft(draft, file, options).write(images);
      await file.sync();
    } finally {
      await file.close();
    }
    throwIfCanceled(options.signal);
    await renameOver(draft, path);
    await syncFolder(dirname(path));
    return written;
  } catch (error) {
    if (file) await rm(draft, { force: true });
    throw asImageError(error, `cannot write ${path}`);
  }
}

function exists(path: string): ImageError {
  return new ImageError('conflict', `cannot write ${path}: it exists already`, {
    hint: 'Choose another name, or have it replaced (--force).',
  });
}

const headerSize = 208;
const integrityChunk = 10 << 20;
const flags = { compression: 0x02, xpress: 0x2_0000, lzx: 0x4_0000 };
const resourceFlags = { metadata: 0x02, compressed: 0x04 };
/** Content that is to be packed. */
interface NewBlob {
  readonly content: Content;
  readonly size: number;
  readonly checks: Uint32Array;
  readonly flags: number;
  readonly settle: (resource: WrittenResource) => void;
}

interface BlobPiece extends Piece {
  readonly blob: NewBlob;
  /** It is all of the blob. */
  readonly isWhole: boolean;
}

class WimDraft {
  readonly #path: string;
  readonly #file: FileHandle;
  readonly #options: WriteWimOptions;
  readonly #compression: WrittenCompression;
  readonly #workers: EncodingWorkers;
  readonly #table = new BlobTable();
  /** Where the next byte goes. */
  #position = 0;
  #contentBytes = 0;
  /** The resource whose pieces come: where it begins, and what its chunks take. */
  #begun: { readonly start: number; readonly chunks: number[] } | undefined;

  constructor(path: string, file: FileHandle, options: WriteWimOptions) {
    this.#path = path;
    this.#file = file;
    this.#options = options;
    this.#compression = options.compression ?? 'lzx';
    this.#workers = new EncodingWorkers(options.signal);
  }

  async write(images: readonly NewWimImage[]): Promise<WrittenWim> {
    await using workers = this.#workers;
    const metadata = images.map(() => new MetadataWriter(this.#path, this.#table));
    try {
      return await this.#write(images, metadata, workers);
    } finally {
      for (const writer of metadata) writer[Symbol.dispose]();
    }
  }

  async #write(images: readonly NewWimImage[], metadata: readonly MetadataWriter[], workers: EncodingWorkers): Promise<WrittenWim> {
    // The header is last: until then nothing takes this for a WIM.
    await this.#append(Buffer.alloc(headerSize));
    await this.#pack(this.#newBlobs(images, metadata));
    const rows: Buffer[] = [];
    await this.#pack(this.#metadataBlobs(metadata, rows));

    const table = Buffer.concat([...rows, this.#table.bytes()]);
    const lookupTable = await this.#plain(table, resourceFlags.metadata);
    const end = this.#position;
    const xml = wimXml(
      images.map((image, i) => ({ image, counts: metadata[i]!.counts })),
      end,
    );
    const xmlResource = await this.#plain(xml, resourceFlags.metadata);
    const integrity = this.#options.integrity === false ? undefined : await this.#plain(await this.#integrityTable(end, workers), 0);
    const guid = createHash('sha256').update(table).update(xml).digest().subarray(0, 16);
    const header = this.#header(images.length, guid, lookupTable, xmlResource, integrity);
    throwIfCanceled(this.#options.signal);
    await this.#writeAt(header, 0);
    return {
      size: this.#position,
      blobs: this.#table.count,
      contentBytes: this.#contentBytes,
      images: metadata.map(({ counts }) => ({ folders: counts.folders, files: counts.files })),
    };
  }

  /** Walks the images and yields each content that was not there before, in the order in which they come. */
  async *#newBlobs(images: readonly NewWimImage[], writers: readonly MetadataWriter[]): AsyncGenerator<NewBlob, void, undefined> {
    const table = this.#table;
    async function* batches(): AsyncGenerator<WantedContent[], void, undefined> {
      for (const [i, { root }] of images.entries()) yield* writers[i]!.walk(root);
    }
    for await (const [batch, { sha1, checks }] of ahead(batches(), this.#workers.width + 1, (contents) =>
      this.#workers.hash({ contents: contents.map(({ content }) => content!) }),
    )) {
      let piece = 0;
      for (const [i, wanted] of batch.entries()) {
        const { content, size, writer } = wanted;
        const pieces = Math.ceil(size / pieceSize);
        const digest = sha1.subarray(20 * i, 20 * i + 20);
        let row = table.find(digest);
        const isNew = row === -1;
        if (isNew) row = table.add(digest);
        writer.found(wanted, row);
        if (isNew)
          yield {
            content: content!,
            size,
            checks: checks.subarray(piece, piece + pieces),
            flags: 0,
            settle: (resource) => table.set(row, resource),
          };
        piece += pieces;
      }
    }
  }

  async *#metadataBlobs(writers: readonly MetadataWriter[], rows: Buffer[]): AsyncGenerator<NewBlob, void, undefined> {
    for (const [i, writer] of writers.entries()) {
      const content = { parts: writer.finish() };
      const { sha1, checks } = await this.#workers.hash({ contents: [content] });
      const table = new BlobTable();
      const row = table.add(sha1);
      table.refer(row);
      const settle = (resource: WrittenResource) => {
        table.set(row, resource);
        rows[i] = table.bytes();
      };
      yield { content, size: contentSize(content), checks, flags: resourceFlags.metadata, settle };
    }
  }

  /** Writes blobs in their order, packed ahead of that in workers. */
  async #pack(blobs: AsyncIterable<NewBlob>): Promise<void> {
    const compression = this.#compression;
    const jobs = ahead(pieceBatches(blobs), this.#workers.width + 1, (batch) =>
      this.#workers.pack({
        compression,
        isWhole: batch[0]!.isWhole,
        pieces: batch.map(({ content, from, length, check }) => ({ content, from, length, check })),
      }),
    );
    for await (const [batch, packed] of jobs) {
      if (batch[0]!.isWhole) await this.#takeBlobs(batch, packed);
      else await this.#takePiece(batch[0]!, packed);
      this.#workers.release(packed);
      for (const { blob, length } of batch) if (blob.flags === 0) this.#contentBytes += length;
      this.#options.onBytes?.(this.#contentBytes);
    }
  }

  async #takeBlobs(batch: readonly BlobPiece[], { into, filled, sizes }: Packed): Promise<void> {
    let offset = this.#position;
    for (const [i, { blob, length }] of batch.entries()) {
      const packed = sizes[i]!;
      blob.settle({ offset, packed, size: length, flags: blob.flags | (packed < length ? resourceFlags.compressed : 0) });
      offset += packed;
    }
    await this.#append(new Uint8Array(into, 0, filled));
  }

  /** A piece of a large blob: room is left for its chunk table, which is known with the last. */
  async #takePiece({ blob, from, length }: BlobPiece, { into, filled, sizes }: Packed): Promise<void> {
    const { size, flags } = blob;
    const tableSize = this.#compression === 'none' ? 0 : chunkTableSize(size);
    if (from === 0) {
      this.#begun = { start: this.#position, chunks: [] };
      this.#position += tableSize;
    }
    const { start, chunks } = this.#begun!;
    for (const chunk of sizes) chunks.push(chunk);
    await this.#append(new Uint8Array(into, 0, filled));
    if (from + length < size) return;
    const packed = this.#position - start;
    if (packed < size) await this.#writeAt(chunkTable(chunks, tableSize), start);
    else if (this.#compression !== 'none') {
      // Packing it has not made it smaller.
      this.#position = start;
      await this.#copy(blob);
    }
    blob.settle({ offset: start, packed: Math.min(packed, size), size, flags: flags | (packed < size ? resourceFlags.compressed : 0) });
  }

  /** The blob as it is. */
  async #copy({ content, size, checks }: NewBlob): Promise<void> {
    for (let from = 0; from < size; from += pieceSize) {
      const piece = { content, from, length: Math.min(pieceSize, size - from), check: checks[from / pieceSize]! };
      const packed = await this.#workers.pack({ compression: 'none', isWhole: false, pieces: [piece] });
      await this.#append(new Uint8Array(packed.into, 0, packed.filled));
      this.#workers.release(packed);
    }
    await this.#file.truncate(this.#position);
  }

  /** SHA-1 of all between the header and the XML, in pieces. */
  async #integrityTable(end: number, workers: EncodingWorkers): Promise<Buffer> {
    const file = this.#path;
    async function* chunks(): AsyncGenerator<Content, void, undefined> {
      for (let offset = headerSize; offset < end; offset += integrityChunk)
        yield { file, offset, size: Math.min(integrityChunk, end - offset) };
    }
    const sums: Uint8Array[] = [];
    for await (const [, { sha1 }] of ahead(chunks(), workers.width, (content) => workers.hash({ contents: [content] }))) sums.push(sha1);
    const head = Buffer.alloc(12);
    head.writeUInt32LE(12 + 20 * sums.length, 0);
    head.writeUInt32LE(sums.length, 4);
    head.writeUInt32LE(integrityChunk, 8);
    return Buffer.concat([head, ...sums]);
  }

  #header(images: number, guid: Uint8Array, table: WrittenResource, xml: WrittenResource, integrity: WrittenResource | undefined): Buffer {
    const header = Buffer.alloc(headerSize);
    header.write('MSWIM', 0, 'latin1');
    header.writeUInt32LE(headerSize, 0x08);
    header.writeUInt32LE(0x1_0d00, 0x0c);
    if (this.#compression !== 'none') {
      header.writeUInt32LE(flags.compression | flags[this.#compression], 0x10);
      header.writeUInt32LE(writtenChunkSize, 0x14);
    }
    header.set(guid, 0x18);
    header.writeUInt16LE(1, 0x28);
    header.writeUInt16LE(1, 0x2a);
    header.writeUInt32LE(images, 0x2c);
    writeResourceHeader(header, 0x30, table);
    writeResourceHeader(header, 0x48, xml);
    if (integrity) writeResourceHeader(header, 0x7c, integrity);
    return header;
  }

  async #plain(bytes: Uint8Array, flags: number): Promise<WrittenResource> {
    const resource = { offset: this.#position, packed: bytes.length, size: bytes.length, flags };
    await this.#append(bytes);
    return resource;
  }

  async #append(bytes: Uint8Array): Promise<void> {
    const position = this.#position;
    this.#position += bytes.length;
    await this.#writeAt(bytes, position);
  }

  async #writeAt(bytes: Uint8Array, position: number): Promise<void> {
    for (let done = 0; done < bytes.length;) {
      done += (await this.#file.write(bytes, done, bytes.length - done, position + done)).bytesWritten;
    }
  }
}

/** Where each chunk but the first begins, behind the table. */
function chunkTable(chunks: readonly number[], size: number): Buffer {
  const table = Buffer.alloc(size);
  const width = size / (chunks.length - 1);
  let begin = 0;
  for (let at = 0; at < size; at += width) {
    begin += chunks[at / width]!;
    if (width === 4) table.writeUInt32LE(begin, at);
    else table.writeBigUInt64LE(BigInt(begin), at);
  }
  return table;
}

/** What is packed at once: a piece of a large blob, or many small blobs. */
async function* pieceBatches(blobs: AsyncIterable<NewBlob>): AsyncGenerator<BlobPiece[], void, undefined> {
  let batch: BlobPiece[] = [];
  let bytes = 0;
  for await (const blob of blobs) {
    const { content, size, checks } = blob;
    const isWhole = size <= pieceSize;
    if (batch.length > 0 && (!isWhole || bytes + size > pieceSize)) {
      yield batch;
      [batch, bytes] = [[], 0];
    }
    for (let from = 0; from < size; from += pieceSize) {
      const piece = { blob, content, from, length: Math.min(pieceSize, size - from), check: checks[from / pieceSize]!, isWhole };
      if (isWhole) batch.push(piece);
      else yield [piece];
    }
    if (isWhole) bytes += size;
  }
  if (batch.length > 0) yield batch;
}

/** Does `work` for as many items as `count` at once, and yields them in their order. Where it ends early, all that was begun has ended too. */
async function* ahead<Item, Result>(
  items: AsyncGenerator<Item, void, undefined>,
  count: number,
  work: (item: Item) => Promise<Result>,
): AsyncGenerator<[Item, Result], void, undefined> {
  const begun: { readonly item: Item; readonly result: Promise<Result> }[] = [];
  try {
    for (;;) {
      while (begun.length < count) {
        const next = await items.next();
        if (next.done) break;
        const result = work(next.value);
        result.catch(() => undefined);
        begun.push({ item: next.value, result });
      }
      const first = begun.shift();
      if (!first) return;
      yield [first.item, await first.result];
    }
  } finally {
    await Promise.allSettled([items.return(), ...begun.map(({ result }) => result)]);
  }
}
