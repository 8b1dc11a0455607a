import { closeSync, fstatSync, fsyncSync, openSync } from 'node:fs';
import { isSystemError } from '../errors.ts';

/** Makes a file's bytes, or the names in a folder, durable at once, for what must not wait within a transaction. Windows refuses it of folders and needs none: NTFS journals its metadata. */
export function syncNow(path: string): void {
  const file = open(path);
  if (file === undefined) return;
  try {
    if (process.platform !== 'win32' || !fstatSync(file).isDirectory()) fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

function open(path: string): number | undefined {
  // Windows flushes only what may be written, and opens no folder.
  if (process.platform !== 'win32') return openSync(path, 'r');
  try {
    return openSync(path, 'r+');
  } catch (error) {
    if (isSystemError(error, 'EISDIR', 'EPERM', 'EACCES')) return undefined;
    throw error;
  }
}
