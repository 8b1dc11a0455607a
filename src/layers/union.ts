import type { Readable } from 'node:stream';
import { ImageError } from '../errors.ts';
import type { Tree } from './tree.ts';
import type { TreeEntry } from './tree-entry.ts';

export interface UnionTrees {
  readonly upper?: Tree | undefined;
  /** Lowest first. */
  readonly layers: readonly Tree[];
  /** The image's. */
  readonly os: string;
}

/** Where a path leads: the entry, and the path with all links resolved, from the root without a slash in front. */
export interface Located {
  readonly entry: TreeEntry;
  readonly path: string;
}

export class Union {
  readonly upper: Tree | undefined;
  readonly layers: readonly Tree[];
  readonly os: string;

  constructor({ upper, layers, os }: UnionTrees) {
    this.upper = upper;
    this.layers = layers;
    this.os = os;
  }

  /** `follow`: also a link that the whole path names. Links on the way are always followed. */
  lookup(path: string, options: { follow?: boolean } = {}): Located | undefined {
    void [path, options];
    throw new ImageError('internal', 'being written');
  }

  /** What a folder shows, in the order of names. */
  children(path: string): TreeEntry[] {
    void [path];
    throw new ImageError('internal', 'being written');
  }

  /** The entry of `path` itself, then all below it: folders before what is in them, in the order of names. */
  *walk(path = ''): Generator<TreeEntry, void, undefined> {
    void [path];
    throw new ImageError('internal', 'being written');
  }

  open(entry: TreeEntry): Readable {
    void [entry];
    throw new ImageError('internal', 'being written');
  }
}
