import { setImmediate as nextTurn } from 'node:timers/promises';
import { ImageError } from '../errors.ts';
import { wimAttributes, type WimBlob } from '../formats/wim/wim-entry.ts';
import { attributesOf, unixDataOf, wimItemTags, type UnixData } from '../formats/wim/wim-items.ts';
import { reparseTags } from '../formats/wim/wim-reparse.ts';
import type { WimNode, WimTree } from '../formats/wim/wim-tree.ts';
import type { Wim } from '../formats/wim/wim.ts';
import { refuseOddPath } from '../io/path-rules.ts';

/** A name that is to be made. Paths are relative, with slashes; '' is the folder itself. */
export interface MadeName {
  readonly path: string;
  readonly mode: number;
  /** Where it can be given away. */
  readonly owner: { readonly uid: number; readonly gid: number } | undefined;
  /** FILETIMEs. */
  readonly accessed: bigint;
  readonly written: bigint;
}

/** What is to be made of an image, in the order of the lists. */
export interface Extraction {
  /** Each behind the one that it is in. */
  readonly folders: readonly MadeName[];
  readonly emptyFiles: readonly MadeName[];
  /** By the number of the row of their content. */
  readonly files: ReadonlyMap<number, readonly MadeName[]>;
  readonly hardLinks: readonly { readonly path: string; readonly target: string }[];
  /** Links of all kinds. */
  readonly reparsePoints: readonly (MadeName & { readonly tag: number; readonly data: WimBlob; readonly isFolder: boolean })[];
  readonly leftOut: ReadonlyMap<string, { readonly count: number; readonly first: string }>;
  readonly fileCount: number;
  /** Of all files. */
  readonly bytes: number;
}

const fileTypes = { mask: 0o170000, fifo: 0o010000, character: 0o020000, block: 0o060000, socket: 0o140000 } as const;
const isWindows = process.platform === 'win32';

/**
 * Looks at all that is to be extracted before any of it is.
 * @param from what is extracted: the content of a folder, or one file
 * @throws ImageError `invalid-content` for a name that this system cannot hold; `incomplete` for content that the WIM has not
 */
export async function planExtraction(wim: Wim, tree: WimTree, from: WimNode): Promise<Extraction> {
  const plan = new Plan(wim);
  if (from.isFolder) plan.add('', from);
  else plan.add(from.name, from);
  let count = 0;
  for (const { path, node } of tree.walk(from)) {
    if (++count % 4096 === 0) await nextTurn();
    plan.add(path, node);
  }
  return plan;
}

class Plan implements Extraction {
  readonly #wim: Wim;
  readonly folders: MadeName[] = [];
  readonly emptyFiles: MadeName[] = [];
  readonly files = new Map<number, MadeName[]>();
  readonly hardLinks: { path: string; target: string }[] = [];
  readonly reparsePoints: (MadeName & { tag: number; data: WimBlob; isFolder: boolean })[] = [];
  readonly leftOut = new Map<string, { count: number; first: string }>();
  readonly #linked = new Map<string, string>();
  readonly #ownUser = process.getuid?.();
  fileCount = 0;
  bytes = 0;

  constructor(wim: Wim) {
    this.#wim = wim;
  }

  add(path: string, node: WimNode): void {
    if (path !== '') this.#requireName(path, node.name);
    const { attributes, items } = node;
    const unix = unixDataOf(items);
    if (node.descriptorNumber >= 0) this.#leave('security descriptors', path);
    if (node.streams.length > 0) this.#leave('named streams', path);
    if (attributesOf(items).length > 0) this.#leave('extended attributes', path);
    if (items.some(({ tag }) => tag === wimItemTags.objectId)) this.#leave('object ids', path);
    if (attributes & wimAttributes.encrypted) return this.#leave('encrypted files', path);
    const { accessed, written } = node;
    const made: MadeName = { path, ...this.#rights(path, node, unix), accessed, written };
    if (node.isFolder) {
      this.folders.push(made);
      return;
    }
    const kind = unix && unix.mode & fileTypes.mask;
    if (kind === fileTypes.fifo || kind === fileTypes.character || kind === fileTypes.block || kind === fileTypes.socket)
      return this.#leave('devices, pipes and sockets', path);
    if (node.isReparsePoint && !this.#addReparse(made, node)) return;
    if (!node.isReparsePoint || (node.data?.size ?? 0) > 0) this.#addFile(made, node);
  }

  /** @returns false where that is all of it */
  #addReparse(made: MadeName, node: WimNode): boolean {
    const { tag, data } = node.reparse as NonNullable<typeof node.reparse>;
    if (tag === reparseTags.symlink || tag === reparseTags.mountPoint) {
      if (data.isMissing) throw this.#missing(data, made.path);
      this.reparsePoints.push({ ...made, tag, data, isFolder: (node.attributes & wimAttributes.directory) !== 0 });
      return false;
    }
    this.#leave('reparse points that are no links', made.path);
    return true;
  }

  #addFile(made: MadeName, node: WimNode): void {
    const data = node.data ?? { sha1: '', size: 0 };
    if (data.isMissing) throw this.#missing(data, made.path);
    // Some writers give one number to files that are none: those of one content can be one.
    const group = node.linkGroup === 0n ? undefined : `${node.linkGroup}:${data.sha1}`;
    const target = group === undefined ? undefined : this.#linked.get(group);
    if (target !== undefined) {
      this.hardLinks.push({ path: made.path, target });
      return;
    }
    if (group !== undefined) this.#linked.set(group, made.path);
    this.fileCount++;
    this.bytes += data.size;
    if (data.sha1 === '') {
      this.emptyFiles.push(made);
      return;
    }
    const row = this.#wim.table.find(Buffer.from(data.sha1, 'hex'));
    const same = this.files.get(row);
    if (same) same.push(made);
    else this.files.set(row, [made]);
  }

  #rights(path: string, node: WimNode, unix: UnixData | undefined): Pick<MadeName, 'mode' | 'owner'> {
    if (isWindows) return { mode: node.attributes & readOnly && !node.isFolder ? 0o444 : 0o666, owner: undefined };
    if (!unix) return { mode: node.isFolder ? 0o755 : 0o644, owner: undefined };
    const { uid, gid, mode } = unix;
    if (this.#ownUser === 0) return { mode: mode & 0o7777, owner: { uid, gid } };
    const isOwn = uid === this.#ownUser && gid === process.getgid?.();
    if (!isOwn) this.#leave('owners', path);
    // What ran as somebody else must not run as whoever extracts it.
    return { mode: mode & (isOwn ? 0o7777 : 0o1777), owner: undefined };
  }

  #requireName(path: string, name: string): void {
    const refuse = (why: string) =>
      new ImageError('invalid-content', `${JSON.stringify(`/${path}`)} cannot be extracted here: ${why}`, { detail: { path } });
    if (!name.isWellFormed()) throw refuse('its name has half a character');
    if (!isWindows) {
      if (Buffer.byteLength(name) > 255) throw refuse(`its name has ${Buffer.byteLength(name)} bytes, more than 255`);
      return;
    }
    if (name.includes('\\')) throw refuse('its name has a backslash');
    try {
      refuseOddPath(`C:\\${name}`);
    } catch (error) {
      throw refuse((error as Error).message);
    }
  }

  #leave(what: string, path: string): void {
    const there = this.leftOut.get(what);
    if (there) there.count++;
    else this.leftOut.set(what, { count: 1, first: `/${path}` });
  }

  #missing({ sha1 }: WimBlob, path: string): ImageError {
    return new ImageError('incomplete', `${this.#wim.path}: blob ${sha1} of ${JSON.stringify(`/${path}`)} is not in this file`, {
      hint: 'Where it is a delta WIM, give the file that it was made against too.',
      detail: { sha1, path },
    });
  }
}

/** FILE_ATTRIBUTE_READONLY. */
const readOnly = 1;
