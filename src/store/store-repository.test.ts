import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import fc from 'fast-check';

import { isImageError, type ErrorCode } from '../errors.ts';
import type { Repository } from '../content/repository.ts';
import type { Descriptor } from '../model/descriptor.ts';
import { digestOf } from '../model/digest.ts';
import { mediaTypes } from '../model/media-types.ts';
import { bytesOf, chunksOf, makeImage, makeIndex, putImage, type MadeImage } from '../../test/support/make-image.ts';
import { openStore } from '../../test/support/open-store.ts';
import type { ImageStore, StoreOptions } from './image-store.ts';

const open = (t: TestContext, options: StoreOptions = {}) => openStore(t, undefined, options);

const repo = (store: ImageStore, repository: string): Repository => store.repository({ registry: 'docker.io', repository });

async function fails(promise: Promise<unknown>, ...codes: readonly ErrorCode[]): Promise<void> {
  await assert.rejects(promise, (error) => {
    assert.ok(isImageError(error, ...codes), String(error));
    return true;
  });
}

function blob(content: string | Buffer): Descriptor {
  const bytes = Buffer.from(content);
  return { mediaType: mediaTypes.bytes, digest: digestOf(bytes), size: bytes.length };
}

const give = (bytes: Uint8Array | undefined) => async (offset: number) => chunksOf((bytes ?? new Uint8Array()).subarray(offset));

test('what is pushed is in the list at once, and what is pulled is served', async (t) => {
  const store = await open(t);
  const [pushed, pulled] = [await makeImage({ layers: ['pushed'] }), await makeImage({ layers: ['pulled'] })];
  await putImage(repo(store, 'library/pushed'), pushed);
  await repo(store, 'library/pushed').tag(pushed.target, 'v1');
  assert.deepEqual(await store.resolve('pushed:v1'), pushed.target);
  await using ingest = await store.begin();
  await putImage(ingest, pulled);
  await ingest.tag(pulled.target, 'me/pulled:v1');
  const repository = repo(store, 'me/pulled');
  assert.deepEqual(await repository.resolve('v1'), pulled.target);
  for (const digest of pulled.blobs.keys()) {
    const target = await repository.resolve(digest);
    assert.deepEqual(await bytesOf(await repository.open(target)), pulled.blobs.get(digest));
  }
  assert.deepEqual(await store.repositories(), ['docker.io/library/pushed', 'docker.io/me/pulled']);
  assert.deepEqual(await store.repositories({ last: 'docker.io/library/pushed' }), ['docker.io/me/pulled']);
  assert.deepEqual(await store.repositories({ limit: 1 }), ['docker.io/library/pushed']);
});

test('a blob of one repository is not readable in another, nor by naming it in a manifest', async (t) => {
  const store = await open(t);
  const image = await makeImage();
  await putImage(repo(store, 'secret/app'), image);
  await repo(store, 'secret/app').tag(image.target, 'v1');
  const other = repo(store, 'other/app');
  for (const digest of image.blobs.keys()) {
    const target = { ...(await repo(store, 'secret/app').resolve(digest)) };
    await fails(other.resolve(digest), 'manifest-unknown');
    await fails(other.open(target), 'blob-unknown', 'manifest-unknown');
    assert.equal(await other.has(target), false);
  }
  await fails(other.write(image.target, give(image.blobs.get(image.target.digest))), 'incomplete');
  await fails(other.tag(image.target, 'v1'), 'manifest-unknown');
  await fails(other.delete(image.target), 'manifest-unknown');
  // Who has the bytes may push them; who only knows the digest may not.
  const [layer] = image.layers;
  assert.ok(layer);
  await fails(other.write(layer, give(Buffer.alloc(layer.size))), 'digest-mismatch');
  await other.write(layer, give(image.blobs.get(layer.digest)));
  assert.equal(await other.has(layer), true);
});

test('a mount takes only what its source shows', async (t) => {
  const store = await open(t);
  const image = await makeImage();
  const [layer] = image.layers;
  assert.ok(layer);
  await putImage(repo(store, 'one/app'), image);
  const mounted: unknown[] = [];
  const mount = (repository: Repository, from: string) =>
    repository.write(
      layer,
      async () => {
        throw new Error('not asked');
      },
      { from: { registry: 'docker.io', repository: from, digest: layer.digest }, onProgress: (event) => mounted.push(event) },
    );
  await assert.rejects(mount(repo(store, 'two/app'), 'nobody/app'), /not asked/);
  await mount(repo(store, 'two/app'), 'one/app');
  assert.deepEqual(mounted, [{ target: layer, state: 'mounted', from: 'one/app' }]);
  assert.deepEqual(await bytesOf(await repo(store, 'two/app').open(layer)), image.blobs.get(layer.digest));
});

test('deleting in a repository hides it there at once, and nowhere else; the sweep takes what nobody shows', async (t) => {
  let time = Date.now();
  const store = await open(t, { now: () => new Date(time) });
  const index = await makeIndex([
    { os: 'linux', architecture: 'amd64' },
    { os: 'linux', architecture: 'arm64' },
  ]);
  const [child] = index.images;
  const [layer] = child?.layers ?? [];
  assert.ok(child && layer);
  const [one, two] = [repo(store, 'one/app'), repo(store, 'two/app')];
  for (const repository of [one, two]) {
    await putImage(repository, index);
    await repository.tag(index.target, 'v1');
    await repository.tag(index.target, 'v2');
  }
  await one.delete(child.target);
  await fails(one.resolve(child.target.digest), 'manifest-unknown');
  assert.equal(await one.has(index.target), false, 'a part of it was deleted: it must be pushed again');
  assert.deepEqual(await one.resolve('v1'), index.target);
  await one.delete(layer);
  await fails(one.open(layer), 'blob-unknown');
  assert.equal(await two.has(index.target), true);

  await putImage(one, index);
  assert.equal(await one.has(index.target), true, 'pushed again');

  await one.delete(index.target);
  await fails(one.resolve('v1'), 'manifest-unknown');
  assert.deepEqual(await two.tags(), ['v1', 'v2']);
  await fails(one.delete(index.target), 'manifest-unknown');
  for (const { target } of index.images) await one.delete(target);
  await store.sweep();
  assert.equal(await two.has(index.target), true);
  await two.delete(index.target);
  for (const { target } of index.images) await two.delete(target);
  // Pushed blobs are shown for a day of their own.
  time += 25 * 3_600_000;
  await store.sweep();
  assert.deepEqual((await store.images()).length, 0);
  assert.deepEqual((await store.usage()).total, 0);
  assert.deepEqual(await store.check(), []);
});

test('a manifest stays pullable by its digest when its tag moves on, and is neither dangling nor swept', async (t) => {
  const store = await open(t);
  const [one, two] = [await makeImage({ layers: ['one'] }), await makeImage({ layers: ['two'] })];
  const repository = repo(store, 'me/app');
  for (const image of [one, two]) {
    await putImage(repository, image);
    await repository.tag(image.target, 'latest');
  }
  await store.sweep();
  assert.equal(await repository.has(one.target), true);
  assert.deepEqual(
    (await store.images()).map(({ target }) => target.digest),
    [two.target.digest],
  );
  assert.deepEqual((await store.find(`me/app@${one.target.digest}`)).target, one.target);
  await repository.untag('latest');
  await fails(repository.untag('latest'), 'manifest-unknown');
  await store.sweep();
  assert.equal(await repository.has(two.target), true);
  // A user's rmi means it.
  await store.forget(one.target.digest, { verb: 'rmi' });
  await store.sweep();
  assert.equal(await repository.has(one.target), false);
});

test('a pushed blob that no manifest names goes after a day; a HEAD by a pusher gives it another', async (t) => {
  let time = Date.now();
  const store = await open(t, { now: () => new Date(time) });
  const repository = repo(store, 'me/app');
  const [asked, forgotten] = [Buffer.from('asked for'), Buffer.from('forgotten')];
  for (const bytes of [asked, forgotten]) await repository.write(blob(bytes), give(bytes));
  time += 23 * 3_600_000;
  assert.equal(await repository.has(blob(asked)), true);
  time += 2 * 3_600_000;
  const swept = await store.sweep();
  assert.deepEqual(
    swept.blobs.map(({ digest }) => digest),
    [blob(forgotten).digest],
  );
  assert.equal(await repository.has(blob(forgotten)), false);
  assert.deepEqual(await bytesOf(await repository.open(blob(asked))), asked);
});

test('referrers are listed for subjects that come later or never, and only where they were pushed', async (t) => {
  const store = await open(t);
  const image = await makeImage();
  const repository = repo(store, 'me/app');
  const empty = Buffer.from('{}');
  await repository.write({ ...blob(empty), mediaType: mediaTypes.ociEmpty }, give(empty));
  const config = { mediaType: mediaTypes.ociEmpty, digest: blob(empty).digest, size: 2 };
  const made: Descriptor[] = [];
  for (const artifactType of ['application/one', 'application/two', undefined]) {
    const annotations = { for: String(artifactType) };
    const document = {
      schemaVersion: 2,
      mediaType: mediaTypes.ociManifest,
      ...(artifactType ? { artifactType } : {}),
      config,
      layers: [config],
      subject: image.target,
      annotations,
    };
    const bytes = Buffer.from(JSON.stringify(document));
    const target = { mediaType: mediaTypes.ociManifest, digest: digestOf(bytes), size: bytes.length };
    await repository.write(target, give(bytes));
    made.push({ ...target, artifactType: artifactType ?? mediaTypes.ociEmpty, annotations });
  }
  const sorted = made.toSorted((a, b) => (a.digest < b.digest ? -1 : 1));
  assert.deepEqual(await repository.referrers(image.target), sorted);
  assert.deepEqual(
    await repository.referrers(image.target, 'application/one'),
    sorted.filter(({ artifactType }) => artifactType === 'application/one'),
  );
  await putImage(repository, image);
  assert.deepEqual(await repository.referrers(image.target), sorted);
  await putImage(repo(store, 'other/app'), image);
  assert.deepEqual(await repo(store, 'other/app').referrers(image.target), []);
  assert.deepEqual(await repository.referrers(blob('unknown')), []);
  await repository.delete(sorted[0] ?? image.target);
  assert.deepEqual(await repository.referrers(image.target), sorted.slice(1));
});

test('a manifest that lies about a size, and one that is two things at once, are refused', async (t) => {
  const store = await open(t);
  const repository = repo(store, 'me/app');
  const image = await makeImage();
  await putImage(repository, image);
  const push = (document: object) => {
    const bytes = Buffer.from(JSON.stringify(document));
    return repository.write({ mediaType: mediaTypes.ociManifest, digest: digestOf(bytes), size: bytes.length }, give(bytes));
  };
  const layers = image.layers;
  await fails(push({ schemaVersion: 2, mediaType: mediaTypes.ociManifest, config: { ...image.config, size: 1 }, layers }), 'size-mismatch');
  await fails(
    push({ schemaVersion: 2, mediaType: mediaTypes.ociManifest, config: image.config, layers, manifests: [] }),
    'invalid-content',
  );
  await fails(push({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: [] }), 'invalid-content');
});

test('pages of tags lose and repeat nothing, and are in plain ASCII order', async (t) => {
  const store = await open(t);
  const image = await makeImage();
  const repository = repo(store, 'me/app');
  await putImage(repository, image);
  await putImage(repo(store, 'me/app2'), image);
  const near = fc.stringMatching(/^[0-9A-Za-z_][0-9A-Za-z_.-]{0,3}$/);
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(near, { minLength: 1, maxLength: 8 }),
      fc.integer({ min: 1, max: 5 }),
      near,
      async (tags, limit, last) => {
        for (const tag of tags) await repository.tag(image.target, tag);
        await repo(store, 'me/app2').tag(image.target, tags[0] ?? 'x');
        const all = await repository.tags();
        const sorted = all.toSorted((left, right) => Buffer.compare(Buffer.from(left), Buffer.from(right)));
        assert.deepEqual(all, sorted);
        for (const tag of tags) assert.ok(all.includes(tag));
        const pages: string[] = [];
        for (let from = ''; ; from = pages.at(-1) ?? '') {
          const page = await repository.tags({ limit, last: from });
          pages.push(...page);
          if (page.length < limit) break;
        }
        assert.deepEqual(pages, all);
        assert.deepEqual(
          await repository.tags({ last }),
          all.filter((tag) => Buffer.compare(Buffer.from(tag), Buffer.from(last)) > 0),
        );
      },
    ),
    { numRuns: 15 },
  );
});

test('a repository that nobody pushed to is not found', async (t) => {
  const store = await open(t);
  await fails(repo(store, 'no/body').tags(), 'not-found');
  assert.deepEqual(await repo(store, 'no/body').referrers(blob('x')), []);
  await fails(repo(store, 'no/body').upload('x'), 'upload-unknown');
});

test('an image of another media type for the same bytes keeps the first', async (t) => {
  const store = await open(t);
  const image: MadeImage = await makeImage();
  const repository = repo(store, 'me/app');
  await putImage(repository, image);
  const document = { schemaVersion: 2, config: image.config, layers: image.layers };
  const bytes = Buffer.from(JSON.stringify(document));
  const target = { mediaType: mediaTypes.ociManifest, digest: digestOf(bytes), size: bytes.length };
  await repository.write(target, give(bytes));
  await repository.write({ ...target, mediaType: mediaTypes.dockerManifest }, give(bytes));
  assert.deepEqual(await repository.resolve(target.digest), target);
});
