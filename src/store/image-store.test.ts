import assert from 'node:assert/strict';
import { readFile, stat } from 'node:fs/promises';
import { test, type TestContext } from 'node:test';

import { isImageError, type ErrorCode } from '../errors.ts';
import { canonical, familiar, parseReference } from '../model/reference.ts';
import { digestHex, digestOf, shortId } from '../model/digest.ts';
import { mediaTypes } from '../model/media-types.ts';
import { bytesOf, makeImage, makeIndex, putImage, type MadeImage } from '../../test/support/make-image.ts';
import { openStore, storeFolder } from '../../test/support/open-store.ts';
import { ImageStore, type StoreOptions } from './image-store.ts';

const open = (t: TestContext, options: StoreOptions = {}) => openStore(t, undefined, options);

async function put(store: ImageStore, image: MadeImage, ...names: readonly string[]): Promise<void> {
  await using ingest = await store.begin({ verb: 'pull' });
  await putImage(ingest, image);
  for (const name of names) await ingest.tag(image.target, name);
}

const shown = (names: readonly { reference: Parameters<typeof familiar>[0] }[]) => names.map(({ reference }) => familiar(reference));

async function fails(promise: Promise<unknown>, code: ErrorCode, message?: RegExp): Promise<void> {
  await assert.rejects(promise, (error) => {
    assert.ok(isImageError(error, code), String(error));
    if (message) assert.match(error.message, message);
    return true;
  });
}

test('an image is listed with its names, its platform and its sizes, from the database alone', async (t) => {
  const store = await open(t);
  const image = await makeImage();
  await put(store, image, 'team/app:1', 'app', 'localhost:5000/app:1');
  const [record, ...more] = await store.images();
  assert.equal(more.length, 0);
  assert.ok(record);
  assert.deepEqual(record.target, image.target);
  assert.deepEqual(shown(record.names), ['app:latest', 'team/app:1', 'localhost:5000/app:1']);
  assert.deepEqual(
    record.repoDigests,
    ['app', 'team/app', 'localhost:5000/app'].map((name) => `${name}@${image.target.digest}`),
  );
  const [platform] = record.platforms;
  assert.ok(platform);
  assert.deepEqual(platform.config, image.config);
  assert.deepEqual(platform.platform, { os: 'linux', architecture: 'amd64' });
  assert.equal(platform.created, '2026-01-02T03:04:05Z');
  assert.equal(
    platform.size,
    [image.target, image.config, ...image.layers].reduce((sum, { size }) => sum + size, 0),
  );
  assert.deepEqual(platform.layers, image.layers);
  assert.equal(platform.diffIds.length, 2);
  assert.deepEqual(await store.image(image.target.digest), record);
});

test('a list outlives the store that made it, and what is read out of it late', async (t) => {
  const image = await makeImage();
  const list = await (async () => {
    await using store = await ImageStore.open(storeFolder(t));
    await put(store, image, 'app');
    return await store.images();
  })();
  assert.deepEqual(list[0]?.platforms[0]?.layers, image.layers);
  assert.match(JSON.stringify(list[0]), /diffIds/);
});

test('an index is one image, with the platforms in it that are here', async (t) => {
  const store = await open(t);
  const platforms = [
    { os: 'linux', architecture: 'amd64' },
    { os: 'linux', architecture: 'arm64', variant: 'v8' },
    { os: 'windows', architecture: 'amd64', 'os.version': '10.0.20348.1' },
  ];
  const index = await makeIndex(platforms);
  await put(store, index, 'many');
  const [record] = await store.images();
  assert.deepEqual(
    record?.platforms.map(({ platform }) => platform),
    platforms,
  );
  assert.deepEqual(
    record.platforms.map(({ manifest }) => manifest.digest),
    index.images.map(({ target }) => target.digest),
  );
});

test('one platform of an index: the name points at it, and remembers the index, which is kept but not whole', async (t) => {
  const store = await open(t);
  const index = await makeIndex([
    { os: 'linux', architecture: 'amd64' },
    { os: 'linux', architecture: 'arm64' },
  ]);
  const [one, other] = index.images;
  assert.ok(one && other);
  {
    await using ingest = await store.begin();
    await putImage(ingest, one);
    await ingest.write(index.target, async () => [index.blobs.get(index.target.digest) ?? Buffer.alloc(0)] as never, { sparse: true });
    assert.equal(await ingest.has(index.target), false);
    await ingest.tag(one.target, 'app', { origin: index.target });
  }
  await store.sweep();
  const [record] = await store.images();
  assert.deepEqual(record?.target, one.target);
  assert.deepEqual(record.repoDigests, [`app@${index.target.digest}`]);
  assert.deepEqual(await bytesOf(await store.open(index.target)), index.blobs.get(index.target.digest), 'its bytes are kept');
  assert.equal(await store.has(index.target), false);
  for (const text of [`app@${index.target.digest}`, index.target.digest, shortId(index.target.digest)])
    assert.deepEqual((await store.find(text)).target, one.target, text);
  await put(store, other);
  await store.sweep();
  assert.equal(await store.has(other.target), false, 'the index, which is an origin only, holds none of its images');
});

test('a text is a name first, then a digest, then the beginning of an id', async (t) => {
  const store = await open(t);
  const [one, two] = [await makeImage({ layers: ['one'] }), await makeImage({ layers: ['two'] })];
  await put(store, one, 'app:1', 'quay.io/me/app');
  await put(store, two, 'app:2');
  const { digest } = one.target;
  for (const text of [
    'app:1',
    'docker.io/library/app:1',
    'library/app:1',
    'quay.io/me/app',
    'quay.io/me/app:latest',
    digest,
    digestHex(digest),
    shortId(digest),
    `sha256:${shortId(digest)}`,
    one.config.digest,
    shortId(one.config.digest),
    `app@${digest}`,
    `app:1@${digest}`,
  ])
    assert.equal((await store.find(text)).target.digest, digest, text);
  assert.equal((await store.find('app:1')).by, 'name');
  assert.equal((await store.find(shortId(digest))).by, 'id');
  await fails(store.find(`other@${digest}`), 'not-found', /^No such image: other@sha256:/);
  await fails(store.find('nope'), 'not-found', /^No such image: nope:latest$/);
  await fails(store.find('0000000000'), 'not-found', /^No such image: 0000000000:latest$/);
  await fails(store.find(digestOf(Buffer.from('x'))), 'not-found', /^No such image: sha256:/);
  await fails(store.find('No Such!'), 'invalid-reference', /invalid reference format/);
  // Fewer than four digits are a name, and what begins so is not it.
  for (const length of [1, 2, 3])
    await fails(store.find(shortId(digest).slice(0, length)), 'not-found', /^No such image: [0-9a-f]+:latest$/);
  assert.equal((await store.find(shortId(digest).slice(0, 4))).target.digest, digest);
  // A name wins over an id, as with docker.
  await put(store, two, shortId(digest));
  assert.equal((await store.find(shortId(digest))).target.digest, two.target.digest);
});

test('an id that several images begin with is ambiguous; a whole one never is', async (t) => {
  const store = await open(t);
  // Their digests begin with the same four digits.
  const images = await Promise.all(['image 31', 'image 252'].map((text) => makeImage({ layers: [text] })));
  for (const [at, image] of images.entries()) await put(store, image, `app:${at}`);
  const begins = images.map(({ target }) => shortId(target.digest).slice(0, 4));
  assert.equal(begins[0], begins[1]);
  await fails(store.find(begins[0] ?? ''), 'ambiguous');
  for (const { target } of images) assert.equal((await store.find(digestHex(target.digest))).target.digest, target.digest);
});

test('an image whose last name moves or goes is dangling, and stays until it is forgotten and swept', async (t) => {
  const store = await open(t);
  const [one, two] = [await makeImage({ layers: ['one'] }), await makeImage({ layers: ['two'] })];
  await put(store, one, 'app');
  await put(store, two, 'app');
  assert.deepEqual(await store.sweep(), { blobs: [], trees: [], bytes: 0, strays: 0 });
  const dangling = await store.image(one.target.digest);
  assert.deepEqual(dangling?.names, []);
  await store.untag(parseReference('app:latest'), { verb: 'untag' });
  assert.deepEqual((await store.image(two.target.digest))?.names, []);
  await fails(store.untag(parseReference('app:latest'), { verb: 'untag' }), 'not-found', /No such image: app:latest/);
  assert.equal((await store.images()).length, 2);

  await store.forget(one.target.digest, { verb: 'prune' });
  const swept = await store.sweep();
  assert.deepEqual(new Set(swept.blobs.map(({ digest }) => digest)), new Set(one.blobs.keys()));
  assert.equal(
    swept.bytes,
    [...one.blobs.values()].reduce((sum, bytes) => sum + bytes.length, 0),
  );
  assert.equal(await store.has(two.target), true);
  assert.deepEqual(await store.check(), []);
});

test('an image with names is forgotten only where that is asked for', async (t) => {
  const store = await open(t);
  const image = await makeImage();
  await put(store, image, 'app:1', 'app:2');
  await fails(store.forget(image.target.digest, { verb: 'rmi' }), 'conflict', /app:1, app:2/);
  await store.forget(image.target.digest, { verb: 'rmi', names: 'all' });
  assert.deepEqual(await store.images(), []);
  await fails(store.forget(image.target.digest, { verb: 'rmi', names: 'all' }), 'not-found');
});

test('a sweep of one image takes only what it alone needs', async (t) => {
  const store = await open(t);
  const index = await makeIndex([
    { os: 'linux', architecture: 'amd64' },
    { os: 'linux', architecture: 'arm64' },
  ]);
  const [one] = index.images;
  assert.ok(one);
  const stray = await makeImage({ layers: ['stray'] });
  await put(store, index, 'many');
  await put(store, one, 'one');
  await put(store, stray);
  await store.forget(index.target.digest, { verb: 'rmi', names: 'all' });
  const would = await store.sweep({ dryRun: true, roots: [index.target.digest] });
  assert.equal(await store.has(index.target), true, 'a dry run takes nothing');
  const swept = await store.sweep({ roots: [index.target.digest] });
  assert.deepEqual(swept, would);
  const expected = [...index.blobs.keys()].filter((digest) => !one.blobs.has(digest));
  assert.deepEqual(new Set(swept.blobs.map(({ digest }) => digest)), new Set(expected));
  assert.equal(await store.has(one.target), true);
  assert.equal(await store.has(stray.target), true, 'others are not looked at');
  assert.deepEqual(await store.check(), []);
});

test('every change of a name is written down, and what changes nothing is not', async (t) => {
  let time = 1_700_000_000_000;
  const store = await open(t, { actor: 'me', now: () => new Date(time) });
  const [one, two] = [await makeImage({ layers: ['one'] }), await makeImage({ layers: ['two'] })];
  await put(store, one, 'app');
  time -= 5000;
  await put(store, two, 'app', 'app');
  await store.untag(parseReference('app:latest'), { verb: 'rmi' });
  await store.forget(two.target.digest, { verb: 'prune' });
  const all = await store.journal({ since: 0 });
  assert.deepEqual(
    all.map(({ actor, verb, name, before, after }) => [actor, verb, name && canonical(name), before?.digest, after?.digest]),
    [
      ['me', 'pull', 'docker.io/library/app:latest', undefined, one.target.digest],
      ['me', 'pull', 'docker.io/library/app:latest', one.target.digest, two.target.digest],
      ['me', 'rmi', 'docker.io/library/app:latest', two.target.digest, undefined],
      ['me', 'prune', undefined, two.target.digest, undefined],
    ],
  );
  assert.deepEqual(
    all.map(({ number }) => number),
    [1, 2, 3, 4],
    'the order is the number, whatever the clock says',
  );
  assert.equal(all[1]?.time.getTime(), time);
  assert.deepEqual(
    (await store.journal({ limit: 2 })).map(({ number }) => number),
    [4, 3],
  );
  assert.deepEqual(
    (await store.journal({ name: 'app' })).map(({ number }) => number),
    [3, 2, 1],
  );
  assert.deepEqual(
    (await store.journal({ since: 2, limit: 1 })).map(({ number }) => number),
    [3],
  );
});

test('a name that was pulled by digest has the digest, and no tag', async (t) => {
  const store = await open(t);
  const image = await makeImage();
  const name = `quay.io/me/app@${image.target.digest}`;
  await put(store, image, name);
  const [found] = await store.names();
  assert.equal(found && canonical(found.reference), name);
  assert.equal((await store.find(name)).by, 'name');
  assert.deepEqual(await store.repository({ registry: 'quay.io', repository: 'me/app' }).tags(), []);
  await using ingest = await store.begin();
  await fails(ingest.tag(image.target, `app@${digestOf(Buffer.from('x'))}`), 'invalid-reference');
});

test('what is not whole gets no name', async (t) => {
  const store = await open(t);
  const image = await makeImage();
  await using ingest = await store.begin();
  await fails(ingest.tag(image.target, 'app'), 'manifest-unknown');
  await putImage(ingest, await makeImage({ layers: ['x'] }));
  const index = await makeIndex([{ os: 'linux', architecture: 'amd64' }]);
  await ingest.write(index.target, async () => [index.blobs.get(index.target.digest) ?? Buffer.alloc(0)] as never, { sparse: true });
  await fails(ingest.tag(index.target, 'app'), 'incomplete');
  assert.deepEqual(await store.names(), []);
});

test('an image kept without a name is dangling, and not swept', async (t) => {
  const store = await open(t);
  const image = await makeImage();
  {
    await using ingest = await store.begin();
    await putImage(ingest, image);
    await ingest.keep(image.target);
    await ingest.keep(image.target);
  }
  await store.sweep();
  assert.deepEqual(
    (await store.images()).map(({ names }) => names),
    [[]],
  );
  assert.equal(await store.has(image.target), true);
});

test('an artifact says what it is', async (t) => {
  const store = await open(t);
  await using ingest = await store.begin();
  const config = await ingest.add(mediaTypes.ociEmpty, Buffer.from('{}'));
  const layer = await ingest.add('application/vnd.example.data', Buffer.from('data'));
  const document = {
    schemaVersion: 2,
    mediaType: mediaTypes.ociManifest,
    artifactType: 'application/vnd.example',
    config,
    layers: [layer],
  };
  const manifest = await ingest.add(mediaTypes.ociManifest, Buffer.from(JSON.stringify(document)));
  await ingest.tag(manifest, 'artifact');
  const [record] = await store.images();
  assert.equal(record?.artifactType, 'application/vnd.example');
  assert.deepEqual(record.platforms, []);
});

test('signatures that came with an image stay as long as it does, and are shown beside it', async (t) => {
  const store = await open(t);
  const image = await makeImage();
  const signature = await (async () => {
    await using ingest = await store.begin();
    await putImage(ingest, image);
    const config = await ingest.add(mediaTypes.ociEmpty, Buffer.from('{}'));
    const document = {
      schemaVersion: 2,
      mediaType: mediaTypes.ociManifest,
      artifactType: 'application/vnd.example.signature',
      config,
      layers: [config],
      subject: image.target,
    };
    const signature = await ingest.add(mediaTypes.ociManifest, Buffer.from(JSON.stringify(document)));
    await ingest.tag(image.target, 'app');
    return signature;
  })();
  await store.sweep();
  const listed = [{ ...signature, artifactType: 'application/vnd.example.signature' }];
  assert.deepEqual(await store.referrers(image.target), listed);
  assert.deepEqual(await store.referrers(image.target, 'application/vnd.example.signature'), listed);
  assert.deepEqual(await store.referrers(image.target, 'application/vnd.other'), []);
  const repository = store.repository({ registry: 'docker.io', repository: 'library/app' });
  assert.deepEqual(await repository.referrers(image.target), listed);
  assert.deepEqual(await store.repository({ registry: 'docker.io', repository: 'library/other' }).referrers(image.target), []);
  assert.equal((await store.images()).length, 1, 'it is no image of its own');
  await store.forget(image.target.digest, { verb: 'rmi', names: 'all' });
  await store.sweep({ roots: [image.target.digest] });
  assert.equal(await store.has(signature), false);
  assert.deepEqual(await store.usage(), { total: 0, unheld: 0, trees: 0, drafts: 0, images: [] });
});

test('holders say who keeps what, and the way down', async (t) => {
  const store = await open(t);
  const index = await makeIndex([{ os: 'linux', architecture: 'amd64' }]);
  const [image] = index.images;
  const [layer] = image?.layers ?? [];
  assert.ok(image && layer);
  await put(store, index, 'many:1');
  assert.deepEqual(await store.holders(layer.digest), [
    { kind: 'name', id: 'docker.io/library/many:1', path: [index.target.digest, image.target.digest, layer.digest] },
  ]);
  await store.untag(parseReference('many:1'), { verb: 'rmi' });
  assert.deepEqual(
    (await store.holders(layer.digest)).map(({ kind, id }) => [kind, id]),
    [['image', index.target.digest]],
  );
  await using ingest = await store.begin({ purpose: 'a test' });
  assert.equal(await ingest.has(image.target), true);
  assert.deepEqual(new Set((await store.holders(layer.digest)).map(({ kind }) => kind)), new Set(['image', 'lease']));
});

test('usage counts each blob once, and says what an image shares', async (t) => {
  const store = await open(t);
  const [one, two] = [await makeImage({ layers: ['base', 'one'] }), await makeImage({ layers: ['base', 'two'] })];
  await put(store, one, 'one');
  await put(store, two, 'two');
  const usage = await store.usage();
  const [base] = one.layers;
  const all = new Map([...one.blobs, ...two.blobs]);
  assert.equal(
    usage.total,
    [...all.values()].reduce((sum, bytes) => sum + bytes.length, 0),
  );
  assert.equal(usage.unheld, 0);
  for (const { target, size, shared, unique } of usage.images) {
    const image = target === one.target.digest ? one : two;
    assert.equal(
      size,
      [...image.blobs.values()].reduce((sum, bytes) => sum + bytes.length, 0),
    );
    assert.equal(shared, base?.size);
    assert.equal(unique, size - shared);
  }
});

test(
  "blobs are read-only once kept, and the folder is its owner's alone",
  { skip: process.platform === 'win32' && 'Windows has no such modes' },
  async (t) => {
    const store = await open(t);
    const image = await makeImage({ algorithm: 'sha512' });
    await put(store, image, 'app');
    assert.equal((await stat(store.path)).mode & 0o777, 0o700);
    for (const digest of image.blobs.keys()) {
      const [algorithm = '', hex = ''] = digest.split(':');
      assert.equal((await stat(`${store.path}/blobs/${algorithm}/${hex}`)).mode & 0o777, 0o444);
    }
    assert.deepEqual(JSON.parse(await readFile(`${store.path}/oci-layout`, 'utf8')), { imageLayoutVersion: '1.0.0' });
  },
);

test('what lists need is read from the blobs again where the database has lost it', async (t) => {
  const folder = storeFolder(t);
  const image = await makeImage();
  {
    await using store = await ImageStore.open(folder);
    await put(store, image, 'app');
  }
  const { DatabaseSync } = await import('node:sqlite');
  const database = new DatabaseSync(`${folder}/bay/store.sqlite`);
  database.exec('DROP TABLE summary; DROP TABLE summary_detail');
  database.close();
  await using store = await ImageStore.open(folder);
  const [record] = await store.images();
  assert.deepEqual(record?.platforms[0]?.layers, image.layers);
});

test('small documents are read once, and no more where they have been swept', async (t) => {
  const store = await open(t);
  const image = await makeImage();
  await put(store, image, 'app');
  const bytes = await store.read(image.target, 1_000_000);
  assert.deepEqual(bytes, image.blobs.get(image.target.digest));
  assert.equal(await store.read(image.target, 1_000_000), bytes);
  await fails(store.read(image.target, 10), 'too-large');
  await store.forget(image.target.digest, { verb: 'rmi', names: 'all' });
  await store.sweep();
  await fails(store.read(image.target, 1_000_000), 'manifest-unknown');
});

test('a store that has been closed says so, whatever is asked of it, and what is being read is read to its end', async (t) => {
  const store = await open(t);
  const image = await makeImage();
  await put(store, image, 'app:1');
  const [layer] = image.layers;
  assert.ok(layer);
  const stream = await store.open(layer);
  const ingest = await store.begin();
  await store.close();
  for (const act of [
    () => store.images(),
    () => store.find('app:1'),
    () => store.open(layer),
    () => store.begin(),
    () => store.sweep(),
    () => store.untag(parseReference('app:1'), { verb: 'untag' }),
  ] as const)
    await fails(act(), 'internal', /^the store is closed$/);
  await ingest[Symbol.asyncDispose]();
  assert.equal((await bytesOf(stream)).length, layer.size);
});
