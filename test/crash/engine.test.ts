/** The Engine API's server under many clients, and killed at any moment: nobody's work is lost, and nothing is left lying about. */
import assert from 'node:assert/strict';
import { cpSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';

import { ImageStore } from '../../src/store/image-store.ts';
import { startEngine, type Engine } from '../support/engine.ts';
import { makeImage, putImage, tarOf } from '../support/make-image.ts';
import { temporary } from '../support/temporary.ts';

interface ListedContainer {
  readonly Id: string;
  readonly Names: readonly string[];
}

/** A home whose store has one image, `base:1`. */
async function homeWithBase(t: TestContext): Promise<string> {
  const home = temporary(t, 'engine');
  await using store = await ImageStore.open(join(home, 'store'));
  await using ingest = await store.begin();
  const image = await makeImage();
  await putImage(ingest, image);
  await ingest.tag(image.target, 'base:1');
  return home;
}

async function create(engine: Engine, name: string): Promise<string> {
  const answer = await engine.must('POST', `/containers/create?name=${name}`, { body: { Image: 'base:1', Cmd: ['true'] } });
  return answer.json<{ Id: string }>().Id;
}

async function put(engine: Engine, container: string, files: Readonly<Record<string, string>>): Promise<void> {
  await engine.must('PUT', `/containers/${container}/archive?path=/`, { body: await tarOf(files) });
}

async function commit(engine: Engine, container: string, tag: string): Promise<string> {
  return (await engine.must('POST', `/commit?container=${container}&repo=crowd&tag=${tag}`)).json<{ Id: string }>().Id;
}

async function containersOf(engine: Engine): Promise<readonly ListedContainer[]> {
  return (await engine.must('GET', '/containers/json?all=1')).json<ListedContainer[]>();
}

/** Folders of containers, volumes and drafts on the disk, which only what is listed may have. */
function folders(home: string, kind: 'containers' | 'volumes' | 'drafts' | 'trash'): readonly string[] {
  return readdirSync(join(home, 'store', 'bay', kind)).filter((name) => name !== 'free');
}

test('200 containers, made, changed, committed and removed by 8 clients at once: none lost, none left', { timeout: 240_000 }, async (t) => {
  const home = await homeWithBase(t);
  const engine = await startEngine(t, home);
  const numbers = Array.from({ length: 200 }, (_, at) => at);
  const queue = [...numbers];
  const images = new Map<number, string>();
  await Promise.all(
    Array.from({ length: 8 }, async () => {
      for (let at = queue.shift(); at !== undefined; at = queue.shift()) {
        const id = await create(engine, `c${at}`);
        await put(engine, id, { [`new-${at}`]: `content ${at}` });
        const changes = (await engine.must('GET', `/containers/c${at}/changes`)).json<{ Path: string; Kind: number }[]>();
        assert.deepEqual(changes, [{ Path: `/new-${at}`, Kind: 1 }]);
        images.set(at, await commit(engine, id, `t${at}`));
        // Every other one goes at once; the rest stay until all are made.
        if (at % 2 === 0) await engine.must('DELETE', `/containers/${id}`);
      }
    }),
  );
  const left = await containersOf(engine);
  assert.deepEqual(
    left.map(({ Names }) => Names[0]).toSorted(),
    numbers
      .filter((at) => at % 2 === 1)
      .map((at) => `/c${at}`)
      .toSorted(),
  );
  assert.equal(new Set(images.values()).size, 200, 'each has an image of its own');
  for (const at of numbers) {
    const { Id } = (await engine.must('GET', `/images/crowd:t${at}/json`)).json<{ Id: string }>();
    assert.equal(Id, images.get(at));
  }
  const some = (await engine.must('POST', '/containers/create?name=look', { body: { Image: 'crowd:t77' } })).json<{ Id: string }>().Id;
  const file = await engine.must('GET', `/containers/${some}/archive?path=/new-77`);
  assert.ok(file.body.includes('content 77'));

  const names = [...left.map(({ Id }) => Id), some];
  await Promise.all(
    Array.from({ length: 8 }, async () => {
      for (let id = names.shift(); id !== undefined; id = names.shift()) await engine.must('DELETE', `/containers/${id}`);
    }),
  );
  const tags = numbers.map((at) => `crowd:t${at}`);
  await Promise.all(
    Array.from({ length: 8 }, async () => {
      for (let tag = tags.shift(); tag !== undefined; tag = tags.shift()) await engine.must('DELETE', `/images/${tag}`);
    }),
  );
  assert.deepEqual(await containersOf(engine), []);
  assert.deepEqual(
    (await engine.must('GET', '/images/json')).json<{ RepoTags: string[] }[]>().map(({ RepoTags }) => RepoTags),
    [['base:1']],
  );
  await engine.end();
  assert.deepEqual(folders(home, 'containers'), []);
  assert.deepEqual(folders(home, 'drafts'), []);
  await using store = await ImageStore.open(join(home, 'store'));
  assert.deepEqual(await store.check(), []);
});

/** What one client does again and again until the server is gone. What it was told is done, it notes. */
interface Act {
  readonly name: string;
  /** What must be there before. */
  prepare?(engine: Engine): Promise<void>;
  once(engine: Engine, round: number, noted: Set<string>): Promise<void>;
  /** Names of what is there. */
  list(engine: Engine): Promise<ReadonlySet<string>>;
  /** True where what was noted must not be there any more. */
  readonly removes?: true;
}

const containerNames = async (engine: Engine) => new Set((await containersOf(engine)).map(({ Names }) => (Names[0] ?? '').slice(1)));
const imageTags = async (engine: Engine) =>
  new Set((await engine.must('GET', '/images/json')).json<{ RepoTags: string[] }[]>().flatMap(({ RepoTags }) => RepoTags));
const volumeNames = async (engine: Engine) =>
  new Set((await engine.must('GET', '/volumes')).json<{ Volumes: { Name: string }[] }>().Volumes.map(({ Name }) => Name));

const acts: readonly Act[] = [
  {
    name: 'create',
    async once(engine, round, noted) {
      await create(engine, `made-${round}`);
      noted.add(`made-${round}`);
    },
    list: containerNames,
  },
  {
    name: 'cp',
    prepare: async (engine) => void (await create(engine, 'changed')),
    async once(engine, round, noted) {
      await put(engine, 'changed', { [`file-${round}`]: 'x'.repeat(200_000) });
      noted.add(`/file-${round}`);
    },
    async list(engine) {
      const changes = (await engine.must('GET', '/containers/changed/changes')).json<{ Path: string }[] | null>() ?? [];
      for (const { Path } of changes) {
        const { body } = await engine.must('GET', `/containers/changed/archive?path=${Path}`);
        assert.ok(body.includes('x'.repeat(200_000)), `${Path} is whole`);
      }
      return new Set(changes.map(({ Path }) => Path));
    },
  },
  {
    name: 'commit',
    async prepare(engine) {
      await create(engine, 'changed');
      await put(engine, 'changed', { file: 'y'.repeat(500_000) });
    },
    async once(engine, round, noted) {
      await commit(engine, 'changed', `r${round}`);
      noted.add(`crowd:r${round}`);
    },
    list: imageTags,
  },
  {
    name: 'rename',
    prepare: async (engine) => void (await create(engine, 'name-0')),
    async once(engine, round, noted) {
      await engine.must('POST', `/containers/name-${round}/rename?name=name-${round + 1}`);
      noted.clear();
      noted.add(`name-${round + 1}`);
    },
    async list(engine) {
      const names = await containerNames(engine);
      assert.equal(names.size, 1, 'one container, under one name');
      // The last one that was asked for may have been done too.
      const [, number = ''] = /^name-(\d+)$/.exec([...names][0] ?? '') ?? [];
      return new Set([`name-${number}`, `name-${Number(number) - 1}`]);
    },
  },
  {
    name: 'rm',
    async prepare(engine) {
      for (let at = 0; at < 60; at++) await create(engine, `gone-${at}`);
      for (let at = 0; at < 60; at += 3) await put(engine, `gone-${at}`, { file: 'z'.repeat(50_000) });
    },
    async once(engine, round, noted) {
      if (round >= 60) return wait(5);
      await engine.must('DELETE', `/containers/gone-${round}?v=1`);
      noted.add(`gone-${round}`);
    },
    list: containerNames,
    removes: true,
  },
  {
    name: 'volume create',
    async once(engine, round, noted) {
      await engine.must('POST', '/volumes/create', { body: { Name: `volume-${round}` } });
      noted.add(`volume-${round}`);
    },
    list: volumeNames,
  },
  {
    name: 'rmi',
    async prepare(engine) {
      await create(engine, 'changed');
      for (let at = 0; at < 30; at++) {
        await put(engine, 'changed', { file: `version ${at}` });
        await commit(engine, 'changed', `r${at}`);
      }
      await engine.must('DELETE', '/containers/changed');
    },
    async once(engine, round, noted) {
      if (round >= 30) return wait(5);
      await engine.must('DELETE', `/images/crowd:r${round}`);
      noted.add(`crowd:r${round}`);
    },
    list: imageTags,
    removes: true,
  },
];

for (const act of acts)
  test(`kill -9 in the middle of ${act.name}: the next server's list is true, and nothing is orphaned`, { timeout: 120_000 }, async (t) => {
    const prepared = await homeWithBase(t);
    if (act.prepare) {
      const first = await startEngine(t, prepared);
      await act.prepare(first);
      await first.end();
    }
    for (const after of [15, 80, 220]) {
      const home = temporary(t, 'engine');
      cpSync(prepared, home, { recursive: true, preserveTimestamps: true });
      const engine = await startEngine(t, home);
      const noted = new Set<string>();
      let killed = false;
      const client = (async () => {
        for (let round = 0; !killed; round++) await act.once(engine, round, noted);
      })().catch((error: unknown) => {
        if (!killed) throw error;
      });
      await Promise.race([wait(after), client]);
      killed = true;
      await engine.kill();
      await client;

      const next = await startEngine(t, home);
      const there = await act.list(next);
      for (const name of noted)
        assert.equal(there.has(name), act.removes !== true, `${name} was said to be ${act.removes ? 'gone' : 'there'}, ${after} ms`);
      const containers = new Set((await containersOf(next)).map(({ Id }) => Id));
      const volumes = await volumeNames(next);
      await next.end();
      for (const id of folders(home, 'containers')) assert.ok(containers.has(id), `the folder ${id} belongs to no container`);
      for (const name of folders(home, 'volumes')) assert.ok(volumes.has(name), `the folder ${name} belongs to no volume`);
      assert.deepEqual(folders(home, 'drafts'), []);
      assert.deepEqual(folders(home, 'trash'), []);
      await using store = await ImageStore.open(join(home, 'store'));
      assert.deepEqual(await store.check(), []);
    }
  });
