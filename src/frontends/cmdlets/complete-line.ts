import type { Value } from './cmdlet-object.ts';
import type { Cmdlet, Parameter } from './cmdlet.ts';
import { commonParameters } from './common-parameters.ts';
import type { Console } from './console.ts';
import { findLineCmdlet, lineCmdlets } from './line-cmdlets.ts';
import { positional, setsOf } from './parameter-sets.ts';
import { runCmdlet } from './run-cmdlet.ts';
import type { Shell } from './shell.ts';

interface Offers {
  readonly words: readonly (readonly [word: string, description: string])[];
  /** Whether names of files may stand here. */
  readonly files: boolean;
}

const nothing: Offers = { words: [], files: false };

/** Writes what can stand for the last word, in the form that the scripts of `bay completion` read: `WORD<tab>DESCRIPTION`, and `:files` or `:words`. */
export async function completeLine(words: readonly string[], console: Console): Promise<void> {
  const { words: found, files } = await offersFor(words.slice(0, -1), words.at(-1) ?? '', console);
  const lines = found.map(([word, description]) => (description === '' ? word : `${word}\t${description}`));
  console.stdout.write([...lines, files ? ':files' : ':words', ''].join('\n'));
}

async function offersFor([name, ...before]: readonly string[], word: string, console: Console): Promise<Offers> {
  if (name === undefined)
    return {
      words: beginning(
        lineCmdlets().map(({ name: own, synopsis }) => [own, synopsis] as const),
        word,
      ),
      files: false,
    };
  const cmdlet = findLineCmdlet(name);
  if (!cmdlet) return nothing;
  const { given, words, pending } = readLoosely(cmdlet, before);
  if (pending) return valuesOf(cmdlet, pending, word, given, console);
  const [, dashed, value] = /^-([a-z]+):([^]*)$/i.exec(word) ?? [];
  if (dashed !== undefined && value !== undefined) {
    const parameter = named(cmdlet, dashed);
    if (!parameter) return nothing;
    const offers = await valuesOf(cmdlet, parameter, value, given, console);
    return { files: offers.files, words: offers.words.map(([offer, text]) => [`-${dashed}:${offer}`, text] as const) };
  }
  if (word.startsWith('-')) {
    const all = [...cmdlet.parameters, ...commonParameters(cmdlet)].filter((parameter) => given[parameter.name] === undefined);
    return {
      words: beginning(
        all.map((parameter) => [`-${parameter.name}`, parameter.help] as const),
        word,
      ),
      files: false,
    };
  }
  const place = setsOf(cmdlet).flatMap(
    (set) => positional(cmdlet, set).filter((parameter) => given[parameter.name] === undefined)[words] ?? [],
  );
  return place[0] ? valuesOf(cmdlet, place[0], word, given, console) : nothing;
}

function beginning(offers: readonly (readonly [string, string])[], word: string): readonly (readonly [string, string])[] {
  const wanted = word.toLowerCase();
  return offers.filter(([offer]) => offer.toLowerCase().startsWith(wanted));
}

/** The parameter that a beginning means, where it means one. */
function named(cmdlet: Cmdlet, typed: string): Parameter | undefined {
  const wanted = typed.toLowerCase();
  const all = [...cmdlet.parameters, ...commonParameters(cmdlet)];
  const names = ({ name, aliases = [] }: Parameter): readonly string[] => [name, ...aliases].map((one) => one.toLowerCase());
  return all.find((one) => names(one).includes(wanted)) ?? all.find((one) => names(one).some((text) => text.startsWith(wanted)));
}

/** Words that need not be right: what is given, how many have no name, and the parameter that still lacks its value. */
function readLoosely(
  cmdlet: Cmdlet,
  before: readonly string[],
): { readonly given: Readonly<Record<string, Value>>; readonly words: number; readonly pending: Parameter | undefined } {
  const given: Record<string, Value> = {};
  let words = 0;
  let pending: Parameter | undefined;
  for (const word of before) {
    if (pending) {
      given[pending.name] = pending.type.endsWith('[]') ? [word] : word;
      pending = undefined;
      continue;
    }
    const [, typed, value] = /^-([a-z]+)(?::([^]*))?$/i.exec(word) ?? [];
    const parameter = typed === undefined ? undefined : named(cmdlet, typed);
    if (typed === undefined) words++;
    else if (parameter?.type === 'switch') given[parameter.name] = true;
    else if (parameter && value !== undefined) given[parameter.name] = parameter.type.endsWith('[]') ? [value] : value;
    else pending = parameter;
  }
  return { given, words, pending };
}

async function valuesOf(
  cmdlet: Cmdlet,
  parameter: Parameter,
  word: string,
  given: Readonly<Record<string, Value>>,
  console: Console,
): Promise<Offers> {
  const { values, complete, type } = parameter;
  if (values)
    return {
      words: beginning(
        values.map((value) => [value, ''] as const),
        word,
      ),
      files: false,
    };
  if (complete === 'file' || complete === 'folder') return { words: [], files: true };
  if (complete === undefined || type === 'switch') return nothing;
  const { completeValue } = await import('./complete-value.ts');
  const shell = new Listener(console);
  const bound = { ...given, '.complete': parameter.name, '.word': word };
  await runCmdlet({ ...cmdlet, load: async () => completeValue }, [bound], shell);
  return { words: shell.texts.map((text) => [text, ''] as const), files: false };
}

/** A shell that nobody sees: it keeps what is written. */
class Listener implements Shell {
  readonly texts: string[] = [];
  readonly #console: Console;

  constructor(console: Console) {
    this.#console = console;
  }

  get cwd(): string {
    return this.#console.cwd;
  }

  get env(): Shell['env'] {
    return this.#console.env;
  }

  get signal(): AbortSignal {
    return this.#console.signal;
  }

  now(): Date {
    return this.#console.now();
  }

  async writeObject(object: Parameters<Shell['writeObject']>[0]): Promise<void> {
    if (typeof object === 'string') this.texts.push(object);
  }

  async writeError(): Promise<void> {}
  async writeWarning(): Promise<void> {}
  async writeVerbose(): Promise<void> {}
  async writeHost(): Promise<void> {}
  writeProgress(): void {}

  async shouldProcess(): Promise<boolean> {
    return false;
  }

  async shouldContinue(): Promise<boolean> {
    return false;
  }

  async promptForChoice(): Promise<number> {
    return 0;
  }
}
