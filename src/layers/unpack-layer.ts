import { closeSync, fstatSync, fsyncSync, linkSync, openSync, readSync, statfsSync, writeSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { asImageError, ImageError } from '../errors.ts';
import { decompress } from '../formats/compression/decompress.ts';
import { detectCompression, detectionLength } from '../formats/compression/detect.ts';
import type { DecompressLimits } from '../formats/compression/limits.ts';
import type { TarLimits } from '../formats/tar/entry.ts';
import { TarParser } from '../formats/tar/parser.ts';
import { type Digest, digestAlgorithm, digestFrom } from '../model/digest.ts';
import { LayerIndexer } from './layer-indexer.ts';
import { indexFile, TreeIndex } from './tree-index.ts';

export interface LayerToUnpack {
  readonly blobFile: string;
  readonly diffId: Digest;
  readonly folder: string;
  readonly os: string;
  readonly limits?: { readonly tar?: Partial<TarLimits>; readonly decompress?: Partial<DecompressLimits> } | undefined;
}

export interface UnpackedLayer {
  /** What the folder takes on the disk; a pack that is the blob itself takes nothing. */
  readonly bytes: number;
  readonly entries: number;
}

const layerPack = 'pack';

/** Real layers have some hundred thousand at most, and a folder's names are listed at once. */
export const maxEntries = 2_000_000;
const readLength = 1 << 20;
/** Bytes of the disk that are left free, and how often that is looked at. */
const keptFree = 64 << 20;
const freeCheck = 64 << 20;

/** The work of `makeLayerTree`, with synchronous calls: not for a thread that serves others. */
export async function unpackLayer(layer: LayerToUnpack, signal: AbortSignal, onProgress: (bytes: number) => void): Promise<UnpackedLayer> {
  const { blobFile, diffId, folder } = layer;
  let blob: number | undefined;
  let index: TreeIndex | undefined;
  try {
    blob = openSync(blobFile, 'r');
    const first = Buffer.alloc(detectionLength);
    const compression = detectCompression(first.subarray(0, readSync(blob, first, 0, detectionLength, 0)));
    index = TreeIndex.make(folder, layer.os);
    index.addPack(0, layerPack);
    const indexer = new LayerIndexer(index);
    const parser = new TarParser({ entries: maxEntries, ...layer.limits?.tar });
    const algorithm = digestAlgorithm(diffId);
    const hash = createHash(algorithm);
    const pack = new Pack(folder, compression === 'none' ? blobFile : undefined);
    let entries = 0;
    try {
      for await (const chunk of decompress(chunksOf(blob, onProgress), compression, { signal, limits: layer.limits?.decompress })) {
        const bytes = chunk as Buffer;
        hash.update(bytes);
        pack.write(bytes);
        parser.push(bytes);
        for (let event = parser.next(); event; event = parser.next()) {
          if (event !== 'entry') continue;
          indexer.add(parser.entry);
          parser.skip();
          entries++;
        }
      }
      parser.end();
      pack.finish();
    } finally {
      pack.close();
    }
    const actual = digestFrom(algorithm, hash.digest('hex'));
    if (actual !== diffId) {
      throw new ImageError('digest-mismatch', `the layer's content is ${actual}, not ${diffId} as the image says`, {
        hint: 'The image and its layer do not belong together: whoever made it has to make it again.',
        detail: { expected: diffId, actual },
      });
    }
    index.setAbout('size', index.size());
    index.commit();
    index.close();
    index = undefined;
    return { bytes: pack.written + syncFile(join(folder, indexFile)), entries };
  } catch (error) {
    throw asImageError(error, `cannot unpack the layer ${diffId}`);
  } finally {
    index?.close();
    if (blob !== undefined) closeSync(blob);
  }
}

async function* chunksOf(file: number, onProgress: (bytes: number) => void): AsyncGenerator<Uint8Array, void, undefined> {
  for (let position = 0; ;) {
    // a new one each time: the decoder takes it up in another thread
    const buffer = Buffer.allocUnsafeSlow(readLength);
    const count = readSync(file, buffer, 0, readLength, position);
    if (count === 0) return;
    position += count;
    yield count === readLength ? buffer : buffer.subarray(0, count);
    onProgress(position);
  }
}

/** The file that the tar is kept in. */
class Pack {
  /** Bytes. */
  written = 0;
  #file: number | undefined;
  readonly #folder: string;
  #unchecked = 0;

  /** `same`: a file that has these very bytes. Where the disk can do it, the pack is another name of it. */
  constructor(folder: string, same: string | undefined) {
    this.#folder = folder;
    const path = join(folder, layerPack);
    if (same === undefined || !isLinked(same, path)) this.#file = openSync(path, 'wx', 0o600);
  }

  write(bytes: Uint8Array): void {
    if (this.#file === undefined) return;
    this.#unchecked -= bytes.length;
    if (this.#unchecked < 0) this.#checkFree();
    for (let at = 0; at < bytes.length;) at += writeSync(this.#file, bytes, at);
    this.written += bytes.length;
  }

  finish(): void {
    if (this.#file !== undefined) fsyncSync(this.#file);
  }

  close(): void {
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
  }

  /** A layer that unfolds without end must not take the last of the disk from everything else that runs here. */
  #checkFree(): void {
    const { bavail, bsize } = statfsSync(this.#folder);
    const free = bavail * bsize - keptFree;
    if (free < 0) throw asImageError({ code: 'ENOSPC' }, `cannot unpack a layer into ${this.#folder}`);
    this.#unchecked = Math.min(freeCheck, free);
  }
}

function isLinked(from: string, to: string): boolean {
  // There, a file that may not be written cannot be removed under any of its names.
  if (process.platform === 'win32') return false;
  try {
    linkSync(from, to);
    return true;
  } catch {
    // another disk, or one without links: the bytes are copied
    return false;
  }
}

/** Makes a file durable; returns its size. */
function syncFile(path: string): number {
  const file = openSync(path, 'r+');
  try {
    fsyncSync(file);
    return fstatSync(file).size;
  } finally {
    closeSync(file);
  }
}
