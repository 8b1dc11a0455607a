/** The registry door and those who wish it ill: every answer is a 4xx that says why, nothing is kept, and the door serves on. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { test, type TestContext } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import fc from 'fast-check';

import { digest, image, index, push, pushBlob, put, randomBlob, startDoor, types, type Door } from '../contracts/registry-door.ts';
import { listen, registryDoor } from '../../src/frontends/registry/door.ts';
import { isLoopback } from '../../src/io/is-loopback.ts';
import { isImageError } from '../../src/errors.ts';

/** Closed, be it by an error: a connection that is cut off mid-sentence may be reset. */
const closed = (socket: Socket): Promise<void> => new Promise((resolve) => socket.once('close', () => resolve()));

/** Bytes on a socket as they are, and all that comes back until the other side closes or a time has passed. */
async function raw(t: TestContext, door: Door, text: string | Uint8Array, patience = 3000): Promise<string> {
  const { hostname, port } = new URL(door.address);
  const socket = connect(Number(port), hostname);
  t.after(() => socket.destroy());
  let said = '';
  socket.on('data', (part: Buffer) => (said += part.toString('latin1')));
  socket.on('error', () => {});
  await once(socket, 'connect');
  socket.write(text);
  await Promise.race([closed(socket), wait(patience, undefined, { ref: false })]);
  socket.destroy();
  return said;
}

/** Still there, still right, and no answer so far was a fault of its own. */
async function unharmed(door: Door): Promise<void> {
  assert.equal((await door.send('GET', '/v2/')).status, 200);
  const faults = door.log.filter(({ status, error }) => status >= 500 || (error !== undefined && !isImageError(error)));
  assert.deepEqual(faults, []);
}

test('any path at all is answered with 2xx or 4xx, never with a fault', async (t) => {
  const door = await startDoor(t);
  await push(door, 'app', 'x', image());
  const word = fc.oneof(
    fc.constantFrom(
      'v2',
      'v1',
      '_catalog',
      'app',
      'tags',
      'list',
      'manifests',
      'blobs',
      'uploads',
      'referrers',
      'x',
      '',
      '.',
      '..',
      '%2e%2e',
      '%',
      '%00',
      '%2f',
      '~',
      '\\',
      ';',
      '@',
    ),
    fc.constantFrom(
      digest(''),
      'sha256:',
      'sha256:..',
      'sha512:../../etc/passwd',
      `sha256:${'G'.repeat(64)}`,
      `sha256:${'0'.repeat(63)}`,
      ':',
      'sha256:%00',
      'latest@sha256:x',
    ),
    fc.string({ unit: 'binary-ascii', maxLength: 12 }).map((text) => text.replace(/[^!-~]/g, '_')),
  );
  const query = fc.oneof(
    fc.constant(''),
    fc
      .tuple(fc.constantFrom('n', 'last', 'digest', 'mount', 'from', 'ns', 'tag', 'artifactType', 'q', 'digest-algorithm'), word)
      .map(([key, value]) => `?${key}=${value}`),
  );
  const method = fc.constantFrom('GET', 'HEAD', 'PUT', 'POST', 'PATCH', 'DELETE', 'OPTIONS');
  await fc.assert(
    fc.asyncProperty(method, fc.array(word, { maxLength: 6 }), query, async (verb, words, rest) => {
      const { status, body } = await door.send(
        verb,
        `/${words.join('/')}${rest}`,
        verb === 'PUT' || verb === 'PATCH' ? { body: '{}' } : {},
      );
      assert.ok(status < 500, `${verb} /${words.join('/')}${rest}: ${status} ${body.toString()}`);
      if (verb === 'HEAD') assert.equal(body.length, 0);
    }),
    { numRuns: 1500 },
  );
  await unharmed(door);
});

test('digests that are none are 4xx wherever they are said', async (t) => {
  const door = await startDoor(t);
  const bad = [
    'sha256',
    'sha256:',
    ':',
    'sha256:xyz',
    'sha256:../../../../etc/passwd',
    `sha256:${'a'.repeat(65)}`,
    `sha512:${'a'.repeat(64)}`,
    `sha384:${'a'.repeat(96)}`,
    `SHA256:${'a'.repeat(64)}`,
    `sha256:${'A'.repeat(64)}`,
    `sha256+b64:${'a'.repeat(64)}`,
    `sha256:${'a'.repeat(64)}\u0000`,
    `a`.repeat(3000),
  ];
  for (const each of bad) {
    const text = encodeURIComponent(each);
    const algorithm = each === 'sha256' ? 'md5' : text;
    const requests: [string, string][] = [
      ['GET', `/v2/app/blobs/${text}`],
      ['HEAD', `/v2/app/blobs/${text}`],
      ['DELETE', `/v2/app/blobs/${text}`],
      ['GET', `/v2/app/referrers/${text}`],
      ['POST', `/v2/app/blobs/uploads/?digest=${text}`],
      ['POST', `/v2/app/blobs/uploads/?mount=${text}`],
      ['POST', `/v2/app/blobs/uploads/?digest-algorithm=${algorithm}`],
    ];
    for (const [method, path] of requests) {
      const { status } = await door.send(method, path);
      assert.ok(status >= 400 && status < 500, `${method} ${path}: ${status}`);
    }
  }
  assert.deepEqual(await door.store.repositories(), []);
  await unharmed(door);
});

test('a manifest larger than allowed is 413, said or not, and is not waited for', async (t) => {
  const door = await startDoor(t, { limits: { manifestBytes: 100_000 } });
  const said = await door.send('PUT', '/v2/app/manifests/x', {
    headers: { 'Content-Type': types.manifest, 'Content-Length': 10_000_000 },
    body: Buffer.alloc(10_000_000, 32),
  });
  assert.equal(said.status, 413);
  const parts = Array.from({ length: 20 }, () => Buffer.alloc(10_000, 32));
  const unsaid = await door.send('PUT', '/v2/app/manifests/x', { headers: { 'Content-Type': types.manifest }, body: parts });
  assert.equal(unsaid.status, 413);
  const answer = await raw(t, door, `PUT /v2/app/manifests/x HTTP/1.1\r\nHost: ${door.host}\r\nContent-Length: 99999999999\r\n\r\n{`, 1000);
  assert.match(answer, /^HTTP\/1\.1 413 /);
  await unharmed(door);
});

test('a blob larger than allowed is 413 on every way in', async (t) => {
  const door = await startDoor(t, { limits: { blobBytes: 50_000 } });
  const blob = randomBlob(60_000);
  const at = async (): Promise<string> => String((await door.send('POST', '/v2/app/blobs/uploads/')).headers.location);
  assert.equal((await door.send('POST', `/v2/app/blobs/uploads/?digest=${blob.digest}`, { body: blob.bytes })).status, 413);
  assert.equal((await door.send('PUT', `${await at()}?digest=${blob.digest}`, { body: blob.bytes })).status, 413);
  assert.equal((await door.send('PATCH', await at(), { body: [blob.bytes.subarray(0, 40_000), blob.bytes.subarray(40_000)] })).status, 413);
  const parts = await at();
  assert.equal((await door.send('PATCH', parts, { body: blob.bytes.subarray(0, 40_000) })).status, 202);
  assert.equal((await door.send('PATCH', parts, { body: blob.bytes.subarray(40_000) })).status, 413);
  assert.equal((await door.send('HEAD', `/v2/app/blobs/${blob.digest}`)).status, 404);
  await unharmed(door);
});

test('documents made to exhaust who reads them are refused, quickly', async (t) => {
  const door = await startDoor(t);
  const one = image();
  for (const blob of one.blobs) await pushBlob(door, 'app', blob);
  const entry = { mediaType: types.layer, digest: digest(''), size: 0 };
  const bombs: [string, string][] = [
    ['deep', `{"schemaVersion":2,"x":${'['.repeat(1_900_000)}${']'.repeat(1_900_000)}}`],
    ['deep, not closed', '['.repeat(4_000_000)],
    ['deep objects', '{"a":'.repeat(800_000)],
    ['many layers', JSON.stringify({ ...one.manifest.json, layers: Array.from({ length: 30_000 }, () => entry) })],
    ['many keys', JSON.stringify(Object.fromEntries(Array.from({ length: 200_000 }, (_, at) => [`k${at}`, at])))],
    ['long number', `{"schemaVersion":2${'0'.repeat(3_000_000)}}`],
    [
      'many manifests',
      JSON.stringify({
        schemaVersion: 2,
        mediaType: types.index,
        manifests: Array.from({ length: 30_000 }, () => ({ ...entry, mediaType: types.manifest })),
      }),
    ],
    ['own prototype', '{"schemaVersion":2,"__proto__":{"config":1},"constructor":{"prototype":{}}}'],
  ];
  for (const [what, body] of bombs) {
    const started = performance.now();
    const answer = await door.send('PUT', '/v2/app/manifests/bomb', {
      headers: { 'Content-Type': what.includes('manifests') ? types.index : types.manifest },
      body,
    });
    assert.ok(answer.status === 400 || answer.status === 413, `${what}: ${answer.status}`);
    assert.ok(performance.now() - started < 5000, `${what} took long`);
  }
  await unharmed(door);
});

test('an index cannot be put before what it names, so no circle can be made', async (t) => {
  const door = await startDoor(t);
  const one = image();
  const loop = index([{ ...one.manifest, digest: digest('myself') }]);
  assert.equal((await put(door, 'app', 'loop', loop)).status, 400);
  await unharmed(door);
});

test('headers without end are cut off; the door serves on', async (t) => {
  const door = await startDoor(t);
  const large = await raw(t, door, `GET /v2/ HTTP/1.1\r\nHost: x\r\nX: ${'a'.repeat(200_000)}\r\n\r\n`);
  assert.match(large, /^(?:HTTP\/1\.1 431 |$)/);
  const many = await raw(t, door, `GET /v2/ HTTP/1.1\r\nHost: x\r\n${'X: a\r\n'.repeat(50_000)}\r\n`);
  assert.match(many, /^(?:HTTP\/1\.1 431 |$)/);
  const long = await raw(t, door, `GET /v2/${'a'.repeat(100_000)} HTTP/1.1\r\nHost: x\r\n\r\n`);
  assert.match(long, /^(?:HTTP\/1\.1 4(?:00|14|31) |$)/);
  await unharmed(door);
});

test('requests that no parser should have to guess at are 400', async (t) => {
  const door = await startDoor(t);
  const host = `Host: ${door.host}\r\n`;
  const bad = [
    'nonsense\r\n\r\n',
    `GET /v2/ HTTP/9.9\r\n${host}\r\n`,
    'GET /v2/ HTTP/1.1\r\n\r\n',
    `POST /v2/app/blobs/uploads/ HTTP/1.1\r\n${host}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    `POST /v2/app/blobs/uploads/ HTTP/1.1\r\n${host}Content-Length: -5\r\n\r\n`,
    `POST /v2/app/blobs/uploads/ HTTP/1.1\r\n${host}Content-Length: 1\r\nContent-Length: 2\r\n\r\nab`,
    `GET /v2/\u0000 HTTP/1.1\r\n${host}\r\n`,
  ];
  for (const text of bad) assert.match(await raw(t, door, text, 1500), /^HTTP\/1\.1 400 /, JSON.stringify(text));
  await unharmed(door);
});

test('the absolute form of a request is read like any other', async (t) => {
  const door = await startDoor(t);
  await push(door, 'app', 'x', image());
  const answer = await raw(
    t,
    door,
    `GET http://somewhere.example/v2/app/tags/list HTTP/1.1\r\nHost: ${door.host}\r\nConnection: close\r\n\r\n`,
  );
  assert.match(answer, /^HTTP\/1\.1 200 [^]*"tags":\["x"\]/);
  const other = await raw(t, door, `OPTIONS * HTTP/1.1\r\nHost: ${door.host}\r\nConnection: close\r\n\r\n`);
  assert.match(other, /^HTTP\/1\.1 404 /);
});

test('a client that falls silent in the middle of a body loses its connection, and only that', async (t) => {
  const door = await startDoor(t, { limits: { idle: 300 } });
  const at = String((await door.send('POST', '/v2/app/blobs/uploads/')).headers.location);
  const started = performance.now();
  await raw(t, door, `PATCH ${at} HTTP/1.1\r\nHost: ${door.host}\r\nContent-Length: 1000\r\n\r\n${'a'.repeat(10)}`, 5000);
  await raw(t, door, `PUT /v2/app/manifests/x HTTP/1.1\r\nHost: ${door.host}\r\nContent-Length: 1000\r\n\r\n{`, 5000);
  assert.ok(performance.now() - started < 4000, 'both were cut off');
  assert.equal((await door.send('GET', at)).headers.range, '0-9');
  assert.equal((await door.send('GET', '/v2/')).status, 200);
});

test('a manifest that drips in is cut off after its time', async (t) => {
  const door = await startDoor(t, { limits: { manifestTime: 400 } });
  const { hostname, port } = new URL(door.address);
  const socket = connect(Number(port), hostname);
  socket.on('error', () => {});
  await once(socket, 'connect');
  socket.write(`PUT /v2/app/manifests/x HTTP/1.1\r\nHost: ${door.host}\r\nContent-Length: 100000\r\n\r\n`);
  const drip = setInterval(() => socket.write('a'), 50);
  t.after(() => {
    clearInterval(drip);
    socket.destroy();
  });
  await Promise.race([closed(socket), wait(5000, undefined, { ref: false }).then(() => assert.fail('it may drip for ever'))]);
  assert.equal((await door.send('GET', '/v2/')).status, 200);
});

test('a body shorter than its Content-Length is not taken for the whole', async (t) => {
  const door = await startDoor(t);
  const blob = randomBlob(1000);
  const text = Buffer.from(
    `POST /v2/app/blobs/uploads/?digest=${blob.digest} HTTP/1.1\r\nHost: ${door.host}\r\nContent-Length: 2000\r\n\r\n`,
  );
  const { hostname, port } = new URL(door.address);
  const socket = connect(Number(port), hostname);
  socket.on('error', () => {});
  await once(socket, 'connect');
  socket.end(Buffer.concat([text, blob.bytes]));
  await Promise.race([closed(socket), wait(3000, undefined, { ref: false })]);
  socket.destroy();
  assert.equal((await door.send('HEAD', `/v2/app/blobs/${blob.digest}`)).status, 404);
});

test('a client that leaves in the middle of a blob is no fault of the server: its log stays empty', async (t) => {
  const door = await startDoor(t);
  const blob = randomBlob(16 * 1024 * 1024);
  await pushBlob(door, 'app', blob);
  const silent = await listen(registryDoor(door.store), { grace: 500 });
  t.after(silent.close);
  const said = t.mock.method(process.stderr, 'write', () => true);
  const { hostname, port } = new URL(silent.address);
  for (let i = 0; i < 3; i++) {
    const socket = connect(Number(port), hostname);
    socket.write(`GET /v2/app/blobs/${blob.digest} HTTP/1.1\r\nHost: ${hostname}:${port}\r\n\r\n`);
    await once(socket, 'data');
    socket.pause();
    await wait(100);
    socket.resetAndDestroy();
  }
  await wait(200);
  const lines = said.mock.calls.map(({ arguments: [line] }) => String(line)).filter((line) => line.includes('registry:'));
  said.mock.restore();
  assert.deepEqual(lines, []);
});

test('more bodies at once than allowed are 429, with when to come back', async (t) => {
  const door = await startDoor(t, { limits: { uploads: 2, manifests: 1 } });
  const open = async (method: string, path: string): Promise<void> => {
    const { hostname, port } = new URL(door.address);
    const socket = connect(Number(port), hostname);
    t.after(() => socket.destroy());
    socket.on('error', () => {});
    await once(socket, 'connect');
    socket.write(`${method} ${path} HTTP/1.1\r\nHost: ${door.host}\r\nContent-Length: 1000\r\n\r\n{`);
  };
  const at = async (): Promise<string> => String((await door.send('POST', '/v2/app/blobs/uploads/')).headers.location);
  await open('PATCH', await at());
  await open('PATCH', await at());
  await open('PUT', '/v2/app/manifests/x');
  const third = await at();
  for (let tries = 0; ; tries++) {
    const [blob, manifest] = [
      await door.send('PATCH', third, { body: 'abc' }),
      await door.send('PUT', '/v2/app/manifests/y', { body: '{}' }),
    ];
    if (blob.status === 429 && manifest.status === 429) {
      assert.equal(blob.headers['retry-after'], '1');
      assert.match(blob.body.toString(), /TOOMANYREQUESTS/);
      break;
    }
    assert.ok(tries < 50, `${blob.status} ${manifest.status}`);
    await wait(20);
  }
  assert.equal((await door.send('GET', '/v2/')).status, 200, 'who only reads is not kept waiting');
});

test('an early refusal of a large body reaches the client, and the next request is served', async (t) => {
  const door = await startDoor(t);
  const answer = await door.send('PATCH', '/v2/app/blobs/uploads/no-such', { body: Buffer.alloc(8_000_000) });
  assert.equal(answer.status, 404);
  assert.equal((await door.send('GET', '/v2/')).status, 200);
});

test('a read-only door refuses all that writes, on every path and before anything else', async (t) => {
  const writable = await startDoor(t);
  const one = image();
  await push(writable, 'app', 'x', one);
  await writable.close();
  const door = await startDoor(t, { folder: writable.folder, readOnly: true });
  for (const [method, path] of [
    ['POST', '/v2/app/blobs/uploads/'],
    ['PATCH', '/v2/app/blobs/uploads/x'],
    ['PUT', '/v2/app/manifests/x'],
    ['DELETE', '/v2/app/manifests/x'],
    ['DELETE', `/v2/app/manifests/${one.manifest.digest}`],
    ['DELETE', `/v2/app/blobs/${one.blobs[0]?.digest}`],
  ] as const) {
    const answer = await door.send(method, path);
    assert.equal(answer.status, 405, `${method} ${path}`);
    assert.equal(answer.headers.allow, 'GET, HEAD');
  }
  assert.equal((await door.send('GET', '/v2/app/manifests/x')).status, 200);
});

test('a web page of another origin cannot write', async (t) => {
  const door = await startDoor(t);
  for (const origin of ['https://evil.example', 'null', `http://${door.host}.evil.example`, 'http://127.0.0.1:1']) {
    const answer = await door.send('POST', '/v2/app/blobs/uploads/', { headers: { Origin: origin } });
    assert.equal(answer.status, 403, origin);
  }
  const own = await door.send('POST', '/v2/app/blobs/uploads/', { headers: { Origin: `http://${door.host}` } });
  assert.equal(own.status, 202);
  assert.equal(
    (await door.send('GET', '/v2/', { headers: { Origin: 'https://evil.example' } })).headers['access-control-allow-origin'],
    undefined,
  );
});

test('faults of the server are told without what they are about', async (t) => {
  const door = await startDoor(t);
  await door.store.close();
  const answer = await door.send('GET', '/v2/app/manifests/x');
  assert.ok(answer.status >= 500, String(answer.status));
  assert.ok(!answer.body.includes(door.folder));
  assert.doesNotMatch(answer.body.toString(), /at .*\.ts|node:/);
});

test('closing lets a running answer end, breaks what goes on for ever, and ends', async (t) => {
  const door = await startDoor(t);
  const at = String((await door.send('POST', '/v2/app/blobs/uploads/')).headers.location);
  const { hostname, port } = new URL(door.address);
  const endless = connect(Number(port), hostname);
  endless.on('error', () => {});
  await once(endless, 'connect');
  endless.write(`PATCH ${at} HTTP/1.1\r\nHost: ${door.host}\r\nContent-Length: 1000\r\n\r\nabc`);
  await wait(50);
  const started = performance.now();
  await door.close();
  assert.ok(performance.now() - started < 5000);
  endless.destroy();
});

test('an address that is taken is said so; what is loopback is known', async (t) => {
  const door = await startDoor(t);
  const taken = listen(() => {}, { port: Number(new URL(door.address).port) });
  await assert.rejects(taken, (error) => isImageError(error, 'conflict') && /something else listens there/.test(error.message));
  for (const host of ['127.0.0.1', '127.8.8.8', 'localhost', 'LOCALHOST', '::1', '[::1]', '::ffff:127.0.0.1'])
    assert.equal(isLoopback(host), true, host);
  for (const host of ['0.0.0.0', '::', '', '10.0.0.1', '127.0.0.1.example.com', 'localhost.example.com', '128.0.0.1', 'registry'])
    assert.equal(isLoopback(host), false, host);
});
