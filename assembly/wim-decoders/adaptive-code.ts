/**
 * Huffman codes that are made anew after so many symbols, from how often each came; and what reads them: bits from the end of a chunk to its front.
 *
 * In memory: symbols until it is made anew, after how many it is, how many symbols it has, u32 each; from 64 on how often each came, u32; the lengths; the code.
 */

import { endsEarly, none } from './faults';
import { buildCode, codeSize, entryAt } from './huffman-decoder';
import { chooseLengths } from './huffman-lengths';

const capacity: u32 = 800;
const rootBits: u32 = 10;
const maxLength: u32 = 15;
const frequenciesAt: usize = 64;
const lengthsAt: usize = frequenciesAt + capacity * 4;
const codeAt: usize = lengthsAt + capacity;
const tableAt: usize = codeAt + codeSize(capacity);
/** Bytes of a code. */
export const adaptiveCodeSize: usize = 0x2000;

let begin: usize = 0;
let back: usize = 0;
let bits: u64 = 0;
let left: u32 = 0;
/** Not 0 once more was read than there is. */
export let failed: u32 = none;

export function beginBits(source: usize, end: usize): void {
  begin = source;
  back = end;
  bits = 0;
  left = 0;
  failed = none;
}

export function beginCode(code: usize, symbols: u32, period: u32): void {
  store<u32>(code, period, 4);
  store<u32>(code, symbols, 8);
  for (let i: u32 = 0; i < symbols; i++) store<u32>(code + frequenciesAt + (i << 2), 1);
  make(code);
}

function make(code: usize): void {
  store<u32>(code, load<u32>(code, 4));
  const symbols = load<u32>(code, 8);
  chooseLengths(code + frequenciesAt, symbols, maxLength, code + lengthsAt);
  buildCode(code + codeAt, code + tableAt, rootBits, code + lengthsAt, symbols);
}

function renew(code: usize): void {
  make(code);
  const symbols = load<u32>(code, 8);
  for (let i: u32 = 0; i < symbols; i++) {
    const place = code + frequenciesAt + (i << 2);
    store<u32>(place, (load<u32>(place) >> 1) + 1);
  }
}

/** 32 bits more. What is not there counts as zeros: an encoder may leave the last of them out. */
function fetch(): void {
  const there = <i32>(back - begin);
  let next: u32 = 0;
  if (there >= 4) next = load<u32>(back - 4);
  else if (there >= 2) next = <u32>load<u16>(back - 2) << 16;
  else if (there < -4) failed = endsEarly;
  bits |= <u64>next << (32 - left);
  left += 32;
  back -= 4;
}

@inline
export function readSymbol(code: usize): u32 {
  if (left < 32) fetch();
  const entry = entryAt(code + codeAt, code + tableAt, rootBits, bits);
  bits <<= entry;
  left -= entry & 63;
  const symbol = entry >> 6;
  const place = code + frequenciesAt + (symbol << 2);
  store<u32>(place, load<u32>(place) + 1);
  const more = load<u32>(code) - 1;
  if (more === 0) renew(code);
  else store<u32>(code, more);
  return symbol;
}

/** A slot's number, and the bits that choose within it. @param slots base and bits of each, u32 */
@inline
export function readSlot(code: usize, slots: usize): u32 {
  const place = slots + (readSymbol(code) << 3);
  const width = load<u32>(place, 4);
  if (left < 32) fetch();
  const value = load<u32>(place) + <u32>((bits >> 1) >> (63 - width));
  bits <<= width;
  left -= width;
  return value;
}
