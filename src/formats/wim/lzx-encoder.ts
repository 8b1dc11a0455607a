import type { ChunkEncoder } from './chunk-encoder.ts';
import { huffmanCodes } from './huffman-codes.ts';
import { HuffmanLengths } from './huffman-lengths.ts';
import { doCalls, lzxLengthSymbols, lzxMainSymbols, lzxSlotBits } from './lzx-format.ts';
import { LzxParser } from './lzx-parser.ts';

const chunkSize = 32_768;
const mainSymbols = lzxMainSymbols(chunkSize);

/** LZX as WIM has it, in chunks of 32 KiB: one block for each. */
export class LzxEncoder implements ChunkEncoder {
  readonly #parser = new LzxParser();
  readonly #chooser = new HuffmanLengths(mainSymbols);
  readonly #main = new Code(this.#parser.mainFrequencies, 16);
  readonly #length = new Code(this.#parser.lengthFrequencies, 16);
  readonly #aligned = new Code(this.#parser.alignedFrequencies, 7);
  readonly #pretree = new Code(new Uint32Array(20), 15);
  /** Lengths of a code as symbols of the pretree, with what follows each: `bits << 5 | symbol`. */
  readonly #steps = new Int32Array(mainSymbols);
  readonly #output = new BitWriter(chunkSize);

  encode(source: Uint8Array, size: number, target: Uint8Array): number {
    const { finder } = this.#parser;
    finder.bytes.set(source.subarray(0, size));
    finder.begin(size);
    doCalls(finder.bytes, finder.view, size);
    const count = this.#parser.parse(size);
    for (const code of [this.#main, this.#length, this.#aligned]) code.choose(this.#chooser);
    const isAligned = this.#aligned.bits() + 24 < 3 * this.#aligned.total();
    const output = this.#output;
    output.begin();
    output.put(isAligned ? 2 : 1, 3);
    if (size === chunkSize) output.put(1, 1);
    else {
      output.put(0, 1);
      output.put(size, 16);
    }
    if (isAligned) for (let i = 0; i < 8; i++) output.put(this.#aligned.lengths[i]!, 3);
    this.#putLengths(this.#main.lengths, 0, 256);
    this.#putLengths(this.#main.lengths, 256, mainSymbols);
    this.#putLengths(this.#length.lengths, 0, lzxLengthSymbols);
    if (output.size + (this.#main.bits() + this.#length.bits()) / 8 >= size) return 0;
    this.#putItems(count, isAligned);
    const bytes = output.end();
    if (bytes >= size) return 0;
    target.set(output.bytes.subarray(0, bytes));
    return bytes;
  }

  /** One part of a code's lengths, all of them new. */
  #putLengths(lengths: Uint8Array, start: number, end: number): void {
    const steps = this.#steps;
    const pretree = this.#pretree;
    const { frequencies } = pretree;
    frequencies.fill(0);
    let count = 0;
    const step = (symbol: number, choice: number) => {
      frequencies[symbol]!++;
      steps[count++] = (choice << 5) | symbol;
    };
    for (let i = start; i < end;) {
      const length = lengths[i]!;
      let run = i + 1;
      while (run < end && lengths[run] === length) run++;
      let left = run - i;
      i = run;
      if (length === 0) {
        for (; left >= 20; left -= Math.min(left, 51)) step(18, Math.min(left, 51) - 20);
        if (left >= 4) {
          step(17, left - 4);
          left = 0;
        }
      }
      // Lengths are differences to zeros, modulo 17.
      const difference = length === 0 ? 0 : 17 - length;
      for (; length > 0 && left >= 4; left -= Math.min(left, 5)) {
        step(19, Math.min(left, 5) - 4);
        step(difference, 0);
      }
      for (; left > 0; left--) step(difference, 0);
    }
    pretree.choose(this.#chooser);
    const output = this.#output;
    for (let i = 0; i < 20; i++) output.put(pretree.lengths[i]!, 4);
    for (let i = 0; i < count; i++) {
      const symbol = steps[i]! & 31;
      output.put(pretree.codes[symbol]!, pretree.lengths[symbol]!);
      if (symbol > 16) output.put(steps[i]! >>> 5, symbol === 17 ? 4 : symbol === 18 ? 5 : 1);
    }
  }

  #putItems(count: number, isAligned: boolean): void {
    const output = this.#output;
    const { items } = this.#parser;
    const main = this.#main;
    const length = this.#length;
    const aligned = this.#aligned;
    for (let i = 0; i < count; i++) {
      const item = items[i]!;
      if (item >= 0) {
        output.put(main.codes[item]!, main.lengths[item]!);
        continue;
      }
      const slot = (item >>> 21) & 31;
      const above = (item >>> 13) & 0xff;
      const choice = item & 0x1fff;
      const symbol = 256 + 8 * slot + Math.min(7, above);
      output.put(main.codes[symbol]!, main.lengths[symbol]!);
      if (above >= 7) output.put(length.codes[above - 7]!, length.lengths[above - 7]!);
      const width = lzxSlotBits[slot]!;
      if (isAligned && slot >= 8) {
        output.put(choice >>> 3, width - 3);
        output.put(aligned.codes[choice & 7]!, aligned.lengths[choice & 7]!);
      } else output.put(choice, width);
    }
  }
}

/** A Huffman code of one block. */
class Code {
  readonly frequencies: Uint32Array;
  readonly lengths: Uint8Array;
  readonly codes: Uint16Array;
  readonly #symbols: number;
  readonly #limit: number;

  constructor(frequencies: Uint32Array, limit: number) {
    const symbols = frequencies.length;
    this.frequencies = frequencies;
    this.lengths = new Uint8Array(symbols);
    this.codes = new Uint16Array(symbols);
    this.#symbols = symbols;
    this.#limit = limit;
  }

  choose(chooser: HuffmanLengths): void {
    chooser.choose(this.frequencies, this.#symbols, this.#limit, this.lengths);
    huffmanCodes(this.lengths, this.#symbols, this.codes);
  }

  /** What all its symbols take. */
  bits(): number {
    let bits = 0;
    for (let symbol = 0; symbol < this.#symbols; symbol++) bits += this.frequencies[symbol]! * this.lengths[symbol]!;
    return bits;
  }

  total(): number {
    return this.frequencies.reduce((sum, frequency) => sum + frequency, 0);
  }
}

/** Bits in units of 16, the first in the highest. */
class BitWriter {
  readonly bytes: Uint8Array;
  size = 0;
  #pending = 0;
  #held = 0;

  constructor(size: number) {
    // A block may come to be longer than what it holds, by its codes' lengths at most.
    this.bytes = new Uint8Array(2 * size);
  }

  begin(): void {
    this.size = 0;
    this.#held = 0;
  }

  /** @param width at most 16 */
  put(bits: number, width: number): void {
    const pending = (this.#pending << width) | bits;
    let held = this.#held + width;
    this.#pending = pending;
    if (held >= 16) {
      held -= 16;
      const unit = pending >>> held;
      this.bytes[this.size] = unit;
      this.bytes[this.size + 1] = unit >>> 8;
      this.size += 2;
    }
    this.#held = held;
  }

  /** @returns how many bytes there are */
  end(): number {
    if (this.#held > 0) this.put(0, 16 - this.#held);
    return this.size;
  }
}
