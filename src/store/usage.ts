import type { Digest } from '../model/digest.ts';

/** What takes space, in packed bytes. */
export interface Usage {
  /** All blobs. */
  readonly total: number;
  /** What nothing holds: a sweep would free it. */
  readonly unheld: number;
  /** Partial downloads and uploads. */
  readonly drafts: number;
  readonly images: readonly ImageUsage[];
}

export interface ImageUsage {
  readonly target: Digest;
  readonly size: number;
  /** Bytes that another image has too. */
  readonly shared: number;
  readonly unique: number;
}
