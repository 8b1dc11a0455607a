import type { BigIntStats } from 'node:fs';
import { lstat, readdir, readlink, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import { asImageError, ImageError } from '../errors.ts';
import { canceled } from '../io/concurrently.ts';
import { fileTime } from '../formats/wim/file-time.ts';
import type { NewWimEntry } from '../formats/wim/new-wim.ts';
import { wimAttributes } from '../formats/wim/wim-entry.ts';
import { unixDataItem } from '../formats/wim/wim-items.ts';
import { linkReparse, type MadeReparse, unixLinkReparse } from '../formats/wim/wim-reparse.ts';
import { type WriteWimOptions, type WrittenWim, writeWim } from '../formats/wim/write-wim.ts';
import type { LeftOutOfWim } from './extract-wim.ts';
import { type FolderAttributes, readAttributes } from './read-attributes.ts';

export interface CreateWimOptions extends WriteWimOptions {
  /** Of the image in it. Default: the folder's own name. */
  readonly name?: string | undefined;
  readonly description?: string | undefined;
}

export interface CreatedWim extends WrittenWim {
  readonly leftOut: readonly LeftOutOfWim[];
}

/**
 * Writes a folder and all that is in it to a WIM file of one image: with hard links, symbolic links as they stand, on UNIX with owners, modes and devices, on Linux with extended attributes.
 * Times of access are not kept, nor on Windows security descriptors and named streams: Node cannot ask for them, or asking changes them. The same folder gives the same file.
 * @param folder absolute
 * @param file absolute; not in the folder
 * @throws ImageError `not-found`, `invalid-argument`, else as `writeWim`
 */
export async function createWim(folder: string, file: string, options: CreateWimOptions = {}): Promise<CreatedWim> {
  const tree = new FolderTree(folder, options.signal);
  const root = await tree.root();
  await refuseInside(folder, file);
  const name = options.name ?? basename(resolve(folder));
  const image = {
    name,
    description: options.description,
    root,
    // Asked for when all has been seen.
    get created() {
      return tree.latest;
    },
  };
  const written = await writeWim(file, [image], options);
  return { ...written, leftOut: tree.leftOut };
}

class FolderTree {
  /** The latest change of anything that was seen. */
  latest = new Date(0);
  readonly #folder: string;
  readonly #signal: AbortSignal | undefined;
  #attributes: FolderAttributes | undefined;

  constructor(folder: string, signal: AbortSignal | undefined) {
    this.#folder = folder;
    this.#signal = signal;
  }

  async root(): Promise<NewWimEntry> {
    const path = this.#folder;
    try {
      const stats = await stat(path, { bigint: true });
      if (!stats.isDirectory()) throw new ImageError('invalid-argument', `${path} is not a folder`);
      this.#attributes = await (process.platform === 'linux' ? readAttributes(await realpath(path), this.#signal) : noAttributes);
      return this.#entry('', path, stats);
    } catch (error) {
      throw asImageError(error, `cannot read ${path}`);
    }
  }

  get leftOut(): LeftOutOfWim[] {
    if (!this.#attributes) return [{ what: 'extended attributes (there is no getfattr, of the package attr)', count: 1, first: '/' }];
    const { tooLarge } = this.#attributes;
    return tooLarge.length > 0
      ? [{ what: 'extended attributes of more than 65535 bytes', count: tooLarge.length, first: `/${tooLarge[0]}` }]
      : [];
  }

  /** In the order of Windows: by their names in capitals. */
  async *#children(folder: string): AsyncGenerator<NewWimEntry, void, undefined> {
    for (const name of await namesIn(folder)) {
      if (this.#signal?.aborted) throw canceled(this.#signal.reason);
      const path = join(folder, name);
      try {
        const stats = await lstat(path, { bigint: true });
        yield stats.isSymbolicLink() ? await this.#link(name, path, stats) : this.#entry(name, path, stats);
      } catch (error) {
        throw asImageError(error, `cannot read ${path}`);
      }
    }
  }

  #entry(name: string, path: string, stats: BigIntStats, reparse?: MadeReparse): NewWimEntry {
    const time = fileTime(stats.mtimeNs);
    const changed = new Date(Number(stats.mtimeNs / 1_000_000n));
    if (changed > this.latest) this.latest = changed;
    const isUnix = process.platform !== 'win32';
    const attributes = this.#attributes?.items.get(path.slice(this.#folder.length).replace(/^\//, ''));
    const content = stats.isFile() ? { file: path, offset: 0, size: Number(stats.size) } : undefined;
    return {
      name,
      attributes: stats.isDirectory() ? wimAttributes.directory : stats.isFile() ? wimAttributes.normal : 0,
      created: isUnix ? time : fileTime(stats.birthtimeNs),
      accessed: time,
      written: time,
      content,
      reparse,
      linkId: content && stats.nlink > 1n ? (stats.dev << 64n) | stats.ino : undefined,
      items: isUnix
        ? [
            unixDataItem({ uid: Number(stats.uid), gid: Number(stats.gid), mode: Number(stats.mode), rdev: deviceNumber(stats) }),
            ...(attributes ? [attributes] : []),
          ]
        : [],
      children: stats.isDirectory() ? this.#children(path) : undefined,
    };
  }

  async #link(name: string, path: string, stats: BigIntStats): Promise<NewWimEntry> {
    const target = await readlink(path);
    const reparse = process.platform === 'win32' ? windowsLink(target) : unixLinkReparse(target);
    if (!reparse) throw new ImageError('invalid-argument', `cannot put ${path} into a WIM: its target is too long for a link of Windows`);
    const isToFolder = await stat(path).then(
      (found) => found.isDirectory(),
      () => false,
    );
    const attributes = wimAttributes.reparsePoint | (isToFolder ? wimAttributes.directory : 0);
    return { ...this.#entry(name, path, stats, reparse), attributes };
  }
}

const noAttributes: FolderAttributes = { items: new Map(), tooLarge: [] };

async function namesIn(folder: string): Promise<string[]> {
  const found = await readdir(folder, { encoding: 'buffer' }).catch((error: unknown) => {
    throw asImageError(error, `cannot read ${folder}`);
  });
  const names = found.map((bytes) => {
    const name = bytes.toString('utf8');
    if (Buffer.from(name).equals(bytes)) return { name, key: name.toUpperCase() };
    throw new ImageError('invalid-argument', `cannot put ${join(folder, name)} into a WIM: its name is not UTF-8`, {
      hint: 'Names in a WIM are Unicode: rename it.',
    });
  });
  names.sort((a, b) => (a.key === b.key ? (a.name < b.name ? -1 : 1) : a.key < b.key ? -1 : 1));
  return names.map(({ name }) => name);
}

/** A link of Windows as Node shows it: an absolute target without what the system puts in front. */
function windowsLink(target: string): MadeReparse | undefined {
  const print = target.replace(/^\\\\\?\\/, '');
  const isAbsolute = /^(?:[a-z]:|\\\\)/i.test(print);
  const substitute = isAbsolute ? `\\??\\${print.replace(/^\\\\/, 'UNC\\')}` : print;
  return linkReparse({ isMountPoint: false, substitute, print }, !isAbsolute);
}

/** As Linux packs a device's numbers: what it hands out is the low half. */
function deviceNumber(stats: BigIntStats): number {
  return stats.isCharacterDevice() || stats.isBlockDevice() ? Number(BigInt.asUintN(32, stats.rdev)) : 0;
}

async function refuseInside(folder: string, file: string): Promise<void> {
  const place = await realpath(dirname(file)).catch((error: unknown) => {
    throw asImageError(error, `cannot write ${file}`);
  });
  const way = relative(await realpath(folder), place);
  if (way === '..' || way.startsWith(`..${sep}`) || resolve(way) === way) return;
  throw new ImageError('invalid-argument', `cannot write ${file}: it is in the folder that goes into it`, {
    hint: 'Write it somewhere else.',
  });
}
