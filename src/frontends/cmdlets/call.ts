import { ImageError } from '../../errors.ts';
import { isCmdletObject, isTypedText, valueText, type CmdletObject, type Value } from './cmdlet-object.ts';
import type { Cmdlet } from './cmdlet.ts';
import type { CmdletHost } from './cmdlet-host.ts';
import type { Shell } from './shell.ts';

/** What a cmdlet does for one turn: once, or once for each object of the pipeline. Its errors are ImageErrors and CmdletErrors. */
export type Act = (call: Call, shell: Shell) => Promise<void>;

/** Parameters that a shell has bound, by their names in the table: a version is a TypedText, a switch a boolean, a list an array. */
export type Bound = Readonly<Record<string, Value>>;

/** One turn of a cmdlet: what its parameters are. */
export class Call {
  readonly cmdlet: Cmdlet;
  readonly host: CmdletHost;
  readonly #bound: Bound;

  constructor(cmdlet: Cmdlet, host: CmdletHost, bound: Bound) {
    this.cmdlet = cmdlet;
    this.host = host;
    this.#bound = bound;
  }

  /** True where it was given, also as an empty text or as $false. */
  has(name: string): boolean {
    return this.#bound[name] !== undefined;
  }

  /** A text, a version or a guid as text. */
  text(name: string): string | undefined {
    const value = this.#bound[name];
    if (value === undefined) return undefined;
    if (typeof value === 'string' || typeof value === 'number' || isTypedText(value)) return valueText(value);
    throw this.#wrong(name, 'a text');
  }

  texts(name: string): readonly string[] | undefined {
    return this.has(name) ? this.values(name).map(valueText) : undefined;
  }

  /** What an object-typed parameter has, which may be the text of a name or an id too; empty where it was not given. */
  values(name: string): readonly Value[] {
    const value = this.#bound[name];
    if (value === undefined) return [];
    return Array.isArray(value) ? (value as readonly Value[]) : [value];
  }

  flag(name: string): boolean {
    return this.#bound[name] === true;
  }

  number(name: string): number | undefined {
    const value = this.#bound[name];
    if (value === undefined || typeof value === 'number') return value;
    throw this.#wrong(name, 'a number');
  }

  objects(name: string): readonly CmdletObject[] {
    return this.values(name).map((item) => {
      if (!isCmdletObject(item)) throw this.#wrong(name, 'an object');
      return item;
    });
  }

  /** Both shells bind by the table: this is a fault of theirs. */
  #wrong(name: string, what: string): ImageError {
    return new ImageError('internal', `${this.cmdlet.name} was given ${name}, and it is not ${what}`);
  }
}
