import type { Digest } from '../model/digest.ts';

/**
 * That one image was made from another. `recorded`: who made it said so here. `proved`: it stands on the very layers of the other, by their blobs or by diff IDs that were
 * computed here. `claimed`: only its own documents say so, which anybody may write.
 */
export interface Relation {
  /** The other image, as `images()` lists it; a recorded one may be in no list any more. */
  readonly image: Digest;
  readonly how: 'recorded' | 'proved' | 'claimed';
  /** Who recorded it; or what shows it: the layers, or `org.opencontainers.image.base.digest`. */
  readonly by: Recorder | 'layers' | 'annotation';
  /** How many of its lowest layers are the other's, where they show it. */
  readonly layers?: number;
}

/** Who was made from whom, of all images. */
export interface Forest {
  /** The children of each image, in no order; an image that is in no list any more too, where something was recorded as made from it. */
  readonly children: ReadonlyMap<Digest, readonly Relation[]>;
  /** The parent of each image that has any: of several the best known, and among those the one that comes first. */
  readonly first: ReadonlyMap<Digest, Relation>;
}

export type Recorder = 'commit' | 'build' | 'install';

/** What an image was made from, as who makes it says it. */
export interface RecordedParent {
  /** The manifest, or the index. */
  readonly digest: Digest;
  readonly how: Recorder;
}
