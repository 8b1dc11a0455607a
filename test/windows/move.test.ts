import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { OciFolder } from '../../src/content/oci-folder.ts';
import { makeImage, putImage } from '../support/make-image.ts';
import { skipWithoutWindows } from '../support/windows.ts';
import { windowsGround } from './ground.ts';

test('the store moves on Windows, while a server has it open and answers from it', { skip: skipWithoutWindows }, async (t) => {
  const { host, home, store, ok, refused, serving } = await windowsGround(t);
  const files = join(host.drive, 'files');
  mkdirSync(files);
  const image = await makeImage();
  const folder = await OciFolder.open(join(files, 'layout'), { create: true });
  await putImage(folder, image);
  await folder.tag(image.target, 'made:0');
  await ok(['copy', '-q', 'oci:C:\\files\\layout:made:0', 'made:0']);
  await ok(['create', '--platform', 'linux/amd64', '--name', 'box', '-v', 'data:/mnt', 'made:0', 'x']);
  const [there, back] = ['C:\\Other place\\images', `${home}\\store`];
  const elsewhere = join(host.drive, 'Other place', 'images');

  await serving(async (address) => {
    const answers = async (tag: string) => {
      const answer = await fetch(`http://${address}/v2/made/manifests/${tag}`);
      assert.equal(answer.status, 200, tag);
      await answer.arrayBuffer();
    };
    await answers('0');
    assert.match(await ok(['store', 'move', there]), /^Moved the store from .* to C:\\Other place\\images\r?\n$/);
    assert.ok(existsSync(join(elsewhere, 'oci-layout')));
    assert.ok(!existsSync(store), 'the old folder has gone');
    await ok(['tag', 'made:0', 'made:1']);
    await answers('1');
    assert.match((await refused(['store', 'move', there])).stderr, /the path exists already/);
    assert.match((await refused(['store', 'move', `${there}\\INSIDE`])).stderr, /it lies in the store itself/);
    assert.match((await refused(['store', 'move', '\\\\server\\share\\images'])).stderr, /network file system/);
    assert.match((await refused(['store', 'move', 'C:\\nul\\images'])).stderr, /a device on Windows/);
    await ok(['store', 'move', '-q', back]);
    await ok(['tag', 'made:0', 'made:2']);
    await answers('2');
  });
  assert.deepEqual(readdirSync(join(host.drive, 'Other place')), []);
  assert.deepEqual(
    readdirSync(join(store, 'bay')).filter((name) => name.startsWith('move.json')),
    [],
  );
  assert.equal((await ok(['images', '-q', 'made'])).trim().split(/\s+/).length, 3);
  assert.match(await ok(['volume', 'ls', '-q']), /data/);
  assert.match(await ok(['ps', '-a']), /made:0/);
});
