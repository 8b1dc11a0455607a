import assert from 'node:assert/strict';
import { PassThrough, Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { test } from 'node:test';

import { begun } from './begun.ts';

test('what fails before the first byte is thrown', async () => {
  async function* failing(): AsyncGenerator<Buffer> {
    await Promise.resolve();
    yield* [];
    throw new Error('no such file');
  }
  await assert.rejects(begun(Readable.from(failing())), /no such file/);
  const broken = new PassThrough();
  broken.on('error', () => undefined).destroy(new Error('broken'));
  await new Promise((resolve) => broken.once('close', resolve));
  await assert.rejects(begun(broken), /broken/);
});

test('what has begun is all there, and may be empty, or fail later', async () => {
  const parts = ['a', 'b', 'c'].map((text) => Buffer.from(text.repeat(100_000)));
  for (const given of [parts, []]) {
    const stream = await begun(Readable.from(given, { objectMode: false }));
    const got: Buffer[] = [];
    await pipeline(stream, async (source: AsyncIterable<Buffer>) => {
      for await (const chunk of source) got.push(chunk);
    });
    assert.ok(Buffer.concat(got).equals(Buffer.concat(given)));
  }
  async function* breaking(): AsyncGenerator<Buffer> {
    yield Buffer.from('begun');
    await new Promise(setImmediate);
    throw new Error('later');
  }
  const stream = await begun(Readable.from(breaking(), { objectMode: false }));
  const out = new PassThrough();
  await assert.rejects(pipeline(stream, out), /later/);
  assert.equal((await begun(new PassThrough().destroy())).destroyed, true);
});
