/**
 * LZMS: bits of a range coder from the front of a chunk, symbols of adaptive Huffman codes from its end, and at last a filter for x86 code.
 * Both kinds of probabilities follow what has been decoded.
 */

import { adaptiveCodeSize, beginBits, beginCode, failed, readSlot, readSymbol } from './adaptive-code';
import { copyMatch } from './copy-match';
import { deltaBeforeChunk, deltaPassesChunk, matchBeforeChunk, matchPassesChunk, none, oddLength } from './faults';
import { undoX86 } from './lzms-x86';
import { adaptiveCodes, deltaQueue, lengthSlots, offsetSlots } from './memory-map';
import { beginRange, decide } from './range-decoder';

const literals = adaptiveCodes;
const lzOffsets = literals + adaptiveCodeSize;
const lengths = lzOffsets + adaptiveCodeSize;
const deltaOffsets = lengths + adaptiveCodeSize;
const deltaPowers = deltaOffsets + adaptiveCodeSize;
const offsetSymbols: u32 = 799;

// Decisions of the range coder, and masks of their contexts.
const isMatch: u32 = 0;
const isMatchMask: u32 = 15;
const isDelta: u32 = 1;
const isDeltaMask: u32 = 31;
const isLzRepeat: u32 = 2;
const isDeltaRepeat: u32 = 3;
const lzRepeat0: u32 = 4;
const lzRepeat1: u32 = 5;
const deltaRepeat0: u32 = 6;
const deltaRepeat1: u32 = 7;
const repeatMask: u32 = 63;

/** Once, before the first chunk: bases and bits of slots, from runs of so many bits, so many times. The first base is 1. */
export function prepareLzms(): void {
  // prettier-ignore
  fillSlots(offsetSlots, [
    0, 8, 2, 9, 3, 7, 4, 10, 5, 15, 6, 15, 7, 20, 8, 20, 9, 30, 10, 33, 11, 40, 12, 42, 13, 45, 14, 60, 15, 73,
    16, 80, 17, 85, 18, 95, 19, 105, 20, 6, 30, 1,
  ]);
  fillSlots(lengthSlots, [0, 26, 1, 4, 2, 6, 3, 4, 4, 5, 5, 2, 6, 1, 7, 1, 8, 1, 9, 1, 10, 1, 16, 1, 30, 1]);
}

function fillSlots(slots: usize, runs: StaticArray<u8>): void {
  let base: u32 = 1;
  for (let run = 0; run < runs.length; run += 2) {
    const width: u32 = runs[run];
    for (let left = runs[run + 1]; left > 0; left--) {
      store<u32>(slots, base);
      store<u32>(slots, width, 4);
      slots += 8;
      base += 1 << width;
    }
  }
}

/** How many slots a chunk of this size needs for its offsets. */
function neededSlots(size: u32): u32 {
  let count: u32 = 0;
  while (count < offsetSymbols && load<u32>(offsetSlots + (count << 3)) < size) count++;
  return max<u32>(1, count);
}

export function decodeLzms(source: usize, sourceLength: u32, target: usize, size: u32): u32 {
  if (sourceLength < 4 || sourceLength & 1) return oddLength;
  const sourceEnd = source + sourceLength;
  beginRange(source, sourceEnd);
  beginBits(source, sourceEnd);
  const needed = neededSlots(size);
  beginCode(literals, 256, 1024);
  beginCode(lzOffsets, needed, 1024);
  beginCode(lengths, 54, 512);
  beginCode(deltaOffsets, needed, 1024);
  beginCode(deltaPowers, 8, 512);
  // Offsets of the latest matches; [power, offset] of the latest delta matches. The newest of all is not to be chosen by the item right after it, whose choice begins one
  // later.
  let lz0: u32 = 1;
  let lz1: u32 = 2;
  let lz2: u32 = 3;
  let lz3: u32 = 4;
  for (let i: u32 = 0; i < 4; i++) {
    store<u32>(deltaQueue + (i << 3), 0);
    store<u32>(deltaQueue + (i << 3), i + 1, 4);
  }
  let last: u32 = 0; // the item before: 0 a literal, 1 a match, 2 a delta match
  let out = target;
  const end = target + size;
  while (out < end) {
    if (failed) return failed;
    if (!decide(isMatch, isMatchMask)) {
      store<u8>(out++, <u8>readSymbol(literals));
      last = 0;
      continue;
    }
    if (!decide(isDelta, isDeltaMask)) {
      let offset: u32;
      if (!decide(isLzRepeat, repeatMask)) {
        offset = readSlot(lzOffsets, offsetSlots);
        lz3 = lz2;
        lz2 = lz1;
        lz1 = lz0;
      } else {
        let index: u32 = !decide(lzRepeat0, repeatMask) ? 0 : !decide(lzRepeat1, repeatMask) ? 1 : 2;
        if (last === 1) index++;
        if (index === 0) offset = lz0;
        else if (index === 1) {
          offset = lz1;
          lz1 = lz0;
        } else if (index === 2) {
          offset = lz2;
          lz2 = lz1;
          lz1 = lz0;
        } else {
          offset = lz3;
          lz3 = lz2;
          lz2 = lz1;
          lz1 = lz0;
        }
      }
      lz0 = offset;
      const length = readSlot(lengths, lengthSlots);
      if (offset > <u32>(out - target)) return matchBeforeChunk;
      if (length > <u32>(end - out)) return matchPassesChunk;
      const matchEnd = out + length;
      copyMatch(out, offset, matchEnd);
      out = matchEnd;
      last = 1;
      continue;
    }
    let power: u32;
    let offset: u32;
    let index: u32 = 3;
    if (!decide(isDeltaRepeat, repeatMask)) {
      power = readSymbol(deltaPowers);
      offset = readSlot(deltaOffsets, offsetSlots);
    } else {
      index = !decide(deltaRepeat0, repeatMask) ? 0 : !decide(deltaRepeat1, repeatMask) ? 1 : 2;
      if (last === 2) index++;
      power = load<u32>(deltaQueue + (index << 3));
      offset = load<u32>(deltaQueue + (index << 3), 4);
    }
    memory.copy(deltaQueue + 8, deltaQueue, index << 3);
    store<u32>(deltaQueue, power);
    store<u32>(deltaQueue, offset, 4);
    const length = readSlot(lengths, lengthSlots);
    const span: u32 = 1 << power;
    const distance = (<u64>offset) << power;
    if (distance + span > <u64>(out - target)) return deltaBeforeChunk;
    if (length > <u32>(end - out)) return deltaPassesChunk;
    const far = <usize>distance;
    for (const matchEnd = out + length; out < matchEnd; out++)
      store<u8>(out, load<u8>(out - far) + load<u8>(out - span) - load<u8>(out - far - span));
    last = 2;
  }
  if (failed) return failed;
  undoX86(target, size);
  return none;
}
