import { ImageError } from '../errors.ts';
import type { Union } from './union.ts';

export interface ExtractOptions {
  /** Refuses to put a file in the place of a folder, or a folder in that of a file, with docker's texts. */
  readonly noOverwriteDirNonDir?: boolean | undefined;
  /** Everything gets this owner, as docker's `copyUIDGID` gives it that of the container's user; default: as the archive says. */
  readonly owner?: { readonly uid: number; readonly gid: number } | undefined;
  /** The time that folders get in which something is made or removed. */
  readonly now: Date;
  readonly signal?: AbortSignal | undefined;
}

export class Upper {
  readonly folder: string;
  readonly below: Union;

  private constructor(folder: string, below: Union) {
    this.folder = folder;
    this.below = below;
  }

  /** Makes nothing: the folder need not exist before the first change. */
  static open(folder: string, below: Union): Upper {
    return new Upper(folder, below);
  }

  /** What is there now: the trees below with the changes, if there are any. Valid until `close`. */
  union(): Union {
    throw new ImageError('internal', 'being written');
  }

  /** Puts a tar (plain or compressed) into the folder that `path` names: all of it or nothing. */
  async extract(path: string, tar: AsyncIterable<Uint8Array>, options: ExtractOptions): Promise<void> {
    void [path, tar, options];
    throw new ImageError('internal', 'being written');
  }

  /** Takes a path away, with all below it. */
  async remove(path: string, options: { readonly now: Date }): Promise<void> {
    void [path, options];
    throw new ImageError('internal', 'being written');
  }

  close(): void {
    throw new ImageError('internal', 'being written');
  }
}
