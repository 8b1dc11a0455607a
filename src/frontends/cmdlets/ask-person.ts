import { closeSync, openSync } from 'node:fs';
import { createInterface } from 'node:readline/promises';
import { ReadStream } from 'node:tty';
import { ImageError } from '../../errors.ts';
import type { Console } from './console.ts';

/**
 * One line that a person types, trimmed. In a pipe the terminal itself is asked, as standard input is what came through.
 * @throws ImageError `unsupported` where there is nobody; `canceled`
 */
export async function askPerson(console: Console, question: string, what: string): Promise<string> {
  const asked = console.isTTY.stdin ? undefined : openTerminal(console);
  const input = console.isTTY.stdin ? console.stdin : asked;
  if (!input || !console.isTTY.stderr)
    throw new ImageError('unsupported', `${what} needs an answer, and there is no terminal to ask at`, {
      hint: "Answer beforehand: with -Force, or '-Confirm:$false'.",
    });
  const lines = createInterface({ input, output: console.stderr, terminal: false });
  try {
    return (await lines.question(question, { signal: console.signal })).trim();
  } finally {
    lines.close();
    asked?.destroy();
  }
}

function openTerminal({ isTTY }: Console): ReadStream | undefined {
  // Without a terminal to write the question to, nobody reads it.
  if (!isTTY.stderr) return undefined;
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
