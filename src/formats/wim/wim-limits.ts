import { ImageError } from '../../errors.ts';

/** What a WIM file may ask of whoever reads it. All are wide for what people make on purpose; each error names the one to raise. */
export interface WimLimits {
  readonly images: number;
  /** Rows of the lookup tables together. */
  readonly blobs: number;
  /** Bytes of the XML document. */
  readonly xml: number;
  /** Bytes of one image's metadata, unpacked. */
  readonly metadata: number;
  /** Files and folders of one image. */
  readonly entries: number;
  readonly depth: number;
  /** UTF-16 units of a path. */
  readonly path: number;
  /** Streams of one file. */
  readonly streams: number;
  /** Security descriptors of one image, and bytes of each. */
  readonly descriptors: number;
  readonly descriptor: number;
  /** Bytes that are packed as one: whoever decodes them holds them twice. */
  readonly chunk: number;
  /** Chunks of all solid resources: where each begins is remembered. */
  readonly solidChunks: number;
  /** Bytes of what a reparse point says. */
  readonly reparse: number;
}

export const defaultWimLimits: WimLimits = {
  images: 1024,
  blobs: 20_000_000,
  xml: 16 * 2 ** 20,
  // Ten million entries with short names.
  metadata: 1536 * 2 ** 20,
  entries: 10_000_000,
  depth: 1024,
  path: 32_767,
  streams: 1024,
  descriptors: 1_000_000,
  descriptor: 65_536,
  chunk: 64 * 2 ** 20,
  solidChunks: 2 ** 24,
  reparse: 16 * 1024,
};

/** The error of a file that asks for more than a limit: `subject has 70000 images, over the limit of 1024`. */
export function overLimit(limit: keyof WimLimits, limits: WimLimits, sentence: string): ImageError {
  return new ImageError('too-large', `${sentence}, over the limit of ${limits[limit]} (${limit})`, {
    hint: `If you trust the file, raise the limit: --limit ${limit}=NUMBER.`,
    detail: { limit, value: limits[limit] },
  });
}
