/** The header block of an entry that says nothing unusual, as nearly all of a tree do: it costs a tenth of what one of the others does. */

import { blockSize, fields } from './block.ts';
import type { TarHeader } from './entry.ts';

/** The largest numbers of seven and of eleven octal digits. */
export const max7 = 0o7777777;
export const max11 = 0o77777777777;

const [, nameLength] = fields.name;
/** What all of them have in common, and the sum of its bytes, with spaces in the place of the checksum. */
const template = Buffer.alloc(blockSize);
template.write('ustar\u000000', fields.magic[0], 'latin1');
for (const [start, length] of [fields.devmajor, fields.devminor]) template.fill('0', start, start + length - 1, 'latin1');
const templateSum = template.reduce((sum, byte) => sum + byte, fields.checksum[1] * 0x20);
const [fixedStart, fixedEnd] = [fields.magic[0], fields.devminor[0] + fields.devminor[1]];

/**
 * Writes the block of a file or folder with an ASCII name of up to 100 bytes, whole seconds, small numbers and no records: the bytes that `formatHeader` gives.
 * @param at where in the chunk its 512 bytes lie, which are zeros
 * @returns false for any other entry: the bytes are zeros still
 */
export function putPlainHeader(entry: TarHeader, size: number, chunk: Uint8Array, at: number): boolean {
  const { path, type = 'file', mode = type === 'directory' ? 0o755 : 0o644, uid = 0, gid = 0, mtime } = entry;
  const isFolder = type === 'directory';
  if (!isFolder && type !== 'file') return false;
  if (isFolder && size !== 0) return false;
  if (entry.linkname || entry.uname || entry.gname || (entry.pax && entry.pax.size > 0)) return false;
  if (!fits(mode, max7) || !fits(uid, max7) || !fits(gid, max7) || !fits(size, max11)) return false;
  if (mtime && (mtime.nanoseconds !== 0 || !fits(mtime.seconds, max11))) return false;
  if (path.length === 0 || path.length > nameLength) return false;

  let sum = templateSum + (isFolder ? 0x35 : 0x30);
  for (let i = 0; i < path.length; i++) {
    const code = path.charCodeAt(i);
    if (code === 0 || code > 0x7f) {
      chunk.fill(0, at, at + i);
      return false;
    }
    chunk[at + i] = code;
    sum += code;
  }
  sum += putDigits(chunk, at + fields.mode[0], 7, mode);
  sum += putDigits(chunk, at + fields.uid[0], 7, uid);
  sum += putDigits(chunk, at + fields.gid[0], 7, gid);
  sum += putDigits(chunk, at + fields.size[0], 11, size);
  sum += putDigits(chunk, at + fields.mtime[0], 11, mtime?.seconds ?? 0);
  chunk[at + fields.typeflag[0]] = isFolder ? 0x35 : 0x30;
  for (let i = fixedStart; i < fixedEnd; i++) chunk[at + i] = template[i]!;
  putDigits(chunk, at + fields.checksum[0], 6, sum);
  chunk[at + fields.checksum[0] + 7] = 0x20;
  return true;
}

function fits(value: number, max: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= max;
}

/** Octal digits, without the NUL behind them. Returns the sum of their bytes. */
export function putDigits(chunk: Uint8Array, start: number, count: number, value: number): number {
  let sum = 0;
  let rest = value;
  let at = start + count - 1;
  // What is over 31 bits, until the rest is cheap.
  for (; rest > 0x7fffffff; at--) {
    const digit = 0x30 + (rest % 8);
    chunk[at] = digit;
    sum += digit;
    rest = Math.floor(rest / 8);
  }
  for (; at >= start; at--) {
    const digit = 0x30 | (rest & 7);
    chunk[at] = digit;
    sum += digit;
    rest >>= 3;
  }
  return sum;
}
