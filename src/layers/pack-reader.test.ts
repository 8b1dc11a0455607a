import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { temporary } from '../../test/support/temporary.ts';
import { PackReader } from './pack-reader.ts';

test('what was read of a large file stays as it is when small ones are read after it', async (t) => {
  const file = join(temporary(t, 'pack'), 'pack');
  const bytes = Buffer.from(Array.from({ length: 1 << 21 }, (_, at) => ((at >> 9) ^ (at >> 17)) & 0xff));
  writeFileSync(file, bytes);
  const reader = new PackReader();
  t.after(() => reader.close());
  const large = { file, offset: 10_000 };
  const small = (offset: number) => ({ content: { file, offset }, size: 60_000 });

  // It lies among what is read with the first small one.
  assert.deepEqual(reader.small(small(0).content, 60_000, [{ content: large, size: 50_000 }, small(60_000)]), bytes.subarray(0, 60_000));
  const pieces = await Array.fromAsync(reader.read(large, 50_000));
  assert.equal(pieces.length, 1);
  for (const offset of [1 << 20, 3 << 19]) {
    assert.deepEqual(reader.small(small(offset).content, 60_000, []), bytes.subarray(offset, offset + 60_000));
    assert.deepEqual(pieces[0], bytes.subarray(10_000, 60_000));
  }
});
