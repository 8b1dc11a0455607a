/** What can stand next on a command line: from the table of commands, the spec of the command, and what its completers find. */

import { commands, groups } from './commands.ts';
import { globalFlags } from './globals.ts';
import type { Command, Completer, Completion, Flags, FlagSpec, GlobalValues } from './grammar.ts';
import type { Terminal } from './terminal.ts';

export interface Candidates {
  readonly words: readonly (readonly [word: string, description: string])[];
  /** Whether names of files may stand here, which the shell knows better. */
  readonly files: boolean;
}

/** The candidates for the last word, given those before it; neither holds the program's name. */
export async function candidates(before: readonly string[], word: string, terminal: Terminal): Promise<Candidates> {
  const found = await offers(before, word, terminal);
  return { files: found.files, words: found.words.map(pair).filter(([offer]) => offer.startsWith(word)) };
}

interface Offers {
  readonly words: readonly Completion[];
  readonly files: boolean;
}

const nothing: Offers = { words: [], files: false };

async function offers(before: readonly string[], word: string, terminal: Terminal): Promise<Offers> {
  const start = readLoosely(globalFlags, before, true);
  const config = start.values.get('config');
  const globals: GlobalValues = { debug: start.values.has('debug'), config, logLevel: 'info' };
  const [first, ...rest] = start.operands;
  if (first === undefined)
    return (await completeFlags(globalFlags, start, word, { terminal, globals })) ?? { words: topLevel(), files: false };
  if (groups[first] !== undefined && rest.length === 0) return word.startsWith('-') ? nothing : { words: inGroup(first), files: false };

  // `catalog build` is a command beside `catalog`.
  const grouped = groups[first] !== undefined || commands.some(({ names }) => names.includes(`${first} ${rest[0]}`));
  const name = grouped ? `${first} ${rest[0]}` : first;
  const entry = commands.find((candidate) => candidate.names.includes(name));
  if (entry === undefined) return nothing;
  const command = await entry.load();
  const words = grouped ? rest.slice(1) : rest;
  const line = readLoosely(command.flags, words, command.operands.stopAtFirst === true);
  const context = { terminal, globals };
  return (await completeFlags(command.flags, line, word, context)) ?? (await completeOperand(command, line, word, context));
}

function topLevel(): readonly Completion[] {
  const single = commands.flatMap((entry) => {
    const name = entry.hidden ? undefined : entry.names.find((candidate) => !candidate.includes(' '));
    return name === undefined ? [] : [[name, entry.summary] as const];
  });
  return [...single, ...Object.entries(groups)].toSorted(([left], [right]) => (left < right ? -1 : 1));
}

function inGroup(group: string): readonly Completion[] {
  return commands.flatMap((entry) =>
    entry.hidden
      ? []
      : entry.names.filter((name) => name.startsWith(`${group} `)).map((name) => [name.slice(group.length + 1), entry.summary] as const),
  );
}

interface Loose {
  readonly values: ReadonlyMap<string, string>;
  readonly operands: readonly string[];
  /** The flag that the last word leaves without its value. */
  readonly pending: FlagSpec | undefined;
  /** After `--`, or after the first operand of a command that runs another: no more flags. */
  readonly operandsOnly: boolean;
}

/** Reads words that need not be right: unknown flags are passed over, values are not checked. */
function readLoosely(flags: Flags, words: readonly string[], stopAtFirst: boolean): Loose {
  const values = new Map<string, string>();
  const operands: string[] = [];
  let pending: FlagSpec | undefined;
  let pendingName = '';
  let operandsOnly = false;
  for (const word of words) {
    if (operandsOnly) operands.push(word);
    else if (pending !== undefined) {
      values.set(pendingName, word);
      pending = undefined;
    } else if (word === '--') operandsOnly = true;
    else if (!word.startsWith('-') || word === '-') {
      operands.push(word);
      operandsOnly = stopAtFirst;
    } else {
      const long = word.startsWith('--');
      const [name, value] = long ? splitOnce(word.slice(2), '=') : shortFlag(flags, word.slice(1));
      const flag = flags[name];
      if (flag === undefined) continue;
      if (value !== undefined || flag.type === 'bool') values.set(name, value ?? 'true');
      else [pending, pendingName] = [flag, name];
    }
  }
  return { values, operands, pending, operandsOnly };
}

function splitOnce(text: string, separator: string): [string, string?] {
  const at = text.indexOf(separator);
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + separator.length)];
}

/** The last flag of short flags in one word, and its value if that is in the word too. */
function shortFlag(flags: Flags, letters: string): [string, string?] {
  for (let index = 0; index < letters.length; index++) {
    const [name, flag] = Object.entries(flags).find(([, candidate]) => candidate.short === letters[index]) ?? [];
    if (name === undefined || flag === undefined) break;
    const after = letters.slice(index + 1);
    if (flag.type !== 'bool') return after === '' ? [name] : [name, after.replace(/^=/, '')];
    if (after === '') return [name, 'true'];
  }
  return [''];
}

interface Context {
  readonly terminal: Terminal;
  readonly globals: GlobalValues;
}

/** Offers for a flag or for a flag's value; undefined where the word is an operand. */
async function completeFlags(flags: Flags, line: Loose, word: string, context: Context): Promise<Offers | undefined> {
  if (line.operandsOnly) return undefined;
  if (line.pending !== undefined) return await completeValue(line.pending, word, line.operands, context);
  if (!word.startsWith('-')) return undefined;
  const [name, value] = splitOnce(word.slice(2), '=');
  const flag = flags[name];
  if (word.startsWith('--') && value !== undefined) {
    if (flag === undefined) return nothing;
    const { words, files } = await completeValue(flag, value, line.operands, context);
    return { files, words: words.map(pair).map(([offer, description]) => [`--${name}=${offer}`, description] as const) };
  }
  const repeatable = (spec: FlagSpec) => spec.type === 'list' || spec.type === 'csv' || spec.type === 'filter';
  const words = Object.entries(flags)
    .filter(([long, spec]) => !spec.hidden && (repeatable(spec) || !line.values.has(long)))
    .map(([long, spec]) => [`--${long}`, spec.help.split('\n')[0]?.replace(/:$/, '') ?? ''] as const);
  return { words: [...words, ['--help', 'Print usage'] as const], files: false };
}

async function completeValue(flag: FlagSpec, word: string, given: readonly string[], context: Context): Promise<Offers> {
  if (flag.complete !== undefined) return { words: await flag.complete(word, { given, ...context }), files: false };
  if (flag.values !== undefined) return { words: flag.values, files: false };
  if (flag.type === 'bool') return { words: ['true', 'false'], files: false };
  return { words: [], files: flag.type === 'string' || flag.type === 'list' };
}

async function completeOperand(command: Command, line: Loose, word: string, context: Context): Promise<Offers> {
  const { max = Infinity } = command.operands;
  if (line.operands.length >= max) return nothing;
  const complete: Completer | undefined = command.complete;
  if (complete === undefined) return { words: [], files: true };
  const given = new Set(line.operands);
  const words = (await complete(word, { given: line.operands, ...context })).map(pair);
  return { words: words.filter(([offer]) => !given.has(offer)), files: false };
}

function pair(completion: Completion): readonly [string, string] {
  return typeof completion === 'string' ? [completion, ''] : completion;
}
