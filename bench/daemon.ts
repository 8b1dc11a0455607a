import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as wait } from 'node:timers/promises';

import type { Command, RunOptions } from './command.ts';
import { endsWithUs } from './running.ts';

export interface Daemon {
  readonly pid: number;
  readonly child: ChildProcess;
  /** Asks it to end, and waits until it has. */
  end(): Promise<void>;
}

/** Starts a server and waits until `ready` no longer throws. @throws Error with what it said, where it ends before that or takes a minute */
export async function startDaemon(
  [file = '', ...args]: Command,
  { env }: RunOptions,
  ready: (said: () => string) => Promise<void>,
): Promise<Daemon> {
  const child = endsWithUs(spawn(file, args, { env, stdio: ['ignore', 'pipe', 'pipe'] }));
  let text = '';
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (part: Buffer) => {
      text = (text + part.toString()).slice(-8000);
    });
  const exited = once(child, 'exit');
  const end = async () => {
    child.kill('SIGTERM');
    await exited;
  };
  for (let tries = 0; ; tries++) {
    try {
      if (child.exitCode !== null || child.pid === undefined) throw new Error('it has ended');
      await ready(() => text);
      return { pid: child.pid, child, end };
    } catch (error) {
      if (child.exitCode === null && child.pid !== undefined && tries < 600) {
        await wait(100);
        continue;
      }
      if (child.exitCode === null) await end();
      throw new Error(`${file} ${args.join(' ')} did not start: ${text.trim().slice(-800)}`, { cause: error });
    }
  }
}
