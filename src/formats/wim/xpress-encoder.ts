import type { ChunkEncoder } from './chunk-encoder.ts';
import { huffmanCodes } from './huffman-codes.ts';
import { HuffmanLengths } from './huffman-lengths.ts';
import { MatchFinder } from './match-finder.ts';

const depth = 24;
/** A match so long is taken without looking further. */
const nice = 48;
/** The end of the data: only older readers miss it. */
const endSymbol = 256;

/** XPRESS as WIM has it: "LZ77+Huffman" of MS-XCA §2.1, one block for each chunk. */
export class XpressEncoder implements ChunkEncoder {
  readonly #finder = new MatchFinder(0x7fff, nice);
  readonly #chooser = new HuffmanLengths(512);
  readonly #frequencies = new Uint32Array(512);
  readonly #lengths = new Uint8Array(512);
  readonly #codes = new Uint16Array(512);
  /** A literal, or `0x8000_0000 | length << 16 | offset`. */
  readonly #items = new Int32Array(32_768);

  encode(source: Uint8Array, size: number, target: Uint8Array): number {
    if (size <= 260) return 0;
    const finder = this.#finder;
    finder.bytes.set(source.subarray(0, size));
    finder.begin(size);
    const count = this.#parse(size);
    const frequencies = this.#frequencies;
    const lengths = this.#lengths;
    this.#chooser.choose(frequencies, 512, 15, lengths);
    let bits = 0;
    for (let symbol = 0; symbol < 512; symbol++) {
      bits += frequencies[symbol]! * (lengths[symbol]! + (symbol < 256 ? 0 : (symbol >>> 4) & 15));
      if (symbol > 256 && (symbol & 15) === 15) bits += 8 * frequencies[symbol]!;
    }
    if (256 + bits / 8 >= size) return 0;
    huffmanCodes(lengths, 512, this.#codes);
    return this.#write(count, size, target);
  }

  /** @returns how many items there are */
  #parse(size: number): number {
    const finder = this.#finder;
    const { bytes } = finder;
    const items = this.#items;
    const frequencies = this.#frequencies;
    frequencies.fill(0);
    frequencies[endSymbol] = 1;
    let count = 0;
    let at = 0;
    let match = finder.find(0, 2, depth);
    while (at < size) {
      let length = match >>> 16;
      if (length < 4 && (length < 3 || (match & 0xffff) > 4096)) {
        const literal = bytes[at]!;
        frequencies[literal]!++;
        items[count++] = literal;
        if (++at < size) match = finder.find(at, 2, depth);
        continue;
      }
      // A longer one, one or two bytes on, is worth the bytes before it.
      let looked = at + 1;
      while (length < nice && looked < size) {
        const next = finder.find(looked, length, depth >> 1);
        looked++;
        if (next === 0 || gain(next) <= gain(match) + 1) {
          if (looked >= size) break;
          const second = finder.find(looked, length, depth >> 2);
          looked++;
          if (second === 0 || gain(second) <= gain(match) + 3) break;
          frequencies[bytes[at]!]!++;
          items[count++] = bytes[at++]!;
          frequencies[bytes[at]!]!++;
          items[count++] = bytes[at++]!;
          match = second;
        } else {
          frequencies[bytes[at]!]!++;
          items[count++] = bytes[at++]!;
          match = next;
        }
        length = match >>> 16;
      }
      const offset = match & 0xffff;
      frequencies[symbolOf(length, offset)]!++;
      items[count++] = 0x8000_0000 | (length << 16) | offset;
      finder.skip(looked, at + length);
      at += length;
      if (at < size) match = finder.find(at, 2, depth);
    }
    return count;
  }

  /** @returns bytes, or 0 where they come to be too many after all */
  #write(count: number, size: number, target: Uint8Array): number {
    const lengths = this.#lengths;
    const codes = this.#codes;
    const items = this.#items;
    for (let i = 0; i < 256; i++) target[i] = lengths[2 * i]! | (lengths[2 * i + 1]! << 4);
    // Two units are always ahead of the bytes among them: a reader has taken both by the time that it needs such a byte.
    let slot = 256;
    let later = 258;
    let at = 260;
    let pending = 0;
    let held = 0;
    const limit = size - 6;
    for (let i = 0; i <= count; i++) {
      if (at > limit) return 0;
      const item = i < count ? items[i]! : endSymbol;
      const length = (item >>> 16) & 0x7fff;
      const offset = item & 0xffff;
      const symbol = item < 0 ? symbolOf(length, offset) : item;
      pending = (pending << lengths[symbol]!) | codes[symbol]!;
      held += lengths[symbol]!;
      if (held > 16) {
        held -= 16;
        const unit = pending >>> held;
        target[slot] = unit;
        target[slot + 1] = unit >>> 8;
        slot = later;
        later = at;
        at += 2;
      }
      if (item >= 0) continue;
      if (length >= 18) {
        if (length - 18 < 255) target[at++] = length - 18;
        else {
          target[at++] = 255;
          target[at++] = length - 3;
          target[at++] = (length - 3) >>> 8;
        }
      }
      const width = 31 - Math.clz32(offset);
      pending = (pending << width) | (offset ^ (1 << width));
      held += width;
      if (held > 16) {
        held -= 16;
        const unit = pending >>> held;
        target[slot] = unit;
        target[slot + 1] = unit >>> 8;
        slot = later;
        later = at;
        at += 2;
      }
    }
    const unit = pending << (16 - held);
    target[slot] = unit;
    target[slot + 1] = unit >>> 8;
    target[later] = 0;
    target[later + 1] = 0;
    return at < size ? at : 0;
  }
}

function symbolOf(length: number, offset: number): number {
  return 256 | ((31 - Math.clz32(offset)) << 4) | Math.min(15, length - 3);
}

/** What a match spares, in about quarters of a byte's bits. */
function gain(match: number): number {
  return 4 * (match >>> 16) - ((31 - Math.clz32(match & 0xffff)) >> 1);
}
