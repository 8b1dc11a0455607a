/** XPRESS as WIM has it: "LZ77+Huffman" of MS-XCA §2.1, one block for each chunk. */

import { copyMatch } from './copy-match';
import { emptyCode, endsEarly, incompleteCode, matchBeforeChunk, matchPassesChunk, none, tooShort, wrongMatchLength } from './faults';
import { buildCode, isEmpty, longCode, placeOf } from './huffman-decoder';
import { mainCode as code, mainLengths as lengths, mainTable as table } from './memory-map';
import { unitsAt } from './units';

const symbols: u32 = 512;
const rootBits: u32 = 11;

export function decodeXpress(source: usize, sourceLength: u32, target: usize, size: u32): u32 {
  // The lengths of the code, and the first bits.
  if (sourceLength < 260) return tooShort;
  for (let i: u32 = 0; i < 256; i += 16) {
    const pairs = v128.load(source + i);
    const first = v128.and(pairs, i8x16.splat(15));
    const second = i8x16.shr_u(pairs, 4);
    v128.store(lengths + 2 * i, i8x16.shuffle(first, second, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23));
    v128.store(lengths + 2 * i, i8x16.shuffle(first, second, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31), 16);
  }
  if (!buildCode(code, table, rootBits, lengths, symbols)) return incompleteCode;
  if (isEmpty(code)) return emptyCode;
  const sourceEnd = source + sourceLength;
  // So far a stream that ends in time can be read ahead.
  const most = sourceEnd + 8;
  let at = source + 256;
  let bits: u64 = 0; // the next ones, from the left; behind those that are counted, what comes next or zeros
  let left: u32 = 0; // how many of them are there, in its lowest six bits
  let out = target;
  const end = target + size;
  bits |= unitsAt(at) >> left;
  at += <usize>((~left >> 3) & 6);
  left |= 48;
  while (out < end) {
    // Of the 15 bits and more that each turn leaves to the next, the symbol is looked up while others are fetched: as many units as there is room for, 48 bits and more,
    // without a branch that would be guessed wrong.
    let entry = entryOf(bits);
    if (at > most) return endsEarly;
    bits |= unitsAt(at) >> left;
    at += <usize>((~left >> 3) & 6);
    left |= 48;
    bits <<= entry;
    left -= entry;
    let symbol = entry >> 6;
    if (symbol < 256) {
      store<u8>(out++, <u8>symbol);
      if (out === end) break;
      entry = entryOf(bits);
      bits <<= entry;
      left -= entry;
      symbol = entry >> 6;
      if (symbol < 256) {
        store<u8>(out++, <u8>symbol);
        continue;
      }
      if (at > most) return endsEarly;
      bits |= unitsAt(at) >> left;
      at += <usize>((~left >> 3) & 6);
      left |= 48;
    }
    const width = (symbol >> 4) & 15;
    let length = symbol & 15;
    if (length === 15) {
      // Bytes among the units of 16 bits: they lie where a decoder stands that reads one unit whenever it has fewer than 16 bits. What we have read beyond goes back.
      left &= 63;
      const ahead = left - (16 + (left & 15));
      at -= ahead >> 3;
      left -= ahead;
      bits = (bits >> (64 - left)) << (64 - left);
      if (at >= sourceEnd) return endsEarly;
      const more = <u32>load<u8>(at++);
      length += more;
      if (more === 255) {
        if (at + 2 > sourceEnd) return endsEarly;
        length = load<u16>(at);
        at += 2;
        if (length < 15) return wrongMatchLength;
      }
      if (at > most) return endsEarly;
      bits |= unitsAt(at) >> left;
      at += <usize>((~left >> 3) & 6);
      left |= 48;
    }
    const offset: u32 = (1 << width) + <u32>((bits >> 1) >> (63 - width));
    bits <<= width;
    left -= width;
    if (offset > <u32>(out - target)) return matchBeforeChunk;
    const matchEnd = out + length + 3;
    if (matchEnd > end) return matchPassesChunk;
    copyMatch(out, offset, matchEnd);
    out = matchEnd;
  }
  return none;
}

@inline
function entryOf(bits: u64): u32 {
  const entry: u32 = load<u16>(placeOf(rootBits, bits), table);
  return entry === 0 ? longCode(code, rootBits, <u32>(bits >> 48)) : entry;
}
