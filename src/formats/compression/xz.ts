/**
 * The .xz format (tukaani.org, "The .xz File Format", 1.2): streams of blocks, each coded by LZMA2 and followed by a check, then an index
 * of the blocks and a footer that repeats the header. Streams may follow each other, with zeros between.
 *
 * Everything that the format lets a reader verify is verified. Filters in front of LZMA2 (for machine code) are not decoded: tars have none.
 */

import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { ImageError } from '../../errors.ts';
import { Crc64 } from './crc64.ts';
import type { InputBuffer } from './input-buffer.ts';
import { Lzma2, type Lzma2Chunk } from './lzma2.ts';
import type { Steps } from './stepwise-decoder.ts';

/** The largest window that is given: twice that of `xz -9`. */
const maxWindow = 1 << 27;

const headerMagic = Buffer.from('fd377a585a00', 'hex');

/** Decodes xz data. Throws `invalid-content`, `too-large` for a window that is, `unsupported` for other filters. */
export function* decodeXz(input: InputBuffer): Steps {
  for (;;) {
    yield* decodeStream(input);
    // padding comes in fours (§2.2), as does all else
    for (;;) {
      yield* fill(input, 4);
      if (input.length === 0) return;
      const next = input.peek(4);
      if (next.length < 4) throw damaged('it is followed by something else');
      if (next.some((byte) => byte !== 0)) break;
      input.skip(4);
    }
  }
}

function* decodeStream(input: InputBuffer): Steps {
  const header = Buffer.from(yield* take(input, 12));
  if (!header.subarray(0, 6).equals(headerMagic))
    throw damaged(input.position === 12 ? 'it does not begin as xz data' : 'it is followed by something else');
  const flags = header.subarray(6, 8);
  if (crc32(flags) !== header.readUInt32LE(8)) throw damaged('a header has a wrong checksum');
  if (flags[0] !== 0 || flags[1]! > 15) throw new ImageError('unsupported', 'xz data has flags that are not known here');
  const blocks = createHash('sha256');
  let count = 0;
  for (;;) {
    const [size] = yield* take(input, 1);
    if (size === 0) break;
    const { unpadded, length } = yield* decodeBlock(input, size!, flags[1]!);
    blocks.update(`${unpadded},${length};`);
    count++;
  }
  const indexSize = yield* checkIndex(input, count, blocks.digest('hex'));
  const footer = Buffer.from(yield* take(input, 12));
  const isRight = crc32(footer.subarray(4, 10)) === footer.readUInt32LE(0) && footer.toString('latin1', 10) === 'YZ';
  if (!isRight || !footer.subarray(8, 10).equals(flags) || 4 * (footer.readUInt32LE(4) + 1) !== indexSize)
    throw damaged('its footer is wrong');
}

/** §3. Returns what the index will say of it. */
function* decodeBlock(
  input: InputBuffer,
  sizeByte: number,
  checkType: number,
): Generator<Uint8Array | undefined, { unpadded: number; length: number }, void> {
  const start = input.position - 1;
  const header = new BlockHeader(sizeByte, yield* take(input, 4 * sizeByte + 3));
  const decoder = new Lzma2(header.window);
  const check = new Check(checkType);
  const dataStart = input.position;
  let length = 0;
  for (;;) {
    yield* fill(input, 6);
    const chunk = peekChunk(input);
    if (!chunk) break;
    input.skip(chunk.headerLength);
    const bytes = decoder.decode(chunk, yield* take(input, chunk.codeLength));
    length += bytes.length;
    check.update(bytes);
    yield bytes;
  }
  input.skip(1);
  if (header.compressed !== undefined && header.compressed !== input.position - dataStart)
    throw damaged('a block is not as long as its header says');
  if (header.length !== undefined && header.length !== length) throw damaged('a block is not as long as its header says');
  const unpaddedEnd = input.position;
  if ((yield* take(input, -unpaddedEnd & 3)).some((byte) => byte !== 0)) throw damaged('a block’s padding is not zeros');
  check.verify(yield* take(input, check.length));
  return { unpadded: unpaddedEnd - start + check.length, length };
}

function peekChunk(input: InputBuffer): Lzma2Chunk | undefined {
  const bytes = input.peek(6);
  if (bytes.length === 0 || (bytes[0] !== 0 && bytes.length < 6)) throw endsEarly();
  return Lzma2.header(bytes);
}

/** §3.1, after the byte with its size. */
class BlockHeader {
  readonly compressed: number | undefined;
  readonly length: number | undefined;
  readonly window: number;
  readonly #bytes: Buffer;
  #at = 1;

  constructor(sizeByte: number, rest: Uint8Array) {
    const bytes = (this.#bytes = Buffer.concat([Uint8Array.of(sizeByte), rest]));
    const end = bytes.length - 4;
    if (crc32(bytes.subarray(0, end)) !== bytes.readUInt32LE(end)) throw damaged('a block’s header has a wrong checksum');
    const flags = bytes[this.#at++]!;
    if (flags & 0x3c) throw new ImageError('unsupported', 'xz data has flags that are not known here');
    this.compressed = flags & 0x40 ? this.#integer() : undefined;
    this.length = flags & 0x80 ? this.#integer() : undefined;
    const id = this.#integer();
    const propertiesSize = this.#integer();
    if ((flags & 3) !== 0 || id !== 0x21) {
      throw new ImageError('unsupported', 'xz data was made with a filter for machine code, which is not read here', {
        hint: 'Decompress it first: xz -d FILE',
      });
    }
    const bits = bytes[this.#at++]!;
    if (propertiesSize !== 1 || bits > 40 || this.#at > end) throw damaged('a block’s header is wrong');
    this.window = Math.max(4096, (2 | (bits & 1)) * 2 ** ((bits >> 1) + 11));
    if (this.window > maxWindow) {
      throw new ImageError('too-large', `xz data asks for a window of ${this.window} bytes; at most ${maxWindow} are given`, {
        hint: 'Decompress it first: xz -d FILE',
      });
    }
    if (bytes.subarray(this.#at, end).some((byte) => byte !== 0))
      throw new ImageError('unsupported', 'xz data has a header that is not known here');
  }

  #integer(): number {
    let value = 0;
    for (let shift = 0; shift < 63; shift += 7) {
      const byte = this.#bytes[this.#at++] ?? 0;
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    throw damaged('a number is too long');
  }
}

/** §4, after its first byte: it must list exactly the blocks that were there. Returns its size. */
function* checkIndex(input: InputBuffer, count: number, blocks: string): Generator<undefined, number, void> {
  const start = input.position - 1;
  let checksum = crc32(Uint8Array.of(0));
  const next = function* (): Generator<undefined, number, void> {
    let value = 0;
    for (let shift = 0; shift < 63; shift += 7) {
      const bytes = yield* take(input, 1);
      checksum = crc32(bytes, checksum);
      value += (bytes[0]! & 0x7f) * 2 ** shift;
      if (bytes[0]! < 0x80) return value;
    }
    throw damaged('a number is too long');
  };
  const listed = createHash('sha256');
  if ((yield* next()) !== count) throw damaged('its index lists other blocks');
  for (let i = 0; i < count; i++) listed.update(`${yield* next()},${yield* next()};`);
  if (listed.digest('hex') !== blocks) throw damaged('its index lists other blocks');
  const padding = yield* take(input, (start - input.position) & 3);
  if (padding.some((byte) => byte !== 0)) throw damaged('its index’s padding is not zeros');
  checksum = crc32(padding, checksum);
  if (Buffer.from(yield* take(input, 4)).readUInt32LE(0) !== checksum) throw damaged('its index has a wrong checksum');
  return input.position - start;
}

/** §3.4: none, CRC32, CRC64 or SHA-256; others are passed over, as the format allows. */
class Check {
  readonly length: number;
  readonly #type: number;
  readonly #crc64 = new Crc64();
  readonly #sha256 = createHash('sha256');
  #crc32 = 0;

  constructor(type: number) {
    this.#type = type;
    this.length = type === 0 ? 0 : 4 << Math.ceil(type / 3 - 1);
  }

  update(bytes: Uint8Array): void {
    if (this.#type === 1) this.#crc32 = crc32(bytes, this.#crc32);
    else if (this.#type === 4) this.#crc64.update(bytes);
    else if (this.#type === 10) this.#sha256.update(bytes);
  }

  verify(stated: Uint8Array): void {
    const bytes = Buffer.from(stated);
    const holds =
      this.#type === 1
        ? bytes.readUInt32LE(0) === this.#crc32
        : this.#type === 4
          ? bytes.readBigUInt64LE(0) === this.#crc64.value
          : this.#type !== 10 || bytes.equals(this.#sha256.digest());
    if (!holds) throw damaged('a block has a wrong checksum');
  }
}

function* take(input: InputBuffer, count: number): Generator<undefined, Uint8Array, void> {
  yield* fill(input, count);
  if (input.length < count) throw endsEarly();
  return input.take(count);
}

/** Waits until so many bytes are there, or all that there are. */
function* fill(input: InputBuffer, count: number): Generator<undefined, void, void> {
  while (input.length < count && !input.hasEnded) yield undefined;
}

function endsEarly(): ImageError {
  return new ImageError('invalid-content', 'xz data ends too early');
}

function damaged(why: string): ImageError {
  return new ImageError('invalid-content', `xz data is damaged: ${why}`);
}
