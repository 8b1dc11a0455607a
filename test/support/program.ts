/** Runs a program to its end and keeps what it said. */
import { spawn, type ChildProcess } from 'node:child_process';

export interface ProgramOptions {
  /** Added to this process's environment; `undefined` takes a variable away. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
  /** Given on stdin, which is closed after it. */
  readonly input?: string | Uint8Array;
  /** Milliseconds after which the program is killed and the run fails; 120,000 if not given. */
  readonly timeout?: number;
}

export interface Ended {
  /** The exit code; as a shell says it, 128 + the signal's number, for a program that a signal ended. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

const signalNumbers: Readonly<Record<string, number>> = { SIGHUP: 1, SIGINT: 2, SIGKILL: 9, SIGPIPE: 13, SIGTERM: 15 };

/** Resolves whatever the exit code is; rejects if the program cannot be started or does not end in time. */
export function runProgram(command: string, args: readonly string[], options: ProgramOptions = {}): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const timeout = options.timeout ?? 120_000;
    const child = spawnProgram(command, args, options);
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    child.stdout?.on('data', (part: Buffer) => stdout.push(part));
    child.stderr?.on('data', (part: Buffer) => stderr.push(part));
    // A program that ends without reading its input is no failure of the run: its exit code says what it thought.
    child.stdin?.on('error', (error: NodeJS.ErrnoException) => error.code === 'EPIPE' || reject(error));
    child.stdin?.end(options.input ?? '');
    const text = (parts: Buffer[]): string => Buffer.concat(parts).toString();
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      reject(new Error(`${command} ${args.join(' ')} did not end within ${timeout} ms; it said: ${text(stdout)}${text(stderr)}`));
    }, timeout);
    child.on('error', (error) => {
      clearTimeout(timer);
      reject(error);
    });
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      resolve({ code: code ?? 128 + (signalNumbers[signal ?? ''] ?? 0), stdout: text(stdout), stderr: text(stderr) });
    });
  });
}

/** Starts a program with three pipes; whoever starts it ends it. */
export function spawnProgram(command: string, args: readonly string[], options: ProgramOptions = {}): ChildProcess {
  const env: Record<string, string | undefined> = { ...process.env, ...options.env };
  for (const [name, value] of Object.entries(env)) if (value === undefined) delete env[name];
  return spawn(command, args, { cwd: options.cwd, env, stdio: 'pipe', windowsHide: true });
}
