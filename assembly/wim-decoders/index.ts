/**
 * The decoders of WIM's three codecs, for one thread. They work in a memory that they are given: packed chunks and room for what they unpack to lie above `end`.
 * A source may be followed by anything, and 16 bytes of it are the memory's: they are zeros while it is read. A target is followed by 16 bytes that may be overwritten.
 */

import { prepareCopies } from './copy-match';
import { decodeLzms, prepareLzms } from './lzms';
import { prepareX86 } from './lzms-x86';
import { decodeLzx, prepareLzx } from './lzx';
import { staticEnd } from './memory-map';
import { decodeXpress } from './xpress';

export { end } from './memory-map';

if (__heap_base > staticEnd) unreachable();
prepareCopies();
prepareLzx();
prepareLzms();
prepareX86();

/**
 * @param codec 1 XPRESS, 2 LZX, 3 LZMS, as in the header of a solid resource
 * @param mainSymbols LZX: 256 literals, and 8 lengths for each slot that a chunk of its greatest size can need
 * @param hasLongBlocks LZX: whether the size of a block has 24 bits
 * @returns a number of faults.ts
 */
export function decode(codec: u32, source: usize, length: u32, target: usize, size: u32, mainSymbols: u32, hasLongBlocks: bool): u32 {
  // What a decoder reads ahead of the end is the same for every file.
  const behind = source + length;
  const first = load<u64>(behind);
  const second = load<u64>(behind, 8);
  store<u64>(behind, 0);
  store<u64>(behind, 0, 8);
  let fault: u32;
  if (codec === 1) fault = decodeXpress(source, length, target, size);
  else if (codec === 2) fault = decodeLzx(source, length, target, size, mainSymbols, hasLongBlocks);
  else fault = decodeLzms(source, length, target, size);
  store<u64>(behind, first);
  store<u64>(behind, second, 8);
  return fault;
}
