import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { temporary } from '../../test/support/temporary.ts';
import { ImageError, isImageError } from '../errors.ts';
import { digestOf } from '../model/digest.ts';
import { fetchDraft } from './fetch-draft.ts';

/** The first pauses before a source is asked again that brings `step` bytes each time and breaks off. */
async function pauses(folder: string, size: number, step: number): Promise<number[]> {
  const bytes = Buffer.alloc(size, 'x');
  const target = { mediaType: 'application/x', digest: digestOf(bytes), size };
  const delays: number[] = [];
  const enough = new AbortController();
  const fetching = fetchDraft(
    join(folder, `draft-${step}`),
    target,
    async (offset) =>
      (async function* () {
        yield bytes.subarray(offset, offset + step);
        throw new ImageError('unavailable', 'broke off');
      })(),
    {
      keep: true,
      signal: enough.signal,
      onProgress: (event) => {
        if (event.state === 'retrying') delays.push(event.delay ?? 0);
        if (delays.length === 3) enough.abort();
      },
    },
  );
  await assert.rejects(fetching, (error) => isImageError(error, 'canceled'));
  return delays;
}

test('a source that breaks off after every byte is soon given up, one that brings a megabyte each time is not', async (t) => {
  const folder = temporary(t, 'drafts');
  const [drip, good] = await Promise.all([pauses(folder, 8_000_000, 1), pauses(folder, 8_000_000, 1_100_000)]);
  assert.deepEqual(drip, [500, 1000, 2000]);
  assert.deepEqual(good, [500, 500, 500]);
});
