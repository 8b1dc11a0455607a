import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isImageError } from '../../errors.ts';
import { isRegistryPath, routeOf, splitTarget } from './route.ts';

test('a path is read from its end, as names may hold the words of the paths', () => {
  assert.deepEqual(routeOf('/v2/'), { kind: 'base' });
  assert.deepEqual(routeOf('/v2/_catalog'), { kind: 'catalog' });
  assert.deepEqual(routeOf('/v2/a/b/tags/list'), { kind: 'tags', name: 'a/b' });
  assert.deepEqual(routeOf('/v2/a/manifests/tags/list'), { kind: 'tags', name: 'a/manifests' });
  assert.deepEqual(routeOf('/v2/a/tags/manifests/list'), { kind: 'manifest', name: 'a/tags', reference: 'list' });
  assert.deepEqual(routeOf('/v2/a/blobs/sha256:1'), { kind: 'blob', name: 'a', digest: 'sha256:1' });
  assert.deepEqual(routeOf('/v2/a/blobs/uploads/'), { kind: 'uploads', name: 'a' });
  assert.deepEqual(routeOf('/v2/a/blobs/uploads'), { kind: 'uploads', name: 'a' });
  assert.deepEqual(routeOf('/v2/a/blobs/uploads/id'), { kind: 'upload', name: 'a', id: 'id' });
  assert.deepEqual(routeOf('/v2/a/blobs/uploads/blobs/x'), { kind: 'blob', name: 'a/blobs/uploads', digest: 'x' });
  assert.deepEqual(routeOf('/v2/a/referrers/x'), { kind: 'referrers', name: 'a', digest: 'x' });
  for (const path of ['/', '/v2x', '/v2/a', '/v2/a/b', '/v2/a/manifests/', '/v2/a/blobs/', '/v2/tags/list', '/v1/'])
    assert.equal(routeOf(path), undefined, path);
});

test('percent-encoding is read once, and hides no slash', () => {
  assert.deepEqual(routeOf('/v2/a/manifests/sha256%3Aff'), { kind: 'manifest', name: 'a', reference: 'sha256:ff' });
  assert.deepEqual(routeOf('/v2/a/manifests/%252e'), { kind: 'manifest', name: 'a', reference: '%2e' });
  assert.deepEqual(routeOf('/v2/../manifests/%2e%2e'), { kind: 'manifest', name: '..', reference: '..' });
  for (const path of ['/v2/a%2Fb/tags/list', '/v2/a%5cb/tags/list', '/v2/%/tags/list', '/v2/%ff/tags/list'])
    assert.throws(
      () => routeOf(path),
      (error) => isImageError(error, 'invalid-reference'),
      path,
    );
});

test('a target is a path and a query, with or without a host before it', () => {
  for (const target of ['/v2/?n=1', 'http://host:1/v2/?n=1', 'HTTPS://host/v2/?n=1']) {
    const { path, query } = splitTarget(target);
    assert.equal(path, '/v2/');
    assert.equal(query.get('n'), '1');
  }
  for (const [target, is] of [
    ['/v2/', true],
    ['/v2', true],
    ['/v2/x?y', true],
    ['/v1/search?q=x', true],
    ['/v1.41/info', false],
    ['/', false],
    ['/v2x', false],
  ] as const)
    assert.equal(isRegistryPath(target), is, target);
});
