import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { test } from 'node:test';

import { makeImage, putImage } from '../../test/support/make-image.ts';
import { openStore } from '../../test/support/open-store.ts';
import { copy } from '../content/copy.ts';
import { validate } from '../content/validate.ts';
import { writeArchive } from '../content/write-archive.ts';
import { isImageError } from '../errors.ts';
import { parseReference } from '../model/reference.ts';
import { remote } from '../remote/remote.ts';
import { load } from './load.ts';
import { pull } from './pull.ts';
import { save } from './save.ts';

test('whatever is told to stop before it begins says so with an ImageError', async (t) => {
  const store = await openStore(t);
  const image = await makeImage();
  await using ingest = await store.begin();
  await putImage(ingest, image);
  await ingest.tag(image.target, 'app:1');
  const signal = AbortSignal.abort();
  const acts = {
    copy: () => copy(store, image.target, ingest, { signal }),
    sweep: () => store.sweep({ signal }),
    pull: () => pull({ store, remote }, parseReference('127.0.0.1:1/app:1'), { signal }),
    load: () => load({ store }, Readable.from([]), { signal }),
    save: () => save({ store }, ['app:1'], { signal }),
    validate: () => validate(store, image.target, { signal }),
    writeArchive: () => writeArchive(store, [{ target: image.target, names: [] }], { signal }),
  };
  for (const [name, act] of Object.entries(acts)) {
    await assert.rejects(act, (error) => {
      assert.ok(isImageError(error, 'canceled'), `${name}: ${String(error)}`);
      assert.equal(error.cause, signal.reason, name);
      return true;
    });
  }
});
