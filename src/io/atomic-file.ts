import { randomBytes } from 'node:crypto';
import { open, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

import { asImageError, ImageError, isSystemError } from '../errors.ts';
import { throwIfCanceled } from './concurrently.ts';
import { heldOpen } from './held-open.ts';
import { refuseOddPath } from './path-rules.ts';

/** How long a file is waited for that another process of Windows has open. Milliseconds. */
const patience = 4000;

/** Puts a whole new file in the place of the old: a reader sees the one or the other, and after a crash too. @throws ImageError */
export async function writeFileAtomic(path: string, bytes: string | Uint8Array, mode = 0o644): Promise<void> {
  const draft = draftBeside(path);
  try {
    const file = await open(draft, 'wx', mode);
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    await renameOver(draft, path);
    await syncFolder(dirname(path));
  } catch (error) {
    await rm(draft, { force: true });
    throw asImageError(error, `cannot write ${path}`);
  }
}

/** A path for a draft of a file, in its folder. A name that is as long as names may be, in bytes, is not made longer. */
export function draftBeside(path: string): string {
  const name = basename(path);
  const ending = `.${randomBytes(6).toString('hex')}.tmp`;
  return join(dirname(path), Buffer.byteLength(name) + ending.length > longestName ? ending : `${name}${ending}`);
}

/** Of a file, on most systems. Bytes. */
const longestName = 255;

/** Whether a file's name is that of a draft which `writeFileAtomic` writes for a file of this name, and which a kill leaves. */
export function isDraftOf(draft: string, name: string): boolean {
  return draft.startsWith(`${name}.`) && /^[0-9a-f]{12}\.tmp$/.test(draft.slice(name.length + 1));
}

/** Renames over a file that another process of Windows may just be reading: refused there while it is open, so tried again for a few seconds. */
export async function renameOver(from: string, to: string): Promise<void> {
  const end = Date.now() + patience;
  for (let delay = 5; ; delay = Math.min(delay * 2, 100)) {
    try {
      await rename(from, to);
      return;
    } catch (error) {
      if (!heldOpen(error) || Date.now() > end) throw error;
      await new Promise((resolve) => setTimeout(resolve, delay));
    }
  }
}

/** Makes names in a folder durable. Windows refuses it and needs none: NTFS journals its metadata. */
export async function syncFolder(path: string): Promise<void> {
  if (process.platform === 'win32') return;
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/**
 * The same for bytes that come as a stream, to a path that a user has typed: the old file stays until the last byte is there.
 * @param path absolute
 * @returns bytes written
 * @throws ImageError `invalid-argument` where it is a folder, a device, or no name for a file; else whatever the stream and the system fail with
 */
export async function writeStreamAtomic(path: string, source: AsyncIterable<Uint8Array>, signal?: AbortSignal): Promise<number> {
  const draft = draftBeside(path);
  let size = 0;
  try {
    await refuseNoFile(path);
    const file = await open(draft, 'wx', 0o644);
    try {
      for await (const chunk of source) {
        throwIfCanceled(signal);
        await file.writeFile(chunk);
        size += chunk.length;
      }
      await file.sync();
    } finally {
      await file.close();
    }
    await renameOver(draft, path);
    await syncFolder(dirname(path));
    return size;
  } catch (error) {
    await rm(draft, { force: true });
    throw asImageError(error, `cannot write ${path}`);
  }
}

/**
 * Refuses what is there and is no file: a rename would put one in the place of `/dev/null`, or of the link `/dev/stdout`.
 * @returns whether a file is there
 */
export async function refuseNoFile(path: string): Promise<boolean> {
  refuseOddPath(path);
  try {
    const found = await stat(path);
    if (found.isFile()) return true;
    throw new ImageError('invalid-argument', `cannot write ${path}: it is ${found.isDirectory() ? 'a folder' : 'a device, not a file'}`, {
      hint: found.isDirectory() ? 'Name a file in it.' : 'Redirect standard output to it instead.',
    });
  } catch (error) {
    if (!isSystemError(error, 'ENOENT')) throw error;
    return false;
  }
}
