import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { closedFirst, storeFolder } from '../../test/support/open-store.ts';
import { digestOf } from '../model/digest.ts';
import { Blobs } from './blobs.ts';
import { Database } from './database.ts';
import { makeFolders, Place } from './place.ts';

test('a blob whose rows came to nothing takes no room, unless another has kept the same meanwhile', async (t) => {
  const folder = storeFolder(t);
  const place = new Place(folder);
  makeFolders(place);
  const open = async () => closedFirst(folder, await Database.open(place, { actor: 'me', now: () => new Date(), at: undefined }));
  const [mine, another] = [await open(), await open()];
  const bytes = Buffer.from('a layer');
  const digest = digestOf(bytes);
  const keep = (database: Database, act: () => void = () => undefined) =>
    database.transact((transaction) => {
      const draft = join(place.drafts, `draft-${database === mine ? 'mine' : 'other'}`);
      writeFileSync(draft, bytes);
      new Blobs(database).keep(transaction, draft, digest, bytes.length);
      act();
    });
  const full = () => {
    throw new Error('no room for the rows');
  };
  await assert.rejects(keep(mine, full), /no room/);
  await mine.transact(() => undefined);
  assert.equal(existsSync(place.blob(digest)), false);

  const failing = keep(mine, full);
  const kept = keep(another);
  await assert.rejects(failing, /no room/);
  await kept;
  await mine.transact(() => undefined);
  assert.equal(existsSync(place.blob(digest)), true);
  assert.equal(new Blobs(mine).row(digest)?.size, bytes.length);
});
