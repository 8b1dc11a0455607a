import assert from 'node:assert/strict';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { tarOfFiles, type Files } from '../../test/support/base-image.ts';
import { temporary } from '../../test/support/temporary.ts';
import { readTar } from '../formats/tar/read-tar.ts';
import { writeTar } from '../formats/tar/write-tar.ts';
import { once } from '../io/once.ts';
import { fillFolder, folderMembers, folderSize } from './host-folder.ts';

const skip = process.platform === 'win32' && 'modes and links are Unix’s';
const fill = async (folder: string, files: Files, options = {}) => fillFolder(folder, readTar(once(await tarOfFiles(files))), options);

test('a folder goes through a tar and comes back: modes, times, links', { skip }, async (t) => {
  const [from, to] = [temporary(t), temporary(t)];
  mkdirSync(join(from, 'dir'));
  writeFileSync(join(from, 'dir', 'file'), 'text');
  chmodSync(join(from, 'dir', 'file'), 0o640);
  // Before 1970, for which Node takes digits alone.
  utimesSync(join(from, 'dir', 'file'), '-86400', '-86400');
  symlinkSync('dir/file', join(from, 'link'));
  chmodSync(join(from, 'dir'), 0o500);
  await fillFolder(to, readTar(writeTar(folderMembers(from, '.'))));
  assert.equal(readFileSync(join(to, 'dir', 'file'), 'utf8'), 'text');
  assert.equal(statSync(join(to, 'dir', 'file')).mode & 0o777, 0o640);
  assert.equal(statSync(join(to, 'dir')).mode & 0o777, 0o500);
  assert.equal(readlinkSync(join(to, 'link')), 'dir/file');
  assert.equal(statSync(join(to, 'dir', 'file')).mtimeMs, -86_400_000);
  assert.equal(Math.trunc(statSync(join(to, 'dir')).mtimeMs), Math.trunc(statSync(join(from, 'dir')).mtimeMs));
  assert.equal(await folderSize(to), 4);
  chmodSync(join(from, 'dir'), 0o700);
  chmodSync(join(to, 'dir'), 0o700);
});

test('no member leads out: not by its name, not by a link of the same tar, not by one that was there', { skip }, async (t) => {
  const outside = temporary(t, 'outside');
  const attempts: Files[] = [
    { '../x': 'x' },
    { 'a/../../x': 'x' },
    { out: { path: '', type: 'symlink', linkname: outside }, 'out/x': 'x' },
    { out: { path: '', type: 'symlink', linkname: outside }, y: { path: '', type: 'hard-link', linkname: 'out/secret' } },
    { y: { path: '', type: 'hard-link', linkname: '../secret' } },
    { y: { path: '', type: 'hard-link', linkname: 'nothing' } },
    { 'there/x': 'x' },
  ];
  writeFileSync(join(outside, 'secret'), 'secret');
  for (const files of attempts) {
    const folder = temporary(t, 'fill');
    symlinkSync(outside, join(folder, 'there'));
    await assert.rejects(fill(folder, files), { code: 'invalid-content' }, JSON.stringify(files));
    assert.deepEqual(readdirSync(outside), ['secret']);
    assert.equal(readFileSync(join(outside, 'secret'), 'utf8'), 'secret');
  }
  const folder = temporary(t, 'fill');
  symlinkSync(join(outside, 'secret'), join(folder, 'file'));
  await fill(folder, { file: 'mine' });
  assert.equal(readFileSync(join(outside, 'secret'), 'utf8'), 'secret', 'a link is replaced, not written through');
  assert.equal(lstatSync(join(folder, 'file')).isFile(), true);
  await fill(folder, { '/abs/file': 'x' });
  assert.equal(existsSync(join(folder, 'abs', 'file')), true, 'an absolute name is below the folder');
});

test('a file in the place of a folder, or a folder in that of a file, only where that is allowed', async (t) => {
  const folder = temporary(t);
  await fill(folder, { 'dir/': '', 'dir/in': 'x', file: 'x' });
  const noOverwriteDirNonDir = true;
  await assert.rejects(fill(folder, { dir: 'x' }, { noOverwriteDirNonDir }), {
    message: `cannot overwrite directory "dir" with non-directory ${JSON.stringify(folder)}`,
  });
  await assert.rejects(fill(folder, { 'file/': '' }, { noOverwriteDirNonDir }), {
    message: `cannot overwrite non-directory "file" with directory ${JSON.stringify(folder)}`,
  });
  await fill(folder, { dir: 'now a file', 'file/': '' });
  assert.equal(readFileSync(join(folder, 'dir'), 'utf8'), 'now a file');
  assert.equal(statSync(join(folder, 'file')).isDirectory(), true);
});

test('devices and pipes are left out, and that is told', { skip }, async (t) => {
  const folder = temporary(t, 'fill');
  const files: Files = {
    'dev/': '',
    'dev/null': { path: '', type: 'character-device', devmajor: 1, devminor: 3 },
    'dev/pipe': { path: '', type: 'fifo' },
    file: 'text',
  };
  assert.deepEqual(await fill(folder, files), { count: 2, first: 'dev/null' });
  assert.deepEqual(readdirSync(folder, { recursive: true }).toSorted(), ['dev', 'file']);
  assert.deepEqual(await fill(folder, { other: 'text' }), { count: 0, first: '' });
});
