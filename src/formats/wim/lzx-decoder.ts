/**
 * LZX as WIM has it. Unlike in cabinets a chunk stands for itself, the size of a block has a short form, and calls of x86 code are always
 * made absolute, as if the file had 12,000,000 bytes.
 */

import { ImageError } from '../../errors.ts';
import type { ChunkDecoder } from './chunk-decoder.ts';
import { HuffmanDecoder } from './huffman-decoder.ts';
import { lzxLengthSymbols, lzxMainSymbols, lzxSlotBases, lzxSlotBits, undoCalls } from './lzx-format.ts';

export class LzxDecoder implements ChunkDecoder {
  readonly #mainSymbols: number;
  readonly #hasLongBlocks: boolean;
  /** Lengths of codes, which each block gives as differences to those of the one before. */
  readonly #mainLengths: Uint8Array;
  readonly #lengthLengths = new Uint8Array(lzxLengthSymbols);
  readonly #smallLengths = new Uint8Array(20);
  readonly #main: HuffmanDecoder;
  readonly #length = new HuffmanDecoder(lzxLengthSymbols, 9);
  readonly #aligned = new HuffmanDecoder(8, 7);
  readonly #pretree = new HuffmanDecoder(20, 8);
  // What the block's header leaves to its items, and they to the next header.
  #source: Uint8Array = new Uint8Array(0);
  #sourceLength = 0;
  #at = 0;
  #bits = 0;
  #left = 0;
  readonly #recent = new Int32Array(3);
  #target: Uint8Array | undefined;
  #view: DataView = new DataView(new ArrayBuffer(0));

  /** @param chunkSize 32 KiB to 2 MiB */
  constructor(chunkSize: number) {
    this.#mainSymbols = lzxMainSymbols(chunkSize);
    this.#hasLongBlocks = chunkSize > 32_768;
    this.#mainLengths = new Uint8Array(this.#mainSymbols);
    this.#main = new HuffmanDecoder(this.#mainSymbols, 11);
  }

  decode(source: Uint8Array, sourceLength: number, target: Uint8Array, size: number): void {
    this.#source = source;
    this.#sourceLength = sourceLength;
    this.#at = 0;
    this.#bits = 0;
    this.#left = 0;
    this.#recent.fill(1);
    this.#mainLengths.fill(0);
    this.#lengthLengths.fill(0);
    if (this.#target !== target) {
      this.#target = target;
      this.#view = new DataView(target.buffer, target.byteOffset, target.byteLength);
    }
    let mayHaveCalls = false;
    for (let out = 0; out < size;) {
      const type = this.#read(3);
      const length = this.#read(1) === 1 ? 32_768 : this.#hasLongBlocks ? (this.#read(8) << 16) | this.#read(16) : this.#read(16);
      if (length === 0 || length > size - out) throw damaged('the size of a block is wrong');
      if (type === 1 || type === 2) {
        this.#readCodes(type === 2);
        this.#items(target, out, out + length, type === 2);
        mayHaveCalls ||= this.#mainLengths[0xe8] !== 0;
      } else if (type === 3) {
        this.#stored(target, out, length);
        mayHaveCalls = true;
      } else throw damaged('a block is of no known type');
      out += length;
    }
    if (mayHaveCalls) undoCalls(target, this.#view, size);
  }

  /** Up to 16 bits. */
  #read(count: number): number {
    this.#refill();
    const value = (this.#bits >>> 1) >>> (31 - count);
    this.#bits <<= count;
    this.#left -= count;
    return value;
  }

  #refill(): void {
    if (this.#left >= 16) return;
    if (this.#at >= this.#sourceLength + 2) throw endsEarly();
    this.#bits |= (this.#source[this.#at]! | (this.#source[this.#at + 1]! << 8)) << (16 - this.#left);
    this.#left += 16;
    this.#at += 2;
  }

  #symbol(code: HuffmanDecoder): number {
    this.#refill();
    const entry = code.table[this.#bits >>> (32 - code.rootBits)]! || code.long(this.#bits >>> 16);
    if (entry === 0) throw damaged('it has a symbol of an empty code');
    this.#bits <<= entry & 31;
    this.#left -= entry & 31;
    return entry >>> 5;
  }

  #readCodes(isAligned: boolean): void {
    const small = this.#smallLengths;
    if (isAligned) {
      for (let i = 0; i < 8; i++) small[i] = this.#read(3);
      if (!this.#aligned.build(small, 0, 8)) throw damaged('a code of offsets is not complete');
    }
    this.#readLengths(this.#mainLengths, 0, 256);
    this.#readLengths(this.#mainLengths, 256, this.#mainSymbols);
    if (!this.#main.build(this.#mainLengths, 0, this.#mainSymbols)) throw damaged('a main code is not complete');
    this.#readLengths(this.#lengthLengths, 0, lzxLengthSymbols);
    if (!this.#length.build(this.#lengthLengths, 0, lzxLengthSymbols)) throw damaged('a code of lengths is not complete');
  }

  #readLengths(lengths: Uint8Array, start: number, end: number): void {
    const small = this.#smallLengths;
    for (let i = 0; i < 20; i++) small[i] = this.#read(4);
    if (!this.#pretree.build(small, 0, 20)) throw damaged("the code of a code's lengths is not complete");
    for (let i = start; i < end;) {
      const symbol = this.#symbol(this.#pretree);
      if (symbol < 17) {
        lengths[i] = difference(lengths[i]!, symbol);
        i++;
        continue;
      }
      const run = symbol === 17 ? 4 + this.#read(4) : symbol === 18 ? 20 + this.#read(5) : 4 + this.#read(1);
      let value = 0;
      if (symbol === 19) {
        const step = this.#symbol(this.#pretree);
        if (step > 16) throw damaged('a run of lengths has no length');
        value = difference(lengths[i]!, step);
      }
      if (i + run > end) throw damaged('a run of lengths passes their end');
      lengths.fill(value, i, i + run);
      i += run;
    }
  }

  #items(target: Uint8Array, start: number, end: number, isAligned: boolean): void {
    const source = this.#source;
    const sourceEnd = this.#sourceLength + 2;
    const view = this.#view;
    const recent = this.#recent;
    const main = this.#main.table;
    const lengthTable = this.#length.table;
    const alignedTable = this.#aligned.table;
    const slotBits = lzxSlotBits;
    const slotBases = lzxSlotBases;
    let at = this.#at;
    let bits = this.#bits;
    let left = this.#left;
    let out = start;
    let recent0 = recent[0]!;
    let recent1 = recent[1]!;
    let recent2 = recent[2]!;
    while (out < end) {
      if (left < 16) {
        if (at >= sourceEnd) throw endsEarly();
        bits |= (source[at]! | (source[at + 1]! << 8)) << (16 - left);
        left += 16;
        at += 2;
      }
      let entry = main[bits >>> 21]!;
      if (entry === 0) {
        entry = this.#main.long(bits >>> 16);
        if (entry === 0) throw damaged('it has a symbol of an empty code');
      }
      bits <<= entry & 31;
      left -= entry & 31;
      const symbol = entry >>> 5;
      if (symbol < 256) {
        target[out++] = symbol;
        continue;
      }
      if (left < 16) {
        if (at >= sourceEnd) throw endsEarly();
        bits |= (source[at]! | (source[at + 1]! << 8)) << (16 - left);
        left += 16;
        at += 2;
      }
      let length = (symbol & 7) + 2;
      if (length === 9) {
        entry = lengthTable[bits >>> 23]!;
        if (entry === 0) {
          entry = this.#length.long(bits >>> 16);
          if (entry === 0) throw damaged('it has a length of an empty code');
        }
        bits <<= entry & 31;
        left -= entry & 31;
        length += entry >>> 5;
        if (left < 16) {
          if (at >= sourceEnd) throw endsEarly();
          bits |= (source[at]! | (source[at + 1]! << 8)) << (16 - left);
          left += 16;
          at += 2;
        }
      }
      const slot = (symbol - 256) >>> 3;
      let offset: number;
      if (slot >= 3) {
        let width = slotBits[slot]!;
        offset = slotBases[slot]!;
        if (isAligned && width >= 3) {
          width -= 3;
          offset += ((bits >>> 1) >>> (31 - width)) << 3;
          bits <<= width;
          left -= width;
          if (left < 16) {
            if (at >= sourceEnd) throw endsEarly();
            bits |= (source[at]! | (source[at + 1]! << 8)) << (16 - left);
            left += 16;
            at += 2;
          }
          entry = alignedTable[bits >>> 25]!;
          if (entry === 0) throw damaged('it has an offset of an empty code');
          bits <<= entry & 31;
          left -= entry & 31;
          offset += entry >>> 5;
        } else {
          if (width > left) {
            // 17 bits, where there are 16: the last one is in the next unit.
            if (at >= sourceEnd) throw endsEarly();
            bits |= (source[at]! | (source[at + 1]! << 8)) << (16 - left);
            left += 16;
            at += 2;
          }
          offset += (bits >>> 1) >>> (31 - width);
          bits <<= width;
          left -= width;
        }
        recent2 = recent1;
        recent1 = recent0;
        recent0 = offset;
      } else if (slot === 0) offset = recent0;
      else if (slot === 1) {
        offset = recent1;
        recent1 = recent0;
        recent0 = offset;
      } else {
        offset = recent2;
        recent2 = recent0;
        recent0 = offset;
      }
      if (offset > out) throw damaged('a match begins before the chunk');
      const matchEnd = out + length;
      if (matchEnd > end) throw damaged('a match passes the end of its block');
      let from = out - offset;
      if (offset >= 4) {
        if (length > 64 && offset >= length) target.copyWithin(out, from, from + length);
        else
          for (; out < matchEnd; out += 4, from += 4) {
            view.setUint32(out, view.getUint32(from, true), true);
          }
      } else if (offset === 1 && length > 32) target.fill(target[from]!, out, matchEnd);
      else while (out < matchEnd) target[out++] = target[from++]!;
      out = matchEnd;
    }
    this.#at = at;
    this.#bits = bits;
    this.#left = left;
    recent[0] = recent0;
    recent[1] = recent1;
    recent[2] = recent2;
  }

  /** A block of bytes as they are. They begin at the next unit; a whole one is left out where the bits have just ended one. */
  #stored(target: Uint8Array, out: number, length: number): void {
    const source = this.#source;
    let at = 2 * (Math.floor((this.#at * 8 - this.#left) / 16) + 1);
    if (at + 12 + length > this.#sourceLength) throw endsEarly();
    for (let i = 0; i < 3; i++, at += 4) {
      const offset = source[at]! | (source[at + 1]! << 8) | (source[at + 2]! << 16) | (source[at + 3]! << 24);
      // One above 2 GiB is negative here, and as far out as any other.
      if (offset === 0) throw damaged('a recent offset is 0');
      this.#recent[i] = offset < 0 ? 0x7fff_ffff : offset;
    }
    target.set(source.subarray(at, at + length), out);
    this.#at = at + length + (length & 1);
    this.#bits = 0;
    this.#left = 0;
  }
}

function difference(old: number, step: number): number {
  const value = old - step;
  return value < 0 ? value + 17 : value;
}

function damaged(what: string): ImageError {
  return new ImageError('invalid-content', `LZX data is damaged: ${what}`);
}

function endsEarly(): ImageError {
  return damaged('it ends too early');
}
