/**
 * Sparse files: where the stored bytes of a file belong. GNU tar has four ways to say it (its manual, "Storing Sparse Files"):
 * old GNU (typeflag `S`, pairs in the header and in extension blocks behind it), and by PAX records 0.0 (repeated offset and numbytes),
 * 0.1 (one list) and 1.0 (a list in front of the body). All four are read; none is written.
 */

import { ImageError } from '../../errors.ts';
import { fields, numberAt } from './block.ts';
import type { SparsePiece } from './entry.ts';

/** What PAX records say of a sparse file. `map` is absent in format 1.0, where the body begins with it. */
export interface PaxSparse {
  readonly name: string | undefined;
  readonly size: number;
  readonly map: SparsePiece[] | undefined;
}

/** The sparse file that an entry's own records describe, undefined if they describe none. */
export function paxSparse(records: readonly (readonly [string, string])[]): PaxSparse | undefined {
  const numbers: string[] = []; // format 0.0: offset, numbytes, offset, numbytes …
  const last = new Map<string, string>();
  for (const [keyword, value] of records) {
    if (!keyword.startsWith('GNU.sparse.')) continue;
    if (keyword === 'GNU.sparse.offset' || keyword === 'GNU.sparse.numbytes') {
      if ((numbers.length % 2 === 0) !== (keyword === 'GNU.sparse.offset')) throw refuse('offsets and lengths do not alternate');
      numbers.push(value);
    } else last.set(keyword, value);
  }
  if (last.size === 0 && numbers.length === 0) return undefined;
  const version = `${last.get('GNU.sparse.major') ?? '0'}.${last.get('GNU.sparse.minor') ?? '0'}`;
  const name = last.get('GNU.sparse.name');
  if (version === '1.0') return { name, size: decimal(last.get('GNU.sparse.realsize') ?? last.get('GNU.sparse.size')), map: undefined };
  if (version !== '0.0' && version !== '0.1') throw new ImageError('unsupported', `it is a sparse file of the unknown format ${version}`);
  const list = last.get('GNU.sparse.map');
  return {
    name,
    size: decimal(last.get('GNU.sparse.size') ?? last.get('GNU.sparse.realsize')),
    map: pairs((list ? list.split(',') : numbers).map(decimal)),
  };
}

/** Reads format 1.0's map, which stands in front of the body as lines of decimal numbers, filled up to a block. */
export class LeadingMap {
  readonly #numbers: number[] = [];
  #digits = '';
  #wanted = 1;

  /** The pieces, once the block with the last of them is given; undefined before. */
  add(block: Uint8Array): SparsePiece[] | undefined {
    for (const byte of block) {
      if (byte !== 0x0a) {
        this.#digits += String.fromCharCode(byte);
        if (this.#digits.length > 16) throw refuse('its map has a number that is too long');
        continue;
      }
      const value = decimal(this.#digits);
      this.#digits = '';
      if (this.#numbers.push(value) === 1) this.#wanted = 1 + 2 * value;
      if (this.#numbers.length === this.#wanted) return pairs(this.#numbers.slice(1));
    }
    return undefined;
  }
}

/** Adds the pairs of an old-GNU header block (`isHeader`) or extension block to `map`. Returns true if another block follows. */
export function addOldGnuPairs(block: Uint8Array, isHeader: boolean, map: SparsePiece[]): boolean {
  const [start, length] = isHeader ? fields.gnuSparse : [0, 21 * 24];
  for (let at = start; at < start + length && block[at] !== 0; at += 24) {
    const offset = numberAt(block, at, 12);
    const bytes = numberAt(block, at + 12, 12);
    if (offset === undefined || bytes === undefined) throw refuse('its map has something that is not a number');
    map.push({ offset, length: bytes });
  }
  return block[isHeader ? fields.gnuIsExtended[0] : 504] !== 0;
}

/** Throws unless the pieces are in order, apart, inside `size`, and make up exactly `stored` bytes. */
export function checkMap(map: readonly SparsePiece[], size: number, stored: number): void {
  let end = 0;
  let sum = 0;
  for (const { offset, length } of map) {
    if (offset < end || length < 0) throw refuse('its pieces overlap or are out of order');
    end = offset + length;
    if (end > size) throw refuse('a piece lies outside the file');
    sum += length;
  }
  if (sum !== stored) throw refuse(`its pieces have ${sum} bytes, its body ${stored}`);
}

function pairs(numbers: readonly number[]): SparsePiece[] {
  if (numbers.length % 2 !== 0) throw refuse('an offset has no length');
  const map: SparsePiece[] = [];
  for (let i = 0; i < numbers.length; i += 2) map.push({ offset: numbers[i]!, length: numbers[i + 1]! });
  return map;
}

function decimal(digits: string | undefined): number {
  const value = digits !== undefined && /^\d{1,16}$/.test(digits) ? Number(digits) : NaN;
  if (!Number.isSafeInteger(value)) throw refuse('its map has something that is not a number');
  return value;
}

function refuse(why: string): ImageError {
  return new ImageError('invalid-content', `its sparse map is wrong: ${why}`);
}
