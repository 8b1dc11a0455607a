import { mkdirSync, readdirSync, rmSync, statSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ImageError, isSystemError } from '../errors.ts';
import type { Timestamp } from '../formats/tar/entry.ts';
import { canceled } from '../io/concurrently.ts';
import { LayerStack, type Node } from './layer-stack.ts';
import { rootInode, TreeIndex } from './tree-index.ts';
import { type Row, impliedFolder, moreOf, moreText } from './tree-row.ts';
import { joined } from './tree.ts';
import { rootStep, type Step } from './union.ts';
import { foldName, windowsFiles } from './windows.ts';

/** How long another process's change is waited for; they last seconds at most, so that one has stopped. Milliseconds. */
const patience = 60_000;

export const packPrefix = 'pack-';
/** A pack that no entry lies in is an act's that goes on (which renews its time) or was killed, or one that a reader may still have to open. After so many milliseconds it is neither. */
export const packVoidAfter = 60_000;

/** What is to be done to one container's changes: where they are, and the trees below. */
export interface UpperPlace {
  readonly folder: string;
  /** Top first. */
  readonly layers: readonly TreeIndex[];
  readonly os: string;
}

/**
 * One change of a container's upper tree: a transaction of its index, so that it is seen whole or not at all, and no other is in one meanwhile.
 * Folders on the way to what is changed are copied up with what the trees below say of them.
 */
export class UpperChange {
  readonly stack: LayerStack;
  readonly root: Step;
  readonly #index: TreeIndex;
  readonly #os: string;
  readonly #now: Timestamp;
  /** How many folders were copied up. Steps that were gone to such a folder before do not see what is in it since. */
  copies = 0;
  #inode: number;
  /** Folders in which something was made or removed, by inode; and those whose time was given. */
  readonly #touched = new Map<number, { readonly parent: number; readonly key: string }>();
  readonly #dated = new Set<number>();
  #hasReplaced = false;

  private constructor(index: TreeIndex, { layers, os }: UpperPlace, now: Timestamp) {
    this.#index = index;
    this.#os = os;
    this.#now = now;
    this.#inode = Number(index.about('inode') ?? rootInode);
    this.stack = new LayerStack([index, ...layers]);
    const drive = { ...impliedFolder, name: windowsFiles, inode: this.#inode + 1 };
    if (os === 'windows' && index.insert(rootInode, foldName(windowsFiles), drive)) this.#inode++;
    this.root = rootStep(this.stack, os)!;
  }

  /** Waits for other changes to end. @throws ImageError `unavailable`, `canceled` */
  static async begin(place: UpperPlace, now: Timestamp, signal?: AbortSignal): Promise<UpperChange> {
    mkdirSync(place.folder, { recursive: true, mode: 0o700 });
    const end = Date.now() + patience;
    for (let delay = 5; ; delay = Math.min(delay * 2, 100)) {
      if (signal?.aborted) throw canceled(signal.reason);
      const index = TreeIndex.change(place.folder, place.os);
      if (index) {
        try {
          return new UpperChange(index, place, now);
        } catch (error) {
          index.close();
          throw error;
        }
      }
      if (Date.now() > end)
        throw new ImageError('unavailable', 'the container is being changed by another process, for a minute already', {
          hint: 'Try again.',
        });
      await sleep(delay * (0.5 + Math.random()));
    }
  }

  /** Gives this act's pack a number. */
  addPack(file: string): number {
    const number = this.#index.packs().reduce((largest, { number }) => Math.max(largest, number), 0) + 1;
    this.#index.addPack(number, file);
    return number;
  }

  nextInode(): number {
    return ++this.#inode;
  }

  key(name: string): string {
    return this.#index.key(name);
  }

  /** What shows under a name in a folder. */
  child(folder: Step, name: string): Step | undefined {
    const node = this.stack.child(folder.node, this.key(name));
    return node && { node, path: joined(folder.path, node.row.name), parent: folder };
  }

  /** What the trees below show there, through what the upper folder leaves open. */
  #below(folder: Step, key: string): Node | undefined {
    return this.stack.child({ folders: folder.node.folders.filter(({ tree }) => tree !== this.#index) }, key);
  }

  /** Where a folder's row is, or would be. The folders on the way are copied up. */
  #placeOf(folder: Step): { readonly parent: number; readonly key: string } {
    if (folder.parent) return { parent: this.#copyUp(folder.parent), key: this.key(folder.node.row.name) };
    return this.#os === 'windows' ? { parent: rootInode, key: foldName(windowsFiles) } : { parent: 0, key: '' };
  }

  /** Makes sure that a folder has a row of its own. Returns its inode in the upper tree. */
  #copyUp(folder: Step): number {
    const place = this.#placeOf(folder);
    const { node } = folder;
    const isOwn = this.isOwn(node);
    if (isOwn && !node.row.implied) return node.row.inode;
    // Another step to the same folder may have come here before.
    const there = isOwn ? node.row : this.#index.child(place.parent, place.key);
    const row = there && !there.implied ? there : copied(node, there?.inode ?? this.nextInode(), there?.opaque ?? false);
    if (row !== there) {
      this.#index.replace(place.parent, place.key, row);
      this.copies++;
    }
    const below = row.opaque ? [] : node.folders.filter(({ tree }) => tree !== this.#index);
    folder.node = { tree: this.#index, row, attributes: row, folders: [{ tree: this.#index, inode: row.inode }, ...below] };
    return row.inode;
  }

  #touch(folder: Step): number {
    const inode = this.#copyUp(folder);
    if (!this.#touched.has(inode)) this.#touched.set(inode, this.#placeOf(folder));
    return inode;
  }

  /** Gives a name to a row, in the place of whatever is there. Returns the folder that it is, if it is one. `isDated`: its time stays as the row has it. */
  put(folder: Step, row: Row, isDated = false): Step {
    const parent = this.#touch(folder);
    const key = this.key(row.name);
    this.#drop(parent, key);
    const isFolder = row.type === 'directory';
    const placed = isFolder && this.#below(folder, key)?.row.type === 'directory' ? { ...row, opaque: true } : row;
    this.#index.replace(parent, key, placed);
    if (isDated) this.#dated.add(row.inode);
    const node = { tree: this.#index, row: placed, attributes: placed, folders: isFolder ? [{ tree: this.#index, inode: row.inode }] : [] };
    return { node, path: joined(folder.path, row.name), parent: folder };
  }

  /** Gives a folder that is there another owner, mode, time and records. */
  setFolder(folder: Step, attributes: Row): void {
    const inode = this.#copyUp(folder);
    const place = this.#placeOf(folder);
    const { name, opaque } = folder.node.row;
    const row = { ...attributes, name, inode, opaque, implied: false };
    this.#index.replace(place.parent, place.key, row);
    this.#dated.add(inode);
    folder.node = { ...folder.node, row, attributes: row };
  }

  /** Makes what is there have another name. `copied`: its row in this tree, where it is of a tree below. */
  link(target: Step, folder: Step, name: string, copied: Row | undefined): void {
    const parent = this.#touch(target.parent!);
    const key = this.key(target.node.row.name);
    if (copied) this.#index.replace(parent, key, copied);
    const row = this.#index.link(parent, key, copied ?? target.node.row);
    const there = this.child(folder, name);
    if (there?.node.tree === this.#index && there.node.row.inode === row.inode) return;
    this.#index.countLink(row.inode);
    this.put(folder, { ...row, name });
  }

  isOwn(node: Node): boolean {
    return node.tree === this.#index;
  }

  /** Takes away what shows there, with all below it. */
  remove(step: Step): void {
    const folder = step.parent!;
    const { name } = step.node.row;
    const parent = this.#touch(folder);
    const key = this.key(name);
    this.#drop(parent, key);
    if (!this.#below(folder, key)) return;
    const { seconds, nanoseconds } = this.#now;
    const inode = this.nextInode();
    this.#index.replace(parent, key, { ...impliedFolder, type: 'whiteout', implied: false, mode: 0, name, inode, seconds, nanoseconds });
  }

  #drop(parent: number, key: string): void {
    const row = this.#index.child(parent, key);
    if (!row) return;
    if (row.type !== 'whiteout') this.#hasReplaced = true;
    this.#index.remove(parent, key, row);
  }

  /** `pack`: the one that this act has brought; it is kept if something lies in it. */
  commit(pack?: string): void {
    const { seconds, nanoseconds } = this.#now;
    for (const [inode, { parent, key }] of this.#touched) {
      if (!this.#dated.has(inode)) this.#index.setTime(parent, key, inode, seconds, nanoseconds);
    }
    this.#index.setAbout('inode', this.#inode);
    const unused = this.#hasReplaced || pack !== undefined ? this.#index.dropUnusedPacks() : [];
    const kept = new Set(this.#index.packs().map(({ file }) => file));
    if (pack !== undefined && kept.has(pack) && !isThere(join(this.#index.folder, pack))) {
      throw new ImageError('lease-lost', 'what was copied has been cleared away while this process slept', { hint: 'Try again.' });
    }
    clearAway(this.#index.folder, kept, new Set(unused), pack);
    this.#index.commit();
    this.#index.close();
  }

  /** Takes everything back. */
  abandon(): void {
    this.#index.close();
  }
}

/** The row of a folder that is copied up. Its named streams lie in a pack of the trees below, and stay there. */
function copied({ row, attributes }: Node, inode: number, opaque: boolean): Row {
  const { streams: _, ...more } = moreOf(attributes);
  return { ...attributes, name: row.name, inode, opaque, implied: false, pack: null, offset: null, more: moreText(more) };
}

/** Removes the packs that killed acts have left. Inside a transaction: another act's pack is either known already, or too young. */
function clearAway(folder: string, kept: ReadonlySet<string>, unused: ReadonlySet<string>, own: string | undefined): void {
  for (const name of readdirSync(folder)) {
    if (!name.startsWith(packPrefix) || kept.has(name)) continue;
    const path = join(folder, name);
    try {
      // Nobody has seen an own one; a reader that has listed a folder before may still open one that was in use until now.
      if (name !== own && unused.has(name)) utimesSync(path, new Date(), new Date());
      else if (name !== own && Date.now() - statSync(path).mtimeMs > packVoidAfter) rmSync(path, { force: true });
    } catch (error) {
      // Held open on Windows, or gone already: the next act comes by again.
      if (!isSystemError(error, 'EBUSY', 'EPERM', 'ENOENT')) throw error;
    }
  }
}

function isThere(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}
