import type { Operation } from '../io/operation.ts';
import type { Digest } from '../model/digest.ts';

export interface SweepOptions extends Operation {
  /** Says what would go and removes nothing; `roots` count as forgotten then, names and all: it is the plan of forgetting and sweeping them. */
  readonly dryRun?: boolean | undefined;
  /** Only what these held. */
  readonly roots?: readonly Digest[] | undefined;
}

export interface Swept {
  readonly blobs: readonly { readonly digest: Digest; readonly size: number; /** Absent for blobs that are no manifests. */ readonly mediaType?: string }[];
  /** Of the blobs, and of forgotten drafts. */
  readonly bytes: number;
}
