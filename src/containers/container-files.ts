import type { BigIntStats } from 'node:fs';
import { readlink } from 'node:fs/promises';
import { join, posix } from 'node:path';
import type { Readable } from 'node:stream';
import { ImageError } from '../errors.ts';
import { decompress } from '../formats/compression/decompress.ts';
import { peekCompression } from '../formats/compression/detect.ts';
import type { TarEntry, Timestamp } from '../formats/tar/entry.ts';
import { readTar } from '../formats/tar/read-tar.ts';
import { writeTar, type NewTarMember } from '../formats/tar/write-tar.ts';
import { exportTar } from '../layers/export-tree.ts';
import type { TreeEntry, TreeEntryType } from '../layers/tree-entry.ts';
import type { Tree } from '../layers/tree.ts';
import { Union } from '../layers/union.ts';
import { Upper } from '../layers/upper.ts';
import { fillFolder, FolderFilling, folderMembers, lookAt, timestamp } from './host-folder.ts';
import { type MountPoint, separators } from './mount-points.ts';
import { makeFolderPath } from '../io/make-folder-path.ts';

/** A mount point with its folder on the host. */
export interface OpenMount extends MountPoint {
  readonly folder: string;
}

/** What a path of a container leads to. */
export interface ContainerFile {
  /** From the root, links resolved, without a slash in front; '' is the root. */
  readonly path: string;
  readonly type: TreeEntryType | 'socket';
  /** Permission bits, with setuid, setgid and sticky. */
  readonly mode: number;
  readonly size: number;
  readonly mtime: Timestamp;
  readonly linkTarget?: string | undefined;
  /** Where it is in a mount. */
  readonly mounted?: { readonly mount: OpenMount; readonly path: string };
}

interface Resolved {
  readonly path: string;
  readonly file: ContainerFile | undefined;
  /** The path goes on below what is no folder. */
  readonly blocked: boolean;
}

/** A chain of links is followed so far, as docker follows it. */
const maxLinks = 255;

/**
 * The files that one container shows: its changes over its image's layers, and folders of the host where something is mounted. Close it.
 * Paths are the container's: with a slash in front, on Windows `C:\…` or `/…` alike.
 */
export class ContainerFiles implements Disposable {
  readonly union: Union;
  readonly #layers: readonly Tree[];
  readonly #upper: Upper | undefined;
  readonly #mounts: readonly OpenMount[];
  readonly #os: string;
  readonly #use: Disposable | undefined;

  /** @param changes where its changes are, or are to be; undefined where there are none, and none are made @param use of the paths: it ends with these files */
  constructor(layers: readonly Tree[], changes: string | undefined, mounts: readonly OpenMount[], os: string, use?: Disposable) {
    this.#use = use;
    this.#layers = layers;
    this.#os = os;
    const below = new Union({ layers, os });
    this.#upper = changes === undefined ? undefined : Upper.open(changes, below);
    this.union = this.#upper?.union() ?? below;
    // The longest first: a mount may lie in another.
    this.#mounts = mounts.toSorted((a, b) => b.Destination.length - a.Destination.length);
  }

  [Symbol.dispose](): void {
    this.#upper?.close();
    for (const layer of this.#layers) layer.close();
    this.#use?.[Symbol.dispose]();
  }

  /**
   * What is there; with `follow` a last link too is followed. Undefined for nothing.
   * @throws ImageError `invalid-argument` for links without end, and below what is no folder
   */
  async find(path: string, follow: boolean): Promise<ContainerFile | undefined> {
    const { file, blocked } = await this.#resolve(path, follow);
    if (blocked) throw new ImageError('invalid-argument', `lstat ${path}: not a directory`, { detail: { path } });
    return file;
  }

  /** The path that links lead to, as far as there is something. Without a slash in front. */
  async evaluate(path: string): Promise<string> {
    return (await this.#resolve(path, true)).path;
  }

  /** The tree at a file of `find`, as a tar whose first entry is called `name`. */
  read(file: ContainerFile, name: string, signal?: AbortSignal): Readable {
    if (file.mounted) return writeTar(folderMembers(file.mounted.path, name), { signal });
    const below = this.#mounts.filter(({ Destination }) => isBelow(this.#key(Destination), this.#key(file.path)));
    const tree = exportTar(this.union, file.path, { prefix: name, signal });
    return below.length === 0 ? tree : writeTar(this.#withMounts(tree, file, name, below), { signal });
  }

  /**
   * Puts a tar into the folder that `path` names.
   * @throws ImageError `invalid-argument`, `denied`, with docker's texts
   */
  async write(folder: ContainerFile, tar: AsyncIterable<Uint8Array>, options: WriteOptions): Promise<void> {
    if (folder.type !== 'directory') throw new ImageError('invalid-argument', 'extraction point is not a directory');
    const { mounted } = folder;
    if (!mounted) {
      if (options.readonlyRoot) throw new ImageError('denied', 'container rootfs is marked read-only');
      if (!this.#upper) throw new ImageError('internal', 'these files were opened to be read');
      const below = this.#mounts.filter(({ Destination }) => isBelow(this.#key(Destination), this.#key(folder.path)));
      const own = below.length === 0 ? tar : writeTar(this.#intoMounts(tar, folder, below, options), { signal: options.signal });
      await this.#upper.extract(`/${folder.path}`, own, options);
      return;
    }
    if (!mounted.mount.RW) throw new ImageError('denied', 'mounted volume is marked read-only');
    makeFolderPath(mounted.path);
    const { signal } = options;
    const { compression, stream } = await peekCompression(tar);
    await fillFolder(mounted.path, readTar(decompress(stream, compression, { signal }), { signal }), options);
  }

  async #resolve(path: string, follow: boolean): Promise<Resolved> {
    let waiting = this.#parts(path);
    let at: string[] = [];
    let links = 0;
    let file = await this.#look([]);
    while (waiting.length > 0) {
      const [part = '', ...rest] = waiting;
      waiting = rest;
      if (part === '..') {
        at = at.slice(0, -1);
        file = await this.#look(at);
        continue;
      }
      const next = await this.#look([...at, part]);
      if (next?.type === 'symlink' && (waiting.length > 0 || follow)) {
        if (++links > maxLinks) throw new ImageError('invalid-argument', `${path}: too many levels of symbolic links`);
        const target = next.linkTarget ?? '';
        if ((this.#os === 'windows' ? /^(?:[\\/]|[A-Za-z]:)/ : /^\//).test(target)) at = [];
        waiting = [...this.#parts(target), ...waiting];
        continue;
      }
      const blocked = next !== undefined && waiting.length > 0 && next.type !== 'directory';
      if (!next || blocked) return { path: posix.join(...at, part, ...waiting), file: undefined, blocked };
      file = next;
      at = next.path.split('/');
    }
    return { path: at.join('/'), file, blocked: false };
  }

  /** One name, no link on the way and none followed. */
  async #look(parts: readonly string[]): Promise<ContainerFile | undefined> {
    const path = parts.join('/');
    const key = this.#key(path);
    for (const mount of this.#mounts) {
      const root = this.#key(mount.Destination);
      if (key !== root && !isBelow(key, root)) continue;
      const inside = parts.slice(root === '' ? 0 : root.split('/').length);
      const place = join(mount.folder, ...inside);
      const stats = lookAt(place);
      const mounted = { mount, path: place };
      // A bind that nobody has made yet is an empty folder.
      if (!stats && inside.length === 0)
        return { path, type: 'directory', mode: 0o755, size: 0, mtime: { seconds: 0, nanoseconds: 0 }, mounted };
      return stats && { ...(await fromStats(place, stats)), path, mounted };
    }
    const located = this.union.lookup(`/${path}`);
    if (located) return fromEntry(located.entry, located.path);
    // Folders on the way to a mount are there though no layer has them.
    const way = this.#mounts.some(({ Destination }) => isBelow(this.#key(Destination), key));
    return way ? { path, type: 'directory', mode: 0o755, size: 0, mtime: { seconds: 0, nanoseconds: 0 } } : undefined;
  }

  async *#withMounts(
    tree: Readable,
    file: ContainerFile,
    name: string,
    mounts: readonly OpenMount[],
  ): AsyncGenerator<NewTarMember, void, undefined> {
    const base = this.#key(file.path);
    const places = mounts.map((mount) => {
      const inside = this.#key(mount.Destination).slice(base === '' ? 0 : base.length + 1);
      // As the tree's own entries are called: `./data` below `.`, since a client puts another name in the place of the first.
      return { mount, name: name === '' ? inside : `${name.replace(/\/$/, '')}/${inside}` };
    });
    for await (const member of readTar(tree)) {
      const own = member.entry.path.replace(/\/$/, '');
      if (!places.some((place) => own === place.name || own.startsWith(`${place.name}/`))) yield member;
    }
    for (const place of places) {
      if (lookAt(place.mount.folder)) yield* folderMembers(place.mount.folder, place.name);
    }
  }

  /** Puts what belongs into mounts there, and passes on what is the container's own. */
  async *#intoMounts(
    tar: AsyncIterable<Uint8Array>,
    folder: ContainerFile,
    mounts: readonly OpenMount[],
    options: WriteOptions,
  ): AsyncGenerator<NewTarMember, void, undefined> {
    const base = this.#key(folder.path);
    const { signal } = options;
    const fillings = new Map<OpenMount, FolderFilling>();
    const { compression, stream } = await peekCompression(tar);
    for await (const member of readTar(decompress(stream, compression, { signal }), { signal })) {
      const parts = this.#parts(member.entry.path);
      const place = (name: string) => this.#key(`${base}/${name}`);
      const mount = mounts.find(({ Destination }) => isBelow(place(member.entry.path), this.#key(Destination)));
      if (!mount) {
        const on = mounts.some(({ Destination }) => place(member.entry.path) === this.#key(Destination));
        if (!on) yield member;
        // The folder that something is mounted on stays as it is; nothing can take its place.
        else if (member.entry.type !== 'directory')
          throw new ImageError('conflict', `RemoveAll ${parts.join('/')}: device or resource busy`, {
            detail: { path: member.entry.path },
          });
        continue;
      }
      if (!mount.RW) throw new ImageError('denied', 'mounted volume is marked read-only');
      const root = this.#key(mount.Destination).split('/').length - (base === '' ? 0 : base.split('/').length);
      const inside = (name: readonly string[]) => name.slice(root).join('/');
      const entry = { ...member.entry, path: inside(parts), linkname: this.#linkInside(member.entry, root) };
      const filling = fillings.get(mount) ?? new FolderFilling(mount.folder, options);
      if (!fillings.has(mount)) makeFolderPath(mount.folder);
      fillings.set(mount, filling);
      await filling.put({ entry, body: member.body });
    }
    for (const filling of fillings.values()) filling.finish();
  }

  /** A hard link's first name, as seen from the mount. */
  #linkInside({ type, linkname }: Pick<TarEntry, 'type' | 'linkname'>, root: number): string {
    return type === 'hard-link' ? this.#parts(linkname).slice(root).join('/') : linkname;
  }

  #parts(path: string): string[] {
    const plain = this.#os === 'windows' ? path.replace(/^[A-Za-z]:/, '').replaceAll('\\', '/') : path;
    return plain.split('/').filter((part) => part !== '' && part !== '.');
  }

  /** A path as it is compared. */
  #key(path: string): string {
    const plain = this.#parts(path).join('/');
    return this.#os === 'windows' ? plain.toLowerCase() : plain;
  }
}

export interface WriteOptions {
  readonly noOverwriteDirNonDir?: boolean | undefined;
  readonly owner?: { readonly uid: number; readonly gid: number } | undefined;
  /** Nothing but mounts may be written. */
  readonly readonlyRoot?: boolean | undefined;
  readonly now: Date;
  readonly signal?: AbortSignal | undefined;
}

function isBelow(path: string, folder: string): boolean {
  return folder === '' ? path !== '' : path.startsWith(`${folder}/`);
}

function fromEntry({ type, mode, size, mtime, linkTarget }: TreeEntry, path: string): ContainerFile {
  return { path, type, mode, size, mtime, linkTarget };
}

async function fromStats(path: string, stats: BigIntStats): Promise<Omit<ContainerFile, 'path'>> {
  const kinds = [
    ['directory', stats.isDirectory()],
    ['symlink', stats.isSymbolicLink()],
    ['fifo', stats.isFIFO()],
    ['socket', stats.isSocket()],
    ['character-device', stats.isCharacterDevice()],
    ['block-device', stats.isBlockDevice()],
  ] as const;
  const type = kinds.find(([, is]) => is)?.[0] ?? 'file';
  return {
    type,
    mode: Number(stats.mode) & 0o7777,
    size: type === 'file' ? Number(stats.size) : 0,
    mtime: timestamp(stats.mtimeNs),
    ...(type === 'symlink' ? { linkTarget: await readlink(path) } : {}),
  };
}

/** A folder of a volume. @throws ImageError `invalid-argument` where it is none, or a link is on the way */
export function subfolder(folder: string, path: string, os: string): string {
  let at = folder;
  for (const part of path.split(separators(os)).filter((one) => one !== '' && one !== '.')) {
    at = join(at, part);
    if (!lookAt(at)?.isDirectory())
      throw new ImageError('invalid-argument', `cannot access path ${path} of the volume: it is no folder`, { detail: { path } });
  }
  return at;
}
