import { unlinkSync } from 'node:fs';
import { unlink } from 'node:fs/promises';
import { isSystemError } from '../errors.ts';

import { heldOpen } from './held-open.ts';

/**
 * Removes a file, a read-only one too: Node's `rm` leaves those on Windows, in some of its versions.
 * @returns false where Windows refuses it because somebody has the file open: it stays for whoever cleans up next
 */
export async function removeFile(path: string): Promise<boolean> {
  try {
    await unlink(path);
  } catch (error) {
    return isGone(error);
  }
  return true;
}

/** The same at once, for what must not wait within a transaction. */
export function removeFileNow(path: string): boolean {
  try {
    unlinkSync(path);
  } catch (error) {
    return isGone(error);
  }
  return true;
}

function isGone(error: unknown): boolean {
  if (isSystemError(error, 'ENOENT')) return true;
  if (heldOpen(error)) return false;
  throw error;
}
