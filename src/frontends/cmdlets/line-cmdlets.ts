import type { Cmdlet } from './cmdlet.ts';
import { getHelp } from './get-help.ts';
import { selectObject } from './select-object.ts';
import { cmdlets } from './table.ts';

/** The cmdlets of the plain command line: those of the table, and two that PowerShell has itself. */
export function lineCmdlets(): readonly Cmdlet[] {
  return [...cmdlets, getHelp(lineCmdlets), selectObject].toSorted((one, other) => (one.name < other.name ? -1 : 1));
}

/** By its name or an alias, in any case. */
export function findLineCmdlet(word: string): Cmdlet | undefined {
  const wanted = word.toLowerCase();
  return lineCmdlets().find(({ name, aliases = [] }) => [name, ...aliases].some((one) => one.toLowerCase() === wanted));
}
