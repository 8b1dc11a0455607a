/** The store's folder is an OCI image layout that other tools read while we write, and write into. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';

import { familiar } from '../../src/model/reference.ts';
import { list } from '../../src/operations/list.ts';
import { prune } from '../../src/operations/prune.ts';
import { ImageStore } from '../../src/store/image-store.ts';
import { makeImage, makeIndex, putImage, type MadeImage } from '../support/make-image.ts';
import { peer } from '../support/peers.ts';
import { temporary } from '../support/temporary.ts';
import { startDoor } from '../contracts/registry-door.ts';

const skopeo = peer('skopeo');
const umoci = peer('umoci');
const crane = peer('crane');
const oras = peer('oras');
const podman = peer('podman');

async function open(t: TestContext): Promise<ImageStore> {
  // Hooks run in the order of their making: the store is closed before its folder goes.
  const closing: ImageStore[] = [];
  t.after(() => closing[0]?.close());
  const store = await ImageStore.open(temporary(t, 'store'));
  closing.push(store);
  return store;
}

async function put(store: ImageStore, image: MadeImage, ...names: readonly string[]): Promise<void> {
  await using ingest = await store.begin({ verb: 'pull' });
  await putImage(ingest, image);
  for (const name of names) await ingest.tag(image.target, name);
}

const names = async (store: ImageStore) => (await store.names()).map(({ reference }) => familiar(reference));

test('skopeo reads every name, in the midst of our writing', { skip: skopeo.skip }, async (t) => {
  const store = await open(t);
  await put(store, await makeImage({ layers: ['still'] }), 'still', 'localhost:5000/me/still:1');
  await store.flush();
  let writing = true;
  const writer = (async () => {
    for (let round = 0; writing; round++) {
      await put(store, await makeImage({ layers: [`moving ${round}`] }), 'moving');
      await store.sweep();
      await store.flush();
    }
    return 'done';
  })();
  for (let round = 0; round < 8; round++) {
    for (const name of ['still:latest', 'localhost:5000/me/still:1', 'moving:latest']) {
      if (round === 0 && name.startsWith('moving')) continue;
      await skopeo.run(['inspect', `oci:${store.path}:${name}`]);
    }
  }
  writing = false;
  assert.equal(await writer, 'done');
});

test(
  'what skopeo copies in is an image of the store, under the name as it was typed, while we go on naming',
  { skip: skopeo.skip },
  async (t) => {
    const [store, source] = [await open(t), await open(t)];
    const theirs = await makeImage({ layers: ['theirs', 'x'.repeat(100_000)] });
    await put(source, theirs, 'theirs');
    await source.flush();
    let copying = true;
    const ours = (async () => {
      let round = 0;
      for (; copying; round++) {
        await put(store, await makeImage({ layers: [`ours ${round}`] }), `ours:${round % 5}`, 'ours');
        await store.flush();
      }
      return round;
    })();
    const typed = ['app', 'app2:v1', 'localhost:5000/me/app:v1', 'docker.io/library/app3'];
    for (const name of typed) await skopeo.run(['copy', '-q', `oci:${source.path}:theirs:latest`, `oci:${store.path}:${name}`]);
    copying = false;
    const last = (await ours) - 1;
    for (const name of typed) assert.deepEqual(await store.resolve(name), theirs.target, name);
    const image = await makeImage({ layers: [`ours ${last}`] });
    assert.deepEqual(await store.resolve('ours'), image.target);
    assert.deepEqual(await store.resolve(`ours:${last % 5}`), image.target);
    assert.deepEqual(await store.check(), []);
    await store.flush();
    for (const name of typed) await skopeo.run(['inspect', `oci:${store.path}:${name}`]);
    // And it can be copied over, and out again, with the same digest.
    await skopeo.run(['copy', '-q', `oci:${store.path}:ours:latest`, `oci:${store.path}:app`]);
    assert.deepEqual(await store.resolve('app'), image.target);
  },
);

test('an index goes in and out by skopeo with all its platforms', { skip: skopeo.skip }, async (t) => {
  const [store, other] = [await open(t), await open(t)];
  const index = await makeIndex([
    { os: 'linux', architecture: 'amd64' },
    { os: 'linux', architecture: 'arm64' },
  ]);
  await put(store, index, 'many');
  await store.flush();
  await skopeo.run(['copy', '-q', '--all', `oci:${store.path}:many:latest`, `oci:${other.path}:many`]);
  assert.deepEqual(await other.resolve('many'), index.target);
  assert.equal((await other.images())[0]?.platforms.length, 2);
  assert.deepEqual(await other.check(), []);
});

test('umoci lists our names, adds its own, and its garbage collection takes nothing of ours', { skip: umoci.skip }, async (t) => {
  const store = await open(t);
  const [image, dangling] = [await makeImage(), await makeImage({ layers: ['dangling'] })];
  await put(store, dangling, 'app:1');
  await put(store, image, 'app:1', 'app:2');
  await store.flush();
  const { stdout } = await umoci.run(['ls', '--layout', store.path]);
  assert.deepEqual(stdout.split('\n').filter(Boolean).toSorted(), ['app:1', 'app:2']);
  await umoci.run(['tag', '--image', `${store.path}:app:1`, 'theirs']);
  assert.deepEqual(await store.resolve('theirs'), image.target);
  await store.flush();
  await umoci.run(['config', '--image', `${store.path}:app:2`, '--author', 'them']);
  const moved = await store.resolve('app:2');
  assert.notEqual(moved.digest, image.target.digest);
  assert.deepEqual(await store.resolve('app:1'), image.target);
  await store.flush();
  await umoci.run(['gc', '--layout', store.path]);
  assert.equal(await store.has(dangling.target), true);
  assert.deepEqual(await store.check(), []);
  await umoci.run(['rm', '--image', `${store.path}:theirs`]);
  assert.ok((await names(store)).includes('theirs:latest'), 'others may add, not delete');
});

test('crane pulls a whole repository into it, from a door of ours', { skip: crane.skip }, async (t) => {
  const store = await open(t);
  const door = await startDoor(t);
  const [one, two] = [await makeImage({ layers: ['one'] }), await makeImage({ layers: ['two'] })];
  await put(door.store, one, 'me/app:1');
  await put(door.store, two, 'me/app:2');
  await crane.run(['pull', '--format=oci', '--annotate-ref', `${door.host}/me/app:1`, store.path]);
  assert.equal((await store.find(one.target.digest)).target.digest, one.target.digest);
  // Without --annotate-ref crane appends an entry without a name.
  await crane.run(['pull', '--format=oci', `${door.host}/me/app:2`, store.path]);
  assert.deepEqual((await store.image(two.target.digest))?.names, []);
  await store.flush();
  assert.deepEqual(await names(store), [`${door.host}/me/app:1`]);
  await crane.run(['push', store.path, `${door.host}/me/back`, '--index']);
  assert.ok((await door.store.names()).some(({ reference }) => reference.repository === 'me/back'));
  assert.deepEqual(await store.check(), []);
});

test('oras pushes into it, and copies out of it', { skip: oras.skip }, async (t) => {
  const store = await open(t);
  const image = await makeImage();
  await put(store, image, 'app:1');
  await store.flush();
  const other = join(temporary(t, 'oras'), 'out');
  await oras.run(['copy', '--from-oci-layout-path', store.path, 'app:1', '--to-oci-layout', `${other}:copied`]);
  await oras.run(['copy', '--from-oci-layout', `${other}:copied`, '--to-oci-layout', `${store.path}:theirs`]);
  assert.deepEqual(await store.resolve('theirs'), image.target);
  assert.deepEqual(await store.check(), []);
});

test('what oras attaches to an image there is the image’s, and no image of the list', { skip: oras.skip }, async (t) => {
  const store = await open(t);
  const image = await makeImage();
  await put(store, image, 'app');
  await store.flush();
  const folder = temporary(t, 'oras');
  await writeFile(join(folder, 'sbom.txt'), 'all of it\n');
  const at = `${store.path}@${image.target.digest}`;
  await oras.run(['attach', '--oci-layout', '--artifact-type', 'application/vnd.example.sbom', at, 'sbom.txt'], { cwd: folder });
  const host = { store, now: () => new Date() };
  assert.deepEqual(
    (await list(host)).map(({ target }) => target.digest),
    [image.target.digest],
  );
  const [attached] = await store.referrers(image.target);
  assert.equal(attached?.artifactType, 'application/vnd.example.sbom');
  assert.deepEqual(
    (await list(host, { all: true })).map(({ target }) => target.digest).toSorted(),
    [attached.digest, image.target.digest].toSorted(),
  );
  assert.deepEqual((await prune(host)).images, []);
  await put(store, await makeImage({ layers: ['other'] }), 'other');
  await store.flush();
  assert.match(
    (await oras.run(['discover', '--oci-layout', at])).stdout,
    /vnd\.example\.sbom/,
    'and oras still finds it when the file is written anew',
  );
});

test('podman pushes into it and pulls out of it', { skip: podman.skip }, async (t) => {
  // podman takes the path for a reference, and refuses capitals in it.
  const folder = join(tmpdir(), `bayplan-store-${randomBytes(6).toString('hex')}`);
  t.after(() => rm(folder, { recursive: true, force: true }));
  await using store = await ImageStore.open(folder);
  const image = await makeImage({ layers: ['for podman'] });
  await put(store, image, 'app');
  await store.flush();
  const root = temporary(t, 'podman');
  const own = ['--root', join(root, 'root'), '--runroot', join(root, 'run'), '--storage-driver', 'vfs'];
  const pulled = await podman.run([...own, 'pull', '-q', `oci:${store.path}:app:latest`]);
  await podman.run([...own, 'push', '-q', pulled.stdout.trim(), `oci:${store.path}:from-podman`]);
  const back = await store.resolve('from-podman');
  const record = (await store.images()).find(({ target }) => target.digest === back.digest);
  assert.equal(record?.platforms[0]?.diffIds.length, 1);
  assert.deepEqual(await store.check(), []);
});
