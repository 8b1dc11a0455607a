import type { Readable } from 'node:stream';
import { ImageError } from '../errors.ts';
import type { Union } from './union.ts';

export interface ExportOptions {
  /** What names begin with in place of the path's last part; '' for none, and no entry for the folder itself, as docker's `export` has it. */
  readonly prefix?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** The tree below a path as a tar. Default names: as in docker's `GET /containers/ID/archive`. */
export function exportTar(union: Union, path: string, options: ExportOptions = {}): Readable {
  void [union, path, options];
  throw new ImageError('internal', 'being written');
}
