import { constants } from 'node:fs';
import { lstat, open, type FileHandle } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { asImageError, ImageError, isSystemError } from '../errors.ts';
import type { OpenOptions } from './image-source.ts';

/**
 * Opens a file of a folder that somebody else may have made: only a regular file, never through a link, and never waiting for the other end of a FIFO.
 * Undefined where there is nothing of that name.
 * @throws ImageError `invalid-content` for a link, a device, a FIFO, a socket or a folder
 */
export async function openRegularFile(path: string): Promise<FileHandle | undefined> {
  try {
    if (!(await isRegularFile(path))) return undefined;
    const file = await open(path, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0));
    // between the two looks somebody may have put another thing there
    if ((await file.stat()).isFile()) return file;
    await file.close();
    throw notRegular(path);
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return undefined;
    throw asImageError(error, `cannot read ${path}`);
  }
}

/** False where there is nothing of that name. @throws ImageError `invalid-content` where there is, and it is no regular file */
export async function isRegularFile(path: string): Promise<boolean> {
  return (await regularFileSize(path)) !== undefined;
}

/** In bytes; undefined where there is nothing of that name. @throws as `isRegularFile` */
export async function regularFileSize(path: string): Promise<number | undefined> {
  try {
    const found = await lstat(path);
    if (!found.isFile()) throw notRegular(path);
    return found.size;
  } catch (error) {
    if (isSystemError(error, 'ENOENT', 'ENOTDIR')) return undefined;
    throw asImageError(error, `cannot read ${path}`);
  }
}

/**
 * The bytes that are asked for; the file is closed at their end, or when the stream is destroyed. No signal ends it: one that ended it before
 * somebody reads it would be an error that nobody hears, and who reads it stops by itself.
 * @throws ImageError `range-invalid`
 */
export async function readRange(
  file: FileHandle,
  what: string,
  { offset = 0, length }: Pick<OpenOptions, 'offset' | 'length'>,
): Promise<Readable> {
  const { size } = await file.stat();
  if (offset > size) {
    await file.close();
    throw new ImageError('range-invalid', `${what} has ${size} bytes: nothing can be read from byte ${offset} on`);
  }
  const end = Math.min(size, offset + (length ?? size));
  if (end === offset) {
    await file.close();
    return Readable.from([], { objectMode: false });
  }
  return file.createReadStream({ start: offset, end: end - 1, highWaterMark: 256 * 1024 });
}

function notRegular(path: string): ImageError {
  return new ImageError('invalid-content', `${path} is not a regular file`, {
    hint: 'Content that is kept as a link or a device is not read: it could be anything on this machine.',
  });
}
