import { performance } from 'node:perf_hooks';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** How often it is looked whether there is nothing to do, in milliseconds. */
const interval = 10_000;
/** The share of the time in which a process that only waits may be busy: with this very work, for one thing. */
const idleShare = 0.01;
/** So many idle intervals first: such a collection also throws compiled code away, and whoever asks again soon would wait for it. */
const patience = 2;
/** The garbage of one collection's own making, and pages that V8 keeps for the next time, need several. */
const collections = 4;

/**
 * Gives the memory that work has left behind back to the system once the process has been idle for a while: V8 by itself collects when it needs more, so that a server that
 * nobody asks anything would stay as large as it was in its busiest moment.
 * @returns what ends it
 */
export function giveBackMemory(): () => void {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as (options: { type: 'major'; flavor: 'last-resort' }) => void;
  let before = performance.eventLoopUtilization();
  let due = collections + patience;
  const timer = setInterval(() => {
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, before);
    before = now;
    if (utilization > idleShare) due = collections + patience;
    else if (due > 0 && --due < collections) {
      collect({ type: 'major', flavor: 'last-resort' });
    }
  }, interval);
  timer.unref();
  return () => clearInterval(timer);
}
