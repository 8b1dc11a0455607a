import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isImageError } from '../../errors.ts';
import { splitVersion } from './api-version.ts';
import { parseFilters } from './filters.ts';
import { parsePlatformJson } from './platform-parameter.ts';
import { registryAccess } from './registry-access.ts';

test('a version is taken off a path, and an old one is answered as the oldest that is served', () => {
  assert.deepEqual(splitVersion('/images/json'), { version: 51, path: '/images/json' });
  assert.deepEqual(splitVersion('/v1.41/images/json'), { version: 41, path: '/images/json' });
  assert.deepEqual(splitVersion('/v1.22/info'), { version: 24, path: '/info' });
  assert.deepEqual(splitVersion('/v1.41.9/info'), { version: 41, path: '/info' });
  assert.deepEqual(splitVersion('/v1.51.0/info'), { version: 51, path: '/info' });
  assert.throws(() => splitVersion('/v1.51.2/info'), {
    message: 'client version 1.51.2 is too new. Maximum supported API version is 1.51',
  });
  assert.deepEqual(splitVersion('/vx/info'), { version: 51, path: '/vx/info' });
  assert.deepEqual(splitVersion('/v1.41'), { version: 51, path: '/v1.41' });
  assert.throws(() => splitVersion('/v1.21/info'), { detail: { plainText: true } });
  assert.throws(() => splitVersion('/v1.52/info'), { detail: {}, message: /too new/ });
  assert.throws(() => splitVersion(`/v1.${'9'.repeat(1000)}/info`), { message: /^.{1,150}$/ });
});

test('filters are read in both shapes, and whatever else is sent is refused by a sentence', () => {
  assert.deepEqual(parseFilters('{"label":{"a=b":true,"c":false},"dangling":["1"]}'), [
    { key: 'label', value: 'a=b' },
    { key: 'label', value: 'c' },
    { key: 'dangling', value: '1' },
  ]);
  for (const none of [undefined, '', '{}', '{"label":{}}', '{"label":[]}']) assert.deepEqual(parseFilters(none), []);
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
      try {
        for (const { key, value } of parseFilters(text)) assert.ok(typeof key === 'string' && typeof value === 'string');
      } catch (error) {
        assert.ok(isImageError(error, 'invalid-argument') && error.message === 'invalid filter');
      }
    }),
  );
});

test('a platform is read from OCI’s JSON', () => {
  assert.deepEqual(parsePlatformJson('{"os":"linux","architecture":"arm","variant":"v6"}'), {
    os: 'linux',
    architecture: 'arm',
    variant: 'v6',
  });
  assert.deepEqual(parsePlatformJson('{"os":"windows","architecture":"amd64","os.version":"10.0.1"}'), {
    os: 'windows',
    architecture: 'amd64',
    'os.version': '10.0.1',
  });
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.json(),
        fc.json().map((json) => `{"os":${json},"architecture":"a"}`),
      ),
      (text) => {
        try {
          assert.equal(typeof parsePlatformJson(text).os, 'string');
        } catch (error) {
          assert.ok(isImageError(error, 'invalid-platform'), String(error));
        }
      },
    ),
  );
});

test('credentials are read in every form that docker’s clients send them in; what is none is nothing', () => {
  const access = (value: unknown, encoding: 'base64url' | 'base64' = 'base64url') =>
    registryAccess({ 'x-registry-auth': Buffer.from(JSON.stringify(value)).toString(encoding) });
  assert.deepEqual(access({ username: 'me', password: 'ä?>~', serveraddress: 'https://index.docker.io/v1/' }), {
    credentials: { username: 'me', password: 'ä?>~' },
    server: 'docker.io',
    headers: {},
  });
  // With padding, and in the other alphabet, as some SDKs do.
  assert.deepEqual(access({ username: 'me', password: 'ä?>~' }, 'base64').credentials, { username: 'me', password: 'ä?>~' });
  assert.deepEqual(access({ identitytoken: 't', serveraddress: 'host:5000' }), {
    credentials: { identityToken: 't' },
    server: 'host:5000',
    headers: {},
  });
  assert.deepEqual(access({ registrytoken: 't', username: 'me' }).credentials, { registryToken: 't' });
  assert.deepEqual(access({ auth: Buffer.from('me:a:b').toString('base64') }).credentials, { username: 'me', password: 'a:b' });
  for (const none of [{}, [], null, 7, { username: 7 }, { auth: 'zz' }]) assert.equal(access(none).credentials, undefined);
  assert.deepEqual(registryAccess({}), { credentials: undefined, server: undefined, headers: {} });
  assert.equal(registryAccess({ 'x-registry-auth': '%%%' }).credentials, undefined);
  assert.equal(registryAccess({ 'x-registry-auth': 'A'.repeat(100_000) }).credentials, undefined);
  assert.deepEqual(registryAccess({ 'x-meta-trace': '1', 'x-other': '2' }).headers, { 'x-meta-trace': '1' });
});
