/** One entry's header block, with what the extended headers in front of it say. */

import { ImageError } from '../../errors.ts';
import { dialect, fields, number, numberAt, text } from './block.ts';
import type { SparsePiece, TarEntry, TarEntryType, TarLimits, Timestamp } from './entry.ts';
import type { ExtendedHeaders } from './extended.ts';
import { parsePaxTime } from './pax.ts';
import { paxSparse } from './sparse.ts';

/** An entry before its sparse map, if it has one, is read. */
export interface Draft extends Omit<TarEntry, 'headerOffset' | 'bodyOffset' | 'storedSize' | 'sparse'> {
  readonly sparse: readonly SparsePiece[] | 'old-gnu' | 'leading-map' | undefined;
  /** Bytes of body that follow, a leading map among them. */
  stored: number;
}

const types: Readonly<Record<string, TarEntryType>> = {
  '\0': 'file',
  '0': 'file',
  '1': 'hard-link',
  '2': 'symlink',
  '3': 'character-device',
  '4': 'block-device',
  '5': 'directory',
  '6': 'fifo',
  '7': 'file', // contiguous
  S: 'file', // old GNU sparse
};

/** Reads the block. Throws `invalid-content`, and `too-large` for a name beyond the limit. */
export function readHeader(block: Uint8Array, typeflag: string, extended: ExtendedHeaders, limits: TarLimits): Draft {
  const kind = dialect(block);
  const pax = extended.merged();
  const sparse = extended.local.length === 0 ? undefined : paxSparse(extended.local);

  // the order in which Go's reader lets them win: GNU's long names, PAX, the block
  const path = extended.longName ?? sparse?.name ?? (pax.get('path') || headerPath(block, kind));
  const linkname = extended.longLink ?? (pax.get('linkpath') || text(block, 'linkname'));
  for (const name of [path, linkname]) {
    // a code unit is at least one byte: cheap, and as good a bound
    if (name.length > limits.path) throw new ImageError('too-large', `it has a name of more than ${limits.path} bytes`);
  }
  if (path === '') throw new ImageError('invalid-content', 'it has no name');

  let type = types[typeflag] ?? 'other';
  if (typeflag === '\0' && path.endsWith('/')) type = 'directory';
  const stored = decimal(pax, 'size') ?? number(block, 'size');
  if (stored < 0) throw new ImageError('invalid-content', 'it has a negative size');
  const hasBody = type === 'file' || type === 'other';
  const isOldGnu = typeflag === 'S';
  if (sparse && (!hasBody || isOldGnu)) throw new ImageError('invalid-content', 'it has a sparse map and cannot have one');
  const realSize = isOldGnu ? number(block, 'gnuRealSize') : undefined;
  if (realSize !== undefined && realSize < 0) throw new ImageError('invalid-content', 'it has a negative size');
  const isDevice = type === 'character-device' || type === 'block-device';

  return {
    path,
    type,
    typeflag,
    mode: number(block, 'mode'),
    uid: decimal(pax, 'uid') ?? number(block, 'uid'),
    gid: decimal(pax, 'gid') ?? number(block, 'gid'),
    uname: pax.get('uname') || (kind === 'v7' ? '' : text(block, 'uname')),
    gname: pax.get('gname') || (kind === 'v7' ? '' : text(block, 'gname')),
    size: hasBody ? (sparse?.size ?? realSize ?? stored) : 0,
    mtime: modified(block, pax),
    linkname,
    devmajor: isDevice && kind !== 'v7' ? number(block, 'devmajor') : 0,
    devminor: isDevice && kind !== 'v7' ? number(block, 'devminor') : 0,
    pax,
    sparse: isOldGnu ? 'old-gnu' : sparse && (sparse.map ?? 'leading-map'),
    stored: hasBody ? stored : 0,
  };
}

function headerPath(block: Uint8Array, kind: ReturnType<typeof dialect>): string {
  const name = text(block, 'name');
  if (kind === 'v7' || block[fields.prefix[0]] === 0) return name;
  // GNU has no prefix but a time there; Go before 1.8 wrote a prefix all the same
  if (kind === 'gnu' && numberAt(block, ...fields.gnuAtime) !== undefined) return name;
  const prefix = text(block, kind === 'star' ? 'starPrefix' : 'prefix');
  return prefix === '' ? name : `${prefix}/${name}`;
}

function decimal(pax: ReadonlyMap<string, string>, keyword: string): number | undefined {
  const value = pax.get(keyword);
  if (value === undefined || value === '') return undefined;
  const result = /^-?\d{1,16}$/.test(value) ? Number(value) : NaN;
  if (!Number.isSafeInteger(result)) throw new ImageError('invalid-content', `its PAX ${keyword} is not a number that a tar can hold`);
  return result;
}

function modified(block: Uint8Array, pax: ReadonlyMap<string, string>): Timestamp {
  const value = pax.get('mtime');
  if (value === undefined || value === '') return { seconds: number(block, 'mtime'), nanoseconds: 0 };
  const time = parsePaxTime(value);
  if (!time) throw new ImageError('invalid-content', 'its PAX mtime is not a time');
  return time;
}
