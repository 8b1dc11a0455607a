import assert from 'node:assert/strict';
import { test } from 'node:test';
import { peer } from '../../test/support/peers.ts';
import { readTar } from '../formats/tar/read-tar.ts';
import { type WindowsFile, checkWindowsPath, windowsBaseLayer } from './windows.ts';

const files: readonly WindowsFile[] = [
  { path: 'Hives/System_Base', content: 'regf' },
  { path: 'Files/Windows/System32/cmd.exe', content: 'MZ', creationTime: { seconds: 1_600_000_000, nanoseconds: 100 } },
  { path: 'Files/Windows', attributes: 4 },
  { path: 'Files/Windows-old', content: '' },
  { path: 'UtilityVM/Files/EFI', attributes: 2 },
];

test('a base layer has its roots, the folders on the way, and what NTFS knows in PAX records', async () => {
  const found = await Array.fromAsync(readTar(windowsBaseLayer(files)), async ({ entry, body }) => ({
    entry,
    text: Buffer.concat(await Array.fromAsync(body)).toString(),
  }));
  const record = (keyword: string) => found.map(({ entry }) => entry.pax.get(keyword));
  assert.deepEqual(
    found.map(({ entry, text }) => [entry.path, entry.type, entry.mode.toString(8), text]),
    [
      ['Files', 'directory', '40755', ''],
      ['Files/Windows', 'directory', '40755', ''],
      ['Files/Windows/System32', 'directory', '40755', ''],
      ['Files/Windows/System32/cmd.exe', 'file', '100644', 'MZ'],
      ['Files/Windows-old', 'file', '100644', ''],
      ['Hives', 'directory', '40755', ''],
      ['Hives/System_Base', 'file', '100644', 'regf'],
      ['UtilityVM', 'directory', '40755', ''],
      ['UtilityVM/Files', 'directory', '40755', ''],
      ['UtilityVM/Files/EFI', 'directory', '40755', ''],
    ],
  );
  assert.deepEqual(record('MSWINDOWS.fileattr'), ['16', '20', '16', '32', '32', '16', '32', '16', '16', '18']);
  assert.equal(new Set(record('MSWINDOWS.rawsd')).size, 2);
  assert.deepEqual(record('LIBARCHIVE.creationtime')[3], '1600000000.0000001');
  assert.deepEqual(found[3]!.entry.mtime, { seconds: 1_600_000_000, nanoseconds: 100 });
});

test('the same tree is the same bytes, whatever order it comes in', async () => {
  const one = Buffer.concat(await windowsBaseLayer(files).toArray());
  assert.deepEqual(Buffer.concat(await windowsBaseLayer([...files].reverse()).toArray()), one);
});

const tar = peer('tar');
test('tar lists it', { skip: tar.skip }, async () => {
  const { stdout } = await tar.run(['-tf', '-', '--warning=no-unknown-keyword'], {
    input: Buffer.concat(await windowsBaseLayer(files).toArray()),
  });
  assert.deepEqual(stdout.trim().split('\n').slice(0, 2), ['Files', 'Files/Windows']);
});

test('a path that no Windows layer can have is refused', () => {
  for (const path of ['Files', 'Files/a b.txt', 'Hives/Sam_Base', 'UtilityVM', 'UtilityVM/Files/x', 'Files/größe', 'Files/\u007f\u0085'])
    checkWindowsPath(path);
  for (const path of [
    '',
    '/Files/x',
    'Files/',
    'Windows/x',
    'files/x',
    'UtilityVM/Windows',
    'Files/../x',
    'Files/./x',
    'Files//x',
    'Files/a:stream',
    'Files/a\\b',
    'Files/a?',
    'Files/a.',
    'Files/a ',
    'Files/a\0',
    'Files/a\u001f',
    `Files/${'x'.repeat(256)}`,
  ]) {
    assert.throws(() => checkWindowsPath(path), { code: 'invalid-argument' }, path);
  }
});

test('two files of one name, by Windows’ rule that case does not count, and a file that is a folder too are refused', () => {
  for (const twice of [
    [
      { path: 'Files/a', content: '1' },
      { path: 'Files/A', content: '2' },
    ],
    [
      { path: 'Files/a', content: '1' },
      { path: 'Files/a/b', content: '2' },
    ],
    [
      { path: 'Files/a/b', content: '1' },
      { path: 'Files/A', content: '2' },
    ],
    [{ path: 'Files/a', attributes: 2 }, { path: 'Files/a' }],
  ]) {
    assert.throws(() => windowsBaseLayer(twice), { code: 'invalid-argument' }, JSON.stringify(twice));
  }
});
