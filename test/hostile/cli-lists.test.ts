/** What a registry that lies can do to who only asks it: lists, manifests and logins end, soon and in one line, and a terminal is shown no orders. */
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { digestOf } from '../../src/model/digest.ts';
import { mediaTypes } from '../../src/model/media-types.ts';
import { lyingRegistry } from '../support/lying-registry.ts';
import { bay } from '../support/bay.ts';
import { temporary } from '../support/temporary.ts';
import { homeWithImage } from './cli-home.ts';

test('names and documents that hold orders to a terminal', async (t) => {
  const home = await homeWithImage(t);
  const orders = '\u001b]0;title\u0007\u009b2J\u202e';
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: mediaTypes.ociManifest,
      config: { mediaType: 'application/x', digest: digestOf(Buffer.from('{}')), size: 2 },
      layers: [],
      annotations: { orders },
    }),
  );
  const liar = await lyingRegistry(t, ({ path }, answer) => {
    if (path.includes('/manifests/')) return answer(200, { 'content-type': mediaTypes.ociManifest }, manifest);
    return answer(200, {}, JSON.stringify({ tags: ['good', orders], repositories: ['good', orders] }));
  });
  await home.refuses(['tags', `${liar.host}/app`], { says: /^Error: .*no list of names$/m, hint: /address/ });
  await home.refuses(['catalog', liar.host], { says: /^Error: .*no list of names$/m, hint: /address/ });
  for (const flags of [[], ['--json'], ['--verbose']]) {
    const shown = await home.succeeds(['manifest', 'inspect', ...flags, `${liar.host}/app`]);
    assert.doesNotMatch(shown, /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e]/);
    assert.ok(shown.includes('\\u009b2J\\u202e'), 'the document says the same');
    JSON.parse(shown);
  }
});

test('an index that names the same manifests over and over is not shown for ever', async (t) => {
  const documents = new Map<string, Buffer>();
  const index = (manifests: readonly object[]) => {
    const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests }));
    documents.set(digestOf(bytes), bytes);
    return { mediaType: mediaTypes.ociIndex, digest: digestOf(bytes), size: bytes.length };
  };
  let wide = index([]);
  for (let level = 0; level < 8; level++) wide = index(Array.from({ length: 10 }, () => wide));
  let deep = index([]);
  for (let level = 0; level < 20; level++) deep = index([deep]);
  const liar = await lyingRegistry(t, ({ path }, answer) => {
    const last = path.slice(path.lastIndexOf('/') + 1);
    const bytes = documents.get(last === 'wide' ? wide.digest : last === 'deep' ? deep.digest : last);
    if (bytes) answer(200, { 'content-type': mediaTypes.ociIndex, 'docker-content-digest': digestOf(bytes) }, bytes);
    else answer(404);
  });
  const options = { home: temporary(t, 'home'), timeout: 60_000 };
  for (const [tag, says] of [
    ['wide', /^Error: .* has more than \d+ manifests$/m],
    ['deep', /^Error: .* nested more than \d+ deep$/m],
  ] as const) {
    const ended = await bay(['manifest', 'inspect', '-v', `${liar.host}/app:${tag}`], options);
    assert.equal(ended.code, 1, ended.stderr);
    assert.match(ended.stderr, says);
    assert.equal(ended.stdout, '');
  }
  assert.ok(liar.requests.length < 6000, `${liar.requests.length} requests`);
});

test('being sent elsewhere, and no catalog, are explained', async (t) => {
  const home = await homeWithImage(t);
  const liar = await lyingRegistry(t, ({ path }, answer) => {
    if (path.endsWith('/tags/list')) return answer(200, { link: '<https://evil.example/x>; rel="next"' }, '{"tags":["a"]}');
    return path === '/v2/' ? answer(302, { location: 'https://evil.example/v2/' }) : answer(404);
  });
  await home.refuses(['tags', `${liar.host}/app`], { says: /^Error: .*evil\.example$/m, hint: /No credentials were sent/ });
  await home.refuses(
    ['login', '-u', 'me', '--password-stdin', liar.host],
    { says: /^Error: .*evil\.example/m, hint: /No credentials were sent/ },
    { input: 'secret\n' },
  );
  await home.refuses(['catalog', liar.host], { says: /^Error: .*does not list its repositories/m, hint: /bay tags/ });
});

test('what an error quotes gives no orders to a terminal either', async (t) => {
  const home = await homeWithImage(t);
  const entry = {
    mediaType: mediaTypes.ociManifest,
    digest: digestOf(Buffer.from('a')),
    size: 1,
    platform: { os: 'plan9\u001b]0;title\u0007', architecture: 'x\u202e' },
  };
  const index = JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: [entry] });
  const liar = await lyingRegistry(t, (_, answer) => answer(200, { 'content-type': mediaTypes.ociIndex }, index));
  const ended = await home.refuses(['pull', `${liar.host}/app`], {
    says: /^Error: no matching manifest/m,
    hint: /plan9/,
    stdout: /Pulling/,
  });
  assert.doesNotMatch(ended.stderr, /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e]/);
});
