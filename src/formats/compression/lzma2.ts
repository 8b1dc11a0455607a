/**
 * LZMA2 (as in the .xz format's specification §5.3.1 and 7-Zip's LZMA SDK): a run of chunks, each stored or coded by LZMA, over one window.
 *
 * LZMA codes literals, matches and repeats of the last four distances bit by bit: an adaptive binary range coder, whose probabilities
 * are picked by what came before. A chunk has at most 64 KiB of code and makes at most 2 MiB, both said in its header: so it is decoded
 * in one go from a whole buffer, and matches never reach beyond it.
 */

import { ImageError } from '../../errors.ts';

const states = 12;
const maxChunk = 2 << 20;

/** Turns the order of signed numbers into that of the unsigned ones they stand for. */
const signBit = 0x8000_0000 | 0;

// where each group of probabilities begins
const isMatch = 0;
const isRepeat = isMatch + (states << 4);
const isRepeat0 = isRepeat + states;
const isRepeat1 = isRepeat0 + states;
const isRepeat2 = isRepeat1 + states;
const isRepeat0Long = isRepeat2 + states;
const distanceSlot = isRepeat0Long + (states << 4);
const distanceSpecial = distanceSlot + 4 * 64;
const distanceAlign = distanceSpecial + 128;
const matchLength = distanceAlign + 16;
const lengthSize = 2 + 2 * (16 << 3) + 256;
const repeatLength = matchLength + lengthSize;
const literals = repeatLength + lengthSize;

/** Decodes the chunks of one block, in order. */
export class Lzma2 {
  readonly #probabilities = new Uint16Array(literals + (0x300 << 4));
  readonly #windowSize: number;
  #window = Buffer.alloc(0);
  #end = 0; // of what is in the window
  #needsDictionaryReset = true;
  #needsProperties = true;

  #literalContextBits = 0;
  #literalPositionMask = 0;
  #positionMask = 0;
  #state = 0;
  #distance0 = 0;
  #distance1 = 0;
  #distance2 = 0;
  #distance3 = 0;

  // the range decoder: unsigned numbers of 32 bits, held as signed ones, which the engine computes with faster
  #code: Uint8Array = new Uint8Array(0);
  #at = 0;
  #range = 0;
  #value = 0;

  /** The window that the block's header asks for; memory grows to it only as data comes. */
  constructor(windowSize: number) {
    this.#windowSize = windowSize;
  }

  /** What a chunk that begins with these up to six bytes is: undefined for the end of the block. */
  static header(bytes: Uint8Array): Lzma2Chunk | undefined {
    const control = bytes[0]!;
    if (control === 0) return undefined;
    const size = (bytes[1]! << 8) + bytes[2]! + 1;
    if (control < 0x80) {
      if (control > 2) throw damaged();
      return { control, headerLength: 3, codeLength: size, length: size };
    }
    const hasProperties = control >= 0xc0;
    return {
      control,
      headerLength: hasProperties ? 6 : 5,
      codeLength: (bytes[3]! << 8) + bytes[4]! + 1,
      length: ((control & 0x1f) << 16) + size,
      ...(hasProperties && { properties: bytes[5]! }),
    };
  }

  /** Decodes one chunk. The result is a copy. */
  decode(chunk: Lzma2Chunk, code: Uint8Array): Buffer {
    const { control, length, properties } = chunk;
    if (control === 1 || control >= 0xe0) {
      this.#needsDictionaryReset = false;
      this.#needsProperties = true;
      this.#end = 0;
    } else if (this.#needsDictionaryReset) throw damaged();
    this.#makeRoom(length);
    const start = this.#end;
    if (control < 0x80) {
      this.#window.set(code, start);
      this.#end += length;
    } else {
      if (properties !== undefined) this.#setProperties(properties);
      else if (this.#needsProperties) throw damaged();
      if (control >= 0xa0) this.#resetState();
      this.#decodeLzma(code, start + length);
    }
    return Buffer.from(this.#window.subarray(start, this.#end));
  }

  #makeRoom(length: number): void {
    const needed = this.#end + length;
    if (needed <= this.#window.length) return;
    const most = this.#windowSize + (this.#windowSize >> 2) + 2 * maxChunk;
    if (needed > most) {
      // by multiples of 16: the low bits of the position pick probabilities
      const passed = (this.#end - this.#windowSize) & ~15;
      this.#window.copyWithin(0, passed, this.#end);
      this.#end -= passed;
      return;
    }
    const larger = Buffer.alloc(Math.min(most, Math.max(2 * this.#window.length, needed)));
    larger.set(this.#window.subarray(0, this.#end));
    this.#window = larger;
  }

  #setProperties(byte: number): void {
    const positionBits = Math.floor(byte / 45);
    const literalPositionBits = Math.floor((byte % 45) / 9);
    this.#literalContextBits = byte % 9;
    if (positionBits > 4 || this.#literalContextBits + literalPositionBits > 4) throw damaged();
    this.#positionMask = (1 << positionBits) - 1;
    this.#literalPositionMask = (1 << literalPositionBits) - 1;
    this.#needsProperties = false;
  }

  #resetState(): void {
    this.#probabilities.fill(1024);
    this.#state = 0;
    this.#distance0 = this.#distance1 = this.#distance2 = this.#distance3 = 0;
  }

  #decodeLzma(code: Uint8Array, end: number): void {
    if (code.length < 5 || code[0] !== 0) throw damaged();
    this.#code = code;
    this.#value = (code[1]! << 24) | (code[2]! << 16) | (code[3]! << 8) | code[4]!;
    this.#range = -1;
    this.#at = 5;
    while (this.#end < end) {
      const position = this.#end & this.#positionMask;
      const state = this.#state;
      if (this.#bit(isMatch + (state << 4) + position) === 0) this.#literal();
      else {
        const length = this.#bit(isRepeat + state) === 0 ? this.#match(position) : this.#repeat(position);
        this.#copy(length, end);
      }
    }
    this.#normalize();
    if (this.#at !== code.length || this.#value !== 0) throw damaged();
  }

  #literal(): void {
    const window = this.#window;
    const end = this.#end;
    const previous = end > 0 ? window[end - 1]! : 0;
    const context = ((end & this.#literalPositionMask) << this.#literalContextBits) + (previous >> (8 - this.#literalContextBits));
    const base = literals + 0x300 * context;
    let symbol = 1;
    if (this.#state >= 7) {
      // after a match: the byte that the match would have gone on with says which probabilities to take, as long as it is right
      if (this.#distance0 >= end) throw damaged();
      let expected = window[end - this.#distance0 - 1]!;
      while (symbol < 0x100) {
        const expectedBit = (expected >> 7) & 1;
        expected <<= 1;
        const bit = this.#bit(base + ((1 + expectedBit) << 8) + symbol);
        symbol = (symbol << 1) | bit;
        if (bit !== expectedBit) break;
      }
    }
    while (symbol < 0x100) symbol = (symbol << 1) | this.#bit(base + symbol);
    window[end] = symbol;
    this.#end = end + 1;
    this.#state = this.#state < 4 ? 0 : this.#state < 10 ? this.#state - 3 : this.#state - 6;
  }

  #match(position: number): number {
    this.#distance3 = this.#distance2;
    this.#distance2 = this.#distance1;
    this.#distance1 = this.#distance0;
    this.#state = this.#state < 7 ? 7 : 10;
    const length = this.#length(matchLength, position);
    const slot = this.#tree(distanceSlot + (Math.min(length - 2, 3) << 6), 6);
    if (slot < 4) this.#distance0 = slot;
    else {
      const bits = (slot >> 1) - 1;
      const high = (2 | (slot & 1)) * 2 ** bits;
      if (slot < 14) this.#distance0 = high + this.#reverseTree(distanceSpecial + high - slot, bits);
      else this.#distance0 = high + this.#direct(bits - 4) * 16 + this.#reverseTree(distanceAlign, 4);
    }
    return length;
  }

  #repeat(position: number): number {
    const state = this.#state;
    if (this.#bit(isRepeat0 + state) === 0) {
      if (this.#bit(isRepeat0Long + (state << 4) + position) === 0) {
        this.#state = state < 7 ? 9 : 11;
        return 1;
      }
    } else {
      let distance = this.#distance1;
      if (this.#bit(isRepeat1 + state) !== 0) {
        distance = this.#distance2;
        if (this.#bit(isRepeat2 + state) !== 0) {
          distance = this.#distance3;
          this.#distance3 = this.#distance2;
        }
        this.#distance2 = this.#distance1;
      }
      this.#distance1 = this.#distance0;
      this.#distance0 = distance;
    }
    this.#state = state < 7 ? 8 : 11;
    return this.#length(repeatLength, position);
  }

  #copy(length: number, limit: number): void {
    const window = this.#window;
    let end = this.#end;
    let from = end - this.#distance0 - 1;
    if (from < 0 || this.#distance0 >= this.#windowSize || end + length > limit) throw damaged();
    for (const stop = end + length; end < stop;) window[end++] = window[from++]!;
    this.#end = end;
  }

  /** 2 … 273. */
  #length(base: number, position: number): number {
    if (this.#bit(base) === 0) return 2 + this.#tree(base + 2 + (position << 3), 3);
    if (this.#bit(base + 1) === 0) return 10 + this.#tree(base + 2 + (16 << 3) + (position << 3), 3);
    return 18 + this.#tree(base + 2 + 2 * (16 << 3), 8);
  }

  #tree(base: number, bits: number): number {
    let symbol = 1;
    for (let i = 0; i < bits; i++) symbol = (symbol << 1) | this.#bit(base + symbol);
    return symbol - (1 << bits);
  }

  #reverseTree(base: number, bits: number): number {
    let symbol = 1;
    let result = 0;
    for (let i = 0; i < bits; i++) {
      const bit = this.#bit(base + symbol);
      symbol = (symbol << 1) | bit;
      result |= bit << i;
    }
    return result;
  }

  /** Bits of even chances. */
  #direct(bits: number): number {
    let result = 0;
    for (let i = 0; i < bits; i++) {
      this.#normalize();
      this.#range = (this.#range >>> 1) | 0;
      const bit = (this.#value ^ signBit) >= (this.#range ^ signBit) ? 1 : 0;
      if (bit) this.#value = (this.#value - this.#range) | 0;
      result = result * 2 + bit;
    }
    return result;
  }

  #bit(index: number): 0 | 1 {
    this.#normalize();
    const probability = this.#probabilities[index]!;
    const bound = Math.imul(this.#range >>> 11, probability);
    if ((this.#value ^ signBit) < (bound ^ signBit)) {
      this.#range = bound;
      this.#probabilities[index] = probability + ((2048 - probability) >> 5);
      return 0;
    }
    this.#range = (this.#range - bound) | 0;
    this.#value = (this.#value - bound) | 0;
    this.#probabilities[index] = probability - (probability >> 5);
    return 1;
  }

  #normalize(): void {
    if ((this.#range & 0xff00_0000) !== 0) return;
    if (this.#at >= this.#code.length) throw damaged();
    this.#range <<= 8;
    this.#value = (this.#value << 8) | this.#code[this.#at++]!;
  }
}

export interface Lzma2Chunk {
  readonly control: number;
  readonly headerLength: number;
  /** Bytes behind the header. */
  readonly codeLength: number;
  /** Bytes that they stand for. */
  readonly length: number;
  readonly properties?: number;
}

function damaged(): ImageError {
  return new ImageError('invalid-content', 'xz data is damaged');
}
