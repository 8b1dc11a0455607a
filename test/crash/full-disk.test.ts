/** A disk that is full, really: a small file system of its own, which only root can make. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { closeSync, mkdirSync, mkdtempSync, openSync, readdirSync, rmSync, statfsSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { gzipSync } from 'node:zlib';

import { Containers } from '../../src/containers/containers.ts';
import { isImageError } from '../../src/errors.ts';
import { once } from '../../src/io/once.ts';
import { digestOf } from '../../src/model/digest.ts';
import { mediaTypes } from '../../src/model/media-types.ts';
import { parseReference } from '../../src/model/reference.ts';
import { commit } from '../../src/operations/commit.ts';
import { containerChanges } from '../../src/operations/container-changes.ts';
import { copyIntoContainer } from '../../src/operations/copy-into-container.ts';
import { createContainer } from '../../src/operations/create-container.ts';
import { exportContainer } from '../../src/operations/export-container.ts';
import { importImage } from '../../src/operations/import-image.ts';
import { openHomeStore } from '../../src/operations/open-store.ts';
import { removeContainer } from '../../src/operations/remove-container.ts';
import { ImageStore } from '../../src/store/image-store.ts';
import { tarOfFiles } from '../support/base-image.ts';
import { chunksOf, makeImage, putImage, type MadeImage } from '../support/make-image.ts';
import { runProgram } from '../support/program.ts';

const skip = process.platform === 'linux' && process.getuid?.() === 0 ? false : 'only root on Linux can mount a small file system';

async function smallDisk(t: TestContext, size: string): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'bayplan-disk-'));
  t.after(async () => {
    await runProgram('umount', ['-l', folder]);
    rmSync(folder, { recursive: true, force: true });
  });
  const { code, stderr } = await runProgram('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', folder]);
  if (code === 0) return folder;
  t.skip(`mount: ${stderr}`);
  return '';
}

/** Takes every byte that is left, or all but so many. */
function fill(folder: string, left = 0): string {
  const file = join(folder, 'filler');
  const descriptor = openSync(file, 'w');
  for (let size = 1 << 20; size >= 512;) {
    if (left > 0 && free(folder) < left + size) break;
    try {
      writeSync(descriptor, Buffer.alloc(size));
    } catch (error) {
      assert.equal((error as NodeJS.ErrnoException).code, 'ENOSPC');
      size >>= 1;
    }
  }
  closeSync(descriptor);
  return file;
}

const free = (folder: string) => statfsSync(folder).bavail * statfsSync(folder).bsize;

async function put(store: ImageStore, image: MadeImage, name: string): Promise<void> {
  await using ingest = await store.begin({ verb: 'pull' });
  await putImage(ingest, image);
  await ingest.tag(image.target, name);
}

async function diskFull(promise: Promise<unknown>): Promise<void> {
  await assert.rejects(promise, (error) => {
    assert.ok(isImageError(error, 'disk-full'), String(error));
    assert.match(error.message, /no space left on the disk/);
    assert.match(error.hint ?? '', /Free some space/);
    return true;
  });
}

test('a pull that does not fit says so, leaves the disk as it was, and loses nothing', { skip }, async (t) => {
  const disk = await smallDisk(t, '32m');
  if (disk === '') return;
  const folder = join(disk, 'store');
  mkdirSync(folder);
  await using store = await ImageStore.open(folder);
  const image = await makeImage();
  await put(store, image, 'app');
  const before = free(disk);
  const bytes = randomBytes(40_000_000);
  const layer = { mediaType: mediaTypes.ociLayer, digest: digestOf(bytes), size: bytes.length };
  {
    await using ingest = await store.begin();
    await diskFull(ingest.write(layer, async (offset) => chunksOf(bytes.subarray(offset), 65_536)));
    await diskFull(ingest.add(mediaTypes.ociLayer, chunksOf(bytes, 65_536)));
    const upload = await store.repository({ registry: 'docker.io', repository: 'me/app' }).upload();
    await diskFull(upload.append(chunksOf(bytes, 65_536)));
    await upload.cancel();
  }
  assert.ok(free(disk) > before - 1_000_000, 'the space is free again');
  assert.deepEqual(await store.check(), []);
  assert.deepEqual(await store.resolve('app'), image.target);
  await put(store, await makeImage({ layers: ['small'] }), 'small');
});

test('on a disk without a byte left everything can be read, and removing makes room', { skip }, async (t) => {
  const disk = await smallDisk(t, '32m');
  if (disk === '') return;
  const folder = join(disk, 'store');
  mkdirSync(folder);
  const [large, small] = [await makeImage({ layers: [randomBytes(2_000_000).toString('hex')] }), await makeImage()];
  {
    await using store = await ImageStore.open(folder);
    await put(store, large, 'large');
    await put(store, small, 'small');
  }
  const filler = fill(disk);
  {
    const store = await ImageStore.open(folder);
    assert.equal((await store.images()).length, 2);
    assert.equal(await store.has(large.target), true);
    await diskFull(put(store, await makeImage({ layers: [randomBytes(5_000_000).toString('hex')], compression: 'none' }), 'another'));
    await store.forget(large.target.digest, { verb: 'rmi', names: 'all' });
    const swept = await store.sweep({ roots: [large.target.digest] });
    assert.equal(swept.blobs.length, large.blobs.size);
    await store.close();
  }
  rmSync(filler);
  await using store = await ImageStore.open(folder);
  assert.deepEqual(await store.check(), []);
  assert.deepEqual(
    (await store.names()).map(({ target }) => target),
    [small.target],
  );
});

test(
  'a container that does not fit is not made, a copy or a commit that does not fit changes nothing, and all can be looked at and removed',
  { skip },
  async (t) => {
    const disk = await smallDisk(t, '200m');
    if (disk === '') return;
    const folder = join(disk, 'store');
    mkdirSync(folder);
    await using store = await ImageStore.open(folder);
    const host = { store, containers: new Containers(store), now: () => new Date() };
    const settings = { Image: 'base:1', Cmd: ['sh'], Volumes: { '/data': {} } };
    const bytes = randomBytes(3_000_000).toString('hex');
    // Compressed, so that its layer has to be laid out.
    const tar = gzipSync(await tarOfFiles({ 'etc/': '', 'etc/motd': 'hello\n', 'data/': '', 'data/file': bytes }));
    await importImage(host, once(tar), { reference: parseReference('base:1') });
    const kept = (): string[] =>
      ['drafts', 'trees', 'containers', 'volumes', 'trash'].flatMap((name) =>
        readdirSync(join(folder, 'bay', name), { recursive: true, encoding: 'utf8' })
          .filter((path) => !(name === 'drafts' && path === 'free'))
          .map((path) => `${name}/${path}`),
      );

    await t.test('create', async () => {
      const before = kept();
      // What is left would do for the layer, but not for all else that runs on the machine.
      const filler = fill(disk, 32 << 20);
      await diskFull(createContainer(host, settings, { name: 'one' }));
      assert.deepEqual(kept(), before);
      rmSync(filler);
      // Here the layer is laid out, and its volume has no room.
      await createContainer(host, { Image: 'base:1', Cmd: ['sh'] }, { name: 'first' });
      const laidOut = kept();
      const second = fill(disk, 1 << 20);
      await diskFull(createContainer(host, settings, { name: 'one' }));
      assert.deepEqual(kept(), laidOut);
      assert.deepEqual([(await store.containers()).length, (await store.volumes()).length], [1, 0]);
      rmSync(second);
      await createContainer(host, settings, { name: 'one' });
    });

    await t.test('cp', async () => {
      const before = kept();
      const filler = fill(disk, 8 << 20);
      const large = await tarOfFiles({ large: randomBytes(6_000_000).toString('hex') });
      await diskFull(copyIntoContainer(host, 'one', '/etc', once(large)));
      assert.deepEqual(await containerChanges(host, 'one'), []);
      assert.deepEqual(
        kept().filter((path) => !before.includes(path) && !/^containers\/[^/]+$/.test(path)),
        [],
      );
      await copyIntoContainer(host, 'one', '/etc', once(await tarOfFiles({ small: 'small' })));
      assert.deepEqual(
        (await containerChanges(host, 'one')).map(({ Path }) => Path),
        ['/etc', '/etc/small'],
      );
      rmSync(filler);
      await copyIntoContainer(host, 'one', '/etc', once(large));
    });

    await t.test('commit', async () => {
      const before = kept();
      const images = await store.images();
      const filler = fill(disk, 3 << 20);
      await diskFull(commit(host, 'one', { reference: parseReference('two:1') }));
      assert.deepEqual(kept(), before);
      assert.deepEqual(await store.images(), images);
      rmSync(filler);
    });

    await t.test('on a disk without a byte left', async () => {
      const filler = fill(disk);
      await diskFull(copyIntoContainer(host, 'one', '/etc', once(await tarOfFiles({ more: bytes }))));
      await diskFull(commit(host, 'one', { reference: parseReference('two:1') }));
      assert.equal((await containerChanges(host, 'one')).length, 3);
      for await (const _ of await exportContainer(host, 'one'));
      await removeContainer(host, 'one', { volumes: true });
      await removeContainer(host, 'first');
      assert.deepEqual([(await store.containers()).length, (await store.volumes()).length], [0, 0]);
      rmSync(filler);
    });

    assert.deepEqual(await store.check(), []);
  },
);

test('a move to a disk that is read-only, or becomes so, says so, and the store goes on where it is', { skip }, async (t) => {
  const home = mkdtempSync(join(tmpdir(), 'bayplan-home-'));
  t.after(() => rmSync(home, { recursive: true, force: true }));
  const disk = await smallDisk(t, '64m');
  if (disk === '') return;
  const readOnly = async () => assert.equal((await runProgram('mount', ['-o', 'remount,ro', disk])).code, 0);
  const env = { BAY_HOME: home };
  let point = '';
  const at = (reached: string) => {
    if (reached === point) execFileSync('mount', ['-o', 'remount,ro', disk]);
  };
  {
    await using store = await ImageStore.open(join(home, 'store'), { at });
    await put(store, await makeImage(), 'app');
    point = 'move-begun';
    await assert.rejects(store.move(join(disk, 'made', 'store')), /read-only file system/);
    assert.deepEqual(await store.check(), []);
  }
  {
    // What it left cannot be removed; each start tries again.
    await using store = await openHomeStore(env, {});
    assert.equal(store.path, join(home, 'store'));
    assert.equal((await store.names()).length, 1);
  }
  assert.equal((await runProgram('mount', ['-o', 'remount,rw', disk])).code, 0);
  await using store = await openHomeStore(env, {});
  assert.deepEqual(readdirSync(disk), []);
  await readOnly();
  await assert.rejects(store.move(join(disk, 'made', 'store')), /cannot move the store to .*: read-only file system/);
  assert.deepEqual(
    readdirSync(join(home, 'store', 'bay')).filter((name) => name.startsWith('move.json')),
    [],
  );
  assert.deepEqual(await store.check(), []);
});

test('a store on a disk without a byte left moves to another', { skip }, async (t) => {
  const disk = await smallDisk(t, '32m');
  if (disk === '') return;
  const home = mkdtempSync(join(tmpdir(), 'bayplan-home-'));
  t.after(() => rmSync(home, { recursive: true, force: true }));
  await using store = await ImageStore.open(join(disk, 'store'));
  const image = await makeImage();
  await put(store, image, 'app');
  fill(disk);
  const { removed } = await store.move(join(home, 'moved'));
  assert.equal(removed, true);
  assert.deepEqual(readdirSync(disk), ['filler']);
  assert.equal((await store.resolve('app')).digest, image.target.digest);
  assert.deepEqual(await store.check(), []);
});
