import { type Readable, Transform, type TransformCallback, pipeline } from 'node:stream';
import { constants, createGzip, createZstdCompress, type ZlibOptions } from 'node:zlib';
import { endOnAbort } from '../../io/end-on-abort.ts';

export interface CompressOptions {
  /** gzip: 1 … 9, default 6. zstd: 1 … 22, default 3. */
  readonly level?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

const outputChunk = 256 << 10;
/** Bytes that may wait to be packed: whoever makes them goes on meanwhile. */
const waiting = 2 << 20;

/**
 * Compresses a stream. Nothing of the time, the file or the system goes into the result: the same bytes, level and version of Node give
 * the same result. (Another zlib may find other matches: nothing may rely on compressing twice giving one digest.)
 */
export function compress(source: AsyncIterable<Uint8Array>, compression: 'gzip' | 'zstd', options: CompressOptions = {}): Readable {
  // a pipeline's error is also that of its last stream: whoever reads that is told
  if (compression === 'zstd')
    return pipeline(source, endOnAbort(createZstdCompress(zstdOptions(options.level ?? 3)), options.signal), () => {});
  const header = endOnAbort(new GzipHeader(), options.signal);
  return pipeline(
    source,
    createGzip({ level: options.level ?? 6, memLevel: 9, chunkSize: outputChunk, writableHighWaterMark: waiting } as ZlibOptions),
    header,
    () => {},
  );
}

function zstdOptions(level: number) {
  return {
    chunkSize: outputChunk,
    writableHighWaterMark: waiting,
    params: { [constants.ZSTD_c_compressionLevel]: level, [constants.ZSTD_c_checksumFlag]: 1 },
  };
}

/** Sets the header's OS byte (RFC 1952 §2.3) to 255, "unknown", where zlib writes the system that it was built for. */
class GzipHeader extends Transform {
  #position = 0;

  constructor() {
    super({ readableHighWaterMark: outputChunk, writableHighWaterMark: outputChunk });
  }

  override _transform(chunk: Uint8Array, _encoding: BufferEncoding, callback: TransformCallback): void {
    if (this.#position <= 9 && 9 < this.#position + chunk.length) chunk[9 - this.#position] = 255;
    this.#position += chunk.length;
    callback(null, chunk);
  }
}
