import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { ImageError, isImageError, type ErrorCode } from '../errors.ts';
import { copy } from '../content/copy.ts';
import { readVerified } from '../io/verified.ts';
import type { Descriptor } from '../model/descriptor.ts';
import { digestHex, digestOf } from '../model/digest.ts';
import { mediaTypes } from '../model/media-types.ts';
import { bytesOf, chunksOf, makeImage, putImage } from '../../test/support/make-image.ts';
import { openStore as open, storeFolder } from '../../test/support/open-store.ts';
import { ImageStore } from './image-store.ts';

async function fails(promise: Promise<unknown>, code: ErrorCode): Promise<void> {
  await assert.rejects(promise, (error) => {
    assert.ok(isImageError(error, code), String(error));
    return true;
  });
}

function layerOf(bytes: Buffer): Descriptor {
  return { mediaType: mediaTypes.ociLayer, digest: digestOf(bytes), size: bytes.length };
}

/** Gives the first part, then breaks; the next time gives the rest, and says from where it was asked. */
function breaking(bytes: Buffer, at: number, asked: number[]) {
  return async (offset: number) => {
    asked.push(offset);
    return (async function* () {
      if (offset >= at) return yield* chunksOf(bytes.subarray(offset), 100_000);
      yield* chunksOf(bytes.subarray(offset, at), 100_000);
      throw new ImageError('internal', 'it broke');
    })();
  };
}

test('a partial download is gone on with by a later run', async (t) => {
  const folder = storeFolder(t);
  const bytes = randomBytes(3_000_000);
  const asked: number[] = [];
  const source = breaking(bytes, 2_345_678, asked);
  {
    await using store = await ImageStore.open(folder);
    await using ingest = await store.begin();
    await fails(ingest.write(layerOf(bytes), source), 'internal');
  }
  await using store = await ImageStore.open(folder);
  assert.equal((await store.usage()).drafts, 2_345_678);
  await store.sweep();
  await using ingest = await store.begin();
  await ingest.write(layerOf(bytes), source);
  assert.deepEqual(asked, [0, 2_345_678]);
  assert.deepEqual(await bytesOf(await store.open(layerOf(bytes))), bytes);
  assert.equal((await store.usage()).drafts, 0);
});

test('what several pulls want at once is fetched once, and all of them hold it', async (t) => {
  const store = await open(t);
  const bytes = randomBytes(1_000_000);
  const target = layerOf(bytes);
  const asked: number[] = [];
  const pulls = await Promise.all([1, 2, 3, 4].map(async () => store.begin({ verb: 'pull', shared: true })));
  await Promise.all(
    pulls.map(async (pull) =>
      pull.write(target, async (offset) => {
        asked.push(offset);
        return chunksOf(bytes.subarray(offset), 100_000);
      }),
    ),
  );
  assert.deepEqual(asked, [0]);
  assert.equal((await store.holders(target.digest)).filter(({ kind }) => kind === 'lease').length, 4);
  for (const pull of pulls) await pull[Symbol.asyncDispose]();
});

test('a pull that waits for another goes on where that was cut off, and stops waiting when it is told to', async (t) => {
  const store = await open(t);
  const bytes = randomBytes(3_000_000);
  const target = layerOf(bytes);
  const asked: number[] = [];
  const source = breaking(bytes, 2_345_678, asked);
  const first = await store.begin({ verb: 'pull', shared: true });
  await using second = await store.begin({ verb: 'pull', shared: true });
  const leaving = new AbortController();
  await using third = await store.begin({ verb: 'pull', shared: true, signal: leaving.signal });
  const failed = fails(first.write(target, source), 'internal');
  const written = second.write(target, source);
  const left = fails(third.write(target, source), 'canceled');
  leaving.abort();
  await left;
  await failed;
  await first[Symbol.asyncDispose]();
  await written;
  assert.deepEqual(asked, [0, 2_345_678]);
  assert.deepEqual(await bytesOf(await store.open(target)), bytes);
});

test('pulls that lack what others lack too, each in its order, do not wait for each other', async (t) => {
  const store = await open(t);
  const [one, other] = [1, 2].map(() => layerOf(randomBytes(1_000_000)));
  assert.ok(one && other);
  const orders = [
    [one, other],
    [other, one],
  ];
  const pulls = await Promise.all(orders.map(async () => store.begin({ verb: 'pull', shared: true, signal: AbortSignal.timeout(5000) })));
  const lacks = async (index: number, at: number): Promise<void> =>
    fails(
      pulls[index]!.write(orders[index]![at]!, async () => {
        throw new ImageError('blob-unknown', 'withdrawn by its publisher');
      }),
      'blob-unknown',
    );
  for (const at of [0, 1]) await Promise.all([lacks(0, at), lacks(1, at)]);
  for (const pull of pulls) await pull[Symbol.asyncDispose]();
});

test('a partial download that is not what it should be is thrown away, and the whole fetched', async (t) => {
  const folder = storeFolder(t);
  const bytes = randomBytes(1_000_000);
  const target = layerOf(bytes);
  const store = await open(t, folder);
  for (const wrong of [randomBytes(500_000), randomBytes(1_000_000), randomBytes(2_000_000)]) {
    writeFileSync(join(folder, 'bay', 'drafts', 'free', `sha256-${digestHex(target.digest)}.abc`), wrong);
    const asked: number[] = [];
    {
      await using ingest = await store.begin();
      await ingest.write(target, async (offset) => {
        asked.push(offset);
        return chunksOf(bytes.subarray(offset), 100_000);
      });
      assert.deepEqual(await bytesOf(await store.open(target)), bytes);
    }
    assert.equal(asked.at(-1), 0);
    await store.sweep();
    assert.equal(await store.has(target), false);
  }
});

test('the draft of a process that was killed is copied: it may only be asleep', async (t) => {
  const folder = storeFolder(t);
  const bytes = randomBytes(1_000_000);
  const target = layerOf(bytes);
  const store = await open(t, folder);
  const dead = join(folder, 'bay', 'drafts', '01234567-89ab-cdef-0123-456789abcdef');
  mkdirSync(dead);
  writeFileSync(join(dead, `sha256-${digestHex(target.digest)}`), bytes.subarray(0, 600_000));
  const asked: number[] = [];
  await using ingest = await store.begin();
  await ingest.write(target, async (offset) => {
    asked.push(offset);
    return chunksOf(bytes.subarray(offset), 100_000);
  });
  assert.deepEqual(asked, [600_000]);
  assert.deepEqual(readdirSync(dead), []);
});

test('two processes never write one draft', async (t) => {
  const folder = storeFolder(t);
  const bytes = randomBytes(2_000_000);
  const target = layerOf(bytes);
  const stores = [await open(t, folder), await open(t, folder)];
  await Promise.all(
    stores.map(async (store) => {
      await using ingest = await store.begin();
      await ingest.write(target, async (offset) => chunksOf(bytes.subarray(offset), 10_000));
    }),
  );
  for (const store of stores) {
    assert.deepEqual(await bytesOf(await store.open(target)), bytes);
    assert.equal((await store.usage()).drafts, 0);
  }
});

test('a source that breaks off is not asked again by the store: whether that is worth it, the source knows', async (t) => {
  const store = await open(t);
  const bytes = randomBytes(900_000);
  const asked: number[] = [];
  await using ingest = await store.begin();
  const away = async (offset: number) => {
    asked.push(offset);
    return (async function* () {
      yield* chunksOf(bytes.subarray(offset, offset + 300_000), 50_000);
      throw new ImageError('unavailable', 'connection reset');
    })();
  };
  await fails(ingest.write(layerOf(bytes), away), 'unavailable');
  assert.deepEqual(asked, [0]);
  await ingest.write(layerOf(bytes), async (offset) => {
    asked.push(offset);
    return chunksOf(bytes.subarray(offset), 50_000);
  });
  assert.deepEqual(asked, [0, 300_000]);
  assert.deepEqual(await bytesOf(await store.open(layerOf(bytes))), bytes);
});

test('what is told to stop in the middle leaves a draft, and nothing that runs on', async (t) => {
  const store = await open(t);
  const bytes = randomBytes(1_000_000);
  const stop = new AbortController();
  {
    await using ingest = await store.begin();
    await fails(
      ingest.write(
        layerOf(bytes),
        async () =>
          (async function* () {
            yield bytes.subarray(0, 400_000);
            stop.abort();
            yield bytes.subarray(400_000, 500_000);
          })(),
        { signal: stop.signal },
      ),
      'canceled',
    );
  }
  assert.equal(await store.has(layerOf(bytes)), false);
  assert.equal((await store.usage()).drafts, 400_000);
});

test('a manifest whose bytes were poured in before is held as soon as they are relied on', async (t) => {
  const folder = storeFolder(t);
  const image = await makeImage({ layers: ['a layer'] });
  const bytes = image.blobs.get(image.target.digest) as Buffer;
  await using store = await ImageStore.open(folder);
  {
    await using poured = await store.begin();
    await poured.write({ ...image.target, mediaType: 'application/octet-stream' }, async () => chunksOf(bytes));
  }
  await using ingest = await store.begin();
  const isRead = Promise.reject(new Error('it is here, and nobody needs to fetch it'));
  isRead.catch(() => undefined);
  await fails(
    ingest.write(image.target, () => isRead),
    'incomplete',
  );
  await using other = await ImageStore.open(folder);
  assert.deepEqual((await other.sweep()).blobs, []);
});

test('a sweep takes nothing that a live lease wrote or found', async (t) => {
  const folder = storeFolder(t);
  const [one, other] = [await open(t, folder), await open(t, folder)];
  const [found, written] = [await makeImage({ layers: ['found'] }), await makeImage({ layers: ['written'] })];
  {
    await using before = await one.begin();
    await putImage(before, found);
    await before.tag(found.target, 'app');
  }
  {
    await using ingest = await one.begin();
    assert.equal(await ingest.has(found.target), true);
    await putImage(ingest, written);
    await other.forget(found.target.digest, { verb: 'rmi', names: 'all' });
    assert.deepEqual((await other.sweep()).blobs, []);
    assert.deepEqual((await other.sweep({ roots: [found.target.digest] })).blobs, []);
    await ingest.tag(found.target, 'app');
    await ingest.tag(written.target, 'written');
  }
  assert.deepEqual((await other.sweep()).blobs, []);
  assert.equal((await other.names()).length, 2);
  assert.deepEqual(await other.check(), []);
});

test('a process that slept past its lease takes it again where nothing was taken, and says so where something was', async (t) => {
  const folder = storeFolder(t);
  let time = Date.now();
  const sleeper = await open(t, folder, { now: () => new Date(time) });
  const image = await makeImage();
  await using ingest = await sleeper.begin();
  await putImage(ingest, image);
  time += 10 * 60_000;
  const kept = await open(t, folder, { now: () => new Date(time) });
  await ingest.tag(image.target, 'app');
  await kept.untag((await kept.names())[0]?.reference ?? { registry: '', repository: '' }, { verb: 'rmi' });
  await kept.forget(image.target.digest, { verb: 'rmi' });

  time += 10 * 60_000;
  assert.equal((await kept.sweep()).blobs.length, image.blobs.size, 'its lease is void');
  await fails(ingest.tag(image.target, 'app'), 'lease-lost');
  // Then the copy begins again, from what is here, under a new lease.
  const source = {
    resolve: async () => image.target,
    open: async (target: Descriptor) => (await import('node:stream')).Readable.from([image.blobs.get(target.digest)]),
  };
  await copy(source, image.target, ingest);
  await ingest.tag(image.target, 'app');
  assert.deepEqual((await kept.sweep()).blobs, []);
  assert.deepEqual(await kept.check(), []);
});

test('what a lease held is swept when it has ended', async (t) => {
  const store = await open(t);
  const image = await makeImage();
  {
    await using ingest = await store.begin();
    await putImage(ingest, image);
    assert.deepEqual((await store.sweep()).blobs, []);
  }
  assert.equal((await store.sweep()).blobs.length, image.blobs.size);
});

test('pieces may be poured in without knowing what they are, and copied from the ingest itself', async (t) => {
  const store = await open(t);
  const image = await makeImage();
  await using ingest = await store.begin({ verb: 'load' });
  for (const bytes of [...image.blobs.values()].toReversed()) await ingest.add(mediaTypes.bytes, chunksOf(bytes));
  assert.equal(await ingest.has(image.target), false);
  await copy(ingest, image.target, ingest);
  await ingest.tag(image.target, 'app');
  assert.deepEqual((await store.images())[0]?.platforms[0]?.layers, image.layers);
  assert.deepEqual(await store.check(), []);
});

test('a missing file is noticed when it is asked for, and put right by the next pull', async (t) => {
  const folder = storeFolder(t);
  const store = await open(t, folder);
  const image = await makeImage();
  const pull = async () => {
    await using ingest = await store.begin();
    await putImage(ingest, image);
    await ingest.tag(image.target, 'app');
  };
  await pull();
  const [layer, second] = image.layers;
  assert.ok(layer && second);
  rmSync(join(folder, 'blobs', 'sha256', digestHex(layer.digest)), { force: true });
  await fails(store.open(layer), 'blob-unknown');
  assert.equal(await store.has(image.target), false);
  await pull();
  assert.deepEqual(await bytesOf(await store.open(layer)), image.blobs.get(layer.digest));

  chmodSync(join(folder, 'blobs', 'sha256', digestHex(second.digest)), 0o644);
  truncateSync(join(folder, 'blobs', 'sha256', digestHex(second.digest)), 5);
  await fails(store.open(second), 'digest-mismatch');
  await pull();
  assert.deepEqual(await bytesOf(await store.open(second)), image.blobs.get(second.digest));
  assert.deepEqual(await store.check(), []);
});

test('nothing of ours is left in the folder when all is done', async (t) => {
  const folder = storeFolder(t);
  {
    await using store = await ImageStore.open(folder);
    await using ingest = await store.begin();
    await putImage(ingest, await makeImage());
    await fails(ingest.add(mediaTypes.bytes, await breaking(Buffer.alloc(1000), 500, [])(0)), 'internal');
  }
  const all = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  assert.deepEqual(
    all.filter(({ name }) => /tmp|~|upload/.test(name)).map(({ name }) => name),
    [],
  );
  assert.equal(existsSync(join(folder, 'bay', 'store.sqlite-wal')), false);
});

test('content that another tool removed while it was being pulled gets no name, and is fetched again', async (t) => {
  const folder = storeFolder(t);
  const store = await open(t, folder);
  const image = await makeImage();
  const [layer] = image.layers;
  assert.ok(layer);
  await using ingest = await store.begin();
  await putImage(ingest, image);
  rmSync(join(folder, 'blobs', 'sha256', digestHex(layer.digest)), { force: true });
  await fails(ingest.tag(image.target, 'app'), 'incomplete');
  assert.equal(await ingest.has(image.target), false);
  await putImage(ingest, image);
  await ingest.tag(image.target, 'app');
  assert.deepEqual(await store.check(), []);
});

test('a file that was right and is not any more is told of as such, and put right by the next load', async (t) => {
  const store = await open(t);
  const image = await makeImage();
  const put = async () => {
    await using ingest = await store.begin({ verb: 'load' });
    for (const target of [...image.layers, image.config, image.target]) {
      const bytes = image.blobs.get(target.digest);
      assert.ok(bytes);
      if (!(await ingest.has(target))) await ingest.write(target, async () => chunksOf(bytes));
    }
    await ingest.tag(image.target, 'app');
  };
  await put();
  for (const piece of [image.layers[0], image.target]) {
    assert.ok(piece);
    const file = join(store.path, 'blobs', 'sha256', digestHex(piece.digest));
    const bytes = readFileSync(file);
    chmodSync(file, 0o644);
    writeFileSync(file, Buffer.from(bytes).fill('x', 10, 20));
    await assert.rejects(validate(piece), (error) => {
      assert.ok(isImageError(error, 'digest-mismatch'), String(error));
      assert.match(error.message, /is not what its name says/);
      assert.match(error.hint ?? '', /Pull or load the image again/);
      return true;
    });
    assert.equal(await store.has(image.target), false);
    await put();
    assert.deepEqual(readFileSync(file), bytes);
    await validate(piece);
  }

  async function validate(piece: Descriptor): Promise<void> {
    await readVerified(() => store.open(piece), piece, 1 << 20);
  }
});
