/**
 * The contract of the registry door, case by case from distribution-spec (main) and from what its conformance program checks.
 * Each test has a door of its own or a repository of its own, so they run at once.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import {
  artifact,
  blobOf,
  descriptor,
  digest,
  document,
  image,
  index,
  push,
  pushBlob,
  put,
  randomBlob,
  startDoor,
  types,
  type Algorithm,
  type Answered,
  type Blob,
  type Document,
  type Door,
  type TestImage,
} from './registry-door.ts';

let door: Door;
const ends: (() => void | Promise<void>)[] = [];
before(async () => {
  door = await startDoor({ after: (end) => void ends.push(end as () => void) });
});
after(async () => {
  for (const end of ends) await end();
});

let repositories = 0;
/** A repository that no other test uses. */
const fresh = (): string => `conformance/r${++repositories}`;

interface Refusal {
  readonly errors: readonly { readonly code: string; readonly message: string; readonly detail?: unknown }[];
}

/** distribution-spec, "Error Codes": a 4xx with a JSON body has one of these, and no other. */
const specCodes: ReadonlySet<string> = new Set([
  'BLOB_UNKNOWN',
  'BLOB_UPLOAD_INVALID',
  'BLOB_UPLOAD_UNKNOWN',
  'DIGEST_INVALID',
  'MANIFEST_BLOB_UNKNOWN',
  'MANIFEST_INVALID',
  'MANIFEST_UNKNOWN',
  'NAME_INVALID',
  'NAME_UNKNOWN',
  'SIZE_INVALID',
  'UNAUTHORIZED',
  'DENIED',
  'UNSUPPORTED',
  'TOOMANYREQUESTS',
]);

function refused(answer: Answered, status: number, code: string): void {
  assert.equal(answer.status, status, answer.body.toString());
  assert.ok(status >= 500 || specCodes.has(code), `${code} is no code of the spec`);
  assert.match(answer.headers['content-type'] ?? '', /^application\/json/);
  const { errors }: Refusal = answer.json();
  assert.equal(errors[0]?.code, code);
  assert.notEqual(errors[0].message, '');
}

const location = ({ headers }: Answered): string => {
  assert.ok(headers.location, 'no Location');
  return headers.location;
};

const withDigest = (at: string, blob: Blob): string => `${at}${at.includes('?') ? '&' : '?'}digest=${encodeURIComponent(blob.digest)}`;

async function begin(name: string, query = ''): Promise<string> {
  const answer = await door.send('POST', `/v2/${name}/blobs/uploads/${query}`);
  assert.equal(answer.status, 202);
  return location(answer);
}

/** 201, the digest that was asked for, and a Location that gives the same bytes. */
async function uploaded(answer: Answered, name: string, blob: Blob): Promise<void> {
  assert.equal(answer.status, 201, answer.body.toString());
  assert.equal(answer.headers['docker-content-digest'], blob.digest);
  assert.deepEqual((await door.send('GET', location(answer))).body, blob.bytes);
  const head = await door.send('HEAD', `/v2/${name}/blobs/${blob.digest}`);
  assert.equal(head.status, 200);
  assert.equal(head.headers['content-length'], String(blob.bytes.length));
  assert.equal(head.headers['docker-content-digest'], blob.digest);
  assert.equal(head.body.length, 0);
  const get = await door.send('GET', `/v2/${name}/blobs/${blob.digest}`);
  assert.equal(get.status, 200);
  assert.equal(get.headers['docker-content-digest'], blob.digest);
  assert.equal(get.headers['content-length'], String(blob.bytes.length));
  assert.deepEqual(get.body, blob.bytes);
}

describe('the base', () => {
  test('says which API it is, with and without the last slash', async () => {
    for (const path of ['/v2/', '/v2']) {
      const answer = await door.send('GET', path);
      assert.equal(answer.status, 200);
      assert.equal(answer.headers['docker-distribution-api-version'], 'registry/2.0');
    }
    assert.equal((await door.send('HEAD', '/v2/')).status, 200);
  });

  test('a repository that is not there has no tags and no referrers', async () => {
    const name = fresh();
    refused(await door.send('GET', `/v2/${name}/tags/list`), 404, 'NAME_UNKNOWN');
    const referrers = await door.send('GET', `/v2/${name}/referrers/${digest('nothing')}`);
    assert.equal(referrers.status, 200);
    assert.equal(referrers.headers['content-type'], types.index);
    assert.deepEqual(referrers.json(), { schemaVersion: 2, mediaType: types.index, manifests: [] });
  });

  test('unknown paths are 404, known ones with another method 405 with Allow', async () => {
    for (const path of ['/', '/v2/a/b', '/v2/a/b/c', '/v3/', '/v2/a/tags/list/', '/v2/a/manifests/', '/v1/users'])
      assert.equal((await door.send('GET', path)).status, 404, path);
    const cases: [string, string, string][] = [
      ['POST', '/v2/', 'GET, HEAD'],
      ['DELETE', '/v2/a/tags/list', 'GET, HEAD'],
      ['POST', '/v2/a/manifests/x', 'GET, HEAD, PUT, DELETE'],
      ['PUT', `/v2/a/blobs/${digest('')}`, 'GET, HEAD, DELETE'],
      ['GET', '/v2/a/blobs/uploads/', 'POST'],
      ['POST', '/v2/a/blobs/uploads/x', 'GET, HEAD, PATCH, PUT, DELETE'],
      ['PUT', `/v2/a/referrers/${digest('')}`, 'GET, HEAD'],
      ['POST', '/v1/search', 'GET, HEAD'],
    ];
    for (const [method, path, allow] of cases) {
      const answer = await door.send(method, path);
      refused(answer, 405, 'UNSUPPORTED');
      assert.equal(answer.headers.allow, allow, `${method} ${path}`);
    }
  });
});

for (const algorithm of ['sha256', 'sha512'] as const satisfies readonly Algorithm[]) {
  describe(`${algorithm} blobs`, () => {
    test('a blob that was never pushed is 404, to GET and to HEAD', async () => {
      const name = fresh();
      const { digest: missing } = randomBlob(10, algorithm);
      refused(await door.send('GET', `/v2/${name}/blobs/${missing}`), 404, 'BLOB_UNKNOWN');
      const head = await door.send('HEAD', `/v2/${name}/blobs/${missing}`);
      assert.equal(head.status, 404);
      assert.equal(head.body.length, 0);
      await pushBlob(door, name, randomBlob());
      refused(await door.send('GET', `/v2/${name}/blobs/${missing}`), 404, 'BLOB_UNKNOWN');
    });

    test('one POST with the digest and the bytes', async () => {
      const name = fresh();
      const blob = randomBlob(512, algorithm);
      await uploaded(await door.send('POST', `/v2/${name}/blobs/uploads/?digest=${blob.digest}`, { body: blob.bytes }), name, blob);
    });

    test('POST, then PUT with the bytes', async () => {
      const name = fresh();
      const blob = randomBlob(512, algorithm);
      const at = await begin(name);
      await uploaded(await door.send('PUT', withDigest(at, blob), { body: blob.bytes }), name, blob);
      refused(await door.send('GET', at), 404, 'BLOB_UPLOAD_UNKNOWN');
    });

    test('the algorithm may be said at the start', async () => {
      const name = fresh();
      const blob = randomBlob(5000, algorithm);
      const at = await begin(name, `?digest-algorithm=${algorithm}`);
      const patched = await door.send('PATCH', at, { body: blob.bytes });
      assert.equal(patched.status, 202);
      await uploaded(await door.send('PUT', withDigest(location(patched), blob)), name, blob);
    });

    test('an algorithm said at the start does not bind the digest at the end', async () => {
      const name = fresh();
      const other = algorithm === 'sha256' ? 'sha512' : 'sha256';
      const blob = randomBlob(5000, algorithm);
      const at = await begin(name, `?digest-algorithm=${other}`);
      await uploaded(await door.send('PUT', withDigest(at, blob), { body: blob.bytes }), name, blob);
    });

    test('three chunks with Content-Range, the last one in a PATCH or in the PUT', async () => {
      for (const lastInPut of [false, true]) {
        const name = fresh();
        const blob = randomBlob(3 * 1024 - 5, algorithm);
        let at = await begin(name);
        for (let start = 0; start < blob.bytes.length; start += 1024) {
          const chunk = blob.bytes.subarray(start, start + 1024);
          const headers = { 'Content-Range': `${start}-${start + chunk.length - 1}`, 'Content-Type': 'application/octet-stream' };
          if (lastInPut && start + 1024 > blob.bytes.length) {
            await uploaded(await door.send('PUT', withDigest(at, blob), { headers, body: chunk }), name, blob);
            continue;
          }
          const answer = await door.send('PATCH', at, { headers, body: chunk });
          assert.equal(answer.status, 202);
          assert.equal(answer.headers.range, `0-${start + chunk.length - 1}`);
          at = location(answer);
        }
        if (!lastInPut) await uploaded(await door.send('PUT', withDigest(at, blob), { headers: { 'Content-Length': 0 } }), name, blob);
      }
    });

    test('a stream without a length', async () => {
      const name = fresh();
      const blob = randomBlob(70_000, algorithm);
      const at = await begin(name);
      const parts = [blob.bytes.subarray(0, 11), blob.bytes.subarray(11, 60_000), blob.bytes.subarray(60_000)];
      const answer = await door.send('PATCH', at, { body: parts });
      assert.equal(answer.status, 202);
      assert.equal(answer.headers.range, '0-69999');
      await uploaded(await door.send('PUT', withDigest(location(answer), blob)), name, blob);
    });

    test('chunks out of order are 416 and change nothing: the status says where to go on', async () => {
      for (const lastInPut of [false, true]) {
        const name = fresh();
        const blob = randomBlob(3 * 1024 - 5, algorithm);
        let at = await begin(name);
        for (let start = 0; start < blob.bytes.length; start += 1024) {
          const ahead = start + 1024 < blob.bytes.length ? start + 1024 : 0;
          const wrong = blob.bytes.subarray(ahead, ahead + 1024);
          const closing = lastInPut && ahead + wrong.length === blob.bytes.length;
          const bad = await door.send(closing ? 'PUT' : 'PATCH', closing ? withDigest(at, blob) : at, {
            headers: { 'Content-Range': `${ahead}-${ahead + wrong.length - 1}` },
            body: wrong,
          });
          refused(bad, 416, 'BLOB_UPLOAD_INVALID');
          assert.equal(bad.headers.range, `0-${Math.max(0, start - 1)}`);
          const status = await door.send('GET', at);
          assert.equal(status.status, 204);
          assert.equal(status.headers.range, `0-${Math.max(0, start - 1)}`);
          at = location(status);
          const chunk = blob.bytes.subarray(start, start + 1024);
          const answer = await door.send('PATCH', at, {
            headers: { 'Content-Range': `${start}-${start + chunk.length - 1}` },
            body: chunk,
          });
          assert.equal(answer.status, 202);
          at = location(answer);
        }
        await uploaded(await door.send('PUT', withDigest(at, blob)), name, blob);
      }
    });

    test('a mount from another repository, named or not; a mount of what is nowhere starts an upload', async () => {
      const [source, named, unnamed, none] = [fresh(), fresh(), fresh(), fresh()];
      const blob = randomBlob(512, algorithm);
      await pushBlob(door, source, blob);
      await uploaded(
        await door.send('POST', `/v2/${named}/blobs/uploads/?mount=${blob.digest}&from=${encodeURIComponent(source)}`),
        named,
        blob,
      );
      await uploaded(await door.send('POST', `/v2/${unnamed}/blobs/uploads/?mount=${blob.digest}`), unnamed, blob);
      const missing = randomBlob(512, algorithm);
      for (const from of [`&from=${source}`, '', '&from=no/such', '&from=NOT%20A%20NAME']) {
        const answer = await door.send('POST', `/v2/${none}/blobs/uploads/?mount=${missing.digest}${from}`);
        assert.equal(answer.status, 202);
        assert.equal((await door.send('DELETE', location(answer))).status, 204);
      }
      const from = await door.send('POST', `/v2/${none}/blobs/uploads/?mount=${blob.digest}&from=no/such`);
      assert.equal(from.status, 202, 'not there where the client says it is');
      await uploaded(await door.send('PUT', withDigest(location(from), blob), { body: blob.bytes }), none, blob);
    });

    test('an upload can be given up', async () => {
      const at = await begin(fresh());
      assert.equal((await door.send('PATCH', at, { body: 'abc' })).status, 202);
      assert.equal((await door.send('DELETE', at)).status, 204);
      for (const [method, path] of [
        ['GET', at],
        ['PATCH', at],
        ['PUT', withDigest(at, blobOf('abc', algorithm))],
        ['DELETE', at],
      ] as const)
        refused(await door.send(method, path), 404, 'BLOB_UPLOAD_UNKNOWN');
    });

    test('a wrong digest is 400 on every way in, and nothing is kept', async () => {
      const name = fresh();
      const { digest: wrong } = randomBlob(9, algorithm);
      const body = randomBlob(3000).bytes;
      refused(await door.send('POST', `/v2/${name}/blobs/uploads/?digest=${wrong}`, { body }), 400, 'DIGEST_INVALID');
      refused(await door.send('PUT', `${await begin(name)}?digest=${wrong}`, { body }), 400, 'DIGEST_INVALID');
      for (const headers of [{}, { 'Content-Range': '0-2999' }]) {
        const at = await begin(name);
        assert.equal((await door.send('PATCH', at, { headers, body })).status, 202);
        refused(await door.send('PUT', `${at}?digest=${wrong}`), 400, 'DIGEST_INVALID');
      }
      const at = await begin(name);
      assert.equal((await door.send('PATCH', at, { body: body.subarray(0, 1000) })).status, 202);
      refused(
        await door.send('PUT', `${at}?digest=${wrong}`, { headers: { 'Content-Range': '1000-2999' }, body: body.subarray(1000) }),
        400,
        'DIGEST_INVALID',
      );
      for (const one of [wrong, digest(body, algorithm)]) assert.equal((await door.send('HEAD', `/v2/${name}/blobs/${one}`)).status, 404);
    });

    test('no bytes at all, and the empty JSON', async () => {
      const name = fresh();
      for (const text of ['', '{}']) {
        const blob = blobOf(text, algorithm);
        await uploaded(await door.send('POST', `/v2/${name}/blobs/uploads/?digest=${blob.digest}`, { body: blob.bytes }), name, blob);
        const other = fresh();
        await uploaded(await door.send('PUT', withDigest(await begin(other), blob), { body: blob.bytes }), other, blob);
      }
    });

    test('ranges', async () => {
      const name = fresh();
      for (const size of [2048, 600_000]) {
        const { bytes, digest: at } = randomBlob(size, algorithm);
        await pushBlob(door, name, { bytes, digest: at });
        const path = `/v2/${name}/blobs/${at}`;
        const end = size - 1;
        const parts: [string, number, number][] = [
          ['bytes=500-1499', 500, 1499],
          ['bytes=500-', 500, end],
          ['bytes=-500', size - 500, end],
          [`bytes=${size - 48}-${size * 3}`, size - 48, end],
          ['bytes=0-0', 0, 0],
          ['bytes=0-', 0, end],
          [`bytes=-${size * 2}`, 0, end],
          [`bytes=${end}-`, end, end],
          ['Bytes = 1-2', 1, 2],
        ];
        for (const [range, first, last] of parts) {
          const answer = await door.send('GET', path, { headers: { Range: range } });
          assert.equal(answer.status, 206, range);
          assert.equal(answer.headers['content-range'], `bytes ${first}-${last}/${size}`, range);
          assert.equal(answer.headers['content-length'], String(last - first + 1), range);
          assert.equal(answer.headers['docker-content-digest'], at);
          assert.deepEqual(answer.body, bytes.subarray(first, last + 1), range);
        }
        for (const range of [
          'bytes=500-0',
          `bytes=${size}-`,
          `bytes=${size * 2}-${size * 3}`,
          'bytes=-0',
          'bytes=-',
          'bytes=x-y',
          'bytes=',
        ]) {
          const answer = await door.send('GET', path, { headers: { Range: range } });
          refused(answer, 416, 'SIZE_INVALID');
          assert.equal(answer.headers['content-range'], `bytes */${size}`, range);
        }
        for (const range of ['bytes=0-1,5-6', 'lines=1-2', 'nonsense']) {
          const answer = await door.send('GET', path, { headers: { Range: range } });
          assert.equal(answer.status, 200, range);
          assert.deepEqual(answer.body, bytes);
        }
        const head = await door.send('HEAD', path, { headers: { Range: 'bytes=0-1' } });
        assert.equal(head.status, 200);
        assert.equal(head.headers['content-length'], String(size));
        const changed = await door.send('GET', path, { headers: { Range: 'bytes=0-1', 'If-Range': '"something else"' } });
        assert.equal(changed.status, 200);
        const same = await door.send('GET', path, { headers: { Range: 'bytes=0-1', 'If-Range': String(changed.headers.etag) } });
        assert.equal(same.status, 206);
      }
    });

    test('caches are told that it never changes, and asked no bytes twice', async () => {
      const name = fresh();
      const blob = randomBlob(700, algorithm);
      await pushBlob(door, name, blob);
      const path = `/v2/${name}/blobs/${blob.digest}`;
      const { headers } = await door.send('GET', path);
      assert.equal(headers.etag, `"${blob.digest}"`);
      assert.match(headers['cache-control'] ?? '', /immutable/);
      assert.equal(headers['accept-ranges'], 'bytes');
      for (const condition of [`"${blob.digest}"`, `W/"${blob.digest}"`, `"x", "${blob.digest}"`, '*']) {
        const answer = await door.send('GET', path, { headers: { 'If-None-Match': condition } });
        assert.equal(answer.status, 304, condition);
        assert.equal(answer.body.length, 0);
        assert.equal(answer.headers.etag, `"${blob.digest}"`);
      }
      assert.equal((await door.send('GET', path, { headers: { 'If-None-Match': '"x"' } })).status, 200);
    });

    test('delete is at once, and only here', async () => {
      const [name, other] = [fresh(), fresh()];
      const blob = randomBlob(700, algorithm);
      await pushBlob(door, name, blob);
      await pushBlob(door, other, blob);
      assert.equal((await door.send('GET', `/v2/${name}/blobs/${blob.digest}`)).status, 200);
      assert.equal((await door.send('DELETE', `/v2/${name}/blobs/${blob.digest}`)).status, 202);
      assert.equal((await door.send('HEAD', `/v2/${name}/blobs/${blob.digest}`)).status, 404);
      assert.equal((await door.send('GET', `/v2/${name}/blobs/${blob.digest}`)).status, 404);
      refused(await door.send('DELETE', `/v2/${name}/blobs/${blob.digest}`), 404, 'BLOB_UNKNOWN');
      assert.equal((await door.send('GET', `/v2/${other}/blobs/${blob.digest}`)).status, 200);
    });
  });
}

/** One kind of content, pushed as clients push it: blobs, manifests by digest children first, tags. */
interface Kind {
  readonly what: string;
  readonly images: readonly TestImage[];
  /** Further documents, after the images. */
  readonly documents?: readonly Document[];
  readonly tags: Readonly<Record<string, Document>>;
}

const big = Object.fromEntries(Array.from({ length: 390 }, (_, at) => [`large-annotation-${at}`, 'A'.repeat(10_000)]));
const unknown = { 'org.example.unknown': { deep: [1, null, 'ü', 1.5e300] } };

function kinds(): readonly Kind[] {
  const single = (what: string, one: TestImage): Kind => ({ what, images: [one], tags: { [what.replaceAll(' ', '-')]: one.manifest } });
  const platforms = (algorithm: Algorithm = 'sha256', more: Readonly<Record<string, unknown>> = {}) => {
    const images = [image({ algorithm, config: more, manifest: more }), image({ algorithm, config: more, manifest: more })];
    return {
      images,
      index: index(
        images.map(({ manifest }) => manifest),
        more,
        algorithm,
      ),
    };
  };
  const multi = platforms();
  const nested = [platforms(), platforms()];
  const nestedTop = index(nested.map((one) => one.index));
  const custom = platforms('sha256', unknown);
  const sha512 = platforms('sha512');
  const artifacts = [artifact('application/vnd.example.one', undefined), artifact('application/vnd.example.one', undefined)];
  const withData = image();
  const config = withData.blobs[0] as Blob;
  return [
    single('image', image()),
    single('image uncompressed', image({ manifest: { layers: [] } })),
    single('large manifest', image({ manifest: { annotations: big } })),
    { what: 'index', images: multi.images, documents: [multi.index], tags: { index: multi.index } },
    {
      what: 'nested index',
      images: nested.flatMap(({ images }) => images),
      documents: [...nested.map((one) => one.index), nestedTop],
      tags: { nested: nestedTop },
    },
    { what: 'empty index', images: [], documents: [index([])], tags: {} },
    single('artifact', artifact('application/vnd.example.one', undefined)),
    {
      what: 'artifact index',
      images: artifacts,
      documents: [
        index(
          artifacts.map(({ manifest }) => manifest),
          { artifactType: 'application/vnd.example.one' },
        ),
      ],
      tags: {},
    },
    single('no layers', image({ layers: 0 })),
    single('data field', {
      blobs: withData.blobs,
      manifest: document(
        { ...withData.manifest.json, config: descriptor(config, types.config, { data: config.bytes.toString('base64') }) },
        types.manifest,
      ),
    }),
    { what: 'custom fields', images: custom.images, documents: [custom.index], tags: { custom: custom.index } },
    { what: 'sha512', images: sha512.images, documents: [sha512.index], tags: {} },
    single('docker manifest', {
      ...withData,
      manifest: document({ ...withData.manifest.json, mediaType: types.dockerManifest }, types.dockerManifest),
    }),
  ];
}

describe('manifests', () => {
  for (const kind of kinds()) {
    test(`${kind.what}: pushed, listed, found, pulled and deleted`, async () => {
      const name = fresh();
      for (const { blobs } of kind.images) for (const blob of blobs) await pushBlob(door, name, blob);
      const manifests = [...kind.images.map(({ manifest }) => manifest), ...(kind.documents ?? [])];
      for (const manifest of manifests) {
        const answer = await put(door, name, manifest.digest, manifest);
        assert.equal(answer.status, 201, answer.body.toString());
        assert.equal(answer.headers['docker-content-digest'], manifest.digest);
        assert.deepEqual((await door.send('GET', location(answer))).body, manifest.bytes);
      }
      for (const [tag, manifest] of Object.entries(kind.tags)) {
        const answer = await put(door, name, tag, manifest);
        assert.equal(answer.status, 201, answer.body.toString());
        assert.equal(answer.headers['docker-content-digest'], manifest.digest);
        assert.deepEqual((await door.send('GET', location(answer))).body, manifest.bytes);
      }
      const list = await door.send('GET', `/v2/${name}/tags/list`);
      assert.equal(list.status, 200);
      assert.deepEqual(list.json(), { name, tags: Object.keys(kind.tags).sort() });
      const references = [...Object.entries(kind.tags), ...manifests.map((manifest) => [manifest.digest, manifest] as const)];
      for (const [reference, manifest] of references) {
        for (const method of ['HEAD', 'GET']) {
          const answer = await door.send(method, `/v2/${name}/manifests/${reference}`, {
            headers: { Accept: `${types.index}, ${types.manifest}` },
          });
          assert.equal(answer.status, 200);
          assert.equal(answer.headers['content-type'], manifest.mediaType);
          assert.equal(answer.headers['content-length'], String(manifest.bytes.length));
          assert.equal(answer.headers['docker-content-digest'], manifest.digest);
          assert.deepEqual(answer.body, method === 'GET' ? manifest.bytes : Buffer.alloc(0));
        }
      }
      for (const { blobs } of kind.images)
        for (const blob of blobs) assert.deepEqual((await door.send('GET', `/v2/${name}/blobs/${blob.digest}`)).body, blob.bytes);
      for (const tag of Object.keys(kind.tags)) {
        assert.equal((await door.send('DELETE', `/v2/${name}/manifests/${tag}`)).status, 202);
        assert.equal((await door.send('HEAD', `/v2/${name}/manifests/${tag}`)).status, 404);
      }
      for (const manifest of manifests.toReversed()) {
        assert.equal(
          (await door.send('HEAD', `/v2/${name}/manifests/${manifest.digest}`)).status,
          200,
          'a tag that goes leaves what was put by digest',
        );
        assert.equal((await door.send('DELETE', `/v2/${name}/manifests/${manifest.digest}`)).status, 202);
        assert.equal((await door.send('HEAD', `/v2/${name}/manifests/${manifest.digest}`)).status, 404);
      }
      for (const { blobs } of kind.images) {
        for (const blob of blobs) {
          assert.ok([202, 404].includes((await door.send('DELETE', `/v2/${name}/blobs/${blob.digest}`)).status));
          assert.equal((await door.send('HEAD', `/v2/${name}/blobs/${blob.digest}`)).status, 404);
        }
      }
    });
  }

  test('what is not there is 404, what cannot be a digest 400, what cannot be a tag 404', async () => {
    const name = fresh();
    for (const reference of ['missing', digest('missing'), 'sha512:' + '0'.repeat(128), '.not-a-tag', 'x'.repeat(129)])
      refused(
        await door.send('GET', `/v2/${name}/manifests/${reference}`),
        404,
        reference === 'missing' ? 'MANIFEST_UNKNOWN' : 'MANIFEST_UNKNOWN',
      );
    for (const reference of [
      'sha256:baddigeststring',
      'sha256:',
      'md5:d41d8cd98f00b204e9800998ecf8427e',
      `sha256:${'A'.repeat(64)}`,
      'a:b:c',
    ]) {
      refused(await door.send('GET', `/v2/${name}/manifests/${reference}`), 400, 'DIGEST_INVALID');
      refused(await door.send('DELETE', `/v2/${name}/manifests/${reference}`), 400, 'DIGEST_INVALID');
      refused(await door.send('GET', `/v2/${name}/blobs/${reference}`), 400, 'DIGEST_INVALID');
      refused(await door.send('GET', `/v2/${name}/referrers/${reference}`), 400, 'DIGEST_INVALID');
      assert.equal((await door.send('HEAD', `/v2/${name}/blobs/${reference}`)).status, 400);
    }
    refused(await door.send('DELETE', `/v2/${name}/manifests/missing`), 404, 'MANIFEST_UNKNOWN');
    refused(await door.send('DELETE', `/v2/${name}/manifests/${digest('missing')}`), 404, 'MANIFEST_UNKNOWN');
  });

  test('a blob is not served as a manifest', async () => {
    const name = fresh();
    const { blobs } = image();
    await pushBlob(door, name, blobs[0] as Blob);
    refused(await door.send('GET', `/v2/${name}/manifests/${(blobs[0] as Blob).digest}`), 404, 'MANIFEST_UNKNOWN');
  });

  test('a manifest is not deleted as a blob, nor mounted as one', async () => {
    const [name, other] = [fresh(), fresh()];
    const one = image();
    await push(door, name, 'x', one);
    refused(await door.send('DELETE', `/v2/${name}/blobs/${one.manifest.digest}`), 404, 'BLOB_UNKNOWN');
    assert.equal((await door.send('GET', `/v2/${name}/manifests/x`)).status, 200);
    assert.equal((await door.send('POST', `/v2/${other}/blobs/uploads/?mount=${one.manifest.digest}&from=${name}`)).status, 202);
  });

  test('a wrong digest is 400, and nothing is kept', async () => {
    const name = fresh();
    const one = image();
    for (const blob of one.blobs) await pushBlob(door, name, blob);
    const padded = { ...one.manifest, bytes: Buffer.concat([one.manifest.bytes, Buffer.from('  ')]) };
    for (const reference of [
      one.manifest.digest,
      digest('x', 'sha512'),
      'sha256:baddigeststring',
      'sha1:da39a3ee5e6b4b0d3255bfef95601890afd80709',
    ])
      refused(await put(door, name, reference, padded), 400, 'DIGEST_INVALID');
    assert.equal((await door.send('HEAD', `/v2/${name}/manifests/${one.manifest.digest}`)).status, 404);
  });

  test('what a manifest names must be here, foreign layers and the subject excepted', async () => {
    const name = fresh();
    const one = image();
    const [config, ...layers] = one.blobs as [Blob, ...Blob[]];
    await pushBlob(door, name, config);
    refused(await put(door, name, 'incomplete', one.manifest), 400, 'MANIFEST_BLOB_UNKNOWN');
    refused(await put(door, name, 'incomplete', index([one.manifest])), 400, 'MANIFEST_BLOB_UNKNOWN');
    assert.equal((await door.send('HEAD', `/v2/${name}/manifests/incomplete`)).status, 404);
    const foreign = [
      ['application/vnd.oci.image.layer.nondistributable.v1.tar+gzip', layers[0]],
      ['application/vnd.docker.image.rootfs.foreign.diff.tar.gzip', layers[1]],
    ] as const;
    const windows = document(
      {
        ...one.manifest.json,
        layers: foreign.map(([type, layer]) => descriptor(layer as Blob, type, { urls: ['https://store.example.com/x'] })),
      },
      types.manifest,
    );
    assert.equal((await put(door, name, 'windows', windows)).status, 201);
    assert.deepEqual((await door.send('GET', `/v2/${name}/manifests/windows`)).body, windows.bytes);
  });

  test('a blob of another repository does not make a manifest complete here', async () => {
    const [name, other] = [fresh(), fresh()];
    const one = image();
    await push(door, other, 'there', one);
    refused(await put(door, name, 'here', one.manifest), 400, 'MANIFEST_BLOB_UNKNOWN');
  });

  test('what is no manifest is refused, with the reason', async () => {
    const name = fresh();
    const one = image();
    for (const blob of one.blobs) await pushBlob(door, name, blob);
    const { json } = one.manifest;
    const cases: [string, string | undefined, string][] = [
      ['not JSON', types.manifest, '{'],
      ['not an object', types.manifest, '[]'],
      ['no schemaVersion', types.manifest, JSON.stringify({ ...json, schemaVersion: undefined })],
      [
        'schema 1',
        'application/vnd.docker.distribution.manifest.v1+prettyjws',
        '{"schemaVersion":1,"name":"x","fsLayers":[],"history":[]}',
      ],
      ['schema 1 that says it is 2', types.manifest, '{"schemaVersion":1,"name":"x","fsLayers":[],"history":[]}'],
      ['another type outside than inside', types.index, one.manifest.bytes.toString()],
      ['docker outside, OCI inside', types.dockerManifest, one.manifest.bytes.toString()],
      ['manifest and index in one', types.manifest, JSON.stringify({ ...json, manifests: [] })],
      ['a type that is no manifest', 'text/html', one.manifest.bytes.toString()],
      ['a type of somebody else', 'application/vnd.cncf.helm.config.v1+json', one.manifest.bytes.toString()],
      ['no type anywhere, and nothing to tell by', undefined, '{"schemaVersion":2}'],
      [
        'a digest in it that is none',
        types.manifest,
        JSON.stringify({ ...json, config: { ...(json.config as object), digest: 'sha256:no' } }),
      ],
      ['a size in it that is none', types.manifest, JSON.stringify({ ...json, config: { ...(json.config as object), size: -1 } })],
      ['no bytes', types.manifest, ''],
      ['not UTF-8', types.manifest, '\u{0}'],
    ];
    for (const [what, type, body] of cases) {
      const answer = await door.send('PUT', `/v2/${name}/manifests/x`, {
        headers: type === undefined ? {} : { 'Content-Type': type },
        body,
      });
      assert.equal(answer.status, 400, `${what}: ${answer.status}`);
      refused(answer, 400, 'MANIFEST_INVALID');
    }
    refused(await door.send('GET', `/v2/${name}/manifests/x`), 404, 'MANIFEST_UNKNOWN');
    for (const tag of ['-x', 'a b', '%2e%2e', 'x'.repeat(129)])
      refused(await put(door, name, encodeURIComponent(tag), one.manifest), 400, 'MANIFEST_INVALID');
  });

  test('without a type, or with one that says nothing, the document says what it is', async () => {
    const name = fresh();
    const one = image();
    for (const blob of one.blobs) await pushBlob(door, name, blob);
    const { mediaType: _, ...silent } = one.manifest.json;
    for (const [headers, json] of [
      [{}, one.manifest.json],
      [{ 'Content-Type': 'application/json' }, one.manifest.json],
      [{ 'Content-Type': 'application/octet-stream' }, silent],
      [{ 'Content-Type': `${types.manifest}; charset=utf-8` }, silent],
    ] as const) {
      const body = JSON.stringify(json);
      assert.equal((await door.send('PUT', `/v2/${name}/manifests/x`, { headers, body })).status, 201);
      const answer = await door.send('GET', `/v2/${name}/manifests/x`);
      assert.equal(answer.headers['content-type'], types.manifest);
      assert.equal(answer.body.toString(), body);
    }
  });

  test('a tag moves, and what it pointed at stays by digest', async () => {
    const name = fresh();
    const [first, second] = [image(), image()];
    await push(door, name, 'latest', first);
    await push(door, name, 'latest', second);
    assert.equal((await door.send('GET', `/v2/${name}/manifests/latest`)).headers['docker-content-digest'], second.manifest.digest);
    assert.deepEqual((await door.send('GET', `/v2/${name}/manifests/${first.manifest.digest}`)).body, first.manifest.bytes);
  });

  test('a delete by digest takes its tags along', async () => {
    const name = fresh();
    const [one, other] = [image(), image()];
    await push(door, name, 'a', one);
    await push(door, name, 'b', one);
    await push(door, name, 'c', other);
    assert.equal((await door.send('DELETE', `/v2/${name}/manifests/${one.manifest.digest}`)).status, 202);
    for (const reference of ['a', 'b', one.manifest.digest])
      assert.equal((await door.send('HEAD', `/v2/${name}/manifests/${reference}`)).status, 404);
    assert.deepEqual((await door.send('GET', `/v2/${name}/tags/list`)).json(), { name, tags: ['c'] });
  });

  test('several tags with one PUT by digest', async () => {
    for (const algorithm of ['sha256', 'sha512'] as const) {
      const name = fresh();
      const one = image({ algorithm });
      for (const blob of one.blobs) await pushBlob(door, name, blob);
      const tags = Array.from({ length: 12 }, (_, at) => `tag-${at}`);
      const answer = await put(door, name, `${one.manifest.digest}?${tags.map((tag) => `tag=${tag}`).join('&')}`, one.manifest);
      assert.equal(answer.status, 201);
      const told = answer.raw.flatMap((header, at) => (header.toLowerCase() === 'oci-tag' ? [answer.raw[at + 1]] : []));
      assert.deepEqual(told.toSorted(), tags.toSorted());
      for (const tag of tags) assert.deepEqual((await door.send('GET', `/v2/${name}/manifests/${tag}`)).body, one.manifest.bytes);
      refused(await put(door, name, `${one.manifest.digest}?tag=ok&tag=-no`, one.manifest), 400, 'MANIFEST_INVALID');
      assert.equal((await door.send('HEAD', `/v2/${name}/manifests/ok`)).status, 404, 'all or none');
      const many = Array.from({ length: 101 }, (_, at) => `tag=t${at}`).join('&');
      assert.equal((await put(door, name, `${one.manifest.digest}?${many}`, one.manifest)).status, 414);
    }
  });

  test('clients that have it are not sent it again', async () => {
    const name = fresh();
    const one = image();
    await push(door, name, 'x', one);
    const path = `/v2/${name}/manifests/x`;
    for (let again = 0; again < 2; again++) {
      const answer = await door.send('GET', path, { headers: { 'If-None-Match': `"${one.manifest.digest}"` } });
      assert.equal(answer.status, 304);
      assert.equal(answer.body.length, 0);
    }
    const other = image();
    await push(door, name, 'x', other);
    const moved = await door.send('GET', path, { headers: { 'If-None-Match': `"${one.manifest.digest}"` } });
    assert.equal(moved.status, 200);
    assert.deepEqual(moved.body, other.manifest.bytes);
  });
});

describe('referrers', () => {
  interface Listed {
    readonly manifests: readonly Readonly<Record<string, unknown>>[];
  }
  const list = async (name: string, subject: string, query = ''): Promise<{ answer: Answered; manifests: Listed['manifests'] }> => {
    const answer = await door.send('GET', `/v2/${name}/referrers/${subject}${query}`);
    assert.equal(answer.status, 200);
    assert.equal(answer.headers['content-type'], types.index);
    const body: Listed = answer.json();
    return { answer, manifests: body.manifests };
  };
  const byDigest = (a: Readonly<Record<string, unknown>>, b: Readonly<Record<string, unknown>>) =>
    String(a.digest) < String(b.digest) ? -1 : 1;

  test('artifacts with a subject are listed with type and annotations, and filtered by type', async () => {
    const name = fresh();
    const subject = image();
    await push(door, name, 'image', subject);
    const annotations = { 'org.example.a': 'hello', 'org.example.b': '' };
    const one = artifact('application/vnd.example.one+json', subject.manifest, { annotations });
    const two = artifact('application/vnd.example.two', subject.manifest);
    const plain = image({ manifest: { subject: descriptor(subject.manifest, subject.manifest.mediaType) } });
    for (const { manifest } of [one, two, plain]) assert.notEqual(manifest.json.subject, undefined);
    for (const each of [one, two, plain]) {
      const answer = await push(door, name, each.manifest.digest, each);
      assert.equal(answer.headers['oci-subject'], subject.manifest.digest);
    }
    const whole = {
      ...index([one.manifest], {
        artifactType: 'application/vnd.example.one+json',
        subject: descriptor(subject.manifest, types.manifest),
        annotations,
      }),
    };
    assert.equal((await put(door, name, whole.digest, whole)).headers['oci-subject'], subject.manifest.digest);
    const expected = [
      descriptor(one.manifest, types.manifest, { artifactType: 'application/vnd.example.one+json', annotations }),
      descriptor(two.manifest, types.manifest, { artifactType: 'application/vnd.example.two' }),
      descriptor(plain.manifest, types.manifest, { artifactType: types.config }),
      descriptor(whole, types.index, { artifactType: 'application/vnd.example.one+json', annotations }),
    ].toSorted(byDigest);
    const all = await list(name, subject.manifest.digest);
    assert.deepEqual(all.manifests.toSorted(byDigest), expected);
    assert.equal(all.answer.headers['oci-filters-applied'], undefined);
    for (const type of ['application/vnd.example.one+json', 'application/vnd.example.two', types.config, 'application/none']) {
      for (const query of [`?artifactType=${encodeURIComponent(type)}`, `?artifactType=${type}`]) {
        const some = await list(name, subject.manifest.digest, query);
        assert.equal(some.answer.headers['oci-filters-applied'], 'artifactType');
        assert.deepEqual(
          some.manifests.toSorted(byDigest),
          expected.filter(({ artifactType }) => artifactType === type),
        );
      }
    }
    assert.equal((await door.send('DELETE', `/v2/${name}/manifests/${two.manifest.digest}`)).status, 202);
    assert.ok((await list(name, subject.manifest.digest)).manifests.every(({ digest: one }) => one !== two.manifest.digest));
  });

  test('the subject may come later, or never, and have any algorithm', async () => {
    for (const algorithm of ['sha256', 'sha512'] as const) {
      const name = fresh();
      const subject = image({ algorithm });
      const referrer = artifact('application/vnd.example.early', subject.manifest, {}, algorithm);
      const answer = await push(door, name, referrer.manifest.digest, referrer);
      assert.equal(answer.headers['oci-subject'], subject.manifest.digest);
      for (const when of ['before', 'after']) {
        const { manifests } = await list(name, subject.manifest.digest);
        assert.deepEqual(
          manifests.map((one) => one.digest),
          [referrer.manifest.digest],
          when,
        );
        if (when === 'before') await push(door, name, subject.manifest.digest, subject);
      }
    }
  });

  test('another repository does not see them', async () => {
    const [name, other] = [fresh(), fresh()];
    const subject = image();
    await push(door, name, 'image', subject);
    await push(door, other, 'image', subject);
    const referrer = artifact('application/vnd.example.one', subject.manifest);
    await push(door, name, referrer.manifest.digest, referrer);
    assert.equal((await list(other, subject.manifest.digest)).manifests.length, 0);
    assert.equal((await list(name, subject.manifest.digest)).manifests.length, 1);
  });

  test('more than an answer may hold comes in pages that lose and repeat nothing', async () => {
    const name = fresh();
    const subject = image();
    await push(door, name, 'image', subject);
    const annotations = { filler: 'x'.repeat(900_000) };
    const pushed: string[] = [];
    for (let at = 0; at < 7; at++) {
      const one = artifact('application/vnd.example.big+json', subject.manifest, { annotations });
      await push(door, name, one.manifest.digest, one);
      pushed.push(one.manifest.digest);
    }
    const seen: unknown[] = [];
    let next: string | undefined = `/v2/${name}/referrers/${subject.manifest.digest}?artifactType=application/vnd.example.big%2Bjson`;
    let pages = 0;
    while (next !== undefined) {
      const answer: Answered = await door.send('GET', next);
      assert.equal(answer.status, 200);
      assert.ok(answer.body.length <= 4 * 1024 * 1024);
      const body: Listed = answer.json();
      seen.push(...body.manifests.map((one) => one.digest));
      next = /^<([^>]+)>; rel="next"$/.exec(String(answer.headers.link ?? ''))?.[1];
      assert.ok(++pages < 10);
    }
    assert.ok(pages > 1);
    assert.deepEqual(seen.toSorted(), pushed.toSorted());
  });
});
