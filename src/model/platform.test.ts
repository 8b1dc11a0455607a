import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isImageError } from '../errors.ts';
import { compareOsVersions, formatPlatform, parsePlatform, platformMatch } from './platform.ts';

test('platforms are read in every way that tools write them', () => {
  for (const [typed, meant] of [
    ['linux/amd64', 'linux/amd64'],
    ['linux/x86_64', 'linux/amd64'],
    ['linux/aarch64', 'linux/arm64'],
    ['linux/arm64/v8', 'linux/arm64'],
    ['linux/arm', 'linux/arm/v7'],
    ['linux/arm/6', 'linux/arm/v6'],
    ['arm64', 'linux/arm64'],
    ['windows/amd64:10.0.20348.1726', 'windows/amd64:10.0.20348.1726'],
    ['windows(10.0.17763)/amd64', 'windows/amd64:10.0.17763'],
    ['Linux/AMD64', 'linux/amd64'],
  ] as const)
    assert.equal(formatPlatform(parsePlatform(typed)), meant);
  for (const bad of ['', 'a/b/c/d', 'linux/', '/amd64', 'linux/am d64', 'windows/amd64:', 'linux/amd64:1;2'])
    assert.throws(
      () => parsePlatform(bad),
      (error) => isImageError(error, 'invalid-platform'),
      bad,
    );
});

test('the best match wins: the same variant, then a lower arm, never a higher one', () => {
  const match = (wanted: string, offered: string) => platformMatch(parsePlatform(wanted), parsePlatform(offered));
  assert.equal(match('linux/amd64', 'linux/arm64'), 0);
  assert.equal(match('linux/arm/v7', 'linux/arm/v8'), 0);
  assert.ok(match('linux/arm/v7', 'linux/arm/v7') > match('linux/arm/v7', 'linux/arm/v6'));
  assert.ok(match('linux/arm/v7', 'linux/arm/v6') > match('linux/arm/v7', 'linux/arm/v5'));
  assert.ok(match('linux/amd64', 'linux/amd64') > match('linux/amd64', 'linux/amd64/v3'));
  assert.ok(match('windows/amd64:10.0.20348', 'windows/amd64:10.0.20348.1726') > 0);
  assert.equal(match('windows/amd64:10.0.2034', 'windows/amd64:10.0.20348.1726'), 0);
  assert.equal(match('windows/amd64:10.0.17763', 'windows/amd64:10.0.20348.1726'), 0);
});

test('os.versions are ordered by their numbers', () => {
  assert.ok(compareOsVersions('10.0.20348.1726', '10.0.20348.887') > 0);
  assert.ok(compareOsVersions('10.0', undefined) > 0);
  assert.equal(compareOsVersions('10.0.1', '10.0.1'), 0);
});
