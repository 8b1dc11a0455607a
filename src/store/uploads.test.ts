import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { ImageError, isImageError, type ErrorCode } from '../errors.ts';
import { digestOf } from '../model/digest.ts';
import { bytesOf, chunksOf } from '../../test/support/make-image.ts';
import { openStore as open, storeFolder } from '../../test/support/open-store.ts';
import { ImageStore } from './image-store.ts';

const name = { registry: 'docker.io', repository: 'me/app' };

async function fails(promise: Promise<unknown>, code: ErrorCode): Promise<void> {
  await assert.rejects(promise, (error) => {
    assert.ok(isImageError(error, code), String(error));
    return true;
  });
}

const drafts = (store: ImageStore) => readdirSync(join(store.path, 'bay', 'drafts')).filter((file) => file.startsWith('upload-'));

test('an upload in pieces, by several processes one after the other, in both algorithms', async (t) => {
  const folder = storeFolder(t);
  for (const algorithm of ['sha256', 'sha512'] as const) {
    const bytes = randomBytes(3_000_000);
    const digest = digestOf(bytes, algorithm);
    let id: string | undefined;
    for (const [from, to] of [
      [0, 100],
      [100, 1_500_000],
      [1_500_000, 3_000_000],
    ] as const) {
      await using store = await ImageStore.open(folder);
      const upload = await store.repository(name).upload(id, { algorithm });
      id = upload.id;
      assert.equal(upload.offset, from);
      await upload.append(chunksOf(bytes.subarray(from, to), 60_000), from);
      assert.equal(upload.offset, to);
    }
    const store = await open(t, folder);
    const upload = await store.repository(name).upload(id);
    const target = await upload.finish(digest);
    assert.deepEqual([target.digest, target.size], [digest, bytes.length]);
    assert.deepEqual(await bytesOf(await store.repository(name).open(target)), bytes);
    await fails(store.repository(name).upload(id), 'upload-unknown');
    assert.deepEqual(drafts(store), []);
  }
});

test('an algorithm that was not announced is hashed at the end', async (t) => {
  const store = await open(t);
  const bytes = randomBytes(10_000);
  const upload = await store.repository(name).upload();
  await upload.append(chunksOf(bytes));
  assert.equal((await upload.finish(digestOf(bytes, 'sha512'))).size, bytes.length);
});

test('a piece that is out of order changes nothing, and the upload goes on', async (t) => {
  const store = await open(t);
  const bytes = randomBytes(5000);
  const upload = await store.repository(name).upload();
  await upload.append(chunksOf(bytes.subarray(0, 2000)), 0);
  for (const at of [0, 1999, 2001, 5000]) await fails(upload.append(chunksOf(bytes), at), 'range-invalid');
  assert.equal(upload.offset, 2000);
  await upload.append(chunksOf(bytes.subarray(2000)), 2000);
  await upload.finish(digestOf(bytes));
});

test('of two pieces at once one is taken, whoever sends them', async (t) => {
  const folder = storeFolder(t);
  const [one, two] = [await open(t, folder), await open(t, folder)];
  for (let round = 0; round < 5; round++) {
    const bytes = randomBytes(200_000);
    const { id } = await one.repository(name).upload();
    const results = await Promise.allSettled(
      [one, two, one, two].map(async (store) => {
        const upload = await store.repository(name).upload(id);
        await upload.append(chunksOf(bytes, 20_000), 0);
      }),
    );
    assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 1);
    for (const result of results)
      if (result.status === 'rejected') assert.ok(isImageError(result.reason, 'range-invalid'), String(result.reason));
    const upload = await two.repository(name).upload(id);
    assert.equal(upload.offset, bytes.length);
    await upload.finish(digestOf(bytes));
  }
});

test('a body that breaks off leaves what has arrived', async (t) => {
  const store = await open(t);
  const bytes = randomBytes(3_000_000);
  const upload = await store.repository(name).upload();
  const broken = async function* () {
    yield* chunksOf(bytes.subarray(0, 1_234_567), 50_000);
    throw new ImageError('unavailable', 'gone');
  };
  await fails(upload.append(broken(), 0), 'unavailable');
  assert.equal(upload.offset, 1_234_567);
  await upload.append(chunksOf(bytes.subarray(1_234_567)), 1_234_567);
  await upload.finish(digestOf(bytes));
});

test('who goes on where a broken body has come to may ask before its end was noticed', async (t) => {
  const store = await open(t);
  const bytes = randomBytes(2_000_000);
  const upload = await store.repository(name).upload();
  const end = Promise.withResolvers<void>();
  const broken = async function* () {
    yield* chunksOf(bytes.subarray(0, 2 ** 20), 65_536);
    await end.promise;
    throw new ImageError('unavailable', 'gone');
  };
  const first = fails(upload.append(broken(), 0), 'unavailable');
  let again = await store.repository(name).upload(upload.id);
  while (again.offset < 2 ** 20) {
    await new Promise((resolve) => setTimeout(resolve, 5));
    again = await store.repository(name).upload(upload.id);
  }
  const second = again.append(chunksOf(bytes.subarray(2 ** 20)), 2 ** 20);
  setTimeout(end.resolve, 50);
  await Promise.all([first, second]);
  await again.finish(digestOf(bytes));
});

test('so may who begins again, where nothing had come', async (t) => {
  const store = await open(t);
  const bytes = randomBytes(100_000);
  const upload = await store.repository(name).upload();
  const [begun, end] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const broken = async function* () {
    begun.resolve();
    await end.promise;
    yield* [];
    throw new ImageError('unavailable', 'gone');
  };
  const first = fails(upload.append(broken(), 0), 'unavailable');
  await begun.promise;
  const again = await store.repository(name).upload(upload.id);
  const second = again.append(chunksOf(bytes), 0);
  setTimeout(end.resolve, 50);
  await Promise.all([first, second]);
  await again.finish(digestOf(bytes));
});

test('who asks while a piece is being written is told of every whole block that has come', async (t) => {
  const store = await open(t);
  const bytes = randomBytes(3_000_000);
  const upload = await store.repository(name).upload();
  let more = () => {};
  const waiting = new Promise<void>((resolve) => (more = resolve));
  let taken = () => {};
  const arrived = new Promise<void>((resolve) => (taken = resolve));
  const writing = upload.append(
    (async function* () {
      yield* chunksOf(bytes.subarray(0, 2_500_000), 50_000);
      taken();
      await waiting;
      yield bytes.subarray(2_500_000);
    })(),
    0,
  );
  await arrived;
  const { offset } = await store.repository(name).upload(upload.id);
  more();
  await writing;
  assert.ok(offset >= 1 << 20 && offset <= 2_500_000, String(offset));
  await upload.finish(digestOf(bytes));
});

test('a writer that has fallen silent is taken over, and cannot spoil what goes on without it', async (t) => {
  const folder = storeFolder(t);
  const bytes = randomBytes(100_000);
  // Its clock stands still: it never says again that it is alive.
  let time = Date.now();
  const asleep = await open(t, folder, { now: () => new Date(time) });
  const upload = await asleep.repository(name).upload();
  let wake = () => {};
  const sleeping = new Promise<void>((resolve) => (wake = resolve));
  const zombie = upload.append(
    (async function* () {
      yield bytes.subarray(0, 10);
      await sleeping;
      yield Buffer.alloc(1000, 'wrong');
    })(),
    0,
  );
  await new Promise((resolve) => setTimeout(resolve, 100));
  const awake = await open(t, folder, { now: () => new Date(time + 60_000) });
  const next = await awake.repository(name).upload(upload.id);
  await next.append(chunksOf(bytes.subarray(next.offset)), next.offset);
  wake();
  await fails(zombie, 'range-invalid');
  const last = await awake.repository(name).upload(upload.id);
  const target = await last.finish(digestOf(bytes));
  assert.deepEqual(await bytesOf(await awake.repository(name).open(target)), bytes);
  time = 0;
});

test('a wrong digest ends it, and so does cancel, or a day of silence', async (t) => {
  const folder = storeFolder(t);
  const store = await open(t, folder);
  const repository = store.repository(name);
  const wrong = await repository.upload();
  await wrong.append(chunksOf(Buffer.from('abc')));
  await fails(wrong.finish(digestOf(Buffer.from('abd'))), 'digest-mismatch');
  await fails(repository.upload(wrong.id), 'upload-unknown');

  const canceled = await repository.upload();
  await canceled.cancel();
  await fails(canceled.append(chunksOf(Buffer.from('x'))), 'upload-unknown');
  await fails(canceled.cancel(), 'upload-unknown');

  const old = await repository.upload();
  await old.append(chunksOf(Buffer.from('abc')));
  const later = await open(t, folder, { now: () => new Date(Date.now() + 25 * 3_600_000) });
  await fails(later.repository(name).upload(old.id), 'upload-unknown');
  assert.equal(drafts(store).length, 1);
  await later.repository(name).upload();
  assert.equal(drafts(store).length, 1, 'the old one is gone, the new one is there');
});

test("an upload is its repository's alone", async (t) => {
  const store = await open(t);
  const upload = await store.repository(name).upload();
  await fails(store.repository({ ...name, repository: 'other/app' }).upload(upload.id), 'upload-unknown');
});

test('an empty blob can be uploaded', async (t) => {
  const store = await open(t);
  const upload = await store.repository(name).upload();
  const target = await upload.finish(digestOf(Buffer.alloc(0)));
  assert.equal(target.size, 0);
  assert.deepEqual(await bytesOf(await store.repository(name).open(target)), Buffer.alloc(0));
});

test('the upload of a server that was killed is gone on with at once, from what had arrived', async (t) => {
  const folder = storeFolder(t);
  const store = await open(t, folder);
  const bytes = randomBytes(100_000);
  const upload = await store.repository(name).upload();
  const script = `
    import { ImageStore } from ${JSON.stringify(new URL('./image-store.ts', import.meta.url).href)};
    const store = await ImageStore.open(${JSON.stringify(folder)});
    const upload = await store.repository(${JSON.stringify(name)}).upload(${JSON.stringify(upload.id)});
    await upload.append((async function* () {
      yield Buffer.alloc(50_000);
      setTimeout(() => console.log('in the midst'), 100);
      await new Promise(() => setTimeout(() => {}, 60_000));
    })(), 0);`;
  const server = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(server.stdout, 'data');
  const next = await store.repository(name).upload(upload.id);
  await fails(next.append(chunksOf(bytes), 1), 'range-invalid');
  server.kill('SIGKILL');
  await once(server, 'exit');
  const begun = performance.now();
  await next.append(chunksOf(bytes), next.offset);
  assert.ok(performance.now() - begun < 5000);
  assert.equal((await next.finish(digestOf(bytes))).size, bytes.length);
});
