/** A network and a registry that fail in the middle: what can be taken up is, what cannot ends in time, and nothing runs on. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, request as httpRequest } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';

import { ImageError, type ErrorCode } from '../../src/errors.ts';
import type { Progress } from '../../src/io/operation.ts';
import { mediaTypes } from '../../src/model/media-types.ts';
import { openRegistries } from '../../src/remote/registries.ts';
import { makeCertificates, openssl } from '../support/certificates.ts';
import { blobOf, honest, isolated, lyingRegistry, noise, type LyingRegistry } from '../support/lying-registry.ts';
import { bytesOf, chunksOf, makeImage } from '../support/make-image.ts';
import { temporary } from '../support/temporary.ts';

function fails(promise: Promise<unknown>, code: ErrorCode, message?: RegExp): Promise<void> {
  return assert.rejects(promise, (error: unknown) => {
    assert.ok(error instanceof ImageError, String(error));
    assert.equal(error.code, code, error.message);
    if (message) assert.match(error.message, message);
    return true;
  });
}

const bytes = noise(300_000);
const target = blobOf(bytes);
const quick = { ...isolated, timeouts: { connect: 2000, headers: 150, idle: 150 } };

/** Breaks the connection after so many bytes of the body. */
function breaking(t: TestContext, after: number, ranges: boolean): Promise<LyingRegistry> {
  return lyingRegistry(t, ({ headers }, answer, response) => {
    const from = ranges ? Number(/^bytes=(\d+)-/.exec(headers.range ?? '')?.[1] ?? 0) : 0;
    const last = bytes.length - 1;
    if (from > 0)
      response.writeHead(206, { 'content-range': `bytes ${from}-${last}/${bytes.length}`, 'content-length': String(bytes.length - from) });
    else response.writeHead(200, { 'content-length': String(bytes.length) });
    response.write(bytes.subarray(from, from + after), () => {
      if (from + after < bytes.length) response.destroy();
      else response.end();
    });
    void answer;
  });
}

test('a blob that breaks off is taken up where it broke', async (t) => {
  const liar = await breaking(t, 120_000, true);
  const events: Progress[] = [];
  const body = await liar.repository('app').open(target, { onProgress: (event) => events.push(event) });
  assert.deepEqual(await bytesOf(body), bytes);
  assert.deepEqual(
    liar.requests.map(({ headers }) => headers.range),
    [undefined, `bytes=120000-${bytes.length - 1}`, `bytes=240000-${bytes.length - 1}`],
  );
  assert.deepEqual(
    events.map(({ state, delay }) => [state, typeof delay]),
    [
      ['retrying', 'number'],
      ['retrying', 'number'],
    ],
  );
});

test('where ranges are ignored, what is there already is passed over', async (t) => {
  let after = 100_000;
  const liar = await lyingRegistry(t, (_, __, response) => {
    response.writeHead(200, { 'content-length': String(bytes.length) });
    after += 100_000;
    response.write(bytes.subarray(0, after), () => (after < bytes.length ? response.destroy() : response.end()));
  });
  assert.deepEqual(await bytesOf(await liar.repository('app').open(target)), bytes);
  assert.deepEqual(await bytesOf(await liar.repository('app').open(target, { offset: 299_000 })), bytes.subarray(299_000));
  assert.deepEqual(await bytesOf(await liar.repository('app').open(target, { offset: 10, length: 5 })), bytes.subarray(10, 15));
});

test('another range than was asked for is not put in its place', async (t) => {
  const liar = await lyingRegistry(t, (_, answer) =>
    answer(206, { 'content-range': `bytes 0-99/${bytes.length}` }, bytes.subarray(0, 100)),
  );
  await fails(liar.repository('app').open(target, { offset: 50 }), 'protocol');
});

test('a body that always breaks at the same byte ends with its error', async (t) => {
  const liar = await breaking(t, 0, true);
  await fails(liar.repository('app').open(target).then(bytesOf), 'unavailable', /broke off/);
  assert.equal(liar.requests.length, 3);
});

test('a body that stalls, or drips, is taken up elsewhere or ends', async (t) => {
  for (const drip of [false, true]) {
    let first = true;
    const liar = await lyingRegistry(
      t,
      ({ headers }, answer, response) => {
        if (headers.range !== undefined) {
          const from = Number(/^bytes=(\d+)-/.exec(headers.range)?.[1]);
          return answer(206, { 'content-range': `bytes ${from}-${bytes.length - 1}/${bytes.length}` }, bytes.subarray(from));
        }
        assert.ok(first);
        first = false;
        response.writeHead(200, { 'content-length': String(bytes.length) });
        response.write(bytes.subarray(0, 50_000));
        let at = 50_000;
        const timer = drip ? setInterval(() => response.write(bytes.subarray(at, ++at)), 20) : undefined;
        response.once('close', () => clearInterval(timer));
        return undefined;
      },
      { registry: { timeouts: quick.timeouts } },
    );
    assert.deepEqual(await bytesOf(await liar.repository('app').open(target)), bytes);
    assert.equal(liar.requests.length, 2);
  }
});

test('a document that drips, however steadily, ends', async (t) => {
  const liar = await lyingRegistry(
    t,
    ({ method }, answer, response) => {
      if (method === 'HEAD') return answer(405);
      response.writeHead(200, { 'content-type': mediaTypes.ociManifest });
      const timer = setInterval(() => response.write(Buffer.alloc(2000, ' ')), 20);
      response.once('close', () => clearInterval(timer));
      return undefined;
    },
    { registry: { timeouts: { idle: 100 }, retry: { tries: 1 } } },
  );
  await fails(liar.repository('app').tags(), 'unavailable', /too slowly/);
  await fails(liar.repository('app').resolve('latest'), 'unavailable', /too slowly/);
  const document = { ...target, mediaType: mediaTypes.ociManifest, size: 4_000_000 };
  await fails(liar.repository('app').open(document).then(bytesOf), 'unavailable', /too slowly/);
});

test('time that the reader takes is no stall', async (t) => {
  const big = noise(3_000_000);
  const liar = await lyingRegistry(t, (_, answer) => answer(200, { 'content-length': String(big.length) }, big), {
    registry: { timeouts: quick.timeouts },
  });
  const chunks: Buffer[] = [];
  for await (const chunk of await liar.repository('app').open(blobOf(big))) {
    if (chunks.length === 2) await new Promise((resolve) => setTimeout(resolve, 500));
    chunks.push(chunk as Buffer);
  }
  assert.ok(Buffer.concat(chunks).equals(big));
  assert.equal(liar.requests.length, 1);
});

test('headers that never end, or never come, end the request', async (t) => {
  const server = createServer();
  server.on('connection', (socket) => {
    socket.on('error', () => {});
    socket.write('HTTP/1.1 200 OK\r\n');
    const timer = setInterval(() => socket.write('x-a: b\r\n'), 20);
    socket.once('close', () => clearInterval(timer));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const registries = openRegistries({ ...quick, plainHttp: true });
  t.after(() => {
    registries.close();
    server.closeAllConnections();
    server.close();
  });
  const start = performance.now();
  await fails(registries.repository({ registry: host, repository: 'app' }).tags(), 'unavailable', /no answer/);
  assert.ok(performance.now() - start < 2000);
});

test('429 is waited out as long as it asks, if that is not long', async (t) => {
  let asked = 0;
  const waits: number[] = [];
  const liar = await lyingRegistry(t, (_, answer) =>
    ++asked < 3 ? answer(429, { 'retry-after': '0.2' }) : answer(200, { 'content-length': String(bytes.length) }, bytes),
  );
  const body = await liar.repository('app').open(target, { onProgress: ({ delay }) => waits.push(delay ?? 0) });
  assert.deepEqual(await bytesOf(body), bytes);
  assert.deepEqual(waits, [200, 200]);
});

test('429 for an hour is an error at once, with what the registry says of its limit', async (t) => {
  const problem = '{"errors":[{"code":"TOOMANYREQUESTS","message":"You have reached your pull rate limit."}]}';
  const liar = await lyingRegistry(t, (_, answer) =>
    answer(429, { 'retry-after': '3600', 'ratelimit-limit': '100;w=21600', 'ratelimit-remaining': '0;w=21600' }, problem),
  );
  await assert.rejects(liar.repository('app').tags(), (error: ImageError) => {
    assert.equal(error.code, 'too-many-requests');
    assert.match(error.message, /toomanyrequests: You have reached your pull rate limit\./);
    assert.match(error.hint ?? '', /3600 s/);
    assert.equal(error.detail['retryAfter'], 3600);
    return true;
  });
  assert.equal(liar.requests.length, 1);
  assert.deepEqual(liar.registries.rateLimit(liar.host), { limit: 100, remaining: 0, window: 21600 });
});

test('a registry’s warnings reach the user, each once', async (t) => {
  const liar = await lyingRegistry(t, (_, answer) =>
    answer(200, { warning: '299 - "old \\"tags\\" go away", 199 - "not for us"' }, '{"tags":[]}'),
  );
  await liar.repository('app').tags();
  await liar.repository('app').tags();
  assert.deepEqual(liar.warnings, [`${liar.host}: old "tags" go away`]);
});

test('redirects in a circle end', async (t) => {
  const liar = await lyingRegistry(t, ({ url }, answer) => answer(307, { location: `${url}x` }));
  await fails(liar.repository('app').tags(), 'protocol', /redirects more than 10 times/);
  assert.equal(liar.requests.length, 11);
  const odd = await lyingRegistry(t, (_, answer) => answer(307, { location: 'file:///etc/passwd' }));
  await fails(odd.repository('app').tags(), 'protocol');
});

test('a canceled read ends at once, and its connection with it', async (t) => {
  let closed: Promise<unknown> | undefined;
  const liar = await lyingRegistry(t, (_, __, response) => {
    closed = once(response, 'close');
    response.writeHead(200, { 'content-length': String(bytes.length) });
    response.write(bytes.subarray(0, 1000));
  });
  const controller = new AbortController();
  const body = await liar.repository('app').open(target, { signal: controller.signal });
  const reading = bytesOf(body);
  setTimeout(() => controller.abort(), 30);
  await fails(reading, 'canceled');
  await closed;
  await fails(liar.repository('app').tags({}, { signal: controller.signal }), 'canceled');
});

test('a read that nobody finishes leaves no connection behind', async (t) => {
  let closed: Promise<unknown> | undefined;
  const liar = await lyingRegistry(t, (_, __, response) => {
    closed = once(response, 'close');
    response.writeHead(200, { 'content-length': String(bytes.length) });
    response.write(bytes.subarray(0, 1000));
  });
  (await liar.repository('app').open(target)).destroy();
  await closed;
});

test('mirrors are asked in their order; what goes wrong there costs nothing but a try', async (t) => {
  const image = await makeImage();
  const honestly = (name: string) =>
    lyingRegistry(t, (asked, answer) => {
      if (!honest(image, { ...asked, path: asked.path.replace(name, '/v2/app') }, answer)) answer(404);
    });
  const broken = await lyingRegistry(t, (_, answer) => answer(500));
  const empty = await lyingRegistry(t, (_, answer) => answer(404));
  const wrong = await lyingRegistry(t, (_, answer) => answer(200, { 'docker-content-digest': blobOf(noise(5)).digest }, 'x'));
  const good = await honestly('/v2/hub/app');
  const origin = await honestly('/v2/app');
  const conf = join(temporary(t, 'mirrors'), 'registries.conf');
  const mirror = (location: string) => `[[registry.mirror]]\nlocation = "${location}"\ninsecure = true\n`;
  writeFileSync(
    conf,
    `[[registry]]\nlocation = "${origin.host}"\n${[`127.0.0.1:1`, broken.host, empty.host, wrong.host, `${good.host}/hub`].map(mirror).join('')}`,
  );
  const registries = openRegistries({ ...isolated, registriesConf: conf });
  t.after(() => registries.close());
  const repository = registries.repository({ registry: origin.host, repository: 'app' });
  assert.equal((await repository.resolve(image.target.digest)).digest, image.target.digest);
  const [layer] = image.layers;
  assert.ok(layer);
  assert.deepEqual(await bytesOf(await repository.open(layer)), image.blobs.get(layer.digest));
  assert.equal(origin.requests.length, 0);
  for (const tried of [broken, empty, wrong, good]) assert.ok(tried.requests.length > 0);

  // What no mirror has is the registry's to answer, and writing is never the mirrors'.
  const before = good.requests.length;
  await fails(repository.resolve('sha256:'.padEnd(71, '0')), 'manifest-unknown');
  assert.ok(origin.requests.length > 0);
  assert.ok(good.requests.length > before);
  await repository.has(layer);
  assert.equal(origin.requests.at(-1)?.method, 'HEAD');
});

test('hosts.toml names mirrors too, with headers of their own and the registry they stand for', async (t) => {
  const image = await makeImage();
  const mirror = await lyingRegistry(t, (asked, answer) => {
    if (!honest(image, asked, answer)) answer(404);
  });
  const folder = temporary(t, 'certs');
  mkdirSync(join(folder, 'registry.invalid'));
  writeFileSync(
    join(folder, 'registry.invalid', 'hosts.toml'),
    `[host."http://${mirror.host}"]\ncapabilities = ["pull", "resolve"]\n[host."http://${mirror.host}".header]\nx-team = "blue"\n`,
  );
  const registries = openRegistries({ ...isolated, certsFolders: [folder] });
  t.after(() => registries.close());
  const repository = registries.repository({ registry: 'registry.invalid', repository: 'app' });
  assert.equal((await repository.resolve('latest')).digest, image.target.digest);
  assert.equal(mirror.requests[0]?.query.get('ns'), 'registry.invalid');
  assert.equal(mirror.requests[0]?.headers['x-team'], 'blue');
});

test('a blocked registry is not asked', async (t) => {
  const liar = await lyingRegistry(t, (_, answer) => answer(200));
  const conf = join(temporary(t, 'blocked'), 'registries.conf');
  writeFileSync(conf, `[[registry]]\nlocation = "${liar.host}"\nblocked = true\n`);
  const registries = openRegistries({ ...isolated, registriesConf: conf });
  await fails(registries.repository({ registry: liar.host, repository: 'app' }).tags(), 'denied', /blocked/);
  assert.equal(liar.requests.length, 0);
});

test('a blocked registry is not asked as a mirror either: of another, or by a hosts.toml that names it as its own host', async (t) => {
  const blocked = await lyingRegistry(t, (_, answer) => answer(200));
  const folder = temporary(t, 'blocked');
  const conf = join(folder, 'registries.conf');
  const mirror = `[[registry.mirror]]\nlocation = "${blocked.host}"\ninsecure = true\n`;
  writeFileSync(conf, `[[registry]]\nlocation = "${blocked.host}"\nblocked = true\n[[registry]]\nlocation = "127.0.0.1:1"\n${mirror}`);
  mkdirSync(join(folder, blocked.host));
  writeFileSync(join(folder, blocked.host, 'hosts.toml'), `[host."http://${blocked.host}"]\ncapabilities = ["pull", "resolve"]\n`);
  const registries = openRegistries({ ...isolated, registriesConf: conf, certsFolders: [folder], retry: { tries: 1 } });
  t.after(() => registries.close());
  await fails(registries.repository({ registry: blocked.host, repository: 'app' }).resolve('latest'), 'denied', /blocked/);
  await fails(registries.repository({ registry: '127.0.0.1:1', repository: 'app' }).resolve('latest'), 'unavailable', /refused/);
  assert.equal(blocked.requests.length, 0);
});

test('the mirrors of a blocked registry are asked, itself never, and what came from it can be pushed elsewhere', async (t) => {
  const image = await makeImage();
  const [layer] = image.layers;
  assert.ok(layer);
  const blocked = await lyingRegistry(t, (_, answer) => answer(200));
  const mirror = await lyingRegistry(t, (asked, answer) => {
    if (!honest(image, asked, answer)) answer(asked.method === 'POST' ? 202 : asked.method === 'PUT' ? 201 : 404, { location: asked.path });
  });
  const conf = join(temporary(t, 'blocked'), 'registries.conf');
  const mirrors = `[[registry.mirror]]\nlocation = "${mirror.host}"\ninsecure = true\n`;
  writeFileSync(conf, `[[registry]]\nlocation = "${blocked.host}"\nblocked = true\n${mirrors}`);
  const registries = openRegistries({ ...isolated, registriesConf: conf });
  t.after(() => registries.close());
  const repository = registries.repository({ registry: blocked.host, repository: 'app' });
  assert.equal((await repository.resolve('latest')).digest, image.target.digest);
  assert.deepEqual(await bytesOf(await repository.open(layer)), image.blobs.get(layer.digest));
  await fails(
    registries.repository({ registry: blocked.host, repository: 'other' }).resolve('latest'),
    'denied',
    /^registry .* is blocked/,
  );
  await fails(repository.tag(image.target, 'new'), 'denied', /blocked/);
  await fails(registries.catalog(blocked.host), 'denied', /blocked/);
  await fails(registries.login(blocked.host, { username: 'me', password: 'secret' }), 'denied', /blocked/);
  const from = { registry: blocked.host, repository: 'app', digest: layer.digest };
  const open = async () => chunksOf(image.blobs.get(layer.digest) ?? Buffer.alloc(0), 65_536);
  await registries.repository({ registry: mirror.host, repository: 'mine' }).write(layer, open, { from });
  assert.equal(blocked.requests.length, 0);
});

interface Proxy {
  readonly url: string;
  readonly seen: string[];
}

/** A proxy that knows one name, and takes everything for it to one port. */
async function proxyTo(t: TestContext, port: number, password?: string): Promise<Proxy> {
  const seen: string[] = [];
  const allowed = (header: string | undefined) =>
    password === undefined || header === `Basic ${Buffer.from(`me:${password}`).toString('base64')}`;
  const server = createServer((request, response) => {
    seen.push(`${request.method} ${request.url}`);
    if (!allowed(request.headers['proxy-authorization'])) return response.writeHead(407).end();
    const { pathname, search } = new URL(request.url ?? '');
    const headers = { ...request.headers };
    delete headers['proxy-authorization'];
    const onward = httpRequest({ port, host: '127.0.0.1', path: pathname + search, method: request.method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 500, answer.headers);
      answer.pipe(response);
    });
    return request.pipe(onward);
  });
  server.on('connect', (request, socket) => {
    seen.push(`CONNECT ${request.url}`);
    if (!allowed(request.headers['proxy-authorization'])) return void socket.end('HTTP/1.1 407 No\r\n\r\n');
    const onward = connect(port, '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      onward.pipe(socket).pipe(onward);
    });
    onward.on('error', () => socket.destroy());
    socket.on('error', () => onward.destroy());
    socket.on('close', () => onward.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://me:${password ?? ''}@127.0.0.1:${(server.address() as AddressInfo).port}`, seen };
}

test('a http registry is reached through a proxy, in the absolute form', async (t) => {
  const registry = await lyingRegistry(t, (_, answer) => answer(200, {}, '{"tags":["a"]}'));
  const proxy = await proxyTo(t, registry.port, 'secret');
  const registries = openRegistries({ ...isolated, plainHttp: true, env: { ...isolated.env, HTTP_PROXY: proxy.url } });
  t.after(() => registries.close());
  assert.deepEqual(await registries.repository({ registry: 'registry.invalid:5000', repository: 'app' }).tags(), ['a']);
  assert.deepEqual(proxy.seen, ['GET http://registry.invalid:5000/v2/app/tags/list']);
  assert.equal(registry.requests[0]?.headers.host, 'registry.invalid:5000');
});

test('a https registry is reached through a proxy by CONNECT, and its certificate is still its own', { skip: openssl.skip }, async (t) => {
  const made = await makeCertificates(temporary(t, 'certificates'));
  const tls = { cert: made.server.cert, key: made.server.keyText };
  const registry = await lyingRegistry(t, (_, answer) => answer(200, {}, '{"tags":["a"]}'), { tls });
  const proxy = await proxyTo(t, registry.port, 'secret');
  const open = (env: Record<string, string>, insecureTls: boolean) => {
    const registries = openRegistries({ ...isolated, insecureTls, env: { ...isolated.env, ...env } });
    t.after(() => registries.close());
    return registries.repository({ registry: 'registry.invalid:5000', repository: 'app' });
  };
  assert.deepEqual(await open({ HTTPS_PROXY: proxy.url }, true).tags(), ['a']);
  assert.deepEqual(proxy.seen, ['CONNECT registry.invalid:5000']);
  await fails(open({ HTTPS_PROXY: proxy.url }, false).tags(), 'insecure', /certificate/);
  await fails(open({ HTTPS_PROXY: proxy.url.replace('secret', 'wrong') }, true).tags(), 'unavailable', /the proxy .*407/);
});
