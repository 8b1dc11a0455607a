import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isImageError } from '../errors.ts';
import { digestAlgorithm, digestHex, digestOf, isDigest, parseDigest, shortId } from './digest.ts';

test('a digest is sha256 or sha512 with lower-case hex of its length', () => {
  const empty = parseDigest('sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
  assert.equal(digestOf(new Uint8Array()), empty);
  assert.equal(shortId(empty), 'e3b0c44298fc');
  assert.equal(digestHex(empty).length, 64);
  const long = digestOf(new Uint8Array(), 'sha512');
  assert.equal(digestAlgorithm(long), 'sha512');
  assert.equal(digestHex(long).length, 128);
});

test('nothing else is one, paths least of all', () => {
  for (const text of [
    '',
    'sha256:',
    'sha256:abc',
    `sha256:${'A'.repeat(64)}`,
    `sha384:${'a'.repeat(96)}`,
    `sha256:${'a'.repeat(64)}\n`,
    'sha256:../../etc/passwd',
    'sha256:baddigeststring',
  ]) {
    assert.ok(!isDigest(text), text);
    assert.throws(
      () => parseDigest(text),
      (error) => isImageError(error, 'invalid-digest'),
    );
  }
});
