import type { Reference } from '../model/reference.ts';
import type { Digest } from '../model/digest.ts';
import type { CataloguePlace } from './catalogue-place.ts';

/** A base image that a source offers. */
export interface FoundBaseImage {
  readonly name: string;
  /** Four parts. */
  readonly version: string;
  readonly publisher: string;
  readonly description: string;
  /** The name of its source. */
  readonly source: string;
  readonly published?: Date;
  /** Bytes that a download brings; absent where only the download would tell. */
  readonly size?: number;
  /** Whether the key of its source has signed the catalogue that it stands in. A registry's tags never are. */
  readonly signature: 'signed' | 'unsigned';
  readonly content: FoundContent;
}

export type FoundContent =
  | {
      readonly kind: 'wim' | 'oci-archive';
      readonly place: CataloguePlace;
      readonly file: string;
      readonly sha256: Digest;
      readonly size: number;
    }
  | { readonly kind: 'registry'; readonly reference: Reference; readonly osVersion?: string };
