import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import type { Terminal } from './terminal.ts';

/** One line that a person types, without the spaces around it. Ends with `canceled` on Ctrl-C. */
export async function ask(terminal: Terminal, question: string): Promise<string> {
  const lines = createInterface({ input: terminal.stdin, output: terminal.stdout, terminal: false });
  try {
    return (await lines.question(question, { signal: terminal.signal })).trim();
  } finally {
    lines.close();
  }
}

/** The same without an echo of what is typed. */
export async function askSecret(terminal: Terminal, question: string): Promise<string> {
  terminal.stdout.write(question);
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: terminal.stdin, output: silent, terminal: terminal.isTTY.stdin });
  try {
    return await lines.question('', { signal: terminal.signal });
  } finally {
    lines.close();
    terminal.stdout.write('\n');
  }
}

/** Docker's yes: `y` or `yes` in any case; everything else is no. */
export async function confirm(terminal: Terminal, question: string): Promise<boolean> {
  return /^y(?:es)?$/i.test(await ask(terminal, question));
}
