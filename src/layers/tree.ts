import type { Readable } from 'node:stream';
import { ImageError } from '../errors.ts';
import type { TreeEntry } from './tree-entry.ts';

export class Tree {
  readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
  }

  static open(folder: string): Tree {
    return new Tree(folder);
  }

  /** Bytes of its files, hard links once. */
  get size(): number {
    throw new ImageError('internal', 'being written');
  }

  entry(path: string): TreeEntry | undefined {
    void [path];
    throw new ImageError('internal', 'being written');
  }

  children(path: string): TreeEntry[] {
    void [path];
    throw new ImageError('internal', 'being written');
  }

  *walk(path = ''): Generator<TreeEntry, void, undefined> {
    void [path];
    throw new ImageError('internal', 'being written');
  }

  open(entry: TreeEntry): Readable {
    void [entry];
    throw new ImageError('internal', 'being written');
  }

  close(): void {
    throw new ImageError('internal', 'being written');
  }
}
