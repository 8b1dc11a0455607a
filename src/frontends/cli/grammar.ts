/**
 * The grammar of a command line: how a command says which flags and operands it takes, and how words become typed values.
 *
 * The rules are docker's, which are those of Go's pflag: `--flag value`, `--flag=value`, `--flag` and `--flag=false` for a
 * boolean, `-f value`, `-fvalue`, `-f=value`, short booleans joined (`-aq`), a flag that is given again (the last wins, a
 * list grows), flags after operands, `--` before words that are never flags. `node:util`'s parseArgs cannot tell `-a=false`
 * from five short flags and knows no "stop at the first operand", so the words are read here.
 */

import type { ServeOptions } from './commands/serve.ts';
import type { Terminal } from './terminal.ts';
import { usageError } from './usage.ts';

interface FlagCommon {
  /** One letter, for `-f`. */
  readonly short?: string;
  /** The sentence in the list of options. May have several lines. */
  readonly help: string;
  /** What the list of options calls the value, when that is not its type. */
  readonly value?: string;
  readonly hidden?: boolean;
  /** The values that completion offers. Not a restriction. */
  readonly values?: readonly string[];
  /** Completion of the value from what is there, images for example. */
  readonly complete?: Completer;
}

/**
 * A flag. `bool` is false unless given or its default is true; `string` and `int` are undefined unless given or defaulted;
 * `list` may be given several times; `csv` too, and its values are cut at commas; `filter` is a list of `name=value`.
 */
export type FlagSpec =
  | (FlagCommon & { readonly type: 'bool'; readonly default?: boolean })
  | (FlagCommon & { readonly type: 'string'; readonly default?: string })
  | (FlagCommon & { readonly type: 'int'; readonly default?: number })
  | (FlagCommon & { readonly type: 'list' | 'csv' | 'filter' });

/** Flags by their long name, in kebab case. A command reads them in camel case: `no-trunc` is `flags.noTrunc`. */
export type Flags = Readonly<Record<string, FlagSpec>>;

/** One `--filter name=value`; the name in lower case, both trimmed. */
export interface Filter {
  readonly name: string;
  readonly value: string;
}

type CamelCase<Name extends string> = Name extends `${infer Head}-${infer Tail}` ? `${Head}${Capitalize<CamelCase<Tail>>}` : Name;

type FlagValue<Flag extends FlagSpec> = Flag extends { type: 'bool' }
  ? boolean
  : Flag extends { type: 'string' }
    ? Flag extends { default: string }
      ? string
      : string | undefined
    : Flag extends { type: 'int' }
      ? Flag extends { default: number }
        ? number
        : number | undefined
      : Flag extends { type: 'filter' }
        ? readonly Filter[]
        : readonly string[];

/** The values of a command's flags, typed by its spec. */
export type FlagValues<F extends Flags> = { readonly [Name in keyof F & string as CamelCase<Name>]: FlagValue<F[Name]> };

/** How many operands a command takes, and what its usage line calls them. Without `max` there is no limit. */
export interface Operands {
  readonly usage: string;
  readonly min: number;
  readonly max?: number;
  /** Words from the first operand on are never flags: for commands that run another command. */
  readonly stopAtFirst?: boolean;
}

/** The operands as a tuple, so that a command that requires one need not ask whether it is there. */
export type OperandValues<O extends Operands> = O extends { min: 0; max: 0 }
  ? readonly []
  : O extends { min: 0; max: 1 }
    ? readonly [string?]
    : O extends { min: 1; max: 1 }
      ? readonly [string]
      : O extends { min: 1; max: 2 }
        ? readonly [string, string?]
        : O extends { min: 2; max: 2 }
          ? readonly [string, string]
          : O extends { min: 0 }
            ? readonly string[]
            : O extends { min: 1 }
              ? readonly [string, ...string[]]
              : readonly string[];

/** What stands before the command, and holds for all of them. */
export interface GlobalValues {
  readonly debug: boolean;
  /** The folder of docker's client settings, where the credentials are; undefined for the usual place. */
  readonly config: string | undefined;
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error' | 'fatal';
}

/** One call of a command. */
export interface Invocation<F extends Flags = Flags, O extends Operands = Operands> {
  readonly flags: FlagValues<F>;
  /** The long names of the flags that the user gave, for where a default must be told from a choice. */
  readonly given: ReadonlySet<string>;
  readonly operands: OperandValues<O>;
  readonly terminal: Terminal;
  readonly globals: GlobalValues;
  /** The command as it was typed: `images` or `image ls`. */
  readonly name: string;
  /** Shows an error as a thrown one would be, for a command that goes on with its next operand. The command then returns 1. */
  report(error: unknown): void;
  /** Opens the doors of `bay serve`; handed in by the executable, since a front end may not import another. */
  readonly serve: Serve;
}

export type Serve = (options: ServeOptions, terminal: Terminal) => Promise<number | void>;

/** Offers completions of a word; `given` are the operands before it. Offers that do not start with the word are dropped. */
export type Completer = (
  word: string,
  context: { readonly given: readonly string[]; readonly terminal: Terminal; readonly globals: GlobalValues },
) => Promise<readonly Completion[]>;

/** A word to complete to, or that word and a few words on it. */
export type Completion = string | readonly [word: string, description: string];

export interface CommandSpec<F extends Flags, O extends Operands> {
  /** More than the summary of the table, for `--help`. */
  readonly description?: string;
  readonly operands: O;
  readonly flags: F;
  /** Command lines that work as they stand, each with what it does. */
  readonly examples?: readonly (readonly [comment: string, line: string])[];
  /** Completion of operands. */
  readonly complete?: Completer;
  /** Returns the exit code; nothing is 0. Errors are thrown as ImageErrors. */
  run(invocation: Invocation<F, O>): Promise<number | void>;
}

/** A command as the kit sees it: its spec, and `start`, which knows its types. */
export interface Command {
  readonly description?: string;
  readonly operands: Operands;
  readonly flags: Flags;
  readonly examples?: readonly (readonly [comment: string, line: string])[];
  readonly complete?: Completer;
  /** Throws a usage error for words that do not fit. */
  start(line: CommandLine): Promise<number | void>;
}

/** A parsed line and where it is run. */
export interface CommandLine extends Omit<Invocation, 'flags' | 'operands'> {
  readonly words: ParsedWords;
}

/** Makes a command from its spec. The types of `flags` and `operands` in `run` come from the spec. */
export function command<const F extends Flags, const O extends Operands>(spec: CommandSpec<F, O>): Command {
  return {
    ...spec,
    start({ words, ...rest }) {
      return spec.run({ ...rest, flags: flagValues(spec.flags, words), operands: words.operands as OperandValues<O> });
    },
  };
}

/** Words sorted into flags and operands, each flag's text checked against its type. */
export interface ParsedWords {
  readonly values: ReadonlyMap<string, RawValue>;
  readonly operands: readonly string[];
}

type RawValue = boolean | number | string | readonly string[] | readonly Filter[];

/** The flag that every command has; `-h` is docker's deprecated short form of it. */
const helpFlag: FlagSpec = { type: 'bool', short: 'h', help: 'Print usage', hidden: true };

/** Reads words by a command's flags. Throws a usage error (exit code 125) at the first word that does not fit, as pflag does. */
export function parseWords(flags: Flags, words: readonly string[], options: { stopAtFirst?: boolean } = {}): ParsedWords {
  const known = new Map<string, FlagSpec>([['help', helpFlag], ...Object.entries(flags)]);
  const shorts = new Map<string, string>();
  for (const [name, flag] of known) if (flag.short !== undefined) shorts.set(flag.short, name);
  const values = new Map<string, RawValue>();
  const operands: string[] = [];

  const set = (name: string, flag: FlagSpec, text: string) => {
    const shown = flag.short !== undefined && name !== 'help' ? `-${flag.short}, --${name}` : `--${name}`;
    values.set(
      name,
      readValue(flag, text, values.get(name), (why) => usageError(`invalid argument ${quote(text)} for "${shown}" flag: ${why}`)),
    );
  };

  for (let index = 0; index < words.length; index++) {
    const word = words[index] ?? '';
    if (word === '--') {
      operands.push(...words.slice(index + 1));
      break;
    }
    if (!word.startsWith('-') || word === '-') {
      operands.push(word);
      if (!options.stopAtFirst) continue;
      operands.push(...words.slice(index + 1));
      break;
    }
    if (word.startsWith('--')) {
      const equals = word.indexOf('=');
      const name = word.slice(2, equals < 0 ? undefined : equals);
      if (name === '' || name.startsWith('-')) throw usageError(`bad flag syntax: ${word}`);
      const flag = known.get(name);
      if (flag === undefined) throw usageError(`unknown flag: --${name}`);
      if (equals >= 0) set(name, flag, word.slice(equals + 1));
      else if (flag.type === 'bool') set(name, flag, 'true');
      else if (index + 1 < words.length) set(name, flag, words[++index] ?? '');
      else throw usageError(`flag needs an argument: --${name}`);
      continue;
    }
    for (let rest = word.slice(1); rest !== '';) {
      const [letter = ''] = rest;
      const name = shorts.get(letter);
      const flag = name === undefined ? undefined : known.get(name);
      if (name === undefined || flag === undefined) throw usageError(`unknown shorthand flag: ${quoteLetter(letter)} in -${rest}`);
      const after = rest.slice(letter.length);
      if (after.length > 1 && after.startsWith('=')) {
        set(name, flag, after.slice(1));
        rest = '';
      } else if (flag.type === 'bool') {
        set(name, flag, 'true');
        rest = after;
      } else if (after !== '') {
        set(name, flag, after);
        rest = '';
      } else if (index + 1 < words.length) {
        set(name, flag, words[++index] ?? '');
        rest = '';
      } else {
        throw usageError(`flag needs an argument: '${letter}' in -${rest}`);
      }
    }
  }
  return { values, operands };
}

function flagValues<F extends Flags>(flags: F, words: ParsedWords): FlagValues<F> {
  const values: Record<string, RawValue | undefined> = {};
  for (const [name, flag] of Object.entries(flags)) values[camelCase(name)] = words.values.get(name) ?? absent(flag);
  return values as FlagValues<F>;
}

function absent(flag: FlagSpec): RawValue | undefined {
  if ('default' in flag && flag.default !== undefined) return flag.default;
  if (flag.type === 'bool') return false;
  return flag.type === 'string' || flag.type === 'int' ? undefined : [];
}

/** Go's strconv.ParseBool. */
const booleans = new Map<string, boolean>([
  ...['1', 't', 'T', 'TRUE', 'true', 'True'].map((word) => [word, true] as const),
  ...['0', 'f', 'F', 'FALSE', 'false', 'False'].map((word) => [word, false] as const),
]);

function readValue(flag: FlagSpec, text: string, before: RawValue | undefined, fail: (why: string) => Error): RawValue {
  switch (flag.type) {
    case 'string':
      return text;
    case 'bool': {
      const value = booleans.get(text);
      if (value === undefined) throw fail(`strconv.ParseBool: parsing ${quote(text)}: invalid syntax`);
      return value;
    }
    case 'int': {
      // pflag reads an int with base 0: signs, underscores between digits, 0x, 0o, 0b and a leading 0 for octal.
      if (!/^[+-]?(0[xX](_?[\da-fA-F])+|0[bB](_?[01])+|0[oO]?(_?[0-7])+|0|[1-9](_?\d)*)$/.test(text))
        throw fail(`strconv.ParseInt: parsing ${quote(text)}: invalid syntax`);
      const digits = text.replace(/^[+-]|_/g, '').replace(/^0([0-7])/, '0o$1');
      const value = BigInt(digits) * (text.startsWith('-') ? -1n : 1n);
      if (value !== BigInt.asIntN(64, value)) throw fail(`strconv.ParseInt: parsing ${quote(text)}: value out of range`);
      return Number(value);
    }
    case 'list':
      return [...((before as readonly string[] | undefined) ?? []), text];
    case 'csv':
      return [...((before as readonly string[] | undefined) ?? []), ...(text === '' ? [] : text.split(','))];
    case 'filter': {
      const filters = (before as readonly Filter[] | undefined) ?? [];
      if (text === '') return filters;
      const equals = text.indexOf('=');
      if (equals < 0) throw fail('bad format of filter (expected name=value)');
      return [...filters, { name: text.slice(0, equals).trim().toLowerCase(), value: text.slice(equals + 1).trim() }];
    }
  }
}

function camelCase(name: string): string {
  return name.replace(/-([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

function quote(text: string): string {
  return JSON.stringify(text);
}

function quoteLetter(letter: string): string {
  return letter === "'" ? "'\\''" : `'${letter}'`;
}
