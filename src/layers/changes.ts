import { ImageError } from '../errors.ts';
import type { Union } from './union.ts';

export interface Change {
  readonly kind: 'modified' | 'added' | 'deleted';
  /** With a slash in front: `/etc/passwd`. */
  readonly path: string;
}

/** What the upper tree changes, as docker lists it. */
export function changes(union: Union): Change[] {
  void [union];
  throw new ImageError('internal', 'being written');
}
