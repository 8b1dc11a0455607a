import { copyFileSync, cpSync, readdirSync, renameSync, rmSync, statSync, constants } from 'node:fs';
import { copyFile, open, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { asImageError, isSystemError } from '../errors.ts';
import { removeFile } from '../io/remove-file.ts';
import { syncNow } from '../io/sync-now.ts';
import type { Database } from './database.ts';
import { draftName } from './draft-name.ts';

/**
 * A sealed draft, in the place where the store is now: it may have been moved while the draft was written. Before the transaction that keeps it, as copying to another disk takes its time.
 * @returns its path there
 */
export async function carryDraft(database: Database, draft: string): Promise<string> {
  const { place } = database;
  if (place.holds(draft)) return draft;
  const here = join(place.drafts, draftName('blob'));
  try {
    await rename(draft, here);
  } catch (error) {
    if (!isElsewhere(error)) throw asImageError(error, `cannot write ${place.drafts}`);
    try {
      await copyFile(draft, here, constants.COPYFILE_FICLONE);
      const file = await open(here, 'r');
      try {
        await file.sync();
      } finally {
        await file.close();
      }
    } catch (cause) {
      await removeFile(here);
      throw asImageError(cause, `cannot write ${place.drafts}`);
    }
    await removeFile(draft);
  }
  return here;
}

/** Within a transaction: as `renameSync`, also where the store was moved to another disk a moment ago. What is copied then is durable. */
export function moveNow(database: Database, from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch (error) {
    if (!isElsewhere(error)) throw error;
    const here = join(database.place.drafts, draftName('moved'));
    try {
      if (statSync(from).isDirectory()) cpSync(from, here, { recursive: true, preserveTimestamps: true, verbatimSymlinks: true });
      else copyFileSync(from, here, constants.COPYFILE_FICLONE);
      syncAll(here);
      renameSync(here, to);
    } catch (cause) {
      rmSync(here, { recursive: true, force: true });
      throw cause;
    }
    rmSync(from, { recursive: true, force: true });
  }
}

function syncAll(path: string): void {
  const facts = statSync(path, { throwIfNoEntry: false });
  if (facts?.isDirectory()) for (const name of readdirSync(path)) syncAll(join(path, name));
  if (facts?.isDirectory() || facts?.isFile()) syncNow(path);
}

/** Another disk; or on Windows another drive. */
function isElsewhere(error: unknown): boolean {
  return isSystemError(error, 'EXDEV');
}
