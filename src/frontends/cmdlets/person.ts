import { closeSync, openSync } from 'node:fs';
import { createInterface, type Interface } from 'node:readline';
import { ReadStream } from 'node:tty';
import { CmdletError } from './cmdlet-error.ts';
import type { Console } from './console.ts';

/** Whoever sits at the terminal. In a pipe the terminal itself is read, as standard input is what came through. `close` it: it holds the terminal from the first question on. */
export class Person {
  readonly #console: Console;
  #lines: { readonly from: Interface; readonly iterator: AsyncIterator<string> } | undefined;
  #opened: ReadStream | undefined;

  constructor(console: Console) {
    this.#console = console;
  }

  /**
   * One line, trimmed.
   * @param what that asks, for errors
   * @throws CmdletError where there is nobody, or nobody answers; ImageError `canceled`
   */
  async ask(question: string, what: string): Promise<string> {
    const { stderr, signal } = this.#console;
    const { iterator } = (this.#lines ??= this.#open(what));
    stderr.write(question);
    const { done, value } = await iterator.next();
    if (signal.aborted) throw signal.reason;
    if (!done) return value.trim();
    stderr.write('\n');
    throw nobody(what);
  }

  close(): void {
    this.#lines?.from.close();
    this.#opened?.destroy();
  }

  #open(what: string): { readonly from: Interface; readonly iterator: AsyncIterator<string> } {
    const { isTTY, stdin, signal } = this.#console;
    // Without a terminal to write the question to, nobody reads it.
    const input = !isTTY.stderr ? undefined : isTTY.stdin ? stdin : (this.#opened = openTerminal());
    if (!input) throw nobody(what);
    const from = createInterface({ input, terminal: false, signal });
    return { from, iterator: from[Symbol.asyncIterator]() };
  }
}

function nobody(what: string): CmdletError {
  return new CmdletError({
    message: `${what} needs an answer, and there is nobody at a terminal to give it.\nAnswer beforehand: with -Force, or '-Confirm:$false'.`,
    id: 'NonInteractive',
    category: 'InvalidOperation',
    exceptionType: 'PSInvalidOperationException',
  });
}

function openTerminal(): ReadStream | undefined {
  let file: number;
  try {
    file = openSync(process.platform === 'win32' ? String.raw`\\.\CONIN$` : '/dev/tty', 'r');
  } catch {
    return undefined;
  }
  try {
    return new ReadStream(file);
  } catch {
    closeSync(file);
    return undefined;
  }
}
