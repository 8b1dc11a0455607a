/** A process that works in a store is killed at any moment: nothing that it was told is done is lost, and nothing is wrong. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';

import { isImageError } from '../../src/errors.ts';
import type { StorePoint } from '../../src/store/database.ts';
import { parseIndexFile } from '../../src/store/index-file.ts';
import { ImageStore } from '../../src/store/image-store.ts';
import { temporary } from '../support/temporary.ts';
import type { Done } from './store-worker.ts';

interface Running {
  readonly done: Done[];
  readonly ended: Promise<void>;
  kill(): void;
}

/** Starts a worker that says what it has done. */
function work(...args: readonly string[]): Running {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'store-worker.ts'), ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  const done: Done[] = [];
  let text = '';
  let complaint = '';
  child.stdout.setEncoding('utf8').on('data', (part: string) => {
    text += part;
    const lines = text.split('\n');
    text = lines.pop() ?? '';
    for (const line of lines) done.push(JSON.parse(line) as Done);
  });
  child.stderr.setEncoding('utf8').on('data', (part: string) => (complaint += part));
  const ended = new Promise<void>((resolve, reject) =>
    child.on('close', (code, signal) => {
      if (signal === 'SIGKILL' || (process.platform === 'win32' && code === 1)) resolve();
      else reject(new Error(`the worker ended by itself (${code}): ${complaint}`));
    }),
  );
  return { done, ended, kill: () => child.kill('SIGKILL') };
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
      await worker.ended;
      await assertWell(folder, worker.done, under('app', 0, worker.done));
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
        // A busy machine may take seconds to start it.
        for (const until = Date.now() + 20_000; worker.done.length === 0 && Date.now() < until;) await wait(20);
        await wait(Math.random() * 1500);
        worker.kill();
        await worker.ended;
        done.get(name)?.push(...worker.done);
        rounds.set(name, start + worker.done.filter(({ act }) => act === 'flush').length);
        last.set(name, under(name, start, worker.done));
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
