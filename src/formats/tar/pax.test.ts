import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatPax, formatPaxTime, parsePax, parsePaxTime } from './pax.ts';

const keyword = fc.string({ unit: 'binary', minLength: 1, maxLength: 20 }).filter((text) => !/[=\0]/.test(text) && text.isWellFormed());
const value = fc.string({ unit: 'binary', maxLength: 120 }).filter((text) => text.isWellFormed());

test('records are read as they were written, at every length', () => {
  fc.assert(
    fc.property(fc.dictionary(keyword, value, { maxKeys: 5, noNullPrototype: true }), (records) => {
      const map = new Map(Object.entries(records));
      assert.deepEqual(new Map(parsePax(formatPax(map))), map);
    }),
  );
  for (let length = 0; length < 1100; length++) {
    const map = new Map([['k', 'v'.repeat(length)]]);
    assert.deepEqual(new Map(parsePax(formatPax(map))), map);
  }
});

test('the same records are the same bytes in whatever order they come', () => {
  const one = formatPax(
    new Map([
      ['b', '1'],
      ['a', '2'],
    ]),
  );
  assert.equal(Buffer.from(one).toString(), '6 a=2\n6 b=1\n');
});

for (const [what, bytes] of [
  ['a length that is too small', '5 ab=c\n'],
  ['a length that goes beyond the end', '99 a=b\n'],
  ['a length of nothing', '0 a=b\n'],
  ['a length of many digits', '0000000000000000000006 a=b\n'],
  ['no length', ' a=b\n'],
  ['a length with a sign', '+6 a=b\n'],
  ['no newline', '6 a=bX'],
  ['no equals sign', '6 abc\n'],
  ['no keyword', '5 =b\n'],
  ['a NUL in a path', '10 path=\0\n'],
  ['a NUL in a keyword', '7 a\0=b\n'],
  ['zeros behind the records', '6 a=b\n\0'],
] as const) {
  test(`a PAX header with ${what} is refused`, () => {
    assert.throws(() => parsePax(Buffer.from(bytes)), { code: 'invalid-content' });
  });
}

test('times are read and written to the nanosecond, before 1970 too', () => {
  assert.deepEqual(parsePaxTime('1.5'), { seconds: 1, nanoseconds: 500_000_000 });
  assert.deepEqual(parsePaxTime('-1.25'), { seconds: -2, nanoseconds: 750_000_000 });
  assert.deepEqual(parsePaxTime('7.1234567899'), { seconds: 7, nanoseconds: 123_456_789 });
  assert.deepEqual(parsePaxTime('7.'), { seconds: 7, nanoseconds: 0 });
  for (const wrong of ['', '.5', '1e3', ' 1', '1.5x', '0x1', '9'.repeat(30)]) assert.equal(parsePaxTime(wrong), undefined, wrong);
  const time = fc.record(
    { seconds: fc.integer({ min: -1e10, max: 1e11 }), nanoseconds: fc.integer({ min: 0, max: 999_999_999 }) },
    { noNullPrototype: true },
  );
  fc.assert(fc.property(time, (one) => assert.deepEqual(parsePaxTime(formatPaxTime(one)), one)));
});
