import { closeSync, constants, fchmodSync, fchownSync, futimesSync, openSync, writeSync } from 'node:fs';
import { asImageError, ImageError, isSystemError } from '../../errors.ts';
import { utimeOf } from '../../io/file-times.ts';

/** A file to be made, and what it is to be like. */
export interface NewFile {
  /** Absolute; its folder is there, and nothing has this name. */
  readonly path: string;
  /** Seconds since 1970. */
  readonly accessed: number;
  readonly written: number;
  readonly mode: number;
  /** undefined: this process's own. */
  readonly owner?: { readonly uid: number; readonly gid: number } | undefined;
}

/** Makes a file that was not there, through no link at its end. @throws ImageError as the system says */
export function writeNewFile(file: NewFile, bytes: Uint8Array): void {
  try {
    const descriptor = openNewFile(file.path);
    try {
      writeFully(descriptor, bytes);
      finishNewFile(descriptor, file);
    } finally {
      closeSync(descriptor);
    }
  } catch (error) {
    throw asImageError(error, `cannot write ${file.path}`);
  }
}

/** @throws ImageError `conflict` where the name is there already: another's, that the system does not tell from it */
export function openNewFile(path: string): number {
  try {
    return openSync(path, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | (constants.O_NOFOLLOW ?? 0), 0o600);
  } catch (error) {
    if (isSystemError(error, 'EEXIST')) throw nameIsTaken(path);
    throw asImageError(error, `cannot write ${path}`);
  }
}

export function nameIsTaken(path: string): ImageError {
  return new ImageError('conflict', `cannot make ${path}: this file system takes two names of the image for one`, {
    hint: 'Extract to a file system that tells upper case from lower.',
    detail: { path },
  });
}

export function writeFully(descriptor: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length;) at += writeSync(descriptor, bytes, at, bytes.length - at);
}

/** The mode after the owner: another owner takes the setuid bit away. */
export function finishNewFile(descriptor: number, { owner, mode, accessed, written }: NewFile): void {
  if (owner) fchownSync(descriptor, owner.uid, owner.gid);
  fchmodSync(descriptor, mode);
  futimesSync(descriptor, utimeOf(accessed), utimeOf(written));
}
