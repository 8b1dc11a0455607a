/**
 * Finds where the frames of a Zstandard stream begin and end (RFC 8878 §3.1), without decoding them.
 *
 * Two reasons. Node's decoder ends without an error after a frame when another follows in the same chunk, so the second half of what
 * pzstd or zstd:chunked write (thousands of frames, and skippable ones) would be lost; given frame by frame it reads them all.
 * And the window that a frame asks for is known here before the decoder allocates it.
 */

import { ImageError } from '../../errors.ts';

/** The largest window that is accepted: what the zstd command accepts when it is not told otherwise. */
const maxZstdWindow = 1 << 27;

type Part = 'magic' | 'skippable-size' | 'skipped' | 'descriptor' | 'frame-header' | 'block-header' | 'block' | 'checksum';

export class ZstdFrames {
  #part: Part = 'magic';
  /** Bytes of the part still to come. */
  #need = 4;
  /** The part's bytes, if it is one of the short ones that are looked at. */
  readonly #field = Buffer.alloc(14);
  #have = 0;
  #descriptor = 0;
  #isLastBlock = false;
  #frames = 0;

  /** True at a place where a stream may end. */
  get isBetweenFrames(): boolean {
    return this.#part === 'magic' && this.#have === 0;
  }

  /** Cuts a chunk at the ends of frames: no piece has bytes of two. @throws ImageError `invalid-content`, `too-large` for a window that is. */
  *cut(chunk: Uint8Array): Generator<Uint8Array, void, undefined> {
    let start = 0;
    for (let at = 0; at < chunk.length;) {
      const count = Math.min(this.#need, chunk.length - at);
      if (this.#part !== 'skipped' && this.#part !== 'block') this.#field.set(chunk.subarray(at, at + count), this.#have);
      at += count;
      this.#have += count;
      this.#need -= count;
      while (this.#need === 0) {
        this.#advance();
        if (this.#part !== 'magic') continue;
        yield chunk.subarray(start, at);
        start = at;
      }
    }
    if (start < chunk.length) yield chunk.subarray(start);
  }

  #advance(): void {
    const field = this.#field;
    switch (this.#part) {
      case 'magic': {
        const magic = field.readUInt32LE(0);
        if (magic === 0xfd2fb528) this.#expect('descriptor', 1);
        else if ((magic & ~0xf) >>> 0 === 0x184d2a50) this.#expect('skippable-size', 4);
        else
          throw new ImageError(
            'invalid-content',
            `zstd data ${this.#frames === 0 ? 'does not begin as such' : 'is followed by something else'}`,
          );
        this.#frames++;
        return;
      }
      case 'skippable-size':
        return this.#expect('skipped', field.readUInt32LE(0));
      case 'descriptor': {
        this.#descriptor = field[0]!;
        return this.#expect('frame-header', this.#windowLength + this.#dictionaryLength + this.#contentSizeLength);
      }
      case 'frame-header':
        this.#checkWindow();
        return this.#expect('block-header', 3);
      case 'block-header': {
        const header = field.readUIntLE(0, 3);
        const type = (header >> 1) & 3;
        if (type === 3) throw new ImageError('invalid-content', 'zstd data has a block of a type that does not exist');
        this.#isLastBlock = (header & 1) === 1;
        return this.#expect('block', type === 1 ? 1 : header >> 3); // type 1 is one byte, repeated
      }
      case 'block':
        if (!this.#isLastBlock) return this.#expect('block-header', 3);
        return this.#descriptor & 4 ? this.#expect('checksum', 4) : this.#expect('magic', 4);
      case 'skipped':
      case 'checksum':
        return this.#expect('magic', 4);
    }
  }

  #expect(part: Part, need: number): void {
    this.#part = part;
    this.#need = need;
    this.#have = 0;
  }

  get #isSingleSegment(): boolean {
    return (this.#descriptor & 0x20) !== 0;
  }

  get #windowLength(): number {
    return this.#isSingleSegment ? 0 : 1;
  }

  get #dictionaryLength(): number {
    return [0, 1, 2, 4][this.#descriptor & 3]!;
  }

  get #contentSizeLength(): number {
    const flag = this.#descriptor >> 6;
    return flag === 0 ? (this.#isSingleSegment ? 1 : 0) : 1 << flag;
  }

  #checkWindow(): void {
    let window: number;
    if (this.#isSingleSegment) {
      const at = this.#dictionaryLength;
      const length = this.#contentSizeLength;
      window = length === 8 ? Number(this.#field.readBigUInt64LE(at)) : this.#field.readUIntLE(at, length) + (length === 2 ? 256 : 0);
    } else {
      const byte = this.#field[0]!;
      const base = 2 ** (10 + (byte >> 3));
      window = base + (base / 8) * (byte & 7);
    }
    if (window <= maxZstdWindow) return;
    throw new ImageError('too-large', `zstd data asks for a window of ${window} bytes; at most ${maxZstdWindow} are given`, {
      hint: 'Compress it again without --long and --ultra.',
    });
  }
}
