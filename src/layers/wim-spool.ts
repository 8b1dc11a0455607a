import { readSync } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { asImageError, ImageError } from '../errors.ts';
import type { LookupTable } from '../formats/wim/lookup-table.ts';
import type { WimBlob } from '../formats/wim/wim-entry.ts';
import type { WimNode } from '../formats/wim/wim-tree.ts';
import { canceled } from '../io/concurrently.ts';
import { sliced } from './wim-contents.ts';
import type { ReadBlob, ReadBlobs } from './wim-plan.ts';

/** Bytes read and written at once; and up to which handing the reading to another thread would cost more than it. */
const window = 1 << 20;
const small = 64 << 10;

/**
 * Contents of a WIM in a file, each once, to be read in any order. A solid WIM packs many contents into one chunk, in an order of its own: read in the order of a tree, each chunk
 * would be unpacked again and again. Hundreds of thousands are numbers here, by their rows in the WIM's table.
 */
export class WimSpool implements AsyncDisposable {
  readonly #file: FileHandle;
  readonly #table: LookupTable;
  /** Where the content of each row begins; -1 where it is not here. */
  readonly #places: Float64Array;

  private constructor(file: FileHandle, table: LookupTable) {
    this.#file = file;
    this.#table = table;
    this.#places = new Float64Array(table.rowCount).fill(-1);
  }

  /**
   * @param folder an empty one, that goes when the spool is disposed of
   * @param rows in the order in which they are read best; equal ones only once
   */
  static async fill(folder: string, rows: Uint32Array, table: LookupTable, read: ReadBlobs, signal?: AbortSignal): Promise<WimSpool> {
    const path = join(folder, 'contents');
    const blobs = function* (): Generator<WimBlob, void, undefined> {
      for (const row of rows) yield new RowBlob(table, row);
    };
    let file: FileHandle | undefined;
    try {
      file = await open(path, 'wx+', 0o600);
      const spool = new WimSpool(file, table);
      const writer = new WindowWriter(file);
      let number = 0;
      for await (const { body } of read(blobs())) {
        spool.#places[rows[number++] as number] = writer.end;
        for await (const chunk of body) {
          if (signal?.aborted) throw canceled(signal.reason);
          if (!writer.takes(chunk)) await writer.write(chunk);
        }
      }
      await writer.flush();
      return spool;
    } catch (error) {
      await file?.close();
      throw asImageError(error, `cannot unpack the WIM into ${folder}`);
    }
  }

  readonly read: ReadBlobs = (blobs) => this.#read(blobs);

  async *#read(blobs: Iterable<WimBlob>): AsyncGenerator<ReadBlob, void, undefined> {
    const state: { buffer?: Buffer } = {};
    for (const blob of blobs) {
      const row = this.#table.find(Buffer.from(blob.sha1, 'hex'));
      const place = row < 0 ? -1 : (this.#places[row] as number);
      if (place < 0) throw new ImageError('internal', `the content ${blob.sha1} has not been unpacked`);
      yield { blob, body: this.#body(place, blob.size, state) };
    }
  }

  /** One buffer serves all, so chunks are good until the next is asked for, and small: a tar passes large ones on without a copy, and they wait there for whoever reads it. */
  async *#body(place: number, size: number, state: { buffer?: Buffer }): AsyncGenerator<Uint8Array, void, undefined> {
    const buffer = (state.buffer ??= Buffer.allocUnsafeSlow(window));
    for (let done = 0; done < size;) {
      const length = Math.min(window, size - done);
      const at = place + done;
      const bytesRead =
        size <= small ? readSync(this.#file.fd, buffer, 0, length, at) : (await this.#file.read(buffer, 0, length, at)).bytesRead;
      if (bytesRead === 0) throw new ImageError('internal', 'the unpacked contents of a WIM end too early');
      yield* sliced(buffer.subarray(0, bytesRead));
      done += bytesRead;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close();
  }
}

/** What a row of the table says, told when it is asked for: thousands are under way at once. */
class RowBlob implements WimBlob {
  readonly row: number;
  readonly #table: LookupTable;

  constructor(table: LookupTable, row: number) {
    this.row = row;
    this.#table = table;
  }

  get sha1(): string {
    return this.#table.sha1(this.row);
  }

  get size(): number {
    return this.#table.size(this.row);
  }
}

/** Writes many small chunks as a few large ones. */
class WindowWriter {
  /** Where in the file the next chunk will be. */
  end = 0;
  readonly #file: FileHandle;
  readonly #buffer = Buffer.allocUnsafeSlow(window);
  #filled = 0;

  constructor(file: FileHandle) {
    this.#file = file;
  }

  /** Whether there is room for a chunk, which then has been taken. */
  takes(chunk: Uint8Array): boolean {
    if (this.#filled + chunk.length > window) return false;
    this.#buffer.set(chunk, this.#filled);
    this.#filled += chunk.length;
    this.end += chunk.length;
    return true;
  }

  async write(chunk: Uint8Array): Promise<void> {
    await this.flush();
    if (this.takes(chunk)) return;
    await this.#write(chunk, this.end);
    this.end += chunk.length;
  }

  async flush(): Promise<void> {
    await this.#write(this.#buffer.subarray(0, this.#filled), this.end - this.#filled);
    this.#filled = 0;
  }

  async #write(bytes: Uint8Array, place: number): Promise<void> {
    for (let at = 0; at < bytes.length;) at += (await this.#file.write(bytes, at, bytes.length - at, place + at)).bytesWritten;
  }
}

/** The rows of what these nodes have as contents: each once, in the order of their places. */
export function contentRows(nodes: Iterable<WimNode>, table: LookupTable): Uint32Array {
  const isWanted = new Uint8Array(table.rowCount);
  for (const node of nodes) {
    for (const row of [node.reparseRow, node.dataRow]) if (row >= 0) isWanted[row] = 1;
    if (!node.hasStreams) continue;
    for (const { data } of node.streams) if (data.size > 0) isWanted[table.find(Buffer.from(data.sha1, 'hex'))] = 1;
  }
  const rows = new Uint32Array(isWanted.reduce((sum, one) => sum + one, 0));
  let count = 0;
  for (let row = 0; row < isWanted.length; row++) if (isWanted[row] === 1) rows[count++] = row;
  return table.order(rows).map((position) => rows[position] as number);
}
