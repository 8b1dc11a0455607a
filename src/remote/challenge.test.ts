import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { bestChallenge, parseChallenges } from './challenge.ts';

const plain = (header: string) => parseChallenges(header).map(({ scheme, parameters }) => [scheme, Object.fromEntries(parameters)]);

test('one challenge with quoted values', () => {
  assert.deepEqual(plain('Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a/b:pull,push"'), [
    ['bearer', { realm: 'https://auth.docker.io/token', service: 'registry.docker.io', scope: 'repository:a/b:pull,push' }],
  ]);
});

test('several challenges in one header, commas and escapes in values', () => {
  assert.deepEqual(plain('Negotiate, Basic realm="a, \\"b\\" c" , charset=UTF-8, bearer Realm = "x",service=y'), [
    ['negotiate', {}],
    ['basic', { realm: 'a, "b" c', charset: 'UTF-8' }],
    ['bearer', { realm: 'x', service: 'y' }],
  ]);
});

test('a value without quotes may hold a URL, and the first of two values counts', () => {
  assert.deepEqual(plain('Bearer realm=https://a.example/t?x=1,realm="evil"'), [['bearer', { realm: 'https://a.example/t?x=1' }]]);
});

test('a text that never closes its quotes ends with the header', () => {
  assert.deepEqual(plain('Basic realm="open'), [['basic', { realm: 'open' }]]);
  assert.deepEqual(plain(''), []);
  assert.deepEqual(parseChallenges(undefined), []);
});

test('any header at all is read in time and gives texts', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 2000, unit: fc.constantFrom(...Array.from('Bearer realm="",\\ =\t:/x')) }), (header) => {
      for (const { scheme, parameters } of parseChallenges(header)) {
        assert.match(scheme, /^\S+$/);
        for (const [key, value] of parameters) assert.ok(key.length > 0 && typeof value === 'string');
      }
    }),
  );
});

test('what is quoted comes out as it was', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 200 }), (value) => {
      const header = `Bearer service="${value.replace(/["\\]/g, '\\$&')}",scope="s"`;
      assert.deepEqual(plain(header), [['bearer', { service: value, scope: 's' }]]);
    }),
  );
});

test('Bearer goes before Basic, unless it names no token service', () => {
  const scheme = (header: string) => bestChallenge(header)?.scheme;
  assert.equal(scheme('Basic realm="x", Bearer realm="https://a.example/t"'), 'bearer');
  assert.equal(scheme('Bearer, Basic realm="x"'), 'basic');
  assert.equal(scheme('Bearer authorization_uri="https://login.example/x", Basic realm="https://a.example/"'), 'basic');
  assert.equal(scheme('Bearer, Bearer realm="https://a.example/t"'), 'bearer');
  assert.equal(bestChallenge('Bearer, Bearer realm="https://a.example/t"')?.parameters.get('realm'), 'https://a.example/t');
  assert.equal(scheme('Bearer'), 'bearer');
  assert.equal(scheme('Negotiate'), undefined);
});
