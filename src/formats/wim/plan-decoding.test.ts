import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { planDecoding, taskSize, type WantedBlob } from './plan-decoding.ts';
import type { WimResource } from './wim-resource.ts';

const resource = (size: number, chunkSize: number, offset: number, isSolid: boolean): WimResource => ({
  file: 0,
  offset,
  packedSize: size,
  size,
  codec: chunkSize === 0 ? 'none' : 'lzx',
  chunkSize,
  ...(isSolid ? { bounds: Float64Array.from({ length: Math.ceil(size / chunkSize) + 1 }, (_, chunk) => offset + chunk * chunkSize) } : {}),
});

/** Blobs with a resource each, or several in one, in any order. */
const blobs = fc
  .array(
    fc.oneof(
      fc.record({
        chunkSize: fc.constantFrom(0, 32_768, 2 ** 21),
        sizes: fc.array(fc.integer({ min: 0, max: 5_000_000 }), { minLength: 1, maxLength: 1 }),
        isSolid: fc.constant(false),
      }),
      fc.record({
        chunkSize: fc.constantFrom(32_768, 2 ** 22),
        sizes: fc.oneof(
          fc.array(fc.integer({ min: 0, max: 3_000_000 }), { minLength: 1, maxLength: 6 }),
          fc.array(fc.integer({ min: 0, max: 20_000 }), { minLength: 200, maxLength: 600, size: 'max' }),
        ),
        isSolid: fc.constant(true),
      }),
    ),
    { maxLength: 12 },
  )
  .map((all) => {
    let offset = 208;
    return all.flatMap(({ chunkSize, sizes, isSolid }) => {
      const size = sizes.reduce((sum, each) => sum + each, 0);
      const made = resource(size, chunkSize, offset, isSolid);
      offset += size + 1;
      let from = 0;
      return sizes.map((each): WantedBlob => {
        from += each;
        return { place: { resource: made, from: from - each }, size: each, sha1: 'x' };
      });
    });
  })
  .chain((all) => fc.oneof(fc.constant(all), fc.shuffledSubarray(all, { minLength: all.length })));

test('every byte of every blob is in a part, in order, and at the place where a step decodes it', () => {
  fc.assert(
    fc.property(blobs, (wanted) => {
      const done = wanted.map(() => 0);
      let last = 0;
      let before: { offset: number; at: number; length: number }[] = [];
      let largest = 0;
      for (const { steps, parts, size, continues } of planDecoding(wanted)) {
        assert.ok(parts.length > 0 && parts.length <= 256);
        largest = Math.max(continues ? largest : taskSize, ...steps.map(({ chunkSize }) => chunkSize));
        assert.ok(size <= largest, `${size} bytes fit into a target`);
        const own = steps.map(({ offset, size: all, codec, chunkSize, firstChunk, endChunk, at }) => {
          const from = codec === 'none' ? 0 : firstChunk * chunkSize;
          const end = codec === 'none' ? all : Math.min(all, endChunk * chunkSize);
          return { offset: codec === 'none' ? offset : offset + from, at, length: end - from };
        });
        const decoded = continues ? before.reduce((sum, { length }) => sum + length, 0) : 0;
        for (const { at } of own) assert.ok(at >= decoded, 'what is there already stays as it is');
        const spans = (before = continues ? [...before, ...own] : own);
        assert.equal(
          spans.reduce((sum, { length }) => sum + length, 0),
          size,
        );
        for (const { index, at, length, sha1 } of parts) {
          assert.ok(index >= last);
          last = index;
          const { place, size: whole } = wanted[index] as WantedBlob;
          // What the part shows is what the blob has there: each byte of it comes from a step, at the right offset.
          for (const byte of [0, length - 1]) {
            const span = spans.find((each) => at + byte >= each.at && at + byte < each.at + each.length);
            assert.ok(span);
            assert.equal(span.offset + at + byte - span.at, place.resource.offset + place.from + (done[index] ?? 0) + byte);
          }
          assert.equal(sha1 !== undefined, length === whole, 'whole blobs are hashed where they are decoded');
          done[index] = (done[index] ?? 0) + length;
        }
      }
      assert.deepEqual(
        done,
        wanted.map(({ size }) => size),
      );
    }),
    { numRuns: 300 },
  );
});

test('blobs of one solid chunk that follow each other are decoded once', () => {
  const solid = resource(2 ** 21, 32_768, 208, true);
  const wanted = Array.from({ length: 100 }, (_, index): WantedBlob => ({ place: { resource: solid, from: index * 1000 }, size: 1000 }));
  const tasks = [...planDecoding(wanted)];
  assert.equal(tasks.length, 1);
  assert.equal(
    tasks.flatMap(({ steps }) => steps).reduce((sum, { firstChunk, endChunk }) => sum + endChunk - firstChunk, 0),
    Math.ceil(100_000 / 32_768),
  );
});

test('of thousands of blobs in one solid chunk each task has some, and only the first decodes it', () => {
  const solid = resource(2 ** 24, 2 ** 24, 208, true);
  const wanted = Array.from({ length: 1000 }, (_, index): WantedBlob => ({ place: { resource: solid, from: index * 1000 }, size: 1000 }));
  const tasks = [...planDecoding(wanted)];
  assert.deepEqual(
    tasks.map(({ steps, parts, continues }) => [steps.length, parts.length, continues]),
    [
      [1, 256, false],
      [0, 256, true],
      [0, 256, true],
      [0, 232, true],
    ],
  );
});
