import { type Readable, Transform, type TransformCallback, type Writable, pipeline } from 'node:stream';
import { constants, createGzip, createZstdCompress } from 'node:zlib';
import { endOnAbort } from '../../io/end-on-abort.ts';

export interface CompressOptions {
  /** gzip: 1 … 9, default 6. zstd: 1 … 22, default 3. */
  readonly level?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Told of each chunk of the source, in their order, when its bytes are needed no more. */
  readonly onUsed?: ((chunk: Uint8Array) => void) | undefined;
}

const outputChunk = 256 << 10;

/**
 * Compresses a stream. Nothing of the time, the file or the system goes into the result: the same bytes, level and version of Node give
 * the same result. (Another zlib may find other matches: nothing may rely on compressing twice giving one digest.)
 */
export function compress(source: AsyncIterable<Uint8Array>, compression: 'gzip' | 'zstd', options: CompressOptions = {}): Readable {
  const { signal, level, onUsed } = options;
  const engine =
    compression === 'zstd'
      ? createZstdCompress(zstdOptions(level ?? 3))
      : createGzip({ level: level ?? 6, memLevel: 9, chunkSize: outputChunk });
  const chunks = onUsed ? told(source, engine, onUsed) : source;
  // a pipeline's error is also that of its last stream: whoever reads that is told
  if (compression === 'zstd') return pipeline(chunks, endOnAbort(engine, signal), () => {});
  return pipeline(chunks, engine, endOnAbort(new GzipHeader(), signal), () => {});
}

/** Passes chunks on, and tells of those that the engine has packed: they go through it in their order. */
async function* told(
  source: AsyncIterable<Uint8Array>,
  engine: Pick<Writable, 'writableLength'>,
  onUsed: (chunk: Uint8Array) => void,
): AsyncGenerator<Uint8Array, void, undefined> {
  const given: Uint8Array[] = [];
  let unused = 0;
  for await (const chunk of source) {
    yield chunk;
    given.push(chunk);
    unused += chunk.length;
    for (let [first] = given; first && unused - first.length >= engine.writableLength; [first] = given) {
      unused -= first.length;
      given.shift();
      onUsed(first);
    }
  }
}

function zstdOptions(level: number) {
  return {
    chunkSize: outputChunk,
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
