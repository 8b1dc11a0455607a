/** What a WIM file says of one name in one of its images. The facts are those of the file, none is judged or changed. */

/** Bytes that a WIM file holds once, whoever uses them. */
export interface WimBlob {
  /** 40 hex digits, of the bytes unpacked; '' for no bytes at all, which a WIM does not hold. */
  readonly sha1: string;
  /** Bytes, unpacked; 0 where that is not known. */
  readonly size: number;
  /** In none of the files given: a delta WIM without its base. It cannot be read. */
  readonly isMissing?: true;
  /** Its number in the lookup table, where whoever made this knows it. */
  readonly row?: number | undefined;
}

export interface WimEntry {
  /** UTF-16 as it is stored, lone surrogates too; '' for the root. */
  readonly name: string;
  /** The 8.3 name; '' where there is none. */
  readonly shortName: string;
  /** FILE_ATTRIBUTE_* bits (MS-FSCC §2.6). */
  readonly attributes: number;
  /** A self-relative SECURITY_DESCRIPTOR (MS-DTYP §2.4.6). */
  readonly descriptor?: Uint8Array | undefined;
  /** FILETIMEs: units of 100 ns since 1601-01-01 UTC. */
  readonly created: bigint;
  readonly accessed: bigint;
  readonly written: bigint;
  /** The unnamed stream of a file, of a reparse point too; undefined for a folder. */
  readonly data?: WimBlob | undefined;
  /** Alternate data streams, of files and folders. */
  readonly streams: readonly WimStream[];
  /** Only where the attributes say that it is one. */
  readonly reparse?: WimReparse | undefined;
  /** Names of one number in one image are one file; 0n where the file has one name. */
  readonly linkGroup: bigint;
  /** Tagged items, byte for byte and in their order: extended attributes, object ids, owners and modes of UNIX. */
  readonly items: readonly WimItem[];
  /** The field at 0x54, of no known meaning: 0 in most files. */
  readonly unknown54: number;
}

export interface WimStream {
  readonly name: string;
  readonly data: WimBlob;
}

export interface WimReparse {
  readonly tag: number;
  readonly reserved: number;
  /** Bit 0: an absolute target that was not made relative to the image's root. */
  readonly flags: number;
  /** The reparse buffer without its header of 8 bytes. */
  readonly data: WimBlob;
}

export interface WimItem {
  readonly tag: number;
  readonly data: Uint8Array;
}

/** FILE_ATTRIBUTE_* bits that decide what an entry is. */
export const wimAttributes = {
  directory: 0x10,
  archive: 0x20,
  normal: 0x80,
  sparse: 0x200,
  reparsePoint: 0x400,
  encrypted: 0x4000,
} as const;
