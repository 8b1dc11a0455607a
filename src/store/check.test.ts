import assert from 'node:assert/strict';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { makeImage, putImage } from '../../test/support/make-image.ts';
import { openStore, storeFolder } from '../../test/support/open-store.ts';
import { mediaTypes } from '../model/media-types.ts';

test('a sweep that comes to nothing puts the files back', async (t) => {
  const armed = { rows: false };
  const store = await openStore(t, storeFolder(t), {
    at: (point) => {
      if (armed.rows && point === 'rows') throw new Error('no room for the commit');
    },
  });
  {
    await using ingest = await store.begin();
    await ingest.add(mediaTypes.bytes, Buffer.from('nobody needs it'));
  }
  armed.rows = true;
  await assert.rejects(store.sweep(), /no room for the commit/);
  armed.rows = false;
  assert.deepEqual(await store.check(), []);
  assert.equal((await store.sweep()).blobs.length, 1);
});

test('a check tells of volumes and laid-out layers whose folders are gone, and of folders that belong to nobody', async (t) => {
  const store = await openStore(t);
  const image = await makeImage({ layers: ['base'] });
  {
    await using ingest = await store.begin();
    await putImage(ingest, image);
    await ingest.tag(image.target, 'app');
  }
  const [diffId] = (await store.image(image.target.digest))?.platforms[0]?.diffIds ?? [];
  assert.ok(diffId);
  const layTree = async () => {
    await using draft = await store.draftFolder('tree');
    writeFileSync(join(draft.path, 'pack'), 'x');
    return await store.addTree(diffId, draft, 1);
  };
  const tree = await layTree();
  const volume = await store.addVolume({ name: 'data', document: {} }, { action: 'create' });
  assert.deepEqual(await store.check(), []);

  for (const path of [tree, volume.mountpoint]) rmSync(path, { recursive: true });
  const stray = join(store.path, 'bay', 'containers', 'a'.repeat(64));
  mkdirSync(stray);
  assert.deepEqual(
    (await store.check()).map(({ kind, file }) => [kind, file]),
    [
      ['missing', tree],
      ['missing', volume.mountpoint],
      ['record', stray],
    ],
  );
  // The layer is laid out again when it is needed; what was changed in a container nobody knows of is its user's; of the volume's files nothing is left to find.
  assert.equal(await store.tree(diffId), undefined);
  await layTree();
  await store.sweep();
  assert.deepEqual(
    (await store.check()).map(({ file }) => file),
    [volume.mountpoint, stray],
  );
});
