/**
 * Folders of the host that are mounted in containers, volumes and binds, as trees to read and to write: no link in them leads out.
 *
 * Calls are synchronous: each takes microseconds, and a turn through Node's threads ten times as long, for every file several of them. Every few files the event loop has its turn.
 */

import {
  chmodSync,
  closeSync,
  constants,
  createReadStream,
  fchmodSync,
  fchownSync,
  lchownSync,
  linkSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeSync,
  type BigIntStats,
} from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { join, relative } from 'node:path';
import { asImageError, ImageError, isSystemError } from '../errors.ts';
import { canceled } from '../io/concurrently.ts';
import { utimeOf } from '../io/file-times.ts';
import { refuseOddPath } from '../io/path-rules.ts';
import type { TarHeader, Timestamp } from '../formats/tar/entry.ts';
import type { TarMember } from '../formats/tar/read-tar.ts';
import type { NewTarMember } from '../formats/tar/write-tar.ts';

/** What is at a path of the host, no link followed; undefined for nothing. */
export function lookAt(path: string): BigIntStats | undefined {
  try {
    return lstatSync(path, { bigint: true, throwIfNoEntry: false });
  } catch (error) {
    if (isSystemError(error, 'ENOENT', 'ENOTDIR')) return undefined;
    throw asImageError(error, `cannot read ${path}`);
  }
}

/** Files after which the event loop has its turn. */
const turn = 32;

/** What is smaller is read at once. Bytes. */
const small = 128 * 1024;

/**
 * What is at a path and below it, folders first, in the order of names.
 * @param name what the tar calls the path itself; '' leaves it out and calls what is below by its names alone
 */
export async function* folderMembers(path: string, name: string): AsyncGenerator<NewTarMember, void, undefined> {
  const linked = new Map<string, string>();
  // Not by recursion: a generator within a generator passes each member through all of them.
  const waiting = [{ path, name }];
  for (let count = 0; waiting.length > 0; count++) {
    const next = waiting.pop();
    const stats = next && lookAt(next.path);
    if (!next || !stats) continue;
    if (count % turn === turn - 1) await nextTurn();
    const found = headerOf(next.path, next.name, stats, linked);
    if (found && next.name !== '') yield found;
    if (!stats.isDirectory()) continue;
    const prefix = next.name === '' ? '' : `${next.name.replace(/\/$/, '')}/`;
    for (const child of readNames(next.path).toReversed()) waiting.push({ path: join(next.path, child), name: `${prefix}${child}` });
  }
}

function readNames(path: string): string[] {
  try {
    return readdirSync(path).sort();
  } catch (error) {
    throw asImageError(error, `cannot read ${path}`);
  }
}

function headerOf(path: string, name: string, stats: BigIntStats, linked: Map<string, string>): NewTarMember | undefined {
  // NTFS has no such modes and owners: what comes from there may be run by everybody, as docker has it.
  const isWindows = process.platform === 'win32';
  const common = {
    mode: isWindows ? (Number(stats.mode) & 0o755) | 0o111 : Number(stats.mode) & 0o7777,
    uid: isWindows ? 0 : Number(stats.uid),
    gid: isWindows ? 0 : Number(stats.gid),
    mtime: timestamp(stats.mtimeNs),
  };
  if (stats.isDirectory()) return { entry: { ...common, path: name.endsWith('/') ? name : `${name}/`, type: 'directory' } };
  if (stats.isSymbolicLink())
    return {
      entry: {
        ...common,
        path: name,
        type: 'symlink',
        linkname: isWindows ? readlinkSync(path).replaceAll('\\', '/') : readlinkSync(path),
      },
    };
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
  return { entry: { ...common, path: name, type: 'file', size: Number(stats.size) }, body: bodyOf(path, Number(stats.size)) };
}

/** Opened when its turn comes. */
async function* bodyOf(path: string, size: number): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    if (size > small) yield* createReadStream(path, { highWaterMark: 1 << 18 });
    else if (size > 0) yield readFileSync(path);
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

/** What was not put: devices and pipes, which need more than Node can do. */
export interface LeftOut {
  readonly count: number;
  /** The path of the first, as the tar has it; '' where there is none. */
  readonly first: string;
}

/**
 * Puts the members of a tar into a folder, as docker's extraction does: what is there is replaced, folders are joined, nothing outside is touched.
 * An ordinary user's files are the user's own.
 * @throws ImageError `invalid-content` for a member that leads out; `invalid-argument` with docker's texts; `permission`, `disk-full`
 */
export async function fillFolder(folder: string, members: AsyncIterable<TarMember>, options: FillOptions = {}): Promise<LeftOut> {
  const filling = new FolderFilling(folder, options);
  try {
    for await (const member of members) await filling.put(member);
  } catch (error) {
    throw asImageError(error, `cannot write ${folder}`);
  }
  return filling.finish();
}

/** The same for whoever has the members one by one: `put` each, then `finish`. */
export class FolderFilling {
  readonly #folder: string;
  readonly #options: FillOptions;
  readonly #folders: { readonly path: string; readonly time: Timestamp; readonly mode: number }[] = [];
  #leftOut: LeftOut = { count: 0, first: '' };
  #count = 0;

  constructor(folder: string, options: FillOptions) {
    this.#folder = folder;
    this.#options = options;
  }

  /** @throws as `fillFolder` */
  async put({ entry, body }: TarMember): Promise<void> {
    if (++this.#count % turn === 0) await nextTurn();
    if (this.#options.signal?.aborted) throw canceled(this.#options.signal.reason);
    try {
      const parts = partsOf(entry.path);
      if (parts.length === 0) return;
      const path = join(this.#folder, ...parts);
      refuseOddPath(path);
      makeParents(this.#folder, parts);
      if (!(await putMember(this.#folder, path, entry, body, this.#options)))
        this.#leftOut = { count: this.#leftOut.count + 1, first: this.#leftOut.first || entry.path };
      else if (entry.type === 'directory') this.#folders.push({ path, time: entry.mtime, mode: entry.mode & 0o7777 });
    } catch (error) {
      throw asImageError(error, `cannot write ${this.#folder}`);
    }
  }

  /** Folders get their modes and times last: a mode may forbid their owner to write in them, and each file that is put changes their time. */
  finish(): LeftOut {
    try {
      for (const { path, time, mode } of this.#folders.toReversed()) {
        chmodSync(path, mode);
        utimesSync(path, utime(time), utime(time));
      }
    } catch (error) {
      throw asImageError(error, `cannot write ${this.#folder}`);
    }
    return this.#leftOut;
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
  const there = lookAt(path);
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
  if (there && !(isFolder && there.isDirectory())) rmSync(path, { recursive: true, force: true });
  const { owner = entry } = options;
  const given = owner !== 'none' && process.getuid?.() === 0 ? owner : undefined;
  switch (entry.type) {
    case 'directory':
      // Its own mode comes last.
      if (!there?.isDirectory()) mkdirSync(path, { mode: 0o700 });
      break;
    case 'file': {
      const file = openSync(path, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | (constants.O_NOFOLLOW ?? 0), 0o600);
      try {
        for await (const chunk of body) for (let at = 0; at < chunk.length;) at += writeSync(file, chunk, at);
        // The mode last: another owner takes the setuid bit away.
        if (given) fchownSync(file, given.uid, given.gid);
        fchmodSync(file, entry.mode & 0o7777);
      } finally {
        closeSync(file);
      }
      break;
    }
    case 'symlink':
      symlinkSync(entry.linkname, path);
      break;
    case 'hard-link': {
      const first = partsOf(entry.linkname);
      makeParents(folder, first);
      const target = join(folder, ...first);
      if (!lookAt(target)?.isFile()) throw leadsOut(entry.linkname, 'there is no such file for a hard link');
      linkSync(target, path);
      return true;
    }
    default:
      return false;
  }
  if (given && entry.type !== 'file') lchownSync(path, given.uid, given.gid);
  if (!isFolder) lutimesSync(path, utime(entry.mtime), utime(entry.mtime));
  return true;
}

/** The folders on the way, each a real one: a link in its place would lead who knows where. */
function makeParents(folder: string, parts: readonly string[]): void {
  let path = folder;
  for (const part of parts.slice(0, -1)) {
    path = join(path, part);
    const there = lookAt(path);
    if (there?.isDirectory()) continue;
    if (there) throw leadsOut(path, 'it is no folder');
    mkdirSync(path, { mode: 0o755 });
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

function utime({ seconds, nanoseconds }: Timestamp): number | string {
  return utimeOf(seconds + nanoseconds / 1e9);
}

/** A folder that may not be read counts as empty. */
function namesIfAllowed(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

/** Bytes of the files below a path, hard links once. */
export async function folderSize(path: string): Promise<number> {
  const seen = new Set<string>();
  const waiting = [path];
  let total = 0;
  for (let count = 1; waiting.length > 0; count++) {
    if (count % turn === 0) await nextTurn();
    const at = waiting.pop() ?? '';
    const stats = lookAt(at);
    if (stats?.isDirectory()) waiting.push(...namesIfAllowed(at).map((child) => join(at, child)));
    const key = `${stats?.dev}:${stats?.ino}`;
    if (!stats?.isFile() || seen.has(key)) continue;
    seen.add(key);
    total += Number(stats.size);
  }
  return total;
}
