/** A repository's path and the local name are one thing: what comes in by one door goes out by the other. */
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { image, index, pushBlob, push, put, startDoor, type Door } from './registry-door.ts';
import { parseDigest } from '../../src/model/digest.ts';

test('a name without a host is docker.io, one component alone its library', async (t) => {
  const door = await startDoor(t);
  const one = image();
  await push(door, 'nanoserver', '1', one);
  for (const path of [
    'nanoserver',
    'library/nanoserver',
    'docker.io/nanoserver',
    'docker.io/library/nanoserver',
    'index.docker.io/library/nanoserver',
  ]) {
    const answer = await door.send('GET', `/v2/${path}/manifests/1`);
    assert.equal(answer.status, 200, path);
    assert.deepEqual(answer.body, one.manifest.bytes);
    assert.deepEqual((await door.send('GET', `/v2/${path}/tags/list`)).json(), { name: path, tags: ['1'] });
  }
  const names = await door.store.names();
  assert.deepEqual(
    names.map(({ reference }) => reference),
    [{ registry: 'docker.io', repository: 'library/nanoserver', tag: '1' }],
  );
  assert.deepEqual((await door.send('GET', '/v2/_catalog')).json(), { repositories: ['nanoserver'] });
  await push(door, 'library/other', '1', one);
  assert.deepEqual((await door.send('GET', '/v2/_catalog')).json(), { repositories: ['nanoserver', 'other'] });
});

test('a first component with a dot, or localhost, is a registry', async (t) => {
  const door = await startDoor(t);
  const one = image();
  await push(door, 'quay.io/me/app', '1', one);
  await push(door, 'localhost/app', '1', one);
  await push(door, 'foo.bar', '1', one);
  const names = await door.store.names();
  assert.deepEqual(names.map(({ reference: { registry, repository } }) => `${registry} ${repository}`).toSorted(), [
    'docker.io library/foo.bar',
    'localhost app',
    'quay.io me/app',
  ]);
});

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

async function pulled(door: Door, name: string, options: { origin?: true } = {}) {
  const [one, other] = [image(), image()];
  const whole = index([one.manifest, other.manifest]);
  await using ingest = await door.store.begin({ verb: 'pull' });
  const descriptorOf = (blob: { bytes: Buffer; digest: string }, mediaType: string) => ({
    mediaType,
    digest: parseDigest(blob.digest),
    size: blob.bytes.length,
  });
  const write = async (blob: { bytes: Buffer; digest: string }, mediaType: string, more = {}) =>
    ingest.write(descriptorOf(blob, mediaType), async (offset) => once(blob.bytes.subarray(offset)), more);
  const [config, ...layers] = one.blobs;
  await write(config ?? assert.fail(), 'application/vnd.oci.image.config.v1+json');
  for (const layer of layers) await write(layer, 'application/vnd.oci.image.layer.v1.tar+gzip');
  await write(one.manifest, one.manifest.mediaType);
  if (options.origin) await write(whole, whole.mediaType, { sparse: true });
  await ingest.tag(
    descriptorOf(one.manifest, one.manifest.mediaType),
    name,
    options.origin ? { origin: descriptorOf(whole, whole.mediaType) } : {},
  );
  return { one, whole };
}

test('what was pulled is served at once, blobs and all, and under ?ns= where its host has a port', async (t) => {
  const door = await startDoor(t);
  const local = await pulled(door, 'debian:12');
  const hosted = await pulled(door, 'registry.example:5000/team/app:2');
  assert.deepEqual((await door.send('GET', '/v2/debian/manifests/12')).body, local.one.manifest.bytes);
  for (const blob of local.one.blobs)
    assert.deepEqual((await door.send('GET', `/v2/library/debian/blobs/${blob.digest}`)).body, blob.bytes);
  const ns = '?ns=registry.example:5000';
  const answer = await door.send('GET', `/v2/team/app/manifests/2${ns}`);
  assert.deepEqual(answer.body, hosted.one.manifest.bytes);
  assert.equal(answer.headers['oci-namespace'], 'registry.example:5000');
  for (const blob of hosted.one.blobs)
    assert.deepEqual((await door.send('GET', `/v2/team/app/blobs/${blob.digest}${ns}`)).body, blob.bytes);
  for (const path of ['team/app/tags/list', `team/app/referrers/${hosted.one.manifest.digest}`, '_catalog'])
    assert.equal((await door.send('GET', `/v2/${path}${ns}`)).headers['oci-namespace'], 'registry.example:5000', path);
  assert.deepEqual((await door.send('GET', `/v2/team/app/tags/list${ns}`)).json(), { name: 'team/app', tags: ['2'] });
  assert.deepEqual((await door.send('GET', `/v2/_catalog${ns}`)).json(), { repositories: ['team/app'] });
  assert.deepEqual((await door.send('GET', '/v2/_catalog')).json(), { repositories: ['debian'] }, 'no path can name the other');
  assert.equal((await door.send('GET', '/v2/team/app/manifests/2')).status, 404);
  assert.equal((await door.send('GET', '/v2/debian/manifests/12?ns=docker.io')).status, 200);
  assert.equal((await door.send('GET', '/v2/library/debian/manifests/12?ns=docker.io')).status, 200);
  for (const other of ['quay.io', 'example', 'a b', '../..', 'x'.repeat(3000), ''])
    assert.ok(
      [400, 404].includes((await door.send('GET', `/v2/library/debian/manifests/12?ns=${encodeURIComponent(other)}`)).status),
      other,
    );
});

test('a push with ?ns= keeps the namespace all the way', async (t) => {
  const door = await startDoor(t);
  const one = image();
  const ns = '?ns=registry.example:5000';
  for (const { bytes, digest } of one.blobs) {
    const begun = await door.send('POST', `/v2/app/blobs/uploads/${ns}`);
    assert.equal(begun.status, 202);
    const patched = await door.send('PATCH', String(begun.headers.location), { body: bytes });
    assert.equal(patched.status, 202);
    const done = await door.send('PUT', `${String(patched.headers.location)}&digest=${digest}`);
    assert.equal(done.status, 201);
    assert.deepEqual((await door.send('GET', String(done.headers.location))).body, bytes);
  }
  const answer = await door.send('PUT', `/v2/app/manifests/1${ns}`, {
    headers: { 'Content-Type': one.manifest.mediaType },
    body: one.manifest.bytes,
  });
  assert.equal(answer.status, 201);
  assert.deepEqual((await door.send('GET', String(answer.headers.location))).body, one.manifest.bytes);
  assert.deepEqual(
    (await door.store.names()).map(({ reference }) => reference.registry),
    ['registry.example:5000'],
  );
});

test('one platform of an index is served under its tag as that platform', async (t) => {
  const door = await startDoor(t);
  const { one } = await pulled(door, 'busybox:1', { origin: true });
  const answer = await door.send('GET', '/v2/busybox/manifests/1');
  assert.equal(answer.headers['docker-content-digest'], one.manifest.digest);
  assert.deepEqual(answer.body, one.manifest.bytes);
});

test('what is pushed is an image of the store at once', async (t) => {
  const door = await startDoor(t);
  const one = image();
  await push(door, 'team/app', '1', one);
  const [record] = await door.store.images();
  assert.equal(record?.target.digest, one.manifest.digest);
  assert.equal((await door.store.find('team/app:1')).target.digest, one.manifest.digest);
  await door.store.untag({ registry: 'docker.io', repository: 'team/app', tag: '1' }, { verb: 'rmi' });
  assert.equal((await door.send('GET', '/v2/team/app/manifests/1')).status, 404, 'and what is removed there is gone here');
});

test('names that the grammar does not allow are 400, whatever is tried with them', async (t) => {
  const door = await startDoor(t);
  const bad = [
    'UPPER/app',
    'a//b',
    '-a',
    'a-',
    'a/..',
    '..%2f..%2fetc',
    'a%2fb',
    'a%5cb',
    '%2e%2e/a',
    'a b',
    'a%00',
    '%ff',
    '%',
    'ü',
    'a:5000/b',
    `${'a'.repeat(256)}`,
    '_',
    'a/_/b',
    'a___b',
  ];
  for (const name of bad) {
    for (const [method, rest] of [
      ['GET', 'manifests/x'],
      ['GET', 'tags/list'],
      ['POST', 'blobs/uploads/'],
      ['PUT', 'manifests/x'],
    ] as const) {
      const path = `/v2/${encodeURI(name).replaceAll('%25', '%')}/${rest}`;
      const answer = await door.send(method, path);
      assert.equal(answer.status, 400, `${method} ${path}: ${answer.status}`);
      assert.match(answer.body.toString(), /NAME_INVALID/);
    }
  }
  assert.deepEqual(await door.store.repositories(), []);
});

test('names may hold the words of the paths', async (t) => {
  const door = await startDoor(t);
  const one = image();
  for (const name of [
    'manifests',
    'blobs/uploads',
    'tags/list',
    'a/manifests/b',
    'a/blobs/uploads/b',
    'tags/list/tags/list',
    'v2',
    'a__b/c-d.e/f--g',
  ]) {
    for (const blob of one.blobs) await pushBlob(door, name, blob);
    assert.equal((await put(door, name, 'uploads', one.manifest)).status, 201, name);
    assert.deepEqual((await door.send('GET', `/v2/${name}/tags/list`)).json(), { name, tags: ['uploads'] });
    assert.deepEqual((await door.send('GET', `/v2/${name}/manifests/uploads`)).body, one.manifest.bytes);
  }
});

test('a digest or a tag may be percent-encoded', async (t) => {
  const door = await startDoor(t);
  const one = image();
  await push(door, 'app', 'x.1', one);
  assert.equal((await door.send('GET', `/v2/app/manifests/${encodeURIComponent(one.manifest.digest)}`)).status, 200);
  assert.equal((await door.send('GET', '/v2/app/manifests/x%2E1')).status, 200);
});
