import { readSync } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { asImageError, ImageError } from '../errors.ts';
import type { WimBlob } from '../formats/wim/wim-entry.ts';
import { canceled } from '../io/concurrently.ts';
import type { ReadBlob, ReadBlobs } from './wim-plan.ts';

/** Bytes read at once; and up to which handing the reading to another thread would cost more than it. */
const window = 1 << 20;
const small = 64 << 10;

/**
 * Contents of a WIM in a file, each once, to be read in any order. A solid WIM packs many contents into one chunk, in an order of its own: read in the order of a tree, each chunk
 * would be unpacked again and again.
 */
export class WimSpool implements AsyncDisposable {
  readonly #file: FileHandle;
  readonly #places = new Map<string, number>();

  private constructor(file: FileHandle) {
    this.#file = file;
  }

  /**
   * @param folder an empty one, that goes when the spool is disposed of
   * @param blobs in the order in which they are read best; equal ones only once
   */
  static async fill(folder: string, blobs: Iterable<WimBlob>, read: ReadBlobs, signal?: AbortSignal): Promise<WimSpool> {
    const path = join(folder, 'contents');
    let file: FileHandle | undefined;
    try {
      file = await open(path, 'wx+', 0o600);
      const spool = new WimSpool(file);
      let end = 0;
      for await (const { blob, body } of read(blobs)) {
        spool.#places.set(blob.sha1, end);
        for await (const chunk of body) {
          if (signal?.aborted) throw canceled(signal.reason);
          for (let at = 0; at < chunk.length;) at += (await file.write(chunk, at, chunk.length - at, end + at)).bytesWritten;
          end += chunk.length;
        }
      }
      return spool;
    } catch (error) {
      await file?.close();
      throw asImageError(error, `cannot unpack the WIM into ${folder}`);
    }
  }

  readonly read: ReadBlobs = (blobs) => this.#read(blobs);

  async *#read(blobs: Iterable<WimBlob>): AsyncGenerator<ReadBlob, void, undefined> {
    for (const blob of blobs) {
      const place = this.#places.get(blob.sha1);
      if (place === undefined) throw new ImageError('internal', `the content ${blob.sha1} has not been unpacked`);
      yield { blob, body: this.#body(place, blob.size) };
    }
  }

  async *#body(place: number, size: number): AsyncGenerator<Uint8Array, void, undefined> {
    for (let done = 0; done < size;) {
      const buffer = Buffer.allocUnsafeSlow(Math.min(window, size - done));
      const at = place + done;
      const bytesRead =
        size <= small
          ? readSync(this.#file.fd, buffer, 0, buffer.length, at)
          : (await this.#file.read(buffer, 0, buffer.length, at)).bytesRead;
      if (bytesRead === 0) throw new ImageError('internal', 'the unpacked contents of a WIM end too early');
      yield buffer.subarray(0, bytesRead);
      done += bytesRead;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close();
  }
}

/** The contents of these trees' entries, each once. */
export function contentsOf(
  entries: Iterable<{
    readonly node: {
      readonly data?: WimBlob | undefined;
      readonly reparse?: { readonly data: WimBlob } | undefined;
      readonly streams: readonly { readonly data: WimBlob }[];
    };
  }>,
): WimBlob[] {
  const found = new Map<string, WimBlob>();
  for (const { node } of entries)
    for (const blob of [node.reparse?.data, node.data, ...node.streams.map(({ data }) => data)])
      if (blob && blob.size > 0) found.set(blob.sha1, blob);
  return [...found.values()];
}
