/**
 * LZMS: bits of a range coder from the front of a chunk, symbols of adaptive Huffman codes from its end, and at last a filter for x86 code.
 * Both kinds of probabilities follow what has been decoded.
 */

import { ImageError } from '../../errors.ts';
import type { ChunkDecoder } from './chunk-decoder.ts';
import { HuffmanDecoder } from './huffman-decoder.ts';
import { HuffmanLengths } from './huffman-lengths.ts';
import { undoX86 } from './lzms-x86.ts';

/** Bases and bits of slots, as runs: so many bits, so many times. The first base is 1. */
class Slots {
  readonly bits: Uint8Array;
  readonly bases: Uint32Array;

  constructor(runs: readonly (readonly [bits: number, count: number])[]) {
    const count = runs.reduce((sum, run) => sum + run[1], 0);
    this.bits = new Uint8Array(count);
    this.bases = new Uint32Array(count);
    let slot = 0;
    let base = 1;
    for (const [bits, times] of runs) {
      for (let i = 0; i < times; i++, slot++) {
        this.bits[slot] = bits;
        this.bases[slot] = base;
        base += 2 ** bits;
      }
    }
  }

  /** How many of them a chunk of this size needs for its offsets. */
  needed(size: number): number {
    let low = 0;
    let high = this.bases.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.bases[middle]! < size) low = middle + 1;
      else high = middle;
    }
    return Math.max(1, low);
  }
}

// prettier-ignore
const offsets = new Slots([
  [0, 8], [2, 9], [3, 7], [4, 10], [5, 15], [6, 15], [7, 20], [8, 20], [9, 30], [10, 33], [11, 40], [12, 42], [13, 45], [14, 60], [15, 73],
  [16, 80], [17, 85], [18, 95], [19, 105], [20, 6], [30, 1],
]);
// prettier-ignore
const lengthSlots = new Slots([
  [0, 26], [1, 4], [2, 6], [3, 4], [4, 5], [5, 2], [6, 1], [7, 1], [8, 1], [9, 1], [10, 1], [16, 1], [30, 1],
]);

/** A Huffman code that is made anew after so many symbols, from how often each came. */
class AdaptiveCode {
  readonly decoder: HuffmanDecoder;
  readonly frequencies: Uint32Array;
  /** Symbols until it is made anew. */
  left = 0;
  readonly #period: number;
  readonly #lengths: Uint8Array;
  readonly #chooser: HuffmanLengths;
  #symbols = 0;

  constructor(symbols: number, rootBits: number, period: number) {
    this.decoder = new HuffmanDecoder(symbols, rootBits);
    this.frequencies = new Uint32Array(symbols);
    this.#lengths = new Uint8Array(symbols);
    this.#chooser = new HuffmanLengths(symbols);
    this.#period = period;
  }

  begin(symbols: number): void {
    this.#symbols = symbols;
    this.frequencies.fill(1);
    this.#make();
  }

  renew(): void {
    this.#make();
    const { frequencies } = this;
    for (let i = 0; i < this.#symbols; i++) frequencies[i] = (frequencies[i]! >>> 1) + 1;
  }

  #make(): void {
    this.left = this.#period;
    this.#chooser.choose(this.frequencies, this.#symbols, 15, this.#lengths);
    this.decoder.build(this.#lengths, 0, this.#symbols);
  }
}

/** Decisions of the range coder, each with as many contexts as its last outcomes tell apart. */
const decisions = { main: 0, match: 1, lz: 2, delta: 3, lzRepeat0: 4, lzRepeat1: 5, deltaRepeat0: 6, deltaRepeat1: 7 } as const;
const contextBits = [4, 5, 6, 6, 6, 6, 6, 6];
const contextMasks = Int32Array.from(contextBits, (bits) => (1 << bits) - 1);

export class LzmsDecoder implements ChunkDecoder {
  readonly #literals = new AdaptiveCode(256, 10, 1024);
  readonly #lzOffsets: AdaptiveCode;
  readonly #lengths = new AdaptiveCode(54, 9, 512);
  readonly #deltaOffsets: AdaptiveCode;
  readonly #deltaPowers = new AdaptiveCode(8, 7, 512);
  // Per decision and context: the last 64 outcomes, and how many of them were 0.
  readonly #older = new Int32Array(8 * 64);
  readonly #newer = new Int32Array(8 * 64);
  readonly #zeros = new Uint8Array(8 * 64);
  readonly #contexts = new Int32Array(8);
  /** [0] range, [1] code of the range coder. */
  readonly #range = new Uint32Array(2);
  readonly #usage = new Int32Array(0x1_0000);
  #source: Uint8Array = new Uint8Array(0);
  #front = 0;
  #end = 0;
  #back = 0;
  #bits = 0;
  #left = 0;

  constructor(chunkSize: number) {
    const slots = offsets.needed(chunkSize);
    this.#lzOffsets = new AdaptiveCode(slots, 10, 1024);
    this.#deltaOffsets = new AdaptiveCode(slots, 10, 1024);
  }

  decode(source: Uint8Array, sourceLength: number, target: Uint8Array, size: number): void {
    if (sourceLength < 4 || sourceLength % 2 !== 0) throw damaged(`${sourceLength} bytes are no whole stream`);
    this.#begin(source, sourceLength, size);
    const literals = this.#literals;
    // [offset, power] of the latest matches. The newest of all is not to be chosen by the item right after it, whose choice begins one later.
    let lz0 = 1;
    let lz1 = 2;
    let lz2 = 3;
    let lz3 = 4;
    const delta = this.#deltaQueue;
    delta.set(firstDeltas);
    let last = 0; // the item before: 0 a literal, 1 a match, 2 a delta match
    let out = 0;
    while (out < size) {
      if (this.#bit(decisions.main) === 0) {
        target[out++] = this.#symbol(literals);
        last = 0;
        continue;
      }
      if (this.#bit(decisions.match) === 0) {
        let offset: number;
        if (this.#bit(decisions.lz) === 0) {
          offset = this.#slot(this.#lzOffsets, offsets);
          lz3 = lz2;
          lz2 = lz1;
          lz1 = lz0;
        } else {
          let index = this.#bit(decisions.lzRepeat0) === 0 ? 0 : this.#bit(decisions.lzRepeat1) === 0 ? 1 : 2;
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
        const length = this.#slot(this.#lengths, lengthSlots);
        if (offset > out) throw damaged('a match begins before the chunk');
        if (length > size - out) throw damaged('a match passes the end of the chunk');
        const end = out + length;
        let from = out - offset;
        if (length > 48 && offset >= length) target.copyWithin(out, from, from + length);
        else if (offset === 1 && length > 32) target.fill(target[from]!, out, end);
        else while (out < end) target[out++] = target[from++]!;
        out = end;
        last = 1;
        continue;
      }
      let power: number;
      let offset: number;
      let index = 3;
      if (this.#bit(decisions.delta) === 0) {
        power = this.#symbol(this.#deltaPowers);
        offset = this.#slot(this.#deltaOffsets, offsets);
      } else {
        index = this.#bit(decisions.deltaRepeat0) === 0 ? 0 : this.#bit(decisions.deltaRepeat1) === 0 ? 1 : 2;
        if (last === 2) index++;
        power = delta[2 * index]!;
        offset = delta[2 * index + 1]!;
      }
      delta.copyWithin(2, 0, 2 * index);
      delta[0] = power;
      delta[1] = offset;
      const length = this.#slot(this.#lengths, lengthSlots);
      const span = 1 << power;
      const distance = offset * span;
      if (distance + span > out) throw damaged('a delta match begins before the chunk');
      if (length > size - out) throw damaged('a delta match passes the end of the chunk');
      for (const end = out + length; out < end; out++) {
        target[out] = target[out - distance]! + target[out - span]! - target[out - distance - span]!;
      }
      last = 2;
    }
    undoX86(target, size, this.#usage);
  }

  readonly #deltaQueue = new Uint32Array(8);

  #begin(source: Uint8Array, sourceLength: number, size: number): void {
    this.#source = source;
    this.#range[0] = 0xffff_ffff;
    this.#range[1] = ((source[0]! | (source[1]! << 8)) << 16) | source[2]! | (source[3]! << 8);
    this.#front = 4;
    this.#end = sourceLength;
    this.#back = sourceLength;
    this.#bits = 0;
    this.#left = 0;
    this.#older.fill(0);
    this.#newer.fill(0x5555_5555);
    this.#zeros.fill(48);
    this.#contexts.fill(0);
    const slots = offsets.needed(size);
    this.#literals.begin(256);
    this.#lzOffsets.begin(slots);
    this.#lengths.begin(54);
    this.#deltaOffsets.begin(slots);
    this.#deltaPowers.begin(8);
  }

  #bit(decision: number): 0 | 1 {
    const context = this.#contexts[decision]!;
    const entry = (decision << 6) | context;
    const state = this.#range;
    let range = state[0]!;
    let code = state[1]!;
    if (range <= 0xffff) {
      range = (range << 16) >>> 0;
      code <<= 16;
      // What is not there counts as zeros: an encoder may leave the last of them out.
      if (this.#front < this.#end) {
        code |= this.#source[this.#front]! | (this.#source[this.#front + 1]! << 8);
        this.#front += 2;
      }
      code >>>= 0;
    }
    const zeros = this.#zeros[entry]!;
    const older = this.#older[entry]!;
    const newer = this.#newer[entry]!;
    const bound = Math.imul(range >>> 6, zeros === 0 ? 1 : zeros === 64 ? 63 : zeros) >>> 0;
    const bit = code < bound ? 0 : 1;
    if (bit === 0) state[0] = bound;
    else {
      state[0] = range - bound;
      code -= bound;
    }
    state[1] = code;
    this.#zeros[entry] = zeros + (older >>> 31) - bit;
    this.#older[entry] = (older << 1) | (newer >>> 31);
    this.#newer[entry] = (newer << 1) | bit;
    this.#contexts[decision] = ((context << 1) | bit) & contextMasks[decision]!;
    return bit;
  }

  #refill(): void {
    if (this.#left >= 16) return;
    const at = this.#back - 2;
    if (at < -2) throw damaged('it ends too early');
    if (at >= 0) this.#bits |= (this.#source[at]! | (this.#source[at + 1]! << 8)) << (16 - this.#left);
    this.#left += 16;
    this.#back = at;
  }

  #symbol(code: AdaptiveCode): number {
    this.#refill();
    const { decoder } = code;
    let entry = decoder.table[this.#bits >>> (32 - decoder.rootBits)]!;
    if (entry === 0) entry = decoder.long(this.#bits >>> 16);
    this.#bits <<= entry & 31;
    this.#left -= entry & 31;
    const symbol = entry >>> 5;
    code.frequencies[symbol]!++;
    if (--code.left === 0) code.renew();
    return symbol;
  }

  /** A slot's number, and the bits that choose within it. */
  #slot(code: AdaptiveCode, slots: Slots): number {
    const slot = this.#symbol(code);
    let width = slots.bits[slot]!;
    let value = slots.bases[slot]!;
    if (width === 0) return value;
    if (width > 16) {
      width -= 16;
      this.#refill();
      value += (this.#bits >>> 16) * 2 ** width;
      this.#bits <<= 16;
      this.#left -= 16;
    }
    this.#refill();
    value += this.#bits >>> (32 - width);
    this.#bits <<= width;
    this.#left -= width;
    return value;
  }
}

/** [power, offset], newest first. */
const firstDeltas = Uint32Array.of(0, 1, 0, 2, 0, 3, 0, 4);

function damaged(what: string): ImageError {
  return new ImageError('invalid-content', `LZMS data is damaged: ${what}`);
}
