import { link, open, rm, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { isSystemError } from '../errors.ts';
import type { Database } from './database.ts';
import { statIfThere, type Place } from './place.ts';

const blockSize = 1024 * 1024;

/**
 * Brings the files of uploads to another place as far as their rows say that they have come: what is below an upload's offset never changes. On the same disk it is the same file, which
 * whoever writes it goes on with.
 */
export async function copyUploads(database: Database, from: Place, to: Place): Promise<void> {
  for (const { file, offset } of database.all<{ file: string; offset: number }>('SELECT file, offset FROM upload')) {
    const source = await openIfThere(join(from.drafts, file));
    // It has ended since its row was read: what it brought goes along as a blob.
    if (!source) continue;
    try {
      const target = join(to.drafts, file);
      const [here, there] = [await source.stat(), statIfThere(target)];
      if (here.dev === there?.dev && here.ino === there.ino) continue;
      if (there && there.size > offset) await rm(target);
      else if (!there && (await isLinked(join(from.drafts, file), target))) continue;
      await copyTail(source, target, offset);
    } finally {
      await source.close();
    }
  }
}

async function openIfThere(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, 'r');
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return undefined;
    throw error;
  }
}

async function isLinked(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch {
    return false; // another disk, or one without hard links: then it is copied
  }
}

async function copyTail(source: FileHandle, to: string, end: number): Promise<void> {
  const target = await open(to, 'a', 0o600);
  try {
    const block = Buffer.allocUnsafeSlow(blockSize);
    for (let at = (await target.stat()).size; at < end;) {
      const { bytesRead } = await source.read(block, 0, Math.min(block.length, end - at), at);
      if (bytesRead === 0) break;
      await target.writeFile(block.subarray(0, bytesRead));
      at += bytesRead;
    }
    await target.sync();
  } finally {
    await target.close();
  }
}
