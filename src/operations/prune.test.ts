import assert from 'node:assert/strict';
import { readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';

import { makeImage, makeIndex, putImage, type MadeImage } from '../../test/support/make-image.ts';
import { openStore } from '../../test/support/open-store.ts';
import type { Descriptor } from '../model/descriptor.ts';
import { digestOf, type Digest } from '../model/digest.ts';
import type { ImageStore } from '../store/image-store.ts';
import type { NameOptions } from '../store/ingest.ts';
import { inspect } from './inspect.ts';
import { list } from './list.ts';
import { prune } from './prune.ts';
import { remove } from './remove.ts';

const now = () => new Date();

async function add(
  store: ImageStore,
  name: string | undefined,
  image: MadeImage | Awaited<ReturnType<typeof makeIndex>>,
  how: NameOptions = {},
) {
  await using ingest = await store.begin({ verb: 'load' });
  await putImage(ingest, image);
  if (name === undefined) await ingest.keep(image.target, how);
  else await ingest.name(image.target, name, how);
  return image.target.digest;
}

async function layOut(store: ImageStore, diffId: Digest | undefined, bytes: number): Promise<void> {
  assert.ok(diffId);
  await using draft = await store.draftFolder('tree');
  writeFileSync(join(draft.path, 'pack'), Buffer.alloc(bytes, 1));
  await store.addTree(diffId, draft, bytes);
}

/** What is really there: files of blobs, and of laid-out layers. */
function onDisk(store: ImageStore): number {
  let bytes = 0;
  for (const folder of [join(store.path, 'blobs'), join(store.path, 'bay', 'trees')])
    for (const entry of readdirSync(folder, { withFileTypes: true, recursive: true }))
      if (entry.isFile()) bytes += statSync(join(entry.parentPath, entry.name)).size;
  return bytes;
}

/** A base and two on it, one packed otherwise, an index, and layers of them that are laid out: shared, alone, and within the index. */
async function family(t: TestContext): Promise<ImageStore> {
  const store = await openStore(t);
  await add(store, 'base', await makeImage({ layers: ['base'] }));
  await add(store, 'app', await makeImage({ layers: ['base', 'app'] }));
  await add(store, 'zstd', await makeImage({ layers: ['base', 'more'], compression: 'zstd' }));
  await add(
    store,
    'many',
    await makeIndex([
      { os: 'linux', architecture: 'amd64' },
      { os: 'linux', architecture: 'arm64' },
    ]),
  );
  const diffIds = async (name: string) =>
    ((await store.image((await store.find(name)).target.digest))?.platforms ?? []).flatMap((platform) => platform.diffIds);
  await layOut(store, (await diffIds('base'))[0], 10_000);
  await layOut(store, (await diffIds('app'))[1], 2_000);
  await layOut(store, (await diffIds('many')).at(-1), 300);
  return store;
}

test('list, inspect and df give an image one size: what is shared and what is not, packed and laid out', async (t) => {
  const store = await family(t);
  const usage = await store.usage();
  const sizes = new Map(usage.images.map((image) => [image.target, image]));
  for (const image of await list({ store, now })) {
    const { size, shared, unique } = sizes.get(image.target.digest) ?? assert.fail();
    assert.equal(image.size, size, image.names[0]?.reference.repository);
    assert.equal((await inspect({ store }, image.target.digest)).Size, size);
    assert.equal(shared + unique, size);
  }
  const of = async (name: string) => sizes.get((await store.find(name)).target.digest) ?? assert.fail();
  // The layer is laid out once for all three, though one has it packed otherwise.
  assert.ok((await of('zstd')).shared >= 10_000 && (await of('zstd')).unique < 2_000);
  assert.ok((await of('app')).unique >= 2_000);
  assert.equal(usage.total + usage.trees, onDisk(store));
});

test('what a dry run says is what a removal and a prune free, on the disk', async (t) => {
  const store = await family(t);
  const host = { store, now };
  for (const name of ['app', 'many', 'base']) {
    const target = (await store.find(name)).target.digest;
    const row = (await store.usage()).images.find((image) => image.target === target);
    const before = onDisk(store);
    const planned = await remove(host, name, { dryRun: true });
    const done = await remove(host, name);
    assert.equal(planned.bytes, done.bytes, name);
    assert.equal(before - onDisk(store), done.bytes, name);
    assert.equal(row?.unique, done.bytes, name);
  }
  await add(store, 'kept', await makeImage({ layers: ['base', 'kept'] }));
  await store.untag((await store.find('zstd')).name?.reference ?? assert.fail(), { verb: 'untag' });
  for (const all of [false, true]) {
    const before = onDisk(store);
    const planned = await prune(host, { all, dryRun: true });
    const done = await prune(host, { all });
    assert.equal(planned.bytes - planned.strays, done.bytes - done.strays);
    assert.equal(before - onDisk(store), done.bytes - done.strays);
    assert.ok(done.bytes > 0);
  }
  assert.equal(onDisk(store), 0);
});

test('images recorded as made from each other go together, when nothing else needs them', async (t) => {
  const store = await openStore(t);
  const host = { store, now };
  const [one, two, three] = [
    await makeImage({ layers: ['one'] }),
    await makeImage({ layers: ['two'] }),
    await makeImage({ layers: ['three'] }),
  ];
  await add(store, undefined, one);
  await add(store, undefined, two, { parent: { digest: one.target.digest, how: 'commit' } });
  await add(store, undefined, one, { parent: { digest: two.target.digest, how: 'commit' } });
  await add(store, 'three', three, { parent: { digest: two.target.digest, how: 'build' } });
  // One that stays was made from the circle.
  assert.deepEqual((await prune(host)).images, []);
  await remove(host, 'three', { noPrune: true });
  const planned = await prune(host, { dryRun: true });
  assert.deepEqual(planned.images.map(({ deleted }) => deleted).toSorted(), [one.target.digest, two.target.digest].toSorted());
  const done = await prune(host);
  assert.deepEqual(done, planned);
  assert.deepEqual(await store.images(), []);
  assert.equal(onDisk(store), 0);
});

test('what another tool attached to an image stays as long as the image does', async (t) => {
  const store = await openStore(t);
  const image = await makeImage({ layers: ['signed'] });
  const loose = await makeImage({ layers: ['loose'] });
  const about = async (subject: Descriptor): Promise<MadeImage> => {
    const made = await makeImage({ layers: [`about ${subject.digest}`] });
    const document = JSON.parse(String(made.blobs.get(made.target.digest))) as object;
    const bytes = Buffer.from(JSON.stringify({ ...document, artifactType: 'application/x-signature', subject }));
    const target = { ...made.target, digest: digestOf(bytes), size: bytes.length };
    return { ...made, target, blobs: new Map([...made.blobs, [target.digest, bytes]]) };
  };
  const signature = await about(image.target);
  const onSignature = await about(signature.target);
  await add(store, 'signed', image);
  for (const one of [signature, onSignature, loose, await about(loose.target)]) await add(store, undefined, one);
  assert.equal((await prune({ store, now })).images.length, 2, 'the loose image, and what speaks of it');
  const listed = async () => (await store.images()).map(({ target }) => target.digest).toSorted();
  assert.deepEqual(await listed(), [image, signature, onSignature].map(({ target }) => target.digest).toSorted());
  assert.deepEqual(
    (await store.referrers(image.target)).map(({ digest }) => digest),
    [signature.target.digest],
  );
  await prune({ store, now }, { all: true });
  assert.deepEqual(await listed(), []);
  assert.equal(onDisk(store), 0);
});
