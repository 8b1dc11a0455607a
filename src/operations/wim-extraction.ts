import { setImmediate as nextTurn } from 'node:timers/promises';
import { ImageError } from '../errors.ts';
import { canceled } from '../io/concurrently.ts';
import { missingBlobHint } from '../formats/wim/decode-blobs.ts';
import { wimAttributes, type WimBlob } from '../formats/wim/wim-entry.ts';
import { attributesOf, unixDataOf, wimItemTags, type UnixData } from '../formats/wim/wim-items.ts';
import { reparseTags } from '../formats/wim/wim-reparse.ts';
import type { WimNode, WimTree } from '../formats/wim/wim-tree.ts';
import type { Wim } from '../formats/wim/wim.ts';
import { refuseOddPath } from '../io/path-rules.ts';
import { NameList } from './name-list.ts';
import { isLinuxAttribute, type NamedAttributes } from './restore-attributes.ts';

/** What a name gets besides its content. */
export interface NameRights {
  readonly mode: number;
  /** undefined: this process's own. */
  readonly owner: { readonly uid: number; readonly gid: number } | undefined;
  /** FILETIMEs. */
  readonly accessed: bigint;
  readonly written: bigint;
}

const fileTypes = { mask: 0o170000, fifo: 0o010000, character: 0o020000, block: 0o060000, socket: 0o140000 } as const;
const isWindows = process.platform === 'win32';
/** FILE_ATTRIBUTE_READONLY. */
const readOnly = 1;
/** Names looked at before others have their turn. */
const turn = 4096;

/** What is to be made of an image. Paths are relative, with slashes; '' is the folder that it is extracted to. */
export class WimExtraction {
  readonly #wim: Wim;
  readonly #tree: WimTree;
  /** Each behind the one that it is in. The first is the folder that all is extracted to. */
  readonly folders = new NameList();
  readonly emptyFiles = new NameList();
  /** With the number of the row of their content. */
  readonly files = new NameList();
  /** With the number of the file in `files`, or where that has no content in `emptyFiles`, that they are another name of. */
  readonly hardLinks = new NameList();
  readonly emptyHardLinks = new NameList();
  /** Links of all kinds, with the number of the row of what each says, and 1 more; 0 where it says nothing. */
  readonly reparsePoints = new NameList();
  /** What has extended attributes of Linux; 1 for the folder that all is extracted to. */
  readonly #attributed = new NameList();
  /** The folder that a name was last asked for in, and its path: names in one folder follow each other. */
  #lastFolder = { number: 0, path: '' };
  /** What the image has and the folder will not. */
  readonly leftOut = new Map<string, { count: number; readonly first: string }>();
  /** Of all files. */
  bytes = 0;
  /** The first name of each file that has several: of those with content, and of those without. */
  readonly #linked = new Map<bigint, number>();
  readonly #linkedEmpty = new Map<bigint, number>();
  readonly #user = process.getuid?.();

  private constructor(wim: Wim, tree: WimTree) {
    this.#wim = wim;
    this.#tree = tree;
  }

  /**
   * Looks at all that is to be extracted before any of it is.
   * @param from what is extracted: the content of a folder, or one file
   * @throws ImageError `invalid-content` for a name that this system cannot hold; `incomplete` for content that the WIM has not; `canceled`
   */
  static async plan(wim: Wim, tree: WimTree, from: WimNode, signal?: AbortSignal): Promise<WimExtraction> {
    const plan = new WimExtraction(wim, tree);
    if (!from.isFolder) {
      plan.folders.add(0, tree.root);
      plan.#add(0, from);
      return plan;
    }
    plan.#noteLosses(0, from, '');
    plan.folders.add(0, from);
    // Folders are appended while the list is gone through: those behind are still to be looked into.
    let count = 0;
    for (let folder = 0; folder < plan.folders.length; folder++) {
      for (const node of tree.children(plan.node(plan.folders, folder))) {
        if (++count % turn === 0) await nextTurn();
        if (signal?.aborted) throw canceled(signal.reason);
        plan.#add(folder, node);
      }
    }
    plan.#linked.clear();
    plan.#linkedEmpty.clear();
    return plan;
  }

  path(list: NameList, number: number): string {
    return list === this.folders && number === 0 ? '' : this.#below(list.folder(number), this.node(list, number));
  }

  node(list: NameList, number: number): WimNode {
    return this.#tree.at(list.place(number));
  }

  rights(node: WimNode): NameRights {
    const { accessed, written, attributes, isFolder } = node;
    if (isWindows) return { mode: attributes & readOnly && !isFolder ? 0o444 : 0o666, owner: undefined, accessed, written };
    const { unix } = node;
    if (!unix) return { mode: isFolder ? 0o755 : 0o644, owner: undefined, accessed, written };
    const { uid, gid, mode } = unix;
    if (this.#user === 0) return { mode: mode & 0o7777, owner: { uid, gid }, accessed, written };
    // What ran as somebody else must not run as whoever extracts it.
    return { mode: mode & (this.#isOwn(unix) ? 0o7777 : 0o1777), owner: undefined, accessed, written };
  }

  #isOwn({ uid, gid }: UnixData): boolean {
    return this.#user === 0 || (uid === this.#user && gid === process.getgid?.());
  }

  #below(folder: number, node: WimNode): string {
    const path = this.#folderPath(folder);
    return path === '' ? node.name : `${path}/${node.name}`;
  }

  #folderPath(number: number): string {
    if (number === 0) return '';
    if (this.#lastFolder.number !== number)
      this.#lastFolder = { number, path: this.#below(this.folders.folder(number), this.node(this.folders, number)) };
    return this.#lastFolder.path;
  }

  #add(folder: number, node: WimNode): void {
    const path = this.#below(folder, node);
    requireName(path, node.name);
    if (node.attributes & wimAttributes.encrypted) return this.leave('encrypted files', path);
    const unix = this.#noteLosses(folder, node, path);
    if (node.isFolder) {
      this.folders.add(folder, node);
      return;
    }
    const kind = unix && unix.mode & fileTypes.mask;
    if (kind === fileTypes.fifo || kind === fileTypes.character || kind === fileTypes.block || kind === fileTypes.socket)
      return this.leave('devices, pipes and sockets', path);
    if (!node.isReparsePoint) return this.#addFile(folder, node, path);
    const { tag, data } = node.reparse as NonNullable<typeof node.reparse>;
    if (tag === reparseTags.symlink || tag === reparseTags.mountPoint) {
      if (data.isMissing) throw this.#missing(data, path);
      this.reparsePoints.add(folder, node, node.reparseRow + 1);
      return;
    }
    this.leave('reparse points that are no links', path);
    // Some of them have their content all the same.
    if ((node.data?.size ?? 0) > 0) this.#addFile(folder, node, path);
  }

  #addFile(folder: number, node: WimNode, path: string): void {
    const row = node.dataRow;
    if (row < 0 && node.data?.isMissing) throw this.#missing(node.data, path);
    const list = row < 0 ? this.emptyFiles : this.files;
    const group = node.linkGroup;
    const linked = row < 0 ? this.#linkedEmpty : this.#linked;
    const first = group === 0n ? undefined : linked.get(group);
    // Some writers give one number to files that are none: those of one content can be one.
    if (first !== undefined && (row < 0 || list.value(first) === row)) {
      (row < 0 ? this.emptyHardLinks : this.hardLinks).add(folder, node, first);
      return;
    }
    if (row >= 0) this.bytes += this.#wim.table.size(row);
    const number = list.add(folder, node, Math.max(row, 0));
    if (group !== 0n && first === undefined) linked.set(group, number);
  }

  /** @returns what UNIX says of it */
  #noteLosses(folder: number, node: WimNode, path: string): UnixData | undefined {
    const { items } = node;
    const unix = unixDataOf(items);
    if (node.descriptorNumber >= 0) this.leave('security descriptors', path);
    if (node.hasStreams && node.streams.length > 0) this.leave('named streams', path);
    const attributes = attributesOf(items);
    if (attributes.length > 0 && unix && process.platform === 'linux' && attributes.every(isLinuxAttribute))
      this.#attributed.add(folder, node, path === '' ? 1 : 0);
    else if (attributes.length > 0) this.leave('extended attributes', path);
    if (items.some(({ tag }) => tag === wimItemTags.objectId)) this.leave('object ids', path);
    if (unix && !isWindows && !this.#isOwn(unix)) this.leave('owners', path);
    return unix;
  }

  /** How many have extended attributes of Linux. */
  get attributedCount(): number {
    return this.#attributed.length;
  }

  /** Paths with the extended attributes of Linux that they are to get. */
  *attributed(): Generator<NamedAttributes, void, undefined> {
    const list = this.#attributed;
    for (let number = 0; number < list.length; number++)
      yield { path: list.value(number) === 1 ? '' : this.path(list, number), attributes: attributesOf(this.node(list, number).items) };
  }

  leave(what: string, path: string): void {
    const there = this.leftOut.get(what);
    if (there) there.count++;
    else this.leftOut.set(what, { count: 1, first: `/${path}` });
  }

  #missing({ sha1 }: WimBlob, path: string): ImageError {
    return new ImageError('incomplete', `${this.#wim.path}: blob ${sha1} of ${JSON.stringify(`/${path}`)} is not in this file`, {
      hint: missingBlobHint,
      detail: { sha1, path },
    });
  }
}

function requireName(path: string, name: string): void {
  const refuse = (why: string) =>
    new ImageError('invalid-content', `${JSON.stringify(`/${path}`)} cannot be extracted here: ${why}`, { detail: { path } });
  if (!name.isWellFormed()) throw refuse('its name has half a character');
  if (!isWindows) {
    if (name.length > 85 && Buffer.byteLength(name) > 255) throw refuse(`its name has ${Buffer.byteLength(name)} bytes, more than 255`);
    return;
  }
  if (name.includes('\\')) throw refuse('its name has a backslash');
  try {
    refuseOddPath(`C:\\${name}`);
  } catch (error) {
    throw refuse((error as Error).message);
  }
}
