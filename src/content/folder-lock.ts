import { open, rm, stat, utimes, type FileHandle } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { asImageError, ImageError } from '../errors.ts';
import { canceled } from '../io/concurrently.ts';

/** A lock is held for milliseconds. One that is older than this was left by a process that died. */
const staleAfter = 15_000;
const giveUpAfter = 60_000;

/** One process of ours at a time, in a folder that no database guards: a file that only one can create. Other tools do not know it. */
export class FolderLock implements AsyncDisposable {
  readonly #path: string;

  private constructor(path: string) {
    this.#path = path;
  }

  /** @throws ImageError `unavailable` after a minute, `permission`, `canceled` */
  static async take(path: string, signal?: AbortSignal): Promise<FolderLock> {
    const start = Date.now();
    for (;;) {
      if (signal?.aborted) throw canceled(signal.reason);
      const file = await create(path);
      if (file) {
        try {
          // the age is told by the clock of the disk's own machine, which is not ours on a network disk
          await utimes(path, new Date(), new Date());
        } finally {
          await file.close();
        }
        return new FolderLock(path);
      }
      if (await isStale(path)) await rm(path, { force: true });
      else if (Date.now() - start > giveUpAfter)
        throw new ImageError('unavailable', `${path} is held by another process`, {
          hint: 'If no other process writes there, remove that file.',
        });
      else await sleep(5 + Math.random() * 20);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.#path, { force: true });
  }
}

async function create(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, 'wx', 0o644);
  } catch (error) {
    // Windows answers EPERM while a removed file is still open somewhere
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST' || (process.platform === 'win32' && code === 'EPERM')) return undefined;
    throw asImageError(error, `cannot write ${path}`);
  }
}

async function isStale(path: string): Promise<boolean> {
  try {
    return Date.now() - (await stat(path)).mtimeMs > staleAfter;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw asImageError(error, `cannot read ${path}`);
  }
}
