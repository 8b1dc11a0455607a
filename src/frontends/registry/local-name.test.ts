import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isImageError } from '../../errors.ts';
import { localName, wirePath } from './local-name.ts';

test('a path and a local name are one thing', () => {
  const library = { registry: 'docker.io', repository: 'library/nanoserver' };
  for (const path of ['nanoserver', 'library/nanoserver', 'docker.io/nanoserver', 'docker.io/library/nanoserver'])
    assert.deepEqual(localName(path, undefined), library);
  assert.deepEqual(localName('quay.io/a/b', undefined), { registry: 'quay.io', repository: 'a/b' });
  assert.deepEqual(localName('localhost/a', undefined), { registry: 'localhost', repository: 'a' });
  assert.deepEqual(localName('a.b', undefined), { registry: 'docker.io', repository: 'library/a.b' });
});

test('a namespace is the host, and the path all below it', () => {
  assert.deepEqual(localName('a/b', 'host:5000'), { registry: 'host:5000', repository: 'a/b' });
  assert.deepEqual(localName('quay.io/b', 'HOST.example'), { registry: 'host.example', repository: 'quay.io/b' });
  assert.deepEqual(localName('nanoserver', 'docker.io'), { registry: 'docker.io', repository: 'library/nanoserver' });
  assert.throws(
    () => localName('a', 'host'),
    (error) => isImageError(error, 'not-found'),
  );
});

test('where a name is shown is where it is found', () => {
  const component = fc.stringMatching(/^[a-z0-9]{1,4}(?:(?:\.|_|__|-{1,2})[a-z0-9]{1,3}){0,2}$/);
  const host = fc.oneof(fc.constant(undefined), fc.constantFrom('docker.io', 'localhost', 'quay.io', 'host:5000', 'a.b.c:1'));
  fc.assert(
    fc.property(fc.array(component, { minLength: 1, maxLength: 4 }), host, (parts, namespace) => {
      let name;
      try {
        name = localName(parts.join('/'), namespace);
      } catch (error) {
        assert.ok(isImageError(error, 'invalid-reference'));
        return;
      }
      const at = wirePath(name);
      assert.deepEqual(localName(at.path, at.namespace), name);
    }),
  );
});

test('names that the grammar does not allow are refused', () => {
  for (const path of [
    '',
    '/',
    'a/',
    '/a',
    'A',
    'a b',
    '..',
    'a/../b',
    'a:1',
    'a@b',
    'a___b',
    `${'a/'.repeat(128)}`,
    'x'.repeat(256),
    'a\n',
  ])
    assert.throws(
      () => localName(path, undefined),
      (error) => isImageError(error, 'invalid-reference'),
      path,
    );
});
