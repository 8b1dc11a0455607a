import type { Readable } from 'node:stream';
import { ImageError } from '../errors.ts';
import { LayerStack, type Node } from './layer-stack.ts';
import { joined, openContent, type Tree } from './tree.ts';
import type { TreeEntry } from './tree-entry.ts';
import { foldName, windowsFiles } from './windows.ts';

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

/** As many links as Linux follows on one path. */
const maxLinks = 40;

/** Something at a path that was gone along, with the folders on the way to it. */
export interface Step {
  node: Node;
  /** As it is written in the trees. */
  readonly path: string;
  readonly parent: Step | undefined;
}

/**
 * What an image or a container shows: its layers and, on top of them, what was changed. Read from the indexes; nothing is mounted, and nothing laid out on the disk.
 *
 * Of a Windows image it shows drive C, which its layers keep below `Files`; names are found there whatever their case, and `C:\a` is `a`.
 * Paths are taken from the root, whether they begin with a slash or not. Inode numbers are the union's own: equal ones are hard links here too.
 * Reads what is there when it is asked: another process's change of the upper tree shows at once.
 */
export class Union {
  readonly upper: Tree | undefined;
  /** Lowest first. */
  readonly layers: readonly Tree[];
  readonly os: string;
  /** For the acts that change it and the walks through its changes: nobody else. */
  readonly stack: LayerStack;

  constructor({ upper, layers, os }: UnionTrees) {
    this.upper = upper;
    this.layers = layers;
    this.os = os;
    this.stack = new LayerStack([...(upper ? [upper] : []), ...[...layers].reverse()].map(({ index }) => index));
  }

  /**
   * Where a path leads, links on the way followed inside the root; undefined where nothing is there. `follow`: also a link that the whole path names; one
   * with a slash behind it is always followed.
   * @throws ImageError `invalid-argument` for too many links, and on Windows a path on another drive
   */
  lookup(path: string, options: { follow?: boolean } = {}): Located | undefined {
    if (this.#isEmpty) return isRoot(path) ? { entry: emptyRoot, path: '' } : undefined;
    const step = this.#resolve(path, options.follow ?? false);
    return step && { entry: this.#entry(step.node, step.path), path: step.path };
  }

  /** What a folder shows, in the order of names; a link to one is followed. Of what is no folder, none. */
  children(path: string): TreeEntry[] {
    const step = this.#resolve(path, true);
    if (!step) return [];
    return this.stack.children(step.node).map((node) => this.#entry(node, joined(step.path, node.row.name)));
  }

  /** The entry of `path` itself, no link followed, then all below it: folders before what is in them, in the order of names. */
  *walk(path = ''): Generator<TreeEntry, void, undefined> {
    if (this.#isEmpty && isRoot(path)) yield emptyRoot;
    const first = this.#resolve(path, false);
    const waiting: { node: Node; path: string }[] = first ? [first] : [];
    for (let next = waiting.pop(); next; next = waiting.pop()) {
      const { node, path: here } = next;
      yield this.#entry(node, here);
      for (const child of this.stack.children(node).reverse()) waiting.push({ node: child, path: joined(here, child.row.name) });
    }
  }

  /** The bytes of a file. @throws ImageError `invalid-argument` for what is no file */
  open(entry: TreeEntry): Readable {
    return openContent(entry);
  }

  /** Bytes of the layers' files and of the changed ones, as `docker ps --size` counts them: what is hidden counts too. */
  get size(): number {
    return this.layers.reduce((sum, layer) => sum + layer.size, this.upper?.size ?? 0);
  }

  /** An image may have no layers. */
  get #isEmpty(): boolean {
    return this.stack.trees.length === 0;
  }

  #resolve(path: string, follow: boolean): Step | undefined {
    const root = rootStep(this.stack, this.os);
    return root && resolveStep(this.stack, root, path, this.os, follow);
  }

  #entry({ tree, row, attributes }: Node, path: string): TreeEntry {
    const entry = tree.entry(row, path, attributes);
    const { trees } = this.stack;
    return { ...entry, inode: entry.inode * trees.length + trees.indexOf(tree) };
  }
}

const emptyRoot: TreeEntry = {
  path: '',
  type: 'directory',
  mode: 0o755,
  uid: 0,
  gid: 0,
  mtime: { seconds: 0, nanoseconds: 0 },
  size: 0,
  pax: new Map(),
  inode: 0,
  links: 1,
  opaque: false,
  implied: true,
};

function isRoot(path: string): boolean {
  return /^(?:[cC]:)?[./\\]*$/.test(path);
}

/** The root that a stack of trees shows; undefined where there are none. */
export function rootStep(stack: LayerStack, os: string): Step | undefined {
  const root = stack.root();
  const node = root && os === 'windows' ? stack.child(root, foldName(windowsFiles)) : root;
  return node && { node, path: '', parent: undefined };
}

/** Goes along a path from a folder; an absolute one, or an absolute link on the way, begins at the root, and none leads out of it. */
export function resolveStep(stack: LayerStack, from: Step, path: string, os: string, follow: boolean): Step | undefined {
  const root = rootOf(from);
  const written = partsOf(path, os);
  if (!written) throw new ImageError('invalid-argument', `${JSON.stringify(path)} is not on drive C, the only one that an image has`);
  let step = written.isAbsolute ? root : from;
  const rest = written.parts.reverse();
  let links = 0;
  for (let part = rest.pop(); part !== undefined; part = rest.pop()) {
    if (step.node.row.type !== 'directory') return undefined;
    if (part === '' || part === '.') continue;
    if (part === '..') {
      step = step.parent ?? root;
      continue;
    }
    const node = stack.child(step.node, os === 'windows' ? foldName(part) : part);
    if (!node) return undefined;
    const { linkTarget, name } = node.row;
    if (linkTarget === undefined || (rest.length === 0 && !follow)) {
      step = { node, path: joined(step.path, name), parent: step };
      continue;
    }
    if (++links > maxLinks) throw new ImageError('invalid-argument', `${JSON.stringify(path)}: too many levels of symbolic links`);
    const target = partsOf(linkTarget, os);
    if (!target) return undefined;
    if (target.isAbsolute) step = root;
    for (const next of target.parts.reverse()) rest.push(next);
  }
  return step;
}

function rootOf(step: Step): Step {
  let root = step;
  while (root.parent) root = root.parent;
  return root;
}

/** On Windows either slash, and a drive in front; undefined for another one than C. */
function partsOf(path: string, os: string): { isAbsolute: boolean; parts: string[] } | undefined {
  if (os !== 'windows') return { isAbsolute: path.startsWith('/'), parts: path.split('/') };
  const [, drive, rest = ''] = /^(?:([a-zA-Z]):)?(.*)$/s.exec(path.replaceAll('\\', '/'))!;
  if (drive !== undefined && drive.toUpperCase() !== 'C') return undefined;
  return { isAbsolute: drive !== undefined || rest.startsWith('/'), parts: rest.split('/') };
}
