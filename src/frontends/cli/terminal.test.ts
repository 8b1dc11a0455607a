import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';

/** Starts a program that runs `run` on its own terminal, with a `serve` that does what `body` says. */
function program(body: string) {
  const file = (name: string) => JSON.stringify(pathToFileURL(join(import.meta.dirname, name)).href);
  const source = `
    import { processTerminal } from ${file('terminal.ts')};
    import { run } from ${file('run.ts')};
    const aborted = (signal) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    const alive = setInterval(() => {}, 1000);
    process.exitCode = await run(['serve'], processTerminal(), { serve: async (options, terminal) => { ${body} } });
    clearInterval(alive);`;
  return spawn(process.execPath, ['--input-type=module', '-e', source], { stdio: 'pipe' });
}

test(
  'Ctrl-C aborts the command, which ends with 130',
  { skip: process.platform === 'win32' ? 'Windows has no signals to send' : false, timeout: 20_000 },
  async () => {
    for (const [signal, expected] of [
      ['SIGINT', 130],
      ['SIGTERM', 143],
    ] as const) {
      const child = program(`terminal.stdout.write('ready'); await aborted(terminal.signal);`);
      await once(child.stdout, 'data');
      child.kill(signal);
      const [[code], err] = await Promise.all([once(child, 'close'), text(child.stderr)]);
      assert.deepEqual([code, err], [expected, 'Error: canceled\n']);
    }
  },
);

test(
  'a second Ctrl-C ends a command that does not listen',
  { skip: process.platform === 'win32' ? 'Windows has no signals to send' : false, timeout: 20_000 },
  async () => {
    const child = program(
      `terminal.signal.addEventListener('abort', () => terminal.stdout.write('aborted')); terminal.stdout.write('ready'); await new Promise(() => {});`,
    );
    await once(child.stdout, 'data');
    child.kill('SIGINT');
    await once(child.stdout, 'data');
    // What comes at once is the same Ctrl-C, passed on by a script in between.
    child.kill('SIGINT');
    await sleep(1100);
    assert.equal(child.exitCode, null);
    child.kill('SIGINT');
    assert.deepEqual(await once(child, 'close'), [130, null]);
  },
);

test('a reader that has gone ends the command in silence', async () => {
  const child = program(`setInterval(() => terminal.stdout.write('x'.repeat(65536)), 1).unref(); await aborted(terminal.signal);`);
  await once(child.stdout, 'data');
  child.stdout.destroy();
  const [[code], err] = await Promise.all([once(child, 'close'), text(child.stderr)]);
  assert.deepEqual([code, err], [141, '']);
});
