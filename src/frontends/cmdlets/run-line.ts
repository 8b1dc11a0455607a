import { asImageError } from '../../errors.ts';
import { bindObject } from './bind-object.ts';
import { bindWords, type BoundWords } from './bind-words.ts';
import { missingParameters } from './binder-error.ts';
import type { Bound } from './call.ts';
import { CmdletHost } from './cmdlet-host.ts';
import type { CmdletObject } from './cmdlet-object.ts';
import type { Cmdlet } from './cmdlet.ts';
import { ConsoleShell } from './console-shell.ts';
import type { Console } from './console.ts';
import { errorRecord } from './error-record.ts';
import { errorText } from './error-text.ts';
import { bindingIn, missingIn, takesPipeline } from './parameter-sets.ts';
import { runCmdlet } from './run-cmdlet.ts';
import type { Shell } from './shell.ts';

/**
 * Runs a cmdlet that was typed into any command line. Never throws: errors are shown on stderr. Resolves to the exit code: 0; 1 after an error; that of the signal
 * that has ended it.
 */
export async function runLine(cmdlet: Cmdlet, words: readonly string[], console: Console): Promise<number> {
  let line: BoundWords;
  try {
    line = bindWords(cmdlet, words);
    if (line.help) {
      const { helpText } = await import('./help-text.ts');
      console.stdout.write(helpText(cmdlet, console.isTTY.stdout ? console.columns() : 80));
      return 0;
    }
  } catch (error) {
    console.stderr.write(errorText(errorRecord(error), cmdlet.name));
    return 1;
  }
  const shell = new ConsoleShell(console, cmdlet, { json: line.json, common: { ...line.common, Force: line.bound['Force'] } });
  let ended: number | undefined;
  for (const step of [() => runCmdlet(cmdlet, turns(cmdlet, line, console, shell), shell), () => shell.end()])
    try {
      // Whoever has gone reads no table any more.
      if (!console.signal.aborted) await step();
    } catch (error) {
      ended ??= showEnd(error, console, cmdlet);
    }
  return ended ?? (shell.failed ? 1 : 0);
}

/** What ends the whole line: a signal, -ErrorAction Stop, and what is wrong before the first turn. */
function showEnd(thrown: unknown, console: Console, cmdlet: Cmdlet): number {
  const error = asImageError(console.signal.aborted ? console.signal.reason : thrown, 'internal error');
  const exitCode = error.detail['exitCode'];
  if (error.code === 'canceled') return typeof exitCode === 'number' ? exitCode : 130;
  console.stderr.write(errorText(errorRecord(thrown), cmdlet.name));
  return 1;
}

/** One turn; or one for each object that comes through the pipe, where the line lacks what only an object can give. */
async function* turns(cmdlet: Cmdlet, line: BoundWords, console: Console, shell: ConsoleShell): AsyncGenerator<Bound> {
  const { bound, sets } = line;
  const whole = sets.find((set) => missingIn(cmdlet, set, bound).length === 0);
  const piped = console.isTTY.stdin ? [] : sets.filter((set) => missesOnlyObject(cmdlet, set, bound));
  if (
    whole === undefined ? piped.length > 0 : piped.some((set) => missingIn(cmdlet, set, bound).every((one) => bindingIn(one, set)?.byValue))
  ) {
    for (const object of await pipedObjects(console, shell)) {
      let turn: Bound;
      try {
        turn = bindObject(cmdlet, piped, bound, object);
      } catch (error) {
        await shell.writeError(errorRecord(error));
        continue;
      }
      yield turn;
    }
    return;
  }
  if (whole !== undefined) {
    yield bound;
    return;
  }
  const missing = missingIn(cmdlet, sets[0] ?? '', bound);
  const supplied = await shell.supply(missing);
  if (!supplied) throw missingParameters(missing.map(({ name }) => name));
  yield { ...bound, ...supplied };
}

async function pipedObjects({ stdin }: Console, shell: Shell): Promise<readonly CmdletObject[]> {
  const [{ readObjects }, { resolveRows }] = await Promise.all([import('./read-objects.ts'), import('./resolve-rows.ts')]);
  await using host = new CmdletHost(shell);
  return await resolveRows(host, await readObjects(stdin));
}

/** Standard input of a script is often open and empty for ever: it is read only where the line makes no sense without it. */
function missesOnlyObject(cmdlet: Cmdlet, set: string, bound: Bound): boolean {
  const missing = missingIn(cmdlet, set, bound);
  return missing.length > 0 && missing.every((parameter) => takesPipeline(parameter, set));
}
