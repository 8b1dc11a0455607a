import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromFiletime, isFiletime, toFiletime } from './wim-time.ts';

test('every FILETIME is the same again after it was a time of a tar', () => {
  for (const time of [0n, 1n, 116_444_735_999_999_999n, 116_444_736_000_000_000n, 130_000_000_012_345_678n, (1n << 64n) - 1n]) {
    assert.equal(toFiletime(fromFiletime(time)), time);
  }
  assert.deepEqual(fromFiletime(116_444_736_000_000_000n), { seconds: 0, nanoseconds: 0 });
  assert.deepEqual(fromFiletime(116_444_735_999_999_999n), { seconds: -1, nanoseconds: 999_999_900 });
});

test('a time that no FILETIME is becomes the one before it, and says so', () => {
  const odd = { seconds: 1_700_000_000, nanoseconds: 123_456_789 };
  assert.equal(isFiletime(odd), false);
  assert.deepEqual(fromFiletime(toFiletime(odd)), { seconds: 1_700_000_000, nanoseconds: 123_456_700 });
  assert.equal(isFiletime({ ...odd, nanoseconds: 123_456_700 }), true);
  assert.equal(isFiletime({ seconds: -11_644_473_601, nanoseconds: 0 }), false);
  assert.equal(toFiletime({ seconds: -11_644_473_601, nanoseconds: 0 }), 0n);
  assert.equal(toFiletime({ seconds: 9_000_000_000_000, nanoseconds: 0 }), (1n << 64n) - 1n);
});
