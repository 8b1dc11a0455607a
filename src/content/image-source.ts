import type { Readable } from 'node:stream';
import type { Operation } from '../io/operation.ts';
import type { Descriptor } from '../model/descriptor.ts';

export interface OpenOptions extends Operation {
  /** Bytes to leave out at the start. Default 0. */
  readonly offset?: number;
  /** Bytes to give from there; default all the rest. */
  readonly length?: number;
}

/**
 * A place images can be read from: a repository here or elsewhere, the store, a folder, an archive.
 *
 * `resolve` turns a name into what it points at: a tag or digest in a repository, a reference elsewhere.
 * `open` gives the bytes, not verified: bytes are verified where they are kept or parsed.
 */
export interface ImageSource {
  /** @throws ImageError `not-found`, `manifest-unknown` */
  resolve(name: string, options?: Operation): Promise<Descriptor>;
  /** @throws ImageError `blob-unknown`, `manifest-unknown`, `range-invalid` */
  open(target: Descriptor, options?: OpenOptions): Promise<Readable>;
  /** The manifests here whose `subject` is this one (distribution-spec, "Listing Referrers"). A place without it has none to give. */
  referrers?(subject: Descriptor, artifactType?: string, options?: Operation): Promise<readonly Descriptor[]>;
}
