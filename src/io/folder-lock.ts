import { open, stat, utimes } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { asImageError, ImageError, isSystemError } from '../errors.ts';
import { canceled } from './concurrently.ts';
import { heldOpen } from './held-open.ts';
import { removeFile } from './remove-file.ts';

/** A lock is held for milliseconds. One that is older than this was left by a process that died. */
const staleAfter = 15_000;
const giveUpAfter = 60_000;
/** Windows refuses to make a file while a removed one of that name is still open somewhere, and also where it may not be made at all. */
const refusedFor = 4000;

/** One process of ours at a time, in a folder that no database guards: a file that only one can create. Other tools do not know it. */
export class FolderLock implements AsyncDisposable {
  readonly #path: string;

  private constructor(path: string) {
    this.#path = path;
  }

  /** @throws ImageError `unavailable` after a minute, `permission`, `canceled` */
  static async take(path: string, signal?: AbortSignal): Promise<FolderLock> {
    const start = Date.now();
    let refusedSince: number | undefined;
    for (;;) {
      if (signal?.aborted) throw canceled(signal.reason);
      try {
        const file = await open(path, 'wx', 0o644);
        try {
          // the age is told by the clock of the disk's own machine, which is not ours on a network disk
          await utimes(path, new Date(), new Date());
        } finally {
          await file.close();
        }
        return new FolderLock(path);
      } catch (error) {
        refusedSince = isSystemError(error, 'EEXIST') ? undefined : (refusedSince ?? Date.now());
        if (refusedSince !== undefined && !(heldOpen(error) && Date.now() - refusedSince < refusedFor))
          throw asImageError(error, `cannot write ${path}`);
      }
      if (await isStale(path)) await removeFile(path);
      else if (Date.now() - start > giveUpAfter)
        throw new ImageError('unavailable', `${path} is held by another process`, {
          hint: 'If no other process writes there, remove that file.',
        });
      else await sleep(5 + Math.random() * 20);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const end = Date.now() + refusedFor; !(await removeFile(this.#path)) && Date.now() < end;) await sleep(20);
  }
}

async function isStale(path: string): Promise<boolean> {
  try {
    return Date.now() - (await stat(path)).mtimeMs > staleAfter;
  } catch (error) {
    if (isSystemError(error, 'ENOENT') || heldOpen(error)) return false;
    throw asImageError(error, `cannot read ${path}`);
  }
}
