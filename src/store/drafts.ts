import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { copyFile, mkdir, readdir, rename, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { asImageError, isSystemError } from '../errors.ts';
import { heldOpen } from '../io/held-open.ts';
import { removeFile } from '../io/remove-file.ts';
import { digestAlgorithm, digestHex, type Digest } from '../model/digest.ts';
import type { Database } from './database.ts';
import { isDraftFolder } from './draft-folder.ts';
import { draftName } from './draft-name.ts';
import { leaseLife } from './lease.ts';
import { hasEnded } from './process-mark.ts';

/** A draft for one writer alone, that nobody goes on with. */
export function privateDraft(database: Database): string {
  return join(database.place.drafts, draftName('blob'));
}

/**
 * The partial downloads of one lease: files `ALGORITHM-HEX` in a folder named for it. Two leases never write the same file.
 * When the lease ends in order they go to `free/`, where the next who wants such content takes one by renaming it. Of a lease that ended in no order a copy
 * is taken: its process may only have slept, and still have the file open.
 */
export class Drafts {
  readonly #database: Database;
  readonly #lease: string;
  /** Where its folders are: more than one where the store was moved meanwhile. */
  readonly #folders = new Set<string>();

  constructor(database: Database, lease: string) {
    this.#database = database;
    this.#lease = lease;
  }

  /** The path of this lease's draft of some content, with the most that anybody has left of it. */
  async claim(digest: Digest): Promise<string> {
    const { place } = this.#database;
    const folder = join(place.drafts, this.#lease);
    const name = nameOf(digest);
    const own = join(folder, name);
    try {
      if (!this.#folders.has(folder)) await mkdir(folder, { recursive: true, mode: 0o700 });
      this.#folders.add(folder);
      if ((await readdir(folder)).includes(name)) return own;
      for (const free of await readdir(place.freeDrafts))
        if (free.startsWith(`${name}.`) && (await renamed(join(place.freeDrafts, free), own))) return own;
      for (const abandoned of await this.#abandoned()) {
        if (!(await readdir(abandoned)).includes(name)) continue;
        await copyFile(join(abandoned, name), own, constants.COPYFILE_FICLONE);
        await removeFile(join(abandoned, name));
        return own;
      }
    } catch (error) {
      // Another has taken or swept it in this moment: then we begin anew.
      if (!isSystemError(error, 'ENOENT')) throw asImageError(error, `cannot use the drafts of ${place.root}`);
    }
    return own;
  }

  /** Leaves the one of this content, if there is one, to whoever comes next. */
  async leave(digest: Digest): Promise<void> {
    for (const folder of this.#folders) await this.#free(folder, nameOf(digest));
  }

  /** Leaves them to whoever comes next. */
  async release(): Promise<void> {
    const { place } = this.#database;
    for (const folder of this.#folders)
      try {
        for (const name of await readdir(folder)) await this.#free(folder, name);
        await rmdir(folder);
      } catch (error) {
        // Swept, while this process slept; or Windows keeps something of it for whoever has it open, and the sweep has it later.
        if (!isSystemError(error, 'ENOENT', 'ENOTEMPTY') && !heldOpen(error))
          throw asImageError(error, `cannot use the drafts of ${place.root}`);
      }
  }

  async #free(folder: string, name: string): Promise<void> {
    await renamed(join(folder, name), join(this.#database.place.freeDrafts, `${name}.${randomBytes(6).toString('hex')}`));
  }

  /** The folders of leases that have ended without releasing their drafts. */
  async #abandoned(): Promise<string[]> {
    const { place } = this.#database;
    // The drafts of a process that was killed are free at once, not only when its lease is void.
    const alive = new Set(
      this.#database
        .all<{ id: string; process: string }>('SELECT id, process FROM lease WHERE renewed > ?', this.#database.now().getTime() - leaseLife)
        .filter(({ process }) => !hasEnded(process))
        .map(({ id }) => id),
    );
    const entries = await readdir(place.drafts, { withFileTypes: true });
    return entries
      .filter((entry) => entry.isDirectory() && !isDraftFolder(entry) && entry.name !== 'free' && !alive.has(entry.name))
      .map(({ name }) => join(place.drafts, name));
  }
}

function nameOf(digest: Digest): string {
  return `${digestAlgorithm(digest)}-${digestHex(digest)}`;
}

async function renamed(from: string, to: string): Promise<boolean> {
  try {
    await rename(from, to);
    return true;
  } catch (error) {
    if (isSystemError(error, 'ENOENT', 'EPERM', 'EACCES', 'EBUSY', 'EXDEV')) return false;
    throw error;
  }
}
