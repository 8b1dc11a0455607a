/** A registry that wants our credentials to go where they do not belong: they never do, and the servers there say what they were sent. */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';

import { ImageError, isImageError, type ErrorCode } from '../../src/errors.ts';
import { mediaTypes } from '../../src/model/media-types.ts';
import type { RegistryOptions } from '../../src/remote/registry-options.ts';
import { makeCertificates, openssl } from '../support/certificates.ts';
import { blobOf, isolated, lyingRegistry, noise, type Asked } from '../support/lying-registry.ts';
import { bytesOf, chunksOf } from '../support/make-image.ts';
import { temporary } from '../support/temporary.ts';

const registry: RegistryOptions = { credentials: () => ({ username: 'me', password: 'hunter2' }) };

/** What any server may see of us that is not the registry itself. */
function assertNothingSecret(requests: readonly Asked[]): void {
  assert.ok(requests.length > 0, 'it was asked at all');
  for (const { headers, url, body } of requests) {
    assert.equal(headers.authorization, undefined);
    assert.equal(headers.cookie, undefined);
    assert.doesNotMatch(`${url}${body.toString('latin1')}${JSON.stringify(headers)}`, /hunter2|aHVudGVyMg|bWU6aHVudGVyMg|jwt|refresh-me/);
  }
}

function fails(promise: Promise<unknown>, code: ErrorCode): Promise<void> {
  return assert.rejects(promise, (error: unknown) => {
    assert.ok(error instanceof ImageError, String(error));
    assert.equal(error.code, code, error.message);
    assert.doesNotMatch(`${error.message} ${error.hint}`, /hunter2|bWU6aHVudGVyMg/);
    return true;
  });
}

const bytes = noise(5000);
const target = blobOf(bytes);
const asksBasic = ({ headers }: Asked) => headers.authorization === undefined;
const basic = { 'www-authenticate': 'Basic realm="registry"' };

async function storage(t: TestContext) {
  return lyingRegistry(t, (_, answer) => answer(200, {}, bytes));
}

test('a redirect to another host takes no credentials along', async (t) => {
  const other = await storage(t);
  const liar = await lyingRegistry(
    t,
    (asked, answer) => (asksBasic(asked) ? answer(401, basic) : answer(307, { location: `http://${other.host}/blob?signature=s` })),
    { registry },
  );
  assert.deepEqual(await bytesOf(await liar.repository('app').open(target)), bytes);
  assert.match(String(liar.requests.at(-1)?.headers.authorization), /^Basic /);
  assertNothingSecret(other.requests);
});

test('a host that was redirected to gets nothing for asking', async (t) => {
  const other = await lyingRegistry(t, (_, answer) =>
    answer(401, { 'www-authenticate': 'Bearer realm="http://127.0.0.1:1/token",service="x"' }),
  );
  const liar = await lyingRegistry(
    t,
    (asked, answer) => (asksBasic(asked) ? answer(401, basic) : answer(307, { location: `http://${other.host}/` })),
    { registry },
  );
  await fails(liar.repository('app').open(target).then(bytesOf), 'unauthorized');
  assertNothingSecret(other.requests);
});

test('a redirect back home is not given what the way out lost', async (t) => {
  const other = await lyingRegistry(t, (_, answer) => answer(302, { location: `http://${liar.host}/final` }));
  const liar = await lyingRegistry(
    t,
    (asked, answer) => {
      if (asked.path === '/final') answer(200, {}, bytes);
      else if (asksBasic(asked)) answer(401, basic);
      else answer(302, { location: `http://${other.host}/` });
    },
    { registry },
  );
  await bytesOf(await liar.repository('app').open(target));
  assertNothingSecret(liar.requests.filter(({ path }) => path === '/final'));
  assertNothingSecret(other.requests);
});

test('a token service that sends us on to another host is not followed', async (t) => {
  const thief = await lyingRegistry(t, (_, answer) => answer(200, {}, '{"token":"t"}'));
  const tokens = await lyingRegistry(t, (_, answer) => answer(307, { location: `http://${thief.host}/token` }));
  const liar = await lyingRegistry(
    t,
    (_, answer) => answer(401, { 'www-authenticate': `Bearer realm="http://${tokens.host}/token",service="x"` }),
    { registry },
  );
  await fails(liar.repository('app').tags(), 'insecure');
  assert.equal(thief.requests.length, 0);
});

test('an http token service with a public address gets nothing from a http registry', async (t) => {
  const liar = await lyingRegistry(
    t,
    (_, answer) => answer(401, { 'www-authenticate': 'Bearer realm="http://192.0.2.1/token",service="x"' }),
    { registry },
  );
  await fails(liar.repository('app').tags(), 'insecure');
});

test('an upload that goes on at another host goes there without credentials', async (t) => {
  const other = await lyingRegistry(t, (_, answer) => answer(201));
  const liar = await lyingRegistry(
    t,
    (asked, answer) => {
      if (asksBasic(asked)) answer(401, basic);
      else answer(202, { location: `http://${other.host}/upload/1?state=x` });
    },
    { registry },
  );
  await liar.repository('app').write(target, async (offset) => chunksOf(bytes.subarray(offset)));
  assertNothingSecret(other.requests);
  assert.deepEqual(other.requests.at(-1)?.body, bytes);
});

test('a foreign layer’s host that asks for credentials gets none (CVE-2020-15157)', async (t) => {
  const thief = await lyingRegistry(t, (_, answer) => answer(401, { 'www-authenticate': `Basic realm="microsoft"` }));
  const liar = await lyingRegistry(t, (asked, answer) => (asksBasic(asked) ? answer(401, basic) : answer(404)), { registry });
  const foreign = { ...target, mediaType: mediaTypes.dockerForeignLayerGzip, urls: [`http://me:hunter2@${thief.host}/layer`] };
  await assert.rejects(liar.repository('app').open(foreign), (error: unknown) => {
    assert.ok(isImageError(error, 'unauthorized'));
    assert.doesNotMatch(error.hint ?? '', /[Ll]og in/, 'a login would go to the registry, and change nothing');
    return true;
  });
  assertNothingSecret(thief.requests);
});

test('a foreign layer comes from its url where the registry has none, and resumes there', async (t) => {
  let first = true;
  const publisher = await lyingRegistry(t, ({ headers }, answer, response) => {
    if (first) {
      first = false;
      response.writeHead(200, { 'content-length': String(bytes.length) });
      response.write(bytes.subarray(0, 2000), () => response.destroy());
      return;
    }
    const from = Number(/^bytes=(\d+)-/.exec(headers.range ?? '')?.[1]);
    answer(206, { 'content-range': `bytes ${from}-${bytes.length - 1}/${bytes.length}` }, bytes.subarray(from));
  });
  const liar = await lyingRegistry(t, (asked, answer) => (asksBasic(asked) ? answer(401, basic) : answer(404)), { registry });
  const foreign = {
    ...target,
    mediaType: mediaTypes.dockerForeignLayerGzip,
    urls: ['not a url', 'ftp://x/y', `http://${publisher.host}/layer`],
  };
  assert.deepEqual(await bytesOf(await liar.repository('app').open(foreign)), bytes);
  assertNothingSecret(publisher.requests);
});

test('a referrer’s page elsewhere, and a session elsewhere, are not ours to visit', async (t) => {
  const thief = await lyingRegistry(t, (_, answer) => answer(200, {}, '{"manifests":[]}'));
  const liar = await lyingRegistry(
    t,
    (asked, answer) =>
      asksBasic(asked)
        ? answer(401, basic)
        : answer(
            200,
            { 'content-type': mediaTypes.ociIndex, link: `<http://${thief.host}/>; rel="next"` },
            '{"schemaVersion":2,"manifests":[]}',
          ),
    { registry },
  );
  await fails(liar.repository('app').referrers(target), 'insecure');
  await fails(liar.repository('app').upload(`http://${thief.host}/v2/app/blobs/uploads/1`), 'invalid-argument');
  assert.equal(thief.requests.length, 0);
});

test('a token with a line break in it cannot add headers', async (t) => {
  const liar = await lyingRegistry(t, ({ path }, answer) =>
    path === '/token'
      ? answer(200, {}, JSON.stringify({ token: 'jwt\r\nx-evil: 1' }))
      : answer(401, { 'www-authenticate': `Bearer realm="http://${liar.host}/token"` }),
  );
  await fails(liar.repository('app').tags(), 'protocol');
});

test('a registry that is never content is not asked for ever', async (t) => {
  const liar = await lyingRegistry(
    t,
    ({ path }, answer) => {
      if (path === '/token') answer(200, {}, '{"token":"jwt"}');
      else
        answer(
          401,
          { 'www-authenticate': `Bearer realm="http://${liar.host}/token",error="insufficient_scope"` },
          '{"errors":[{"code":"DENIED","message":"no"}]}',
        );
    },
    { registry },
  );
  await fails(liar.repository('app').resolve('latest'), 'denied');
  assert.ok(liar.requests.length <= 8, String(liar.requests.length));
});

test('a token service that knows no GET gets name and password by POST, and no second time where it refuses them', async (t) => {
  const liar = await lyingRegistry(
    t,
    ({ path, method, body, headers }, answer) => {
      if (path === '/token' && method !== 'POST') return answer(405, { allow: 'POST' });
      const form = new URLSearchParams(body.toString());
      if (path === '/token' && form.get('password') !== 'hunter2') return answer(400, {}, '{"error":"invalid_grant"}');
      if (path === '/token') return answer(200, {}, '{"access_token":"jwt"}');
      if (headers.authorization === 'Bearer jwt') return answer(200, {}, '{"tags":["a"]}');
      return answer(401, { 'www-authenticate': `Bearer realm="http://${liar.host}/token",service="here"` });
    },
    { registry },
  );
  assert.deepEqual(await liar.repository('app').tags(), ['a']);
  const [posted] = liar.requests.filter(({ path, method }) => path === '/token' && method === 'POST');
  assert.deepEqual(Object.fromEntries(new URLSearchParams(posted?.body.toString())), {
    grant_type: 'password',
    service: 'here',
    client_id: 'bayplan',
    scope: 'repository:app:pull',
    username: 'me',
    password: 'hunter2',
  });
  const refusing = await lyingRegistry(
    t,
    ({ path }, answer) =>
      path === '/token' ? answer(401) : answer(401, { 'www-authenticate': `Bearer realm="http://${refusing.host}/token"` }),
    { registry },
  );
  await fails(refusing.repository('app').tags(), 'unauthorized');
  assert.deepEqual(
    refusing.requests.filter(({ path }) => path === '/token').map(({ method }) => method),
    ['GET'],
  );
});

test('https stays https: redirects, token services and uploads in http are refused', { skip: openssl.skip }, async (t) => {
  const folder = temporary(t, 'certificates');
  const { server } = await makeCertificates(folder);
  const plain = await lyingRegistry(t, (_, answer) => answer(200, {}, '{"token":"t"}'));
  const answers: Record<string, [number, Record<string, string>]> = {
    redirect: [307, { location: `http://${plain.host}/blob` }],
    realm: [401, { 'www-authenticate': `Bearer realm="http://${plain.host}/token",service="x"` }],
    upload: [202, { location: `http://${plain.host}/upload` }],
  };
  const liar = await lyingRegistry(
    t,
    ({ path }, answer) => {
      const [status, headers] = answers[path.split('/')[2] ?? ''] ?? [404, {}];
      answer(status, headers);
    },
    { tls: { cert: server.cert, key: server.keyText }, registry: { ...isolated, ...registry, insecureTls: true } },
  );
  await fails(liar.repository('redirect').open(target), 'insecure');
  await fails(liar.repository('realm').tags(), 'insecure');
  await fails(
    liar.repository('upload').write(target, async () => chunksOf(bytes)),
    'insecure',
  );
  assert.equal(plain.requests.length, 0);
});
