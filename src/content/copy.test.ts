import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { test } from 'node:test';

import { isImageError } from '../errors.ts';
import type { Progress } from '../io/operation.ts';
import type { Descriptor } from '../model/descriptor.ts';
import { digestOf } from '../model/digest.ts';
import { mediaTypes } from '../model/media-types.ts';
import { makeImage, makeIndex, type MadeImage } from '../../test/support/make-image.ts';
import { openStore } from '../../test/support/open-store.ts';
import { copy } from './copy.ts';
import type { ImageSource } from './image-source.ts';

/** A place that gives these bytes, and says of referrers what it is told to. */
function place(blobs: ReadonlyMap<string, Buffer>, refers: (subject: Descriptor) => readonly Descriptor[] = () => []) {
  const asked: string[] = [];
  const source: ImageSource = {
    async resolve() {
      throw new Error('nothing has a name here');
    },
    async open({ digest }, { offset = 0 } = {}) {
      asked.push(digest);
      const bytes = blobs.get(digest);
      if (!bytes) throw new Error(`there is no ${digest}`);
      return Readable.from([bytes.subarray(offset)], { objectMode: false });
    },
    referrers: async (subject) => refers(subject),
  };
  return { source, asked };
}

function put(blobs: Map<string, Buffer>, mediaType: string, document: unknown): Descriptor {
  const bytes = Buffer.from(JSON.stringify(document));
  const target = { mediaType, digest: digestOf(bytes), size: bytes.length };
  blobs.set(target.digest, bytes);
  return target;
}

const twoPlatforms = ['amd64', 'arm64'].map((architecture) => ({ os: 'linux', architecture }));

/** An index of two, with a signature on one of them. */
async function signed(): Promise<{ image: MadeImage; blobs: Map<string, Buffer>; signature: Descriptor; subject: Descriptor }> {
  const image = await makeIndex(twoPlatforms);
  const blobs = new Map(image.blobs);
  const subject = image.images[1]?.target;
  assert.ok(subject);
  const config = put(blobs, 'application/vnd.oci.empty.v1+json', {});
  const signature = put(blobs, mediaTypes.ociManifest, {
    schemaVersion: 2,
    mediaType: mediaTypes.ociManifest,
    artifactType: 'application/x-signature',
    config,
    layers: [],
    subject,
  });
  return { image, blobs, signature, subject };
}

test('a registry that names the index itself as what refers to a part of it keeps nobody waiting', async (t) => {
  const { image, blobs, subject } = await signed();
  const store = await openStore(t);
  await using ingest = await store.begin();
  const circle = place(blobs, ({ digest }) => (digest === subject.digest ? [image.target] : [subject]));
  await copy(circle.source, image.target, ingest, { referrers: true });
  assert.ok(await ingest.has(image.target));
});

test('what refers to a part of an index comes, also where the index was there before', async (t) => {
  const { image, blobs, signature, subject } = await signed();
  const store = await openStore(t);
  await using ingest = await store.begin();
  const there = place(blobs, ({ digest }) => (digest === subject.digest ? [signature] : []));
  await copy(there.source, image.target, ingest);
  assert.equal(await ingest.has(signature), false);
  await copy(there.source, image.target, ingest, { referrers: true });
  assert.ok(await ingest.has(signature));
});

test('referrers that go on and on are not followed for ever', async (t) => {
  const { image, blobs } = await signed();
  const store = await openStore(t);
  await using ingest = await store.begin();
  const config = put(blobs, 'application/vnd.oci.empty.v1+json', {});
  const endless = place(blobs, (subject) => [
    put(blobs, mediaTypes.ociManifest, { schemaVersion: 2, mediaType: mediaTypes.ociManifest, config, layers: [], subject }),
  ]);
  await assert.rejects(copy(endless.source, image.target, ingest, { referrers: true }), (error) => isImageError(error, 'invalid-content'));
});

test('manifests that are too large together are refused before they fill the memory', async (t) => {
  const store = await openStore(t);
  await using ingest = await store.begin();
  const { blobs: made, config } = await makeImage();
  const blobs = new Map(made);
  const padding = 'x'.repeat(4_000_000);
  const manifests = Array.from({ length: 40 }, (_, at) =>
    put(blobs, mediaTypes.ociManifest, {
      schemaVersion: 2,
      mediaType: mediaTypes.ociManifest,
      config,
      layers: [],
      annotations: { padding, at: String(at) },
    }),
  );
  const root = put(blobs, mediaTypes.ociIndex, { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests });
  await assert.rejects(copy(place(blobs).source, root, ingest), (error) => isImageError(error, 'too-large'));
});

test('each piece is moved once and told of once, also where two images and one manifest name it again', async (t) => {
  const store = await openStore(t);
  await using ingest = await store.begin();
  const first = await makeImage();
  const blobs = new Map(first.blobs);
  const twice = put(blobs, mediaTypes.ociManifest, {
    schemaVersion: 2,
    mediaType: mediaTypes.ociManifest,
    config: first.config,
    layers: [...first.layers, ...first.layers, { ...first.config, mediaType: mediaTypes.ociLayer }],
  });
  const root = put(blobs, mediaTypes.ociIndex, { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: [first.target, twice] });
  const events: Progress[] = [];
  const there = place(blobs);
  await copy(there.source, root, ingest, { onProgress: (event) => events.push(event) });
  assert.equal(there.asked.length, new Set(there.asked).size);
  for (const digest of blobs.keys()) {
    const states = events.filter(({ target }) => target.digest === digest).map(({ state }) => state);
    assert.equal(states.filter((state) => state === 'done').length, 1, digest);
    assert.equal(states.at(-1), 'done', digest);
    assert.ok(states.filter((state) => state === 'waiting').length <= 1, digest);
  }
});
