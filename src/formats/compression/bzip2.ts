/**
 * bzip2 (no standard; the format as bzip2 1.0 reads it): streams of blocks of up to 900 kB, not aligned to bytes, each sorted by the
 * Burrows-Wheeler transform, then moved to front, run-length and Huffman coded; with a CRC for each block and one for the stream.
 */

import { ImageError } from '../../errors.ts';
import { BitReader } from './bit-reader.ts';
import type { InputBuffer } from './input-buffer.ts';
import type { Steps } from './stepwise-decoder.ts';

/** More than any block takes: 18,002 groups of 50 symbols of 20 bits, and the tables. */
const maxPackedBlock = 3 << 20;
const outputChunk = 256 << 10;
const groupSize = 50;
const maxCodeLength = 20;

/** Decodes bzip2 data of any number of streams. Throws `invalid-content`, `unsupported` for blocks that bzip2 before 0.9.5 wrote. */
export function* decodeBzip2(input: InputBuffer): Steps {
  do {
    yield* decodeStream(input);
    yield* fill(input, 1);
  } while (input.length > 0);
}

function* decodeStream(input: InputBuffer): Steps {
  yield* fill(input, 4);
  const header = input.take(4);
  const level = header[3]! - 0x30;
  if (header.length < 4) throw endsEarly();
  if (Buffer.from(header.subarray(0, 3)).toString('latin1') !== 'BZh' || level < 1 || level > 9) {
    throw damaged(input.position === 4 ? 'it does not begin as bzip2 data' : 'it is followed by something else');
  }
  const block = new Block(level * 100_000);
  let streamCrc = 0;
  let bit = 0; // blocks begin inside bytes: how many bits of the next are used
  for (;;) {
    yield* fill(input, maxPackedBlock);
    const bits = new BitReader(input.peek(maxPackedBlock), bit, endsEarly);
    const [high, low] = [bits.read(24), bits.read(24)];
    if (high === 0x177245 && low === 0x385090) {
      if (bits.read32() !== streamCrc) throw damaged('it has a wrong checksum');
      input.skip(Math.ceil(bits.position / 8));
      return;
    }
    if (high !== 0x314159 || low !== 0x265359) throw damaged('a block is missing');
    const crc = bits.read32();
    block.read(bits);
    input.skip(bits.position >> 3);
    bit = bits.position & 7;
    if ((yield* block.unfold()) !== crc) throw damaged('a block has a wrong checksum');
    streamCrc = (((streamCrc << 1) | (streamCrc >>> 31)) ^ crc) >>> 0;
  }
}

/** One block; its memory serves the next one too. */
class Block {
  readonly #size: number;
  /** Low byte: the last column of the sorted matrix; above it, once sorted, the row that follows. */
  readonly #rows: Uint32Array;
  #length = 0;
  #origin = 0;

  constructor(size: number) {
    this.#size = size;
    this.#rows = new Uint32Array(size);
  }

  /** Reads the block behind its checksum. */
  read(bits: BitReader): void {
    if (bits.read(1) !== 0) throw new ImageError('unsupported', 'bzip2 data has a randomised block, as only bzip2 before 0.9.5 made them');
    this.#origin = bits.read(24);
    const used = readUsedBytes(bits);
    const tableCount = bits.read(3);
    if (tableCount < 2 || tableCount > 6) throw damaged('a block has a wrong number of tables');
    const selectors = readSelectors(bits, tableCount);
    const tables = Array.from({ length: tableCount }, () => readTable(bits, used.length + 2));
    this.#readSymbols(bits, used, selectors, tables);
    if (this.#length === 0 || this.#origin >= this.#length) throw damaged('a block begins outside itself');
  }

  #readSymbols(bits: BitReader, order: Uint8Array, selectors: Uint8Array, tables: readonly HuffmanTable[]): void {
    const rows = this.#rows;
    const end = order.length + 1;
    let length = 0;
    let run = 0;
    let runBit = 1;
    for (let group = 0; ; group++) {
      const table = tables[selectors[group] ?? -1];
      if (!table) throw damaged('a block has too few selectors');
      for (let i = 0; i < groupSize; i++) {
        const symbol = table.read(bits);
        if (symbol <= 1) {
          // a run of the byte in front, its length in bijective base 2
          run += runBit << symbol;
          runBit <<= 1;
          if (run > this.#size) throw damaged('a block is too long');
          continue;
        }
        if (run > 0) {
          if (length + run > this.#size) throw damaged('a block is too long');
          rows.fill(order[0]!, length, length + run);
          length += run;
          run = 0;
          runBit = 1;
        }
        if (symbol === end) {
          this.#length = length;
          return;
        }
        if (length >= this.#size) throw damaged('a block is too long');
        const byte = order[symbol - 1]!;
        // a loop: mostly a step or two, for which copyWithin costs too much
        for (let place = symbol - 1; place > 0; place--) order[place] = order[place - 1]!;
        order[0] = byte;
        rows[length++] = byte;
      }
    }
  }

  /** Undoes the sorting and the first run-length coding. Returns the checksum of what came out. */
  *unfold(): Generator<Uint8Array, number, void> {
    const rows = this.#rows;
    const starts = new Uint32Array(256);
    for (let i = 0; i < this.#length; i++) starts[rows[i]! & 0xff]!++;
    for (let byte = 0, sum = 0; byte < 256; byte++) {
      const count = starts[byte]!;
      starts[byte] = sum;
      sum += count;
    }
    for (let i = 0; i < this.#length; i++) {
      const at = starts[rows[i]! & 0xff]!++;
      rows[at] = (rows[at]! & 0xff) | (i << 8);
    }

    let row = rows[this.#origin]! >>> 8;
    let crc = -1;
    let out = Buffer.allocUnsafe(outputChunk);
    let length = 0;
    let previous = -1;
    let equal = 0;
    for (let i = 0; i < this.#length; i++) {
      const entry = rows[row]!;
      row = entry >>> 8;
      let byte = entry & 0xff;
      let count = 1;
      if (equal === 4) {
        // after four of a kind: how many more
        count = byte;
        byte = previous;
        equal = 0;
        previous = -1;
      } else if (byte === previous) equal++;
      else {
        equal = 1;
        previous = byte;
      }
      for (; count > 0; count--) {
        out[length++] = byte;
        crc = (crc << 8) ^ crcTable[(crc >>> 24) ^ byte]!;
      }
      if (length > outputChunk - 256) {
        yield out.subarray(0, length);
        out = Buffer.allocUnsafe(outputChunk);
        length = 0;
      }
    }
    if (length > 0) yield out.subarray(0, length);
    return ~crc >>> 0;
  }
}

/** The bytes that occur, in order. */
function readUsedBytes(bits: BitReader): Uint8Array {
  const used: number[] = [];
  const ranges = bits.read(16);
  for (let range = 0; range < 16; range++) {
    if (!(ranges & (0x8000 >> range))) continue;
    const bytes = bits.read(16);
    for (let i = 0; i < 16; i++) if (bytes & (0x8000 >> i)) used.push(16 * range + i);
  }
  if (used.length === 0) throw damaged('a block has no bytes');
  return Uint8Array.from(used);
}

/** Which table each group of symbols is coded by. */
function readSelectors(bits: BitReader, tableCount: number): Uint8Array {
  const selectors = new Uint8Array(bits.read(15));
  if (selectors.length === 0) throw damaged('a block has no selectors');
  const order = Array.from({ length: tableCount }, (_, i) => i);
  for (let i = 0; i < selectors.length; i++) {
    let place = 0;
    while (bits.read(1) === 1) if (++place >= tableCount) throw damaged('a block has a wrong selector');
    const [table] = order.splice(place, 1);
    order.unshift(table!);
    selectors[i] = table!;
  }
  return selectors;
}

function readTable(bits: BitReader, symbols: number): HuffmanTable {
  const lengths = new Uint8Array(symbols);
  let length = bits.read(5);
  for (let symbol = 0; symbol < symbols; symbol++) {
    for (;;) {
      if (length < 1 || length > maxCodeLength) throw damaged('a block has a wrong code length');
      if (bits.read(1) === 0) break;
      length += bits.read(1) === 0 ? 1 : -1;
    }
    lengths[symbol] = length;
  }
  return new HuffmanTable(lengths);
}

/** Canonical Huffman codes: those of one length follow each other in the order of the symbols. */
class HuffmanTable {
  /** By length: one more than the largest code, moved to the left of 20 bits. */
  readonly #limits = new Int32Array(maxCodeLength + 2);
  /** By length: what to add to a code to get its place in `#symbols`. */
  readonly #offsets = new Int32Array(maxCodeLength + 1);
  readonly #symbols: Uint16Array;
  readonly #shortest: number;

  constructor(lengths: Uint8Array) {
    this.#symbols = new Uint16Array(lengths.length);
    this.#shortest = lengths.reduce((least, length) => Math.min(least, length));
    let code = 0;
    let place = 0;
    for (let length = 1; length <= maxCodeLength; length++) {
      this.#offsets[length] = place - code;
      lengths.forEach((own, symbol) => {
        if (own === length) this.#symbols[place++] = symbol;
      });
      code = place - this.#offsets[length]!;
      this.#limits[length] = code * 2 ** (maxCodeLength - length);
      code *= 2;
    }
  }

  read(bits: BitReader): number {
    const window = bits.peek(maxCodeLength);
    let length = this.#shortest;
    while (length <= maxCodeLength && window >= this.#limits[length]!) length++;
    if (length > maxCodeLength) throw damaged('a block has a code that stands for nothing');
    bits.skip(length);
    return this.#symbols[(window >> (maxCodeLength - length)) + this.#offsets[length]!]!;
  }
}

/** CRC-32 with the high bit first, not zlib's. */
const crcTable = Int32Array.from({ length: 256 }, (_, byte) => {
  let value = byte << 24;
  for (let bit = 0; bit < 8; bit++) value = (value << 1) ^ (value < 0 ? 0x04c1_1db7 : 0);
  return value;
});

function* fill(input: InputBuffer, count: number): Generator<undefined, void, void> {
  while (input.length < count && !input.hasEnded) yield undefined;
}

function endsEarly(): ImageError {
  return new ImageError('invalid-content', 'bzip2 data ends too early');
}

function damaged(why: string): ImageError {
  return new ImageError('invalid-content', `bzip2 data is damaged: ${why}`);
}
