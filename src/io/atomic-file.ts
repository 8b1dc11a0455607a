import { randomBytes } from 'node:crypto';
import { open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { asImageError } from '../errors.ts';

/** Puts a whole new file in the place of the old: a reader sees the one or the other, and after a crash too. @throws ImageError */
export async function writeFileAtomic(path: string, bytes: string | Uint8Array, mode = 0o644): Promise<void> {
  const draft = `${path}.${randomBytes(6).toString('hex')}.tmp`;
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

/** Renames over a file that another process of Windows may just be reading: refused there while it is open, so tried again for two seconds. */
export async function renameOver(from: string, to: string): Promise<void> {
  const end = Date.now() + 2000;
  for (;;) {
    try {
      await rename(from, to);
      return;
    } catch (error) {
      const busy = process.platform === 'win32' && ['EPERM', 'EACCES', 'EBUSY'].includes((error as NodeJS.ErrnoException).code ?? '');
      if (!busy || Date.now() > end) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
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

/** The same for bytes that come as a stream: the old file stays until the last byte is there. @returns bytes written */
export async function writeStreamAtomic(path: string, source: AsyncIterable<Uint8Array>, signal?: AbortSignal): Promise<number> {
  const draft = `${path}.${randomBytes(6).toString('hex')}.tmp`;
  let size = 0;
  try {
    const file = await open(draft, 'wx', 0o644);
    try {
      for await (const chunk of source) {
        signal?.throwIfAborted();
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
