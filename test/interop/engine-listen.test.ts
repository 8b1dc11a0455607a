/** Where the Docker door listens, and who may come in: the socket's mode, what lies there already, TLS with certificates on both sides. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { request as plainRequest } from 'node:http';
import { request as secureRequest, type RequestOptions } from 'node:https';
import { connect } from 'node:net';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';

import { Containers } from '../../src/containers/containers.ts';
import { engineDoor, listenOnAddress, listenOnSocket, type EngineListening } from '../../src/frontends/engine-api/door.ts';
import { openRegistries } from '../../src/remote/registries.ts';
import { ImageStore } from '../../src/store/image-store.ts';
import { bayFile, spawnBay } from '../support/bay.ts';
import { makeCertificates, openssl } from '../support/certificates.ts';
import { dockerClients } from '../support/docker-clients.ts';
import { bytesOf } from '../support/make-image.ts';
import { isThere } from '../support/peers.ts';
import { runProgram } from '../support/program.ts';
import { temporary } from '../support/temporary.ts';
import { send } from './engine-ground.ts';

async function ground(
  t: TestContext,
): Promise<{ folder: string; door: ReturnType<typeof engineDoor>; closing: (one: EngineListening) => EngineListening }> {
  const open: EngineListening[] = [];
  const stores: ImageStore[] = [];
  t.after(async () => {
    await Promise.all(open.map((one) => one.close()));
    await Promise.all(stores.map((store) => store.close()));
  });
  const folder = temporary(t, 'listen');
  const store = await ImageStore.open(join(folder, 'store'));
  stores.push(store);
  const door = engineDoor({
    store,
    containers: new Containers(store),
    now: () => new Date(),
    openRegistries: async (options) => openRegistries({ env: {}, ...options }),
  });
  return {
    folder,
    door,
    closing: (one) => {
      open.push(one);
      return one;
    },
  };
}

const onUnix = { skip: process.platform === 'win32' ? 'Windows has pipes' : false };

test('the socket is its owner’s and its group’s, in a folder made for it, and goes with the server', onUnix, async (t) => {
  const { folder, door } = await ground(t);
  const path = join(folder, 'a', 'b', 'docker.sock');
  const mask = process.umask(0);
  const listening = await listenOnSocket(door, path).finally(() => process.umask(mask));
  assert.equal(listening.address, `unix://${path}`);
  const { mode } = statSync(path);
  assert.equal(mode & 0o777, 0o660);
  assert.equal(statSync(join(folder, 'a')).mode & 0o777, 0o700);
  assert.equal((await send(path, 'GET', '/_ping')).text, 'OK');
  await listening.close();
  assert.ok(!existsSync(path));
});

test('a socket whose server has died is replaced; one that lives, and what is no socket, is not', onUnix, async (t) => {
  const { folder, door, closing } = await ground(t);
  const path = join(folder, 'docker.sock');
  // A server that is killed takes nothing away.
  const child = await runProgram(process.execPath, [
    '-e',
    `require('node:net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`,
  ]);
  assert.equal(child.code, 137);
  assert.ok(existsSync(path));
  closing(await listenOnSocket(door, path));
  await assert.rejects(listenOnSocket(door, path), { code: 'conflict', message: `cannot listen on ${path}: another server listens there` });
  assert.equal((await send(path, 'GET', '/_ping')).text, 'OK');

  const file = join(folder, 'file');
  writeFileSync(file, 'precious');
  await assert.rejects(listenOnSocket(door, file), { code: 'conflict', message: /there is something that is no socket$/ });
  mkdirSync(join(folder, 'folder'));
  await assert.rejects(listenOnSocket(door, join(folder, 'folder')), { code: 'conflict' });
  assert.equal(readFileSync(file, 'utf8'), 'precious');
  await assert.rejects(listenOnSocket(door, join(folder, 'file', 'x')), { name: 'ImageError' });
  await assert.rejects(listenOnSocket(door, join(folder, 'x'.repeat(200))), { code: 'invalid-argument', message: /too long for a socket/ });
});

test('closing lets a running answer end, and no more come in', onUnix, async (t) => {
  const { folder, door } = await ground(t);
  const path = join(folder, 'docker.sock');
  const listening = await listenOnSocket(door, path, { grace: 5000 });
  // An import whose tar is on its way.
  const request = plainRequest({ socketPath: path, method: 'POST', path: '/images/create?fromSrc=-&repo=late', agent: false });
  request.write(Buffer.alloc(512));
  await wait(100);
  const closed = listening.close();
  await wait(100);
  await assert.rejects(send(path, 'GET', '/_ping'));
  request.end(Buffer.alloc(512));
  const [response] = (await once(request, 'response')) as [import('node:http').IncomingMessage];
  assert.match((await bytesOf(response)).toString(), /"status":"sha256:/);
  const started = performance.now();
  await closed;
  assert.ok(performance.now() - started < 2000);
});

test('a connection that waits for nothing, or has changed its protocol, does not keep the server', onUnix, async (t) => {
  const { folder, door } = await ground(t);
  const path = join(folder, 'docker.sock');
  const listening = await listenOnSocket(door, path, { grace: 500 });
  const idle = connect(path);
  const upgraded = connect(path);
  for (const socket of [idle, upgraded]) socket.on('error', () => {});
  upgraded.write('POST /grpc HTTP/1.1\r\nHost: d\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n');
  const [first] = (await once(upgraded, 'data')) as [Buffer];
  assert.match(first.toString('latin1'), /^HTTP\/1\.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n/);
  const started = performance.now();
  await listening.close();
  assert.ok(performance.now() - started < 3000);
});

test('closing ends a stream of events, which would go on for ever', onUnix, async (t) => {
  const { folder, door } = await ground(t);
  const path = join(folder, 'docker.sock');
  const listening = await listenOnSocket(door, path);
  const request = plainRequest({ socketPath: path, path: '/events', agent: false });
  request.end();
  const [response] = (await once(request, 'response')) as [import('node:http').IncomingMessage];
  const ended = bytesOf(response);
  const started = performance.now();
  await listening.close();
  assert.equal((await ended).length, 0);
  assert.ok(performance.now() - started < 3000);
});

test('gRPC over the upgraded connection says for every call that nothing is built here', onUnix, async (t) => {
  const { connect: connectHttp2 } = await import('node:http2');
  const { folder, door, closing } = await ground(t);
  const path = join(folder, 'docker.sock');
  closing(await listenOnSocket(door, path, { grace: 500 }));
  const socket = connect(path);
  socket.write('POST /grpc HTTP/1.1\r\nHost: d\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n');
  // Its own settings come behind the answer's head, maybe in one piece.
  const head = await new Promise<Buffer>((resolve) => socket.once('data', resolve));
  socket.pause();
  const end = head.indexOf('\r\n\r\n') + 4;
  if (head.length > end) socket.unshift(head.subarray(end));
  const session = connectHttp2('http://d', { createConnection: () => socket });
  session.on('error', () => {});
  for (const call of ['/moby.buildkit.v1.Control/ListWorkers', '/moby.buildkit.v1.Control/Solve']) {
    const stream = session.request({ ':method': 'POST', ':path': call, 'content-type': 'application/grpc', te: 'trailers' });
    const [headers] = (await once(stream, 'response')) as [Record<string, string>];
    assert.equal(headers['grpc-status'], '12');
    assert.match(decodeURIComponent(headers['grpc-message'] ?? ''), /^Bayplan does not build images from a Dockerfile\./);
    stream.close();
  }
  session.close();
  socket.destroy();
});

test('a port without certificates answers to the names of loopback alone', async (t) => {
  const { door, closing } = await ground(t);
  const listening = closing(await listenOnAddress(door, { host: '127.0.0.1', port: 0, grace: 500 }));
  const port = Number(new URL(listening.address).port);
  const statusFor = async (host: string): Promise<number | undefined> => {
    const request = plainRequest({ host: '127.0.0.1', port, path: '/_ping', agent: false, headers: { host } });
    request.end();
    const [response] = (await once(request, 'response')) as [import('node:http').IncomingMessage];
    response.resume();
    return response.statusCode;
  };
  for (const host of [`127.0.0.1:${port}`, 'localhost', `LOCALHOST:${port}`, '[::1]:80']) assert.equal(await statusFor(host), 200, host);
  for (const host of ['evil.example', `evil.example:${port}`, '192.168.0.1', '127.0.0.1.evil.example'])
    assert.equal(await statusFor(host), 403, host);
  for (const path of ['/grpc', '/containers/x/attach']) {
    const socket = connect(port, '127.0.0.1');
    socket.write(`POST ${path} HTTP/1.1\r\nHost: evil.example\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n`);
    assert.match((await bytesOf(socket)).toString(), /^HTTP\/1\.1 403 Forbidden/);
  }
});

test('over TLS only a client with a certificate of the authority comes in', { skip: openssl.skip }, async (t) => {
  const { folder, door, closing } = await ground(t);
  const { authority, server, client } = await makeCertificates(folder);
  const elsewhere = join(folder, 'elsewhere');
  mkdirSync(elsewhere);
  const stranger = await makeCertificates(elsewhere);
  const pem = (file: string): Buffer => readFileSync(file);
  const tls = { cert: pem(server.certificate), key: pem(server.key), ca: pem(authority.certificate) };
  const listening = closing(await listenOnAddress(door, { host: '127.0.0.1', port: 0, tls }));
  const port = Number(new URL(listening.address).port);
  const ping = (options: RequestOptions): Promise<string> =>
    new Promise((resolve, reject) => {
      const request = secureRequest(
        { host: '127.0.0.1', port, path: '/_ping', ca: authority.cert, agent: false, ...options },
        (response) => {
          bytesOf(response).then((bytes) => resolve(bytes.toString()), reject);
        },
      );
      request.on('error', reject);
      request.end();
    });
  assert.equal(await ping({ cert: client.cert, key: client.keyText }), 'OK');
  await assert.rejects(ping({}));
  await assert.rejects(ping({ cert: stranger.client.cert, key: stranger.client.keyText }));
  await assert.rejects(ping({ cert: client.cert, key: client.keyText, maxVersion: 'TLSv1.1', minVersion: 'TLSv1' }));
  await assert.rejects(
    new Promise((_, reject) => {
      plainRequest({ host: '127.0.0.1', port, path: '/_ping', agent: false }).on('error', reject).end();
    }),
  );
  await assert.rejects(listenOnAddress(door, { host: '127.0.0.1', port: 0, tls: { ...tls, key: pem(client.key) } }), {
    code: 'invalid-argument',
  });

  // Docker's own way to say it.
  const certs = join(folder, 'certs');
  mkdirSync(certs);
  for (const [name, file] of [
    ['ca.pem', authority.certificate],
    ['cert.pem', client.certificate],
    ['key.pem', client.key],
  ] as const)
    writeFileSync(join(certs, name), pem(file));
  for (const docker of dockerClients) {
    const env = { DOCKER_TLS_VERIFY: '1', DOCKER_CERT_PATH: certs };
    const { code, stdout, stderr } = await docker.run(['images', '-q'], { host: listening.address, home: folder, env });
    assert.deepEqual({ code, stdout }, { code: 0, stdout: '' }, `${docker.name}: ${stderr}`);
  }
});

test(
  'serve says where the doors are, refuses what would let everybody in, and ends in order',
  { skip: isThere(bayFile) ? false : 'not built' },
  async (t) => {
    const home = temporary(t, 'serve');
    const run = async (args: readonly string[]): Promise<{ code: number; stderr: string }> => {
      const child = spawnBay(['serve', '--listen', '127.0.0.1:0', ...args], { home });
      let stderr = '';
      child.stderr?.on('data', (part: Buffer) => (stderr += part.toString()));
      const [code] = (await once(child, 'close')) as [number];
      return { code, stderr };
    };
    for (const [args, sentence] of [
      [
        ['--docker-listen', '0.0.0.0:0'],
        /^Error: 0\.0\.0\.0 is reachable from other machines, and whoever reaches the Docker Engine API can do everything/,
      ],
      [['--docker-listen', '127.0.0.1:0', '--tls-cert', 'x'], /^Error: --tls-cert, --tls-key and --tls-ca go together/],
      [['--docker-listen', '127.0.0.1:0', '--tls-cert', 'x', '--tls-key', 'x', '--tls-ca', 'x'], /^Error: cannot read x: /],
      [['--docker-listen', 'nonsense'], /^Error: invalid address "nonsense" to listen on/],
    ] as const) {
      const { code, stderr } = await run(args);
      assert.equal(code, 1);
      assert.match(stderr, sentence);
    }
    const child = spawnBay(['serve', '--listen', '127.0.0.1:0', '--docker-listen', '127.0.0.1:0'], { home });
    t.after(() => child.kill('SIGKILL'));
    let said = '';
    child.stdout?.on('data', (part: Buffer) => (said += part.toString()));
    while (!said.includes('Ctrl-C stops')) await wait(20);
    const [, socket = ''] = /Docker {4}unix:\/\/(.*)/.exec(said) ?? [];
    const [, tcp = ''] = /Docker {4}tcp:\/\/(.*)/.exec(said) ?? [];
    assert.equal(socket, join(home, 'run', 'docker.sock'));
    assert.equal((await send(socket, 'GET', '/_ping')).text, 'OK');
    assert.equal(await (await fetch(`http://${tcp}/_ping`)).text(), 'OK');
    const second = await run(['--docker-socket', socket]);
    assert.equal(second.code, 1);
    assert.match(second.stderr, /docker\.sock: another server listens there/);
    // Nobody asked for the usual place: a second server over the store is without it, and says so.
    const other = spawnBay(['serve', '--listen', '127.0.0.1:0'], { home });
    t.after(() => other.kill('SIGKILL'));
    let told = '';
    other.stdout?.on('data', (part: Buffer) => (told += part.toString()));
    while (!told.includes('Ctrl-C stops')) await wait(20);
    assert.match(told, /^ {2}Docker {4}no socket: cannot listen on .*docker\.sock: another server listens there$/m);
    other.kill('SIGINT');
    await once(other, 'close');
    assert.equal((await send(socket, 'GET', '/_ping')).text, 'OK', 'which leaves the first where it is');
    child.kill('SIGINT');
    const [code] = (await once(child, 'close')) as [number];
    assert.deepEqual([code, existsSync(socket), /Stopped\.\n$/.test(said)], [0, false, true]);
  },
);
