import type { TreeIndex } from './tree-index.ts';
import type { Row } from './tree-row.ts';

/** Folders of one path in several trees, top first, that show as one. */
export type Merged = readonly { readonly tree: TreeIndex; readonly inode: number }[];

/** What shows under one name: the topmost row, and for a folder all that it is merged of. */
export interface Node {
  readonly tree: TreeIndex;
  readonly row: Row;
  /** The row that says mode, owner, times and records: another one where the topmost folder is only implied. */
  readonly attributes: Row;
  /** Empty for what is no folder. */
  readonly folders: Merged;
}

/**
 * Trees laid over each other as overlayfs shows them (Linux, Documentation/filesystems/overlayfs.rst): of each name the topmost; folders merge down to the first that is opaque,
 * a whiteout, or no folder.
 */
export class LayerStack {
  /** Top first. */
  readonly trees: readonly TreeIndex[];

  constructor(trees: readonly TreeIndex[]) {
    this.trees = trees;
  }

  root(): Node | undefined {
    return merge(this.trees.map((tree) => ({ tree, row: tree.root() })));
  }

  /** `key`: as the trees compare names. */
  child(folder: Pick<Node, 'folders'>, key: string): Node | undefined {
    const rows: { tree: TreeIndex; row: Row }[] = [];
    for (const { tree, inode } of folder.folders) {
      const row = tree.child(inode, key);
      if (!row) continue;
      rows.push({ tree, row });
      if (row.type !== 'directory' || (row.opaque && !row.implied)) break;
    }
    return merge(rows);
  }

  /** In the order of names. */
  children(folder: Pick<Node, 'folders'>): Node[] {
    const names = new Map<string, { tree: TreeIndex; row: Row }[]>();
    for (const { tree, inode } of folder.folders) {
      for (const { key, row } of tree.list(inode)) {
        const rows = names.get(key);
        if (rows) rows.push({ tree, row });
        else names.set(key, [{ tree, row }]);
      }
    }
    const nodes = [...names.values()].map(merge).filter((node) => node !== undefined);
    return nodes.sort((a, b) => (a.row.name < b.row.name ? -1 : 1));
  }
}

/** What rows of one name show, top first. */
function merge(rows: readonly { readonly tree: TreeIndex; readonly row: Row }[]): Node | undefined {
  const [top] = rows;
  if (!top || top.row.type === 'whiteout') return undefined;
  if (top.row.type !== 'directory') return { tree: top.tree, row: top.row, attributes: top.row, folders: [] };
  const folders: { tree: TreeIndex; inode: number }[] = [];
  let attributes: Row | undefined;
  let isOpaque = false;
  for (const { tree, row } of rows) {
    if (row.type !== 'directory') break;
    if (!isOpaque) folders.push({ tree, inode: row.inode });
    if (!row.implied) attributes ??= row;
    // An opaque folder hides what is in those below, not what they are.
    isOpaque ||= row.opaque;
    if (isOpaque && attributes) break;
  }
  return { tree: top.tree, row: top.row, attributes: attributes ?? top.row, folders };
}
