/**
 * The 512-byte header block: where its fields lie, how its numbers are written, its checksum.
 *
 * v7, ustar (POSIX.1-1988), GNU, PAX and star share the first 345 bytes; the magic says what the rest is. A number is octal digits
 * between spaces and NULs, or, where the first bit is set (GNU, star), a big-endian two's complement number of the other bits.
 */

import { ImageError } from '../../errors.ts';
import { decodeName } from './name.ts';

export const blockSize = 512;

/** [offset, length] in the block. */
export const fields = {
  name: [0, 100],
  mode: [100, 8],
  uid: [108, 8],
  gid: [116, 8],
  size: [124, 12],
  mtime: [136, 12],
  checksum: [148, 8],
  typeflag: [156, 1],
  linkname: [157, 100],
  magic: [257, 8],
  uname: [265, 32],
  gname: [297, 32],
  devmajor: [329, 8],
  devminor: [337, 8],
  prefix: [345, 155],
  // star
  starPrefix: [345, 131],
  starTrailer: [508, 4],
  // old GNU
  gnuAtime: [345, 12],
  gnuSparse: [386, 96],
  gnuIsExtended: [482, 1],
  gnuRealSize: [483, 12],
} as const satisfies Record<string, readonly [number, number]>;

export type Field = keyof typeof fields;
export type Dialect = 'v7' | 'ustar' | 'star' | 'gnu';

/** True for 512 zeros. */
export function isZeroBlock(block: Uint8Array): boolean {
  for (let i = 0; i < blockSize; i++) if (block[i] !== 0) return false;
  return true;
}

/** True if the checksum field holds the sum of the bytes, taken as unsigned (the standard) or as signed (old Sun and others). */
export function checksumHolds(block: Uint8Array): boolean {
  const stated = octal(block, fields.checksum[0], fields.checksum[1]);
  const sum = checksum(block);
  return stated === sum || (stated !== undefined && stated === sum - 256 * highBytes(block));
}

/** The sum of a block's bytes, with spaces in the place of the checksum. */
export function checksum(block: Uint8Array): number {
  const [start, length] = fields.checksum;
  let sum = length * 0x20;
  for (let i = 0; i < start; i++) sum += block[i]!;
  for (let i = start + length; i < blockSize; i++) sum += block[i]!;
  return sum;
}

/** How many bytes are negative when taken as signed, but for those of the checksum. */
function highBytes(block: Uint8Array): number {
  const [start, length] = fields.checksum;
  let count = 0;
  for (let i = 0; i < blockSize; i++) if (block[i]! > 0x7f && (i < start || i >= start + length)) count++;
  return count;
}

export function dialect(block: Uint8Array): Dialect {
  // "ustar\0" "00", or GNU's "ustar " " \0"
  if (block[257] !== 0x75 || block[258] !== 0x73 || block[259] !== 0x74 || block[260] !== 0x61 || block[261] !== 0x72) return 'v7';
  if (block[262] === 0x20 && block[263] === 0x20 && block[264] === 0) return 'gnu';
  if (block[262] !== 0) return 'v7';
  return block[508] === 0x74 && block[509] === 0x61 && block[510] === 0x72 && block[511] === 0 ? 'star' : 'ustar';
}

/** A text field: up to its first NUL. */
export function text(block: Uint8Array, field: Field): string {
  const [start, length] = fields[field];
  let end = start;
  while (end < start + length && block[end] !== 0) end++;
  return end === start ? '' : decodeName(block.subarray(start, end));
}

/** A number field; an empty one is 0. Throws `invalid-content` for one that is none, or that no double holds exactly. */
export function number(block: Uint8Array, field: Field): number {
  const value = numberAt(block, fields[field][0], fields[field][1]);
  if (value === undefined) throw new ImageError('invalid-content', `its ${field} is not a number that a tar can hold`);
  return value;
}

/** The number in these bytes, undefined if there is none or it is no safe integer. */
export function numberAt(block: Uint8Array, start: number, length: number): number | undefined {
  return block[start]! & 0x80 ? base256(block, start, length) : octal(block, start, length);
}

function octal(block: Uint8Array, start: number, length: number): number | undefined {
  let at = start;
  const end = start + length;
  while (at < end && (block[at] === 0x20 || block[at] === 0)) at++;
  let value = 0;
  for (; at < end; at++) {
    const byte = block[at]!;
    if (byte >= 0x30 && byte <= 0x37) value = value * 8 + byte - 0x30;
    else if (byte === 0x20 || byte === 0) break;
    else return undefined;
  }
  // a NUL ends the field, whatever stands behind it; after a space only more of the two may come
  if (block[at] === 0 && at < end) return value;
  for (; at < end; at++) if (block[at] !== 0x20 && block[at] !== 0) return undefined;
  return value;
}

function base256(block: Uint8Array, start: number, length: number): number | undefined {
  const negative = (block[start]! & 0x40) !== 0;
  let value = BigInt(negative ? block[start]! | ~0xff : block[start]! & 0x7f);
  for (let i = 1; i < length; i++) value = (value << 8n) | BigInt(block[start + i]!);
  const result = Number(value);
  return Number.isSafeInteger(result) ? result : undefined;
}
