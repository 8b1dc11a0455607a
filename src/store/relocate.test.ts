import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';

import { isImageError } from '../errors.ts';
import { chunksOf, makeImage, putImage, type MadeImage } from '../../test/support/make-image.ts';
import { openStore, storeFolder } from '../../test/support/open-store.ts';
import type { ImageStore } from './image-store.ts';
import { digestOf } from '../model/digest.ts';
import { mediaTypes } from '../model/media-types.ts';

const isWindows = process.platform === 'win32';
const anotherDisk = existsSync('/dev/shm') && statSync('/dev/shm').dev !== statSync(dirname(process.env['TMPDIR'] ?? '/tmp/x')).dev;

/** Where a store may go: on the same disk and on another. */
function targets(t: TestContext): string[] {
  const folders = [storeFolder(t)];
  if (anotherDisk) {
    const folder = mkdtempSync('/dev/shm/bayplan-moved-');
    t.after(() => rmSync(folder, { recursive: true, force: true }));
    folders.push(folder);
  }
  return folders.map((folder) => join(folder, 'store'));
}

async function put(store: ImageStore, name: string, image?: MadeImage): Promise<void> {
  const made = image ?? (await makeImage());
  await using ingest = await store.begin({ verb: 'pull' });
  await putImage(ingest, made);
  await ingest.tag(made.target, name);
}

test('whoever has the store open reads and writes where it is, at once', async (t) => {
  const from = storeFolder(t);
  const [mover, other] = [await openStore(t, from), await openStore(t, from)];
  for (const to of targets(t)) {
    const epoch = other.epoch();
    const [before, names] = [other.path, (await other.names()).length];
    const moved = await mover.move(to);
    assert.deepEqual({ from: moved.from, to: moved.to, removed: moved.removed }, { from: before, to, removed: true });
    assert.ok(!existsSync(before));
    assert.notEqual(other.epoch(), epoch);
    assert.equal(other.path, to);
    await put(other, `after:${names}`);
    assert.equal((await mover.names()).length, names + 1);
    assert.deepEqual(await mover.check(), []);
    const [act] = await other.journal({ limit: 1 });
    assert.ok(act?.name, 'the newest act is the tag');
    const entry = (await other.journal()).find((one) => one.moved);
    assert.deepEqual(entry?.moved, { from: before, to });
  }
});

test('what is on its way into the store comes in where the store is then', async (t) => {
  const store = await openStore(t, join(storeFolder(t), 'store'));
  for (const [at, to] of targets(t).entries()) {
    const image = await makeImage({ layers: [`layer ${at}`, randomBytes(200_000).toString('hex')], compression: 'none' });
    const body = randomBytes(50_000);
    const upload = await store.repository({ registry: 'docker.io', repository: 'pushed' }).upload();
    await upload.append(chunksOf(body.subarray(0, 20_000)), 0);
    const begun = Promise.withResolvers<void>();
    const go = Promise.withResolvers<void>();
    const slow = async function* (bytes: Buffer) {
      yield bytes.subarray(0, 10_000);
      begun.resolve();
      await go.promise;
      yield bytes.subarray(10_000);
    };
    const ingest = await store.begin({ verb: 'pull' });
    const writing = (async () => {
      for (const layer of image.layers) await ingest.write(layer, async () => slow(image.blobs.get(layer.digest) ?? Buffer.alloc(0)));
      await ingest.write(image.config, async () => chunksOf(image.blobs.get(image.config.digest) ?? Buffer.alloc(0)));
      await ingest.write(image.target, async () => chunksOf(image.blobs.get(image.target.digest) ?? Buffer.alloc(0)));
      await ingest.tag(image.target, `moved:${at}`);
    })();
    const appending = upload.append(slow(body.subarray(20_000)), 20_000);
    const draft = await store.draftFolder('tree');
    writeFileSync(join(draft.path, 'file'), 'of a tree');
    const volume = await store.draftFolder('volume');
    mkdirSync(join(volume.path, '_data'));
    writeFileSync(join(volume.path, '_data', 'file'), 'of a volume');
    await begun.promise;
    const before = store.path;
    const moving = store.move(to);
    for (let tries = 0; store.path === before && tries < 500; tries++) await wait(10);
    assert.equal(store.path, to, 'it has gone, though all of them go on');
    assert.ok(existsSync(before), 'and the old folder stays for them');
    go.resolve();
    await writing;
    await appending;
    await upload.finish(digestOf(body));
    const diffId = digestOf(Buffer.from(`tree ${at}`));
    assert.equal(readFileSync(join(await store.addTree(diffId, draft, 9), 'file'), 'utf8'), 'of a tree');
    await store.addVolume({ name: `volume-${at}`, document: {} }, { action: 'create' }, volume);
    assert.equal(readFileSync(join((await store.volume(`volume-${at}`)).mountpoint, 'file'), 'utf8'), 'of a volume');
    for (const held of [draft, volume, ingest]) await held[Symbol.asyncDispose]();
    assert.equal((await moving).removed, true);
    assert.ok(!existsSync(before));
    assert.deepEqual(await store.check(), []);
    assert.ok(await store.has({ mediaType: mediaTypes.bytes, digest: digestOf(body), size: body.length }));
    await store.flush();
    assert.deepEqual(readdirSync(join(to, 'bay', 'drafts')), ['free']);
  }
});

test('who changes the files of a container is waited for, and waits', async (t) => {
  const store = await openStore(t, join(storeFolder(t), 'store'));
  const [to = ''] = targets(t);
  const before = store.path;
  const first = await store.useToWrite();
  const { mountpoint } = await store.addVolume({ name: 'data', document: {} }, { action: 'create' });
  const states = new Set<string>();
  const moving = store.move(to, { onMove: ({ state }) => states.add(state) });
  for (let tries = 0; !states.has('waiting') && tries < 500; tries++) await wait(10);
  assert.equal(store.path, before);
  writeFileSync(join(mountpoint, 'file'), 'in the last moment');
  first[Symbol.dispose]();
  using second = await store.useToWrite();
  assert.ok(second);
  assert.ok([before, to].includes(store.path));
  second[Symbol.dispose]();
  await moving;
  assert.equal(readFileSync(join((await store.volume('data')).mountpoint, 'file'), 'utf8'), 'in the last moment');
});

test('a move that is canceled has changed nothing, wherever it was', async (t) => {
  const from = join(storeFolder(t), 'store');
  const store = await openStore(t, from);
  await put(store, 'app');
  const { mountpoint } = await store.addVolume({ name: 'data', document: {} }, { action: 'create' });
  for (let at = 0; at < 20; at++) writeFileSync(join(mountpoint, `file-${at}`), 'x');
  for (const [at, to] of targets(t).entries())
    for (const state of ['begun', 'copying', 'waiting', 'switching']) {
      // On the same disk nothing is copied.
      if (state === 'copying' && at === 0) continue;
      const canceling = new AbortController();
      if (state === 'begun') canceling.abort();
      using _writer = state === 'waiting' ? await store.useToWrite() : undefined;
      const moving = store.move(join(dirname(to), 'made', 'for', 'it'), {
        signal: canceling.signal,
        onMove: (progress) => {
          if (progress.state === state) canceling.abort();
        },
      });
      await assert.rejects(moving, (error) => isImageError(error, 'canceled'), state);
      assert.equal(store.path, from);
      assert.ok(!existsSync(join(dirname(to), 'made')), `${state}: neither the target is there, nor what leads to it`);
      assert.ok(!existsSync(join(from, 'bay', 'move.json')));
    }
  assert.deepEqual(await store.check(), []);
});

test('files of volumes keep what they have', { skip: isWindows ? 'Windows has no modes' : false }, async (t) => {
  const store = await openStore(t, join(storeFolder(t), 'store'));
  const { mountpoint } = await store.addVolume({ name: 'data', document: {} }, { action: 'create' });
  const closed = join(mountpoint, 'closed');
  mkdirSync(closed);
  writeFileSync(join(closed, 'secret'), 'secret', { mode: 0o000 });
  writeFileSync(join(mountpoint, 'tool'), '#!', { mode: 0o755 });
  chmodSync(join(mountpoint, 'tool'), 0o4755);
  linkSync(join(mountpoint, 'tool'), join(mountpoint, 'same'));
  symlinkSync('../nowhere', join(mountpoint, 'link'));
  // Before 1970, for which Node takes digits alone.
  utimesSync(join(mountpoint, 'tool'), 1_000_000, '-2000000');
  chmodSync(closed, 0o111);
  utimesSync(closed, 3_000_000, 4_000_000);
  for (const to of targets(t)) {
    await store.move(to);
    const { mountpoint: there } = await store.volume('data');
    const tool = statSync(join(there, 'tool'));
    assert.deepEqual([tool.mode & 0o7777, tool.mtimeMs, tool.ino], [0o4755, -2_000_000_000, statSync(join(there, 'same')).ino]);
    assert.equal(readlinkSync(join(there, 'link')), '../nowhere');
    const folder = lstatSync(join(there, 'closed'));
    assert.deepEqual([folder.mode & 0o7777, folder.mtimeMs], [0o111, 4_000_000_000]);
    chmodSync(join(there, 'closed'), 0o755);
    assert.equal(lstatSync(join(there, 'closed', 'secret')).mode & 0o7777, 0);
    chmodSync(join(there, 'closed'), 0o111);
    utimesSync(join(there, 'closed'), 3_000_000, 4_000_000);
  }
  chmodSync(join((await store.volume('data')).mountpoint, 'closed'), 0o755);
});

test(
  'a blob that has gone bad on the disk goes along, known to be bad',
  { skip: anotherDisk ? false : 'needs a second disk' },
  async (t) => {
    const store = await openStore(t, join(storeFolder(t), 'store'));
    const image = await makeImage({ compression: 'none' });
    await put(store, 'app', image);
    const [layer] = image.layers;
    assert.ok(layer);
    const file = join(store.path, 'blobs', 'sha256', layer.digest.slice(7));
    const bytes = readFileSync(file);
    chmodSync(file, 0o644);
    writeFileSync(file, bytes.fill(1, 0, 1));
    await store.move(targets(t)[1] ?? '');
    assert.equal(await store.has(layer), false);
    await put(store, 'app', image);
    assert.deepEqual(await store.check(), []);
  },
);
