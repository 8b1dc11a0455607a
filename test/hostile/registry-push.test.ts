/** Pushing to a registry that breaks, refuses and changes its mind: what has arrived is not sent twice where that can be helped, and what is wrong is said. */
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { ImageError, type ErrorCode } from '../../src/errors.ts';
import type { Progress } from '../../src/io/operation.ts';
import { digestOf } from '../../src/model/digest.ts';
import { mediaTypes } from '../../src/model/media-types.ts';
import { blobOf, lyingRegistry, noise, type Answer, type Asked } from '../support/lying-registry.ts';
import { chunksOf } from '../support/make-image.ts';

function fails(promise: Promise<unknown>, code: ErrorCode, message?: RegExp): Promise<void> {
  return assert.rejects(promise, (error: unknown) => {
    assert.ok(error instanceof ImageError, String(error));
    assert.equal(error.code, code, error.message);
    if (message) assert.match(error.message, message);
    return true;
  });
}

/** More than goes up in the closing request itself. */
const bytes = noise(5_000_000);
const target = blobOf(bytes);

/** Opens from an offset, and says which offsets it was asked for. */
function opener(body: Buffer = bytes): { open: (offset: number) => Promise<AsyncIterable<Uint8Array>>; offsets: number[] } {
  const offsets: number[] = [];
  return {
    offsets,
    open: async (offset) => {
      offsets.push(offset);
      return chunksOf(body.subarray(offset), 65_536);
    },
  };
}

/** A registry's upload session, with what has arrived in it. */
class Session {
  held = Buffer.alloc(0);
  starts = 0;

  answer({ method, path, query, headers, body }: Asked, answer: Answer): void {
    const location = `/v2/app/blobs/uploads/${this.starts}?state=a%20b`;
    const range = { location, range: `0-${Math.max(0, this.held.length - 1)}` };
    if (method === 'POST') {
      this.starts++;
      this.held = Buffer.alloc(0);
      answer(202, { location: `/v2/app/blobs/uploads/${this.starts}?state=a%20b` });
    } else if (!path.startsWith('/v2/app/blobs/uploads/')) answer(404);
    else if (method === 'GET') answer(204, range);
    else if (headers['content-range'] !== undefined && !headers['content-range'].startsWith(`${this.held.length}-`)) answer(416, range);
    else {
      this.held = Buffer.concat([this.held, body]);
      if (method === 'PATCH') answer(202, { location, range: `0-${this.held.length - 1}` });
      else if (digestOf(this.held) === query.get('digest')) answer(201);
      else answer(400, {}, '{"errors":[{"code":"DIGEST_INVALID","message":"provided digest did not match uploaded content"}]}');
    }
  }
}

test('a small blob goes with the closing request, a large one before it, and the session’s own query comes back as it was', async (t) => {
  const session = new Session();
  const registry = await lyingRegistry(t, (asked, answer) => session.answer(asked, answer));
  const small = noise(1000);
  await registry.repository('app').write(blobOf(small), opener(small).open);
  await registry.repository('app').write(target, opener().open);
  assert.deepEqual(session.held, bytes);
  const digest = (of: Buffer) => encodeURIComponent(blobOf(of).digest);
  assert.deepEqual(
    registry.requests.map(({ method, url, body }) => `${method} ${url} ${body.length}`),
    [
      'POST /v2/app/blobs/uploads/ 0',
      `PUT /v2/app/blobs/uploads/1?state=a%20b&digest=${digest(small)} 1000`,
      'POST /v2/app/blobs/uploads/ 0',
      `PATCH /v2/app/blobs/uploads/2?state=a%20b ${bytes.length}`,
      `PUT /v2/app/blobs/uploads/2?state=a%20b&digest=${digest(bytes)} 0`,
    ],
  );
  assert.equal(registry.requests[3]?.headers['content-length'], String(bytes.length));
  assert.equal(registry.requests[3]?.headers['content-range'], `0-${bytes.length - 1}`);
});

test('after a broken connection the upload goes on from where the registry is', async (t) => {
  const session = new Session();
  let broken = false;
  const events: Progress[] = [];
  const registry = await lyingRegistry(
    t,
    async (asked, answer, response) => {
      const chunks: Buffer[] = [];
      const request = response.req;
      for await (const chunk of request) {
        chunks.push(chunk as Buffer);
        if (asked.method !== 'PATCH' || broken || Buffer.concat(chunks).length < 1_500_000) continue;
        broken = true;
        session.held = Buffer.concat(chunks);
        response.destroy();
        return;
      }
      session.answer({ ...asked, body: Buffer.concat(chunks) }, answer);
    },
    { early: true },
  );
  const { open, offsets } = opener();
  await registry.repository('app').write(target, open, { onProgress: (event) => events.push(event) });
  assert.deepEqual(session.held, bytes);
  assert.equal(offsets.length, 2);
  assert.ok((offsets[1] ?? 0) >= 1_500_000);
  assert.deepEqual(
    registry.requests.map(({ method }) => method),
    ['POST', 'PATCH', 'GET', 'GET', 'PATCH', 'PUT'],
  );
  assert.match(String(registry.requests[4]?.headers['content-range']), new RegExp(`^${offsets[1]}-${bytes.length - 1}$`));
  assert.ok(events.some(({ state }) => state === 'retrying'));
});

for (const [what, body] of [
  ['a large blob', bytes],
  ['a small one', noise(1000)],
] as const)
  test(`a registry that wants to be left alone for a moment gets ${what} after it`, async (t) => {
    const session = new Session();
    let refused = 0;
    const registry = await lyingRegistry(t, (asked, answer) => {
      if (asked.body.length > 0 && Date.now() - (refused ||= Date.now()) < 250)
        answer(429, { 'retry-after': '0.3' }, '{"errors":[{"code":"TOOMANYREQUESTS","message":"slow down"}]}');
      else session.answer(asked, answer);
    });
    await registry.repository('app').write(blobOf(body), opener(body).open);
    assert.deepEqual(session.held, body);
    assert.equal(registry.requests.filter((asked) => asked.body.length > 0).length, 2, 'not asked again before its time');
    assert.equal(session.starts, 1);
  });

test('a registry that wants to be left alone for an hour gets no second try of a blob', async (t) => {
  const session = new Session();
  const registry = await lyingRegistry(t, (asked, answer) => {
    if (asked.body.length > 0) answer(429, { 'retry-after': '3600' });
    else session.answer(asked, answer);
  });
  await fails(registry.repository('app').write(target, opener().open), 'too-many-requests', /cannot push to .*429/);
  assert.equal(registry.requests.filter(({ method }) => method === 'PATCH').length, 1);
});

test('a session that is lost is begun anew', async (t) => {
  const session = new Session();
  let breaks = 0;
  const registry = await lyingRegistry(t, (asked, answer, response) => {
    if (asked.method === 'PATCH' && ++breaks === 1) return void response.destroy();
    if (asked.method === 'GET') return answer(404, {}, '{"errors":[{"code":"BLOB_UPLOAD_UNKNOWN","message":"gone"}]}');
    return session.answer(asked, answer);
  });
  const { open, offsets } = opener();
  await registry.repository('app').write(target, open);
  assert.deepEqual(offsets, [0, 0]);
  assert.equal(session.starts, 2);
});

test('a registry that always breaks is given up', async (t) => {
  const registry = await lyingRegistry(t, ({ method }, answer, response) =>
    method === 'PATCH' ? void response.destroy() : answer(202, { location: '/v2/app/blobs/uploads/1' }),
  );
  await fails(registry.repository('app').write(target, opener().open), 'unavailable');
});

test('what stands before a registry and takes only so much at once gets chunks', async (t) => {
  const big = noise(40 * 1024 * 1024);
  const session = new Session();
  const registry = await lyingRegistry(t, (asked, answer) =>
    asked.body.length > 20 * 1024 * 1024 ? answer(413) : session.answer(asked, answer),
  );
  const { open, offsets } = opener(big);
  await registry.repository('app').write(blobOf(big), open);
  assert.ok(session.held.equals(big));
  assert.deepEqual(offsets, [0, 0, 16 * 1024 * 1024, 32 * 1024 * 1024]);
});

test('a source of another length is stopped before the registry takes it', async (t) => {
  const session = new Session();
  const registry = await lyingRegistry(t, (asked, answer) => session.answer(asked, answer));
  await fails(registry.repository('app').write(target, opener(bytes.subarray(0, -1)).open), 'size-mismatch');
  await fails(registry.repository('app').write(target, opener(Buffer.concat([bytes, bytes])).open), 'size-mismatch');
  await fails(registry.repository('app').write(target, opener(noise(bytes.length, 9)).open), 'digest-mismatch', /provided digest/);
});

test('an error of the source comes out as it is, and the source is closed', async (t) => {
  const session = new Session();
  const registry = await lyingRegistry(t, (asked, answer) => session.answer(asked, answer));
  let closed = false;
  const open = async () =>
    (async function* () {
      try {
        yield bytes.subarray(0, 1000);
        throw new ImageError('digest-mismatch', 'the disk lies');
      } finally {
        closed = true;
      }
    })();
  await fails(registry.repository('app').write(target, open), 'digest-mismatch', /the disk lies/);
  assert.ok(closed);
});

test('a refusal that comes in the middle of the body is heard', async (t) => {
  const big = noise(30 * 1024 * 1024);
  const registry = await lyingRegistry(
    t,
    ({ method }, answer) =>
      method === 'PATCH'
        ? answer(403, {}, '{"errors":[{"code":"DENIED","message":"quota exceeded"}]}')
        : answer(202, { location: '/v2/app/blobs/uploads/1' }),
    { early: true },
  );
  await fails(registry.repository('app').write(blobOf(big), opener(big).open), 'denied', /quota exceeded/);
});

test('a blob is mounted from another repository, or sent where that is not to be', async (t) => {
  for (const mountAnswer of [201, 202, 403]) {
    const session = new Session();
    const events: Progress[] = [];
    const registry = await lyingRegistry(t, (asked, answer) => {
      if (asked.query.has('mount') && mountAnswer !== 202) answer(mountAnswer);
      else session.answer(asked, answer);
    });
    const { open, offsets } = opener();
    const from = { registry: registry.host, repository: 'base' };
    await registry.repository('app').write(target, open, { from, onProgress: (event) => events.push(event) });
    assert.equal(registry.requests[0]?.url, `/v2/app/blobs/uploads/?mount=${encodeURIComponent(target.digest)}&from=base`);
    assert.deepEqual(offsets, mountAnswer === 201 ? [] : [0]);
    assert.deepEqual(events.filter(({ state }) => state === 'mounted').length, mountAnswer === 201 ? 1 : 0);
  }
});

test('another registry’s repository is not asked to be mounted', async (t) => {
  const session = new Session();
  const registry = await lyingRegistry(t, (asked, answer) => session.answer(asked, answer));
  await registry.repository('app').write(target, opener().open, { from: { registry: 'registry.invalid', repository: 'base' } });
  assert.equal(registry.requests[0]?.url, '/v2/app/blobs/uploads/');
});

test('a sha512 blob says so when its upload begins', async (t) => {
  const registry = await lyingRegistry(t, ({ method }, answer) =>
    method === 'POST' ? answer(202, { location: '/v2/app/blobs/uploads/1' }) : answer(201),
  );
  await registry.repository('app').write({ ...target, digest: digestOf(bytes, 'sha512') }, opener().open);
  assert.equal(registry.requests[0]?.query.get('digest-algorithm'), 'sha512');
});

const subject = blobOf(noise(10), mediaTypes.ociManifest);
const config = blobOf(Buffer.from('{}'), mediaTypes.ociEmpty);

function referrer(artifactType: string) {
  const document = { schemaVersion: 2, mediaType: mediaTypes.ociManifest, artifactType, config, layers: [], subject };
  const body = Buffer.from(JSON.stringify(document));
  return { body, target: blobOf(body, mediaTypes.ociManifest) };
}

test('two clients that put referrers on one list at the same time lose neither', async (t) => {
  const tags = new Map<string, Buffer>();
  let interfere = 2;
  const [mine, theirs] = [referrer('a/mine'), referrer('b/theirs')];
  const registry = await lyingRegistry(t, ({ method, path, body }, answer) => {
    const tag = path.split('/').at(-1) ?? '';
    if (path.includes('/referrers/')) return answer(404);
    if (method === 'GET') {
      const kept = tags.get(tag);
      return kept ? answer(200, { 'content-type': mediaTypes.ociIndex }, kept) : answer(404);
    }
    tags.set(tag, body);
    // Another client read the list before this was put, and puts its own now.
    if (tag.startsWith('sha256-') && interfere-- > 0)
      tags.set(
        tag,
        Buffer.from(
          JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: [theirs.target], annotations: { kept: 'yes' } }),
        ),
      );
    return answer(201);
  });
  const repository = registry.repository('app');
  await repository.write(mine.target, async () => chunksOf(mine.body));
  const listed = await repository.referrers(subject);
  assert.deepEqual(listed.map(({ digest }) => digest).sort(), [mine.target.digest, theirs.target.digest].sort());
  assert.deepEqual(
    (await repository.referrers(subject, 'a/mine')).map(({ digest, artifactType }) => [digest, artifactType]),
    [[mine.target.digest, 'a/mine']],
  );
  const list = JSON.parse(String([...tags].find(([tag]) => tag.startsWith('sha256-'))?.[1])) as { annotations: unknown };
  assert.deepEqual(list.annotations, { kept: 'yes' });
});

test('a registry that keeps the list itself gets no tag', async (t) => {
  const registry = await lyingRegistry(t, (_, answer) => answer(201, { 'oci-subject': subject.digest }));
  const { target: made, body } = referrer('a/b');
  await registry.repository('app').write(made, async () => chunksOf(body));
  assert.equal(registry.requests.length, 1);
});

test('a manifest that the registry stores as something else is not called pushed', async (t) => {
  const registry = await lyingRegistry(t, (_, answer) => answer(201, { 'docker-content-digest': digestOf(Buffer.from('x')) }));
  const { target: made, body } = referrer('a/b');
  await fails(
    registry.repository('app').write(made, async () => chunksOf(body)),
    'protocol',
  );
});

test('an upload without a place to go on, and one in another scheme', async (t) => {
  const nowhere = await lyingRegistry(t, (_, answer) => answer(202));
  await fails(nowhere.repository('app').write(target, opener().open), 'protocol');
  const odd = await lyingRegistry(t, (_, answer) => answer(202, { location: 'file:///etc/passwd' }));
  await fails(odd.repository('app').write(target, opener().open), 'insecure');
});

test('deletion that is switched off is told from what is not there', async (t) => {
  const registry = await lyingRegistry(t, ({ path }, answer) => {
    if (path.endsWith('/gone')) answer(404, {}, '{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}');
    else answer(405, {}, '{"errors":[{"code":"UNSUPPORTED","message":"The operation is unsupported."}]}');
  });
  await fails(registry.repository('app').untag('latest'), 'unsupported');
  await fails(registry.repository('app').untag('gone'), 'manifest-unknown');
  await fails(registry.repository('app').delete(target), 'unsupported');
});
