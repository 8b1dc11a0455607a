/** What a command sees of the world outside: its streams, its environment, its clock. A test gives its own and runs a command in process. */

import type { Readable, Writable } from 'node:stream';

import { ImageError } from '../../errors.ts';
import { StandardOutput } from './standard-output.ts';

export interface Terminal {
  readonly stdin: Readable;
  /** For what comes piece by piece, or is no text. */
  readonly stdout: Writable;
  readonly stderr: Writable;
  /** Which of the streams are a person's terminal. */
  readonly isTTY: { readonly stdin: boolean; readonly stdout: boolean; readonly stderr: boolean };
  /** Width of the terminal in cells, asked anew each time, since a window can be resized; 80 where there is none. */
  columns(): number;
  /** Height of the terminal in lines; 24 where there is none. */
  rows(): number;
  /** Whether stdout may carry colours: a terminal, and no NO_COLOR. */
  readonly colour: boolean;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /**
   * Aborted by Ctrl-C (Ctrl-Break), by SIGTERM and SIGHUP, and when the reader of stdout has gone: its reason is an ImageError `canceled` then. Where stdout is
   * a file that takes no more, the reason says why (`disk-full`).
   */
  readonly signal: AbortSignal;
  now(): Date;
  /** Writes a text to stdout, in order with what is written to the stream. */
  print(text: string): void;
}

export interface ProcessTerminal extends Terminal {
  /** Whether readers have taken all that was written: the process may end without waiting. */
  flushed(): boolean;
  /** What kept stdout's file from taking all that was written; undefined where nothing did, and where a reader has merely gone. */
  lost(): ImageError | undefined;
}

/** Exit codes of a process that a signal ended, as a shell reports them: 128 + the signal's number. */
const signals: Readonly<Record<string, number>> = {
  SIGINT: 130,
  SIGTERM: 143,
  SIGHUP: 129,
  // Ctrl-Break; the closed window of a Windows console is SIGHUP.
  ...(process.platform === 'win32' ? { SIGBREAK: 149 } : {}),
};

/** The terminal, npm and the setup script may each pass on the same Ctrl-C: within this many milliseconds it is one. */
const oneInterrupt = 1000;

/** The terminal of this process. A second Ctrl-C ends the process at once: what was acknowledged is on disk by then. */
export function processTerminal(): ProcessTerminal {
  const { env } = process;
  // Opening a stream takes Node as long as many a command does its work: they are opened when they are used.
  let opened: Writable | undefined;
  const interrupted = new AbortController();
  let interruptedAt = 0;
  const abort = (exitCode: number, message: string) => interrupted.abort(new ImageError('canceled', message, { detail: { exitCode } }));
  for (const [signal, exitCode] of Object.entries(signals)) {
    process.on(signal, () => {
      if (!interrupted.signal.aborted) {
        interruptedAt = Date.now();
        abort(exitCode, 'canceled');
      } else if (Date.now() - interruptedAt > oneInterrupt) process.exit(exitCode);
    });
  }
  const output = new StandardOutput((failed) => {
    // `bay images | head`: a reader that has seen enough is no failure of ours, and there is nobody to tell.
    if (failed === undefined) abort(141, 'the reader of the output has gone');
    else interrupted.abort(failed);
  });
  return {
    get stdin() {
      return process.stdin;
    },
    get stdout() {
      return output.stream;
    },
    get stderr() {
      return (opened ??= process.stderr);
    },
    isTTY: {
      get stdin() {
        return process.stdin.isTTY === true;
      },
      stdout: output.isTTY,
      get stderr() {
        return process.stderr.isTTY === true;
      },
    },
    columns: () => (output.isTTY && output.stream.columns) || 80,
    rows: () => (output.isTTY && output.stream.rows) || 24,
    colour: output.isTTY && !env['NO_COLOR'] && env['TERM'] !== 'dumb',
    env,
    cwd: process.cwd(),
    signal: interrupted.signal,
    now: () => new Date(),
    print: (text) => output.print(text),
    flushed: () => output.flushed && (opened?.writableLength ?? 0) === 0,
    lost: () => output.lost,
  };
}
