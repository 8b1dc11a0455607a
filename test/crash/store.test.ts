/** A process that works in a store is killed at any moment: nothing that it was told is done is lost, and nothing is wrong. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { isImageError } from '../../src/errors.ts';
import type { StorePoint } from '../../src/store/database.ts';
import { parseIndexFile } from '../../src/store/index-file.ts';
import { ImageStore } from '../../src/store/image-store.ts';
import { startWorker, type Worker } from '../support/start-worker.ts';
import { temporary } from '../support/temporary.ts';
import type { Done } from './store-worker.ts';

function work(...args: readonly string[]): Worker<Done> {
  return startWorker(join(import.meta.dirname, 'store-worker.ts'), args, (line) => JSON.parse(line) as Done);
}

/** Opens the store as the next process does, and looks whether everything is there and right. */
async function assertWell(folder: string, done: readonly Done[], next: (name: string) => boolean): Promise<void> {
  parseIndexFile(readFileSync(join(folder, 'index.json')));
  await using store = await ImageStore.open(folder);
  assert.deepEqual(await store.check(), []);
  const last = new Map(done.filter(({ act }) => act !== 'flush').map((one) => [one.name, one]));
  for (const { name, digest } of last.values()) {
    const found = await store.resolve(name).catch((error: unknown) => {
      assert.ok(isImageError(error, 'not-found'), String(error));
      return undefined;
    });
    // The act that was under way may have been done, though nobody was told.
    if (found?.digest !== digest) assert.ok(next(name), `${name} is ${found?.digest}, and was said to be ${digest}`);
    if (found) assert.ok(await store.has(found), `${name} is whole`);
  }
  await store.flush();
  const shown = new Set(parseIndexFile(readFileSync(join(folder, 'index.json'))).entries.map(({ target }) => target.digest));
  for (const { target } of await store.names()) assert.ok(shown.has(target.digest));
  await store.sweep();
  assert.deepEqual(await store.check(), []);
  // What a killed process had begun to write lies nowhere for ever.
  assert.deepEqual(readdirSync(folder).toSorted(), ['bay', 'blobs', 'index.json', 'oci-layout']);
  assert.deepEqual(
    readdirSync(join(folder, 'bay', 'drafts')).filter((name) => name.startsWith('~')),
    [],
  );
}

/** Which name the worker was at work on after what it had said. */
function under(worker: string, start: number, done: readonly Done[]): (name: string) => boolean {
  const rounds = done.filter(({ act }) => act === 'flush').length;
  const round = start + rounds;
  const since = done.slice(done.findLastIndex(({ act }) => act === 'flush') + 1);
  return (name) => {
    if (since.length === 0) return name === `${worker}:${round % 3}`;
    if (since.length === 1) return name === `pushed/${worker}:latest`;
    return name === `${worker}:1`;
  };
}

const points: Record<StorePoint, readonly number[]> = {
  draft: [1, 4, 9],
  begun: [1, 5, 12, 25],
  renamed: [1, 4, 8],
  rows: [2, 9, 20],
  committed: [1, 3, 11, 24],
  'index-draft': [1, 2],
  'index-renamed': [1, 2],
  trashed: [1, 2],
  swept: [1],
};

for (const [point, counts] of Object.entries(points)) {
  for (const count of counts) {
    test(`killed at ${point}, the ${count}. time`, async (t) => {
      const folder = temporary(t, 'crash');
      const worker = work(folder, 'app', '0', point, String(count));
      assert.equal(await worker.ended, 'killed');
      await assertWell(folder, worker.said, under('app', 0, worker.said));
    });
  }
}

test('three that work at once, each killed at random again and again', async (t) => {
  const folder = temporary(t, 'crash');
  const names = ['one', 'two', 'three'];
  const done = new Map(names.map((name) => [name, [] as Done[]]));
  const rounds = new Map(names.map((name) => [name, 0]));
  for (let time = 0; time < 4; time++) {
    const last = new Map<string, (name: string) => boolean>();
    await Promise.all(
      names.map(async (name) => {
        const start = rounds.get(name) ?? 0;
        const worker = work(folder, name, String(start));
        await worker.killSoon(1, 600);
        done.get(name)?.push(...worker.said);
        rounds.set(name, start + worker.said.filter(({ act }) => act === 'flush').length);
        last.set(name, under(name, start, worker.said));
      }),
    );
    const all = [...done.values()].flat();
    await assertWell(folder, all, (name) => [...last.values()].some((next) => next(name)));
    // What was under way has become what is: from here on that counts.
    await using store = await ImageStore.open(folder);
    for (const [worker, acts] of done) {
      for (const name of new Set(acts.map((act) => act.name).filter((one) => one.includes(':')))) {
        const found = (await store.names()).find(
          ({ reference }) => `${reference.repository.replace('library/', '')}:${reference.tag}` === name,
        );
        done.get(worker)?.push({ act: 'tag', name, ...(found ? { digest: found.target.digest } : {}) });
      }
    }
  }
  assert.ok(
    [...done.values()].every((acts) => acts.length > 3),
    'each has done something',
  );
});
