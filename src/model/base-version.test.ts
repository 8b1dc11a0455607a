import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chooseVersions, compareBaseVersions, parseBaseVersion, readBaseVersion, windowsRuns, type VersionQuery } from './base-version.ts';

test('a version has one spelling: four numbers', () => {
  for (const [text, expected] of [
    ['10.0.10586.0', '10.0.10586.0'],
    ['1.0', '1.0.0.0'],
    ['10', '10.0.0.0'],
    ['.5', '0.5.0.0'],
    [' 1.02.3 ', '1.2.3.0'],
    ['2147483647.0', '2147483647.0.0.0'],
  ] as const)
    assert.equal(parseBaseVersion(text), expected);
  for (const text of ['', '.', '1.', '1..2', '1.2.3.4.5', 'ltsc2022', '1.x', '-1.0', '2147483648', '9'.repeat(400), '1,0'])
    assert.equal(readBaseVersion(text), undefined, text);
  assert.throws(() => parseBaseVersion('1.x'), { code: 'invalid-argument', message: '"1.x" is not a version' });
});

test('versions are ordered by their numbers, never as text', () => {
  const sorted = ['10.0.9.0', '10.0.10.0', '9.0', '10.0.10', 'none'].toSorted(compareBaseVersions);
  assert.deepEqual(sorted, ['none', '9.0', '10.0.9.0', '10.0.10.0', '10.0.10']);
});

function chosen(query: VersionQuery): string[] {
  const { matches } = chooseVersions(query);
  return ['9.0.0.0', '10.0.10586.0', '10.0.14300.1000', '11.0.0.0'].filter(matches);
}

test('a version is exact, a range has both of its ends, and wildcards compare text', () => {
  assert.deepEqual(chosen({ version: '10.0.10586' }), ['10.0.10586.0']);
  assert.deepEqual(chosen({ version: '10.0.*' }), ['10.0.10586.0', '10.0.14300.1000']);
  assert.deepEqual(chosen({ minimum: '10', maximum: '10.0.14300.1000' }), ['10.0.10586.0', '10.0.14300.1000']);
  assert.deepEqual(chosen({ maximum: '10.0' }), ['9.0.0.0']);
  assert.equal(chosen({}).length, 4);
  const queries: VersionQuery[] = [{}, { all: true }, { version: '1' }, { minimum: '1' }];
  assert.deepEqual(
    queries.map((query) => chooseVersions(query).newestOnly),
    [true, false, false, false],
  );
});

test('what cannot be asked together is refused in the words of the provider', () => {
  for (const [query, message] of [
    [{ all: true, version: '1' }, 'AllVersions and RequiredVersion cannot be used together'],
    [{ all: true, minimum: '1' }, 'AllVersions and RequiredVersion switch cannot be used with MinimumVersion or MaximumVersion'],
    [{ version: '1', maximum: '1' }, 'AllVersions and RequiredVersion switch cannot be used with MinimumVersion or MaximumVersion'],
    [{ minimum: '2', maximum: '1.9' }, 'Minimum Version cannot be more than Maximum Version'],
    [{ minimum: '2.*' }, '"2.*" is not a minimum version'],
  ] as const)
    assert.throws(() => chooseVersions(query), { code: 'invalid-argument', message });
});

test('a Windows host runs what its Host Compute Service lets it run', () => {
  for (const [host, image, expected] of [
    ['10.0.14393.1', '10.0.14393.2000', true],
    ['10.0.17763', '10.0.14393.0', false],
    ['10.0.20348', '10.0.20348.1726', true],
    ['10.0.22631', '10.0.20348.1', true],
    ['10.0.20348', '10.0.26100.1', false],
    ['10.0.26100', '10.0.20348.1', true],
    ['10.0.27000', '10.0.20348.1', false],
    ['10.0.27000', '10.0.26100.1', true],
    ['10.0.20348', '', true],
  ] as const)
    assert.equal(windowsRuns(host, image), expected, `${host} ${image}`);
});
