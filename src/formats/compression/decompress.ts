import { PassThrough, type Readable, type Transform, pipeline } from 'node:stream';
import { constants, createGunzip, createZstdDecompress } from 'node:zlib';
import { endOnAbort } from '../../io/end-on-abort.ts';
import { decodeBzip2 } from './bzip2.ts';
import type { Compression } from './detect.ts';
import { EngineDecoder } from './engine-decoder.ts';
import { type DecompressLimits, Passed, defaultDecompressLimits } from './limits.ts';
import { StepwiseDecoder } from './stepwise-decoder.ts';
import { decodeXz } from './xz.ts';
import { ZstdFrames } from './zstd-frames.ts';

export interface DecompressOptions {
  readonly limits?: Partial<DecompressLimits> | undefined;
  readonly signal?: AbortSignal | undefined;
}

const outputChunk = 256 << 10;

/**
 * The bytes that these compressed ones stand for: gzip of any number of members, with zeros behind them or not (RFC 1952); zstd of any
 * number of frames, with windows up to 128 MiB (RFC 8878); xz and bzip2 of any number of streams; and as they are for `none`.
 *
 * The stream fails with ImageError `invalid-content` where the data is damaged, ends too early or is followed by something else,
 * `too-large` past the limits, `unsupported`, `canceled`, and with the source's own errors as they are. Destroying it ends the source.
 */
export function decompress(source: AsyncIterable<Uint8Array>, compression: Compression, options: DecompressOptions = {}): Readable {
  const passed = new Passed(compression, { ...defaultDecompressLimits, ...options.limits });
  const decoder = endOnAbort(decoderOf(compression, passed), options.signal);
  return pipeline(source, decoder, toldByTheStream);
}

/** For a pipeline's callback: its error is also that of its last stream, and whoever reads that is told. */
function toldByTheStream(): void {}

function decoderOf(compression: Compression, passed: Passed): Transform {
  switch (compression) {
    case 'gzip':
      return new EngineDecoder(createGunzip({ chunkSize: outputChunk }), passed);
    case 'zstd': {
      const params = { [constants.ZSTD_d_windowLogMax]: 27 };
      return new EngineDecoder(createZstdDecompress({ chunkSize: outputChunk, params }), passed, new ZstdFrames());
    }
    case 'xz':
      return new StepwiseDecoder(decodeXz, passed);
    case 'bzip2':
      return new StepwiseDecoder(decodeBzip2, passed);
    case 'none':
      return new PassThrough({ highWaterMark: outputChunk });
  }
}
