import { closeSync, open as openFile, openSync, read, readSync } from 'node:fs';
import { promisify } from 'node:util';
import { asImageError, ImageError } from '../errors.ts';
import { zeros } from '../formats/tar/read-tar.ts';
import type { Content } from './tree-entry.ts';

const openPack = promisify(openFile);
const readPack = promisify(read);

/** A file of a tree, or what has no content. */
export interface Wanted {
  readonly content?: Content | undefined;
  readonly size: number;
}

/** Bytes read at once where files are read one behind another, and as many where they are not. */
const window = 1 << 20;
const smallest = 64 << 10;
/** Packs that are held open; an image has seldom more layers. */
const maxOpen = 32;

interface OpenPack {
  readonly file: number;
  /** What was read last, and from where. */
  bytes: Buffer;
  start: number;
  /** What small files are read into, again and again, unless a piece of it was given away to be kept. */
  own?: Buffer | undefined;
}

/**
 * Reads files out of packs. Files that lie one behind another, as a walk finds them, are read many at once: a tree of small files costs few reads.
 * For one reader at a time. Chunks of `read` are views of memory that stays as it is; what `held` and `small` give holds until the next is asked for.
 */
export class PackReader {
  readonly #packs = new Map<string, OpenPack>();

  /** The bytes of a file, zeros where nothing is stored. A small one is one chunk. @throws ImageError `invalid-content` where its pack is too short */
  async *read(content: Content, size: number): AsyncGenerator<Uint8Array, void, undefined> {
    if (!content.sparse) {
      yield* this.#stored(content, content.offset, size);
      return;
    }
    let at = 0;
    let offset = content.offset;
    for (const piece of content.sparse) {
      yield* zeros(piece.offset - at);
      yield* this.#stored(content, offset, piece.length);
      at = piece.offset + piece.length;
      offset += piece.length;
    }
    yield* zeros(size - at);
  }

  /** The whole of a small file if it has been read already: costs nothing then. */
  held({ file, offset, sparse }: Content, size: number): Uint8Array | undefined {
    const pack = this.#packs.get(file);
    if (!pack || sparse || offset < pack.start || offset + size > pack.start + pack.bytes.length) return undefined;
    return pack.bytes.subarray(offset - pack.start, offset - pack.start + size);
  }

  /**
   * The whole of a small file, at once: what is read with it is the part of its pack that the files after it lie in too, in whatever order. Synchronous, as looking up their
   * rows is: handing each of thousands of small reads to another thread would cost ten times as much as the reading.
   * @param next what will be wanted then
   * @throws ImageError `invalid-content` where its pack is too short
   */
  small(content: Content, size: number, next: Iterable<Wanted>): Uint8Array {
    const held = this.held(content, size);
    if (held) return held;
    let [start, end, wanted] = [content.offset, content.offset + size, size];
    for (const { content: other, size: more } of next) {
      if (other?.file !== content.file || other.sparse) continue;
      const [first, last] = [Math.min(start, other.offset), Math.max(end, other.offset + more)];
      // Not across what nobody wants.
      if (last - first > Math.min(window, 2 * (wanted + more) + smallest)) break;
      [start, end, wanted] = [first, last, wanted + more];
    }
    const { file } = content;
    try {
      const pack = this.#packs.get(file) ?? this.#opened(file, openSync(file, 'r'));
      if (!pack.own || pack.own.length < end - start) pack.own = Buffer.allocUnsafeSlow(end - start);
      const bytes = pack.own.subarray(0, end - start);
      for (let done = 0; done < bytes.length;) {
        const count = readSync(pack.file, bytes, done, bytes.length - done, start + done);
        if (count === 0) throw tooShort(file);
        done += count;
      }
      [pack.bytes, pack.start] = [bytes, start];
    } catch (error) {
      throw asImageError(error, `cannot read ${file}`);
    }
    return this.held(content, size)!;
  }

  close(): void {
    for (const { file } of this.#packs.values()) closeSync(file);
    this.#packs.clear();
  }

  async *#stored(content: Content, offset: number, length: number): AsyncGenerator<Uint8Array, void, undefined> {
    for (let done = 0; done < length;) {
      const held = this.held({ file: content.file, offset: offset + done }, 1);
      if (held) {
        const pack = this.#packs.get(content.file)!;
        pack.own = undefined;
        const { bytes, start } = pack;
        const from = offset + done - start;
        const chunk = bytes.subarray(from, Math.min(bytes.length, from + length - done));
        yield chunk;
        done += chunk.length;
      } else await this.#fill(content.file, offset + done, length - done);
    }
  }

  async #fill(path: string, offset: number, wanted: number): Promise<void> {
    const pack = await this.#pack(path);
    // What follows soon after the last read goes on with it.
    const end = pack.start + pack.bytes.length;
    const ahead = offset >= end && offset - end <= smallest ? window : smallest;
    // a new one each time: a reader may keep what it was given
    const buffer = Buffer.allocUnsafeSlow(Math.min(window, Math.max(ahead, wanted)));
    let count;
    try {
      ({ bytesRead: count } = await readPack(pack.file, buffer, 0, buffer.length, offset));
    } catch (error) {
      throw asImageError(error, `cannot read ${path}`);
    }
    if (count === 0) throw tooShort(path);
    pack.bytes = count === buffer.length ? buffer : buffer.subarray(0, count);
    pack.start = offset;
  }

  async #pack(path: string): Promise<OpenPack> {
    const known = this.#packs.get(path);
    if (known) return known;
    let file;
    try {
      file = await openPack(path, 'r');
    } catch (error) {
      throw asImageError(error, `cannot read ${path}`);
    }
    return this.#opened(path, file);
  }

  #opened(path: string, file: number): OpenPack {
    for (const [oldest, { file: oldestFile }] of this.#packs) {
      if (this.#packs.size < maxOpen) break;
      this.#packs.delete(oldest);
      closeSync(oldestFile);
    }
    const pack: OpenPack = { file, bytes: Buffer.alloc(0), start: -1 };
    this.#packs.set(path, pack);
    return pack;
  }
}

function tooShort(path: string): ImageError {
  return new ImageError('invalid-content', `${path} is too short: it has been damaged`);
}
