import { ImageError } from '../../errors.ts';
import type { ChunkDecoder } from './chunk-decoder.ts';
import { HuffmanDecoder } from './huffman-decoder.ts';

/** XPRESS as WIM has it: "LZ77+Huffman" of MS-XCA §2.1, one block for each chunk. */
export class XpressDecoder implements ChunkDecoder {
  readonly #lengths = new Uint8Array(512);
  readonly #code = new HuffmanDecoder(512, 11);
  #target: Uint8Array | undefined;
  #view: DataView = new DataView(new ArrayBuffer(0));

  decode(source: Uint8Array, sourceLength: number, target: Uint8Array, size: number): void {
    if (sourceLength < 260) throw damaged('it is shorter than the lengths of its code and the first bits');
    const lengths = this.#lengths;
    for (let i = 0; i < 256; i++) {
      const pair = source[i]!;
      lengths[2 * i] = pair & 15;
      lengths[2 * i + 1] = pair >>> 4;
    }
    if (!this.#code.build(lengths, 0, 512)) throw damaged('its code is not complete');
    if (this.#target !== target) {
      this.#target = target;
      this.#view = new DataView(target.buffer, target.byteOffset, target.byteLength);
    }
    const view = this.#view;
    const { table } = this.#code;
    let at = 256;
    let bits = 0; // the next ones, from the left
    let left = 0; // how many of them are there
    let out = 0;
    while (out < size) {
      if (left < 16) {
        if (at >= sourceLength + 2) throw endsEarly();
        bits |= (source[at]! | (source[at + 1]! << 8)) << (16 - left);
        left += 16;
        at += 2;
      }
      let entry = table[bits >>> 21]!;
      if (entry === 0) {
        entry = this.#code.long(bits >>> 16);
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
        if (at >= sourceLength + 2) throw endsEarly();
        bits |= (source[at]! | (source[at + 1]! << 8)) << (16 - left);
        left += 16;
        at += 2;
      }
      const width = (symbol >>> 4) & 15;
      const offset = (1 << width) + ((bits >>> 1) >>> (31 - width));
      bits <<= width;
      left -= width;
      let length = symbol & 15;
      if (length === 15) {
        // Bytes among the units: behind those that the symbol has asked for, before those that the offset will.
        if (at >= sourceLength) throw endsEarly();
        const more = source[at++]!;
        length += more;
        if (more === 255) {
          if (at + 2 > sourceLength) throw endsEarly();
          length = source[at]! | (source[at + 1]! << 8);
          at += 2;
          if (length < 15) throw damaged('the length of a match is wrong');
        }
      }
      length += 3;
      if (offset > out) throw damaged('a match begins before the chunk');
      const end = out + length;
      if (end > size) throw damaged('a match passes the end of the chunk');
      let from = out - offset;
      if (offset >= 4) {
        if (length > 64 && offset >= length) target.copyWithin(out, from, from + length);
        else
          for (; out < end; out += 4, from += 4) {
            view.setUint32(out, view.getUint32(from, true), true);
          }
      } else if (offset === 1 && length > 32) target.fill(target[from]!, out, end);
      else while (out < end) target[out++] = target[from++]!;
      out = end;
    }
  }
}

function damaged(what: string): ImageError {
  return new ImageError('invalid-content', `XPRESS data is damaged: ${what}`);
}

function endsEarly(): ImageError {
  return damaged('it ends too early');
}
