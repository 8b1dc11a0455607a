import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isImageError } from '../../errors.ts';
import { parseChunkRange, parseRange } from './byte-range.ts';

test('a range is cut at the end, and never reaches past it', () => {
  const size = fc.integer({ min: 0, max: 5000 });
  const number = fc.oneof(fc.constant(''), fc.nat(6000).map(String), fc.constant('9'.repeat(400)));
  fc.assert(
    fc.property(size, number, number, (bytes, from, to) => {
      const range = parseRange(`bytes=${from}-${to}`, bytes);
      if (range === 'unsatisfiable') return;
      assert.ok(range);
      assert.ok(range.length > 0 && range.offset >= 0 && range.offset + range.length <= bytes, JSON.stringify(range));
      if (from !== '') assert.equal(range.offset, Number(from));
      if (from !== '' && to !== '') assert.equal(range.length, Math.min(Number(to), bytes - 1) - Number(from) + 1);
      if (from === '') assert.equal(range.offset + range.length, bytes);
    }),
  );
});

test('no range, another unit and several ranges mean the whole', () => {
  for (const header of [undefined, '', 'lines=1-2', 'bytes', 'bytes=1-2,4-5', 'bytes 1-2'])
    assert.equal(parseRange(header, 10), undefined, header);
});

test('what is no range of this blob is unsatisfiable', () => {
  for (const header of [
    'bytes=',
    'bytes=-',
    'bytes=x',
    'bytes=1',
    'bytes=5-4',
    'bytes=10-',
    'bytes=10-11',
    'bytes=-0',
    'bytes=--1',
    'bytes=1-2-3',
    'bytes=1.5-2',
  ])
    assert.equal(parseRange(header, 10), 'unsatisfiable', header);
  assert.equal(parseRange('bytes=0-', 0), 'unsatisfiable');
});

test('a chunk says its first and last byte', () => {
  assert.equal(parseChunkRange(undefined), undefined);
  assert.deepEqual(parseChunkRange('0-0'), { first: 0, last: 0 });
  assert.deepEqual(parseChunkRange('bytes 10-19/*'), { first: 10, last: 19 });
  for (const header of ['', '1', '2-1', 'a-b', '-1', '1-', '0-9/x', `0-${'9'.repeat(16)}`])
    assert.throws(
      () => parseChunkRange(header),
      (error) => isImageError(error, 'invalid-argument'),
      header,
    );
});
