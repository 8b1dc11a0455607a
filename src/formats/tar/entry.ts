/**
 * What a tar archive says of one entry, whatever dialect (v7, ustar, GNU, PAX, star) said it.
 *
 * Names are bytes in a tar. Here they are strings: valid UTF-8 decodes as itself, and each byte that is not part of a valid sequence
 * becomes the lone surrogate U+DC00 + byte, which no valid UTF-8 can give. So two different names are never equal, `encodeName`
 * gives back the exact bytes, and values of xattrs (any bytes) travel in the same strings. See name.ts.
 */

/** Seconds since 1970 (negative before it) and the part of a second, 0 … 999_999_999. */
export interface Timestamp {
  readonly seconds: number;
  readonly nanoseconds: number;
}

/** `other` is a typeflag that we give no meaning to (GNU volume label `V`, vendor types): `typeflag` says which; it may have a body. */
export type TarEntryType = 'file' | 'hard-link' | 'symlink' | 'character-device' | 'block-device' | 'directory' | 'fifo' | 'other';

/** A piece of a sparse file that is stored: `length` bytes belong at `offset`; everything between the pieces is zeros. */
export interface SparsePiece {
  readonly offset: number;
  readonly length: number;
}

/** What can be written: everything but `path` has a default. `writeTar` takes it, and a `TarEntry` is one. */
export interface TarHeader {
  /** With forward slashes, exactly as in the archive: `./` in front and `/` at the end of a folder are kept, `..` and absolute paths too. */
  readonly path: string;
  /** Default: `file`. */
  readonly type?: TarEntryType;
  /** Permission bits, with setuid, setgid and sticky; the file type bits that some writers add are kept. Default: 0o644, folders 0o755. */
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly uname?: string;
  readonly gname?: string;
  /** Bytes of the body; of a sparse file, of all of it. Default: 0, or the length of a body given as bytes. */
  readonly size?: number;
  /** Default: 1970-01-01. */
  readonly mtime?: Timestamp;
  /** Where a symlink points, or the path of the entry that a hard link is another name of. */
  readonly linkname?: string;
  readonly devmajor?: number;
  readonly devminor?: number;
  /** PAX records by keyword (`SCHILY.xattr.*`, `MSWINDOWS.*`, `LIBARCHIVE.*`, `atime` …). Read: all of them, global ones below the entry's own. */
  readonly pax?: ReadonlyMap<string, string>;
}

/** One entry as read. Offsets are bytes of the uncompressed archive. */
export interface TarEntry extends Required<TarHeader> {
  /** The typeflag byte as a character; `\0` for v7's files. */
  readonly typeflag: string;
  /** Of the entry's first block: that of its extended headers where it has some. */
  readonly headerOffset: number;
  readonly bodyOffset: number;
  /** Bytes that the body takes in the archive, without padding: `size`, unless the file is sparse or the type has no body. */
  readonly storedSize: number;
  /** Only on a sparse file: where the stored bytes belong, in order, without overlap. */
  readonly sparse: readonly SparsePiece[] | undefined;
}

/** Bounds on what an archive may ask of us. Passing one is an ImageError `too-large`. */
export interface TarLimits {
  /** Entries in one archive; global headers count as such. */
  readonly entries: number;
  /** Bytes of extended headers (PAX, GNU long names, sparse maps) in front of one entry. */
  readonly metadata: number;
  /** Bytes of one path or link target. */
  readonly path: number;
  /** Bytes of zeros that sparse files of one archive may stand for. */
  readonly holes: number;
  /** Bytes that may follow the end of the archive; they are read and not looked at. */
  readonly trailing: number;
}

export const defaultTarLimits: TarLimits = {
  entries: 5_000_000,
  metadata: 1 << 20,
  path: 64 << 10,
  holes: 64 * 2 ** 30,
  trailing: 64 << 20,
};
