/** What a WIM file is to be made of. */

import type { WimContainerImage } from './container-image.ts';
import type { WimEntry, WimItem } from './wim-entry.ts';

/** What we write. The first packs best. */
export const writtenCompressions = ['lzx', 'xpress', 'none'] as const;
export type WrittenCompression = (typeof writtenCompressions)[number];

/** Bytes that a worker thread can read by itself. The file must stay as it is until the WIM is written: a change is an error. */
export type NewWimContent =
  | {
      /** An absolute path. */
      readonly file: string;
      /** Bytes from its beginning. */
      readonly offset: number;
      /** Bytes of all of it. */
      readonly size: number;
      /** Pieces of it that are stored, each behind the one before, from `offset` on; all between them is zeros. Without: all of it is. */
      readonly sparse?: readonly { readonly offset: number; readonly length: number }[] | undefined;
    }
  | { readonly bytes: Uint8Array };

export interface NewWimEntry extends Pick<WimEntry, 'name' | 'attributes' | 'created' | 'accessed' | 'written'> {
  readonly shortName?: string | undefined;
  /** A self-relative SECURITY_DESCRIPTOR. Equal ones are kept once. */
  readonly descriptor?: Uint8Array | undefined;
  /** The unnamed stream; not of folders. */
  readonly content?: NewWimContent | undefined;
  /** Alternate data streams. */
  readonly streams?: readonly { readonly name: string; readonly content: NewWimContent }[] | undefined;
  /** Only, and always, where the attributes say that it is one. */
  readonly reparse?: { readonly tag: number; readonly reserved: number; readonly flags: number; readonly data: Uint8Array } | undefined;
  /** Entries of one image with equal numbers are one file; each has all that the file has. Not of folders and reparse points, which have one name each. */
  readonly linkId?: number | bigint | undefined;
  /** Tagged items, in the order in which they are written. */
  readonly items?: readonly WimItem[] | undefined;
  readonly unknown54?: number | undefined;
  /** What is in a folder, asked for once. They are written in the order in which they come; Windows sorts them by their names in capitals. */
  readonly children?: Iterable<NewWimEntry> | AsyncIterable<NewWimEntry> | undefined;
}

/** The WINDOWS element: which Windows is in the image. */
export interface NewWimWindows {
  /** 0 x86, 5 ARM, 9 x64, 12 ARM64. */
  readonly architecture?: number | undefined;
  readonly productName?: string | undefined;
  readonly editionId?: string | undefined;
  readonly installationType?: string | undefined;
  readonly languages?: readonly string[] | undefined;
  readonly defaultLanguage?: string | undefined;
  readonly version?:
    | { readonly major: number; readonly minor: number; readonly build: number; readonly spBuild?: number | undefined }
    | undefined;
  readonly systemRoot?: string | undefined;
}

export interface NewWimImage {
  /** Of one file no two are equal. */
  readonly name: string;
  readonly description?: string | undefined;
  readonly displayName?: string | undefined;
  readonly displayDescription?: string | undefined;
  /** The edition that setup programs choose by, as `ServerDatacenter`. */
  readonly flags?: string | undefined;
  /** Also said to be its last change. */
  readonly created: Date;
  readonly windows?: NewWimWindows | undefined;
  readonly containerImage?: WimContainerImage | undefined;
  /** A folder without a name. */
  readonly root: NewWimEntry;
}
