import { equal, ok } from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';

/** A process of its own that leaves 64 MB of garbage, and then is idle through so many intervals. What it prints: MB of its heap before and after. */
function heapThrough(intervals: number): readonly number[] {
  const program = `
    import { mock } from 'node:test';
    import { setTimeout as wait } from 'node:timers/promises';
    import { giveBackMemory } from ${JSON.stringify(new URL('give-back-memory.ts', import.meta.url).href)};
    mock.timers.enable({ apis: ['setInterval'] });
    giveBackMemory();
    let garbage = Array.from({ length: 8 }, () => new Array(1 << 20).fill(0));
    const before = process.memoryUsage().heapTotal;
    garbage = undefined;
    mock.timers.tick(10_000);
    for (let at = 0; at < ${intervals}; at++) {
      await wait(400);
      mock.timers.tick(10_000);
    }
    console.log(JSON.stringify([before, process.memoryUsage().heapTotal].map((bytes) => bytes / 1e6)));
  `;
  return JSON.parse(
    execFileSync(process.execPath, ['--no-warnings', '--input-type=module', '-e', program], { encoding: 'utf8' }),
  ) as number[];
}

test('a process that has been idle for a while gives back what its work has left', () => {
  const [before = 0, after = 0] = heapThrough(8);
  ok(before > 64, `${before} MB`);
  ok(after < 32, `${after} MB`);
});

test('a process that only pauses keeps its compiled code and its memory', () => {
  const [before, after] = heapThrough(1);
  equal(Math.round((after ?? 0) / 32), Math.round((before ?? 0) / 32));
});
