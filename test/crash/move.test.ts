/** A move of the store is killed at each of its points: one whole store is found again, and the next start finishes the move or takes it back. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';

import { storeFolder } from '../../src/io/home-folder.ts';
import { openHomeStore } from '../../src/operations/open-store.ts';
import type { MovePoint } from '../../src/store/database.ts';
import { ImageStore } from '../../src/store/image-store.ts';
import { chunksOf, makeImage, putImage, type MadeImage } from '../support/make-image.ts';
import { temporary } from '../support/temporary.ts';

const repository = { registry: 'docker.io', repository: 'pushed/half' } as const;
const half = Buffer.alloc(70_000, 'half of a blob ');

/** A home whose store has an image, a volume with a file, and half of an upload. */
async function makeHome(t: TestContext): Promise<{ home: string; image: MadeImage; upload: string }> {
  const home = temporary(t, 'move');
  await using store = await ImageStore.open(join(home, 'store'));
  const image = await makeImage({ layers: ['base', 'x'.repeat(300_000)], compression: 'none' });
  {
    await using ingest = await store.begin({ verb: 'pull' });
    await putImage(ingest, image);
    await ingest.tag(image.target, 'app');
  }
  const { mountpoint } = await store.addVolume({ name: 'data', document: {} }, { action: 'create' });
  writeFileSync(join(mountpoint, 'file'), 'kept');
  const upload = await store.repository(repository).upload();
  await upload.append(chunksOf(half), 0);
  return { home, image, upload: upload.id };
}

/** As the command line opens it. */
async function open(home: string): Promise<ImageStore> {
  return openHomeStore({ BAY_HOME: home }, {});
}

async function moveAndDie(home: string, target: string, point: MovePoint | 'never', count = 1): Promise<void> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'move-worker.ts'), home, target, point, String(count)], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let complaint = '';
  child.stderr.setEncoding('utf8').on('data', (part: string) => (complaint += part));
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
  assert.deepEqual([code, signal], point === 'never' ? [0, null] : [null, 'SIGKILL'], complaint);
}

/** Of each point, whether the store has moved when it is over. */
const points: Record<MovePoint, boolean> = {
  'move-begun': false,
  'move-copied': false,
  'move-database': false,
  'move-ready': false,
  'move-switched': true,
  'move-told': true,
  'move-removing': true,
  'move-removed': true,
};

const disks = existsSync('/dev/shm')
  ? [['the same disk', undefined] as const, ['another disk', '/dev/shm'] as const]
  : [['the same disk', undefined] as const];

/** The old folder goes piece by piece. */
const often: Partial<Record<MovePoint, readonly number[]>> = { 'move-removing': [1, 2, 4, 6] };
const kills = (Object.entries(points) as [MovePoint, boolean][]).flatMap(([point, moved]) =>
  (often[point] ?? [1]).map((count) => ({ point, moved, count })),
);

for (const [disk, other] of disks)
  for (const { point, moved, count } of kills)
    test(`a move to ${disk} that is killed at ${point}, the ${count}. time, leaves one whole store`, async (t) => {
      const { home, image, upload } = await makeHome(t);
      const elsewhere = other === undefined ? temporary(t, 'moved') : mkdtempSync(join(other, 'bayplan-moved-'));
      t.after(() => rmSync(elsewhere, { recursive: true, force: true }));
      const [from, to] = [join(home, 'store'), join(elsewhere, 'made', 'store')];
      await moveAndDie(home, to, point, count);
      {
        await using store = await open(home);
        const [here, gone] = moved ? [to, from] : [from, to];
        assert.equal(store.path, here);
        assert.ok(!existsSync(gone), `${gone} has gone`);
        if (!moved) assert.deepEqual(readdirSync(elsewhere), [], 'and the folder that was made for it');
        assert.deepEqual(
          readdirSync(join(here, 'bay')).filter((name) => name.startsWith('move.json')),
          [],
        );
        assert.deepEqual(await store.check(), []);
        assert.equal(await storeFolder({ BAY_HOME: home }), here);
        assert.equal((await store.resolve('app')).digest, image.target.digest);
        assert.equal(readFileSync(join((await store.volume('data')).mountpoint, 'file'), 'utf8'), 'kept');
        assert.equal((await store.journal()).filter(({ verb }) => verb === 'move').length, moved ? 1 : 0);
        const rest = await store.repository(repository).upload(upload);
        assert.equal(rest.offset, half.length);
      }
      // It can be moved on, or again, and all is well then too.
      await moveAndDie(home, join(elsewhere, 'again'), 'never');
      await using store = await open(home);
      assert.equal(store.path, join(elsewhere, 'again'));
      assert.deepEqual(await store.check(), []);
      assert.deepEqual([existsSync(from), existsSync(to)], [false, false]);
    });

test('a move that is killed while it writes its note leaves no folder, and can be begun again to the same path', async (t) => {
  const { home } = await makeHome(t);
  const elsewhere = temporary(t, 'moved');
  const to = join(elsewhere, 'made', 'store');
  await moveAndDie(home, to, 'move-begun');
  // The moment before: the note is a draft still.
  renameSync(join(to, 'bay', 'move.json'), join(to, 'bay', 'move.json.0123456789ab.tmp'));
  assert.deepEqual(readdirSync(join(to, 'bay')), ['move.json.0123456789ab.tmp']);
  {
    await using store = await open(home);
    assert.equal(store.path, join(home, 'store'));
    assert.deepEqual(readdirSync(elsewhere), []);
  }
  await moveAndDie(home, to, 'never');
  await using store = await open(home);
  assert.equal(store.path, to);
});

test('what a kill has left of a note in the old place goes with the next move, and with a prune when it is a day old', async (t) => {
  const { home } = await makeHome(t);
  const place = join(home, 'store');
  const drafts = [join(place, 'bay', 'move.json.0123456789ab.tmp'), join(place, 'index.json.0123456789ab.tmp')] as const;
  for (const draft of drafts) writeFileSync(draft, '{}');
  {
    await using store = await ImageStore.open(place);
    await store.sweep();
    assert.deepEqual(
      drafts.map((path) => existsSync(path)),
      [true, true],
      'somebody may just be writing it',
    );
  }
  {
    await using store = await ImageStore.open(place, { now: () => new Date(Date.now() + 25 * 60 * 60 * 1000) });
    await store.sweep();
    assert.deepEqual(
      drafts.map((path) => existsSync(path)),
      [false, false],
    );
  }
  writeFileSync(drafts[0], '{}');
  const elsewhere = temporary(t, 'moved');
  const to = join(elsewhere, 'store');
  await moveAndDie(home, to, 'move-copied');
  await using store = await open(home);
  assert.equal(store.path, place);
  assert.equal(existsSync(drafts[0]), false);
});
