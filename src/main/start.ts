/** Starts the front end that the words ask for, on this process's terminal. */
import { processTerminal, type ProcessTerminal } from '../frontends/cli/terminal.ts';
import { staySmall } from './stay-small.ts';

/** Commands and cmdlets that walk over hundreds of thousands of files and keep hardly any of what they make for one. */
const bulky = /^(?:install|(?:image )?save|wim (?:create|extract)|(?:install|save|export|import)-container(?:os)?images?)$/i;

/** Ends the process with the exit code. Never rejects: a front end shows its own errors. */
export async function start(words: readonly string[]): Promise<void> {
  if (words[0] === 'serve') staySmall();
  silenceSqliteWarning();
  boundYoung(words);
  const terminal = processTerminal();
  // The PowerShell module's word.
  if (words[0] === '__cmdlet') {
    const { runWire } = await import('../frontends/cmdlets/run-wire.ts');
    process.exit(await runWire(words.slice(1), terminal));
  }
  if (await startCmdlet(words, terminal)) return;
  const { run } = await import('../frontends/cli/run.ts');
  // Only the executable knows every front door; the command line knows the words of `serve`.
  await end(await run(words, terminal, { serve: async (options, on) => (await import('./serve.ts')).serve(options, on) }), terminal);
}

/** Cmdlets have names with a hyphen, which no other command has; and `select`. False for all else. */
async function startCmdlet(words: readonly string[], terminal: ProcessTerminal): Promise<boolean> {
  const [first = '', ...others] = words;
  const isName = (word: string) => /^(?:[a-z]+-[a-z]+|select)$/i.test(word);
  if (first === '__complete') {
    const line = [...others.slice(others.indexOf('--') + 1), ...(others[0] === '--next' ? [''] : [])];
    // A capital, or a hyphen after a verb, and it is none of docker's words.
    if (!(line.length === 1 ? /^(?:[A-Z]|[a-z]+-)/.test(line[0] ?? '') : isName(line[0] ?? ''))) return false;
    const { completeLine } = await import('../frontends/cmdlets/complete-line.ts');
    await completeLine(line, terminal);
    await end(0, terminal);
    return true;
  }
  if (!isName(first)) return false;
  const { findLineCmdlet } = await import('../frontends/cmdlets/line-cmdlets.ts');
  const cmdlet = findLineCmdlet(first);
  if (cmdlet) {
    const { runLine } = await import('../frontends/cmdlets/run-line.ts');
    await end(await runLine(cmdlet, others, terminal), terminal);
    return true;
  }
  if (!/^[A-Z]/.test(first)) return false;
  const { unknownCmdlet } = await import('../frontends/cmdlets/unknown-cmdlet.ts');
  terminal.stderr.write(unknownCmdlet(first));
  await end(1, terminal);
  return true;
}

async function end(exitCode: number, terminal: ProcessTerminal): Promise<void> {
  process.exitCode = exitCode;
  const lost = exitCode === 0 ? terminal.lost() : undefined;
  if (lost !== undefined) {
    const { describeFailure } = await import('../frontends/cli/failure.ts');
    const failure = describeFailure(lost, { debug: false, colour: false });
    terminal.stderr.write(failure.text);
    process.exitCode = failure.exitCode;
  }
  // What has been started has ended. Left to itself Node would now take its heap apart, which is a twelfth of `bay images`.
  if (terminal.flushed()) process.exit();
}

/**
 * V8's room for new objects doubles by itself, up to 128 MB while objects live for a moment each, and that stays. Bulky work keeps to the first MB: that takes hardly
 * longer, and a third less memory. All else does without the 3 ms that node:v8 takes to load.
 */
function boundYoung([first = '', second = '', third = '']: readonly string[]): void {
  const name = first === '__cmdlet' ? third : first === 'wim' || first === 'image' ? `${first} ${second}` : first;
  if (bulky.test(name)) process.getBuiltinModule('node:v8').setFlagsFromString('--semi-space-growth-factor=1');
}

/** Node 22 calls node:sqlite experimental on each start; 24 does not, and neither is news for a user of `bay`. */
function silenceSqliteWarning(): void {
  if (Number.parseInt(process.versions.node, 10) >= 24) return;
  const emit = process.emitWarning.bind(process) as (...all: unknown[]) => void;
  process.emitWarning = (warning: string | Error, ...rest: unknown[]): void => {
    if (!String(warning).includes('SQLite is an experimental feature')) emit(warning, ...rest);
  };
}
