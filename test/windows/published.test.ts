import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { skipWithoutWindows, windowsHost } from '../support/windows.ts';

const home = 'C:\\Users\\A B\\bay home';

test('the published files on Windows', { skip: skipWithoutWindows }, async (t) => {
  const host = await windowsHost(t);

  await t.test('the system is Windows, and its Node is of the oldest line that is supported', async () => {
    const { stdout } = await host.node(['-p', 'process.platform + process.versions.node + require("path").sep'], { home });
    assert.match(stdout, /^win3222\.23\.3\\\r?\n$/);
  });

  await t.test('bay tells its version from a folder with a space', async () => {
    const { code, stdout, stderr } = await host.bay(['--version'], { home });
    assert.equal(stderr, '');
    assert.match(stdout, /^Bayplan version \d+\.\d+\.\d+, build (unknown|[0-9a-f]+)\r?\n$/);
    assert.equal(code, 0);
  });

  await t.test('an unknown command is refused with the exit code of the other systems', async () => {
    const { code, stderr } = await host.bay(['no-such-command'], { home });
    assert.match(stderr, /no-such-command/);
    assert.notEqual(code, 0);
  });

  await t.test('a path is the same file with its drive letter and from here', async () => {
    mkdirSync(join(host.drive, 'a folder'));
    writeFileSync(join(host.drive, 'a folder', 'said.txt'), 'from here');
    assert.equal(host.path(join(host.drive, 'a folder', 'said.txt')), 'C:\\a folder\\said.txt');
    const { stdout } = await host.node(['-p', 'require("fs").readFileSync("c:\\\\A FOLDER\\\\SAID.TXT", "utf8")'], { home });
    assert.equal(stdout.trim(), 'from here');
  });
});
