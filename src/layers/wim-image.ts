import { ImageError, isImageError } from '../errors.ts';
import type { NewWimContent, NewWimEntry } from '../formats/wim/new-wim.ts';
import { wimAttributes } from '../formats/wim/wim-entry.ts';
import type { LayerStack, Node } from './layer-stack.ts';
import { joined } from './tree.ts';
import type { Content, TreeEntry } from './tree-entry.ts';
import { moreOf } from './tree-row.ts';
import { resolveStep, type Step } from './union.ts';
import { wimFacts } from './wim-facts.ts';
import type { WimLossKind } from './wim-losses.ts';
import { parseRoot, wimRecords } from './wim-records.ts';
import { foldName, windowsFiles } from './windows.ts';

/** The trees of a WIM: its image, and where there is one the system that isolates by Hyper-V, which is a second image. */
export interface ImageTrees {
  readonly root: NewWimEntry;
  readonly utility?: NewWimEntry | undefined;
}

/** What is told of while the trees are walked. */
export type OnLoss = (kind: WimLossKind, path: string) => void;

/**
 * What an image shows, as the trees of a WIM. Of a Windows image it is drive C, and the registry is left out where it is only copies of what is there; where a layer has
 * changed the registry, or the image came from a WIM of that shape, the WIM has the roots of a Windows layer.
 * @throws ImageError `invalid-argument` for an image without layers. The walk: for a name that no WIM can hold
 */
export function imageTrees(stack: LayerStack, os: string, onLoss?: OnLoss): ImageTrees {
  const root = stack.root();
  if (!root) throw new ImageError('invalid-argument', 'the image has no layers: there is nothing that a WIM could hold');
  const maker = new Maker(stack, os, onLoss);
  if (os !== 'windows') return { root: maker.folder({ node: root, path: '', parent: undefined }, '') };
  const files = stack.child(root, foldName(windowsFiles));
  if (!files) throw new ImageError('invalid-argument', 'the image has no folder Files: it is no image of Windows');
  const utility = stack.child(root, foldName('UtilityVM'));
  const system = utility && stack.child(utility, foldName(windowsFiles));
  const hives = stack.child(root, foldName('Hives'));
  const was = parseRoot(recordOf(files, wimRecords.root) ?? '');
  const isDerived = !hives || stack.children(hives).every((node) => isMade(node));
  const isLayer = was !== undefined || !isDerived;
  const isSecond = system !== undefined && (!isLayer || isMade(utility!));
  const second = isSecond ? { utility: maker.folder({ node: system, path: '', parent: undefined }, 'UtilityVM/Files') } : {};
  const drive: Step = { node: files, path: '', parent: undefined };
  if (!isLayer) return { root: maker.folder(drive, windowsFiles), ...second };
  const parts = stack
    .children(root)
    .filter((node) => !(isSecond && node.row.name === utility!.row.name) && !(was && isMade(node) && isDerived));
  const children = parts.map((node) => maker.part(node, was !== undefined));
  const { descriptor, created, accessed, written } = maker.folder(drive, windowsFiles);
  const plain = { attributes: wimAttributes.directory, descriptor, created, accessed, written, items: [], unknown54: 0 };
  const facts = was ? { ...was, descriptor: was.descriptor } : plain;
  return { root: { ...facts, name: '', shortName: '', reparse: undefined, streams: [], children }, ...second };
}

/** Whether we have put it into the layer, and no WIM had it. */
function isMade(node: Node): boolean {
  return recordOf(node, wimRecords.made) === '1';
}

function recordOf({ attributes }: Node, keyword: string): string | undefined {
  return moreOf(attributes).pax?.find(([key]) => key === keyword)?.[1];
}

class Maker {
  readonly #stack: LayerStack;
  readonly #os: string;
  readonly #onLoss: OnLoss | undefined;

  constructor(stack: LayerStack, os: string, onLoss: OnLoss | undefined) {
    this.#stack = stack;
    this.#os = os;
    this.#onLoss = onLoss;
  }

  /** The root of a tree. `path`: as messages call it. */
  folder(step: Step, path: string): NewWimEntry {
    return { ...this.#entry(step, path), name: '' };
  }

  /** One of the roots of a Windows layer. `asItWas`: without what we have put in. */
  part(node: Node, asItWas: boolean): NewWimEntry {
    const entry = { ...this.#entry({ node, path: '', parent: undefined }, node.row.name), name: node.row.name };
    if (!asItWas || node.row.type !== 'directory') return entry;
    const step = { node, path: '', parent: undefined };
    return { ...entry, children: this.#children(step, node.row.name, (child) => !isMade(child)) };
  }

  #entry(step: Step, path: string): NewWimEntry {
    const { node } = step;
    const entry = node.tree.entry(node.row, path, node.attributes);
    const { type, links, size, streams = [] } = entry;
    const onLoss = this.#onLoss && ((kind: WimLossKind) => this.#onLoss!(kind, path));
    const { name } = node.row;
    refuseOdd(entry, name);
    const facts = wimFacts(entry, {
      os: this.#os,
      linksToFolder: () => this.#leadsToFolder(step, entry.linkTarget),
      isEmpty: () => this.#stack.children(node).length === 0,
      onLoss,
    });
    if (type === 'symlink' && !facts.reparse) throw refused(path, 'the name that it links to is too long');
    const isFolder = type === 'directory' && !facts.reparse;
    const isLinked = links > 1 && !isFolder && !facts.reparse;
    if (links > 1 && !isLinked) onLoss?.('link-groups');
    const { trees } = this.#stack;
    return {
      ...facts,
      name,
      content: entry.content && size > 0 ? contentOf(entry.content, size) : undefined,
      streams: streams.map((stream) => ({ name: stream.name, content: contentOf(stream.content, stream.size) })),
      linkId: isLinked ? entry.inode * trees.length + trees.indexOf(node.tree) + 1 : undefined,
      children: isFolder ? this.#children(step, path, () => true) : undefined,
    };
  }

  #children(folder: Step, path: string, wanted: (node: Node) => boolean): Iterable<NewWimEntry> {
    // In the order that Windows keeps names in.
    const list = () => {
      const found = this.#stack
        .children(folder.node)
        .filter(wanted)
        .map((node) => ({ node, key: foldName(node.row.name) }))
        .sort(byKey);
      if (this.#os !== 'windows' && this.#onLoss)
        for (const [at, { node, key }] of found.entries())
          if (key === found[at - 1]?.key || notForWindows.test(node.row.name)) this.#onLoss('not-for-windows', joined(path, node.row.name));
      return found;
    };
    const entry = (node: Node) =>
      this.#entry({ node, path: joined(folder.path, node.row.name), parent: folder }, joined(path, node.row.name));
    return {
      *[Symbol.iterator]() {
        for (const { node } of list()) yield entry(node);
      },
    };
  }

  #leadsToFolder(step: Step, target: string | undefined): boolean {
    if (target === undefined || !step.parent) return false;
    try {
      return resolveStep(this.#stack, step.parent, target, this.#os, true)?.node.row.type === 'directory';
    } catch (error) {
      // Links without end, or to another drive, lead nowhere.
      if (isImageError(error, 'invalid-argument')) return false;
      throw error;
    }
  }
}

/** What NTFS has in no name. */
const notForWindows = /[<>:"\\|?*\p{Cc}]|[ .]$/u;

function byKey(a: { readonly key: string }, b: { readonly key: string }): number {
  return a.key < b.key ? -1 : a.key > b.key ? 1 : 0;
}

function contentOf({ file, offset, sparse }: Content, size: number): NewWimContent {
  return { file, offset, size, sparse };
}

const largest = 0xffff_ffff;

function refuseOdd({ path, uid, gid, linkTarget }: TreeEntry, name: string): void {
  if (!name.isWellFormed()) throw refused(path, 'its name is not UTF-8, and a WIM has names in UTF-16');
  if (linkTarget !== undefined && !linkTarget.isWellFormed()) throw refused(path, 'it links to a name that is not UTF-8');
  if (uid < 0 || uid > largest || gid < 0 || gid > largest) throw refused(path, `its owner ${uid}:${gid} is no number of 32 bits`);
}

function refused(path: string, why: string): ImageError {
  return new ImageError('invalid-argument', `${JSON.stringify(path)} cannot be in a WIM: ${why}`, { detail: { path } });
}
