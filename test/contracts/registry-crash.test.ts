/** The server killed in the middle of everything: what it has acknowledged is there, what it has not can be gone on with, and nothing is wrong with the store. */
import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { Agent } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';

import { ImageStore } from '../../src/store/image-store.ts';
import { spawnBay } from '../support/bay.ts';
import { temporary } from '../support/temporary.ts';
import { exchange, image, randomBlob, type Answered, type Sent, type TestImage } from './registry-door.ts';

interface Server {
  readonly address: string;
  send(method: string, path: string, sent?: Sent): Promise<Answered>;
  kill(): Promise<void>;
}

async function serve(servers: Server[], home: string): Promise<Server> {
  const child: ChildProcess = spawnBay(['serve', '--listen', '127.0.0.1:0'], { home });
  const agent = new Agent({ keepAlive: true });
  const kill = async (): Promise<void> => {
    agent.destroy();
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  };
  let said = '';
  const address = await new Promise<string>((resolve, reject) => {
    child.stdout?.on('data', (part: Buffer) => {
      said += part.toString();
      const found = /http:\/\/127\.0\.0\.1:\d+/.exec(said)?.[0];
      if (found !== undefined) resolve(found);
    });
    child.stderr?.on('data', (part: Buffer) => (said += part.toString()));
    child.once('exit', () => reject(new Error(`bay serve ended: ${said}`)));
  });
  const server: Server = { address, send: (method, path, sent) => exchange(agent, address, method, path, sent), kill };
  servers.push(server);
  return server;
}

/** Hooks run in the order of their making: the servers end before their folder goes. */
function place(t: TestContext): { readonly folder: string; readonly servers: Server[] } {
  const servers: Server[] = [];
  t.after(async () => {
    for (const { kill } of servers) await kill();
  });
  return { folder: temporary(t, 'crash'), servers };
}

test('what was acknowledged before a kill is there after it, whole, and the store has no fault', { timeout: 120_000 }, async (t) => {
  const { folder, servers } = place(t);
  const acknowledged: { name: string; tag: string; pushed: TestImage }[] = [];
  for (let round = 0; round < 3; round++) {
    const server = await serve(servers, folder);
    let stopped = false;
    const worker = async (at: number): Promise<void> => {
      for (let number = 0; !stopped; number++) {
        const pushed = image();
        const name = `crash/app${at}`;
        const tag = `r${round}-${number}`;
        for (const { bytes, digest } of pushed.blobs) {
          const begun = await server.send('POST', `/v2/${name}/blobs/uploads/`);
          const patched = await server.send('PATCH', String(begun.headers.location), { body: bytes });
          const put = await server.send('PUT', `${String(patched.headers.location)}?digest=${digest}`);
          assert.equal(put.status, 201, put.body.toString());
        }
        const { bytes, mediaType } = pushed.manifest;
        const put = await server.send('PUT', `/v2/${name}/manifests/${tag}`, { headers: { 'Content-Type': mediaType }, body: bytes });
        assert.equal(put.status, 201, put.body.toString());
        acknowledged.push({ name, tag, pushed });
      }
    };
    const workers = [0, 1, 2].map((at) =>
      worker(at).catch((error: NodeJS.ErrnoException) => assert.ok(error.code !== 'ERR_ASSERTION', error)),
    );
    await wait(600 + 300 * round);
    stopped = round === 2;
    await server.kill();
    await Promise.all(workers);
  }
  assert.ok(acknowledged.length > 3, 'something was pushed');
  const server = await serve(servers, folder);
  for (const { name, tag, pushed } of acknowledged) {
    const answer = await server.send('GET', `/v2/${name}/manifests/${tag}`);
    assert.equal(answer.status, 200, `${name}:${tag}`);
    assert.deepEqual(answer.body, pushed.manifest.bytes);
    for (const { bytes, digest } of pushed.blobs) assert.deepEqual((await server.send('GET', `/v2/${name}/blobs/${digest}`)).body, bytes);
  }
  await server.kill();
  await using store = await ImageStore.open(join(folder, 'store'));
  assert.deepEqual(await store.check(), []);
});

test('an upload goes on after a kill, from where its last acknowledged chunk ended or later', { timeout: 120_000 }, async (t) => {
  const { folder, servers } = place(t);
  const blob = randomBlob(3_000_000);
  const first = await serve(servers, folder);
  const at = String((await first.send('POST', '/v2/crash/app/blobs/uploads/')).headers.location);
  assert.equal((await first.send('PATCH', at, { body: blob.bytes.subarray(0, 1_000_000) })).status, 202);
  const { hostname, port } = new URL(first.address);
  const socket = connect(Number(port), hostname);
  socket.on('error', () => {});
  await once(socket, 'connect');
  socket.write(`PATCH ${at} HTTP/1.1\r\nHost: x\r\nContent-Length: 2000000\r\n\r\n`);
  socket.write(blob.bytes.subarray(1_000_000, 1_700_000));
  await wait(300);
  await first.kill();
  const second = await serve(servers, folder);
  const status = await second.send('GET', at);
  assert.equal(status.status, 204);
  const reached = Number(String(status.headers.range).slice(2)) + 1;
  assert.ok(reached >= 1_000_000 && reached <= 1_700_000, String(reached));
  const rest = await second.send('PATCH', at, { headers: { 'Content-Range': `${reached}-2999999` }, body: blob.bytes.subarray(reached) });
  assert.equal(rest.status, 202, rest.body.toString());
  assert.equal((await second.send('PUT', `${at}?digest=${blob.digest}`)).status, 201);
  assert.deepEqual((await second.send('GET', `/v2/crash/app/blobs/${blob.digest}`)).body, blob.bytes);
});
