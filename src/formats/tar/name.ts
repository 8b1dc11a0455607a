/**
 * Names and other values of a tar: bytes there, strings here, without loss.
 *
 * The rule is that of Python's `surrogateescape` (PEP 383): a byte 0xNN that is not part of a valid UTF-8 sequence is the code unit
 * U+DCNN. Valid UTF-8 never decodes to a lone surrogate, so the two directions are each other's inverse.
 */

import { ImageError } from '../../errors.ts';

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The string for these bytes. Never fails, never loses a byte. */
export function decodeName(bytes: Uint8Array): string {
  for (let i = 0; i < bytes.length; i++) {
    if (bytes[i]! > 0x7f) return decodeBeyondAscii(bytes);
  }
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}

function decodeBeyondAscii(bytes: Uint8Array): string {
  try {
    return strict.decode(bytes);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    return decodeEscaping(bytes);
  }
}

function decodeEscaping(bytes: Uint8Array): string {
  const parts: string[] = [];
  let valid = 0; // where the run of valid sequences before `at` starts
  for (let at = 0; at < bytes.length;) {
    const length = sequenceLength(bytes, at);
    if (length === 0) {
      if (valid < at) parts.push(strict.decode(bytes.subarray(valid, at)));
      parts.push(String.fromCharCode(0xdc00 + bytes[at]!));
      valid = ++at;
    } else at += length;
  }
  if (valid < bytes.length) parts.push(strict.decode(bytes.subarray(valid)));
  return parts.join('');
}

/** The length of the valid UTF-8 sequence at `at`, 0 if there is none (The Unicode Standard, table 3-7). */
function sequenceLength(bytes: Uint8Array, at: number): number {
  const first = bytes[at]!;
  if (first < 0x80) return 1;
  const length = first >= 0xc2 && first <= 0xdf ? 2 : first >= 0xe0 && first <= 0xef ? 3 : first >= 0xf0 && first <= 0xf4 ? 4 : 0;
  if (length === 0 || at + length > bytes.length) return 0;
  const low = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
  const high = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
  if (bytes[at + 1]! < low || bytes[at + 1]! > high) return 0;
  for (let i = 2; i < length; i++) if ((bytes[at + i]! & 0xc0) !== 0x80) return 0;
  return length;
}

/** The bytes that `decodeName` made this string from. Throws `invalid-argument` for a lone surrogate that stands for no byte. */
export function encodeName(name: string): Uint8Array {
  if (name.isWellFormed()) return Buffer.from(name);
  const parts: Uint8Array[] = [];
  for (const character of name) {
    const code = character.codePointAt(0)!;
    if (code >= 0xdc80 && code <= 0xdcff) parts.push(Uint8Array.of(code - 0xdc00));
    else if (code >= 0xd800 && code <= 0xdfff) {
      throw new ImageError('invalid-argument', `${JSON.stringify(name)} cannot be written as a name: it has half of a surrogate pair`);
    } else parts.push(Buffer.from(character));
  }
  return Buffer.concat(parts);
}
