import { isSystemError } from '../errors.ts';

/**
 * True where Windows refuses to replace, rename or remove a file because a process has it open: another of ours that reads it for a moment, a virus scanner,
 * an indexer. It answers so for rights that are missing too, so whoever waits does it with a bound. Never true elsewhere: other systems allow it.
 */
export function heldOpen(error: unknown): boolean {
  return process.platform === 'win32' && isSystemError(error, 'EPERM', 'EACCES', 'EBUSY');
}
