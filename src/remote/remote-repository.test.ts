import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { digestOf } from '../model/digest.ts';
import { isTag } from '../model/reference.ts';
import { referrersTag } from './referrers-tag.ts';
import { pageOf } from './remote-repository.ts';
import { remote } from './remote.ts';
import { searchTarget } from './search.ts';
import { readRateLimit } from './rate-limit.ts';
import { union } from './authorized.ts';
import { isImageError } from '../errors.ts';

test('the tag of a list of referrers is a tag, whatever the digest', () => {
  const bytes = Buffer.from('x');
  assert.equal(referrersTag(digestOf(bytes)), digestOf(bytes).replace(':', '-'));
  const long = digestOf(bytes, 'sha512');
  assert.equal(referrersTag(long), `sha512-${long.slice(7, 71)}`);
  assert.ok(isTag(referrersTag(long)));
});

test('a registry that knows no pages is cut into pages here', () => {
  const name = fc.stringMatching(/^[a-z0-9.]{1,6}$/);
  fc.assert(
    fc.property(fc.uniqueArray(name, { minLength: 1, maxLength: 30 }), fc.integer({ min: 1, max: 7 }), (names, limit) => {
      const seen: string[] = [];
      for (let last: string | undefined; ; last = seen.at(-1)) {
        const page = pageOf(names, { limit, ...(last === undefined ? {} : { last }) });
        if (page.length === 0) break;
        assert.ok(page.length <= limit);
        seen.push(...page);
        if (names.length <= limit) break;
      }
      assert.deepEqual([...seen].sort(), [...names].sort());
    }),
  );
});

test('the library’s short way reads a name and asks nothing', () => {
  assert.deepEqual(remote('debian:12').reference, { registry: 'docker.io', repository: 'library/debian' });
  assert.throws(
    () => remote('Not A Name'),
    (error) => isImageError(error, 'invalid-reference'),
  );
});

test('a search term’s host is told from its words as docker tells them', () => {
  assert.deepEqual(searchTarget('nano'), { host: 'docker.io', query: 'nano' });
  assert.deepEqual(searchTarget('library/nano'), { host: 'docker.io', query: 'nano' });
  assert.deepEqual(searchTarget('me/nano'), { host: 'docker.io', query: 'me/nano' });
  assert.deepEqual(searchTarget('myreg:5000/nano'), { host: 'myreg:5000', query: 'nano' });
  assert.deepEqual(searchTarget('localhost/library/nano'), { host: 'localhost', query: 'library/nano' });
  assert.throws(
    () => searchTarget('https://x/nano'),
    (error) => isImageError(error, 'invalid-argument'),
  );
});

test('pull limits are read in both of their forms', () => {
  assert.deepEqual(readRateLimit({ 'ratelimit-limit': '100;w=21600', 'ratelimit-remaining': '76;w=21600' }), {
    limit: 100,
    remaining: 76,
    window: 21600,
  });
  assert.deepEqual(readRateLimit({ 'ratelimit-remaining': '3' }), { remaining: 3 });
  assert.equal(readRateLimit({ 'ratelimit-limit': 'many' }), undefined);
});

test('scopes for one resource become one', () => {
  assert.deepEqual(union(['repository:a:pull'], ['repository:a:pull,push', 'repository:b:pull'], ['registry:catalog:*']), [
    'repository:a:pull,push',
    'repository:b:pull',
    'registry:catalog:*',
  ]);
});
