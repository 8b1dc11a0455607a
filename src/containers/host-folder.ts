/** Folders of the host that are mounted in containers, volumes and binds, as trees to read and to write: no link in them leads out. */

import { constants, createReadStream, type BigIntStats } from 'node:fs';
import { chmod, lchown, link, lstat, lutimes, mkdir, open, readdir, readlink, rm, symlink, utimes } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { asImageError, ImageError } from '../errors.ts';
import { canceled } from '../io/concurrently.ts';
import { refuseOddPath } from '../io/path-rules.ts';
import type { TarHeader, Timestamp } from '../formats/tar/entry.ts';
import type { TarMember } from '../formats/tar/read-tar.ts';
import type { NewTarMember } from '../formats/tar/write-tar.ts';

/** What is at a path of the host, no link followed; undefined for nothing. */
export async function lookAt(path: string): Promise<BigIntStats | undefined> {
  try {
    return await lstat(path, { bigint: true });
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw asImageError(error, `cannot read ${path}`);
  }
}

/**
 * What is at a path and below it, folders first, in the order of names.
 * @param name what the tar calls the path itself; '' leaves it out and calls what is below by its names alone
 */
export async function* folderMembers(path: string, name: string): AsyncGenerator<NewTarMember, void, undefined> {
  yield* membersBelow(path, name, new Map());
}

async function* membersBelow(path: string, name: string, linked: Map<string, string>): AsyncGenerator<NewTarMember, void, undefined> {
  const stats = await lookAt(path);
  if (!stats) return;
  const found = await headerOf(path, name, stats, linked);
  if (found && name !== '') yield found;
  if (!stats.isDirectory()) return;
  const names = await readdir(path).catch((error: unknown) => {
    throw asImageError(error, `cannot read ${path}`);
  });
  for (const child of names.sort())
    yield* membersBelow(join(path, child), name === '' ? child : `${name.replace(/\/$/, '')}/${child}`, linked);
}

async function headerOf(path: string, name: string, stats: BigIntStats, linked: Map<string, string>): Promise<NewTarMember | undefined> {
  // NTFS has no such modes and owners: what comes from there may be run by everybody, as docker has it.
  const isWindows = process.platform === 'win32';
  const common = {
    mode: isWindows ? (Number(stats.mode) & 0o755) | 0o111 : Number(stats.mode) & 0o7777,
    uid: isWindows ? 0 : Number(stats.uid),
    gid: isWindows ? 0 : Number(stats.gid),
    mtime: timestamp(stats.mtimeNs),
  };
  if (stats.isDirectory()) return { entry: { ...common, path: name.endsWith('/') ? name : `${name}/`, type: 'directory' } };
  if (stats.isSymbolicLink()) return { entry: { ...common, path: name, type: 'symlink', linkname: await readlink(path) } };
  if (stats.isFIFO()) return { entry: { ...common, path: name, type: 'fifo' } };
  if (stats.isCharacterDevice() || stats.isBlockDevice()) {
    const { major, minor } = deviceNumbers(stats.rdev);
    return {
      entry: {
        ...common,
        path: name,
        type: stats.isBlockDevice() ? 'block-device' : 'character-device',
        devmajor: major,
        devminor: minor,
      },
    };
  }
  // A socket is of whoever listens, not of the folder.
  if (!stats.isFile()) return undefined;
  const key = `${stats.dev}:${stats.ino}`;
  const first = stats.nlink > 1n ? linked.get(key) : undefined;
  if (first !== undefined) return { entry: { ...common, path: name, type: 'hard-link', linkname: first } };
  if (stats.nlink > 1n) linked.set(key, name);
  return { entry: { ...common, path: name, type: 'file', size: Number(stats.size) }, body: createBody(path) };
}

/** Opened when its turn comes. */
async function* createBody(path: string): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    yield* createReadStream(path, { highWaterMark: 1 << 18 });
  } catch (error) {
    throw asImageError(error, `cannot read ${path}`);
  }
}

/** Nanoseconds since 1970 as a tar has them. */
export function timestamp(nanoseconds: bigint): Timestamp {
  const part = ((nanoseconds % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n;
  return { seconds: Number((nanoseconds - part) / 1_000_000_000n), nanoseconds: Number(part) };
}

/** Linux's makedev, the other way round. */
function deviceNumbers(bits: bigint): { readonly major: number; readonly minor: number } {
  return {
    major: Number(((bits >> 8n) & 0xfffn) | ((bits >> 32n) & ~0xfffn)),
    minor: Number((bits & 0xffn) | ((bits >> 12n) & ~0xffn)),
  };
}

export interface FillOptions {
  readonly noOverwriteDirNonDir?: boolean | undefined;
  /** Where this process may give files away: whom they get. Default: whom the tar says; `none`: this process's own. */
  readonly owner?: { readonly uid: number; readonly gid: number } | 'none' | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Puts the members of a tar into a folder, as docker's extraction does: what is there is replaced, folders are joined, nothing outside is touched.
 * An ordinary user's files are the user's own; devices and pipes, which need more than Node can do, are left out.
 * @throws ImageError `invalid-content` for a member that leads out; `invalid-argument` with docker's texts; `permission`, `disk-full`
 */
export async function fillFolder(folder: string, members: AsyncIterable<TarMember>, options: FillOptions = {}): Promise<void> {
  const folders: { readonly path: string; readonly time: Timestamp; readonly mode: number }[] = [];
  try {
    for await (const { entry, body } of members) {
      if (options.signal?.aborted) throw canceled(options.signal.reason);
      const parts = partsOf(entry.path);
      if (parts.length === 0) continue;
      const path = join(folder, ...parts);
      refuseOddPath(path);
      await makeParents(folder, parts);
      if (!(await putMember(folder, path, entry, body, options))) continue;
      if (entry.type === 'directory') folders.push({ path, time: entry.mtime, mode: entry.mode & 0o7777 });
    }
    // Folders last: a mode may forbid their owner to write in them, and each file that is put changes their time.
    for (const { path, time, mode } of folders.toReversed()) {
      await chmod(path, mode);
      await utimes(path, seconds(time), seconds(time));
    }
  } catch (error) {
    throw asImageError(error, `cannot write ${folder}`);
  }
}

/** @returns false for what has been left out */
async function putMember(
  folder: string,
  path: string,
  entry: Required<Pick<TarHeader, 'path' | 'type' | 'mode' | 'uid' | 'gid' | 'mtime' | 'linkname'>>,
  body: AsyncIterable<Uint8Array>,
  options: FillOptions,
): Promise<boolean> {
  const there = await lookAt(path);
  const isFolder = entry.type === 'directory';
  if (there && options.noOverwriteDirNonDir) {
    if (isFolder && !there.isDirectory())
      throw new ImageError(
        'invalid-argument',
        `cannot overwrite non-directory ${JSON.stringify(relative(folder, path))} with directory ${JSON.stringify(folder)}`,
      );
    if (!isFolder && there.isDirectory())
      throw new ImageError(
        'invalid-argument',
        `cannot overwrite directory ${JSON.stringify(relative(folder, path))} with non-directory ${JSON.stringify(folder)}`,
      );
  }
  if (there && !(isFolder && there.isDirectory())) await rm(path, { recursive: true, force: true });
  switch (entry.type) {
    case 'directory':
      // Its own mode comes last.
      if (!there?.isDirectory()) await mkdir(path, { mode: 0o700 });
      break;
    case 'file': {
      const file = await open(path, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | (constants.O_NOFOLLOW ?? 0), 0o600);
      try {
        for await (const chunk of body) await file.write(chunk);
        await file.chmod(entry.mode & 0o7777);
      } finally {
        await file.close();
      }
      break;
    }
    case 'symlink':
      await symlink(entry.linkname, path);
      break;
    case 'hard-link': {
      const first = partsOf(entry.linkname);
      await makeParents(folder, first);
      const target = join(folder, ...first);
      if (!(await lookAt(target))?.isFile()) throw leadsOut(entry.linkname, 'there is no such file for a hard link');
      await link(target, path);
      return true;
    }
    default:
      return false;
  }
  const { owner = entry } = options;
  if (owner !== 'none' && process.getuid?.() === 0) await lchown(path, owner.uid, owner.gid);
  if (!isFolder) await lutimes(path, seconds(entry.mtime), seconds(entry.mtime));
  return true;
}

/** The folders on the way, each a real one: a link in its place would lead who knows where. */
async function makeParents(folder: string, parts: readonly string[]): Promise<void> {
  let path = folder;
  for (const part of parts.slice(0, -1)) {
    path = join(path, part);
    const there = await lookAt(path);
    if (there?.isDirectory()) continue;
    if (there) throw leadsOut(path, 'it is no folder');
    await mkdir(path, { mode: 0o755 });
  }
}

function partsOf(path: string): string[] {
  const parts = path.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.includes('..')) throw leadsOut(path, 'it leads out of its folder');
  return parts;
}

function leadsOut(path: string, why: string): ImageError {
  return new ImageError('invalid-content', `${JSON.stringify(path)} cannot be extracted: ${why}`);
}

function seconds({ seconds: whole, nanoseconds }: Timestamp): number {
  return whole + nanoseconds / 1e9;
}

/** Bytes of the files below a path, hard links once. */
export async function folderSize(path: string): Promise<number> {
  const seen = new Set<string>();
  const measure = async (at: string): Promise<number> => {
    const stats = await lookAt(at);
    if (!stats) return 0;
    if (!stats.isDirectory()) {
      const key = `${stats.dev}:${stats.ino}`;
      if (!stats.isFile() || seen.has(key)) return 0;
      seen.add(key);
      return Number(stats.size);
    }
    let total = 0;
    for (const child of await readdir(at).catch(() => [])) total += await measure(join(at, child));
    return total;
  };
  return measure(path);
}
