/** Tagged items of a WIM's entries: read, and made. Those of other tags stay as they are. */

import type { WimItem } from './wim-entry.ts';

export const wimItemTags = {
  objectId: 1,
  extendedAttributes: 2,
  unixData: 0x337d_d873,
  /** Extended attributes as old versions of wimlib wrote them; only read. */
  oldAttributes: 0x337d_d874,
} as const;

/** What wimlib keeps of a file of UNIX. */
export interface UnixData {
  readonly uid: number;
  readonly gid: number;
  /** With the bits of its type. */
  readonly mode: number;
  /** A device's numbers, as Linux packs them into 32 bits. */
  readonly rdev: number;
}

/** An extended attribute, of Windows or of Linux. */
export interface WimAttribute {
  readonly name: Uint8Array;
  readonly value: Uint8Array;
  /** 0x80: whoever does not understand it must not open the file. */
  readonly flags: number;
}

/** Undefined where there is none, or one that is cut. */
export function unixDataOf(items: readonly WimItem[]): UnixData | undefined {
  const data = items.find(({ tag }) => tag === wimItemTags.unixData)?.data;
  if (data === undefined || data.length < 16) return undefined;
  const view = new DataView(data.buffer, data.byteOffset);
  return { uid: view.getUint32(0, true), gid: view.getUint32(4, true), mode: view.getUint32(8, true), rdev: view.getUint32(12, true) };
}

export function unixDataItem({ uid, gid, mode, rdev }: UnixData): WimItem {
  const data = new Uint8Array(16);
  const view = new DataView(data.buffer);
  [uid, gid, mode, rdev].forEach((word, at) => view.setUint32(4 * at, word, true));
  return { tag: wimItemTags.unixData, data };
}

/** Those of both kinds of items; where a list is cut, those before. */
export function attributesOf(items: readonly WimItem[]): WimAttribute[] {
  return items.flatMap(({ tag, data }) =>
    tag === wimItemTags.extendedAttributes ? readAttributes(data) : tag === wimItemTags.oldAttributes ? readOldAttributes(data) : [],
  );
}

/** @throws RangeError where a name has more than 255 bytes, or a value more than 65535 */
export function attributesItem(attributes: readonly WimAttribute[]): WimItem {
  const pieces = attributes.map(({ name, value, flags }) => {
    const head = Buffer.alloc(4);
    head.writeUInt16LE(value.length, 0);
    head.writeUInt8(name.length, 2);
    head.writeUInt8(flags, 3);
    return Buffer.concat([head, name, Buffer.alloc(1), value]);
  });
  return { tag: wimItemTags.extendedAttributes, data: Buffer.concat(pieces) };
}

/** Repeated: value's length u16, name's length u8, flags u8, name, NUL, value. */
function readAttributes(data: Uint8Array): WimAttribute[] {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const found: WimAttribute[] = [];
  for (let at = 0; at + 4 <= data.length;) {
    const start = at + 4;
    const name = start + view.getUint8(at + 2);
    const end = name + 1 + view.getUint16(at, true);
    if (end > data.length) break;
    found.push({ name: data.subarray(start, name), value: data.subarray(name + 1, end), flags: view.getUint8(at + 3) });
    at = end;
  }
  return found;
}

/** Repeated, padded to 4: name's length u16, u16, value's length u32, name, value. */
function readOldAttributes(data: Uint8Array): WimAttribute[] {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const found: WimAttribute[] = [];
  for (let at = 0; at + 8 <= data.length;) {
    const start = at + 8;
    const name = start + view.getUint16(at, true);
    const end = name + view.getUint32(at + 4, true);
    if (end > data.length) break;
    found.push({ name: data.subarray(start, name), value: data.subarray(name, end), flags: 0 });
    at = Math.ceil(end / 4) * 4;
  }
  return found;
}
