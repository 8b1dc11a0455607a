import { mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * Makes a folder and those above it that are not there. What is there stays as it is.
 * Node's own, recursive, tries for ever where a file system lets nobody make a folder in one that is there, and says that there is none: /proc does.
 * @param mode of each folder that is made
 * @returns the topmost that was made, undefined where all were there
 * @throws the system's error: EEXIST where a file has the name, ENOTDIR where one has that of a folder above
 */
export function makeFolderPath(path: string, mode?: number): string | undefined {
  const failure = tryToMake(path, mode);
  if (!failure) return path;
  if (isFolder(path)) return undefined;
  const parent = dirname(path);
  if (failure.code !== 'ENOENT' || parent === path) throw failure;
  const topmost = makeFolderPath(parent, mode);
  // Not at once given up where the parent is there: another process may just have made it.
  const again = tryToMake(path, mode);
  if (again && !isFolder(path)) throw again;
  return topmost ?? (again ? undefined : path);
}

function tryToMake(path: string, mode: number | undefined): NodeJS.ErrnoException | undefined {
  try {
    mkdirSync(path, mode);
    return undefined;
  } catch (error) {
    return error as NodeJS.ErrnoException;
  }
}

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}
