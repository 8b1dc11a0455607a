import assert from 'node:assert/strict';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';

import { makeImage, makeIndex, putImage } from '../../test/support/make-image.ts';
import { temporary } from '../../test/support/temporary.ts';
import { copy } from './copy.ts';
import { Directory } from './directory.ts';
import { validate } from './validate.ts';

test('a dir: folder holds one image under the names of its transport', async (t) => {
  const path = join(temporary(t), 'dir');
  const image = await makeImage();
  const folder = await Directory.open(path, { create: true });
  await putImage(folder, image);
  await folder.tag(image.target, 'docker.io/library/app:1');
  assert.deepEqual(
    (await readdir(path)).toSorted(),
    [...[image.config, ...image.layers].map(({ digest }) => digest.slice(7)), 'manifest.json', 'version'].toSorted(),
  );
  assert.equal(await readFile(join(path, 'version'), 'utf8'), 'Directory Transport Version: 1.1\n');
  const again = await Directory.open(path);
  for (const name of ['', image.target.digest, `@${image.target.digest}`]) assert.deepEqual(await again.resolve(name), image.target);
  assert.deepEqual(await validate(again, image.target, { diffIds: true }), []);
  assert.equal(await again.has(image.target), true);
  await assert.rejects(again.resolve('app:1'), { code: 'not-found' });
});

test('of an index every platform has its own manifest beside it, and the next image takes the place of the last', async (t) => {
  const made = await makeIndex([
    { os: 'linux', architecture: 'amd64' },
    { os: 'linux', architecture: 'arm64' },
  ]);
  const folder = await Directory.open(temporary(t), { create: true });
  await putImage(folder, made);
  await folder.tag(made.target, '');
  assert.deepEqual(await folder.resolve(''), made.target);
  for (const { target } of made.images) assert.deepEqual(await folder.resolve(target.digest), target);
  assert.equal((await readdir(folder.path)).filter((name) => name.endsWith('.manifest.json')).length, 2);

  const to = await Directory.open(join(temporary(t), 'to'), { create: true });
  await copy(folder, made.target, to);
  await to.tag(made.target, '');
  assert.deepEqual(await validate(to, made.target), []);

  const other = await makeImage({ layers: ['other'] });
  await writeFile(join(to.path, 'mine.txt'), 'of the user');
  await putImage(to, other);
  await to.tag(other.target, '');
  assert.deepEqual(
    (await readdir(to.path)).toSorted(),
    [other.config.digest.slice(7), other.layers[0]?.digest.slice(7), 'manifest.json', 'mine.txt', 'version'].toSorted(),
  );
});

test('an image that is not whole is not taken, and a folder of other files is not written to', async (t) => {
  const image = await makeImage();
  const folder = await Directory.open(temporary(t), { create: true });
  await assert.rejects(
    putImage(folder, image, ({ digest }) => digest === image.layers[0]?.digest),
    { code: 'incomplete' },
  );
  await assert.rejects(folder.tag(image.target, ''), { code: 'incomplete' });
  const other = temporary(t);
  await writeFile(join(other, 'file'), '');
  await assert.rejects(Directory.open(other, { create: true }), { code: 'conflict' });
  await assert.rejects(Directory.open(join(other, 'none')), { code: 'not-found' });
});
