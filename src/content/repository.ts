import type { Operation } from '../io/operation.ts';
import type { Descriptor } from '../model/descriptor.ts';
import type { Digest, DigestAlgorithm } from '../model/digest.ts';
import type { Reference } from '../model/reference.ts';
import type { ImageSink } from './image-sink.ts';
import type { ImageSource } from './image-source.ts';

/** Part of a sorted list: at most `limit` names, all after `last`. Without `limit`, all. */
export interface Page {
  readonly limit?: number;
  readonly last?: string;
}

/** One repository, remote or of the store: names here are tags and digests. The registry door is a thin skin over the store's. */
export interface Repository extends ImageSource, ImageSink {
  readonly reference: Pick<Reference, 'registry' | 'repository'>;
  /** In plain ASCII order. @throws ImageError `not-found` where there is no such repository */
  tags(page?: Page, options?: Operation): Promise<readonly string[]>;
  /** As the source's, always there: an empty list for a subject that is unknown. `artifactType` leaves only those of that type. */
  referrers(subject: Descriptor, artifactType?: string, options?: Operation): Promise<readonly Descriptor[]>;
  /** Removes one tag. @throws ImageError `manifest-unknown`; `unsupported` where the registry cannot */
  untag(tag: string, options?: Operation): Promise<void>;
  /** Takes a manifest (with its tags) or a blob out of this repository; other repositories keep theirs. @throws ImageError `manifest-unknown`, `blob-unknown`, `unsupported` */
  delete(target: Descriptor, options?: Operation): Promise<void>;
  /** Begins an upload, or goes on with one. @throws ImageError `upload-unknown` */
  upload(id?: string, options?: Operation & { readonly algorithm?: DigestAlgorithm }): Promise<Upload>;
}

/** A blob on its way into a repository. Only `finish` and `cancel` end it; what was appended outlives the process. */
export interface Upload {
  readonly id: string;
  /** Bytes that are there. */
  readonly offset: number;
  /**
   * Adds bytes at `at`, which must be `offset`; undefined means at the end.
   * A body that breaks off leaves what has arrived, and `offset` says how much that is.
   * @throws ImageError `range-invalid` where `at` is not the offset: nothing is changed then
   */
  append(body: AsyncIterable<Uint8Array>, at?: number): Promise<void>;
  /** @throws ImageError `digest-mismatch`: the upload is gone then */
  finish(digest: Digest): Promise<Descriptor>;
  cancel(): Promise<void>;
}
