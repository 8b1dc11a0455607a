/**
 * PAX extended header records (POSIX.1-2024, pax, "pax Extended Header"): `LENGTH KEYWORD=VALUE\n`, where LENGTH is decimal and counts
 * the whole record, itself and the newline too. Values are bytes; an empty one takes back what a global header said.
 *
 * Strict, as the readers of the container world are (Go's archive/tar): whatever they refuse is refused here, so that no archive
 * shows one tree to us and another to them.
 */

import { ImageError } from '../../errors.ts';
import type { Timestamp } from './entry.ts';
import { decodeName, encodeName } from './name.ts';

const space = 0x20;
const newline = 0x0a;
const equals = 0x3d;

/** Keywords whose value is a name: NUL cannot be in one. In all others, NUL cannot be in the keyword. */
const names = new Set(['path', 'linkpath', 'uname', 'gname']);

/** The records of one extended header in order, repeated keywords too. Throws `invalid-content`. */
export function parsePax(bytes: Uint8Array): [keyword: string, value: string][] {
  const records: [string, string][] = [];
  for (let at = 0; at < bytes.length;) {
    let length = 0;
    let digits = at;
    while (digits < bytes.length && digits - at < 9 && bytes[digits]! >= 0x30 && bytes[digits]! <= 0x39)
      length = length * 10 + bytes[digits++]! - 0x30;
    const end = at + length;
    if (digits === at || bytes[digits] !== space || end > bytes.length || end <= digits + 2 || bytes[end - 1] !== newline) {
      throw new ImageError('invalid-content', 'a PAX record has a wrong length');
    }
    const sign = bytes.indexOf(equals, digits + 1);
    if (sign === -1 || sign >= end || sign === digits + 1) throw new ImageError('invalid-content', 'a PAX record has no keyword');
    const keyword = decodeName(bytes.subarray(digits + 1, sign));
    const value = bytes.subarray(sign + 1, end - 1);
    if (names.has(keyword) ? value.includes(0) : keyword.includes('\0')) {
      throw new ImageError('invalid-content', `the PAX record ${JSON.stringify(keyword)} has a NUL in it`);
    }
    records.push([keyword, decodeName(value)]);
    at = end;
  }
  return records;
}

/** The bytes of one extended header. Records are sorted by keyword (code units): the same records are the same bytes. */
export function formatPax(records: ReadonlyMap<string, string>): Uint8Array {
  const sorted = [...records].sort(([a], [b]) => (a < b ? -1 : 1));
  return Buffer.concat(sorted.map(([keyword, value]) => formatRecord(keyword, value)));
}

function formatRecord(keyword: string, value: string): Uint8Array {
  if (keyword === '' || keyword.includes('=') || (names.has(keyword) ? value : keyword).includes('\0')) {
    throw new ImageError('invalid-argument', `${JSON.stringify(keyword)} with this value cannot be a PAX record`);
  }
  const text = encodeName(` ${keyword}=${value}\n`);
  let length = text.length + String(text.length).length;
  if (String(length).length + text.length !== length) length++; // the length's own digits took it past a power of ten
  return Buffer.concat([Buffer.from(String(length)), text]);
}

/** A PAX time, `[-]SECONDS[.FRACTION]`, to the nanosecond; further digits are cut off. Undefined if it is none. */
export function parsePaxTime(value: string): Timestamp | undefined {
  const match = /^(-?)(\d{1,15})(?:\.(\d*))?$/.exec(value);
  if (!match) return undefined;
  const nanoseconds = Number((match[3] ?? '').slice(0, 9).padEnd(9, '0'));
  const seconds = Number(match[2]);
  if (match[1] === '') return { seconds, nanoseconds };
  // -1.25 is three quarters of a second after -2
  return nanoseconds === 0 ? { seconds: 0 - seconds, nanoseconds: 0 } : { seconds: -seconds - 1, nanoseconds: 1_000_000_000 - nanoseconds };
}

/** The shortest PAX time that says this. */
export function formatPaxTime({ seconds, nanoseconds }: Timestamp): string {
  if (nanoseconds === 0) return String(seconds);
  const negative = seconds < 0;
  const whole = negative ? -seconds - 1 : seconds;
  const fraction = negative ? 1_000_000_000 - nanoseconds : nanoseconds;
  return `${negative ? '-' : ''}${whole}.${String(fraction).padStart(9, '0').replace(/0+$/, '')}`;
}
