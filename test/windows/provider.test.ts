/** Row S1 on Windows: the module goes to both editions of PowerShell. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { skipWithoutWindows, windowsHost } from '../support/windows.ts';

test(
  'the module is installed for PowerShell 7 and for Windows PowerShell, replaced, and removed',
  { skip: skipWithoutWindows },
  async (t) => {
    const host = await windowsHost(t);
    const documents = String.raw`C:\users\root\OneDrive\Dokumente`;
    const env = {
      USERPROFILE: String.raw`C:\users\root`,
      PSModulePath: [
        `${documents}\\PowerShell\\Modules`,
        String.raw`C:\Program Files\PowerShell\Modules`,
        `${documents}\\WindowsPowerShell\\Modules`,
      ].join(';'),
    };
    const run = async (...words: string[]): Promise<string> => {
      const { code, stdout, stderr } = await host.bay(words, { home: 'C:\\Bay home', env });
      assert.equal(code, 0, stderr);
      return stdout + stderr;
    };
    const folders = ['PowerShell', 'WindowsPowerShell'].map((edition) =>
      join(host.drive, 'users', 'root', 'OneDrive', 'Dokumente', edition, 'Modules', 'Bayplan'),
    );
    assert.equal(await run('Install-PackageProvider', 'ContainerProvider', '-Force'), '');
    for (const folder of folders) {
      assert.ok(existsSync(join(folder, 'en-US', 'Bayplan-help.xml')));
      assert.equal(
        readFileSync(join(folder, 'bay.txt'), 'utf8'),
        'C:\\Program Files\\Bayplan\\node.exe\nC:\\Program Files\\Bayplan\\dist\\bay.js\n',
      );
    }
    assert.match(
      await run('Install-PackageProvider', 'ContainerProvider'),
      /is installed already: .*PowerShell\\Modules\\Bayplan, .*WindowsPowerShell\\Modules\\Bayplan/,
    );
    assert.equal(await run('Install-PackageProvider', 'ContainerProvider', '-Force'), '');
    assert.equal(await run('Uninstall-PackageProvider', 'ContainerProvider'), '');
    assert.deepEqual(
      folders.map((folder) => existsSync(folder)),
      [false, false],
    );
  },
);
