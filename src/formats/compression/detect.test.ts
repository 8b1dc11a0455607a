import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { detectCompression, peekCompression } from './detect.ts';

test('each compression is known by its first bytes, and nothing else is taken for one', () => {
  assert.equal(detectCompression(gzipSync('x')), 'gzip');
  assert.equal(detectCompression(zstdCompressSync('x')), 'zstd');
  assert.equal(detectCompression(Buffer.from('5a2a4d1804000000', 'hex')), 'zstd');
  assert.equal(detectCompression(Buffer.from('fd377a585a000004', 'hex')), 'xz');
  assert.equal(detectCompression(Buffer.from('BZh91AY&SY')), 'bzip2');
  assert.equal(detectCompression(Buffer.from('425a683917724538509000000000', 'hex')), 'bzip2', 'of nothing');
  for (const text of ['', '\x1f', 'BZh9', 'BZhistory.txt\0', 'manifest.json', 'PK\x03\x04'])
    assert.equal(detectCompression(Buffer.from(text)), 'none', text);
});

test('a stream that was looked at still has all of its bytes', async () => {
  for (const size of [1, 3, 1000]) {
    const bytes = gzipSync(Buffer.alloc(1000, 'abc'));
    const cut = async function* () {
      for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
    };
    const { compression, stream } = await peekCompression(cut());
    assert.equal(compression, 'gzip');
    assert.deepEqual(Buffer.concat(await stream.toArray()), bytes);
  }
  const { compression, stream } = await peekCompression(
    (async function* () {
      yield new Uint8Array(0);
    })(),
  );
  assert.deepEqual([compression, await stream.toArray()], ['none', []]);
});

test('a stream that is left after the look is ended', async () => {
  let ended: (() => void) | undefined;
  const end = new Promise<void>((resolve) => (ended = resolve));
  const source = async function* () {
    try {
      for (;;) yield Buffer.from('BZh91AY&SY');
    } finally {
      ended?.();
    }
  };
  const { stream } = await peekCompression(source());
  for await (const chunk of stream) if (chunk.length > 0) break;
  await end;
});
