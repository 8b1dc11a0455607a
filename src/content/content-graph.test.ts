import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { test } from 'node:test';

import { makeIndex } from '../../test/support/make-image.ts';
import { ImageError } from '../errors.ts';
import type { Descriptor } from '../model/descriptor.ts';
import { digestOf } from '../model/digest.ts';
import { mediaTypes } from '../model/media-types.ts';
import { ContentGraph } from './content-graph.ts';

const sourceOf = (blobs: ReadonlyMap<string, Buffer>) => ({
  open: async ({ digest }: Descriptor) => {
    const bytes = blobs.get(digest);
    if (!bytes) throw new ImageError('manifest-unknown', digest);
    return Readable.from([bytes], { objectMode: false });
  },
});

test('what is reached, what is missing and what is whole, when a platform was left out', async () => {
  const made = await makeIndex([
    { os: 'linux', architecture: 'amd64' },
    { os: 'linux', architecture: 'arm64' },
    { os: 'linux', architecture: 'riscv64' },
  ]);
  const [amd64, arm64, riscv64] = made.images;
  assert.ok(amd64 && arm64 && riscv64);
  const blobs = new Map(made.blobs);
  blobs.delete(arm64.target.digest);
  const lost = riscv64.layers[1] ?? assert.fail();
  blobs.delete(lost.digest);
  const graph = await ContentGraph.walk(sourceOf(blobs), async ({ digest }) => blobs.has(digest), [made.target]);
  const digests = (targets: readonly Descriptor[]) => targets.map(({ digest }) => digest);
  assert.deepEqual(digests(graph.missing(made.target)), [arm64.target.digest, lost.digest]);
  assert.deepEqual(digests(graph.whole(made.target)), [amd64.target.digest]);
  const reached = digests(graph.reachable(made.target).map(({ target }) => target));
  assert.equal(reached[0], made.target.digest);
  assert.deepEqual(
    new Set(reached),
    new Set([made.target, amd64.target, amd64.config, ...amd64.layers, riscv64.target, riscv64.config].map(({ digest }) => digest)),
  );
});

test('manifests that are too large together are not all read', async () => {
  const blobs = new Map<string, Buffer>();
  const roots = Array.from({ length: 40 }, (_, at): Descriptor => {
    const bytes = Buffer.alloc(4 << 20, ' ');
    bytes.write(JSON.stringify({ schemaVersion: 2, manifests: [], annotations: { at: String(at) } }));
    const digest = digestOf(bytes);
    blobs.set(digest, bytes);
    return { mediaType: mediaTypes.ociIndex, digest, size: bytes.length };
  });
  await assert.rejects(
    ContentGraph.walk(sourceOf(blobs), async () => true, roots),
    { code: 'too-large' },
  );
});
