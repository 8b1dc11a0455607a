import { createHash } from 'node:crypto';
import type { Stats } from 'node:fs';
import {
  chmod,
  link,
  lstat,
  lutimes,
  lchown,
  mkdir,
  open,
  readdir,
  readlink,
  rm,
  stat,
  symlink,
  utimes,
  type FileHandle,
} from 'node:fs/promises';
import { join, sep } from 'node:path';
import { asImageError, ImageError, isSystemError } from '../errors.ts';
import { utimeOf } from '../io/file-times.ts';
import { syncFolder } from '../io/atomic-file.ts';
import { canceled, Slots, together } from '../io/concurrently.ts';
import { removeFile } from '../io/remove-file.ts';
import { removeFolder } from '../io/remove-folder.ts';
import { digestFrom, isDigest, type Digest } from '../model/digest.ts';

const blockSize = 1024 * 1024;
/** Files copied at once: a disk makes several durable in the time of one. */
const atOnce = 4;
/** A file that changed so shortly before it was copied is copied again: a clock's steps are coarse. Milliseconds. */
const unsure = 250;

export interface MirrorOptions {
  /** Gives files a second name instead of copying them. */
  readonly linking: boolean;
  /** Paths from the root, with `/`, that stay out; what is below them too. */
  readonly leaveOut: (path: string) => boolean;
  /** Of the folders that may be linked, the files that must not: another process may go on writing the old name. */
  readonly copyAlways: (path: string) => boolean;
  readonly signal?: AbortSignal | undefined;
  /** Bytes more that are there. */
  readonly onBytes: (count: number) => void;
}

export interface Passed {
  readonly files: number;
  readonly bytes: number;
}

/**
 * A folder's likeness in another place, brought up to date again and again while the first is in use: by second names for the same files, or by copies, each read again and compared, and
 * durable. Kept: modes, times, owners where this user may give files away, symbolic and hard links.
 */
export class Mirror {
  /** Blobs whose file is not what its name says, here as there. */
  readonly damaged = new Set<Digest>();
  readonly #from: string;
  readonly #to: string;
  readonly #options: MirrorOptions;
  /** What was changed before this time, and has been copied, is the same. */
  #since = 0;
  /** In copies: where the first name of a file with several is, by device and inode, when it is there. Of one pass: what changes, changes under all of its names. */
  readonly #firstNames = new Map<string, Promise<string>>();
  /** What could not be given a second name. */
  readonly #unlinked = new Set<string>();

  constructor(from: string, to: string, options: MirrorOptions) {
    this.#from = from;
    this.#to = to;
    this.#options = options;
  }

  /** What a pass would bring: nothing is written. */
  async measure(): Promise<Passed> {
    return this.#walk(false);
  }

  /** Brings what is new or changed. What goes away while it is being read is left out. @throws ImageError `canceled`, `disk-full`, `permission`, `unsupported` for a device or a pipe that would have to be copied */
  async pass(): Promise<Passed> {
    const start = Date.now() - unsure;
    this.#firstNames.clear();
    const passed = await this.#walk(true);
    this.#since = start;
    return passed;
  }

  /** Takes away what is in the likeness alone, and gives folders their modes and times. Nothing may change meanwhile but what is in `trash/`. */
  async finish(): Promise<void> {
    await this.#finishFolder('');
  }

  async #walk(doing: boolean): Promise<Passed> {
    let [files, bytes] = [0, 0];
    const slots = new Slots(atOnce);
    const waiting = [''];
    for (let folder = waiting.pop(); folder !== undefined; folder = waiting.pop()) {
      const names = await this.#namesIn(folder);
      if (!names) continue;
      if (doing) await this.#makeFolder(folder);
      let fresh = false;
      await together(this.#options.signal, async ({ all }) => {
        const bring = async (name: string): Promise<void> => {
          const path = folder === '' ? name : `${folder}/${name}`;
          if (this.#options.leaveOut(path)) return;
          const facts = await this.#facts(path);
          if (!facts) return;
          if (facts.isDirectory()) {
            waiting.push(path);
            return;
          }
          if (await this.#isSame(path, facts)) return;
          files++;
          bytes += this.#isLinked(path) ? 0 : facts.size;
          if (!doing) return this.#refuse(path, facts);
          await this.#bring(path, facts);
          fresh = true;
        };
        await all(names.map((name) => slots.run(() => bring(name))));
      });
      if (fresh) await syncFolder(join(this.#to, folder));
    }
    return { files, bytes };
  }

  /** Undefined where the folder has gone. One that its files' maker closed to its owner is opened for the look. */
  async #namesIn(folder: string): Promise<string[] | undefined> {
    const path = join(this.#from, folder);
    try {
      return await opened(path, 0o500, () => readdir(path));
    } catch (error) {
      if (isGone(error)) return undefined;
      throw asImageError(error, `cannot read ${path}`);
    }
  }

  async #facts(path: string): Promise<Stats | undefined> {
    try {
      return await lstat(join(this.#from, path));
    } catch (error) {
      if (isGone(error)) return undefined;
      throw asImageError(error, `cannot read ${join(this.#from, path)}`);
    }
  }

  async #makeFolder(folder: string): Promise<void> {
    const path = join(this.#to, folder);
    try {
      if ((await lstatIfThere(path))?.isDirectory() === false) await rm(path);
      await mkdir(path, { recursive: true, mode: 0o700 });
      if (process.platform !== 'win32') await chmod(path, 0o700);
    } catch (error) {
      throw asImageError(error, `cannot write ${path}`);
    }
  }

  #isLinked(path: string): boolean {
    return this.#options.linking && !this.#unlinked.has(path) && !this.#options.copyAlways(path);
  }

  async #isSame(path: string, facts: Stats): Promise<boolean> {
    const there = await lstatIfThere(join(this.#to, path));
    if (!there) return false;
    if (this.#isLinked(path) && !facts.isSymbolicLink()) return there.dev === facts.dev && there.ino === facts.ino;
    return (
      facts.ctimeMs < this.#since &&
      there.size === facts.size &&
      there.isFile() === facts.isFile() &&
      there.isSymbolicLink() === facts.isSymbolicLink()
    );
  }

  #refuse(path: string, facts: Stats): void {
    if (this.#isLinked(path) || facts.isFile() || facts.isSymbolicLink() || facts.isSocket()) return;
    throw new ImageError('unsupported', `${join(this.#from, path)} cannot be moved to another disk: it is a device or a pipe`, {
      hint: 'Remove it, or choose a place on the same disk.',
      detail: { path },
    });
  }

  async #bring(path: string, facts: Stats): Promise<void> {
    const [from, to] = [join(this.#from, path), join(this.#to, path)];
    try {
      const there = await lstatIfThere(to);
      if (there) await (there.isDirectory() ? removeFolder(to) : removeFile(to));
      if (facts.isSymbolicLink()) await this.#copyLink(from, to, facts);
      else if (!(this.#isLinked(path) && (await linkIfAble(from, to)))) {
        if (this.#options.linking && !this.#options.copyAlways(path)) this.#unlinked.add(path);
        this.#refuse(path, facts);
        if (facts.isFile()) await this.#copyFile(path, from, to, facts);
      }
    } catch (error) {
      if (isGone(error)) return;
      throw asImageError(error, `cannot copy ${from} to ${to}`);
    }
  }

  async #copyLink(from: string, to: string, facts: Stats): Promise<void> {
    const isFolder = process.platform === 'win32' && (await stat(from).catch(() => undefined))?.isDirectory() === true;
    await symlink(await readlink(from), to, isFolder ? 'dir' : undefined);
    if (isRoot()) await lchown(to, facts.uid, facts.gid);
    await lutimes(to, utimeOf(facts.atimeMs / 1000), utimeOf(facts.mtimeMs / 1000));
  }

  async #copyFile(path: string, from: string, to: string, facts: Stats): Promise<void> {
    const key = `${facts.dev}:${facts.ino}`;
    // Between the look and the entry below nothing is waited for: of two names at once one is the first.
    const first = facts.nlink > 1 ? this.#firstNames.get(key) : undefined;
    if (first && (await linkIfAble(await first, to))) return;
    const copying = this.#copyBytes(path, from, to, facts);
    if (facts.nlink > 1) {
      const named = copying.then(() => to);
      named.catch(() => undefined);
      this.#firstNames.set(key, named);
    }
    await copying;
  }

  async #copyBytes(path: string, from: string, to: string, facts: Stats): Promise<void> {
    const digest = digestOfPath(path);
    const algorithm = digest?.startsWith('sha512:') ? 'sha512' : 'sha256';
    const read = createHash(algorithm);
    const written = createHash(algorithm);
    // A file that its maker closed to its owner is opened for the look.
    const source = await opened(from, 0o400, () => open(from, 'r'));
    try {
      const target = await open(to, 'wx+', 0o600);
      try {
        await this.#pour(source, async (block, at) => {
          read.update(block);
          for (let rest = block, position = at; rest.length > 0;) {
            const { bytesWritten } = await target.write(rest, 0, rest.length, position);
            rest = rest.subarray(bytesWritten);
            position += bytesWritten;
          }
          this.#options.onBytes(block.length);
        });
        await target.sync();
        await this.#pour(target, async (block) => void written.update(block));
      } finally {
        await target.close();
      }
    } finally {
      await source.close();
    }
    const [before, after] = [read.digest('hex'), written.digest('hex')];
    if (before !== after)
      throw new ImageError('digest-mismatch', `${to} is not what was written to it`, {
        hint: 'The disk is not to be trusted. Nothing has been changed.',
      });
    if (digest && digestFrom(algorithm, after) !== digest) this.damaged.add(digest);
    else if (digest) this.damaged.delete(digest);
    if (isRoot()) await lchown(to, facts.uid, facts.gid);
    await utimes(to, utimeOf(facts.atimeMs / 1000), utimeOf(facts.mtimeMs / 1000));
    // The mode last: another owner takes the setuid bit away, and Windows dates no file that is read-only.
    await chmod(to, facts.mode & 0o7777);
  }

  async #pour(file: FileHandle, take: (block: Buffer, at: number) => Promise<void>): Promise<void> {
    const block = Buffer.allocUnsafeSlow(blockSize);
    for (let at = 0; ;) {
      if (this.#options.signal?.aborted) throw canceled(this.#options.signal.reason);
      const { bytesRead } = await file.read(block, 0, block.length, at);
      if (bytesRead === 0) return;
      await take(block.subarray(0, bytesRead), at);
      at += bytesRead;
    }
  }

  async #finishFolder(folder: string): Promise<void> {
    const [from, to] = [join(this.#from, folder), join(this.#to, folder)];
    try {
      const here = new Set(await this.#namesIn(folder));
      for (const entry of await readdir(to, { withFileTypes: true })) {
        const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
        if (this.#options.leaveOut(path)) continue;
        if (!here.has(entry.name)) await removeFolder(join(to, entry.name));
        else if (entry.isDirectory()) await this.#finishFolder(path);
      }
      if (folder === '') return;
      const facts = await stat(from);
      if (isRoot()) await lchown(to, facts.uid, facts.gid);
      await utimes(to, utimeOf(facts.atimeMs / 1000), utimeOf(facts.mtimeMs / 1000));
      if (process.platform !== 'win32') await chmod(to, facts.mode & 0o7777);
    } catch (error) {
      // What is in trash/ goes at any time.
      if (isGone(error) && !(await lstatIfThere(from))) await removeFolder(to);
      else throw asImageError(error, `cannot write ${to}`);
    }
  }
}

/** The digest that a file in `blobs/` must have by its name. */
function digestOfPath(path: string): Digest | undefined {
  const [, algorithm, hex] = /^blobs\/([a-z0-9]+)\/([0-9a-f]+)$/.exec(path) ?? [];
  const digest = `${algorithm}:${hex}`;
  return isDigest(digest) ? digest : undefined;
}

/** Runs `act` again with more rights on a path of this user's, where they lack: with the old ones afterwards. */
async function opened<T>(path: string, rights: number, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    if (!isSystemError(error, 'EACCES') || process.platform === 'win32') throw error;
    const { mode } = await lstat(path);
    await chmod(path, (mode & 0o7777) | rights);
    try {
      return await act();
    } finally {
      await chmod(path, mode & 0o7777);
    }
  }
}

/** False where there can be no second name: another disk, one without hard links, a file that has as many as may be. Windows says EISDIR of some. */
async function linkIfAble(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if (isSystemError(error, 'EXDEV', 'EPERM', 'EMLINK', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EISDIR', 'EACCES')) return false;
    throw error;
  }
}

async function lstatIfThere(path: string): Promise<Stats | undefined> {
  try {
    return await lstat(path);
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}

function isGone(error: unknown): boolean {
  return isSystemError(error, 'ENOENT', 'ENOTDIR');
}

function isRoot(): boolean {
  return process.getuid?.() === 0;
}

/** True where one path lies in the other, or is it. Both are real paths. */
export function isWithin(path: string, folder: string): boolean {
  const [one, other] = process.platform === 'win32' ? [path.toLowerCase(), folder.toLowerCase()] : [path, folder];
  return one === other || one.startsWith(other.endsWith(sep) ? other : `${other}${sep}`);
}
