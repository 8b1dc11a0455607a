import type { Readable } from 'node:stream';
import { ImageError } from '../errors.ts';
import type { Union } from './union.ts';

/** The upper tree as a layer's tar. */
export function layerTar(union: Union, options: { readonly signal?: AbortSignal | undefined } = {}): Readable {
  void [union, options];
  throw new ImageError('internal', 'being written');
}
