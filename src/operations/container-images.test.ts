import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import type { Digest } from '../model/digest.ts';
import { makeBase } from '../../test/support/base-image.ts';
import { makeImage, putImage, type MakeImageOptions } from '../../test/support/make-image.ts';
import { openStore } from '../../test/support/open-store.ts';
import type { RecordedIdentity } from '../store/image-identity.ts';
import type { ImageStore } from '../store/image-store.ts';
import { containerImages } from './container-images.ts';

const label = (title: string, vendor: string, version: string) => ({
  'org.opencontainers.image.title': title,
  'org.opencontainers.image.vendor': vendor,
  'org.opencontainers.image.version': version,
});

interface Added extends MakeImageOptions {
  readonly names?: readonly string[];
  readonly parent?: Digest;
  readonly identity?: RecordedIdentity;
}

async function add(store: ImageStore, { names = [], parent, identity, ...options }: Added): Promise<Digest> {
  const image = await makeImage(options);
  await using ingest = await store.begin({ verb: 'load' });
  await putImage(ingest, image);
  const recorded = parent === undefined ? undefined : ({ digest: parent, how: 'commit' } as const);
  for (const name of names) await ingest.name(image.target, name, { parent: recorded, identity });
  if (names.length === 0) await ingest.keep(image.target, { parent: recorded });
  return image.target.digest;
}

async function rows(t: TestContext, added: readonly Added[]): Promise<readonly string[]> {
  const store = await openStore(t);
  for (const one of added) await add(store, one);
  return (await containerImages({ store })).map(
    ({ name, publisher, version, publisherSource }) => `${name}|${publisher}|${version}|${publisherSource ?? ''}`,
  );
}

test("a docker image's name is its repository, its version the tag that is one, and it is one row", async (t) => {
  assert.deepEqual(await rows(t, [{ layers: ['a'], names: ['me/web:latest', 'me/web:1.2', 'other:x'] }]), ['me/web||1.2.0.0|']);
  assert.deepEqual(await rows(t, [{ layers: ['a'], names: ['debian:bookworm'] }]), ['debian|||']);
  assert.deepEqual(await rows(t, [{ layers: ['a'] }]), ['<none>|||']);
});

test('labels say who published it, and its version where no tag does', async (t) => {
  const labels = label('Ubuntu', 'Canonical', '24.04');
  assert.deepEqual(await rows(t, [{ layers: ['a'], names: ['ubuntu:noble'], labels }]), ['ubuntu|CN=Canonical|24.4.0.0|image']);
});

test('what goes by the name that cmdlets give is called what it calls itself', async (t) => {
  const labels = label('NanoServer', 'CN=Microsoft', '10.0.10586.0');
  assert.deepEqual(await rows(t, [{ layers: ['a'], names: ['nanoserver:10.0.10586.0', 'nanoserver:latest'], labels }]), [
    'NanoServer|CN=Microsoft|10.0.10586.0|image',
  ]);
  assert.deepEqual(await rows(t, [{ layers: ['a'], names: ['evil/nano:1.0'], labels }]), ['evil/nano|CN=Microsoft|1.0.0.0|image']);
});

test('what an installation recorded goes before what the image says', async (t) => {
  const identity = { name: 'NanoServer', publisher: 'CN=Microsoft', version: '10.0.1.0', source: 'catalogue' } as const;
  assert.deepEqual(await rows(t, [{ layers: ['a'], names: ['nanoserver:10.0.1.0'], labels: label('x', 'y', '1.0'), identity }]), [
    'NanoServer|CN=Microsoft|10.0.1.0|catalogue',
  ]);
});

test('labels that an image has from its parent say nothing of itself', async (t) => {
  const store = await openStore(t);
  const labels = label('Base', 'CN=Base', '1.0.0.0');
  const base = await add(store, { layers: ['a'], names: ['base:1.0.0.0'], labels });
  await add(store, { layers: ['a', 'b'], names: ['app:latest'], labels, parent: base });
  const [app] = await containerImages({ store });
  assert.deepEqual([app?.name, app?.publisher, app?.version, app?.parent?.name], ['app', '', '', 'Base']);
});

test('custom images stand before base images, each by name, the newest version first', async (t) => {
  const store = await openStore(t);
  for (const name of ['zeta:1.0', 'alpha:9.0', 'alpha:10.0']) {
    const files = { '/etc/name': name };
    await makeBase(store, { name, files });
  }
  await add(store, { layers: ['built'], names: ['derived:1.0'] });
  assert.deepEqual(
    (await containerImages({ store })).map(({ name, version, isOsImage }) => `${name} ${version} ${isOsImage}`),
    ['derived 1.0.0.0 false', 'alpha 10.0.0.0 true', 'alpha 9.0.0.0 true', 'zeta 1.0.0.0 true'],
  );
});

test('what names a base that is absent is no base', async (t) => {
  const store = await openStore(t);
  await add(store, { layers: ['a'], names: ['x:1'], annotations: { 'org.opencontainers.image.base.digest': `sha256:${'0'.repeat(64)}` } });
  assert.deepEqual(
    (await containerImages({ store })).map(({ isOsImage, parent }) => [isOsImage, parent]),
    [[false, undefined]],
  );
});

test('names and publishers are asked for with wildcards and in any case, versions filled up', async (t) => {
  const store = await openStore(t);
  const base = await add(store, { layers: ['a'], names: ['nano:1.0'], labels: label('', 'CN=Demo', '') });
  const child = await add(store, { layers: ['a', 'b'], names: ['core:2.0'] });
  const named = async (query: Parameters<typeof containerImages>[1]) => (await containerImages({ store }, query)).map(({ name }) => name);
  assert.deepEqual(await named({ name: 'N*' }), ['nano']);
  assert.deepEqual(await named({ name: 'NANO' }), ['nano']);
  assert.deepEqual(await named({ publisher: 'demo' }), ['nano']);
  assert.deepEqual(await named({ publisher: 'de*' }), ['nano']);
  assert.deepEqual(await named({ version: '2.0' }), ['core']);
  assert.deepEqual(await named({ childOf: base }), ['core']);
  assert.deepEqual(await named({ digest: child }), ['core']);
  await assert.rejects(named({ version: 'x' }), { code: 'invalid-argument' });
});

test('a parent that lost its last name is shown as deleted', async (t) => {
  const store = await openStore(t);
  const base = await add(store, { layers: ['a'], names: ['base:1.0'] });
  await add(store, { layers: ['a', 'b'], names: ['app:1.0'], parent: base });
  await store.forget(base, { verb: 'test', names: 'all' });
  const images = await containerImages({ store });
  assert.deepEqual(
    images.map(({ name, parent }) => [name, parent?.record, parent?.digest]),
    [['app', undefined, base]],
  );
});
