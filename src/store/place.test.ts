import assert from 'node:assert/strict';
import { chownSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';

import { isImageError, type ErrorCode } from '../errors.ts';
import { temporary } from '../../test/support/temporary.ts';
import { ImageStore } from './image-store.ts';
import { judgePlace, Place, refuseNetwork } from './place.ts';

async function refused(promise: Promise<unknown>, code: ErrorCode, message: RegExp, hint?: RegExp): Promise<void> {
  await assert.rejects(promise, (error) => {
    assert.ok(isImageError(error, code), String(error));
    assert.match(error.message, message);
    if (hint) assert.match(error.hint ?? '', hint);
    return true;
  });
}

test('a store is made where there is none, unless that is not wanted', async (t) => {
  const folder = join(temporary(t, 'store'), 'deep', 'down');
  await refused(ImageStore.open(folder, { create: false }), 'not-found', /there is no store at/);
  await (await ImageStore.open(folder)).close();
  await (await ImageStore.open(folder, { create: false })).close();
  assert.deepEqual(readdirSync(folder).toSorted(), ['bay', 'blobs', 'index.json', 'oci-layout']);
});

test('a beginning that was interrupted is gone on with', async (t) => {
  const folder = temporary(t, 'store');
  mkdirSync(join(folder, 'bay', 'drafts'), { recursive: true });
  writeFileSync(join(folder, 'bay', 'store.sqlite'), '');
  writeFileSync(join(folder, 'index.json.0123456789ab.tmp'), '');
  await using store = await ImageStore.open(folder);
  assert.deepEqual(await store.check(), []);
});

test('a store that another makes while it is looked at is a store', { timeout: 60_000 }, (t) => {
  const parent = temporary(t, 'store');
  const places = Array.from({ length: 300 }, (_, at) => new Place(join(parent, String(at))));
  for (const { root } of places) mkdirSync(root);
  const turn = new Int32Array(new SharedArrayBuffer(4));
  const maker = new Worker(
    `const { writeFileSync } = require('node:fs');
     const { workerData: { files, turn } } = require('node:worker_threads');
     files.forEach((file, at) => {
       while (Atomics.load(turn, 0) < at) Atomics.wait(turn, 0, at - 1);
       writeFileSync(file, '');
     });`,
    { eval: true, workerData: { files: places.map(({ layoutFile }) => layoutFile), turn } },
  );
  t.after(() => maker.terminate());
  for (const [at, place] of places.entries()) {
    Atomics.store(turn, 0, at);
    Atomics.notify(turn, 0);
    for (let judged = 'new'; judged !== 'store';) judged = judgePlace(place);
  }
});

test('many make the same store at once', async (t) => {
  const folder = join(temporary(t, 'store'), 'new');
  const stores = await Promise.all(Array.from({ length: 8 }, () => ImageStore.open(folder)));
  for (const store of stores) {
    assert.deepEqual(await store.images(), []);
    await store.close();
  }
});

test('a folder of other things is not made a store', async (t) => {
  const folder = temporary(t, 'store');
  writeFileSync(join(folder, 'holiday.jpg'), 'x');
  await refused(ImageStore.open(folder), 'store-unusable', /neither empty nor an OCI image layout \(there is "holiday\.jpg" in it\)/);
  assert.deepEqual(readdirSync(folder), ['holiday.jpg']);
  const file = join(folder, 'holiday.jpg');
  await refused(ImageStore.open(file), 'store-unusable', /not a folder/);
});

test('the store of a newer version is refused, and left as it is', async (t) => {
  const folder = temporary(t, 'store');
  await (await ImageStore.open(folder)).close();
  const { DatabaseSync } = await import('node:sqlite');
  const database = new DatabaseSync(join(folder, 'bay', 'store.sqlite'));
  database.exec('PRAGMA user_version = 999');
  database.close();
  await refused(ImageStore.open(folder), 'store-unusable', /written by a newer version of bay/, /Upgrade/);
});

test('a database that is none is said to be damaged, with the way back', async (t) => {
  const folder = temporary(t, 'store');
  await (await ImageStore.open(folder)).close();
  writeFileSync(join(folder, 'bay', 'store.sqlite'), 'this is no database, though it is long enough to be one of some kind'.repeat(100));
  await refused(ImageStore.open(folder), 'store-unusable', /database is damaged/, /come back from index\.json/);
});

test(
  'the store of another user is refused, and the docker socket named',
  { skip: process.getuid?.() !== 0 && 'only root can give a folder away' },
  async (t) => {
    const folder = temporary(t, 'store');
    await (await ImageStore.open(folder)).close();
    chownSync(folder, 12345, 12345);
    await refused(ImageStore.open(folder), 'store-unusable', /belongs to user 12345/, /DOCKER_HOST/);
    assert.equal(statSync(folder).uid, 12345);
  },
);

test(
  'network file systems are refused, by name',
  { skip: process.platform === 'win32' && 'they are told by the path there' },
  async (t) => {
    const folder = temporary(t, 'store');
    for (const [type, name] of [
      [0x6969, 'NFS'],
      [0xfe534d42, 'SMB'],
      [0xff534d42 | 0, 'CIFS'],
      [0x01021997, '9p'],
      [0x00c36400, 'Ceph'],
    ] as const) {
      assert.throws(
        () => refuseNetwork(join(folder, 'not', 'yet', 'there'), () => ({ type })),
        (error) => isImageError(error, 'store-unusable') && new RegExp(`network file system \\(${name}\\)`).test(error.message),
      );
    }
    for (const type of [0xef53, 0x01021994, 0x9123683e, 0x58465342, 0x65735546]) refuseNetwork(folder, () => ({ type }));
    refuseNetwork(folder);
  },
);

test('on Windows a share is refused, by its path and behind a letter; a disk is not, however it is written', () => {
  const judge = (path: string, really = path) =>
    refuseNetwork(
      path,
      () => assert.fail('Windows has no magic numbers'),
      () => really,
      'win32',
    );
  for (const [path, really] of [
    ['\\\\server\\share\\bay'],
    ['//server/share/bay'],
    ['\\\\?\\UNC\\server\\share\\bay'],
    ['\\\\wsl.localhost\\Debian\\bay'],
    ['Z:\\bay', '\\\\server\\share'],
  ] as const)
    assert.throws(
      () => judge(path, really),
      (error) => isImageError(error, 'store-unusable') && error.message.includes('network file system (a share)'),
      path,
    );
  judge('C:\\bay');
  judge('\\\\?\\C:\\bay', 'C:\\');
  refuseNetwork(
    'R:\\bay',
    () => assert.fail('Windows has no magic numbers'),
    () => {
      throw new Error('EISDIR: a disk in memory');
    },
    'win32',
  );
});

test('a path that is too long for the database is told of as that', { skip: process.platform === 'win32' }, async (t) => {
  const folder = join(temporary(t, 'store'), ...Array.from({ length: 5 }, () => 'long'.repeat(30)));
  await refused(ImageStore.open(folder), 'store-unusable', /its path is too long: SQLite opens a file of at most 504 bytes/, /BAY_HOME/);
});

test('a folder where a file of the store should be is refused with what to do', async (t) => {
  for (const [file, code] of [
    ['index.json', 'invalid-argument'],
    [join('bay', 'store.sqlite'), 'store-unusable'],
  ] as const) {
    const folder = join(temporary(t, 'store'), 'store');
    await (await ImageStore.open(folder)).close();
    rmSync(join(folder, file));
    mkdirSync(join(folder, file));
    await refused(ImageStore.open(folder), code, /store/, /move it away/);
  }
});
