import assert from 'node:assert/strict';
import { test } from 'node:test';

import { isImageError } from '../errors.ts';
import { copy } from '../content/copy.ts';
import type { Descriptor } from '../model/descriptor.ts';
import { digestOf } from '../model/digest.ts';
import { mediaTypes } from '../model/media-types.ts';
import { familiar, parseReference } from '../model/reference.ts';
import type { ImageStore } from '../store/image-store.ts';
import { chunksOf, makeImage, makeIndex, putImage, type MadeImage } from '../../test/support/make-image.ts';
import { openStore, storeFolder } from '../../test/support/open-store.ts';
import { prune } from './prune.ts';
import { remove, type Removed, type RemoveOptions } from './remove.ts';

const platforms = ['amd64', 'arm64'].map((architecture) => ({ os: 'linux', architecture }));
const now = () => new Date();

async function put(store: ImageStore, image: MadeImage, ...names: readonly string[]): Promise<void> {
  await using ingest = await store.begin();
  await putImage(ingest, image);
  if (names.length === 0) await ingest.keep(image.target);
  for (const name of names) await ingest.tag(image.target, name);
}

/** Something that speaks of `subject`, shown in the repository. */
async function sign(store: ImageStore, repository: string, subject: Descriptor): Promise<Descriptor> {
  const repo = store.repository(parseReference(repository));
  const keep = async (mediaType: string, document: unknown): Promise<Descriptor> => {
    const bytes = Buffer.from(JSON.stringify(document));
    const target = { mediaType, digest: digestOf(bytes), size: bytes.length };
    await repo.write(target, async () => chunksOf(bytes));
    return target;
  };
  const config = await keep('application/vnd.oci.empty.v1+json', {});
  return keep(mediaTypes.ociManifest, { schemaVersion: 2, mediaType: mediaTypes.ociManifest, config, layers: [], subject });
}

async function total(store: ImageStore): Promise<number> {
  return (await store.usage()).total;
}

/** Removes; and holds what the dry run said before against what was done, and what the disk got back. */
async function asPlanned<T extends { readonly bytes: number }>(
  store: ImageStore,
  act: (options: { readonly dryRun: boolean }) => Promise<T>,
): Promise<T> {
  const before = await total(store);
  const planned = await act({ dryRun: true });
  assert.equal(await total(store), before);
  const done = await act({ dryRun: false });
  assert.deepEqual(planned, done);
  assert.equal(before - (await total(store)), done.bytes);
  assert.deepEqual(await store.check(), []);
  return done;
}

function removing(store: ImageStore, name: string, options: RemoveOptions = {}): Promise<Removed> {
  return asPlanned(store, ({ dryRun }) => remove({ store }, name, { ...options, dryRun }));
}

test('a dry run says to the byte what goes with a platform, whatever else needs its parts', async (t) => {
  for (const also of [[], ['left'], ['gone'], ['left', 'gone']]) {
    const store = await openStore(t);
    const index = await makeIndex(platforms);
    const [left, gone] = index.images;
    assert.ok(left && gone);
    await put(store, index, 'app:1', 'app:2');
    if (also.includes('left')) await put(store, left, 'left');
    if (also.includes('gone')) await put(store, gone, 'gone');
    const removed = await removing(store, 'app:1', { force: true, platforms: platforms.slice(1) });
    assert.equal(removed.bytes > 0, !also.includes('gone'));
    assert.equal((await store.find('app:2')).target.digest, left.target.digest);
    assert.equal((await store.find('app:1')).name?.origin?.digest, index.target.digest);
  }
});

test('one platform’s digest does not remove the image with all its other platforms', async (t) => {
  const store = await openStore(t);
  const index = await makeIndex(platforms);
  const [, two] = index.images;
  assert.ok(two);
  await put(store, index, 'app:1');
  for (const options of [{}, { force: true }, { dryRun: true }])
    await assert.rejects(remove({ store }, two.target.digest, options), (error) => {
      assert.ok(isImageError(error, 'conflict'), String(error));
      assert.match(error.message, /it is a part of the image app:1/);
      assert.match(error.hint ?? '', /bay rmi --platform linux\/arm64 app:1; or the whole image: bay rmi app:1/);
      return true;
    });
  assert.equal((await store.names()).length, 1);
});

test('of an image without a name the platform that is left stays', async (t) => {
  const store = await openStore(t);
  const index = await makeIndex(platforms);
  await put(store, index);
  await removing(store, index.target.digest, { force: true, platforms: platforms.slice(1) });
  assert.deepEqual(
    (await store.images()).map(({ target }) => target.digest),
    [index.images[0]?.target.digest],
  );
});

test('the index that an image was chosen from goes with it', async (t) => {
  const store = await openStore(t);
  const index = await makeIndex(platforms);
  const [image] = index.images;
  assert.ok(image);
  {
    await using ingest = await store.begin();
    await ingest.write(index.target, async () => chunksOf(index.blobs.get(index.target.digest) ?? Buffer.alloc(0)), { sparse: true });
    await putImage(ingest, image);
    await ingest.tag(image.target, 'app:1', { origin: index.target });
  }
  await removing(store, 'app:1');
  assert.equal(await total(store), 0);
});

test('what was pushed to a repository goes whole: its platforms, and what speaks of them', async (t) => {
  let time = Date.now();
  const store = await openStore(t, storeFolder(t), { now: () => new Date(time) });
  const repo = store.repository(parseReference('app'));
  const index = await makeIndex(platforms);
  await putImage(repo, index);
  await repo.tag(index.target, '1');
  for (const { target } of [index, ...index.images]) await sign(store, 'app', target);
  time += 3 * 60 * 60 * 1000;
  await removing(store, 'app:1');
  assert.equal(await total(store), 0);
  assert.deepEqual(await store.repositories(), []);
});

test('blobs that a push may rely on outlive the image for a while', async (t) => {
  let time = Date.now();
  const store = await openStore(t, storeFolder(t), { now: () => new Date(time) });
  const repo = store.repository(parseReference('app'));
  const image = await makeImage();
  await putImage(repo, image);
  await repo.tag(image.target, '1');
  time += 3 * 60 * 60 * 1000;
  const [base] = image.layers;
  assert.ok(base && (await repo.has(base)));
  await removing(store, 'app:1');
  assert.equal(await total(store), base.size);
});

test('a platform that another image, or a name, still needs stays where it was pushed', async (t) => {
  const store = await openStore(t);
  const repo = store.repository(parseReference('app'));
  const index = await makeIndex(platforms);
  const [first, second] = index.images;
  assert.ok(first && second);
  await putImage(repo, index);
  await repo.tag(index.target, '1');
  await repo.tag(second.target, 'arm');
  await removing(store, 'app:1');
  assert.ok(await store.has(second.target));
  assert.equal((await repo.resolve('arm')).digest, second.target.digest);
});

test('what lost its tag in a repository to a newer push can be removed by its digest', async (t) => {
  const store = await openStore(t);
  const repo = store.repository(parseReference('app'));
  const [old, young] = [await makeImage({ layers: ['old'] }), await makeImage({ layers: ['young'] })];
  for (const image of [old, young]) {
    await putImage(repo, image);
    await repo.tag(image.target, 'latest');
  }
  const { deleted } = await removing(store, `app@${old.target.digest}`);
  assert.deepEqual(deleted, [old.target.digest]);
  await assert.rejects(repo.resolve(old.target.digest), (error) => isImageError(error, 'manifest-unknown'));
  assert.ok(await repo.has(young.target));
});

test('a name that is given while another is removed stays', async (t) => {
  const store = await openStore(t);
  const image = await makeImage();
  await put(store, image, 'app:1');
  const find = store.find.bind(store);
  let given = false;
  const racing = Object.assign(Object.create(store) as ImageStore, {
    find,
    sweep: store.sweep.bind(store),
    users: store.users.bind(store),
    parents: store.parents.bind(store),
    discard: store.discard.bind(store),
    image: async (digest: typeof image.target.digest) => {
      const record = await store.image(digest);
      if (!given) await put(store, image, 'app:2');
      given = true;
      return record;
    },
  });
  const { untagged, deleted } = await remove({ store: racing }, 'app:1');
  assert.deepEqual([untagged.map(familiar), deleted], [['app:1'], []]);
  assert.equal((await store.find('app:2')).target.digest, image.target.digest);
});

test('a dry run of prune says what nothing holds as well', async (t) => {
  const store = await openStore(t);
  const [named, dangling, left] = [
    await makeImage({ layers: ['a'] }),
    await makeImage({ layers: ['b'] }),
    await makeImage({ layers: ['c'] }),
  ];
  await put(store, named, 'app:1');
  await put(store, dangling);
  {
    await using ingest = await store.begin();
    await putImage(ingest, left);
  }
  const first = await asPlanned(store, (options) => prune({ store, now }, options));
  assert.deepEqual(
    first.images.map(({ deleted }) => deleted),
    [dangling.target.digest],
  );
  const second = await asPlanned(store, (options) => prune({ store, now }, { ...options, all: true }));
  assert.equal(second.images.length, 1);
  assert.equal(await total(store), 0);
});

test('a Ctrl-C before it began removes nothing', async (t) => {
  const store = await openStore(t);
  const image = await makeImage();
  await put(store, image, 'app:1');
  const signal = AbortSignal.abort();
  await assert.rejects(remove({ store }, 'app:1', { signal }), (error) => isImageError(error, 'canceled'));
  await assert.rejects(prune({ store, now }, { all: true, signal }), (error) => isImageError(error, 'canceled'));
  assert.equal((await store.names()).length, 1);
});

test('a lease from a clock that was set back ends', async (t) => {
  const folder = storeFolder(t);
  const image = await makeImage();
  {
    const future = await openStore(t, folder, { now: () => new Date(Date.now() + 1e12) });
    const ingest = await future.begin();
    await copy(
      {
        resolve: async () => image.target,
        open: async ({ digest }) => (await import('node:stream')).Readable.from([image.blobs.get(digest)]),
      },
      image.target,
      ingest,
    );
    // As if its process had been killed: the lease is never given back.
  }
  let time = Date.now();
  const store = await openStore(t, folder, { now: () => new Date(time) });
  await store.sweep();
  assert.ok(await store.has(image.target));
  time += 61_000;
  await store.sweep();
  assert.equal(await store.has(image.target), false);
});

test('the work of removing an image with many names grows with their number, not with its square', async (t) => {
  const store = await openStore(t);
  const image = await makeImage();
  const names = Array.from({ length: 60 }, (_, at) => `many:${at}`);
  await put(store, image, ...names);
  let looks = 0;
  const counted = names.map(
    (name) =>
      new Proxy(parseReference(name), {
        get: (reference, key) => {
          if (key === 'repository') looks++;
          return Reflect.get(reference, key);
        },
      }),
  );
  await store.discard({ images: [{ digest: image.target.digest, names: counted }] }, { verb: 'rmi' });
  assert.deepEqual(await store.images(), []);
  assert.ok(looks <= 5 * names.length, `${looks} looks at ${names.length} names`);
});

test('what refuses an image of very many names lists no more of them than anybody reads', async (t) => {
  const store = await openStore(t);
  const image = await makeImage({ layers: ['one'] });
  await put(store, image, ...Array.from({ length: 30 }, (_, at) => `name-${at}`));
  const error = await remove({ store }, image.target.digest).catch((reason: unknown) => reason);
  assert.ok(isImageError(error, 'conflict'));
  assert.match(error.hint ?? '', /name-\d+(?::latest)? and 18 more: remove the names one by one/);
});
