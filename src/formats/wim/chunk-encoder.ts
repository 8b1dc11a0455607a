import { LzxEncoder } from './lzx-encoder.ts';
import { XpressEncoder } from './xpress-encoder.ts';

/** The only size of chunks that all readers of LZX have, and what is usual for XPRESS. */
export const writtenChunkSize = 32_768;

/** Encodes one chunk after another, the same bytes always to the same. It allocates nothing for a chunk, and serves one thread. */
export interface ChunkEncoder {
  /**
   * @param source at least `size` bytes
   * @param size 1 to 32768
   * @param target at least `size` bytes
   * @returns bytes written into `target`; 0 where they would not be fewer than `size`
   */
  encode(source: Uint8Array, size: number, target: Uint8Array): number;
}

export function chunkEncoder(codec: 'xpress' | 'lzx'): ChunkEncoder {
  return codec === 'lzx' ? new LzxEncoder() : new XpressEncoder();
}
