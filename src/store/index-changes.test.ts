import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import fc from 'fast-check';

import { digestOf } from '../model/digest.ts';
import { mediaTypes } from '../model/media-types.ts';
import { parseReference } from '../model/reference.ts';
import { closedFirst, storeFolder } from '../../test/support/open-store.ts';
import { Database } from './database.ts';
import { changedNames } from './index-changes.ts';
import type { IndexEntry } from './index-file.ts';
import { nameKey } from './name-key.ts';
import { getName, removeName, setName } from './names.ts';
import { makeFolders, Place } from './place.ts';

async function open(t: TestContext): Promise<Database> {
  const folder = storeFolder(t);
  const place = new Place(folder);
  makeFolders(place);
  return closedFirst(folder, await Database.open(place, { actor: 'me', now: () => new Date(), at: undefined }));
}

const imageOf = (number: number) => ({ mediaType: mediaTypes.ociManifest, digest: digestOf(Buffer.from(`image ${number}`)), size: 100 });

/** What index.json would be now. */
function project(database: Database): Map<string, number> {
  const digests = new Map(Array.from({ length: 40 }, (_, at) => [imageOf(at).digest, at]));
  const rows = database.all<{ repo: string; tag: string; target: ReturnType<typeof imageOf>['digest'] }>(
    'SELECT repo, tag, target FROM name',
  );
  return new Map(rows.map(({ repo, tag, target }) => [`${repo.slice('docker.io/library/'.length)}:${tag}`, digests.get(target) ?? -1]));
}

const entriesOf = (file: ReadonlyMap<string, number>): IndexEntry[] =>
  [...file].map(([name, image]) => ({
    target: imageOf(image),
    name: parseReference(name),
    typed: undefined,
    own: !name.startsWith('theirs'),
  }));

test('whatever we did since a tool read index.json, its one new image is taken in and nothing of ours is undone', async (t) => {
  const database = await open(t);
  const name = fc.integer({ min: 0, max: 5 }).map((at) => `name${at}:latest`);
  // An image is never pointed at twice by the same name: what a tool puts back then is indeed the past.
  let next = 0;
  const step = fc.record({ name, remove: fc.boolean(), show: fc.boolean() });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 12 }), fc.array(step, { minLength: 1, maxLength: 12 }), async (before, after) => {
      const act = { actor: 'me', verb: 'tag' };
      const run = (steps: typeof before) =>
        database.transact((transaction) => {
          for (const { name: text, remove, show } of steps) {
            const key = nameKey(parseReference(text));
            if (remove && getName(database, key.repo, key.tag)) removeName(database, transaction, key, act);
            else setName(database, transaction, key, imageOf(next++ % 40), undefined, act);
            if (show) database.run('UPDATE state SET index_journal = (SELECT coalesce(max(number), 0) FROM journal)');
          }
        });
      await run(before);
      await database.transact(() => database.run('UPDATE state SET index_journal = (SELECT coalesce(max(number), 0) FROM journal)'));
      const read = project(database);
      await run(after);
      const theirs = new Map([...read, ['theirs:latest', 39]]);
      const { moved } = changedNames(database, entriesOf(theirs));
      assert.deepEqual(
        moved.map((entry) => entry.name?.repository),
        ['library/theirs'],
      );
    }),
    { numRuns: 60 },
  );
});

test("our own projection, cut off before its commit, is nobody else's doing", async (t) => {
  const database = await open(t);
  const act = { actor: 'me', verb: 'tag' };
  const set = (text: string, image: number) =>
    database.transact((transaction) => setName(database, transaction, nameKey(parseReference(text)), imageOf(image), undefined, act));
  await set('app', 1);
  await database.transact(() => database.run('UPDATE state SET index_journal = 1'));
  await set('app', 2);
  const projected = entriesOf(project(database));
  await set('app', 3);
  await set('other', 4);
  assert.deepEqual(changedNames(database, projected).moved, []);
});
