import { closeSync, openSync, renameSync, rmSync, statfsSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { asImageError, isSystemError } from '../errors.ts';
import { draftName } from './draft-name.ts';
import { statIfThere, type Place } from './place.ts';

/** Bytes: for SQLite's shared memory, and for a log of what some large removal changes. */
const size = 4 * 1024 * 1024;

/**
 * Lays some room aside while there is plenty. On a disk without a byte left SQLite cannot even be read (its shared memory is a file), nor can a removal be written down,
 * which is what would help.
 */
export function layReserve(place: Place): void {
  if (statIfThere(place.reserve)) return;
  const { bavail, bsize } = statfsSync(place.root);
  if (bavail * bsize < 4 * size) return;
  const draft = join(place.drafts, draftName('reserve'));
  try {
    const file = openSync(draft, 'w', 0o600);
    try {
      // Not zeros: a file system may keep those without taking room for them.
      const block = Buffer.alloc(64 * 1024, 'laid aside ');
      for (let at = 0; at < size; at += block.length) writeSync(file, block, 0, block.length, at);
    } finally {
      closeSync(file);
    }
    renameSync(draft, place.reserve);
  } catch (error) {
    rmSync(draft, { force: true });
    // It has just become full, or another process lays it aside: the next time is early enough.
    if (!isSystemError(error, 'ENOSPC', 'EDQUOT', 'ENOENT', 'EPERM', 'EACCES', 'EBUSY')) throw asImageError(error, `cannot write ${draft}`);
  }
}

/** Gives it up where next to nothing else is left: to a move, which has notes to write before it makes room. */
export function spendWhereFull(place: Place): void {
  const { bavail, bsize } = statfsSync(place.root);
  if (bavail * bsize < size) spendReserve(place);
}

/** Gives it up. @returns whether there was any */
export function spendReserve(place: Place): boolean {
  if (!statIfThere(place.reserve)) return false;
  rmSync(place.reserve, { force: true });
  return true;
}
