/** Row S1 on any command line: the module goes where PowerShell finds it, and goes away again. */
import assert from 'node:assert/strict';
import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test, type TestContext } from 'node:test';

import { bay, bayFile } from '../support/bay.ts';
import { powershellModule } from '../support/powershell.ts';
import type { Ended } from '../support/program.ts';
import { temporary } from '../support/temporary.ts';

const windows = process.platform === 'win32' && 'the folders of Windows are those of the user who runs the tests';

function place(t: TestContext): { readonly folder: string; run(...words: string[]): Promise<Ended> } {
  const home = temporary(t);
  const data = join(home, 'data');
  return { folder: join(data, 'powershell', 'Modules', 'Bayplan'), run: (...words) => bay(words, { home, env: { XDG_DATA_HOME: data } }) };
}

const files = (folder: string): readonly string[] => readdirSync(folder, { recursive: true, encoding: 'utf8' }).toSorted();

test('it is installed with the name of its own bay, silently, and removed on request', { skip: windows }, async (t) => {
  const { folder, run } = place(t);
  assert.deepEqual(await run('Install-PackageProvider', 'ContainerProvider', '-Force'), { code: 0, stdout: '', stderr: '' });
  assert.deepEqual(files(folder), [...files(dirname(powershellModule)), 'bay.txt'].toSorted());
  assert.equal(readFileSync(join(folder, 'bay.txt'), 'utf8'), `${process.execPath}\n${realpathSync(bayFile)}\n`);
  assert.deepEqual(await run('Uninstall-PackageProvider', 'containerprovider'), { code: 0, stdout: '', stderr: '' });
  assert.equal(existsSync(folder), false);
  const again = await run('Uninstall-PackageProvider', 'ContainerProvider');
  assert.equal(again.code, 1);
  assert.match(again.stderr, /is not installed in .*\n[^]*UnknownProvider/);
});

test('it says so where it is installed already, and mends what was changed', { skip: windows }, async (t) => {
  const { folder, run } = place(t);
  const install = () => run('install-packageprovider', '-Name', 'ContainerProvider');
  assert.equal((await install()).code, 0);
  const { code, stdout, stderr } = await install();
  assert.equal(code, 0);
  assert.match(stdout + stderr, /The package provider 'ContainerProvider' is installed already: .*Bayplan\. -Force installs it again\./);
  appendFileSync(join(folder, 'Bayplan.psm1'), '\n# changed\n');
  writeFileSync(join(folder, 'left-over.txt'), 'of an older version');
  assert.equal((await install()).code, 0);
  assert.deepEqual(files(folder), [...files(dirname(powershellModule)), 'bay.txt'].toSorted());
  assert.deepEqual(readFileSync(join(folder, 'Bayplan.psm1')), readFileSync(join(dirname(powershellModule), 'Bayplan.psm1')));
  assert.deepEqual(readdirSync(dirname(folder)), ['Bayplan']);
});

test('a folder of that name that is somebody else’s is left alone, and so is everything under -WhatIf', { skip: windows }, async (t) => {
  const { folder, run } = place(t);
  const asked = await run('Install-PackageProvider', 'ContainerProvider', '-WhatIf');
  assert.match(asked.stderr, /^What if: Performing the operation "Install Package Provider"/);
  assert.equal(existsSync(folder), false);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'Bayplan.psm1'), 'not ours');
  for (const verb of ['Install', 'Uninstall']) {
    const refused = await run(`${verb}-PackageProvider`, 'ContainerProvider');
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /is there and was not installed by bay/);
  }
  assert.equal(readFileSync(join(folder, 'Bayplan.psm1'), 'utf8'), 'not ours');
});

test('other providers are refused in PackageManagement’s words', async (t) => {
  const { run } = place(t);
  const other = await run('Install-PackageProvider', 'NuGet');
  assert.match(other.stderr, /^Install-PackageProvider : No match was found for the specified search criteria for the provider 'NuGet'\./);
  const pattern = await run('Install-PackageProvider', 'Container*');
  assert.match(pattern.stderr, /^Install-PackageProvider : The specified name 'Container\*' should not contain any wildcard characters/);
  assert.deepEqual([other.code, pattern.code], [1, 1]);
});
