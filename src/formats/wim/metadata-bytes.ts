import { ImageError } from '../../errors.ts';
import { u64 } from './wim-header.ts';
import { overLimit, type WimLimits } from './wim-limits.ts';

/** Where the fields of a directory entry are, in bytes from its start. */
export const entryFields = {
  attributes: 0x08,
  securityId: 0x0c,
  children: 0x10,
  created: 0x28,
  accessed: 0x30,
  written: 0x38,
  hash: 0x40,
  unknown: 0x54,
  /** Of reparse points; of others in the same place the link group. */
  reparseTag: 0x58,
  linkGroup: 0x58,
  streamCount: 0x60,
  shortNameLength: 0x62,
  nameLength: 0x64,
  names: 0x66,
} as const;

/** A stream entry without its name: length, reserved, hash, length of the name. */
export const streamSize = 38;
export const noSecurity = 0xffff_ffff;

export function align8(length: number): number {
  return Math.ceil(length / 8) * 8;
}

/** Where the entry behind this one begins: the streams of this one stand between. */
export function nextEntry(view: DataView, at: number): number {
  let next = at + align8(u64(view, at));
  for (let left = view.getUint16(at + entryFields.streamCount, true); left > 0; left--) next = endOfStream(view, next);
  return next;
}

export function endOfStream(view: DataView, at: number): number {
  return at + align8(u64(view, at));
}

/** The metadata resource of an image: security descriptors, then directory entries. */
export class MetadataBytes {
  readonly buffer: Buffer;
  readonly view: DataView;
  readonly rootAt: number;
  /** Where each descriptor begins, and where the last ends. */
  readonly #descriptors: Uint32Array;

  /** @throws ImageError `invalid-content` where the descriptors do not fit; `too-large` */
  constructor(buffer: Buffer, where: string, limits: WimLimits) {
    this.buffer = buffer;
    this.view = new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength);
    const refuse = (why: string) => new ImageError('invalid-content', `${where}: security data: ${why}`);
    if (buffer.length < 8) throw refuse(`the metadata has only ${buffer.length} bytes`);
    const total = Math.max(8, align8(this.view.getUint32(0, true)));
    const count = this.view.getUint32(4, true);
    if (total > buffer.length) throw refuse(`${total} bytes exceed the metadata's ${buffer.length}`);
    if (count > limits.descriptors) throw overLimit('descriptors', limits, `${where}: ${count} security descriptors`);
    if (8 + count * 8 > total) throw refuse(`the sizes of ${count} descriptors exceed its ${total} bytes`);
    this.#descriptors = new Uint32Array(count + 1);
    let at = 8 + count * 8;
    for (let number = 0; number < count; number++) {
      this.#descriptors[number] = at;
      const size = u64(this.view, 8 + number * 8);
      if (size > limits.descriptor) throw overLimit('descriptor', limits, `${where}: security descriptor ${number} of ${size} bytes`);
      at += size;
      if (at > total) throw refuse(`descriptor ${number} ends at ${at}, beyond its ${total} bytes`);
    }
    this.#descriptors[count] = at;
    this.rootAt = total;
  }

  get descriptorCount(): number {
    return this.#descriptors.length - 1;
  }

  descriptor(number: number): Uint8Array | undefined {
    if (number >= this.descriptorCount) return undefined;
    return this.buffer.subarray(this.#descriptors[number], this.#descriptors[number + 1]);
  }

  /** Whether a group of siblings ends here. */
  isEnd(at: number): boolean {
    return this.view.getUint32(at, true) <= 8 && this.view.getUint32(at + 4, true) === 0;
  }
}
