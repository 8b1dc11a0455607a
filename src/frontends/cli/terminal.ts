/** What a command sees of the world outside: its streams, its environment, its clock. A test gives its own and runs a command in process. */

import type { Readable, Writable } from 'node:stream';

import { asImageError, ImageError } from '../../errors.ts';

export interface Terminal {
  readonly stdin: Readable;
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
  const { stdout, env } = process;
  // Opening a stream takes Node as long as many a command does its work: the other two are opened when they are used.
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
  // `bay images | head`: a reader that has seen enough is no failure of ours, and there is nobody to tell. Windows says EOF of some pipes.
  const failure = (error: NodeJS.ErrnoException): ImageError | undefined => {
    if (error.code === 'EPIPE' || error.code === 'EOF') return undefined;
    const { code, message } = asImageError(error, 'cannot write the output');
    return new ImageError(code, message, { hint: 'What has been written is not the whole.', cause: error });
  };
  let failed: ImageError | undefined;
  stdout.on('error', (error: NodeJS.ErrnoException) => {
    failed = failure(error);
    if (failed === undefined) abort(141, 'the reader of the output has gone');
    else interrupted.abort(failed);
  });
  return {
    get stdin() {
      return process.stdin;
    },
    stdout,
    get stderr() {
      return (opened ??= process.stderr);
    },
    isTTY: {
      get stdin() {
        return process.stdin.isTTY === true;
      },
      stdout: stdout.isTTY === true,
      get stderr() {
        return process.stderr.isTTY === true;
      },
    },
    columns: () => stdout.columns || 80,
    rows: () => stdout.rows || 24,
    colour: stdout.isTTY === true && !env['NO_COLOR'] && env['TERM'] !== 'dumb',
    env,
    cwd: process.cwd(),
    signal: interrupted.signal,
    now: () => new Date(),
    flushed: () => stdout.writableLength === 0 && (opened?.writableLength ?? 0) === 0,
    // The stream knows at once; the event comes a moment later, and a stream of this process forgets then.
    lost: () => failed ?? (stdout.errored === null ? undefined : failure(stdout.errored)),
  };
}
