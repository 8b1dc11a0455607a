import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { peer } from '../../../test/support/peers.ts';
import { ChunkPool } from '../../io/chunk-pool.ts';
import { compress } from './compress.ts';

const content = Buffer.from(Array.from({ length: 200_000 }, (_, i) => (i * i) >> 7));

async function* given(...parts: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* parts;
}

test('gzip carries no time, no name and no system', async () => {
  const packed = Buffer.concat(await compress(given(content), 'gzip').toArray());
  assert.deepEqual([...packed.subarray(0, 10)], [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255]);
});

for (const kind of ['gzip', 'zstd'] as const) {
  const program = peer(kind);
  test(`${kind} of the same bytes is the same, however they are cut; a level makes it smaller`, async () => {
    const once = Buffer.concat(await compress(given(content), kind, { level: 1 }).toArray());
    const again = Buffer.concat(await compress(given(content.subarray(0, 70_001), content.subarray(70_001)), kind, { level: 1 }).toArray());
    assert.deepEqual(again, once);
    assert.ok(Buffer.concat(await compress(given(content), kind, { level: 9 }).toArray()).length < once.length);
  });

  test(`the ${kind} command reads what we compress`, { skip: program.skip }, async () => {
    const packed = Buffer.concat(await compress(given(content), kind).toArray());
    assert.ok(execFileSync(kind, ['-dc', '-q'], { input: packed }).equals(content));
  });
}

test('the source’s error comes through, and an aborted signal ends it', async () => {
  const failing = async function* () {
    yield content;
    throw new RangeError('gone');
  };
  for (const kind of ['gzip', 'zstd'] as const) {
    await assert.rejects(compress(failing(), kind).toArray(), RangeError);
    const controller = new AbortController();
    const endless = async function* () {
      for (let i = 0; ; i++) {
        if (i === 10) controller.abort();
        yield content;
      }
    };
    await assert.rejects(compress(endless(), kind, { signal: controller.signal }).toArray(), { code: 'canceled' });
    assert.throws(() => compress(endless(), kind, { signal: controller.signal }), { code: 'canceled' });
  }
});

for (const compression of ['gzip', 'zstd'] as const) {
  test(`chunks are used again when ${compression} needs them no more: the result is the same`, async () => {
    const pool = new ChunkPool(64 << 10);
    const source = async function* (fresh: () => Buffer) {
      for (let round = 0; round < 400; round++) {
        const chunk = fresh();
        for (let at = 0; at < chunk.length; at += 97) chunk[at] = (round * 31 + at) & 0xff;
        yield chunk;
      }
    };
    const taken = new Set<Buffer>();
    const take = () => {
      const chunk = pool.take();
      taken.add(chunk);
      return chunk;
    };
    const pooled = await compress(source(take), compression, { onUsed: (chunk) => pool.give(chunk) }).toArray();
    const plain = await compress(
      source(() => Buffer.alloc(64 << 10)),
      compression,
    ).toArray();
    assert.ok(Buffer.concat(pooled).equals(Buffer.concat(plain)));
    assert.ok(taken.size < 100, `${taken.size} of 400 chunks were new ones`);
  });
}
