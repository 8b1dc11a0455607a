import type { Descriptor } from '../model/descriptor.ts';
import type { Reference } from '../model/reference.ts';

/** One change of a name. Order is `number`, never the clock. */
export interface JournalEntry {
  readonly number: number;
  readonly time: Date;
  readonly actor: string;
  readonly verb: string;
  /** Absent where a dangling image was given up. */
  readonly name?: Reference;
  readonly before?: Descriptor;
  readonly after?: Descriptor;
}

export interface JournalOptions {
  /** Only entries after this number, oldest first. Without it the newest come, newest first. */
  readonly since?: number | undefined;
  /** Only this name's. */
  readonly name?: string | undefined;
  readonly limit?: number | undefined;
}
