import { chmod, lstat, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { asImageError, isSystemError } from '../errors.ts';
import { heldOpen } from './held-open.ts';

/**
 * Removes a folder with all that is in it, or does nothing where there is none. What an image's files forbid their owner (a folder without `w`) stops nobody.
 * @returns false where Windows refuses it because somebody has a file of it open: what is left stays for whoever cleans up next
 */
export async function removeFolder(path: string): Promise<boolean> {
  try {
    await rm(path, { recursive: true, force: true });
  } catch (error) {
    if (heldOpen(error) || isStillThere(error)) return false;
    if (!isSystemError(error, 'EACCES', 'EPERM')) throw asImageError(error, `cannot remove ${path}`);
    await openUp(path);
    await rm(path, { recursive: true, force: true }).catch((again: unknown) => {
      throw asImageError(again, `cannot remove ${path}`);
    });
  }
  return true;
}

/** On Windows a file that is removed while somebody has it open stays in its folder until that one lets go. */
function isStillThere(error: unknown): boolean {
  return process.platform === 'win32' && isSystemError(error, 'ENOTEMPTY');
}

async function openUp(path: string): Promise<void> {
  if (!(await lstat(path)).isDirectory()) return;
  await chmod(path, 0o700);
  for (const entry of await readdir(path, { withFileTypes: true })) if (entry.isDirectory()) await openUp(join(path, entry.name));
}
