/** Reads, hashes and packs the contents of a new WIM, in whichever thread: the same pieces always give the same bytes. */

import { createHash } from 'node:crypto';
import { closeSync, openSync, readSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { asImageError, ImageError } from '../../errors.ts';
import { type ChunkEncoder, chunkEncoder, writtenChunkSize } from './chunk-encoder.ts';
import type { NewWimContent, WrittenCompression } from './new-wim.ts';

/** What a WIM is made of, and its metadata too: in parts. */
export type Content = NewWimContent | { readonly parts: readonly NewWimContent[] };

/** Bytes of content that are packed at once: a whole number of chunks. */
export const pieceSize = 2 << 20;

export interface HashJob {
  readonly contents: readonly Content[];
}

export interface Hashed {
  /** 20 bytes for each content. */
  readonly sha1: Uint8Array;
  /** CRC-32 of each piece of each content: what is packed later must be the same. */
  readonly checks: Uint32Array;
}

/** A piece of content, of `pieceSize` bytes or, the last one, fewer. */
export interface Piece {
  readonly content: Content;
  readonly from: number;
  readonly length: number;
  readonly check: number;
}

export interface PackJob {
  readonly compression: WrittenCompression;
  /** One of a large blob, or all of several small ones: `pieceSize` bytes at most. */
  readonly pieces: readonly Piece[];
  /** Whether each piece is a whole blob, and comes back as the resource that it will be: chunk table and chunks, or itself where these are no fewer bytes. */
  readonly isWhole: boolean;
  /** Memory for the answer, `pieceSize` bytes; it comes back with it. */
  readonly into: ArrayBuffer;
}

export interface Packed {
  readonly into: ArrayBuffer;
  /** How many bytes of `into` are filled: by all pieces, one behind the other. */
  readonly filled: number;
  /** Bytes of each piece where they are whole blobs, else of each chunk of the one. */
  readonly sizes: Uint32Array;
}

export function contentSize(content: Content): number {
  if ('parts' in content) return content.parts.reduce((sum, part) => sum + contentSize(part), 0);
  return 'bytes' in content ? content.bytes.length : content.size;
}

/** Bytes of the chunk table of a resource that is packed. */
export function chunkTableSize(size: number): number {
  return (size > 0xffff_ffff ? 8 : 4) * (Math.ceil(size / writtenChunkSize) - 1);
}

/** Serves one thread. */
export class ContentEncoder implements Disposable {
  /** Bytes of one piece, and what a chunk is packed into. */
  readonly #raw = Buffer.alloc(pieceSize);
  readonly #packed = Buffer.alloc(writtenChunkSize);
  readonly #encoders = new Map<WrittenCompression, ChunkEncoder>();
  #open: { readonly path: string; readonly file: number } | undefined;

  hash({ contents }: HashJob): Hashed {
    const sha1 = new Uint8Array(20 * contents.length);
    const checks: number[] = [];
    contents.forEach((content, i) => {
      const hash = createHash('sha1');
      const size = contentSize(content);
      for (let from = 0; from < size; from += pieceSize) {
        const bytes = this.#raw.subarray(0, Math.min(pieceSize, size - from));
        this.#read(content, from, bytes);
        hash.update(bytes);
        checks.push(crc32(bytes));
      }
      sha1.set(hash.digest(), 20 * i);
    });
    return { sha1, checks: Uint32Array.from(checks) };
  }

  /** @throws ImageError `unavailable` where a piece is not what it was when it was hashed */
  pack({ compression, pieces, isWhole, into }: PackJob): Packed {
    const bytes = Buffer.from(into);
    const encoder = compression === 'none' ? undefined : this.#encoder(compression);
    const sizes: number[] = [];
    let filled = 0;
    for (const { content, from, length, check } of pieces) {
      const raw = this.#raw.subarray(0, length);
      this.#read(content, from, raw);
      if (crc32(raw) !== check) throw changed(content);
      // Of a whole blob the chunk table goes before: it says where each chunk but the first begins.
      const table = filled;
      const start = table + (isWhole && encoder ? chunkTableSize(length) : 0);
      let end = start;
      for (let at = 0; encoder && at < length; at += writtenChunkSize) {
        const chunk = raw.subarray(at, Math.min(length, at + writtenChunkSize));
        const size = encoder.encode(chunk, chunk.length, this.#packed);
        const packed = size === 0 ? chunk : this.#packed.subarray(0, size);
        if (end + packed.length > bytes.length) {
          end = Infinity;
          break;
        }
        if (isWhole && at > 0) bytes.writeUInt32LE(end - start, table + 4 * (at / writtenChunkSize - 1));
        if (!isWhole) sizes.push(packed.length);
        bytes.set(packed, end);
        end += packed.length;
      }
      if (!encoder || (isWhole && end - table >= length)) {
        bytes.set(raw, table);
        end = table + length;
      }
      if (isWhole) sizes.push(end - table);
      filled = end;
    }
    return { into, filled, sizes: Uint32Array.from(sizes) };
  }

  [Symbol.dispose](): void {
    if (this.#open) closeSync(this.#open.file);
    this.#open = undefined;
  }

  #encoder(compression: 'lzx' | 'xpress'): ChunkEncoder {
    let encoder = this.#encoders.get(compression);
    if (!encoder) this.#encoders.set(compression, (encoder = chunkEncoder(compression)));
    return encoder;
  }

  #read(content: Content, from: number, target: Uint8Array): void {
    if ('bytes' in content) target.set(content.bytes.subarray(from, from + target.length));
    else if ('parts' in content) {
      let start = 0; // of the part, in all
      for (const part of content.parts) {
        const size = contentSize(part);
        const [first, last] = [Math.max(from, start), Math.min(from + target.length, start + size)];
        if (first < last) this.#read(part, first - start, target.subarray(first - from, last - from));
        start += size;
      }
    } else if (content.sparse) {
      target.fill(0);
      let stored = content.offset;
      for (const { offset, length } of content.sparse) {
        const [first, last] = [Math.max(from, offset), Math.min(from + target.length, offset + length)];
        if (first < last) this.#readFile(content, stored + first - offset, target.subarray(first - from, last - from));
        stored += length;
      }
    } else this.#readFile(content, content.offset + from, target);
  }

  #readFile(content: NewWimContent & { readonly file: string }, position: number, target: Uint8Array): void {
    try {
      if (this.#open?.path !== content.file) {
        this[Symbol.dispose]();
        this.#open = { path: content.file, file: openSync(content.file, 'r') };
      }
      for (let done = 0; done < target.length;) {
        const count = readSync(this.#open.file, target, done, target.length - done, position + done);
        if (count === 0) throw changed(content);
        done += count;
      }
    } catch (error) {
      throw asImageError(error, `cannot read ${content.file}`);
    }
  }
}

function changed(content: Content): ImageError {
  const name = 'file' in content ? content.file : 'what goes into the WIM';
  return new ImageError('unavailable', `${name} changed while it was read`, {
    hint: 'Wait until whoever writes it has finished, and try again.',
  });
}
