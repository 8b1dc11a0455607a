import { ambiguousParameter, givenTwice, missingArgument, noSuchSet, tooManyWords, unknownParameter } from './binder-error.ts';
import type { Value } from './cmdlet-object.ts';
import type { Cmdlet, Parameter } from './cmdlet.ts';
import { commonParameters } from './common-parameters.ts';
import { missingIn, positional, setsWith } from './parameter-sets.ts';
import { readArgument } from './read-argument.ts';

/** A line that has been read. */
export interface BoundWords {
  /** The cmdlet's own parameters, by their names. */
  readonly bound: Readonly<Record<string, Value>>;
  /** Those that every cmdlet has. */
  readonly common: Readonly<Record<string, Value>>;
  /** The sets that the line may mean, the likeliest first. */
  readonly sets: readonly string[];
  readonly json: boolean;
  readonly help: boolean;
}

/**
 * Reads the words after a cmdlet's name as PowerShell reads a line: names in any case and as short as they are unambiguous, `-Name value`, `-Name:value`,
 * `-Switch:$false`, and what has no name by its position. What is not there yet is not missed here.
 * @throws CmdletError with PowerShell's texts
 */
export function bindWords(cmdlet: Cmdlet, words: readonly string[]): BoundWords {
  const own = new Map(cmdlet.parameters.map((parameter) => [parameter.name, parameter]));
  const bound: Record<string, Value> = {};
  const common: Record<string, Value> = {};
  const left: string[] = [];
  let json = false;
  let help = false;
  const rest = [...words];
  for (let word; (word = rest.shift()) !== undefined;) {
    if (word === '--') left.push(...rest.splice(0));
    else if (word === '--json') json = true;
    else if (word === '-?' || word === '--help') help = true;
    else {
      const [, typed, colon, after] = /^[-\u2013-\u2015]([a-z][^:]*)(:)?([^]*)$/i.exec(word) ?? [];
      if (typed === undefined) {
        left.push(word);
        continue;
      }
      const parameter = findParameter(cmdlet, typed);
      const into = own.has(parameter.name) ? bound : common;
      if (into[parameter.name] !== undefined) throw givenTwice(parameter.name);
      into[parameter.name] = readArgument(parameter, argument(parameter, colon === undefined ? undefined : (after ?? ''), rest));
    }
  }
  const sets = setsWith(cmdlet, Object.keys(bound));
  if (sets.length === 0) throw noSuchSet();
  return { ...place(cmdlet, sets, bound, joined(left)), common, json, help };
}

/** `Name, ParentImage` is one list, as in PowerShell, where a comma joins what stands around it. */
function joined(words: readonly string[]): readonly string[] {
  const found: string[] = [];
  for (const word of words) {
    const before = found.at(-1);
    if (before !== undefined && (before.endsWith(',') || (word.startsWith(',') && before !== ''))) found[found.length - 1] = before + word;
    else found.push(word);
  }
  return found;
}

/** The word for a parameter: behind its colon, or the next ones. A list goes on after a comma. */
function argument(parameter: Parameter, after: string | undefined, rest: string[]): string {
  if (parameter.type === 'switch') return after ?? '$true';
  const next = rest[0];
  let word = after ?? '';
  if (word === '') {
    if (next === undefined || (/^-[a-z]/i.test(next) && after === undefined)) throw missingArgument(parameter);
    word = rest.shift() ?? '';
  }
  while (parameter.type.endsWith('[]') && word.endsWith(',') && rest.length > 0) word += rest.shift() ?? '';
  return word;
}

/** By its name or an alias, or by how either begins: then the cmdlet's own go before those that all have. */
function findParameter(cmdlet: Cmdlet, typed: string): Parameter {
  const wanted = typed.toLowerCase();
  const named = (test: (name: string) => boolean) => (parameter: Parameter) =>
    [parameter.name, ...(parameter.aliases ?? [])].some((name) => test(name.toLowerCase()));
  const common = commonParameters(cmdlet);
  const [exact] = [...cmdlet.parameters, ...common].filter(named((name) => name === wanted));
  if (exact) return exact;
  const begins = named((name) => name.startsWith(wanted));
  const mine = cmdlet.parameters.filter(begins);
  const matches = mine.length > 0 ? mine : common.filter(begins);
  const [only] = matches;
  if (!only) throw unknownParameter(typed);
  if (matches.length > 1)
    throw ambiguousParameter(
      typed,
      matches.map(({ name }) => name),
    );
  return only;
}

/** Gives words without a name to the first set that has a place for each, whole ones first. */
function place(
  cmdlet: Cmdlet,
  sets: readonly string[],
  bound: Readonly<Record<string, Value>>,
  words: readonly string[],
): Pick<BoundWords, 'bound' | 'sets'> {
  const fits: { readonly set: string; readonly taken: readonly Parameter[] }[] = [];
  for (const set of sets) {
    const free = positional(cmdlet, set).filter(({ name }) => bound[name] === undefined);
    if (free.length >= words.length) fits.push({ set, taken: free.slice(0, words.length) });
  }
  const [first] = fits;
  if (!first) {
    const longest = Math.max(...sets.map((set) => positional(cmdlet, set).filter(({ name }) => bound[name] === undefined).length));
    throw tooManyWords(words[longest] ?? '');
  }
  const rank = ({ set, taken }: (typeof fits)[number]): number => {
    const names = new Set(taken.map(({ name }) => name));
    return missingIn(cmdlet, set, bound).filter(({ name }) => !names.has(name)).length > 0 ? 1 : 0;
  };
  const chosen = fits.toSorted((one, other) => rank(one) - rank(other))[0] ?? first;
  const placed: Record<string, Value> = { ...bound };
  chosen.taken.forEach((parameter, at) => (placed[parameter.name] = readArgument(parameter, words[at] ?? '')));
  const possible = setsWith(cmdlet, Object.keys(placed));
  return { bound: placed, sets: [chosen.set, ...possible.filter((set) => set !== chosen.set)] };
}
