import { once } from 'node:events';
import { ImageError } from '../../errors.ts';
import { printable } from '../../io/printable.ts';
import type { CmdletObject, Value } from './cmdlet-object.ts';
import type { Cmdlet, Parameter } from './cmdlet.ts';
import type { Console } from './console.ts';
import { errorText } from './error-text.ts';
import { formatObjects } from './format-objects.ts';
import { objectJson } from './object-json.ts';
import type { Person } from './person.ts';
import { readArgument } from './read-argument.ts';
import type { Choice, ErrorRecord, ProgressRecord, Shell } from './shell.ts';

export interface ConsoleShellOptions {
  /** The common parameters, and -Force. */
  readonly common: Readonly<Record<string, Value>>;
  readonly json: boolean;
}

/** How often a line of progress is written anew, in milliseconds. */
const progressEvery = 100;

/** The shell that is no PowerShell: tables on stdout, all else on stderr. `end` it. */
export class ConsoleShell implements Shell {
  readonly #console: Console;
  readonly #cmdlet: Cmdlet;
  readonly #common: Readonly<Record<string, Value>>;
  readonly #json: boolean;
  #person: Person | undefined;
  /** Objects that wait for the end, as a column is as wide as its widest cell; all of one type. */
  #waiting: CmdletObject[] = [];
  #documents: unknown[] = [];
  #yesToAll = false;
  #noToAll = false;
  #failed = false;
  #progressAt = 0;
  #progressShown = false;

  constructor(console: Console, cmdlet: Cmdlet, { common, json }: ConsoleShellOptions) {
    this.#console = console;
    this.#cmdlet = cmdlet;
    this.#common = common;
    this.#json = json;
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

  /** True where an error was written that nobody has asked to ignore. */
  get failed(): boolean {
    return this.#failed;
  }

  async writeObject(object: CmdletObject | string): Promise<void> {
    if (this.#json) this.#documents.push(typeof object === 'string' ? object : objectJson(object));
    else if (typeof object === 'string') {
      await this.#flush();
      await this.#print(`${printable(object)}\n`);
    } else {
      if (this.#waiting[0] && this.#waiting[0].typeName !== object.typeName) await this.#flush();
      this.#waiting.push(object);
    }
  }

  async writeError(record: ErrorRecord): Promise<void> {
    const action = this.#common['ErrorAction'];
    if (action === 'Ignore') return;
    this.#failed = true;
    if (action !== 'SilentlyContinue') await this.#tell(errorText(record, this.#cmdlet.name));
    if (this.#common['Debug'] === true && record.stack !== undefined) await this.#tell(`DEBUG: ${lines(record.stack)}\n`);
    if (action === 'Stop') throw stopped();
  }

  async writeWarning(text: string): Promise<void> {
    const action = this.#common['WarningAction'];
    if (action === 'Ignore' || action === 'SilentlyContinue') return;
    await this.#tell(`WARNING: ${lines(text)}\n`);
    if (action !== 'Stop') return;
    this.#failed = true;
    throw stopped();
  }

  async writeVerbose(text: string): Promise<void> {
    if (this.#common['Verbose'] === true) await this.#tell(`VERBOSE: ${lines(text)}\n`);
  }

  async writeHost(text: string): Promise<void> {
    await this.#tell(`${lines(text)}\n`);
  }

  writeProgress({ activity, status, percent, completed }: ProgressRecord): void {
    const { isTTY, stderr } = this.#console;
    if (!isTTY.stderr) return;
    const now = Date.now();
    if (completed) this.#clearProgress();
    else if (now - this.#progressAt >= progressEvery) {
      this.#progressAt = now;
      this.#progressShown = true;
      const done = percent === undefined ? '' : ` ${Math.floor(percent)}%`;
      stderr.write(`\r\u001b[K${printable(`${activity} ${status}${done}`).slice(0, this.#console.columns() - 1)}`);
    }
  }

  async shouldProcess(target: string, action: string): Promise<boolean> {
    const operation = `Performing the operation "${action}" on target "${target}".`;
    if (this.#common['WhatIf'] === true) {
      await this.writeHost(`What if: ${operation}`);
      return false;
    }
    const confirm = this.#common['Confirm'];
    const asks = confirm === true || (confirm === undefined && this.#cmdlet.shouldProcess === 'High' && this.#common['Force'] !== true);
    if (asks && !(await this.#confirmed('Confirm', `Are you sure you want to perform this action?\n${operation}`))) return false;
    await this.writeVerbose(operation);
    return true;
  }

  async shouldContinue(query: string, caption: string): Promise<boolean> {
    return this.#confirmed(caption, query);
  }

  async promptForChoice(caption: string, message: string, choices: readonly Choice[], byDefault: number): Promise<number> {
    const named = choices.map(({ label, help }) => {
      const at = label.indexOf('&');
      return { key: (label[at + 1] ?? '').toUpperCase(), name: label.replace('&', ''), help };
    });
    const offered = [...named.map(({ key, name }) => `[${key}] ${name}`), '[?] Help'].join('  ');
    const question = `${offered} (default is "${named[byDefault]?.key}"): `;
    await this.#flush();
    this.#clearProgress();
    for (let before = `\n${lines(caption)}\n${lines(message)}\n`; ; before = '') {
      const answer = (await this.#ask(before + question)).toLowerCase();
      if (answer === '') return byDefault;
      const index = named.findIndex(({ key, name }) => answer === key.toLowerCase() || answer === name.toLowerCase());
      if (index >= 0) return index;
      if (answer === '?') await this.#tell(named.map(({ key, help }) => `${key} - ${help}\n`).join(''));
    }
  }

  /** Asks for parameters that a line lacks, as PowerShell does. @returns undefined where nobody can be asked, or one of them takes no text @throws CmdletError for a wrong value */
  async supply(missing: readonly Parameter[]): Promise<Readonly<Record<string, Value>> | undefined> {
    const { stdin, stderr } = this.#console.isTTY;
    const asksAll = missing.every(({ type }) => type === 'string' || type === 'string[]' || type === 'version' || type === 'guid');
    if (!stdin || !stderr || !asksAll) return undefined;
    await this.#tell(`\ncmdlet ${this.#cmdlet.name} at command pipeline position 1\nSupply values for the following parameters:\n`);
    const supplied: Record<string, Value> = {};
    for (const parameter of missing) {
      const answers: string[] = [];
      const isList = parameter.type === 'string[]';
      const label = (): string => (isList ? `${parameter.name}[${answers.length}]: ` : `${parameter.name}: `);
      do answers.push(await this.#ask(label()));
      while (isList && answers.at(-1) !== '');
      if (isList && answers.length > 1) answers.pop();
      supplied[parameter.name] = readArgument(parameter, answers.join(','));
    }
    return supplied;
  }

  /** Writes what waits, and for JSON the one document. */
  async end(): Promise<void> {
    this.#person?.close();
    this.#clearProgress();
    if (this.#json) await this.#print(`${JSON.stringify(this.#documents, undefined, 2)}\n`);
    else await this.#flush();
  }

  async #ask(question: string): Promise<string> {
    if (!this.#person) {
      const { Person: Someone } = await import('./person.ts');
      this.#person = new Someone(this.#console);
    }
    return this.#person.ask(question, this.#cmdlet.name);
  }

  async #confirmed(caption: string, message: string): Promise<boolean> {
    if (this.#yesToAll) return true;
    if (this.#noToAll) return false;
    const answer = await this.promptForChoice(caption, message, confirmChoices, 0);
    if (answer === 1) this.#yesToAll = true;
    if (answer === 3) this.#noToAll = true;
    return answer < 2;
  }

  async #flush(): Promise<void> {
    const objects = this.#waiting;
    if (objects.length === 0) return;
    this.#waiting = [];
    await this.#print(await formatObjects(objects, this.#console.isTTY.stdout ? this.#console.columns() : undefined));
  }

  async #print(text: string): Promise<void> {
    this.#clearProgress();
    const { stdout, signal } = this.#console;
    if (stdout.write(text)) return;
    await once(stdout, 'drain', { signal }).catch((error: unknown) => {
      throw signal.aborted ? signal.reason : error;
    });
  }

  async #tell(text: string): Promise<void> {
    this.#clearProgress();
    this.#console.stderr.write(text);
  }

  #clearProgress(): void {
    if (this.#progressShown) this.#console.stderr.write('\r\u001b[K');
    this.#progressShown = false;
  }
}

const confirmChoices: readonly Choice[] = [
  { label: '&Yes', help: 'Continue with only the next step of the operation.' },
  { label: 'Yes to &All', help: 'Continue with all the steps of the operation.' },
  { label: '&No', help: 'Skip this operation and proceed with the next operation.' },
  { label: 'No to A&ll', help: 'Skip this operation and all subsequent operations.' },
];

/** Lines of a text without controls. */
function lines(text: string): string {
  return text.split('\n').map(printable).join('\n');
}

/** -ErrorAction Stop: what has been said has been said. */
function stopped(): ImageError {
  return new ImageError('canceled', 'stopped by -ErrorAction', { detail: { exitCode: 1 } });
}
