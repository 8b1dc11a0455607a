/**
 * A real PowerShell engine (`powershell-host/`), driven by lines of JSON: `.ci/run` builds it. A start takes a second, so that one process serves many cases.
 *
 *   const shell = startPowerShell({ env: { BAY_HOME: home } });
 *   after(() => shell.end());
 *   const { text } = await shell.type('Get-ContainerImage');
 */
import assert from 'node:assert/strict';
import { spawnSync, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { createInterface } from 'node:readline';

import { spawnProgram } from './program.ts';

const host = join(import.meta.dirname, 'powershell-host', 'bin', 'powershell-host.dll');

/** The manifest of the module as it is published. */
export const powershellModule: string = join(import.meta.dirname, '..', '..', 'dist', 'powershell', 'Bayplan', 'Bayplan.psd1');

/** For the test's `skip` option: `false`, or why there is no PowerShell here. In CI it must be there, unless the machine has no .NET at all. */
export const powershellSkip: false | string = whyNot();

function whyNot(): false | string {
  if (existsSync(host)) return false;
  if (spawnSync('dotnet', ['--version']).status !== 0) return 'the .NET SDK is not installed';
  return process.env['CI'] === 'true'
    ? false
    : 'the PowerShell host is not built: dotnet build -c Release -o test/support/powershell-host/bin test/support/powershell-host';
}

export interface Progress {
  readonly id: number;
  readonly activity: string;
  readonly status: string;
  readonly percent: number;
  readonly done: boolean;
}

export interface Typed {
  /** What stands on the screen, questions and their answers in it. */
  readonly text: string;
  readonly progress: readonly Progress[];
  /** Given answers that nobody asked for. */
  readonly unasked: number;
  /** It was ended by an error, or stopped. */
  readonly failed: boolean;
  readonly state: 'Completed' | 'Failed' | 'Stopped';
}

export interface TypeOptions {
  /** Said one after the other where it asks; a question without one fails the test. */
  readonly answers?: readonly string[];
  /** Width of the console; 120 if not given. */
  readonly columns?: number;
  /** In a remote session: at this end of it, where what comes back is shown. */
  readonly near?: boolean;
  /** A session that was opened; the process's own if not given. */
  readonly session?: string;
}

export interface PowerShellSession {
  /** Types a line at the prompt, and waits until the prompt is back. */
  type(script: string, options?: TypeOptions): Promise<Typed>;
  /** What a script gives, as JSON: objects by their properties, other types by their text. Its errors fail the test. */
  values(script: string, options?: TypeOptions): Promise<unknown[]>;
}

export interface PowerShell extends PowerShellSession {
  readonly process: ChildProcess;
  /** A module for the far end of a remote session, which lacks what the host brings along: Select-Object. */
  readonly selectObject: string;
  /** A further session in the process, or by `pipe` a remote one in the process that serves it. */
  open(name: string, pipe?: string): Promise<PowerShellSession>;
  /** Ctrl-C for what runs now. */
  stop(): void;
  end(): Promise<void>;
}

type Answer = Typed & { readonly fault?: string; readonly values?: unknown[] };

/** A process with a session of its own, in which the module is not imported yet. @param env added to this process's */
export function startPowerShell({ env = {} }: { readonly env?: Readonly<Record<string, string | undefined>> } = {}): PowerShell {
  const child = startHost(['run'], env);
  const waiting: ((answer: Answer | Error) => void)[] = [];
  createInterface({ input: child.stdout ?? assert.fail() }).on('line', (line) => waiting.shift()?.(JSON.parse(line) as Answer));
  let said = '';
  child.stderr?.on('data', (part: Buffer) => (said += part.toString()));
  const closed = new Promise<void>((resolve) =>
    child.on('close', () => {
      for (const wake of waiting.splice(0)) wake(new Error(`the PowerShell host has ended: ${said}`));
      resolve();
    }),
  );
  const ask = async (request: Readonly<Record<string, unknown>>): Promise<Answer> => {
    const answered = new Promise<Answer | Error>((resolve) => waiting.push(resolve));
    child.stdin?.write(`${JSON.stringify(request)}\n`);
    const answer = await answered;
    if (answer instanceof Error) throw answer;
    if (answer.fault !== undefined) throw new Error(answer.fault);
    return answer;
  };
  const session = (name: string): PowerShellSession => ({
    type: (script, options = {}) => ask({ script, session: name, ...options }),
    async values(script, options = {}) {
      const { values = [], text, failed } = await ask({ script, session: name, values: true, ...options });
      assert.equal(failed, false, text);
      return values;
    },
  });
  const opened = ask({ open: 'main' });
  const main = session('main');
  return {
    process: child,
    selectObject: host,
    type: async (...line) => (await opened) && main.type(...line),
    values: async (...line) => (await opened) && main.values(...line),
    async open(name, pipe) {
      await ask({ open: name, ...(pipe === undefined ? {} : { pipe }) });
      return session(name);
    },
    stop: () => void child.stdin?.write('{"stop":true}\n'),
    async end() {
      child.stdin?.end();
      await closed;
    },
  };
}

/** The far end of remote sessions, in a process of its own: `open` one with its pipe. */
export async function servePowerShell(
  pipe: string,
  env: Readonly<Record<string, string | undefined>> = {},
): Promise<{ end(): Promise<void> }> {
  const child = startHost(['serve', pipe], env);
  const closed = new Promise((resolve) => child.on('close', resolve));
  await new Promise<void>((resolve, reject) => {
    child.stdout?.once('data', () => resolve());
    child.once('close', () => reject(new Error('the far end of remote sessions has ended')));
  });
  return {
    async end() {
      child.stdin?.end();
      await closed;
    },
  };
}

let temporaryFolder: string | undefined;

/** One for all hosts of this process, for the ends of a pipe must find each other in it. .NET leaves its pipes' sockets where temporary files are. */
function folderOfPipes(): string {
  if (temporaryFolder === undefined) {
    const folder = mkdtempSync(join(tmpdir(), 'bayplan-dotnet-'));
    process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
    temporaryFolder = folder;
  }
  return temporaryFolder;
}

function startHost(args: readonly string[], env: Readonly<Record<string, string | undefined>>): ChildProcess {
  assert.ok(existsSync(host), `${host} is not built`);
  // `node` must be the one that the tests run on.
  const path = `${dirname(process.execPath)}${delimiter}${process.env['PATH'] ?? ''}`;
  return spawnProgram('dotnet', [host, ...args], {
    env: {
      PATH: path,
      TMPDIR: folderOfPipes(),
      NO_COLOR: '1',
      NODE_TEST_CONTEXT: undefined,
      DOTNET_NOLOGO: '1',
      // Nothing runs here for so long that compiling it a second time, better, would pay.
      DOTNET_TC_CallCounting: '0',
      ...env,
    },
  });
}
