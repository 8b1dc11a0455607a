/** A registry that lies, as the user of `bay pull` meets it: one clear line, the right exit code, and a store as it was. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';

import { digestOf } from '../../src/model/digest.ts';
import { mediaTypes } from '../../src/model/media-types.ts';
import { spawnBay } from '../support/bay.ts';
import { makeCertificates, openssl } from '../support/certificates.ts';
import { honest, lyingRegistry, noise, type Lie, type LyingRegistry } from '../support/lying-registry.ts';
import { makeImage, type MadeImage } from '../support/make-image.ts';
import { temporary } from '../support/temporary.ts';
import { homeWithImage } from './cli-home.ts';

/** Answers a request for the layer with a lie, and everything else as it is. */
function lyingOnLayer(t: TestContext, image: MadeImage, lie: Lie): Promise<LyingRegistry> {
  const layer = image.layers[0]?.digest ?? '';
  return lyingRegistry(t, (asked, answer, response) => {
    if (asked.method === 'GET' && asked.path.endsWith(layer)) return lie(asked, answer, response);
    if (!honest(image, asked, answer)) answer(asked.path === '/v2/' ? 200 : 404);
    return undefined;
  });
}

test('content that is not what its digest says is not kept, whichever piece it is', async (t) => {
  const home = await homeWithImage(t);
  const image = await makeImage({ layers: ['a layer'] });
  const layer = image.blobs.get(image.layers[0]?.digest ?? '') ?? Buffer.alloc(0);
  const changed = Buffer.from(layer);
  changed[changed.length - 1] = (changed.at(-1) ?? 0) ^ 1;

  const wrongLayer = await lyingOnLayer(t, image, (_, answer) => answer(200, {}, changed));
  await home.refuses(['pull', `${wrongLayer.host}/app`], {
    says: /^Error: content is sha256:[0-9a-f]{64}, not sha256:/m,
    hint: /damaged or replaced/,
    stdout: /Pulling fs layer/,
  });

  const wrongManifest = await lyingRegistry(t, (asked, answer) => {
    if (asked.path.includes('/manifests/')) {
      const bytes = Buffer.concat([image.blobs.get(image.target.digest) ?? Buffer.alloc(0), Buffer.from('\n')]);
      answer(200, { 'docker-content-digest': image.target.digest, 'content-type': image.target.mediaType }, bytes);
    } else answer(404);
  });
  await home.refuses(['pull', `${wrongManifest.host}/app@${image.target.digest}`], {
    says: /^Error: content is sha256:[0-9a-f]{64}, not sha256:/m,
    stdout: /Pulling/,
  });
  await home.intact();
});

test('a body that is longer than said, or without end, is cut off', async (t) => {
  const home = await homeWithImage(t);
  const image = await makeImage({ layers: ['a layer'] });
  const layer = image.blobs.get(image.layers[0]?.digest ?? '') ?? Buffer.alloc(0);
  const long = await lyingOnLayer(t, image, (_, answer) => answer(200, {}, Buffer.concat([layer, layer])));
  await home.refuses(['pull', `${long.host}/app`], { says: /^Error: .*\d+/m, stdout: /Pulling fs layer/ });
  let sent = 0;
  const endless = await lyingOnLayer(t, image, (_, _answer, response) => {
    response.writeHead(200);
    const more = (): void => {
      while (!response.destroyed && response.write(Buffer.alloc(65_536))) sent += 65_536;
    };
    response.on('drain', more);
    more();
  });
  await home.refuses(['pull', `${endless.host}/app`], { says: /^Error: /m, stdout: /Pulling fs layer/ });
  assert.ok(sent < 64 * 1024 * 1024, `${sent} bytes were taken of a layer of ${layer.length}`);
  await home.intact();
});

test('a manifest of any size, an image that is an index too, redirects without end', async (t) => {
  const home = await homeWithImage(t);
  const image = await makeImage();
  const answers: Record<string, Lie> = {
    huge: (_, answer) => answer(200, { 'content-type': mediaTypes.ociManifest }, Buffer.alloc(40 * 1024 * 1024, ' ')),
    both: (_, answer) => {
      const own = JSON.parse(image.blobs.get(image.target.digest)?.toString() ?? '') as object;
      answer(200, { 'content-type': mediaTypes.ociManifest }, JSON.stringify({ ...own, manifests: [image.target] }));
    },
    circle: ({ url }, answer) => answer(307, { location: url }),
    nothing: (_, answer) => answer(200, { 'content-type': mediaTypes.ociManifest }, ''),
    html: (_, answer) => answer(200, { 'content-type': 'text/html' }, '<html>Log in</html>'),
  };
  const liar = await lyingRegistry(t, (asked, answer, response) => {
    const name = /^\/v2\/(\w+)\/manifests\//.exec(asked.path)?.[1] ?? '';
    const lie = answers[name];
    return lie ? lie(asked, answer, response) : answer(404);
  });
  const pulling = { stdout: /^Using default tag: latest\nlatest: Pulling from \w+\n$/ };
  await home.refuses(['pull', `${liar.host}/huge`], { says: /^Error: .*(large|more than|limit|bytes)/m, ...pulling });
  await home.refuses(['pull', `${liar.host}/both`], { says: /^Error: .*(both|ambiguous|manifests)/m, ...pulling });
  await home.refuses(['pull', `${liar.host}/circle`], { says: /^Error: .*redirect/m, ...pulling });
  await home.refuses(['pull', `${liar.host}/nothing`], { says: /^Error: /m, ...pulling });
  await home.refuses(['pull', `${liar.host}/html`], { says: /^Error: /m, ...pulling });
  await home.intact();
});

test('https does not become http, nor a certificate of nobody’s a good one', { skip: openssl.skip }, async (t) => {
  const home = await homeWithImage(t);
  const { authority, server } = await makeCertificates(temporary(t, 'certificates'));
  const image = await makeImage();
  const plain = await lyingRegistry(t, (asked, answer) => void honest(image, asked, answer));
  const secure = await lyingRegistry(t, ({ url }, answer) => answer(307, { location: `http://${plain.host}${url}` }), {
    tls: { cert: server.cert, key: server.keyText },
  });
  // Loopback may be plain http by itself: a name of its own says that this registry is not.
  const settings = join(home.folder, 'registries.conf');
  writeFileSync(settings, `[[registry]]\nprefix = "secure.example"\nlocation = "localhost:${secure.port}"\n`);
  const env = { CONTAINERS_REGISTRIES_CONF: settings };
  const pull = ['pull', 'secure.example/app'];
  await home.refuses(pull, { says: /^Error: .*certificate/m, stdout: /Pulling/, hint: /./ }, { env });
  const trusting = { ...env, NODE_EXTRA_CA_CERTS: authority.certificate };
  await home.refuses(pull, { says: /^Error: .*http/m, stdout: /Pulling/ }, { env: trusting });
  assert.deepEqual(plain.requests, [], 'and the place it was sent to was not asked');
  await home.intact();
});

test('Ctrl-C in the middle of a pull keeps what has come, and the next pull asks for the rest', async (t) => {
  const home = await homeWithImage(t);
  const bytes = noise(3_000_000);
  const image = await makeImage({ layers: [bytes.toString('base64')], compression: 'none' });
  const layer = image.layers[0];
  assert.ok(layer);
  const whole = image.blobs.get(layer.digest) ?? Buffer.alloc(0);
  const half = Math.floor(whole.length / 2);
  let stalls = true;
  let reached: () => void = () => {};
  const atHalf = new Promise<void>((resolve) => (reached = resolve));
  const registry = await lyingRegistry(t, (asked, answer, response) => {
    if (stalls && asked.method === 'GET' && asked.path.endsWith(layer.digest)) {
      response.writeHead(200, { 'content-length': String(whole.length) });
      response.write(whole.subarray(0, half), () => reached());
      return;
    }
    if (!honest(image, asked, answer)) answer(asked.path === '/v2/' ? 200 : 404);
  });
  const child = spawnBay(['pull', `${registry.host}/app`], { home: home.home });
  let stderr = '';
  child.stderr?.on('data', (part: Buffer) => (stderr += part.toString()));
  child.stdout?.resume();
  const ended = once(child, 'close') as Promise<[number | null]>;
  await atHalf;
  await wait(300); // the last bytes are on their way through the child
  child.kill('SIGINT');
  const [code] = await ended;
  assert.equal(code, 130);
  assert.equal(stderr, 'Error: canceled\n');
  await home.intact();

  stalls = false;
  const before = registry.requests.length;
  await home.succeeds(['pull', '-q', `${registry.host}/app`]);
  const ranges = registry.requests.slice(before).filter(({ method, path }) => method === 'GET' && path.endsWith(layer.digest));
  assert.equal(ranges.length, 1);
  const from = Number(/^bytes=(\d+)-/.exec(ranges[0]?.headers.range ?? '')?.[1] ?? 0);
  assert.ok(from > 0 && from <= half, `the second run asked from byte ${from} of ${whole.length}`);
  assert.equal(digestOf(whole), layer.digest);
  assert.match(await home.succeeds(['images', '-q', `${registry.host}/app`]), /^[0-9a-f]{12}\n$/);
});

test('a pull that is killed leaves a store in order, and the next one goes on', async (t) => {
  const home = await homeWithImage(t);
  const image = await makeImage({ layers: [noise(2_000_000).toString('base64'), 'two', 'three'], compression: 'none' });
  let asked = 0;
  const registry = await lyingRegistry(t, (request, answer, response) => {
    if (request.method === 'GET' && request.path.endsWith(image.layers[0]?.digest ?? '') && asked++ < 2) {
      const whole = image.blobs.get(image.layers[0]?.digest ?? '') ?? Buffer.alloc(0);
      response.writeHead(200, { 'content-length': String(whole.length) });
      response.write(whole.subarray(0, whole.length - 1000));
    } else if (!honest(image, request, answer)) answer(request.path === '/v2/' ? 200 : 404);
  });
  for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
    const before = asked;
    const child = spawnBay(['pull', `${registry.host}/app`], { home: home.home });
    child.stdout?.resume();
    const ended = once(child, 'close') as Promise<[number | null, string | null]>;
    while (asked === before) await wait(10);
    await wait(200);
    child.kill(signal);
    const [code, by] = await ended;
    assert.deepEqual([code, by], signal === 'SIGKILL' ? [null, 'SIGKILL'] : [143, null]);
    await home.intact();
    asked = signal === 'SIGKILL' ? 1 : 2;
  }
  await home.succeeds(['pull', '-q', `${registry.host}/app`]);
});
