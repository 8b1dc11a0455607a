import { createHash, type Hash } from 'node:crypto';
import type { KeptLayer } from '../content/layer-image.ts';
import { compress } from '../formats/compression/compress.ts';
import type { ChunkPool } from '../io/chunk-pool.ts';
import type { Operation } from '../io/operation.ts';
import { digestFrom } from '../model/digest.ts';
import { mediaTypes } from '../model/media-types.ts';
import type { Ingest } from '../store/ingest.ts';

export interface KeepLayerOptions extends Pick<Operation, 'signal'> {
  /** Default: gzip. */
  readonly compression?: 'gzip' | 'zstd' | undefined;
  /** gzip 1 … 9, zstd 1 … 22. */
  readonly level?: number | undefined;
  /** Where the tar's chunks come from: they are given back. */
  readonly pool?: ChunkPool | undefined;
}

/** zlib's 2 costs a tenth less than what buildah's writer spends by default, for 4 in 100 more bytes; its 6 would cost twice as much. */
const gzipLevel = 2;
const zstdLevel = 1;

/** Packs a tar that is made here, and keeps it: hashed and packed as it comes. */
export async function keepLayer(
  ingest: Ingest,
  tar: AsyncIterable<Uint8Array>,
  { compression = 'gzip', level, pool, signal }: KeepLayerOptions = {},
): Promise<KeptLayer> {
  const hash = createHash('sha256');
  const packed = compress(hashed(tar, hash), compression, {
    level: level ?? (compression === 'gzip' ? gzipLevel : zstdLevel),
    onUsed: pool && ((chunk) => pool.give(chunk)),
    signal,
  });
  const layer = await ingest.add(compression === 'gzip' ? mediaTypes.ociLayerGzip : mediaTypes.ociLayerZstd, packed, { signal });
  return { layer, diffId: digestFrom('sha256', hash.digest('hex')) };
}

async function* hashed(source: AsyncIterable<Uint8Array>, hash: Hash): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const chunk of source) {
    hash.update(chunk);
    yield chunk;
  }
}
