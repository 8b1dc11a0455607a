import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { after, test } from 'node:test';

import { findProgram } from './find-program.ts';

const root = mkdtempSync(join(tmpdir(), 'bayplan-find-program-'));
after(() => rmSync(root, { recursive: true, force: true }));
const [one, two] = [join(root, 'one'), join(root, 'two')] as const;
mkdirSync(join(one, 'folder.exe'), { recursive: true });
mkdirSync(two);
for (const file of [join(one, 'helper.cmd'), join(two, 'helper.exe'), join(two, 'helper.cmd'), join(two, 'folder.exe')])
  writeFileSync(file, '');

test('the first folder of PATH that has the program counts, and in it the first ending of PATHEXT', async () => {
  assert.equal(await findProgram('helper', { Path: [one, two].join(delimiter), PATHEXT: '.COM;.EXE;.CMD' }), join(one, 'helper.cmd'));
  assert.equal(await findProgram('helper', { PATH: `"${two}"${delimiter}${one}`, PathExt: '.COM;.EXE;.CMD' }), join(two, 'helper.exe'));
  assert.equal(await findProgram('helper', { PATH: two, PATHEXT: '.CMD' }), join(two, 'helper.cmd'));
  assert.equal(await findProgram('folder', { PATH: [one, two].join(delimiter) }), join(two, 'folder.exe'));
});

test('the working folder is not looked into, nor any folder that hangs on it', async (t) => {
  const before = process.cwd();
  t.after(() => process.chdir(before));
  process.chdir(two);
  assert.equal(await findProgram('helper', { PATH: ['', '.', join('..', 'two'), join(root, 'none')].join(delimiter) }), undefined);
});
