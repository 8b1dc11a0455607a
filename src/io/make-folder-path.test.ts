import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { makeFolderPath } from './make-folder-path.ts';

const work = mkdtempSync(join(tmpdir(), 'bayplan-folders-'));
after(() => rmSync(work, { recursive: true, force: true }));

describe('making a folder with those above it', () => {
  test('tells the topmost that it made, and nothing where all are there', () => {
    const top = join(work, 'a');
    assert.equal(makeFolderPath(join(top, 'b', 'c')), top);
    assert.equal(makeFolderPath(join(top, 'b', 'c')), undefined);
    assert.equal(makeFolderPath(join(top, 'b', 'd')), join(top, 'b', 'd'));
  });

  test('gives each that it makes the mode', { skip: process.platform === 'win32' }, () => {
    makeFolderPath(join(work, 'own', 'deep'), 0o700);
    for (const folder of ['own', 'own/deep']) assert.equal(statSync(join(work, folder)).mode & 0o777, 0o700);
  });

  test('refuses where a file has one of the names', () => {
    writeFileSync(join(work, 'file'), '');
    assert.throws(() => makeFolderPath(join(work, 'file')), { code: 'EEXIST' });
    assert.throws(
      () => makeFolderPath(join(work, 'file', 'below')),
      ({ code }: NodeJS.ErrnoException) => ['ENOTDIR', 'EEXIST'].includes(code!),
    );
  });

  test(
    'a folder that the system lets nobody make is an error',
    { skip: process.platform !== 'linux' && 'only Linux has /proc' },
    async () => {
      // In a process of its own: what tries for ever does so in the thread that would end the test.
      const source = `import { makeFolderPath } from ${JSON.stringify(new URL('make-folder-path.ts', import.meta.url).href)}; makeFolderPath('/proc/nobody/here')`;
      const run = promisify(execFile)(process.execPath, ['--input-type=module', '--eval', source], {
        timeout: 20_000,
        killSignal: 'SIGKILL',
      });
      await assert.rejects(run, ({ code, stderr }: { code: number; stderr: string }) => code === 1 && stderr.includes('ENOENT'));
    },
  );

  test('eight processes that make the same folder at once all have it', async () => {
    const start = join(work, 'start');
    mkdirSync(start);
    const source = `import { makeFolderPath } from ${JSON.stringify(new URL('make-folder-path.ts', import.meta.url).href)};
      for (let n = 0; n < 200; n++) makeFolderPath(${JSON.stringify(start)} + '/' + n + '/a/b/c');`;
    await Promise.all(Array.from({ length: 8 }, () => promisify(execFile)(process.execPath, ['--input-type=module', '--eval', source])));
    assert.ok(statSync(join(start, '199', 'a', 'b', 'c')).isDirectory());
  });
});
