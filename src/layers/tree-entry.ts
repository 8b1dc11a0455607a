import type { Timestamp } from '../formats/tar/entry.ts';

/** `whiteout`: something of this name in the trees below is not there any more. */
export type TreeEntryType = 'file' | 'directory' | 'symlink' | 'character-device' | 'block-device' | 'fifo' | 'whiteout';

/** Where a file's bytes lie. A piece of `sparse` is stored behind the one before it; all between the pieces is zeros. */
export interface Content {
  /** The pack: an absolute path. */
  readonly file: string;
  /** Bytes from its beginning. */
  readonly offset: number;
  readonly sparse?: readonly { readonly offset: number; readonly length: number }[] | undefined;
}

/** An alternate data stream of a file or folder on Windows. */
export interface NamedStream {
  readonly name: string;
  readonly size: number;
  readonly content: Content;
}

/** One name in a tree, with all that its layer says of it. Strings hold any bytes, as those of a tar do (formats/tar/entry.ts). */
export interface TreeEntry {
  /** From the root, with slashes between the parts and none in front; '' is the root. */
  readonly path: string;
  readonly type: TreeEntryType;
  /** Permission bits, with setuid, setgid and sticky: 0 … 0o7777. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtime: Timestamp;
  /** Bytes of a file; 0 for everything else. */
  readonly size: number;
  /** Where a symlink points, as it is written. */
  readonly linkTarget?: string | undefined;
  /** Of a character or block device. */
  readonly device?: { readonly major: number; readonly minor: number } | undefined;
  /** PAX records that are kept: `SCHILY.xattr.*`, `LIBARCHIVE.*`, `MSWINDOWS.*`, our own `BAYPLAN.*`, and on Windows `atime` and `ctime`. */
  readonly pax: ReadonlyMap<string, string>;
  /** Names of one number are hard links of one another, within this tree. */
  readonly inode: number;
  /** How many names of this tree have that number. */
  readonly links: number;
  /** A folder that shows nothing of a folder of its name in the trees below. */
  readonly opaque: boolean;
  /** A folder that is only on the way to others: its layer says nothing of it, so mode, owner, times and records are those of the trees below. */
  readonly implied: boolean;
  /** Only of files. */
  readonly content?: Content | undefined;
  /** Only on Windows. */
  readonly streams?: readonly NamedStream[] | undefined;
}
