import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isImageError } from '../errors.ts';
import { pathMatch } from './path-match.ts';

test('stars and question marks stop at a slash', () => {
  assert.ok(pathMatch('*', 'debian'));
  assert.ok(!pathMatch('*', 'library/debian'));
  assert.ok(pathMatch('*/*', 'library/debian'));
  assert.ok(pathMatch('deb*:1?', 'debian:12'));
  assert.ok(!pathMatch('deb?an', 'deb/an'));
  assert.ok(pathMatch('*ebi*an', 'debian'));
  assert.ok(pathMatch('', ''));
  assert.ok(!pathMatch('', 'a'));
});

test('sets, ranges, negation and escapes are those of path.Match', () => {
  assert.ok(pathMatch('[a-d]ebian', 'debian'));
  assert.ok(!pathMatch('[^a-d]ebian', 'debian'));
  assert.ok(pathMatch('\\*', '*'));
  assert.ok(!pathMatch('\\*', 'a'));
  for (const bad of ['[', '[a', '[]a]', '[-]', 'a\\', '[a-]'])
    assert.throws(
      () => pathMatch(bad, 'a'),
      (error) => isImageError(error, 'invalid-argument'),
      bad,
    );
});

test('a name matches itself when its marks are escaped', () => {
  fc.assert(fc.property(fc.string(), (name) => pathMatch(name.replace(/[*?[\\]/g, '\\$&'), name)));
});

test('many stars take no more than a moment', () => {
  assert.ok(!pathMatch('*a'.repeat(200), 'a'.repeat(199)));
});
