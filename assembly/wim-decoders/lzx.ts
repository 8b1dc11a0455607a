/**
 * LZX as WIM has it. Unlike in cabinets a chunk stands for itself, the size of a block has a short form, and calls of x86 code are always
 * made absolute, as if the file had 12,000,000 bytes.
 */

import { copyMatch } from './copy-match';
import {
  emptyCode,
  emptyLengthCode,
  emptyOffsetCode,
  endsEarly,
  incompleteLengthCode,
  incompleteMainCode,
  incompleteOffsetCode,
  incompletePreCode,
  matchBeforeChunk,
  matchPassesBlock,
  none,
  runPassesEnd,
  runWithoutLength,
  unknownBlock,
  wrongBlockSize,
  zeroRecentOffset,
} from './faults';
import { buildCode, entryAt, isEmpty, longCode, placeOf } from './huffman-decoder';
import {
  alignedCode,
  alignedTable,
  lengthCode,
  lengthLengths,
  lengthTable,
  lzxSlots,
  mainCode,
  mainLengths,
  mainTable,
  preCode,
  preTable,
  smallLengths,
} from './memory-map';
import { unitsAt } from './units';

const mainBits: u32 = 11;
/** Lengths of 9 and more that a main symbol leaves to the second code. */
const lengthSymbols: u32 = 249;
const lengthBits: u32 = 10;
const alignedBits: u32 = 7;
const preSymbols: u32 = 20;
const preBits: u32 = 8;

// What the block's header leaves to its items, and they to the next header.
let at: usize = 0;
let most: usize = 0;
let bits: u64 = 0;
let left: u32 = 0;
let failed: u32 = none;
let recent0: u32 = 0;
let recent1: u32 = 0;
let recent2: u32 = 0;

/** Once, before the first chunk. A slot stands for offsets from its base on, as many as its bits tell apart. The first three are recent offsets. */
export function prepareLzx(): void {
  let base: u32 = 1;
  for (let slot: u32 = 3; slot < 50; slot++) {
    const width: u32 = slot < 4 ? 0 : min<u32>(17, (slot >> 1) - 1);
    store<u32>(lzxSlots + (slot << 3), base);
    store<u32>(lzxSlots + (slot << 3) + 4, width);
    base += 1 << width;
  }
}

function refill(): void {
  if (left >= 32) return;
  if (at >= most) failed = endsEarly;
  else bits |= (<u64>rotl<u32>(load<u32>(at), 16)) << (32 - left);
  left += 32;
  at += 4;
}

/** Up to 16 bits. */
function read(count: u32): u32 {
  refill();
  const value = <u32>((bits >> 1) >> (63 - count));
  bits <<= count;
  left -= count;
  return value;
}

function preSymbol(): u32 {
  refill();
  const entry = entryAt(preCode, preTable, preBits, bits);
  if (entry === 0) failed = emptyCode;
  bits <<= entry;
  left -= entry & 63;
  return entry >> 6;
}

@inline
function difference(old: u32, step: u32): u32 {
  return old < step ? old + 17 - step : old - step;
}

function readLengths(from: usize, end: usize): u32 {
  for (let i: u32 = 0; i < 20; i++) store<u8>(smallLengths + i, <u8>read(4));
  if (!buildCode(preCode, preTable, preBits, smallLengths, preSymbols)) return incompletePreCode;
  for (let place = from; place < end;) {
    const value = preSymbol();
    if (failed) return failed;
    if (value < 17) {
      store<u8>(place, <u8>difference(load<u8>(place), value));
      place++;
      continue;
    }
    const run: u32 = value === 17 ? 4 + read(4) : value === 18 ? 20 + read(5) : 4 + read(1);
    let length: u32 = 0;
    if (value === 19) {
      const step = preSymbol();
      if (failed) return failed;
      if (step > 16) return runWithoutLength;
      length = difference(load<u8>(place), step);
    }
    if (place + run > end) return runPassesEnd;
    memory.fill(place, <u8>length, run);
    place += run;
  }
  return failed;
}

function readCodes(isAligned: bool, mainSymbols: u32): u32 {
  if (isAligned) {
    for (let i: u32 = 0; i < 8; i++) store<u8>(smallLengths + i, <u8>read(3));
    if (!buildCode(alignedCode, alignedTable, alignedBits, smallLengths, 8)) return incompleteOffsetCode;
  }
  let wrong = readLengths(mainLengths, mainLengths + 256);
  if (wrong) return wrong;
  wrong = readLengths(mainLengths + 256, mainLengths + mainSymbols);
  if (wrong) return wrong;
  if (!buildCode(mainCode, mainTable, mainBits, mainLengths, mainSymbols)) return incompleteMainCode;
  wrong = readLengths(lengthLengths, lengthLengths + lengthSymbols);
  if (wrong) return wrong;
  return buildCode(lengthCode, lengthTable, lengthBits, lengthLengths, lengthSymbols) ? failed : incompleteLengthCode;
}

function items(target: usize, start: usize, end: usize, isAligned: bool): u32 {
  if (isEmpty(mainCode)) return emptyCode;
  const stop = most + 4;
  let from = at;
  let ahead = bits;
  let count = left;
  let r0 = recent0;
  let r1 = recent1;
  let r2 = recent2;
  let out = start;
  if (from > stop) return endsEarly;
  ahead |= unitsAt(from) >> count;
  from += <usize>((~count >> 3) & 6);
  count |= 48;
  while (out < end) {
    // As in XPRESS; each turn leaves 16 bits and more to the next.
    let entry = mainEntry(ahead);
    if (from > stop) return endsEarly;
    ahead |= unitsAt(from) >> count;
    from += <usize>((~count >> 3) & 6);
    count |= 48;
    ahead <<= entry;
    count -= entry;
    let item = entry >> 6;
    if (item < 256) {
      store<u8>(out++, <u8>item);
      if (out === end) break;
      entry = mainEntry(ahead);
      ahead <<= entry;
      count -= entry;
      item = entry >> 6;
      if (item < 256) {
        store<u8>(out++, <u8>item);
        continue;
      }
      if (from > stop) return endsEarly;
      ahead |= unitsAt(from) >> count;
      from += <usize>((~count >> 3) & 6);
      count |= 48;
    }
    let length: u32 = (item & 7) + 2;
    if (length === 9) {
      entry = entryAt(lengthCode, lengthTable, lengthBits, ahead);
      if (entry === 0) return emptyLengthCode;
      ahead <<= entry;
      count -= entry;
      length += entry >> 6;
    }
    const slot = (item - 256) >> 3;
    let offset: u32;
    if (slot >= 3) {
      if (from > stop) return endsEarly;
      ahead |= unitsAt(from) >> count;
      from += <usize>((~count >> 3) & 6);
      count |= 48;
      const facts = load<u64>(lzxSlots + (slot << 3));
      let width = <u32>(facts >> 32);
      offset = <u32>facts;
      if (isAligned && width >= 3) {
        width -= 3;
        offset += <u32>((ahead >> 1) >> (63 - width)) << 3;
        ahead <<= width;
        entry = load<u16>(placeOf(alignedBits, ahead), alignedTable);
        if (entry === 0) return emptyOffsetCode;
        ahead <<= entry;
        count -= width + entry;
        offset += entry >> 6;
      } else {
        offset += <u32>((ahead >> 1) >> (63 - width));
        ahead <<= width;
        count -= width;
      }
      r2 = r1;
      r1 = r0;
      r0 = offset;
    } else if (slot === 0) offset = r0;
    else if (slot === 1) {
      offset = r1;
      r1 = r0;
      r0 = offset;
    } else {
      offset = r2;
      r2 = r0;
      r0 = offset;
    }
    if (offset > <u32>(out - target)) return matchBeforeChunk;
    const matchEnd = out + length;
    if (matchEnd > end) return matchPassesBlock;
    copyMatch(out, offset, matchEnd);
    out = matchEnd;
  }
  at = from;
  bits = ahead;
  left = count & 63;
  recent0 = r0;
  recent1 = r1;
  recent2 = r2;
  return none;
}

@inline
function mainEntry(bits: u64): u32 {
  const entry: u32 = load<u16>(placeOf(mainBits, bits), mainTable);
  return entry === 0 ? longCode(mainCode, mainBits, <u32>(bits >> 48)) : entry;
}

/** A block of bytes as they are. They begin at the next unit; a whole one is left out where the bits have just ended one. */
function stored(source: usize, sourceEnd: usize, out: usize, length: u32): u32 {
  const used = <u32>(at - source) * 8 - left;
  let from = source + 2 * ((used >> 4) + 1);
  if (from + 12 + length > sourceEnd) return endsEarly;
  recent0 = load<u32>(from);
  recent1 = load<u32>(from, 4);
  recent2 = load<u32>(from, 8);
  if (recent0 === 0 || recent1 === 0 || recent2 === 0) return zeroRecentOffset;
  from += 12;
  memory.copy(out, from, length);
  at = from + length + (length & 1);
  bits = 0;
  left = 0;
  return none;
}

/** Only this long is a file said to be, whatever it is: targets of calls are made absolute within it. */
const callSpan: i32 = 12_000_000;

/** Makes the targets of calls relative again. */
function undoCalls(target: usize, size: u32): void {
  if (size <= 10) return;
  const end = target + size - 10;
  for (let at = target; at < end;) {
    // Eight bytes at once, where none of them is the opcode.
    const eight = load<u64>(at) ^ 0xe8e8e8e8e8e8e8e8;
    const zero = (eight - 0x0101010101010101) & ~eight & 0x8080808080808080;
    if (zero === 0) {
      at += 8;
      continue;
    }
    at += <usize>(ctz(zero) >> 3);
    if (at >= end) return;
    const value = load<i32>(at, 1);
    const here = <i32>(at - target);
    if (value >= 0) {
      if (value < callSpan) store<i32>(at, value - here, 1);
    } else if (value >= -here) store<i32>(at, value + callSpan, 1);
    at += 5;
  }
}

export function decodeLzx(source: usize, sourceLength: u32, target: usize, size: u32, mainSymbols: u32, hasLongBlocks: bool): u32 {
  const sourceEnd = source + sourceLength;
  at = source;
  most = sourceEnd + 4;
  bits = 0;
  left = 0;
  failed = none;
  recent0 = 1;
  recent1 = 1;
  recent2 = 1;
  memory.fill(mainLengths, 0, mainSymbols);
  memory.fill(lengthLengths, 0, lengthSymbols);
  let mayHaveCalls = false;
  const end = target + size;
  for (let out = target; out < end;) {
    const type = read(3);
    const length: u32 = read(1) ? 32768 : hasLongBlocks ? (read(8) << 16) | read(16) : read(16);
    if (failed) return failed;
    if (length === 0 || length > <u32>(end - out)) return wrongBlockSize;
    let wrong: u32;
    if (type === 1 || type === 2) {
      wrong = readCodes(type === 2, mainSymbols);
      if (wrong) return wrong;
      wrong = items(target, out, out + length, type === 2);
      if (load<u8>(mainLengths + 0xe8)) mayHaveCalls = true;
    } else if (type === 3) {
      wrong = stored(source, sourceEnd, out, length);
      mayHaveCalls = true;
    } else return unknownBlock;
    if (wrong) return wrong;
    out += length;
  }
  if (mayHaveCalls) undoCalls(target, size);
  return none;
}
