import assert from 'node:assert/strict';
import { test } from 'node:test';

import { makeBase, openHostWithBase, tarOfFiles } from '../../test/support/base-image.ts';
import { readTar } from '../formats/tar/read-tar.ts';
import { once } from '../io/once.ts';
import { copyFromContainer } from './copy-from-container.ts';
import { copyIntoContainer } from './copy-into-container.ts';
import { createContainer } from './create-container.ts';

test('a backslash and a drive are of Windows: in a Linux container they are letters of a name', async (t) => {
  const host = await openHostWithBase(t);
  await createContainer(host, { Image: 'base:1' }, { name: 'one' });
  const names = async (path: string, container = 'one') => {
    const { stat, tar } = await copyFromContainer(host, container, path);
    const inside = await Array.fromAsync(readTar(tar), ({ entry }) => entry.path);
    return `${stat.name} = ${inside.join(' ')}`;
  };
  const files = {
    'a\\x2db': 'unit',
    'C:': 'drive',
    folder: { path: '', type: 'symlink', linkname: 'D:at' },
    'D:at/\\in': 'below',
  } as const;
  await copyIntoContainer(host, 'one', '/etc', once(await tarOfFiles(files)));
  assert.equal(await names('/etc/a\\x2db'), 'a\\x2db = a\\x2db');
  assert.equal(await names('etc/C:'), 'C: = C:');
  assert.equal(await names('/etc/folder/\\in'), '\\in = \\in');
  await assert.rejects(names('/etc/none\\.'), { code: 'not-found', message: 'Could not find the file /etc/none\\. in container one' });

  await makeBase(host.store, {
    name: 'windows:1',
    platform: 'windows/amd64',
    files: { 'Files/': '', 'Files/Users/me': 'm', 'Hives/': '' },
  });
  await createContainer(host, { Image: 'windows:1' }, { name: 'two' });
  assert.equal(await names('c:users', 'two'), 'users = users/ users/me');
  assert.equal(await names('C:\\Users\\me', 'two'), 'me = me');
  assert.equal(await names('C:', 'two'), await names('\\', 'two'));
  assert.equal(await names('C:.', 'two'), await names('C:\\.', 'two'));
});

test('what is mounted below a folder is called as the folder’s own files are, and once: a client puts another name in the place of the first', async (t) => {
  const host = await openHostWithBase(t);
  await createContainer(host, { Image: 'base:1', Volumes: { '/kept': {} } }, { name: 'one' });
  await copyIntoContainer(host, 'one', '/kept', once(await tarOfFiles({ in: 'volume' })));
  const names = async (path: string) => {
    const { tar } = await copyFromContainer(host, 'one', path);
    return (await Array.fromAsync(readTar(tar), ({ entry }) => entry.path)).filter((name) => name.includes('kept')).sort();
  };
  assert.deepEqual(await names('/.'), ['./kept/', './kept/in']);
  assert.deepEqual(await names('.'), ['./kept/', './kept/in']);
  assert.deepEqual(await names('/'), ['/kept/', '/kept/in']);
  assert.deepEqual(await names('/etc/..'), ['/kept/', '/kept/in']);
});

test('a path that ends with .. is called in the tar what it leads to', async (t) => {
  const host = await openHostWithBase(t);
  await createContainer(host, { Image: 'base:1' }, { name: 'one' });
  await copyIntoContainer(host, 'one', '/', once(await tarOfFiles({ 'dir/sub/': '', 'dir/file': 'x' })));
  const { stat, tar } = await copyFromContainer(host, 'one', '/dir/sub/..');
  const inside = await Array.fromAsync(readTar(tar), ({ entry }) => entry.path);
  assert.deepEqual({ name: stat.name, inside }, { name: '..', inside: ['dir/', 'dir/file', 'dir/sub/'] });
});
