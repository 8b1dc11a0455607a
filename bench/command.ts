/**
 * Runs whole commands and says what they cost. CPU is user + system time of the process and all that it waited for, which
 * bash's `time` tells to the millisecond; wall is taken there too, so that nothing of this process is in it.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { openSync, closeSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';

import { processTime } from './process-time.ts';
import { endsWithUs } from './running.ts';

/** A program with its arguments, its first word included. */
export type Command = readonly string[];

export interface Cost {
  /** Seconds from start to end. */
  readonly wall: number;
  /** CPU seconds of the command, and of the daemons that worked for it. */
  readonly cpu: number;
}

export interface RunOptions {
  readonly env: Readonly<Record<string, string>>;
  /** Process ids of daemons whose work in the meantime is this command's. */
  readonly daemons?: readonly number[];
  /** A file for stdout; without one it is thrown away. */
  readonly stdout?: string;
}

const timed = `exec 3>"$1"; shift; TIMEFORMAT='%3U %3S'; begun=$EPOCHREALTIME
{ time "$@" 2>&4 3>&-; } 4>&2 2>&3; code=$?
echo "$begun $EPOCHREALTIME" >&3; exit $code`;

/** @throws Error with what the command said, where it fails */
export async function cost(command: Command, scratch: string, options: RunOptions): Promise<Cost> {
  const times = join(scratch, 'times');
  const before = daemonTime(options);
  await finish(['bash', '-c', timed, 'bash', times, ...command], options);
  const after = daemonTime(options);
  const [user = 0, system = 0, begun = 0, ended = 0] = readFileSync(times, 'utf8').split(/\s+/).map(Number);
  rmSync(times);
  return { wall: ended - begun, cpu: user + system + after - before };
}

/** Runs a command that is not measured. */
export async function run(command: Command, options: RunOptions): Promise<void> {
  await finish(command, options);
}

/** Runs a command and returns what it printed. */
export async function said(command: Command, options: RunOptions): Promise<string> {
  return await ended(start(command, options, 'pipe'), command);
}

/** The largest resident memory of a command, in bytes: its own, not that of children. Linux keeps the mark; it is read until the end. */
export async function peakMemory(command: Command, options: RunOptions): Promise<number> {
  const child = start(command, options, 'ignore');
  let peak = 0;
  const read = () => {
    // Between its end and ours it has no memory any more.
    const mark = /^VmHWM:\s+(\d+) kB/m.exec(statusOf(child.pid))?.[1];
    if (mark !== undefined) peak = Math.max(peak, Number(mark) * 1024);
  };
  const timer = setInterval(read, 5);
  try {
    await ended(child, command);
  } finally {
    clearInterval(timer);
  }
  return peak;
}

function statusOf(pid: number | undefined): string {
  try {
    return readFileSync(`/proc/${pid}/status`, 'utf8');
  } catch {
    // It has ended.
    return '';
  }
}

function daemonTime({ daemons = [] }: RunOptions): number {
  return daemons.reduce((sum, pid) => sum + processTime(pid), 0);
}

async function finish(command: Command, options: RunOptions): Promise<void> {
  if (options.stdout === undefined) {
    await ended(start(command, options, 'ignore'), command);
    return;
  }
  const file = openSync(options.stdout, 'w');
  try {
    await ended(start(command, options, file), command);
  } finally {
    closeSync(file);
  }
}

function start([file = '', ...args]: Command, { env }: RunOptions, stdout: 'ignore' | 'pipe' | number): ChildProcess {
  return endsWithUs(spawn(file, args, { env, stdio: ['ignore', stdout, 'pipe'] }));
}

async function ended(child: ChildProcess, command: Command): Promise<string> {
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout?.on('data', (part: Buffer) => stdout.push(part));
  child.stderr?.on('data', (part: Buffer) => stderr.push(part));
  const code = await new Promise<number | string | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve(code ?? signal));
  });
  if (code !== 0) throw new Error(`${command.join(' ')}: ended with ${code}: ${Buffer.concat(stderr).toString().trim().slice(-400)}`);
  return Buffer.concat(stdout).toString();
}
