/**
 * Chooses the lengths of a code's codes as src/formats/wim/huffman-lengths.ts does, which says how: the decoder of LZMS must come to the very code that the encoder had.
 */

import { buckets, counts, keys, parents, spareKeys, weights } from './memory-map';

@inline
function word(array: usize, index: u32): usize {
  return array + (index << 2);
}

/** @param frequencies u32, below 2^21 each @param symbols at most 1024 @param lengths a byte for each symbol */
export function chooseLengths(frequencies: usize, symbols: u32, limit: u32, lengths: usize): void {
  const count = sort(frequencies, symbols);
  memory.fill(lengths, 0, symbols);
  if (count < 2) {
    if (count === 0) return;
    const only = load<u32>(keys) & 1023;
    store<u8>(lengths + only, 1);
    store<u8>(lengths + (only === 0 ? 1 : 0), 1);
    return;
  }
  let leaf: u32 = 0;
  let node: u32 = 0;
  for (let made: u32 = 0; made < count - 1; made++) {
    let weight: u32 = 0;
    for (let side: u32 = 0; side < 2; side++) {
      if (leaf < count && (node >= made || load<u32>(word(keys, leaf)) >> 10 <= load<u32>(word(weights, node)))) {
        weight += load<u32>(word(keys, leaf)) >> 10;
        leaf++;
      } else {
        weight += load<u32>(word(weights, node));
        store<u32>(word(parents, node), made);
        node++;
      }
    }
    store<u32>(word(weights, made), weight);
  }
  memory.fill(counts, 0, 72);
  store<u32>(word(counts, 1), 2);
  const depths = weights;
  store<u32>(word(depths, count - 2), 0);
  for (let inner = <i32>count - 3; inner >= 0; inner--) {
    const depth = load<u32>(word(depths, load<u32>(word(parents, inner)))) + 1;
    store<u32>(word(depths, inner), depth);
    let at = depth;
    if (at >= limit) {
      at = limit - 1;
      while (load<u32>(word(counts, at)) === 0) at--;
    }
    const place = word(counts, at);
    store<u32>(place, load<u32>(place) - 1);
    store<u32>(place, load<u32>(place, 4) + 2, 4);
  }
  let next = keys;
  for (let length = limit; length > 0; length--) {
    for (let left = load<u32>(word(counts, length)); left > 0; left--) {
      store<u8>(lengths + (load<u32>(next) & 1023), <u8>length);
      next += 4;
    }
  }
}

function sort(frequencies: usize, symbols: u32): u32 {
  let from = keys;
  let to = spareKeys;
  let count: u32 = 0;
  let all: u32 = 0;
  for (let symbol: u32 = 0; symbol < symbols; symbol++) {
    const frequency = load<u32>(word(frequencies, symbol));
    if (frequency === 0) continue;
    all |= frequency;
    store<u32>(word(from, count), (frequency << 10) | symbol);
    count++;
  }
  for (let shift: u32 = 10; shift < 32 && all >> (shift - 10) > 0; shift += 8) {
    memory.fill(buckets, 0, 1028);
    for (let i: u32 = 0; i < count; i++) {
      const place = word(buckets, ((load<u32>(word(from, i)) >> shift) & 255) + 1);
      store<u32>(place, load<u32>(place) + 1);
    }
    for (let i: u32 = 1; i < 256; i++) store<u32>(word(buckets, i), load<u32>(word(buckets, i)) + load<u32>(word(buckets, i - 1)));
    for (let i: u32 = 0; i < count; i++) {
      const key = load<u32>(word(from, i));
      const place = word(buckets, (key >> shift) & 255);
      const index = load<u32>(place);
      store<u32>(place, index + 1);
      store<u32>(word(to, index), key);
    }
    const swap = from;
    from = to;
    to = swap;
  }
  if (from !== keys) memory.copy(keys, from, count << 2);
  return count;
}
