import { LzmsDecoder } from './lzms-decoder.ts';
import { LzxDecoder } from './lzx-decoder.ts';
import { XpressDecoder } from './xpress-decoder.ts';

/** Decodes one chunk after another; all are independent. It allocates nothing for a chunk, and serves one thread. */
export interface ChunkDecoder {
  /**
   * @param source at least 16 bytes longer than `sourceLength`, with zeros there
   * @param target at least 16 bytes longer than `size`; what is there may be overwritten
   * @param size what the chunk decodes to, in bytes
   * @throws ImageError `invalid-content` where it does not decode to exactly so many; `target` is then of no use
   */
  decode(source: Uint8Array, sourceLength: number, target: Uint8Array, size: number): void;
}

/** A decoder for chunks of at most `chunkSize` bytes, a power of two that the codec allows. */
export function chunkDecoder(codec: 'xpress' | 'lzx' | 'lzms', chunkSize: number): ChunkDecoder {
  switch (codec) {
    case 'xpress':
      return new XpressDecoder();
    case 'lzx':
      return new LzxDecoder(chunkSize);
    case 'lzms':
      return new LzmsDecoder(chunkSize);
  }
}
