/** What goes out of the store stays in it until it is out, whoever removes the image meanwhile. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { test, type TestContext } from 'node:test';

import type { Repository } from '../content/repository.ts';
import { parseReference } from '../model/reference.ts';
import { ImageStore } from '../store/image-store.ts';
import { makeImage, putImage, tarOf } from '../../test/support/make-image.ts';
import { openStore } from '../../test/support/open-store.ts';
import { copyBetween } from './copy-between.ts';
import { load } from './load.ts';
import { prune } from './prune.ts';
import { push } from './push.ts';
import { remove } from './remove.ts';
import { save } from './save.ts';

const name = 'registry.example/team/app:1';
const now = () => new Date();

async function storeWithImage(t: TestContext) {
  const store = await openStore(t);
  const image = await makeImage({ layers: await Promise.all(['a', 'b', 'c'].map((path) => tarOf({ [path]: randomBytes(300_000) }))) });
  {
    await using ingest = await store.begin();
    await putImage(ingest, image);
    await ingest.tag(image.target, name);
  }
  return { store, image };
}

async function takeAway(store: ImageStore): Promise<void> {
  await remove({ store }, name);
  await prune({ store, now }, { all: true });
  assert.deepEqual(await store.images(), []);
}

/** A registry that holds the first piece up until the image has been taken away from whoever sends it. */
async function registryWhile(t: TestContext, act: () => Promise<void>): Promise<{ there: ImageStore; remote: () => Repository }> {
  const there = await openStore(t);
  const repository = there.repository(parseReference(name));
  let acted: Promise<void> | undefined;
  const remote = new Proxy(repository, {
    get: (target, key) => {
      if (key === 'write')
        return async (...given: Parameters<Repository['write']>) => {
          await (acted ??= act());
          return target.write(...given);
        };
      const value: unknown = Reflect.get(target, key);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
  return { there, remote: () => remote };
}

test('an archive that is being saved comes out whole when its image is removed and pruned meanwhile', async (t) => {
  const { store, image } = await storeWithImage(t);
  const other = await openStore(t);
  const tar = await save({ store }, [name]);
  const [loaded] = await load(
    { store: other },
    (async function* () {
      let first = true;
      for await (const chunk of tar as AsyncIterable<Uint8Array>) {
        if (first) await takeAway(store);
        first = false;
        yield chunk;
      }
    })(),
  );
  assert.equal(loaded?.root.digest, image.target.digest);
  assert.equal((await store.sweep()).blobs.length, image.blobs.size, 'what the stream stood on is given back with it');
});

test('an archive that nobody reads to its end holds nothing once it is destroyed', async (t) => {
  const { store, image } = await storeWithImage(t);
  const tar = await save({ store }, [name]);
  const closed = new Promise((resolve) => tar.once('close', resolve));
  tar.destroy();
  await closed;
  await takeAway(store);
  for (const { digest } of image.layers) assert.deepEqual(await store.holders(digest), []);
  await assert.rejects(text(tar));
});

test('an archive that is given up after its store has been closed, or was not closed before, is no error of its own', async (t) => {
  const { store } = await storeWithImage(t);
  const tars = await Promise.all([1, 2].map(() => save({ store }, [name])));
  const failures: unknown[] = [];
  for (const tar of tars) tar.on('error', (error) => failures.push(error));
  tars[0]?.destroy();
  await store.close();
  tars[1]?.destroy();
  for (const tar of tars) if (!tar.closed) await once(tar, 'close');
  await using again = await ImageStore.open(store.path);
  assert.deepEqual(failures, []);
  const { target } = await again.find(name);
  assert.deepEqual(
    (await again.holders(target.digest)).map(({ kind }) => kind),
    ['name'],
  );
});

test('a push goes to its end when the image is removed and pruned meanwhile', async (t) => {
  const { store, image } = await storeWithImage(t);
  const { there, remote } = await registryWhile(t, () => takeAway(store));
  await push({ store, remote }, parseReference(name));
  assert.deepEqual(
    (await there.images()).map(({ target }) => target.digest),
    [image.target.digest],
  );
  assert.equal((await store.sweep()).blobs.length, image.blobs.size);
});

test('a copy out of the store goes to its end when the image is removed and pruned meanwhile', async (t) => {
  const { store, image } = await storeWithImage(t);
  const { there, remote } = await registryWhile(t, () => takeAway(store));
  await copyBetween({ store, remote }, { kind: 'store', name }, { kind: 'registry', reference: parseReference(name) });
  assert.deepEqual(
    (await there.images()).map(({ target }) => target.digest),
    [image.target.digest],
  );
  assert.equal((await store.sweep()).blobs.length, image.blobs.size);
});
