import assert from 'node:assert/strict';
import { test } from 'node:test';

import { binarySize, humanDuration, humanSize, localRfc3339, localTime, timeSince } from './units.ts';

test('sizes have three significant digits in powers of 1000', () => {
  const sizes = {
    0: '0B',
    1: '1B',
    999: '999B',
    1000: '1kB',
    1001: '1kB',
    12_345: '12.3kB',
    999_499: '999kB',
    7_840_000: '7.84MB',
    783_200_000: '783MB',
    1e9: '1GB',
    123_456_789_012: '123GB',
  };
  for (const [bytes, text] of Object.entries(sizes)) assert.equal(humanSize(Number(bytes)), text);
});

test('a size that is a tie goes to the even digit, as docker’s', () => {
  assert.equal(humanSize(1125), '1.12kB');
  assert.equal(humanSize(2375), '2.38kB');
});

test('a size that rounds to 1000 is one of the next unit', () => {
  assert.equal(humanSize(999_500), '1MB');
  assert.equal(humanSize(999_999_999), '1GB');
  assert.equal(humanSize(999_999_999, 4), '1GB');
});

test('progress shows four digits, binary sizes too', () => {
  assert.equal(humanSize(1_234_567, 4), '1.235MB');
  assert.equal(binarySize(25_290_772_480), '23.55GiB');
  assert.equal(binarySize(1023.99 * 1024), '1024KiB');
});

test('durations change their unit where go-units does', () => {
  const [second, minute, hour, day] = [1000, 60_000, 3_600_000, 86_400_000];
  const cases: readonly (readonly [number, string])[] = [
    [-100 * second, 'Less than a second'],
    [999, 'Less than a second'],
    [second, '1 second'],
    [59 * second, '59 seconds'],
    [minute, 'About a minute'],
    [2 * minute - 1, 'About a minute'],
    [2 * minute, '2 minutes'],
    [hour - 1, '59 minutes'],
    [hour, 'About an hour'],
    [1.5 * hour - 1, 'About an hour'],
    [1.5 * hour, '2 hours'],
    [47.5 * hour - 1, '47 hours'],
    [47.5 * hour, '2 days'],
    [14 * day - hour / 2 - 1, '13 days'],
    [14 * day - hour / 2, '2 weeks'],
    [59 * day, '8 weeks'],
    [60 * day, '2 months'],
    [729 * day, '24 months'],
    [730 * day, '2 years'],
    [56 * 365 * day, '56 years'],
  ];
  for (const [milliseconds, text] of cases) assert.equal(humanDuration(milliseconds), text);
});

test('a time that is not there is docker’s zero time, and no time ago', () => {
  const now = new Date('2026-11-24T10:00:00Z');
  assert.equal(timeSince(undefined, now), '');
  assert.equal(timeSince(new Date('2026-11-10T09:00:00Z'), now), '2 weeks ago');
  assert.equal(timeSince(new Date('2027-01-01T00:00:00Z'), now), 'Less than a second ago');
  assert.equal(localTime(undefined), '0001-01-01 00:00:00 +0000 UTC');
  assert.equal(localRfc3339(undefined), '0001-01-01T00:00:00Z');
});

test('times are local, with the offset and the name of the zone', (t) => {
  const zone = process.env['TZ'];
  t.after(() => {
    if (zone === undefined) delete process.env['TZ'];
    else process.env['TZ'] = zone;
  });
  const texts = (name: string) => {
    process.env['TZ'] = name;
    const time = new Date('2026-11-24T10:00:00.999Z');
    return [localTime(time), localRfc3339(time)];
  };
  assert.deepEqual(texts('UTC'), ['2026-11-24 10:00:00 +0000 UTC', '2026-11-24T10:00:00Z']);
  assert.deepEqual(texts('America/New_York'), ['2026-11-24 05:00:00 -0500 EST', '2026-11-24T05:00:00-05:00']);
  assert.deepEqual(texts('Asia/Kathmandu'), ['2026-11-24 15:45:00 +0545 +0545', '2026-11-24T15:45:00+05:45']);
});
