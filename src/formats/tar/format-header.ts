/** The header blocks of one entry: one of ustar, with a PAX header in front of it only where ustar cannot say it all. */

import { ImageError } from '../../errors.ts';
import { blockSize, checksum, type Field, fields } from './block.ts';
import type { TarEntryType, TarHeader } from './entry.ts';
import { encodeName } from './name.ts';
import { formatPax, formatPaxTime } from './pax.ts';
import { max11, max7, putDigits } from './plain-header.ts';

const typeflags = {
  file: '0',
  'hard-link': '1',
  symlink: '2',
  'character-device': '3',
  'block-device': '4',
  directory: '5',
  fifo: '6',
} as const satisfies Record<Exclude<TarEntryType, 'other'>, string>;

/** Records that say what the header says: made here from the header, never taken over from the map of an entry that was read. */
const ours = new Set(['path', 'linkpath', 'size', 'uid', 'gid', 'uname', 'gname', 'mtime', 'hdrcharset']);

/**
 * The blocks in front of a body of `size` bytes: `block`, which is zeros until then, where one is enough, else others.
 * Throws `invalid-argument` for an entry that no tar can hold.
 */
export function formatHeader(entry: TarHeader, size: number, block: Buffer): Buffer {
  const type = entry.type ?? 'file';
  const refuse = (why: string) => new ImageError('invalid-argument', `${JSON.stringify(entry.path)} cannot be written to a tar: ${why}`);
  if (type === 'other') throw refuse('its type is unknown');
  if (entry.path === '') throw refuse('it has no name');
  for (const name of [entry.path, entry.linkname, entry.uname, entry.gname])
    if (name?.includes('\0')) throw refuse('it has a NUL in a name');
  if ((type === 'symlink' || type === 'hard-link') && !entry.linkname) throw refuse('it links to nothing');
  if (!Number.isSafeInteger(size) || size < 0) throw refuse(`its size cannot be ${size}`);
  if (type !== 'file' && size !== 0) throw refuse(`a ${type} has no body`);

  const records = new Map<string, string>();
  for (const [keyword, value] of entry.pax ?? []) if (!ours.has(keyword) && !keyword.startsWith('GNU.sparse.')) records.set(keyword, value);

  const name = encodeName(entry.path);
  const split = ustarName(name);
  if (split && (isAscii(name) || !entry.path.isWellFormed())) {
    block.set(split.name, fields.name[0]);
    block.set(split.prefix, fields.prefix[0]);
  } else {
    records.set('path', entry.path);
    block.set(name.subarray(0, fields.name[1]), fields.name[0]);
  }
  putText('linkname', entry.linkname ?? '', 'linkpath');
  putText('uname', entry.uname ?? '', 'uname');
  putText('gname', entry.gname ?? '', 'gname');

  putNumber('mode', entry.mode ?? (type === 'directory' ? 0o755 : 0o644), max7);
  putNumber('uid', entry.uid ?? 0, max7, 'uid');
  putNumber('gid', entry.gid ?? 0, max7, 'gid');
  putNumber('size', size, max11, 'size');
  const mtime = entry.mtime ?? { seconds: 0, nanoseconds: 0 };
  if (!Number.isInteger(mtime.nanoseconds) || mtime.nanoseconds < 0 || mtime.nanoseconds > 999_999_999)
    throw refuse('its time has a wrong part of a second');
  if (mtime.nanoseconds !== 0 || mtime.seconds < 0 || mtime.seconds > max11) records.set('mtime', formatPaxTime(mtime));
  putNumber('mtime', Math.min(Math.max(mtime.seconds, 0), max11), max11);
  const isDevice = type === 'character-device' || type === 'block-device';
  putNumber('devmajor', isDevice ? (entry.devmajor ?? 0) : 0, max7);
  putNumber('devminor', isDevice ? (entry.devminor ?? 0) : 0, max7);
  finish(block, typeflags[type]);

  if (records.size === 0) return block;
  if ([...records].some(([keyword, value]) => ours.has(keyword) && !value.isWellFormed())) records.set('hdrcharset', 'BINARY');
  return withPaxHeader(block, formatPax(records), entry.path);

  function putText(field: 'linkname' | 'uname' | 'gname', value: string, keyword: string): void {
    if (value === '') return;
    const bytes = encodeName(value);
    const [start, length] = fields[field];
    // uname and gname keep a NUL at their end, a link target may fill its field (POSIX ustar)
    if (bytes.length > (field === 'linkname' ? length : length - 1) || (!isAscii(bytes) && value.isWellFormed()))
      records.set(keyword, value);
    block.set(bytes.subarray(0, length - 1), start);
    if (!records.has(keyword)) block.set(bytes, start);
  }

  function putNumber(field: Field, value: number, max: number, keyword?: string): void {
    if (!Number.isSafeInteger(value) || (value < 0 && keyword !== 'uid' && keyword !== 'gid'))
      throw refuse(`its ${field} cannot be ${value}`);
    const fits = value >= 0 && value <= max;
    if (!fits && keyword === undefined) throw refuse(`its ${field} cannot be ${value}`);
    if (!fits && keyword) records.set(keyword, String(value));
    putOctal(block, field, fits ? value : 0);
  }
}

/** The name as ustar's two fields, undefined if it fits in no way: prefix and name are joined by a slash that is in neither. */
function ustarName(bytes: Uint8Array): { prefix: Uint8Array; name: Uint8Array } | undefined {
  const [, nameLength] = fields.name;
  const [, prefixLength] = fields.prefix;
  if (bytes.length <= nameLength) return { prefix: bytes.subarray(0, 0), name: bytes };
  // the last slash that leaves a prefix short enough, and something before and behind it
  const slash = bytes.lastIndexOf(0x2f, Math.min(prefixLength, bytes.length - 2));
  if (slash <= 0 || bytes.length - slash - 1 > nameLength) return undefined;
  return { prefix: bytes.subarray(0, slash), name: bytes.subarray(slash + 1) };
}

function withPaxHeader(block: Uint8Array, records: Uint8Array, path: string): Buffer {
  const padding = (blockSize - (records.length % blockSize)) % blockSize;
  const header = Buffer.alloc(blockSize);
  // a name for readers that know no PAX: beside the entry, cut to what fits
  const parts = path.split('/').filter((part) => part !== '' && part !== '.' && part !== '..');
  const base = encodeName(parts.at(-1) ?? 'entry').map((byte) => (byte > 0x7f ? 0x5f : byte));
  header.set(Buffer.concat([Buffer.from('PaxHeaders.0/'), base]).subarray(0, fields.name[1]), 0);
  for (const [field, value] of [
    ['mode', 0o644],
    ['uid', 0],
    ['gid', 0],
    ['size', records.length],
    ['mtime', 0],
    ['devmajor', 0],
    ['devminor', 0],
  ] as const) {
    putOctal(header, field, value);
  }
  finish(header, 'x');
  return Buffer.concat([header, records, Buffer.alloc(padding), block]);
}

/** A number that fits, in octal digits up to a NUL. */
function putOctal(block: Buffer, field: Field, value: number): void {
  const [start, length] = fields[field];
  putDigits(block, start, length - 1, value);
}

/** Typeflag, magic and checksum. */
function finish(block: Buffer, typeflag: string): void {
  block.write(typeflag, fields.typeflag[0], 'latin1');
  block.write('ustar\u000000', fields.magic[0], 'latin1');
  const sum = checksum(block);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, fields.checksum[0], 'latin1');
}

function isAscii(bytes: Uint8Array): boolean {
  for (const byte of bytes) if (byte > 0x7f) return false;
  return true;
}
