import type { SQLInputValue, StatementSync } from 'node:sqlite';

/** `node:sqlite`, without the warning that Node 22 prints at its first use: users cannot do anything about it. Loaded by the first call. */
export function sqlite(): typeof import('node:sqlite') {
  const { emitWarning } = process;
  process.emitWarning = () => undefined;
  try {
    return process.getBuiltinModule('node:sqlite');
  } finally {
    process.emitWarning = emitWarning;
  }
}

/** Rows as their columns' values in order: an object for each costs more than reading it. @param parameters as `StatementSync.all` takes them */
export function asColumns<Row extends readonly unknown[]>(
  statement: StatementSync,
  parameters: readonly SQLInputValue[] | readonly [Record<string, SQLInputValue>, ...SQLInputValue[]],
): Row[] {
  const all = (): unknown[] => statement.all(...(parameters as SQLInputValue[]));
  // Node 22 has not got it.
  if (typeof statement.setReturnArrays !== 'function') return all().map((row) => Object.values(row as object)) as unknown[] as Row[];
  statement.setReturnArrays(true);
  return all() as Row[];
}
