import assert from 'node:assert/strict';
import { test } from 'node:test';

import { mediaTypes } from '../model/media-types.ts';
import type { Descriptor } from '../model/descriptor.ts';
import { digestOf } from '../model/digest.ts';
import { chunksOf, makeImage, putImage } from '../../test/support/make-image.ts';
import { openStore } from '../../test/support/open-store.ts';
import type { ImageStore } from './image-store.ts';
import type { Ingest } from './ingest.ts';

async function putIndex(ingest: Ingest, manifests: readonly Descriptor[]): Promise<Descriptor> {
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests }));
  const target = { mediaType: mediaTypes.ociIndex, digest: digestOf(bytes), size: bytes.length };
  await ingest.write(target, async () => chunksOf(bytes, 1 << 20));
  return target;
}

/** Ten indexes, each of which lists the next one ten times. */
async function putTower(store: ImageStore): Promise<Descriptor> {
  await using ingest = await store.begin();
  const image = await makeImage();
  await putImage(ingest, image);
  let target = image.target;
  for (let level = 0; level < 10; level++) target = await putIndex(ingest, Array<Descriptor>(10).fill(target));
  await ingest.tag(target, 'tower');
  return target;
}

test('indexes that list each other many times over are listed once, and in no time', async (t) => {
  const store = await openStore(t);
  const { digest } = await putTower(store);
  assert.deepEqual(
    (await store.images()).map(({ platforms }) => platforms.length),
    [1],
  );
  assert.equal((await store.image(digest))?.platforms.length, 1);
});

test('an index that has one image under two platforms lists it under both', async (t) => {
  const store = await openStore(t);
  await using ingest = await store.begin();
  const image = await makeImage();
  await putImage(ingest, image);
  const platforms = ['v6', 'v7'].map((variant) => ({ os: 'linux', architecture: 'arm', variant }));
  const index = await putIndex(
    ingest,
    platforms.map((platform) => ({ ...image.target, platform })),
  );
  await ingest.tag(index, 'both');
  assert.deepEqual(
    (await store.image(index.digest))?.platforms.map(({ platform }) => platform),
    platforms,
  );
});
