/** A process that works with containers is killed at any moment: what it was told is done is there, and nothing of what was under way lies about. */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';

import { Containers } from '../../src/containers/containers.ts';
import { containerChanges } from '../../src/operations/container-changes.ts';
import { createContainer } from '../../src/operations/create-container.ts';
import { removeContainer } from '../../src/operations/remove-container.ts';
import { ImageStore } from '../../src/store/image-store.ts';
import type { StorePoint } from '../../src/store/database.ts';
import { makeBase } from '../support/base-image.ts';
import { startWorker, type Worker } from '../support/start-worker.ts';
import { temporary } from '../support/temporary.ts';

const script = join(import.meta.dirname, '..', 'contracts', 'container-process.ts');

async function prepared(t: TestContext): Promise<string> {
  const folder = temporary(t, 'container-crash');
  await using store = await ImageStore.open(folder);
  await makeBase(store);
  const host = { store, containers: new Containers(store), now: () => new Date() };
  await createContainer(host, { Image: 'base:1' }, { name: 'shared' });
  return folder;
}

/** @param args the point at which it ends itself, and the count; without them it goes on until it is killed */
function work(folder: string, ...args: readonly string[]): Worker<string> {
  return startWorker(script, [folder, 'w', '0', ...args], String);
}

/** Opens the store as the next process does: the list is true, nothing is orphaned, and everything that is there can be used and removed. */
async function assertWell(folder: string, said: readonly string[]): Promise<void> {
  await using store = await ImageStore.open(folder);
  const host = { store, containers: new Containers(store), now: () => new Date() };
  const of = (act: string) => said.filter((line) => line.startsWith(`${act} `)).map((line) => line.slice(act.length + 1));
  const removed = new Set(of('remove'));
  const expected = of('create').filter((name) => !removed.has(name));
  const there = (await store.containers()).map(({ name }) => name).filter((name) => name !== 'shared');
  // What was under way may have been done, though nobody was told: one that is said to be there may be gone, and one more be there.
  const surplus = there.filter((name) => !expected.includes(name));
  const missing = expected.filter((name) => !there.includes(name));
  const isUnderWay = said.at(-1)?.startsWith('commit ') === true;
  assert.ok(surplus.length <= 1 && (surplus.length === 0 || !said.includes(`create ${surplus[0]}`)), `more than said: ${surplus.join()}`);
  assert.ok(missing.length === 0 || (missing.length === 1 && isUnderWay), `lost: ${missing.join()}`);
  const shared = (await containerChanges(host, 'shared')).map(({ Path }) => Path);
  for (const name of of('share')) assert.ok(shared.includes(`/etc/${name}`), `${name} in shared`);
  for (const reference of of('commit')) assert.ok(await store.has((await store.find(reference)).target), reference);
  for (const name of there) {
    const changes = await containerChanges(host, name);
    if (of('put').includes(name))
      assert.deepEqual(
        changes.map(({ Path }) => Path),
        ['/etc', `/etc/${name}`],
      );
  }
  assert.deepEqual(await store.check(), []);
  const volumes = new Set((await store.containers()).flatMap((record) => record.volumes));
  assert.deepEqual((await store.volumes()).map(({ name }) => name).sort(), [...volumes].sort(), 'each volume is some container’s');
  for (const name of there) await removeContainer(host, name, { volumes: true });
  assert.deepEqual(await store.volumes(), []);
  await store.sweep();
  // The index follows a change of names in a moment, by a draft.
  await store.flush();
  assert.deepEqual(await store.check(), []);
  assert.deepEqual(readdirSync(join(folder, 'bay', 'trash')), []);
  assert.deepEqual(
    // A layer that was half written is the sweep's, once a day has passed: its writer may only have slept.
    readdirSync(join(folder, 'bay', 'drafts')).filter((file) => file !== 'free' && !/^~[0-9a-f-]{36}$/.test(file)),
    [],
  );
  const kept = new Set((await store.containers()).map(({ id }) => id));
  for (const id of readdirSync(join(folder, 'bay', 'containers'))) assert.ok(kept.has(id), `containers/${id}`);
}

const points: Partial<Record<StorePoint, readonly number[]>> = {
  draft: [1, 2],
  begun: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 17],
  renamed: [1, 2, 3, 4],
  rows: [2, 4, 6, 9, 12],
  committed: [1, 2, 3, 5, 7, 10, 14],
  trashed: [1, 2],
};

for (const [point, counts] of Object.entries(points))
  for (const count of counts)
    test(`killed at ${point}, the ${count}. time`, async (t) => {
      const folder = await prepared(t);
      const worker = work(folder, point, String(count));
      assert.equal(await worker.ended, 'killed');
      await assertWell(folder, worker.said);
    });

test('two at once, killed at random again and again', async (t) => {
  const folder = await prepared(t);
  let acts = 0;
  for (let time = 0; time < 3; time++) {
    const workers = [0, 1].map(() => work(folder));
    await Promise.all(workers.map((worker) => worker.killSoon(3, 1000)));
    const all = workers.flatMap(({ said }) => said);
    acts += all.length;
    await using store = await ImageStore.open(folder);
    assert.deepEqual(await store.check(), []);
    const host = { store, containers: new Containers(store), now: () => new Date() };
    const volumes = new Set((await store.containers()).flatMap((record) => record.volumes));
    assert.deepEqual((await store.volumes()).map(({ name }) => name).sort(), [...volumes].sort());
    for (const line of all.filter((one) => one.startsWith('remove ')))
      assert.ok(!(await store.containers()).some(({ name }) => name === line.slice(7)), line);
    for (const { name } of await store.containers()) await containerChanges(host, name);
  }
  assert.ok(acts > 5, `${acts} acts`);
});
