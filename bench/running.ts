import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';

const running = new Set<ChildProcess>();

/** What is running ends with us, however we end. */
export function endsWithUs(child: ChildProcess): ChildProcess {
  running.add(child);
  child.once('exit', () => running.delete(child));
  return child;
}

/** From now on, whatever ends this process first ends what it has started, and waits for it: dockerd ends its containerd only when it is asked. */
export function endTogether(): void {
  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const)
    process.on(signal, () => process.exit(code));
  process.on('exit', () => {
    for (const child of running) child.kill('SIGTERM');
    const pause = new Int32Array(new SharedArrayBuffer(4));
    for (let waits = 0; waits < 100 && [...running].some(isAlive); waits++) Atomics.wait(pause, 0, 0, 50);
    for (const child of running) child.kill('SIGKILL');
  });
}

/** Nobody takes leave of the dead while we wait, so they are still there, as zombies. */
function isAlive({ pid }: ChildProcess): boolean {
  try {
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}
