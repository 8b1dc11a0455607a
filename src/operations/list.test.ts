import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { makeImage, putImage } from '../../test/support/make-image.ts';
import { openStore, storeFolder } from '../../test/support/open-store.ts';
import { mediaTypes } from '../model/media-types.ts';
import { list } from './list.ts';

test('what another tool attached to an image is in the list with all alone, and what speaks of nothing here always', async (t) => {
  const folder = storeFolder(t);
  const store = await openStore(t, folder);
  const image = await makeImage();
  const artifacts = await (async () => {
    await using ingest = await store.begin();
    await putImage(ingest, image);
    await ingest.tag(image.target, 'app');
    const config = await ingest.add(mediaTypes.ociEmpty, Buffer.from('{}'));
    return await Promise.all(
      [{ subject: image.target }, {}].map((more) =>
        ingest.add(
          mediaTypes.ociManifest,
          Buffer.from(
            JSON.stringify({
              schemaVersion: 2,
              mediaType: mediaTypes.ociManifest,
              artifactType: 'application/vnd.example',
              config,
              layers: [config],
              ...more,
            }),
          ),
        ),
      ),
    );
  })();
  await store.flush();
  const file = join(folder, 'index.json');
  const index: { manifests: object[] } = JSON.parse(readFileSync(file, 'utf8'));
  writeFileSync(file, JSON.stringify({ ...index, manifests: [...index.manifests, ...artifacts] }));
  const listed = async (all: boolean) =>
    (await list({ store, now: () => new Date() }, { all })).map(({ target }) => target.digest).toSorted();
  const [attached, alone] = artifacts.map(({ digest }) => digest);
  assert.ok(attached && alone);
  assert.deepEqual(await listed(false), [image.target.digest, alone].toSorted());
  assert.deepEqual(await listed(true), [image.target.digest, attached, alone].toSorted());
});
