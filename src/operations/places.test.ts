import assert from 'node:assert/strict';
import { resolve } from 'node:path';
import { test } from 'node:test';
import { isImageError } from '../errors.ts';
import { parsePlace } from './places.ts';

test('a bare word is a name in the store, a host with a port among them', () => {
  assert.deepEqual(parsePlace('debian:12', '/'), { kind: 'store', name: 'debian:12' });
  assert.deepEqual(parsePlace('store:debian', '/'), { kind: 'store', name: 'debian' });
  assert.deepEqual(parsePlace('docker:28', '/'), { kind: 'store', name: 'docker:28' });
  assert.deepEqual(parsePlace('localhost:5000/a', '/'), { kind: 'store', name: 'localhost:5000/a' });
});

test('folders and archives have a path and may have a name', () => {
  assert.deepEqual(parsePlace('oci:a/b:c:1', '/x'), { kind: 'oci', path: resolve('/x', 'a/b'), name: 'c:1' });
  assert.deepEqual(parsePlace('oci-archive:/a.tar', '/x'), { kind: 'oci-archive', path: '/a.tar', name: undefined });
  assert.deepEqual(parsePlace('docker-archive:-', '/x'), { kind: 'docker-archive', path: '-', name: undefined });
  assert.equal((parsePlace('oci:C:\\my images:app', '/x') as { name?: string }).name, 'app');
  assert.equal((parsePlace('oci:\\\\?\\C:\\my images:app:1', '/x') as { name?: string }).name, 'app:1');
  assert.equal((parsePlace('oci-archive:\\\\server\\share\\a.tar:app', '/x') as { name?: string }).name, 'app');
  assert.equal((parsePlace('docker-archive:d:/a.tar', '/x') as { name?: string }).name, undefined);
  assert.deepEqual(parsePlace('dir:/a:b', '/x'), { kind: 'dir', path: '/a:b' });
});

test('a registry is named as skopeo names it', () => {
  const place = parsePlace('docker://debian', '/');
  assert.deepEqual(place, { kind: 'registry', reference: { registry: 'docker.io', repository: 'library/debian', tag: 'latest' } });
});

test('places of other tools are refused by name', () => {
  assert.throws(
    () => parsePlace('docker-daemon:debian:12', '/'),
    (error) => isImageError(error, 'unsupported'),
  );
  assert.throws(
    () => parsePlace('oci:', '/'),
    (error) => isImageError(error, 'invalid-argument'),
  );
});
