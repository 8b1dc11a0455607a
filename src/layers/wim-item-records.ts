/**
 * Tagged items of a WIM's entries as a tar says them, and back. Extended attributes have records that other programs know; owners, modes and devices of UNIX are in the header.
 * Items that would not be made again byte for byte are kept whole beside that.
 */

import { decodeName, encodeName } from '../formats/tar/name.ts';
import type { WimItem } from '../formats/wim/wim-entry.ts';
import { attributesItem, attributesOf, type UnixData, unixDataItem, type WimAttribute, wimItemTags } from '../formats/wim/wim-items.ts';
import { wimRecords } from './wim-records.ts';

/** What an entry's records and header say that becomes items. */
export interface Itemized {
  readonly pax: ReadonlyMap<string, string>;
  /** Only of Linux's trees. */
  readonly unix?: UnixData | undefined;
}

/** The records for the extended attributes among these items. */
export function attributeRecords(items: readonly WimItem[], os: string): [keyword: string, value: string][] {
  const records: [string, string][] = [];
  for (const { name, value } of attributesOf(items)) {
    const text = decodeName(name);
    // The keyword of a PAX record ends at the first sign of equality.
    if (text === '' || text.includes('=') || value.length === 0) continue;
    records.push([prefixFor(os) + text, os === 'windows' ? Buffer.from(value).toString('base64') : decodeName(value)]);
  }
  return records;
}

/** The record that keeps items which `itemsOf` would not make of the rest. */
export function itemsRecord(items: readonly WimItem[], made: Itemized, os: string): string | undefined {
  if (isPlain(items, made)) return undefined;
  const bytes = packItems(items);
  if (bytes.equals(packItems(madeItems(made, os)))) return undefined;
  return items.length === 0 ? 'none' : bytes.toString('base64');
}

/** As almost all are: no items, or owner and mode alone, and those that would be made. */
function isPlain(items: readonly WimItem[], { unix }: Itemized): boolean {
  const [item, ...others] = items;
  if (!unix) return item === undefined;
  if (item?.tag !== wimItemTags.unixData || others.length > 0 || item.data.length !== 16) return false;
  const view = new DataView(item.data.buffer, item.data.byteOffset);
  return [unix.uid, unix.gid, unix.mode, unix.rdev].every((word, at) => view.getUint32(4 * at, true) === word);
}

/** The items of an entry that comes from a tar: those that were kept, else what is made of its header and records. */
export function itemsOf(made: Itemized, os: string): WimItem[] {
  const kept = made.pax.get(wimRecords.items);
  const items = kept === undefined ? undefined : kept === 'none' ? [] : unpackItems(Buffer.from(kept, 'base64'));
  return items ?? madeItems(made, os);
}

/** What a WIM cannot hold of these records: an attribute's name is at most 255 bytes, and its value 65535. */
export function tooLongAttributes(pax: ReadonlyMap<string, string>, os: string): string[] {
  return madeAttributes(pax, os).flatMap(({ keyword, name, value }) => (name.length > 255 || value.length > 65_535 ? [keyword] : []));
}

function madeItems({ pax, unix }: Itemized, os: string): WimItem[] {
  const attributes = madeAttributes(pax, os).filter(({ name, value }) => name.length <= 255 && value.length <= 65_535);
  return [...(unix ? [unixDataItem(unix)] : []), ...(attributes.length > 0 ? [attributesItem(attributes)] : [])];
}

/** In the order of keywords, whatever order the records have. */
function madeAttributes(pax: ReadonlyMap<string, string>, os: string): (WimAttribute & { readonly keyword: string })[] {
  const prefix = prefixFor(os);
  const found = [...pax].filter(([keyword]) => keyword.startsWith(prefix) && keyword.length > prefix.length);
  return found
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([keyword, value]) => ({
      keyword,
      flags: 0,
      name: encodeName(keyword.slice(prefix.length)),
      value: os === 'windows' ? Buffer.from(value, 'base64') : encodeName(value),
    }));
}

function prefixFor(os: string): string {
  return os === 'windows' ? 'MSWINDOWS.xattr.' : 'SCHILY.xattr.';
}

/** Tag u32, length u32, data, padding to 8: as they stand in the file. */
function packItems(items: readonly WimItem[]): Buffer {
  return Buffer.concat(
    items.flatMap(({ tag, data }) => {
      const head = Buffer.alloc(8);
      head.writeUInt32LE(tag, 0);
      head.writeUInt32LE(data.length, 4);
      return [head, data, Buffer.alloc(-data.length & 7)];
    }),
  );
}

/** Undefined where these bytes are no items. */
function unpackItems(bytes: Buffer): WimItem[] | undefined {
  const items: WimItem[] = [];
  for (let at = 0; at < bytes.length;) {
    if (at + 8 > bytes.length) return undefined;
    const start = at + 8;
    const end = start + bytes.readUInt32LE(at + 4);
    if (end > bytes.length) return undefined;
    items.push({ tag: bytes.readUInt32LE(at), data: bytes.subarray(start, end) });
    at = (end + 7) & ~7;
  }
  return items;
}
