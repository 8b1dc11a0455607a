import type { Writable, Readable } from 'node:stream';
import { ImageError } from '../../errors.ts';
import type { Bound } from './call.ts';
import { readClixml } from './clixml-read.ts';
import { writeClixml } from './clixml-write.ts';
import { isCmdletObject, type CmdletObject, type Value } from './cmdlet-object.ts';
import type { Choice, ErrorRecord, ProgressRecord, Shell } from './shell.ts';
import { WireLines } from './wire-lines.ts';

/** The pipe to the module. */
export interface WireEnds {
  readonly stdin: Readable;
  readonly stdout: Writable;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
  now(): Date;
}

/** Objects that go in one line, at most: a line costs PowerShell more than an object. */
const together = 100;
/** Milliseconds between two records of one activity. */
const progressPause = 100;
/** How long to wait for the next object of the pipeline, in milliseconds. A pipeline that was stopped while it was elsewhere tells nobody; the module starts another. */
const patience = 10_000;

/**
 * PowerShell as a Shell, on the other side of a pipe: docs/decisions/0055-powershell-module.md has the lines.
 *
 * To us:   `T object` a turn: parameters by name, `.cwd`, and `.last` where no other comes; `A value` the answer to a question
 * From us: `B` a turn begins; `O objects`; `E`, `W`, `V`, `H`, `P` an error, a warning, verbose text, text for the person, progress;
 *          `S`, `C`, `M` a question: ShouldProcess, ShouldContinue, one of several; `.` the turn has ended
 */
export class WireShell implements Shell {
  readonly env: WireEnds['env'];
  readonly signal: AbortSignal;
  readonly #ends: WireEnds;
  readonly #lines: WireLines;
  readonly #told = new Map<number, number>();
  #cwd = '.';
  #acting = false;
  #objects: (CmdletObject | string)[] = [];
  #flushing: NodeJS.Immediate | undefined;

  constructor(ends: WireEnds) {
    const gone = new AbortController();
    this.#ends = ends;
    this.env = ends.env;
    this.signal = AbortSignal.any([ends.signal, gone.signal]);
    this.#lines = new WireLines(ends.stdin, () => {
      if (this.#acting) gone.abort(new ImageError('canceled', 'PowerShell has stopped the pipeline'));
    });
  }

  get cwd(): string {
    return this.#cwd;
  }

  now(): Date {
    return this.#ends.now();
  }

  /** What PowerShell has bound, for one object of the pipeline after the other. */
  async *turns(): AsyncGenerator<Bound> {
    for (;;) {
      const line = await this.#lines.next(patience);
      if (line === undefined) return;
      const bound = readClixml(payload(line, 'T'));
      if (bound === undefined || !isCmdletObject(bound)) throw new ImageError('invalid-content', 'PowerShell sent no parameters');
      const { '.cwd': cwd, '.last': last, ...parameters } = bound.properties;
      if (typeof cwd === 'string') this.#cwd = cwd;
      this.#acting = true;
      await this.#send('B');
      yield parameters;
      await this.endTurn();
      if (last === true) return;
    }
  }

  async endTurn(): Promise<void> {
    this.#acting = false;
    this.#told.clear();
    await this.#send('.');
  }

  /** Resolves when PowerShell has all that was written, or has gone. */
  async close(): Promise<void> {
    this.#lines.close();
    if (!this.signal.aborted) await new Promise<void>((resolve) => this.#ends.stdout.write('', () => resolve()));
  }

  async writeObject(object: CmdletObject | string): Promise<void> {
    this.#objects.push(object);
    if (this.#objects.length >= together) await this.#flush();
    else this.#flushing ??= setImmediate(() => void this.#flush());
  }

  async writeError({ message, id, category, target, exceptionType }: ErrorRecord): Promise<void> {
    await this.#send('E', bag({ Message: message, Id: id, Category: category, Target: target, ExceptionType: exceptionType }));
  }

  async writeWarning(text: string): Promise<void> {
    await this.#send('W', text);
  }

  async writeVerbose(text: string): Promise<void> {
    await this.#send('V', text);
  }

  async writeHost(text: string): Promise<void> {
    await this.#send('H', text);
  }

  writeProgress({ id, activity, status, percent, completed = false }: ProgressRecord): void {
    const last = this.#told.get(id);
    const now = performance.now();
    if (completed ? last === undefined : last !== undefined && now - last < progressPause) return;
    if (completed) this.#told.delete(id);
    else this.#told.set(id, now);
    const record = {
      Id: id,
      Activity: activity,
      Status: status || ' ', // PowerShell refuses an empty one
      Percent: percent === undefined ? -1 : Math.floor(percent),
      Completed: completed,
    };
    void this.#send('P', bag(record));
  }

  async shouldProcess(target: string, action: string): Promise<boolean> {
    return (await this.#ask('S', bag({ Target: target, Action: action }))) === true;
  }

  async shouldContinue(query: string, caption: string): Promise<boolean> {
    return (await this.#ask('C', bag({ Query: query, Caption: caption }))) === true;
  }

  async promptForChoice(caption: string, message: string, choices: readonly Choice[], byDefault: number): Promise<number> {
    const offered = choices.map(({ label, help }) => bag({ Label: label, Help: help }));
    const answer = await this.#ask('M', bag({ Caption: caption, Message: message, Choices: offered, Default: byDefault }));
    if (typeof answer !== 'number') throw new ImageError('invalid-content', 'PowerShell has chosen none of the choices');
    return answer;
  }

  async #ask(question: string, value: Value): Promise<Value> {
    await this.#send(question, value);
    const line = await this.#lines.next();
    if (line === undefined) {
      this.signal.throwIfAborted();
      throw new ImageError('canceled', 'PowerShell has stopped the pipeline');
    }
    return readClixml(payload(line, 'A'));
  }

  async #send(tag: string, ...values: readonly Value[]): Promise<void> {
    await this.#flush();
    await this.#write(values.length === 0 ? tag : `${tag} ${writeClixml(values)}`);
  }

  async #flush(): Promise<void> {
    clearImmediate(this.#flushing);
    this.#flushing = undefined;
    if (this.#objects.length === 0) return;
    const objects = this.#objects;
    this.#objects = [];
    await this.#write(`O ${writeClixml(objects)}`);
  }

  async #write(line: string): Promise<void> {
    const { stdout } = this.#ends;
    if (stdout.write(`${line}\n`) || this.signal.aborted) return;
    await new Promise<void>((resolve) => {
      const go = (): void => {
        stdout.off('drain', go);
        this.signal.removeEventListener('abort', go);
        resolve();
      };
      stdout.on('drain', go);
      this.signal.addEventListener('abort', go);
    });
  }
}

function payload(line: string, tag: string): string {
  if (!line.startsWith(`${tag} `)) throw new ImageError('invalid-content', 'PowerShell sent a line that was not asked for');
  return line.slice(2);
}

function bag(properties: CmdletObject['properties']): CmdletObject {
  return { typeName: 'Bayplan.Wire', properties, text: '' };
}
