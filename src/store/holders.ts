import type { Digest } from '../model/digest.ts';

/** Why content is kept. */
export interface Holder {
  readonly kind: 'name' | 'origin' | 'image' | 'link' | 'lease';
  /** The name, repository or lease; the digest of a dangling image. */
  readonly id: string;
  /** From what is held down to the content that was asked about, both included. */
  readonly path: readonly Digest[];
}
