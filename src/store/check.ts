import type { Digest } from '../model/digest.ts';

/** Something that is not as it must be. */
export interface Fault {
  readonly kind: 'missing' | 'damaged' | 'unreadable' | 'incomplete' | 'record' | 'index';
  readonly digest?: Digest;
  readonly file?: string;
  /** A sentence. */
  readonly message: string;
}
