import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { test } from 'node:test';

import { isImageError } from '../errors.ts';
import type { Descriptor } from '../model/descriptor.ts';
import { digestOf } from '../model/digest.ts';
import { mediaTypes } from '../model/media-types.ts';
import { formatPlatform, parsePlatform } from '../model/platform.ts';
import type { ImageSource } from './image-source.ts';
import { selectPlatform } from './select-platform.ts';

/** A place that has what `put` was given, and counts what is asked of it. */
function place(): ImageSource & { put(document: unknown): Descriptor; asked: number } {
  const kept = new Map<string, Buffer>();
  return {
    asked: 0,
    put(document) {
      const bytes = Buffer.from(JSON.stringify(document));
      const target = { mediaType: mediaTypes.ociIndex, digest: digestOf(bytes), size: bytes.length };
      kept.set(target.digest, bytes);
      return target;
    },
    async resolve() {
      throw new Error('nothing has a name here');
    },
    async open({ digest }) {
      this.asked++;
      return Readable.from([kept.get(digest)], { objectMode: false });
    },
  };
}

function entry(platform: string, text: string): Descriptor {
  return { mediaType: mediaTypes.ociManifest, digest: digestOf(Buffer.from(text)), size: text.length, platform: parsePlatform(platform) };
}

const index = (...manifests: Descriptor[]) => ({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests });

test('an image in a nested index is chosen, and the way to it told', async () => {
  const there = place();
  const inner = there.put(index(entry('linux/arm64', 'a'), entry('linux/amd64', 'b')));
  const outer = there.put(index(entry('windows/amd64', 'c'), inner));
  const { root, path } = await selectPlatform(there, outer, { platform: parsePlatform('linux/arm64') });
  assert.equal(root.platform && formatPlatform(root.platform), 'linux/arm64');
  assert.deepEqual(
    path.map(({ digest }) => digest),
    [outer.digest, inner.digest],
  );
});

test('an index that is listed thousands of times is read once', async () => {
  const there = place();
  let at = there.put(index(entry('linux/amd64', 'a')));
  for (let level = 0; level < 3; level++) at = there.put(index(...Array<Descriptor>(5000).fill(at)));
  const { root } = await selectPlatform(there, at, { platform: parsePlatform('linux/amd64') });
  assert.equal(root.size, 1);
  assert.equal(there.asked, 4);
});

test('more indexes than any image has are not read to their end', async () => {
  const there = place();
  const padding = 'x'.repeat(4_000_000);
  const leaves = Array.from({ length: 20 }, (_, at) => there.put({ ...index(), annotations: { padding, at: String(at) } }));
  await assert.rejects(selectPlatform(there, there.put(index(...leaves)), { platform: parsePlatform('linux/amd64') }), (error) =>
    isImageError(error, 'too-large'),
  );
  assert.ok(there.asked < 20, `${there.asked} were read`);
});

test('of thousands of platforms some are named', async () => {
  const source = place();
  const root = source.put(index(...Array.from({ length: 5000 }, (_, at) => entry(`plan9/a${at}`, String(at)))));
  await assert.rejects(selectPlatform(source, root), (error) => {
    assert.ok(isImageError(error, 'platform-not-found'));
    assert.match(error.hint ?? '', /plan9\/a0, .* and 4960 more: choose one/);
    assert.ok((error.hint ?? '').length < 1000);
    return true;
  });
});
