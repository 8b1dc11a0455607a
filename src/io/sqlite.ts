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
