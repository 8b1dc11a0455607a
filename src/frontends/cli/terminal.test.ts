import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, mkdtempSync, openSync, readSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { isSystemError } from '../../errors.ts';

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

for (const write of ['terminal.stdout.write', 'terminal.print'])
  test(`a reader that has gone ends the command in silence (${write})`, async () => {
    const child = program(`setInterval(() => ${write}('x'.repeat(65536)), 1).unref(); await aborted(terminal.signal);`);
    await once(child.stdout, 'data');
    child.stdout.destroy();
    const [[code], err] = await Promise.all([once(child, 'close'), text(child.stderr)]);
    assert.deepEqual([code, err], [141, '']);
  });

test('texts and a stream come out whole, in their order', async () => {
  const child = program(`
    for (let at = 0; at < 1000; at++) terminal.print('line ' + at + '\\n' + 'é'.repeat(500));
    await new Promise((done) => terminal.stdout.write('stream\\n', done));
    terminal.print('end\\n');`);
  const expected = Array.from({ length: 1000 }, (_, at) => `line ${at}\n${'é'.repeat(500)}`).join('');
  assert.equal(await text(child.stdout), `${expected}stream\nend\n`);
});

test(
  'a pipe that is full and does not block is waited for',
  { skip: process.platform === 'win32' ? 'Windows has no named pipes in folders' : false, timeout: 20_000 },
  async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'bayplan-terminal-'));
    t.after(() => rmSync(folder, { recursive: true, force: true }));
    const pipe = join(folder, 'pipe');
    execFileSync('mkfifo', [pipe]);
    // Both ends, so that the child's opening does not wait for a reader.
    const fd = openSync(pipe, constants.O_RDWR | constants.O_NONBLOCK);
    // Node makes what a child inherits blocking, so the child puts the pipe in the place of its stdout itself.
    const child = program(`
      const { closeSync, constants, openSync } = await import('node:fs');
      closeSync(1);
      if (openSync(${JSON.stringify(pipe)}, constants.O_WRONLY | constants.O_NONBLOCK) !== 1) throw new Error('not stdout');
      terminal.print('x'.repeat(1e6));
      terminal.print('end');`);
    const ended = once(child, 'close');
    let read = '';
    const block = Buffer.alloc(65536);
    while (!read.endsWith('end')) {
      try {
        read += block.toString('latin1', 0, readSync(fd, block));
      } catch (error) {
        if (!isSystemError(error, 'EAGAIN')) throw error;
        assert.equal(child.exitCode ?? 0, 0);
        await sleep(5);
      }
    }
    closeSync(fd);
    assert.equal(read.length, 1e6 + 3);
    assert.deepEqual(await ended, [0, null]);
  },
);
