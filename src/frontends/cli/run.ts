/** From the words of a command line to an exit code. */

import { ImageError } from '../../errors.ts';
import { commands, groups, type CommandEntry } from './commands.ts';
import { globalFlags, globalValues } from './globals.ts';
import { parseWords, type Flags, type GlobalValues, type ParsedWords, type Serve } from './grammar.ts';
import type { Terminal } from './terminal.ts';
import { checkOperands, program, unknownCommand, usageLine, withUsage } from './usage.ts';

const noDoors: Serve = async () => {
  throw new ImageError('unsupported', 'serve: this program has no doors to open');
};

/** Runs one command line, without the program's name. Never throws: errors are shown on stderr. Resolves to the exit code. */
export async function run(
  words: readonly string[],
  terminal: Terminal,
  { serve = noDoors }: { readonly serve?: Serve } = {},
): Promise<number> {
  let globals: GlobalValues = { debug: false, config: undefined, logLevel: 'info' };
  const fail = async (thrown: unknown): Promise<number> => {
    const { describeFailure } = await import('./failure.ts');
    const { text, exitCode } = describeFailure(thrown, { debug: globals.debug, colour: terminal.colour && terminal.isTTY.stderr });
    if (text !== '') terminal.stderr.write(text);
    return exitCode;
  };
  try {
    const before = read(globalFlags, words, { line: `${program} [OPTIONS] COMMAND [ARG...]`, help: program }, { stopAtFirst: true });
    globals = globalValues(before);
    if (before.values.get('version') === true) {
      const { commit, version } = await import('../../version.ts');
      terminal.print(`Bayplan version ${version}, build ${commit}\n`);
      return 0;
    }
    return await dispatch(before, { terminal, globals, fail, serve });
  } catch (error) {
    return await fail(terminal.signal.aborted ? terminal.signal.reason : error);
  }
}

interface Context {
  readonly terminal: Terminal;
  readonly globals: GlobalValues;
  readonly serve: Serve;
  fail(thrown: unknown): Promise<number>;
}

async function dispatch(before: ParsedWords, context: Context): Promise<number> {
  const { terminal, globals } = context;
  const [first, ...rest] = before.operands;
  let wantsHelp = before.values.get('help') === true;
  if (first === undefined) return await showHelp(terminal, []);

  let path = [first];
  let words: readonly string[] = rest;
  if (groups[first] !== undefined) {
    const group = read({}, rest, { line: `${program} ${first}`, help: `${program} ${first}` }, { stopAtFirst: true });
    wantsHelp ||= group.values.get('help') === true;
    const [second, ...others] = group.operands;
    if (second === undefined) return await showHelp(terminal, path);
    path = [first, second];
    words = others;
  } else if (rest[0] !== undefined && findCommand(`${first} ${rest[0]}`)) {
    // `catalog build`: a command of two words beside one of the first alone.
    path = [first, rest[0]];
    words = rest.slice(1);
  }

  const name = path.join(' ');
  const entry = findCommand(name);
  if (entry === undefined) {
    if (path.length === 1) throw unknownCommand([first]);
    read({}, words, { line: `${program} ${first}`, help: `${program} ${first}` });
    throw unknownCommand(path, first);
  }
  if (wantsHelp) return await showHelp(terminal, path);

  const command = await entry.load();
  const parsed = read(
    command.flags,
    words,
    { line: usageLine(name, command.flags, command.operands), help: `${program} ${name}` },
    { stopAtFirst: command.operands.stopAtFirst === true },
  );
  if (parsed.values.get('help') === true) return await showHelp(terminal, path);
  checkOperands(name, command.flags, command.operands, parsed.operands.length);

  const reports: Promise<number>[] = [];
  const exitCode = await command.start({
    words: parsed,
    given: new Set(parsed.values.keys()),
    terminal,
    globals,
    name,
    serve: context.serve,
    report: (error) => void reports.push(context.fail(error)),
  });
  const reported = await Promise.all(reports);
  return exitCode ?? reported[0] ?? 0;
}

/** The row of a command's name, such as `image ls`. */
function findCommand(name: string): CommandEntry | undefined {
  return commands.find((entry) => entry.names.includes(name));
}

/** Reads words, and gives an error in them the usage line of what they were read for. */
function read(
  flags: Flags,
  words: readonly string[],
  usage: { line: string; help: string },
  options: { stopAtFirst?: boolean } = {},
): ParsedWords {
  try {
    return parseWords(flags, words, options);
  } catch (error) {
    if (error instanceof ImageError && error.detail['usage'] === true) throw withUsage(error, usage.line, usage.help);
    throw error;
  }
}

async function showHelp(terminal: Terminal, path: readonly string[]): Promise<number> {
  const { helpText } = await import('./help.ts');
  terminal.print(await helpText(path, { columns: terminal.isTTY.stdout ? terminal.columns() : 80 }));
  return 0;
}
