import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';

import { makeImage, putImage } from '../../test/support/make-image.ts';
import { openStore, storeFolder } from '../../test/support/open-store.ts';
import { prune } from './prune.ts';

const now = () => new Date();

test('what a removal would free is found while another process writes, and changes nothing', async (t) => {
  const folder = storeFolder(t);
  const store = await openStore(t, folder);
  {
    await using ingest = await store.begin();
    const image = await makeImage({ layers: ['one', 'two'] });
    await putImage(ingest, image);
    await ingest.tag(image.target, 'app');
  }
  const [image] = await store.images();
  const names = image?.names.map(({ reference }) => reference);
  const roots = [image?.target.digest ?? assert.fail()];
  const before = [await store.images(), await store.journal(), await store.usage()];
  const other = new DatabaseSync(join(folder, 'bay', 'store.sqlite'));
  t.after(() => other.close());
  other.exec('BEGIN IMMEDIATE');
  const planned = await store.sweep({ dryRun: true, roots });
  const pruned = await prune({ store, now }, { all: true, dryRun: true });
  other.exec('ROLLBACK');
  assert.deepEqual([await store.images(), await store.journal(), await store.usage()], before);
  assert.equal(planned.bytes, pruned.bytes);
  assert.deepEqual(
    pruned.images.map(({ untagged }) => untagged),
    [names],
  );
  const done = await prune({ store, now }, { all: true });
  assert.equal(done.bytes, planned.bytes);
  assert.ok(done.bytes > 0);
});

test('what a killed process held is free at once', async (t) => {
  const folder = storeFolder(t);
  const store = await openStore(t, folder);
  const urls = {
    store: new URL('../store/image-store.ts', import.meta.url),
    image: new URL('../../test/support/make-image.ts', import.meta.url),
  };
  const program = `
    import { ImageStore } from ${JSON.stringify(urls.store)};
    import { makeImage, putImage } from ${JSON.stringify(urls.image)};
    const store = await ImageStore.open(process.argv[1]);
    const ingest = await store.begin();
    const image = await makeImage({ layers: ['one'] });
    await putImage(ingest, image);
    await ingest.keep(image.target);
    console.log('held');
    setTimeout(() => {}, 60_000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program, folder], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => child.kill('SIGKILL'));
  await once(child.stdout, 'data');
  assert.deepEqual((await prune({ store, now })).images, []);
  assert.equal((await store.images()).length, 1);
  child.kill('SIGKILL');
  await once(child, 'exit');
  const planned = await prune({ store, now }, { dryRun: true });
  const done = await prune({ store, now });
  assert.deepEqual(done, planned);
  assert.deepEqual(await store.images(), []);
  assert.equal((await store.usage()).total, 0);
});
