import { lstat, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { Stats } from 'node:fs';
import { asImageError, ImageError } from '../../errors.ts';

/**
 * The file that --output names, looked at before any work is done for it: its folder is there, and what is there under its name is a file.
 * @param failed docker's words before what is wrong: `failed to save image`
 * @returns its whole path
 * @throws ImageError `invalid-argument`, with docker's texts
 */
export async function outputFile(given: string, cwd: string, failed: string): Promise<string> {
  const refuse = (why: string): never => {
    throw new ImageError('invalid-argument', `${failed}: ${why}`, { detail: { plain: true } });
  };
  const file = resolve(cwd, given);
  const folder = dirname(given);
  const parent = await found(stat, dirname(file));
  if (parent === undefined) refuse(`invalid output path: stat ${folder}: no such file or directory`);
  if (parent === 'in a file' || !parent?.isDirectory()) refuse(`invalid output path: stat ${folder}: not a directory`);
  const there = await found(lstat, file);
  if (there !== undefined && there !== 'in a file' && !there.isFile()) refuse(`cannot write to ${kindOf(there)}`);
  return file;
}

async function found(look: (path: string) => Promise<Stats>, path: string): Promise<Stats | 'in a file' | undefined> {
  try {
    return await look(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return undefined;
    if (code === 'ENOTDIR') return 'in a file';
    throw asImageError(error, `cannot write ${path}`);
  }
}

function kindOf(there: Stats): string {
  if (there.isDirectory()) return 'a directory';
  if (there.isSymbolicLink()) return 'a symbolic link directly';
  if (there.isFIFO()) return 'a named pipe (FIFO)';
  if (there.isSocket()) return 'a socket';
  return there.isCharacterDevice() ? 'a character device file' : 'a block device file';
}
