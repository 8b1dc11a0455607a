/** A process that works on a store, says on stdout what it has been told is done, a line for each act, and is killed in the middle. */
import { setTimeout as wait } from 'node:timers/promises';

import { spawnProgram } from './program.ts';

export interface Worker<Act> {
  /** So far. */
  readonly said: readonly Act[];
  /** `killed`, or `done` where it came to its end. Rejects with its complaint where it failed. */
  readonly ended: Promise<'killed' | 'done'>;
  /** Kills it by chance within `most` ms, but not before it has said `least` things. */
  killSoon(least: number, most: number): Promise<void>;
}

/** @param read what a line says */
export function startWorker<Act>(script: string, args: readonly string[], read: (line: string) => Act): Worker<Act> {
  const child = spawnProgram(process.execPath, [script, ...args]);
  const said: Act[] = [];
  let text = '';
  let complaint = '';
  child.stdout?.setEncoding('utf8').on('data', (part: string) => {
    const lines = (text + part).split('\n');
    text = lines.pop() ?? '';
    said.push(...lines.map(read));
  });
  child.stderr?.setEncoding('utf8').on('data', (part: string) => (complaint += part));
  let isOver = false;
  const ended = new Promise<'killed' | 'done'>((resolve, reject) =>
    child.on('close', (code, signal) => {
      isOver = true;
      if (signal === 'SIGKILL' || (process.platform === 'win32' && code === 1 && complaint === '')) resolve('killed');
      else if (code === 0) resolve('done');
      else reject(new Error(`the worker ended by itself (${code}): ${complaint}`));
    }),
  );
  return {
    said,
    ended,
    async killSoon(least, most) {
      // On a busy machine a start alone takes seconds.
      for (const until = Date.now() + 30_000; said.length < least && !isOver && Date.now() < until;) await wait(10);
      await wait(Math.random() * most);
      child.kill('SIGKILL');
      await ended;
    },
  };
}
