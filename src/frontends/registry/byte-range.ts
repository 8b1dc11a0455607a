import { ImageError } from '../../errors.ts';

/** Part of a blob: `length` bytes from `offset`. */
export interface ByteRange {
  readonly offset: number;
  readonly length: number;
}

/**
 * Reads a `Range` header (RFC 9110 §14.2) against a blob of `size` bytes. One range is served; of several, and of other units, the header is ignored,
 * which the RFC allows and which no client can use to multiply the answer. A range that goes past the end is cut.
 * @returns undefined where all of the blob is meant, `unsatisfiable` where 416 is the answer: it begins past the end, ends before it begins, or is none
 */
export function parseRange(header: string | undefined, size: number): ByteRange | 'unsatisfiable' | undefined {
  const set = header === undefined ? undefined : /^\s*bytes\s*=(.*)$/i.exec(header)?.[1];
  if (set === undefined || set.includes(',')) return undefined;
  const match = /^\s*(\d*)\s*-\s*(\d*)\s*$/.exec(set);
  const [from = '', to = ''] = match ? match.slice(1) : [];
  if (from === '' && to === '') return 'unsatisfiable';
  if (from === '') {
    const length = Math.min(Number(to), size);
    return length > 0 ? { offset: size - length, length } : 'unsatisfiable';
  }
  const offset = Number(from);
  const end = to === '' ? size - 1 : Math.min(Number(to), size - 1);
  return offset < size && offset <= end ? { offset, length: end - offset + 1 } : 'unsatisfiable';
}

/** The `Content-Range` of an upload's chunk: `FIRST-LAST`, both counted (distribution-spec, "Pushing a blob in chunks"). */
export interface ChunkRange {
  readonly first: number;
  readonly last: number;
}

/** Also RFC 9110's `bytes FIRST-LAST/TOTAL`, which some clients send. @throws ImageError `invalid-argument` */
export function parseChunkRange(header: string | undefined): ChunkRange | undefined {
  if (header === undefined) return undefined;
  const match = /^\s*(?:bytes[ =])?\s*(\d{1,15})-(\d{1,15})(?:\/(?:\d{1,15}|\*))?\s*$/i.exec(header);
  const [first, last] = [Number(match?.[1]), Number(match?.[2])];
  if (!match || last < first)
    throw new ImageError('invalid-argument', `invalid Content-Range ${JSON.stringify(header.slice(0, 160))}: it is FIRST-LAST in bytes`);
  return { first, last };
}
