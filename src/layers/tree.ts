import { Readable } from 'node:stream';
import { ImageError } from '../errors.ts';
import { PackReader } from './pack-reader.ts';
import { rootInode, TreeIndex } from './tree-index.ts';
import type { Row } from './tree-row.ts';
import type { TreeEntry } from './tree-entry.ts';

/**
 * One layer's tree, or a container's changes, as its layer says it: with whiteouts, opaque and implied folders, and names exactly as in the tar.
 * What an image shows is a `Union` of such. Holds its index open until `close`, which a folder must be before it is moved or removed.
 */
export class Tree {
  /** For the union that it is part of, and the acts that change it: nobody else. */
  readonly index: TreeIndex;

  private constructor(index: TreeIndex) {
    this.index = index;
  }

  /** @throws ImageError `not-found` where there is no tree, or one that was never finished; `store-unusable` for a damaged one */
  static open(folder: string): Tree {
    const tree = Tree.find(folder);
    if (!tree) throw new ImageError('not-found', `there is no tree in ${folder}`);
    return tree;
  }

  /** The same, undefined where there is none. */
  static find(folder: string): Tree | undefined {
    const index = TreeIndex.find(folder);
    return index && new Tree(index);
  }

  get folder(): string {
    return this.index.folder;
  }

  /** Bytes of its files, those of several names once. */
  get size(): number {
    return this.index.size();
  }

  /** By its exact path, or on Windows one that differs by case. No link is followed. */
  entry(path: string): TreeEntry | undefined {
    const found = this.#find(path);
    return found && this.index.entry(found.row, found.path);
  }

  /** In the order of names; of what is no folder, none. */
  children(path: string): TreeEntry[] {
    const found = this.#find(path);
    if (found?.row.type !== 'directory') return [];
    return this.#list(found.row.inode).map((row) => this.index.entry(row, joined(found.path, row.name)));
  }

  /** The entry of this path, then all below it: folders before what is in them, in the order of names. */
  *walk(path = ''): Generator<TreeEntry, void, undefined> {
    const found = this.#find(path);
    const waiting = found ? [found] : [];
    for (let next = waiting.pop(); next; next = waiting.pop()) {
      const { row, path: here } = next;
      yield this.index.entry(row, here);
      if (row.type !== 'directory') continue;
      for (const child of this.#list(row.inode).reverse()) waiting.push({ row: child, path: joined(here, child.name) });
    }
  }

  /** The bytes of a file of any tree. @throws ImageError `invalid-argument` for what is no file */
  open(entry: TreeEntry): Readable {
    return openContent(entry);
  }

  close(): void {
    this.index.close();
  }

  #list(inode: number): Row[] {
    return this.index
      .list(inode)
      .map(({ row }) => row)
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  #find(path: string): { row: Row; path: string } | undefined {
    let row: Row | undefined = this.index.root();
    let here = '';
    for (const part of path === '' ? [] : path.split('/')) {
      if (row.type !== 'directory') return undefined;
      row = this.index.child(row.inode, this.index.key(part));
      if (!row || row.inode === rootInode) return undefined;
      here = joined(here, row.name);
    }
    return { row, path: here };
  }
}

export function joined(folder: string, name: string): string {
  return folder === '' ? name : `${folder}/${name}`;
}

/** The bytes of a file, wherever its pack is. @throws ImageError `invalid-argument` for what is no file */
export function openContent({ path, type, content, size }: TreeEntry): Readable {
  if (!content) throw new ImageError('invalid-argument', `${JSON.stringify(path)} is a ${type}: it has no bytes to be read`);
  return Readable.from(readOnce(content, size), { objectMode: false, highWaterMark: 1 << 20 });
}

async function* readOnce(content: NonNullable<TreeEntry['content']>, size: number): AsyncGenerator<Uint8Array, void, undefined> {
  const reader = new PackReader();
  try {
    yield* reader.read(content, size);
  } finally {
    reader.close();
  }
}
