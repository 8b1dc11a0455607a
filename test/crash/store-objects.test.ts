/** Processes that make and remove containers, volumes and laid-out layers in a store, killed at any moment, and many at once: nothing is lost, and nothing lies about. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { isImageError } from '../../src/errors.ts';
import type { Digest } from '../../src/model/digest.ts';
import type { StorePoint } from '../../src/store/database.ts';
import { ImageStore } from '../../src/store/image-store.ts';
import { startWorker, type Worker } from '../support/start-worker.ts';
import { temporary } from '../support/temporary.ts';
import type { ObjectDone } from './store-object-worker.ts';

function work(...args: readonly string[]): Worker<ObjectDone> {
  return startWorker(join(import.meta.dirname, 'store-object-worker.ts'), args, (line) => JSON.parse(line) as ObjectDone);
}

/** Opens the store as the next process does. Nothing but what the rows speak of lies in its folders, and what they speak of is there. */
async function assertWell(folder: string): Promise<void> {
  await using store = await ImageStore.open(folder);
  const bay = join(folder, 'bay');
  assert.deepEqual(await store.check(), []);
  assert.deepEqual(readdirSync(join(bay, 'trash')), []);
  const containers = await store.containers();
  for (const id of readdirSync(join(bay, 'containers'))) assert.ok(containers.some((container) => container.id === id));
  const volumes = await store.volumes();
  assert.deepEqual(readdirSync(join(bay, 'volumes')).toSorted(), volumes.map(({ name }) => name).toSorted());
  for (const { name, mountpoint } of volumes) assert.equal(readFileSync(join(mountpoint, 'file'), 'utf8'), name);
  for (const { name, manifest } of containers) assert.ok(await store.has(manifest), `the image of ${name} is whole`);
  for (const name of readdirSync(join(bay, 'trees'))) assert.ok(existsSync(join(bay, 'trees', name, 'pack')));
  assert.deepEqual(
    readdirSync(join(bay, 'drafts')).filter((name) => name.includes('tree') || name.includes('volume')),
    [],
  );
  // And the next is able to go on, and to take all of it.
  await store.sweep();
  assert.deepEqual(await store.check(), []);
}

/** The last that was said of each thing holds; where it was said to be open, either way is right. */
async function assertKept(folder: string, done: readonly ObjectDone[]): Promise<void> {
  await using store = await ImageStore.open(folder);
  const there = (ask: Promise<unknown>): Promise<boolean> =>
    ask.then(
      (found) => found !== undefined,
      (error: unknown) => {
        if (!isImageError(error, 'not-found')) throw error;
        return false;
      },
    );
  for (const { act, name } of new Map(done.map((one) => [one.name, one])).values()) {
    if (act === 'open') continue;
    const kind = act.replace('no ', '');
    const found =
      kind === 'tree'
        ? store.tree(name as Digest)
        : kind === 'volume'
          ? store.volume(name)
          : kind === 'container'
            ? store.container(name)
            : store.resolve(name);
    assert.equal(await there(found), !act.startsWith('no '), `${act} ${name}`);
  }
}

const points: Partial<Record<StorePoint, readonly number[]>> = {
  draft: [1, 2, 3, 9],
  begun: [1, 2, 5, 13, 21, 34],
  renamed: [1, 2, 3, 7, 12],
  rows: [1, 2, 7, 15, 26, 33],
  committed: [1, 2, 3, 11, 19, 30],
  trashed: [1, 2, 3, 4, 5],
  swept: [1, 2],
};

for (const [point, counts] of Object.entries(points))
  for (const count of counts)
    test(`killed at ${point}, the ${count}. time`, async (t) => {
      const folder = temporary(t, 'crash');
      const worker = work(folder, 'app', '0', point, String(count));
      assert.equal(await worker.ended, 'killed');
      await assertWell(folder);
      await assertKept(folder, worker.said);
      // The next takes up the work where it was left.
      const next = work(folder, 'app', '0', 'rounds=2');
      assert.equal(await next.ended, 'done');
      await assertWell(folder);
    });

test('eight at once, each with its own containers, end with nothing lost and nothing left', async (t) => {
  const folder = temporary(t, 'crash');
  const workers = Array.from({ length: 8 }, (_, number) => work(folder, `app${number}`, '0', 'rounds=8'));
  assert.deepEqual(
    await Promise.all(workers.map(({ ended }) => ended)),
    workers.map(() => 'done'),
  );
  for (const { said } of workers) assert.equal(said.filter(({ act }) => act === 'container').length, 8);
  await assertWell(folder);
  await using store = await ImageStore.open(folder);
  assert.deepEqual([await store.containers(), await store.volumes(), await store.images()], [[], [], []]);
  assert.equal((await store.usage()).total, 0);
  assert.equal(await store.treesBytes(), 0);
  const made = (await store.events({ limit: 10_000 })).filter(({ type, action }) => type === 'container' && action === 'create');
  assert.equal(made.length, 64);
});

test('four at once, each killed at random again and again', async (t) => {
  const folder = temporary(t, 'crash');
  for (let time = 0; time < 3; time++) {
    const workers = ['one', 'two', 'three', 'four'].map((name) => work(folder, name, String(time)));
    await Promise.all(workers.map((worker) => worker.killSoon(4, 500)));
    await assertWell(folder);
    for (const { said } of workers) assert.ok(said.length > 3);
  }
});
