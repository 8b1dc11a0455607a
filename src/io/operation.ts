import type { Descriptor } from '../model/descriptor.ts';

/** What every long operation accepts, always last. Aborting `signal` ends it with ImageError `canceled`, and nothing of it runs on. */
export interface Operation {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((event: Progress) => void) | undefined;
}

/**
 * What becomes of one piece of content. For each piece the events are: any of `waiting`, `copying` (again and again, at most every 100 ms),
 * `retrying`, and at last exactly one of the others.
 */
export interface Progress {
  readonly target: Descriptor;
  readonly state:
    | 'waiting'
    | 'copying'
    | 'retrying'
    | 'exists' // the sink had it
    | 'mounted' // the sink took it from another repository of its own
    | 'skipped' // a foreign layer that no place still holds
    | 'done';
  /** Bytes of `target.size` that are there. With `copying`. */
  readonly current?: number;
  /** With `retrying`: milliseconds until then. */
  readonly delay?: number;
  /** With `mounted`: the repository it came from. */
  readonly from?: string;
}
