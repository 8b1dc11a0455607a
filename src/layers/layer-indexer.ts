/**
 * From the entries of a layer's tar to the rows of its index.
 *
 * The tree is what the layer says by itself (image-spec layer.md): a later entry of a name replaces an earlier one, folders are merged, and whiteouts speak of the trees
 * below only, wherever they stand in the archive. Folders on the way that have no entry are implied.
 */

import { ImageError, isImageError } from '../errors.ts';
import type { TarEntry } from '../formats/tar/entry.ts';
import { encodeName } from '../formats/tar/name.ts';
import { rootInode, type TreeIndex } from './tree-index.ts';
import { type Row, impliedFolder, moreOf, moreText } from './tree-row.ts';
import type { TreeEntryType } from './tree-entry.ts';
import { nameRecords, wimPrefix } from './wim-records.ts';
import { checkWindowsPath } from './windows.ts';

export const whiteoutPrefix = '.wh.';
export const opaqueMarker = '.wh..wh..opq';
/** AUFS kept things of its own under such names; readers pass over them. */
const metadataPrefix = '.wh..wh.';

/** Linux's NAME_MAX and PATH_MAX: what is longer could be put on no disk. Bytes. */
const maxName = 255;
const maxPath = 4096;
/** NTFS counts UTF-16 code units: 255 in a name (which windows.ts holds files to), and this many in a path. */
const maxWindowsPath = 32_767;

/** Of Linux's device numbers, 12 and 20 bits. */
const maxMajor = 0xfff;
const maxMinor = 0xf_ffff;

const mayHaveStreams: ReadonlySet<string> = new Set(['file', 'directory', 'symlink'] satisfies TreeEntryType[]);

/** So many folders are remembered; others are looked up again. */
const remembered = 20_000;

export class LayerIndexer {
  readonly #index: TreeIndex;
  readonly #isWindows: boolean;
  #inode = rootInode;
  /** Inodes of folders by their paths as they are compared. */
  readonly #folders = new Map<string, number>();

  constructor(index: TreeIndex) {
    this.#index = index;
    this.#isWindows = index.os === 'windows';
  }

  /** @throws ImageError `invalid-content` for what no layer may hold */
  add(entry: TarEntry): void {
    const parts = partsOf(entry.path, this.#index.os);
    if (parts.some((part) => part.startsWith(metadataPrefix))) {
      if (parts.at(-1) === opaqueMarker && !this.#isWindows) this.#hide(entry, parts.slice(0, -1));
      return;
    }
    if (parts.slice(0, -1).some((part) => part.startsWith(whiteoutPrefix))) throw refuse(entry, 'it lies below a whiteout');
    const name = parts.at(-1);
    if (name === undefined) this.#root(entry);
    else if (name.startsWith(whiteoutPrefix)) this.#whiteout(entry, [...parts.slice(0, -1), name.slice(whiteoutPrefix.length)]);
    else if (this.#isWindows && name.includes(':')) this.#stream(entry, parts);
    else this.#entry(entry, parts);
  }

  #root(entry: TarEntry): void {
    if (entry.type !== 'directory') throw refuse(entry, 'the root can only be a folder');
    if (this.#isWindows) return;
    const { opaque } = this.#index.root();
    this.#index.replace(0, '', { ...rowOf(entry, '', rootInode, 'linux'), opaque });
  }

  #entry(entry: TarEntry, parts: readonly string[]): void {
    if (this.#isWindows) this.#checkWindows(entry, parts);
    const name = parts.at(-1)!;
    const parent = this.#folder(entry, parts, parts.length - 1);
    if (entry.type === 'hard-link') {
      const { inode, ...target } = this.#linked(entry);
      const more = moreOfName(target, entry.pax);
      if (this.#put(entry, parent, name, { ...target, name, inode, more })) this.#index.countLink(inode);
      return;
    }
    const row = rowOf(entry, name, this.#inode + 1, this.#isWindows ? 'windows' : 'linux');
    if (!this.#put(entry, parent, name, row)) return;
    this.#inode++;
    if (row.type === 'directory') this.#remember(parts, parts.length, row.inode);
  }

  /** Gives a name to a row, in the place of what is there. False where the inode that is there keeps it: it has it already, or is a folder as the row is. */
  #put(entry: TarEntry, parent: number, name: string, row: Row): boolean {
    const key = this.#index.key(name);
    if (this.#index.insert(parent, key, row)) return true;
    const there = this.#index.child(parent, key)!;
    this.#refuseTwin(entry, there, name);
    if (there.inode === row.inode) return false;
    const isFolder = row.type === 'directory';
    if (there.type === 'directory' && isFolder) {
      this.#index.replace(parent, key, { ...row, inode: there.inode, opaque: there.opaque });
      return false;
    }
    this.#index.remove(parent, key, there);
    if (there.type === 'directory') this.#folders.clear();
    // What was there hid the trees below, and a folder in its place shows nothing of them.
    this.#index.replace(parent, key, isFolder ? { ...row, opaque: true } : row);
    return true;
  }

  #whiteout(entry: TarEntry, parts: readonly string[]): void {
    const name = parts.at(-1)!;
    if (name === '' || name === '.' || name === '..') throw refuse(entry, 'it is a whiteout of nothing');
    if (this.#isWindows) this.#checkWindows(entry, parts);
    const parent = this.#folder(entry, parts, parts.length - 1);
    const key = this.#index.key(name);
    const { seconds, nanoseconds } = entry.mtime;
    const row: Row = { ...impliedFolder, type: 'whiteout', implied: false, mode: 0, name, inode: ++this.#inode, seconds, nanoseconds };
    if (this.#index.insert(parent, key, row)) return;
    const there = this.#index.child(parent, key)!;
    // A file hides what is below it anyway. A folder that was on the way to others only is a new one.
    if (there.type === 'directory') this.#index.replace(parent, key, { ...there, opaque: true, implied: false });
  }

  /** An opaque marker in this folder. */
  #hide(entry: TarEntry, parts: readonly string[]): void {
    this.#folder(entry, parts, parts.length);
    const parent = parts.length === 0 ? 0 : this.#folder(entry, parts, parts.length - 1);
    const key = parts.length === 0 ? '' : this.#index.key(parts.at(-1)!);
    this.#index.replace(parent, key, { ...this.#index.child(parent, key)!, opaque: true });
  }

  /** `name:stream` beside what has that name: an alternate data stream of it. */
  #stream(entry: TarEntry, parts: readonly string[]): void {
    const [name = '', stream = '', ...more] = parts.at(-1)!.split(':');
    if (entry.type !== 'file' || stream === '' || stream.length > maxName || more.length > 0) throw refuse(entry, 'it is no data stream');
    const path = [...parts.slice(0, -1), name];
    this.#checkWindows(entry, path);
    const parent = this.#folder(entry, path, path.length - 1);
    const key = this.#index.key(name);
    const row = this.#index.child(parent, key);
    if (!row || !mayHaveStreams.has(row.type)) throw refuse(entry, 'it is a data stream of what is not there');
    const old = moreOf(row);
    const sparse = entry.sparse?.map(({ offset, length }) => [offset, length] as const);
    const added = { name: stream, size: entry.size, offset: entry.bodyOffset, ...(sparse && { sparse }) };
    const others = (old.streams ?? []).filter((other) => this.#index.key(other.name) !== this.#index.key(stream));
    this.#index.replace(parent, key, { ...row, more: JSON.stringify({ ...old, streams: [...others, added] }) });
  }

  /** The row that a hard link is another name of. */
  #linked(entry: TarEntry): Row {
    const parts = partsOf(entry.linkname, this.#index.os, `${JSON.stringify(entry.path)}, which is a hard link to it,`);
    const [root, below] = parts;
    if (this.#isWindows && root !== 'Files' && !(root === 'UtilityVM' && below === 'Files')) {
      throw refuse(entry, `it is a hard link to ${JSON.stringify(entry.linkname)}, and such are only in Files and UtilityVM/Files`);
    }
    const parent = parts.length === 0 ? undefined : this.#find(parts, parts.length - 1);
    const key = this.#index.key(parts.at(-1) ?? '');
    const target = parent === undefined ? undefined : this.#index.child(parent, key);
    if (parent === undefined || !target || target.type === 'whiteout') {
      throw refuse(entry, `it is a hard link to ${JSON.stringify(entry.linkname)}, which the layer has not`);
    }
    if (target.type === 'directory') throw refuse(entry, `it is a hard link to ${JSON.stringify(entry.linkname)}, which is a folder`);
    return this.#index.link(parent, key, target);
  }

  /** The inode of the folder that the first `count` parts name; undefined if the layer has none there. */
  #find(parts: readonly string[], count: number): number | undefined {
    if (count === 0) return rootInode;
    const known = this.#folders.get(this.#path(parts, count));
    if (known !== undefined) return known;
    const parent = this.#find(parts, count - 1);
    const row = parent === undefined ? undefined : this.#index.child(parent, this.#index.key(parts[count - 1]!));
    return row?.type === 'directory' ? row.inode : undefined;
  }

  /** The same, made where there is none. */
  #folder(entry: TarEntry, parts: readonly string[], count: number): number {
    if (count === 0) return rootInode;
    const path = this.#path(parts, count);
    const known = this.#folders.get(path);
    if (known !== undefined) return known;
    const parent = this.#folder(entry, parts, count - 1);
    const name = parts[count - 1]!;
    const key = this.#index.key(name);
    const row = this.#index.child(parent, key);
    let inode = row?.inode;
    if (row && row.type !== 'whiteout') {
      this.#refuseTwin(entry, row, name);
      if (row.type !== 'directory') throw refuse(entry, `${JSON.stringify(parts.slice(0, count).join('/'))} on its way is no folder`);
    } else {
      inode = ++this.#inode;
      this.#index.replace(parent, key, { ...impliedFolder, name, inode, opaque: row !== undefined, implied: row === undefined });
    }
    this.#remember(parts, count, inode!);
    return inode!;
  }

  #remember(parts: readonly string[], count: number, inode: number): void {
    if (this.#folders.size >= remembered) this.#folders.clear();
    this.#folders.set(this.#path(parts, count), inode);
  }

  #path(parts: readonly string[], count: number): string {
    const path = count === parts.length ? parts.join('/') : parts.slice(0, count).join('/');
    return this.#index.key(path);
  }

  #refuseTwin(entry: TarEntry, there: Row, name: string): void {
    if (there.name === name) return;
    throw refuse(entry, `${JSON.stringify(there.name)} and ${JSON.stringify(name)} are one name on Windows`);
  }

  #checkWindows(entry: TarEntry, parts: readonly string[]): void {
    try {
      checkWindowsPath(parts.join('/'));
    } catch (error) {
      if (isImageError(error, 'invalid-argument')) throw new ImageError('invalid-content', error.message, { cause: error });
      throw error;
    }
    if (parts.length === 1 && entry.type !== 'directory') throw refuse(entry, 'the roots of a Windows layer are folders');
    if (entry.type === 'character-device' || entry.type === 'block-device' || entry.type === 'fifo') {
      throw refuse(entry, 'Windows has no such files');
    }
  }
}

/** The parts of a path in a layer, taken from the root. `what`: how an error begins. @throws ImageError `invalid-content` for what no layer may hold */
export function partsOf(path: string, os: string, what = JSON.stringify(path)): string[] {
  const parts = path.split('/').filter((part) => part !== '' && part !== '.');
  const refused = (why: string) =>
    new ImageError('invalid-content', `a layer has an entry that is refused: ${what} ${why}`, { detail: { path } });
  if (parts.includes('..')) throw refused('leads out of its folder');
  if (path.includes('\0')) throw refused('has a NUL in it');
  if (os === 'windows') {
    if (path.length > maxWindowsPath) throw refused(`is longer than ${maxWindowsPath} characters`);
    return parts;
  }
  if (path.length * 3 > maxPath && encodeName(path).length > maxPath) throw refused(`is longer than ${maxPath} bytes`);
  if (parts.some((part) => isTooLong(part))) throw refused(`has a part of more than ${maxName} bytes`);
  return parts;
}

/** Whether no disk of Linux could hold this name. */
export function isTooLong(name: string): boolean {
  return name.length * 3 > maxName && encodeName(name).length > maxName;
}

/** The row for a tar's entry that is no hard link. */
export function rowOf(entry: TarEntry, name: string, inode: number, os: string): Row {
  const { type } = entry;
  if (type === 'other') throw refuse(entry, `its type ${JSON.stringify(entry.typeflag)} is unknown`);
  const isDevice = type === 'character-device' || type === 'block-device';
  const isFile = type === 'file';
  if (isDevice && (isBeyond(entry.devmajor, maxMajor) || isBeyond(entry.devminor, maxMinor)))
    throw refuse(entry, 'there is no such device');
  if (type === 'symlink' && (entry.linkname === '' || entry.linkname.includes('\0'))) throw refuse(entry, 'it links to nothing');
  return {
    name,
    inode,
    type: type as TreeEntryType,
    opaque: false,
    implied: false,
    linked: false,
    mode: entry.mode & 0o7777,
    uid: entry.uid,
    gid: entry.gid,
    seconds: entry.mtime.seconds,
    nanoseconds: entry.mtime.nanoseconds,
    size: isFile ? entry.size : 0,
    pack: isFile ? 0 : null,
    offset: isFile ? entry.bodyOffset : null,
    linkTarget: type === 'symlink' ? entry.linkname : undefined,
    more: moreText({
      device: isDevice ? [entry.devmajor, entry.devminor] : undefined,
      pax: keptRecords(entry.pax, os),
      sparse: entry.sparse?.map(({ offset, length }) => [offset, length] as const),
    }),
  };
}

function isBeyond(value: number, max: number): boolean {
  return value < 0 || value > max;
}

/** What one name of several says by itself; all else is the file's, whose first entry says it. */
function moreOfName(target: Pick<Row, 'more'>, pax: ReadonlyMap<string, string>): string | null {
  const isOwn = ([keyword]: readonly [string, string]) => nameRecords.has(keyword);
  const own = [...pax].filter((record) => record[1] !== '' && isOwn(record));
  if (own.length === 0 && !target.more?.includes(wimPrefix)) return target.more;
  const { pax: records = [], ...more } = moreOf(target);
  const kept = [...records.filter((record) => !isOwn(record)), ...own].sort(([a], [b]) => (a < b ? -1 : 1));
  return moreText({ ...more, pax: kept.length === 0 ? undefined : kept });
}

/** The records of a tar's entry that a tree keeps, in the order of their keywords. */
function keptRecords(pax: ReadonlyMap<string, string>, os: string): [string, string][] | undefined {
  if (pax.size === 0) return undefined;
  const isWindows = os === 'windows';
  const kept = [...pax].filter(
    ([keyword, value]) =>
      value !== '' &&
      (keyword.startsWith('SCHILY.xattr.') ||
        keyword.startsWith('LIBARCHIVE.') ||
        keyword.startsWith('MSWINDOWS.') ||
        keyword.startsWith('BAYPLAN.') ||
        (isWindows && (keyword === 'atime' || keyword === 'ctime'))),
  );
  return kept.length === 0 ? undefined : kept.sort(([a], [b]) => (a < b ? -1 : 1));
}

function refuse(entry: TarEntry, why: string): ImageError {
  return new ImageError('invalid-content', `a layer has an entry that is refused: ${JSON.stringify(entry.path)}: ${why}`, {
    detail: { path: entry.path },
  });
}
