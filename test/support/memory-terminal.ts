/** A terminal in memory: a command runs in process, and the test reads what it printed. */
import { PassThrough, Readable, Writable } from 'node:stream';

import type { Terminal } from '../../src/frontends/cli/terminal.ts';

export interface MemoryTerminal extends Terminal {
  /** All that was written to stdout so far. */
  readonly out: string;
  /** All that was written to stderr so far. */
  readonly err: string;
  /** Ctrl-C. */
  interrupt(reason: Error): void;
}

export interface MemoryTerminalOptions {
  /** Whether the three streams are a person's; false if not given, as in a script. */
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
  readonly colour?: boolean;
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
  readonly stdin?: string | Uint8Array;
  readonly now?: Date;
}

export function memoryTerminal(options: MemoryTerminalOptions = {}): MemoryTerminal {
  const { isTTY = false, columns = 80, rows = 24 } = options;
  const written = { out: '', err: '' };
  const collect = (name: 'out' | 'err') => {
    const decoder = new TextDecoder();
    return new Writable({
      write(chunk: Buffer, _encoding, done) {
        written[name] += decoder.decode(chunk, { stream: true });
        done();
      },
    });
  };
  const interrupted = new AbortController();
  const stdin = new PassThrough();
  Readable.from([Buffer.from(options.stdin ?? '')]).pipe(stdin);
  const stdout = collect('out');
  return {
    stdin,
    stdout,
    print: (text) => void stdout.write(text),
    stderr: collect('err'),
    isTTY: { stdin: isTTY, stdout: isTTY, stderr: isTTY },
    columns: () => columns,
    rows: () => rows,
    colour: options.colour ?? false,
    env: options.env ?? {},
    cwd: options.cwd ?? process.cwd(),
    signal: interrupted.signal,
    now: () => options.now ?? new Date('2026-11-24T10:00:00Z'),
    get out() {
      return written.out;
    },
    get err() {
      return written.err;
    },
    interrupt: (reason) => interrupted.abort(reason),
  };
}
