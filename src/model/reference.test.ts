import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ImageError, isImageError } from '../errors.ts';
import { canonical, familiar, familiarName, identifier, parseReference, repositoryName, withDefaultTag } from './reference.ts';

const hex = 'a'.repeat(64);

test('short names are completed as docker completes them', () => {
  for (const [typed, whole, short] of [
    ['debian', 'docker.io/library/debian', 'debian'],
    ['debian:12', 'docker.io/library/debian:12', 'debian:12'],
    ['library/debian', 'docker.io/library/debian', 'debian'],
    ['me/app:1', 'docker.io/me/app:1', 'me/app:1'],
    ['docker.io/debian', 'docker.io/library/debian', 'debian'],
    ['index.docker.io/me/app', 'docker.io/me/app', 'me/app'],
    ['localhost/app', 'localhost/app', 'localhost/app'],
    ['localhost:5000/app:x', 'localhost:5000/app:x', 'localhost:5000/app:x'],
    ['quay.io/a/b/c', 'quay.io/a/b/c', 'quay.io/a/b/c'],
    ['[::1]:5000/app:1', '[::1]:5000/app:1', '[::1]:5000/app:1'],
    ['docker.io/library/a/b', 'docker.io/library/a/b', 'library/a/b'],
    [`app@sha256:${hex}`, `docker.io/library/app@sha256:${hex}`, `app@sha256:${hex}`],
    [`app:1@sha256:${hex}`, `docker.io/library/app:1@sha256:${hex}`, `app:1@sha256:${hex}`],
    ['my.repo', 'docker.io/library/my.repo', 'my.repo'],
    ['docker.io/a.b/c:1', 'docker.io/a.b/c:1', 'docker.io/a.b/c:1'],
    ['docker.io/localhost/c', 'docker.io/localhost/c', 'docker.io/localhost/c'],
  ] as const) {
    const reference = parseReference(typed);
    assert.equal(canonical(reference), whole);
    assert.equal(familiar(reference), short);
    assert.deepEqual(parseReference(familiar(reference)), reference, 'the short form means the same');
  }
});

test('what is no name is refused with docker’s reason', () => {
  for (const [typed, reason] of [
    ['', 'the name is empty'],
    ['UPPER', 'repository name (library/UPPER) must be lowercase'],
    ['a:', '"" is not a tag'],
    ['a b', 'invalid reference format'],
    ['a//b', 'invalid reference format'],
    ['-a', 'invalid reference format'],
    ['a@sha256:zz', 'is not a digest'],
    ['../../etc/passwd', 'invalid reference format'],
    ['a/../b', 'invalid reference format'],
    ['host_name.x:1/a', 'is not a registry'],
    [`a:${'x'.repeat(129)}`, 'is not a tag'],
    [hex, 'cannot specify 64-byte hexadecimal strings'],
    ['a'.repeat(300), '255'],
  ] as const)
    assert.throws(
      () => parseReference(typed),
      (error) => error instanceof ImageError && error.code === 'invalid-reference' && error.message.includes(reason),
      typed,
    );
});

test('any text is a reference or an ImageError, and a reference survives printing', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[a-z0-9._:/@-]{1,40}$/)), (text) => {
      let reference;
      try {
        reference = parseReference(text);
      } catch (error) {
        return isImageError(error, 'invalid-reference');
      }
      assert.deepEqual(parseReference(canonical(reference)), reference);
      return true;
    }),
  );
});

test('the default tag is given only where there is neither tag nor digest', () => {
  assert.equal(withDefaultTag(parseReference('a')).tag, 'latest');
  assert.equal(withDefaultTag(parseReference('a:1')).tag, '1');
  assert.equal(withDefaultTag(parseReference(`a@sha256:${hex}`)).tag, undefined);
  assert.equal(identifier(parseReference('a')), 'latest');
  assert.equal(repositoryName(parseReference('a:1')), 'docker.io/library/a');
  assert.equal(familiarName(parseReference('a:1')), 'a');
});
