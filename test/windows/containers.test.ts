/** Containers on Windows, by the published command: of Linux and of Windows images, files in and out, volumes, a commit that this system reads. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { Image } from '../../src/content/image.ts';
import { ImageStore } from '../../src/store/image-store.ts';
import { tarOfFiles } from '../support/base-image.ts';
import { skipWithoutWindows } from '../support/windows.ts';
import { windowsGround } from './ground.ts';

test('containers on Windows', { skip: skipWithoutWindows }, async (t) => {
  const { host, ok, refused, store } = await windowsGround(t);
  const work = join(host.drive, 'work');
  mkdirSync(join(work, 'folder', 'sub'), { recursive: true });
  writeFileSync(join(work, 'folder', 'file.txt'), 'from Windows\r\n');
  const linux = {
    'etc/': '',
    'etc/motd': 'hello\n',
    'etc/odd name. ': 'no name for NTFS\n',
    'etc/MOTD': 'another file\n',
    'dev/': '',
    'dev/null': { path: '', type: 'character-device', devmajor: 1, devminor: 3, mode: 0o666 },
    'data/': '',
    'data/file': 'of the image\n',
    link: { path: '', type: 'symlink', linkname: '/etc/motd' },
    owned: { path: '', uid: 1234, gid: 5678, mode: 0o4755 },
  } as const;
  writeFileSync(join(work, 'linux.tar'), await tarOfFiles(linux));
  const windows = {
    'Files/': '',
    'Files/Users/': '',
    'Files/Windows/': '',
    'Files/Windows/win.ini': '[x]\n',
    'Hives/': '',
    'Hives/System_Base': 'hive',
  };
  writeFileSync(join(work, 'windows.tar'), await tarOfFiles(windows));

  await t.test('a Linux image’s container keeps what no NTFS could: devices, owners, names, case', async () => {
    await ok(['import', '--platform', 'linux/amd64', '-c', 'CMD ["sh"]', '-c', 'VOLUME /data', 'C:\\work\\linux.tar', 'linux:1']);
    await ok(['create', '--platform', 'linux/amd64', '--name', 'lin', 'linux:1']);
    await ok(['cp', 'C:\\work\\folder', 'lin:/etc']);
    await ok(['cp', 'C:\\work\\folder\\file.txt', 'lin:/etc/motd']);
    assert.deepEqual((await ok(['diff', 'lin'])).split(/\r?\n/), [
      'C /etc',
      'A /etc/folder',
      'A /etc/folder/file.txt',
      'A /etc/folder/sub',
      'C /etc/motd',
      '',
    ]);
    await ok(['cp', 'lin:/etc/folder', 'C:\\work\\out']);
    assert.equal(readFileSync(join(work, 'out', 'file.txt'), 'utf8'), 'from Windows\r\n');
    assert.match((await refused(['cp', 'lin:/etc', 'C:\\work\\odd'])).stderr, /odd name/);
    await ok(['commit', 'lin', 'linux:2']);
    await ok(['export', '-o', 'C:\\work\\exported.tar', 'lin']);
  });

  await t.test('a volume is a folder of the host, and goes with its container', async () => {
    const [volume = ''] = (await ok(['volume', 'ls', '-q'])).trim().split(/\s+/);
    assert.match(volume, /^[0-9a-f]{64}$/);
    await ok(['cp', 'C:\\work\\folder\\file.txt', 'lin:/data/in.txt']);
    const folder = join(store, 'bay', 'volumes', volume, '_data');
    assert.deepEqual(readdirSync(folder).toSorted(), ['file', 'in.txt']);
    await ok(['rm', '-v', 'lin']);
    assert.equal(existsSync(folder), false);
    assert.equal((await ok(['ps', '-aq'])).trim(), '');
  });

  await t.test('a Windows image’s container is seen through its drive', async () => {
    await ok(['import', '--platform', 'windows/amd64:10.0.20348.1', '-c', 'CMD ["cmd"]', 'C:\\work\\windows.tar', 'win:1']);
    await ok(['create', '--platform', 'windows/amd64', '--name', 'win', '-v', 'C:\\work\\folder:C:\\mounted', 'win:1']);
    await ok(['cp', 'C:\\work\\folder\\file.txt', 'win:c:\\users\\Public.txt']);
    await ok(['cp', 'C:\\work\\folder\\file.txt', 'win:C:\\mounted\\copied.txt']);
    assert.equal(readFileSync(join(work, 'folder', 'copied.txt'), 'utf8'), 'from Windows\r\n');
    assert.deepEqual((await ok(['diff', 'win'])).split(/\r?\n/), ['C /Users', 'A /Users/Public.txt', '']);
    await ok(['cp', 'win:C:\\WINDOWS\\WIN.INI', 'C:\\work\\got.ini']);
    assert.equal(readFileSync(join(work, 'got.ini'), 'utf8'), '[x]\n');
    await ok(['commit', 'win', 'win:2']);
    await ok(['rename', 'win', 'renamed']);
    await ok(['container', 'prune', '-f']);
    assert.equal((await ok(['ps', '-aq'])).trim(), '');
  });

  await t.test('this system reads what was committed there, and finds nothing wrong', async () => {
    await using here = await ImageStore.open(store);
    for (const name of ['linux:2', 'win:2']) {
      const { target } = await here.find(name);
      assert.equal((await Image.open(here, target)).layers.length, 2, name);
    }
    assert.deepEqual(await here.check(), []);
    assert.deepEqual(readdirSync(join(store, 'bay', 'containers')), []);
  });
});
