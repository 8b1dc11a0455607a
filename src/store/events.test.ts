import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';

import { parseReference } from '../model/reference.ts';
import { makeImage, putImage } from '../../test/support/make-image.ts';
import { openStore, storeFolder } from '../../test/support/open-store.ts';
import type { ImageStore } from './image-store.ts';

async function name(store: ImageStore, verb: string, names: readonly string[], layer = 'base') {
  const image = await makeImage({ layers: [layer] });
  await using ingest = await store.begin({ verb });
  await putImage(ingest, image);
  for (const one of names) await ingest.tag(image.target, one);
  return image.target.digest;
}

const told = async (store: ImageStore, after?: number) =>
  (await store.events({ after })).map(({ type, action, id, attributes }) => [type, action, id, attributes.name].join(' '));

test('a pull is about the reference, all else about the image, as docker tells it', async (t) => {
  const store = await openStore(t);
  const digest = await name(store, 'pull', ['example.com/app:1']);
  await name(store, 'tag', ['app:latest', 'app:2']);
  await name(store, 'load', ['app:3']);
  await name(store, 'import', ['app:4']);
  await store.untag(parseReference('app:3'), { verb: 'rmi' });
  await store.forget(digest, { verb: 'rmi', names: 'all' });
  assert.deepEqual(await told(store), [
    'image pull example.com/app:1 example.com/app',
    `image tag ${digest} app:latest`,
    `image tag ${digest} app:2`,
    `image load ${digest} ${digest}`,
    `image tag ${digest} app:4`,
    `image import ${digest} ${digest}`,
    `image untag ${digest} app:3`,
    `image untag ${digest} app:2`,
    `image untag ${digest} app:4`,
    `image untag ${digest} app:latest`,
    `image untag ${digest} example.com/app:1`,
    `image delete ${digest} ${digest}`,
  ]);
});

test('what is pulled again is told again, though nothing changes', async (t) => {
  const store = await openStore(t);
  await name(store, 'pull', ['app:1']);
  await name(store, 'pull', ['app:1']);
  assert.deepEqual(await told(store), ['image pull app:1 app', 'image pull app:1 app']);
  assert.equal((await store.journal()).length, 1);
});

test('what is pushed to a repository is told as a push, and what is deleted there as gone', async (t) => {
  const store = await openStore(t);
  const image = await makeImage({ layers: ['pushed'] });
  const repository = store.repository({ registry: 'docker.io', repository: 'library/app' });
  await putImage(repository, image);
  await repository.tag(image.target, '1');
  await repository.delete?.(image.target);
  const { digest } = image.target;
  assert.deepEqual(await told(store), ['image push app:1 app', `image untag ${digest} app:1`, `image delete ${digest} ${digest}`]);
});

test('labels are told, unless they are long', async (t) => {
  const store = await openStore(t);
  const labelled = async (text: string) => {
    const image = await makeImage({ layers: ['base'], labels: { tier: text } });
    await using ingest = await store.begin({ verb: 'import' });
    await putImage(ingest, image);
    await ingest.keep(image.target);
    return image.target.digest;
  };
  const short = await labelled('web');
  const long = await labelled('x'.repeat(20_000));
  assert.deepEqual(
    (await store.events()).map(({ action, id, attributes }) => [action, id, attributes]),
    [
      ['import', short, { name: short, tier: 'web' }],
      ['import', long, { name: long }],
    ],
  );
});

test('the last fifty thousand are kept', async (t) => {
  const store = await openStore(t);
  await store.record({ type: 'image', action: 'first', id: 'x', attributes: {} });
  // As if all these had been told since.
  const { DatabaseSync } = await import('node:sqlite');
  const database = new DatabaseSync(join(store.path, 'bay', 'store.sqlite'));
  database.exec("UPDATE sqlite_sequence SET seq = 49999 WHERE name = 'event'");
  database.close();
  await store.record({ type: 'image', action: 'last but one', id: 'x', attributes: {} });
  assert.equal((await store.events()).length, 2);
  await store.record({ type: 'image', action: 'last', id: 'x', attributes: {} });
  assert.deepEqual(
    (await store.events()).map(({ action }) => action),
    ['last but one', 'last'],
  );
});

test('another process sees them in order, from where it left off and between two times', async (t) => {
  const folder = storeFolder(t);
  let now = 1000;
  const one = await openStore(t, folder, { now: () => new Date(now) });
  const two = await openStore(t, folder);
  const epoch = two.epoch();
  for (const action of ['pull', 'save', 'push']) {
    await one.record({ type: 'image', action, id: 'app:1', attributes: { name: 'app' } });
    now += 1000;
  }
  assert.notEqual(two.epoch(), epoch);
  const all = await two.events();
  assert.deepEqual(
    all.map(({ action, time }) => [action, time.getTime()]),
    [
      ['pull', 1000],
      ['save', 2000],
      ['push', 3000],
    ],
  );
  assert.deepEqual(await two.events({ after: all[0]?.number }), all.slice(1));
  assert.deepEqual(await two.events({ since: new Date(2000), until: new Date(3000) }), all.slice(1, 2));
  assert.deepEqual(await two.events({ limit: 2 }), all.slice(1));
  assert.equal(await two.lastEvent(), all[2]?.number);
});
