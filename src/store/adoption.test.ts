import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';

import { isImageError, type ErrorCode } from '../errors.ts';
import type { Descriptor } from '../model/descriptor.ts';
import { digestAlgorithm, digestHex, digestOf, type Digest } from '../model/digest.ts';
import { mediaTypes } from '../model/media-types.ts';
import { familiar, parseReference } from '../model/reference.ts';
import { bytesOf, makeImage, makeIndex, putImage, type MadeImage } from '../../test/support/make-image.ts';
import { openStore, storeFolder } from '../../test/support/open-store.ts';
import { ImageStore } from './image-store.ts';

/** What any other tool does: blobs, then index.json. */
function writeBlobs(folder: string, image: MadeImage, leaveOut: readonly string[] = []): void {
  mkdirSync(join(folder, 'blobs', 'sha256'), { recursive: true });
  for (const [digest, bytes] of image.blobs) if (!leaveOut.includes(digest)) writeBlob(folder, digest as Digest, bytes);
}

function blobFile(folder: string, digest: Digest): string {
  return join(folder, 'blobs', digestAlgorithm(digest), digestHex(digest));
}

function writeBlob(folder: string, digest: Digest, bytes: Uint8Array): void {
  if (existsSync(blobFile(folder, digest))) chmodSync(blobFile(folder, digest), 0o644);
  writeFileSync(blobFile(folder, digest), bytes);
}

interface Entry {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly annotations?: Record<string, string>;
}

const readEntries = (folder: string) => (JSON.parse(readFileSync(join(folder, 'index.json'), 'utf8')) as { manifests: Entry[] }).manifests;
const writeEntries = (folder: string, manifests: readonly unknown[], more: object = {}) =>
  writeFileSync(join(folder, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests, ...more }));
const entry = ({ mediaType, digest, size }: Descriptor, name?: string): Entry => ({
  mediaType,
  digest,
  size,
  ...(name === undefined ? {} : { annotations: { 'org.opencontainers.image.ref.name': name } }),
});
const refNames = (folder: string) =>
  readEntries(folder)
    .map(({ annotations }) => annotations?.['org.opencontainers.image.ref.name'])
    .toSorted();

async function open(t: TestContext, folder = storeFolder(t)): Promise<{ store: ImageStore; folder: string }> {
  return { store: await openStore(t, folder), folder };
}

async function put(store: ImageStore, image: MadeImage, ...names: readonly string[]): Promise<void> {
  await using ingest = await store.begin({ verb: 'pull' });
  await putImage(ingest, image);
  for (const name of names) await ingest.tag(image.target, name);
}

async function fails(promise: Promise<unknown>, code: ErrorCode, message?: RegExp): Promise<void> {
  await assert.rejects(promise, (error) => {
    assert.ok(isImageError(error, code), String(error));
    if (message) assert.match(error.message, message);
    return true;
  });
}

test('what another tool changed while no process was there is seen at the next start, also where the size is the same', async (t) => {
  const { store, folder } = await open(t);
  const [one, two] = [await makeImage({ layers: ['one'] }), await makeImage({ layers: ['two'] })];
  await put(store, one, 'app:1');
  await put(store, two, 'app:2');
  await store.close();
  const before = readFileSync(join(folder, 'index.json'), 'utf8');
  const after = before.replaceAll(/"digest":\s*"sha256:\w+"/g, (text) =>
    text.includes(one.target.digest) ? text.replace(one.target.digest, two.target.digest) : text,
  );
  assert.notEqual(after, before);
  assert.equal(after.length, before.length);
  const again = await open(t, folder);
  assert.equal((await again.store.resolve('app:1')).digest, one.target.digest);
  await again.store.close();

  writeFileSync(join(folder, 'index.json'), after);
  const last = await open(t, folder);
  assert.equal((await last.store.resolve('app:1')).digest, two.target.digest);
});

test('a name that another tool leaves out or writes back stays as it is here, and other tools see it so again', async (t) => {
  const { store, folder } = await open(t);
  const [one, two] = [await makeImage({ layers: ['one'] }), await makeImage({ layers: ['two'] })];
  await put(store, one, 'app:1', 'app:2');
  await put(store, two, 'app:3');
  await put(store, await makeImage({ layers: ['three'] }));
  await store.close();
  const [all, before] = [readEntries(folder), refNames(folder)];
  // As `umoci rm` does it.
  writeEntries(
    folder,
    all.filter(({ digest }) => digest !== two.target.digest),
  );
  const left = await open(t, folder);
  assert.deepEqual((await left.store.names()).map(({ reference }) => familiar(reference)).toSorted(), ['app:1', 'app:2', 'app:3']);
  await left.store.close();
  assert.deepEqual(refNames(folder), before);

  const again = await open(t, folder);
  await again.store.untag(parseReference('app:2'), { verb: 'untag' });
  await again.store.close();
  writeEntries(folder, all);
  const last = await open(t, folder);
  await fails(last.store.resolve('app:2'), 'not-found');
  await last.store.close();
  assert.deepEqual(refNames(folder), ['app:1', 'app:3']);
});

test('a folder that has lost both of its own files is the same layout again, names and all', async (t) => {
  const { store, folder } = await open(t);
  await put(store, await makeImage(), 'app:1');
  await store.close();
  const before = readEntries(folder);
  for (const file of ['index.json', 'oci-layout']) rmSync(join(folder, file));
  const again = await open(t, folder);
  await again.store.close();
  assert.deepEqual(readEntries(folder), before);
});

test('what another tool writes is there at the next use, however it is named', async (t) => {
  const { store, folder } = await open(t);
  const image = await makeImage();
  writeBlobs(folder, image);
  const cases: [typed: string, name: string][] = [
    ['app', 'app:latest'],
    ['app2:v1', 'app2:v1'],
    ['docker.io/library/app3:v1', 'app3:v1'],
    ['localhost:5000/me/app:v1', 'localhost:5000/me/app:v1'],
    ['quay.io/me/app', 'quay.io/me/app:latest'],
  ];
  writeEntries(
    folder,
    cases.map(([typed]) => entry(image.target, typed)),
  );
  for (const [typed, name] of cases) {
    assert.deepEqual(await store.resolve(typed), image.target, typed);
    assert.deepEqual(await store.resolve(name), image.target, name);
  }
  const [record] = await store.images();
  assert.deepEqual(record?.names.map(({ reference }) => familiar(reference)).toSorted(), cases.map(([, name]) => name).toSorted());
  assert.deepEqual(record.platforms[0]?.layers, image.layers);
  assert.deepEqual(
    (await store.journal()).map(({ actor, verb }) => [actor, verb]),
    cases.map(() => ['folder', 'adopt']),
  );
  await store.flush();
  const names = new Set(refNames(folder));
  for (const [typed, name] of cases) assert.ok(names.has(typed) && names.has(name), `both ${typed} and ${name} are in index.json`);
  assert.deepEqual(await store.check(), []);
});

test('containerd and docker write the whole name, and the tag beside it', async (t) => {
  const { store, folder } = await open(t);
  const [one, two] = [await makeImage({ layers: ['one'] }), await makeImage({ layers: ['two'] })];
  writeBlobs(folder, one);
  writeBlobs(folder, two);
  const named = (image: MadeImage, name: string, tag: string) => ({
    ...entry(image.target),
    annotations: { 'io.containerd.image.name': name, 'org.opencontainers.image.ref.name': tag },
  });
  writeEntries(folder, [named(one, 'docker.io/library/debian:12', '12'), named(two, 'docker.io/library/node:12', '12')]);
  assert.deepEqual(await store.resolve('debian:12'), one.target);
  assert.deepEqual(await store.resolve('node:12'), two.target);
  assert.equal((await store.names()).length, 2);
});

test('a name that is no reference is kept as it was typed, and found by it', async (t) => {
  const { store, folder } = await open(t);
  const image = await makeImage();
  writeBlobs(folder, image);
  writeEntries(folder, [entry(image.target, 'My App 1.0')]);
  assert.deepEqual(await store.resolve('My App 1.0'), image.target);
  assert.deepEqual(
    (await store.images()).map(({ names }) => names),
    [[]],
  );
  await put(store, await makeImage({ layers: ['other'] }), 'other');
  await store.flush();
  assert.deepEqual(refNames(folder), ['My App 1.0', 'other:latest']);
});

test('an image without a name is dangling, and stays in index.json', async (t) => {
  const { store, folder } = await open(t);
  const image = await makeImage();
  writeBlobs(folder, image);
  writeEntries(folder, [entry(image.target)]);
  assert.deepEqual(
    (await store.images()).map(({ target, names }) => [target, names]),
    [[image.target, []]],
  );
  await put(store, await makeImage({ layers: ['other'] }), 'other');
  await store.sweep();
  assert.equal(await store.has(image.target), true);
  assert.equal(readEntries(folder).filter(({ digest }) => digest === image.target.digest).length, 1);
  await store.forget(image.target.digest, { verb: 'prune' });
  await store.sweep();
  assert.deepEqual(refNames(folder), ['other:latest']);
});

test('a name that another tool moves is moved, in whichever spelling', async (t) => {
  const { store, folder } = await open(t);
  const [one, two, three] = [
    await makeImage({ layers: ['one'] }),
    await makeImage({ layers: ['two'] }),
    await makeImage({ layers: ['three'] }),
  ];
  writeBlobs(folder, one);
  writeEntries(folder, [entry(one.target, 'app')]);
  assert.deepEqual(await store.resolve('app'), one.target);
  await store.flush();
  // skopeo copy … oci:STORE:app replaces the entry of that spelling, and knows nothing of the other.
  writeBlobs(folder, two);
  writeEntries(
    folder,
    readEntries(folder).map((old) => (old.annotations?.['org.opencontainers.image.ref.name'] === 'app' ? entry(two.target, 'app') : old)),
  );
  assert.deepEqual(await store.resolve('app'), two.target);
  await store.flush();
  assert.deepEqual(
    readEntries(folder).map(({ digest }) => digest),
    [two.target.digest, two.target.digest, one.target.digest],
    'both spellings follow, and the old image is dangling',
  );
  // Once we move the name, the other spelling says no more what it said.
  await put(store, three, 'app');
  await store.flush();
  assert.deepEqual(
    readEntries(folder)
      .filter(({ annotations }) => annotations)
      .map(({ digest }) => digest),
    [three.target.digest],
  );
});

test('what another tool leaves out means nothing', async (t) => {
  const { store, folder } = await open(t);
  const image = await makeImage();
  await put(store, image, 'app', 'other');
  await store.flush();
  writeEntries(folder, readEntries(folder).slice(1));
  assert.equal((await store.names()).length, 2);
  writeEntries(folder, []);
  await store.sweep();
  assert.equal((await store.names()).length, 2);
  assert.equal(await store.has(image.target), true);
});

test('a tool that read index.json long ago, and writes it back with its own image, undoes nothing', async (t) => {
  const { store, folder } = await open(t);
  const [one, two, theirs] = [
    await makeImage({ layers: ['one'] }),
    await makeImage({ layers: ['two'] }),
    await makeImage({ layers: ['theirs'] }),
  ];
  await put(store, one, 'app', 'gone');
  await store.flush();
  const read = readEntries(folder);
  // Meanwhile, and written to index.json too:
  await put(store, two, 'app', 'new');
  await store.untag(parseReference('gone:latest'), { verb: 'rmi' });
  await store.flush();
  writeBlobs(folder, theirs);
  writeEntries(folder, [...read, entry(theirs.target, 'theirs')]);
  assert.deepEqual(await store.resolve('theirs'), theirs.target);
  assert.deepEqual(await store.resolve('app'), two.target, 'the name is where we moved it');
  assert.deepEqual(await store.resolve('new'), two.target);
  await fails(store.resolve('gone'), 'not-found');
  await store.flush();
  assert.deepEqual(
    refNames(folder).filter((name) => name !== undefined),
    ['app:latest', 'new:latest', 'theirs', 'theirs:latest'],
  );
});

test('a tool that moves a name back to an older image does move it', async (t) => {
  const { store, folder } = await open(t);
  const [one, two] = [await makeImage({ layers: ['one'] }), await makeImage({ layers: ['two'] })];
  await put(store, one, 'app');
  await put(store, two, 'app');
  await store.flush();
  writeEntries(
    folder,
    readEntries(folder).map((old) => (old.annotations ? entry(one.target, 'app:latest') : old)),
  );
  assert.deepEqual(await store.resolve('app'), one.target);
});

test('an index whose other platforms are absent, and content that is missing, keep their names and say what is missing', async (t) => {
  const { store, folder } = await open(t);
  const index = await makeIndex([
    { os: 'linux', architecture: 'amd64' },
    { os: 'linux', architecture: 'arm64' },
  ]);
  const [here, absent] = index.images;
  assert.ok(here && absent);
  writeBlobs(folder, index, [absent.target.digest]);
  writeEntries(folder, [entry(index.target, 'many')]);
  const [record] = await store.images();
  assert.deepEqual(
    record?.platforms.map(({ manifest }) => manifest.digest),
    [here.target.digest],
  );
  assert.equal(await store.has(index.target), false);
  await fails(store.read(absent.target, 1_000_000), 'manifest-unknown');
  // It comes later.
  writeBlob(folder, absent.target.digest, absent.blobs.get(absent.target.digest) ?? Buffer.alloc(0));
  assert.deepEqual(await store.read(absent.target, 1_000_000), absent.blobs.get(absent.target.digest));
});

test('a layer that is not what it says is named when it is asked for, never served, and put right by the next pull', async (t) => {
  const { store, folder } = await open(t);
  const image = await makeImage();
  const [layer] = image.layers;
  assert.ok(layer);
  const bytes = image.blobs.get(layer.digest) ?? Buffer.alloc(0);
  writeBlobs(folder, image);
  const wrong = Buffer.from(bytes);
  wrong[20] = (wrong[20] ?? 0) ^ 1;
  writeBlob(folder, layer.digest, wrong);
  writeEntries(folder, [entry(image.target, 'app')]);
  assert.deepEqual(await store.resolve('app'), image.target, 'a list does not hash layers');
  await fails(
    bytesOf(await store.open(image.config)).then(() => store.open(layer)),
    'digest-mismatch',
    new RegExp(digestHex(layer.digest)),
  );
  await fails(store.open(layer), 'digest-mismatch');
  assert.equal(await store.has(image.target), false);
  assert.deepEqual(
    (await store.check()).map(({ kind, digest }) => [kind, digest]),
    [
      ['damaged', layer.digest],
      ['incomplete', layer.digest],
    ],
  );
  await put(store, image, 'app');
  assert.deepEqual(await bytesOf(await store.open(layer)), bytes);
  assert.deepEqual(await store.check(), []);
});

test('a pull does not rely on a layer that nobody has verified', async (t) => {
  const { store, folder } = await open(t);
  const image = await makeImage();
  const [layer] = image.layers;
  assert.ok(layer);
  writeBlobs(folder, image);
  writeBlob(folder, layer.digest, Buffer.alloc(layer.size));
  writeEntries(folder, [entry(image.target, 'app')]);
  await store.images();
  await using ingest = await store.begin();
  assert.equal(await ingest.has(image.target), false);
  assert.equal(await ingest.has(layer), false);
});

test('a manifest or config of wrong content or size is not listed with what it says', async (t) => {
  for (const [what, change] of [
    ['content', (bytes: Buffer) => Buffer.from(bytes.map((byte, at) => (at === 30 ? byte ^ 1 : byte)))],
    ['size', (bytes: Buffer) => bytes.subarray(0, -1)],
    ['nothing', () => Buffer.alloc(0)],
  ] as const) {
    const { store, folder } = await open(t);
    const image = await makeImage();
    writeBlobs(folder, image);
    writeBlob(folder, image.target.digest, change(image.blobs.get(image.target.digest) ?? Buffer.alloc(0)));
    writeEntries(folder, [entry(image.target, 'app')]);
    const [record] = await store.images();
    assert.deepEqual(record?.platforms, [], what);
    const { target } = await store.find('app');
    await fails(store.read(target, 1_000_000), 'digest-mismatch', /is not what its name says/);
    await store.untag(parseReference('app:latest'), { verb: 'rmi' });
    assert.deepEqual(await store.names(), [], 'and its name can be removed');
  }
});

test('an entry of index.json that is wrong about the size is taken in with the size of the file, whose digest is right', async (t) => {
  for (const size of [1, 100_000_000]) {
    const { store, folder } = await open(t);
    const image = await makeImage();
    writeBlobs(folder, image);
    writeEntries(folder, [entry({ ...image.target, size }, 'app')]);
    const [record] = await store.images();
    assert.equal(record?.platforms.length, 1);
    const { target } = await store.find('app');
    assert.deepEqual(target, image.target);
    assert.deepEqual(await store.read(target, 1_000_000), image.blobs.get(image.target.digest));
    await put(store, image, 'other');
    await store.flush();
    const sizes = new Set(readEntries(folder).map((one) => one.size));
    assert.deepEqual([...sizes], [image.target.size], 'and the file is put right when it is written next');
  }
});

test('a wrong file that another tool replaces is looked at again', async (t) => {
  const { store, folder } = await open(t);
  const image = await makeImage();
  const [layer] = image.layers;
  assert.ok(layer);
  writeBlobs(folder, image);
  writeBlob(folder, layer.digest, Buffer.from('wrong'));
  writeEntries(folder, [entry(image.target, 'app')]);
  await store.images();
  await fails(store.open(layer), 'digest-mismatch');
  writeBlob(folder, layer.digest, image.blobs.get(layer.digest) ?? Buffer.alloc(0));
  assert.deepEqual(await bytesOf(await store.open(layer)), image.blobs.get(layer.digest));
});

test('what is not ours to understand stays in index.json', async (t) => {
  const { store, folder } = await open(t);
  const strange = [
    { mediaType: 'application/vnd.example+json', digest: `sha256:${'0'.repeat(64)}`, size: 3, annotations: { a: 'b' } },
    { mediaType: mediaTypes.ociManifest, digest: 'blake3:abc', size: 3 },
    'not even an object',
  ];
  writeEntries(folder, strange, { annotations: { of: 'the index' } });
  await put(store, await makeImage(), 'app');
  await store.flush();
  const text = JSON.parse(readFileSync(join(folder, 'index.json'), 'utf8')) as { manifests: unknown[]; annotations: unknown };
  assert.deepEqual(text.manifests.slice(1), strange);
  assert.deepEqual(text.annotations, { of: 'the index' });
});

test('an index.json that cannot be read is put aside, and written again from what we know', async (t) => {
  const { store, folder } = await open(t);
  await put(store, await makeImage(), 'app');
  await store.flush();
  writeFileSync(join(folder, 'index.json'), '{"schemaVersion":2,"manif');
  assert.equal((await store.names()).length, 1);
  await store.flush();
  assert.deepEqual(refNames(folder), ['app:latest']);
  rmSync(join(folder, 'index.json'));
  await store.flush();
  assert.deepEqual(refNames(folder), ['app:latest']);
});

test('a whole layout of another tool becomes a store, and loses nothing', async (t) => {
  const folder = storeFolder(t);
  const [one, two] = [await makeImage({ layers: ['one'] }), await makeImage({ layers: ['two'] })];
  writeBlobs(folder, one);
  writeBlobs(folder, two);
  writeFileSync(join(folder, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
  writeEntries(folder, [entry(one.target, 'one'), entry(two.target)]);
  const { store } = await open(t, folder);
  assert.equal((await store.images()).length, 2);
  await store.sweep();
  assert.deepEqual(await store.check(), []);
  assert.equal(await store.has(two.target), true);
});

test('an oci-layout that says nothing, or is gone, is whole again after the next change', async (t) => {
  const folder = storeFolder(t);
  const file = join(folder, 'oci-layout');
  const { store } = await open(t, folder);
  const image = await makeImage();
  await put(store, image, 'app');
  await store.flush();
  for (const [turn, text] of ['', '{"imageLay', '[]', '{}', undefined].entries()) {
    rmSync(file);
    if (text !== undefined) writeFileSync(file, text);
    await put(store, image, `app:${turn}`);
    await store.flush();
    assert.deepEqual(JSON.parse(readFileSync(file, 'utf8')), { imageLayoutVersion: '1.0.0' }, String(text));
  }
  writeFileSync(file, '{"imageLayoutVersion":"1.1.0"}');
  await put(store, image, 'app:other');
  await store.flush();
  assert.deepEqual(JSON.parse(readFileSync(file, 'utf8')), { imageLayoutVersion: '1.1.0' }, 'what another tool says of it stands');
});

test('the names come back from index.json where the database is lost', async (t) => {
  const folder = storeFolder(t);
  const image = await makeImage();
  {
    await using store = await ImageStore.open(folder);
    await put(store, image, 'app', 'localhost:5000/app:1');
  }
  for (const file of ['store.sqlite', 'store.sqlite-wal', 'store.sqlite-shm']) rmSync(join(folder, 'bay', file), { force: true });
  const { store } = await open(t, folder);
  assert.deepEqual(
    (await store.names()).map(({ reference }) => familiar(reference)),
    ['app:latest', 'localhost:5000/app:1'],
  );
  assert.deepEqual(await store.check(), []);
  assert.equal(await store.has(image.target), true);
});

test('what only an entry of a kind that we do not know points at is no stray, and is not swept', async (t) => {
  const folder = storeFolder(t);
  const image = await makeImage();
  const bytes = Buffer.from('{"of":"another tool"}');
  const foreign = { mediaType: 'application/vnd.example+json', digest: digestOf(bytes), size: bytes.length };
  {
    await using store = await ImageStore.open(folder);
    await put(store, image, 'app:1');
    await store.flush();
    writeBlob(folder, foreign.digest, bytes);
    // And one that points into an image of ours.
    writeEntries(folder, [...readEntries(folder), foreign, { ...image.config, annotations: { of: 'another tool' } }]);
    assert.equal((await store.names()).length, 1);
  }
  await using later = await ImageStore.open(folder, { now: () => new Date(Date.now() + 25 * 60 * 60 * 1000) });
  await later.forget(image.target.digest, { names: 'all', verb: 'rmi' });
  const planned = await later.sweep({ dryRun: true });
  assert.deepEqual(await later.sweep(), planned);
  assert.equal(planned.strays, 0);
  assert.deepEqual(
    [foreign.digest, image.config.digest, image.target.digest].map((digest) => existsSync(blobFile(folder, digest))),
    [true, true, false],
  );
});

test('a file that nothing speaks of is swept after a day, not before', async (t) => {
  const folder = storeFolder(t);
  const image = await makeImage();
  {
    await using store = await ImageStore.open(folder);
    writeBlobs(folder, image);
    assert.equal((await store.sweep()).bytes, 0, 'its tool has not named it yet');
  }
  await using later = await ImageStore.open(folder, { now: () => new Date(Date.now() + 25 * 60 * 60 * 1000) });
  await later.sweep();
  for (const digest of image.blobs.keys()) assert.equal(existsSync(blobFile(folder, digest as Digest)), false);
});

test('an attestation is no platform of the image that it speaks of', async (t) => {
  const { store } = await open(t);
  const image = await makeImage();
  const statement = await makeImage({ layers: ['statement'], platform: { os: 'unknown', architecture: 'unknown' } });
  await using ingest = await store.begin();
  await putImage(ingest, image);
  await putImage(ingest, statement);
  const manifests = [
    { ...image.target, platform: { os: 'linux', architecture: 'amd64' } },
    {
      ...statement.target,
      platform: { os: 'unknown', architecture: 'unknown' },
      annotations: { 'vnd.docker.reference.type': 'attestation-manifest', 'vnd.docker.reference.digest': image.target.digest },
    },
  ];
  const index = await ingest.add(
    mediaTypes.ociIndex,
    Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests })),
  );
  await ingest.tag(index, 'app');
  const [record] = await store.images();
  assert.deepEqual(
    record?.platforms.map(({ manifest }) => manifest.digest),
    [image.target.digest],
  );
});
