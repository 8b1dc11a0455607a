/** Tags, the catalog and docker's search: what clients page and search through. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';

import { artifact, image, push, pushBlob, put, startDoor, type Answered, type Door } from './registry-door.ts';

interface Tags {
  readonly name: string;
  readonly tags: readonly string[];
}

const nextOf = (answer: Answered): string | undefined => /^<([^>]+)>; rel="next"$/.exec(String(answer.headers.link ?? ''))?.[1];

async function follow<T>(door: Door, first: string, read: (answer: Answered) => readonly T[]): Promise<readonly (readonly T[])[]> {
  const pages: (readonly T[])[] = [];
  for (let next: string | undefined = first; next !== undefined;) {
    const answer: Answered = await door.send('GET', next);
    assert.equal(answer.status, 200, answer.body.toString());
    pages.push(read(answer));
    next = nextOf(answer);
    assert.ok(pages.length < 1000, 'pages without end');
  }
  return pages;
}

const tagsOf = (answer: Answered): readonly string[] => (answer.json() as Tags).tags;

/** Tags that are prefixes of one another, differ in one character or in case: what a listing by prefix gets wrong. */
const tag = fc.oneof(
  fc.stringMatching(/^(?:0\.1|v1|latest)(?:[.\-_](?:0|1|2|20|alpha|A)){0,4}$/),
  fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,6}$/),
);

test('pages of tags, of any size and from any name, lose and repeat nothing', async (t) => {
  const door = await startDoor(t);
  const one = image();
  let repository = 0;
  await fc.assert(
    fc.asyncProperty(fc.uniqueArray(tag, { minLength: 1, maxLength: 24 }), fc.integer({ min: 1, max: 30 }), tag, async (tags, n, last) => {
      const name = `paging/r${++repository}`;
      await push(door, name, tags[0] as string, one);
      for (let at = 1; at < tags.length; at += 90)
        await put(
          door,
          name,
          `${one.manifest.digest}?${tags
            .slice(at, at + 90)
            .map((each) => `tag=${each}`)
            .join('&')}`,
          one.manifest,
        );
      const sorted = tags.toSorted((a, b) => (a < b ? -1 : 1));
      const pages = await follow(door, `/v2/${name}/tags/list?n=${n}`, tagsOf);
      assert.deepEqual(pages.flat(), sorted);
      assert.ok(pages.every((page) => page.length <= n));
      assert.equal(pages.length, Math.ceil(tags.length / n), 'no empty page at the end');
      assert.deepEqual(
        tagsOf(await door.send('GET', `/v2/${name}/tags/list?last=${last}`)),
        sorted.filter((each) => each > last),
      );
      assert.deepEqual(tagsOf(await door.send('GET', `/v2/${name}/tags/list`)), sorted);
    }),
    { numRuns: 12 },
  );
});

test('n is cut, not refused; n=0 is an empty page; what is no number is 400', async (t) => {
  const door = await startDoor(t, { limits: { page: 3 } });
  const one = image();
  await push(door, 'a/b', 'x', one);
  await put(door, 'a/b', `${one.manifest.digest}?tag=a&tag=b&tag=c&tag=d`, one.manifest);
  for (const n of ['', '&n=3', '&n=4', '&n=10000000000', '&n=99999999999999999999999999999999']) {
    const answer = await door.send('GET', `/v2/a/b/tags/list?x=1${n}`);
    assert.deepEqual(tagsOf(answer), ['a', 'b', 'c'], n);
    assert.equal(nextOf(answer), '/v2/a/b/tags/list?n=3&last=c');
  }
  const none = await door.send('GET', '/v2/a/b/tags/list?n=0');
  assert.deepEqual(none.json(), { name: 'a/b', tags: [] });
  assert.equal(none.headers.link, undefined);
  for (const n of ['-1', 'x', '1.5', '0x10', '1e3', '%00'])
    for (const path of ['/v2/a/b/tags/list', '/v2/_catalog']) assert.equal((await door.send('GET', `${path}?n=${n}`)).status, 400, n);
  const past = await door.send('GET', '/v2/a/b/tags/list?last=zzz');
  assert.deepEqual(past.json(), { name: 'a/b', tags: [] });
});

test('a repository that has only what was put by digest has no tags, and is there', async (t) => {
  const door = await startDoor(t);
  const one = image();
  await push(door, 'bare/app', one.manifest.digest, one);
  const answer = await door.send('GET', '/v2/bare/app/tags/list');
  assert.equal(answer.status, 200);
  assert.deepEqual(answer.json(), { name: 'bare/app', tags: [] });
  assert.deepEqual((await door.send('GET', '/v2/_catalog')).json(), { repositories: ['bare/app'] });
});

test('the catalog has every repository once, in order, by pages', async (t) => {
  const door = await startDoor(t);
  assert.deepEqual((await door.send('GET', '/v2/_catalog')).json(), { repositories: [] });
  const one = image();
  const names = ['app', 'app-2', 'app/x', 'app1', 'b/app', 'b/app/c', 'quay.io/me/app', 'zz'];
  for (const name of names.toReversed()) await push(door, name, 'x', one);
  for (const n of [1, 2, 3, 8, 100]) {
    const pages = await follow(door, `/v2/_catalog?n=${n}`, (answer) => (answer.json() as { repositories: string[] }).repositories);
    assert.deepEqual(pages.flat(), names);
    assert.ok(pages.every((page) => page.length > 0 && page.length <= n));
  }
  assert.deepEqual((await door.send('GET', '/v2/_catalog?last=app')).json(), { repositories: names.slice(1) });
});

interface Found {
  readonly query: string;
  readonly num_results: number;
  readonly results: readonly { name: string; description: string; star_count: number; is_official: boolean; is_automated: boolean }[];
}

async function search(door: Door, query: string): Promise<Found> {
  const answer = await door.send('GET', `/v1/search${query}`);
  assert.equal(answer.status, 200);
  assert.match(String(answer.headers['content-type']), /^application\/json/);
  const found: Found = answer.json();
  assert.equal(found.num_results, found.results.length);
  return found;
}

test('docker search: exact names first, then beginnings, then parts, then descriptions', async (t) => {
  const door = await startDoor(t);
  const described = (text: string) => image({ config: { config: { Labels: { 'org.opencontainers.image.description': text } } } });
  await push(door, 'nanoserver', '1', described('A small Windows'));
  await push(door, 'nanoserver-iis', '1', image());
  await push(door, 'me/nanoserver', '1', image());
  await push(door, 'my/big-nano', '1', image());
  await push(door, 'web', '1', described('Runs on NanoServer'));
  await push(door, 'other', '1', image());
  const names = async (query: string) => (await search(door, query)).results.map(({ name }) => name);
  assert.deepEqual(await names('?q=nanoserver&n=25'), ['nanoserver', 'me/nanoserver', 'nanoserver-iis', 'web']);
  assert.deepEqual(await names('?q=library/nanoserver'), ['nanoserver', 'me/nanoserver', 'nanoserver-iis', 'web']);
  assert.deepEqual(await names('?q=NANO'), ['nanoserver', 'nanoserver-iis', 'me/nanoserver', 'my/big-nano', 'web']);
  assert.deepEqual(await names('?q=none'), []);
  const all = ['me/nanoserver', 'my/big-nano', 'nanoserver', 'nanoserver-iis', 'other', 'web'];
  for (const query of ['', '?q=', '?q=*', '?q=%2A', '?q=**']) assert.deepEqual(await names(query), all, query);
  assert.deepEqual(await names('?q=nano*'), ['me/nanoserver', 'nanoserver', 'nanoserver-iis']);
  assert.deepEqual(await names('?q=*iis'), ['nanoserver-iis']);
  assert.deepEqual(await names('?q=&n=2'), all.slice(0, 2));
  assert.deepEqual(await names('?q=&n=1000000'), all);
  assert.deepEqual(await names('?q=&n=-3'), all);
  const [first] = (await search(door, '?q=nanoserver')).results;
  assert.deepEqual(first, { name: 'nanoserver', description: 'A small Windows', star_count: 0, is_official: true, is_automated: false });
  assert.equal((await search(door, '?q=me/')).results[0]?.is_official, false);
  await push(door, 'nanoserver', '2', described('A smaller Windows'));
  assert.equal((await search(door, '?q=nanoserver')).results[0]?.description, 'A smaller Windows');
});

test('docker asks whether a search is there before it searches', async (t) => {
  const door = await startDoor(t);
  const answer = await door.send('GET', '/v1/_ping');
  assert.equal(answer.status, 200);
  assert.equal(answer.headers['x-docker-registry-standalone'], 'false');
  assert.deepEqual((await search(door, '')).results, []);
});

test('a repository of artifacts can be found too', async (t) => {
  const door = await startDoor(t);
  await push(door, 'charts/web', '1', artifact('application/vnd.example.chart', undefined));
  await pushBlob(door, 'charts/db', artifact('x/y', undefined).blobs[1] ?? assert.fail());
  assert.deepEqual((await search(door, '?q=charts/web')).results[0]?.name, 'charts/web');
});
