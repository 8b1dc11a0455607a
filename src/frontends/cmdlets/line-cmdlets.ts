import type { Cmdlet } from './cmdlet.ts';
import { selectObject } from './select-object.ts';
import { findCmdlet } from './table.ts';

/** A cmdlet of the plain command line: of the table, or one that PowerShell has itself. */
export function findLineCmdlet(word: string): Cmdlet | undefined {
  return /^select(?:-object)?$/i.test(word) ? selectObject : findCmdlet(word);
}
