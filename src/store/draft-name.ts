import { randomBytes } from 'node:crypto';
import { hasEnded, markPattern, processMark } from './process-mark.ts';

const form = new RegExp(`^~[a-z-]+-(${markPattern})-[0-9a-f]{16}(?:\\.maker)?$`);

/**
 * A new name in the folder of drafts, for its maker alone, which it says: so whatever bears it can be told to be left over from a process that was killed, at whichever
 * instruction that was.
 * @param purpose a word for whoever looks into the folder
 */
export function draftName(purpose: string): string {
  return `~${purpose}-${processMark()}-${randomBytes(8).toString('hex')}`;
}

/** True for a draft, or what stands beside it, of a process that has surely ended. */
export function isDeadDraft(name: string): boolean {
  const [, mark] = form.exec(name) ?? [];
  return mark !== undefined && hasEnded(mark);
}
