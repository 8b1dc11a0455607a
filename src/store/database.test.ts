import assert from 'node:assert/strict';
import fs, { cpSync, renameSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test, type TestContext } from 'node:test';

import { ImageError, isImageError } from '../errors.ts';
import { makeImage, putImage } from '../../test/support/make-image.ts';
import { closedFirst, openStore, storeFolder } from '../../test/support/open-store.ts';
import { familiarName } from '../model/reference.ts';
import { asStoreError } from './connection.ts';
import { Database } from './database.ts';
import { ImageStore } from './image-store.ts';
import { bumpChange } from './names.ts';
import { makeFolders, Place } from './place.ts';

async function open(t: TestContext, folder = storeFolder(t)): Promise<Database> {
  const place = new Place(folder);
  makeFolders(place);
  return closedFirst(folder, await Database.open(place, { actor: 'me', now: () => new Date(), at: undefined }));
}

const alias = 'INSERT INTO alias (typed, target) VALUES (?, ?)';
const count = (database: Database) => database.get<{ n: number }>('SELECT count(*) AS n FROM alias')?.n;

test('pieces of work that wait together share a transaction, and fail alone', async (t) => {
  const database = await open(t);
  let commits = 0;
  const results = await Promise.allSettled(
    ['a', 'b', 'b', 'c'].map((typed) =>
      database.transact(({ afterCommit }) => {
        database.run("INSERT INTO lease (id, actor, purpose, process, renewed) VALUES (?, ?, ?, '', 0)", typed, '', '');
        database.run(alias, typed, 'x');
        afterCommit(() => commits++);
      }),
    ),
  );
  assert.deepEqual(
    results.map(({ status }) => status),
    ['fulfilled', 'fulfilled', 'rejected', 'fulfilled'],
  );
  assert.equal(count(database), 3);
  assert.equal(commits, 3);
});

test('work that throws changes nothing, and its error comes as it is', async (t) => {
  const database = await open(t);
  await assert.rejects(
    database.transact(() => {
      database.run(alias, 'a', 'x');
      throw new ImageError('incomplete', 'not whole');
    }),
    (error) => isImageError(error, 'incomplete'),
  );
  assert.equal(count(database), 0);
});

test('a database that another process writes is waited for, and this process goes on meanwhile', async (t) => {
  const folder = storeFolder(t);
  const database = await open(t, folder);
  const other = closedFirst(folder, new DatabaseSync(join(folder, 'bay', 'store.sqlite')));
  other.exec('BEGIN IMMEDIATE');
  let turns = 0;
  const timer = setInterval(() => turns++, 5);
  const write = database.transact(() => database.run(alias, 'a', 'x'));
  await new Promise((resolve) => setTimeout(resolve, 300));
  assert.equal(count(database), 0, 'reading goes on');
  other.exec('COMMIT');
  await write;
  clearInterval(timer);
  assert.equal(count(database), 1);
  assert.ok(turns > 10, `${turns} turns of the event loop in 300 ms`);
});

test('a change by another process, and only that, is noticed', async (t) => {
  const folder = storeFolder(t);
  const [one, two] = [await openStore(t, folder), await openStore(t, folder)];
  one.changed();
  const image = await makeImage();
  {
    await using ingest = await one.begin();
    await putImage(ingest, image);
    await ingest.tag(image.target, 'app');
  }
  assert.equal(one.changed(), false);
  assert.equal(two.changed(), true);
  assert.equal(two.changed(), false);
  assert.equal((await two.images()).length, 1);
});

test('a store that has been moved is followed', async (t) => {
  const [from, to] = [storeFolder(t), join(storeFolder(t), 'store')];
  const store = await openStore(t, from);
  const image = await makeImage();
  await using ingest = await store.begin();
  await putImage(ingest, image);
  await ingest.tag(image.target, 'before');
  await store.flush();
  cpSync(from, to, { recursive: true });
  const mover = new DatabaseSync(join(from, 'bay', 'store.sqlite'));
  mover.prepare('UPDATE state SET moved_to = ?').run(to);
  mover.close();
  await ingest.tag(image.target, 'after');
  assert.equal(store.path, to);
  await using again = await ImageStore.open(from);
  assert.equal(again.path, to);
  assert.equal((await again.names()).length, 2);
  await using there = await ImageStore.open(to);
  assert.equal((await there.names()).length, 2);
  assert.deepEqual(await there.check(), []);
});

test('a store of the format before containers and parents is taken over with all that it knew', async (t) => {
  const folder = storeFolder(t);
  const base = await makeImage({ layers: ['base'] });
  const claimed = { 'org.opencontainers.image.base.digest': base.target.digest };
  const [app, squashed] = [await makeImage({ layers: ['base', 'app'] }), await makeImage({ layers: ['all'], annotations: claimed })];
  {
    await using store = await ImageStore.open(folder);
    await using ingest = await store.begin({ verb: 'pull' });
    for (const [name, image] of Object.entries({ base, app, squashed })) {
      await putImage(ingest, image);
      await ingest.tag(image.target, name);
    }
  }
  const old = new DatabaseSync(join(folder, 'bay', 'store.sqlite'));
  for (const table of [
    'container',
    'container_volume',
    'volume',
    'tree',
    'checked',
    'parent',
    'base',
    'event',
    'identity',
    'chain',
    'stack',
    'layered',
  ])
    old.exec(`DROP TABLE ${table}`);
  old.exec(`DROP INDEX edge_optional;
    DROP VIEW holder;
    CREATE VIEW holder (kind, id, digest, deep, until) AS SELECT 'image', digest, digest, 1, NULL FROM image;
    PRAGMA user_version = 2`);
  old.close();
  const store = await openStore(t, folder);
  assert.equal((await store.find('app')).target.digest, app.target.digest);
  for (const [child, how] of [
    [app, 'proved'],
    [squashed, 'claimed'],
  ] as const)
    assert.deepEqual(
      (await store.parents(child.target.digest)).map((parent) => [parent.image, parent.how]),
      [[base.target.digest, how]],
    );
  assert.deepEqual(
    (await store.holders(base.target.digest)).map(({ kind }) => kind),
    ['name'],
  );
  assert.deepEqual([await store.containers(), await store.volumes(), await store.events(), await store.check()], [[], [], [], []]);
});

test('numbered parameters take values by their place, several times and in any order', async (t) => {
  const database = await open(t);
  await database.transact(() => database.run('INSERT INTO alias (target, typed) VALUES (?2, ?1)', 'a', 'b'));
  assert.equal(database.get<{ typed: string }>('SELECT typed FROM alias WHERE target = ?1 OR typed = ?1', 'b')?.typed, 'a');
  assert.deepEqual(database.columns('SELECT ?2, ?1, typed FROM alias WHERE target = ?3', 'x', 'y', 'b'), [['y', 'x', 'a']]);
});

test('a store on a read-only disk says that it is, and what can be done', (t) => {
  const folder = storeFolder(t);
  // What SQLite says where it cannot make its shared memory's file.
  const cannotOpen = Object.assign(new Error('unable to open database file'), { errcode: 14 });
  assert.ok(isImageError(asStoreError(new Place(folder), cannotOpen), 'store-unusable'));
  t.mock.method(fs, 'accessSync', (_path: string, mode = 0) => {
    if (mode & fs.constants.W_OK) throw Object.assign(new Error('EROFS: read-only file system'), { code: 'EROFS' });
  });
  syncBuiltinESMExports();
  t.after(() => {
    t.mock.restoreAll();
    syncBuiltinESMExports();
  });
  const error = asStoreError(new Place(folder), cannotOpen);
  assert.equal(error.code, 'permission');
  assert.match(error.message, /it is read-only$/);
  assert.match(error.hint ?? '', /Mount it writable/);
});

test('a process that may open no more files says which limit that is, and blames nobody', () => {
  const error = asStoreError(new Place('store'), Object.assign(new Error('EMFILE: too many open files, open'), { code: 'EMFILE' }));
  assert.equal(error.code, 'unavailable');
  assert.match(error.hint ?? '', /ulimit -n/);
});

test('a change of what index.json shows costs as much at the end of a large transaction as at its beginning', async (t) => {
  const database = await open(t);
  const rows = `INSERT INTO event (time, type, action, actor, attributes)
    WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 30000) SELECT i, 'image', 'pull', 'x', hex(zeroblob(300)) FROM n`;
  await database.transact(() => database.run(rows));
  const [before, after] = await database.transact(() => {
    const work = () => {
      const start = process.cpuUsage();
      for (let at = 0; at < 300; at++) bumpChange(database);
      const { user, system } = process.cpuUsage(start);
      return user + system;
    };
    work();
    const first = work();
    database.run('UPDATE event SET time = time + 1');
    return [first, work()] as const;
  });
  assert.ok(after < 10 * before + 20_000, `${before} µs, then ${after}`);
});

const skip = process.platform === 'win32' && 'a folder with open files cannot go away there';
test('a store whose disk is taken away says so, and goes on with what is put in its place', { skip }, async (t) => {
  const folder = storeFolder(t);
  const store = await openStore(t, folder);
  await putTagged(store, 'old');
  const backup = storeFolder(t);
  {
    await using copied = await ImageStore.open(join(backup, 'store'));
    await putTagged(copied, 'new');
  }
  renameSync(folder, `${backup}/gone`);
  await assert.rejects(store.images(), (error) => isImageError(error, 'store-unusable') && /Mount the disk/.test(error.hint ?? ''));
  await assert.rejects(store.sweep(), (error) => isImageError(error, 'store-unusable'));
  cpSync(join(backup, 'store'), folder, { recursive: true });
  assert.deepEqual(await names(store), ['new']);
  await putTagged(store, 'newer');
  await using other = await ImageStore.open(folder);
  assert.deepEqual(await names(other), ['new', 'newer']);
  assert.deepEqual(await other.check(), []);
});

async function putTagged(store: ImageStore, name: string): Promise<void> {
  await using ingest = await store.begin();
  const image = await makeImage({ layers: [name] });
  await putImage(ingest, image);
  await ingest.tag(image.target, name);
}

async function names(store: ImageStore): Promise<string[]> {
  return (await store.images()).flatMap((image) => image.names.map(({ reference }) => familiarName(reference))).toSorted();
}

test('a plan may be made at any moment of this process’s own writes, and sees them whole or not at all', async (t) => {
  const database = await open(t);
  let writing = true;
  const seen = new Set<number | undefined>();
  const planning = (async () => {
    for (let turn = 0; writing; turn++) {
      seen.add(database.tryOut(() => count(database)));
      // Within one turn of the loop again and again, and then in the next.
      await (turn % 8 === 7 ? new Promise(setImmediate) : undefined);
    }
  })();
  for (let round = 0; round < 6; round++)
    await database.transact(() => {
      for (const half of ['one', 'two']) database.run(alias, `${round} ${half}`, 'x');
    });
  writing = false;
  await planning;
  assert.ok(seen.size > 1);
  for (const number of seen) assert.equal((number ?? 1) % 2, 0);
});
