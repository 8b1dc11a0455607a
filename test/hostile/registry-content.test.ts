/** A registry that lies about what it serves: each lie is a clear error, bounded in bytes and time, and nothing wrong gets through. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';

import { ImageError, type ErrorCode } from '../../src/errors.ts';
import { verified } from '../../src/io/verified.ts';
import { digestOf } from '../../src/model/digest.ts';
import { maxManifestBytes } from '../../src/model/manifest.ts';
import { mediaTypes } from '../../src/model/media-types.ts';
import { blobOf, honest, lyingRegistry, noise } from '../support/lying-registry.ts';
import { bytesOf, makeImage } from '../support/make-image.ts';

function fails(promise: Promise<unknown>, code: ErrorCode, message?: RegExp): Promise<void> {
  return assert.rejects(promise, (error: unknown) => {
    assert.ok(error instanceof ImageError, String(error));
    assert.equal(error.code, code, error.message);
    if (message) assert.match(error.message, message);
    return true;
  });
}

const manifest = Buffer.from('{"schemaVersion":2,"config":{},"layers":[]}');
const type = { 'content-type': mediaTypes.ociManifest };

test('a manifest with another digest than was asked for, or than its header says', async (t) => {
  const other = digestOf(Buffer.from('other'));
  const liar = await lyingRegistry(t, ({ method }, answer) =>
    method === 'HEAD' ? answer(200, { 'content-length': '9' }) : answer(200, { ...type, 'docker-content-digest': other }, manifest),
  );
  await fails(liar.repository('app').resolve('latest'), 'digest-mismatch');
  await fails(liar.repository('app').resolve(digestOf(Buffer.from('third'))), 'digest-mismatch');
});

test('a HEAD that names another digest than it was asked for', async (t) => {
  const liar = await lyingRegistry(t, (_, answer) =>
    answer(200, { ...type, 'docker-content-digest': digestOf(manifest), 'content-length': '43' }),
  );
  await fails(liar.repository('app').resolve(digestOf(Buffer.from('other'))), 'digest-mismatch');
});

test('digests and lengths in headers that are no such things are not believed', async (t) => {
  const image = await makeImage();
  const bytes = image.blobs.get(image.target.digest) ?? Buffer.alloc(0);
  const headers = {
    'content-type': image.target.mediaType,
    'docker-content-digest': 'sha256:../../../etc/passwd',
    'content-length': String(bytes.length),
  };
  const liar = await lyingRegistry(t, (_, answer) => answer(200, headers, bytes));
  const { mediaType, digest, size } = image.target;
  assert.deepEqual(await liar.repository('app').resolve('latest'), { mediaType, digest, size });
});

test('a blob of another size, said or not', async (t) => {
  const bytes = noise(1000);
  const said = await lyingRegistry(t, (_, answer) => answer(200, { 'content-length': '1200' }, noise(1200)));
  await fails(said.repository('app').open(blobOf(bytes)), 'size-mismatch');
  const unsaid = await lyingRegistry(t, (_, answer) => answer(200, { 'transfer-encoding': 'chunked' }, noise(1200)));
  await fails(bytesOf(await unsaid.repository('app').open(blobOf(bytes))), 'size-mismatch');
  const range = await lyingRegistry(t, (_, answer) => answer(206, { 'content-range': 'bytes 10-999/1200' }, bytes.subarray(10)));
  await fails(range.repository('app').open(blobOf(bytes), { offset: 10 }), 'size-mismatch');
});

test('a blob of the right size and other bytes is stopped by whoever keeps it', async (t) => {
  const liar = await lyingRegistry(t, (_, answer) => answer(200, {}, noise(1000, 2)));
  const target = blobOf(noise(1000));
  await fails(bytesOf(verified(await liar.repository('app').open(target), target)), 'digest-mismatch');
});

test('a body without end is cut after the size that was announced', async (t) => {
  let sent = 0;
  const liar = await lyingRegistry(t, ({ method }, answer, response) => {
    if (method === 'HEAD') return answer(404);
    response.on('error', () => {});
    response.writeHead(200);
    const chunk = noise(65536);
    const more = (): void => {
      while (!response.destroyed) {
        sent += chunk.length;
        if (!response.write(chunk)) break;
      }
    };
    response.on('drain', more);
    more();
  });
  await fails(bytesOf(await liar.repository('app').open(blobOf(noise(100_000)))), 'size-mismatch');
  await fails(liar.repository('app').resolve('latest'), 'too-large');
  assert.ok(sent < 64 * 1024 * 1024, `${sent} bytes were taken`);
});

test('a manifest of five megabytes, said or not, is refused before it is read', async (t) => {
  const said = await lyingRegistry(t, (_, answer) =>
    answer(200, { ...type, 'content-length': String(maxManifestBytes + 1) }, Buffer.alloc(maxManifestBytes + 1, 32)),
  );
  await fails(said.repository('app').resolve('latest'), 'too-large');
  const unsaid = await lyingRegistry(t, (_, answer) =>
    answer(200, { ...type, 'transfer-encoding': 'chunked' }, Buffer.alloc(maxManifestBytes + 1, 32)),
  );
  await fails(unsaid.repository('app').resolve('latest'), 'too-large');
});

test('a document that is an image and an index at once (CVE-2021-41190)', async (t) => {
  const both = { schemaVersion: 2, config: blobOf(noise(2)), layers: [], manifests: [] };
  const liar = await lyingRegistry(t, (_, answer) => answer(200, type, JSON.stringify(both)));
  await fails(liar.repository('app').resolve('latest'), 'invalid-content', /both/);
  const other = await lyingRegistry(t, (_, answer) =>
    answer(200, type, JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: [] })),
  );
  await fails(other.repository('app').resolve('latest'), 'invalid-content');
});

test('the schema of 2014 is refused by its name', async (t) => {
  const liar = await lyingRegistry(t, (_, answer) =>
    answer(200, { 'content-type': mediaTypes.dockerSchema1Signed }, '{"schemaVersion":1,"fsLayers":[]}'),
  );
  await fails(liar.repository('app').resolve('latest'), 'invalid-content', /schema version 1/);
});

test('an answer that is no JSON, no list, or lists something else than names', async (t) => {
  const answers = ['<html>', '[]', '{"tags":"a"}', '{"tags":[1]}'];
  const liar = await lyingRegistry(t, ({ query }, answer) => answer(200, {}, answers[Number(query.get('n'))]));
  for (const limit of answers.keys()) await fails(liar.repository('app').tags({ limit }), 'protocol');
});

test('a list that goes on at another host, in a circle, or for ever', async (t) => {
  const elsewhere = await lyingRegistry(t, (_, answer) =>
    answer(200, { link: '<http://evil.example/v2/app/tags/list>; rel="next"' }, '{"tags":["a"]}'),
  );
  await fails(elsewhere.repository('app').tags(), 'insecure', /evil\.example/);
  assert.equal(elsewhere.requests.length, 1);
  const circle = await lyingRegistry(t, (_, answer) => answer(200, { link: '</v2/app/tags/list>; rel="next"' }, '{"tags":["a"]}'));
  await fails(circle.repository('app').tags(), 'protocol', /without end/);
  assert.equal(circle.requests.length, 1);
});

test('an error’s text is one line, without control characters, and bounded', async (t) => {
  const message = `\u001b[2Jevil\r\n\u202e${'x'.repeat(100_000)}`;
  const liar = await lyingRegistry(t, (_, answer) => answer(400, {}, JSON.stringify({ errors: [{ code: 'UNKNOWN', message }] })));
  await assert.rejects(liar.repository('app').tags(), (error: Error) => {
    assert.ok(error.message.length < 700);
    assert.doesNotMatch(error.message, /[\u0000-\u001f\u202e]/);
    return true;
  });
});

test('an endless error is read to its bound', async (t) => {
  const liar = await lyingRegistry(t, (_, __, response) => {
    response.on('error', () => {});
    response.writeHead(400);
    const more = (): void => {
      while (!response.destroyed && response.write(Buffer.alloc(65536, 120)));
    };
    response.on('drain', more);
    more();
  });
  await fails(liar.repository('app').tags(), 'protocol');
});

test('what is not HTTP at all, and headers that are too long', async (t) => {
  const noise1 = await lyingRegistry(t, (_, __, response) => void response.socket?.end('SSH-2.0-OpenSSH_9\r\n'));
  await fails(noise1.repository('app').tags(), 'protocol', /not HTTP/);
  const long = await lyingRegistry(t, (_, answer) => answer(200, { 'x-long': 'x'.repeat(100_000) }, '{}'));
  await fails(long.repository('app').tags(), 'protocol');
});

test('docker’s sentences for what is not there and what is not allowed', async (t) => {
  const problem = (code: string, message: string) => JSON.stringify({ errors: [{ code, message }] });
  const liar = await lyingRegistry(t, ({ path }, answer) => {
    if (path.includes('/secret/'))
      answer(401, { 'www-authenticate': 'Basic realm="x"' }, problem('UNAUTHORIZED', 'authentication required'));
    else if (path.includes('/forbidden/')) answer(403, {}, problem('DENIED', 'requested access to the resource is denied'));
    else if (path.includes('/nowhere/')) answer(404, {}, problem('NAME_UNKNOWN', 'repository name not known to registry'));
    else answer(404, {}, problem('MANIFEST_UNKNOWN', 'manifest unknown'));
  });
  const name = (repository: string) => `${liar.host}/${repository}`;
  const texts: [string, ErrorCode, string][] = [
    ['app', 'manifest-unknown', `manifest for ${name('app')}:nope not found: manifest unknown: manifest unknown`],
    ['nowhere', 'not-found', `repository ${name('nowhere')} not found: name unknown: repository name not known to registry`],
    [
      'secret',
      'denied',
      `pull access denied for ${name('secret')}, repository does not exist or may require 'docker login': unauthorized: authentication required`,
    ],
    [
      'forbidden',
      'denied',
      `pull access denied for ${name('forbidden')}, repository does not exist or may require 'docker login': denied: requested access to the resource is denied`,
    ],
  ];
  for (const [repository, code, text] of texts)
    await assert.rejects(liar.repository(repository).resolve('nope'), (error: ImageError) => {
      assert.deepEqual([error.code, error.message], [code, text]);
      return true;
    });
});

test('an honest answer passes all of this', async (t) => {
  const image = await makeImage();
  const registry = await lyingRegistry(t, (asked, answer) => {
    if (!honest(image, asked, answer)) answer(404);
  });
  const repository = registry.repository('app');
  assert.equal((await repository.resolve('latest')).digest, image.target.digest);
  for (const layer of image.layers) assert.deepEqual(await bytesOf(await repository.open(layer)), image.blobs.get(layer.digest));
});

test('what is packed for the way although nobody asked for that is unpacked, and a layer that is only called packed is left', async (t) => {
  const image = await makeImage();
  const [layer] = image.layers;
  assert.ok(layer);
  const registry = await lyingRegistry(t, (asked, answer) => {
    const pack: typeof answer = (status, headers, body = '') => {
      const asItIs = asked.path.endsWith(`/app/blobs/${layer.digest}`);
      const sent = asItIs ? Buffer.from(body) : gzipSync(body);
      answer(status, { ...headers, 'content-encoding': 'gzip', 'content-length': String(sent.length) }, sent);
    };
    if (asked.path.endsWith('/tags/list')) pack(200, {}, '{"name":"app","tags":["latest"]}');
    else if (!honest(image, asked, pack)) answer(404);
  });
  const repository = registry.repository('app');
  assert.deepEqual(await repository.tags(), ['latest']);
  const { mediaType, digest, size } = image.target;
  assert.deepEqual(await repository.resolve('latest'), { mediaType, digest, size });
  for (const target of [image.target, ...image.layers]) {
    assert.equal(await repository.has(target), true);
    assert.deepEqual(await bytesOf(await repository.open(target)), image.blobs.get(target.digest));
  }
});

test('what is packed and large, and so read past the parser, is unpacked to its end', async (t) => {
  const bytes = noise(1_500_000);
  const sent = gzipSync(bytes);
  const registry = await lyingRegistry(t, (_, answer) =>
    answer(200, { 'content-encoding': 'gzip', 'content-length': String(sent.length) }, sent),
  );
  assert.deepEqual(await bytesOf(await registry.repository('app').open(blobOf(bytes))), bytes);
});

test('what is packed and has more in it than can be, or breaks off, ends with its error', async (t) => {
  const bytes = noise(100_000);
  const target = blobOf(bytes);
  const bomb = gzipSync(Buffer.alloc(50_000_000));
  const cut = gzipSync(bytes).subarray(0, 50_000);
  const registry = await lyingRegistry(t, ({ path }, answer) =>
    answer(200, { 'content-encoding': 'gzip' }, path.includes('cut') ? cut : bomb),
  );
  await fails(registry.repository('bomb').open(target).then(bytesOf), 'size-mismatch');
  await fails(registry.repository('bomb').tags(), 'too-large');
  await fails(registry.repository('cut').open(target).then(bytesOf), 'unavailable', /broke off/);
});
