import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { isImageError } from '../errors.ts';
import { lent } from '../io/lent.ts';
import { digestOf } from '../model/digest.ts';
import { openRegistries } from './registries.ts';

const content = randomBytes(5 * 1024 * 1024 + 12_345);
const target = { mediaType: 'application/octet-stream', digest: digestOf(content), size: content.length };

/** A registry that sends a blob in its own way: `send` writes the body, after the head. */
async function registry(t: TestContext, send: (socket: Socket, body: Buffer, start: number) => void | Promise<void>) {
  const sockets = new Set<Socket>();
  const requests: string[] = [];
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
    socket.on('data', (bytes) => {
      const request = bytes.toString('latin1');
      requests.push(request);
      const start = Number(/range: bytes=(\d+)-/i.exec(request)?.[1] ?? 0);
      const body = content.subarray(start);
      socket.write(
        start === 0
          ? `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n`
          : `HTTP/1.1 206 Partial Content\r\nContent-Range: bytes ${start}-${content.length - 1}/${content.length}\r\nContent-Length: ${body.length}\r\n\r\n`,
      );
      void send(socket, body, start);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const registries = openRegistries({
    env: {},
    configFolder: '/nowhere',
    registriesConf: '',
    certsFolders: [],
    plainHttp: true,
    retry: { base: 1, tries: 3 },
    timeouts: { idle: 2000 },
  });
  t.after(() => {
    registries.close();
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { repository: registries.repository({ registry: `127.0.0.1:${port}`, repository: 'app' }), requests };
}

async function collect(source: AsyncIterable<Uint8Array>, each: () => Promise<void> = async () => undefined): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of source) {
    chunks.push(Buffer.from(chunk));
    await each();
  }
  return Buffer.concat(chunks);
}

test('a large body that is lent is the body, head and content in one packet or apart', async (t) => {
  for (const apart of [0, 30]) {
    const { repository } = await registry(t, async (socket, body) => {
      if (apart > 0) await sleep(apart);
      socket.write(body);
    });
    assert.ok((await collect(lent(await repository.open(target)))).equals(content));
  }
});

test('a consumer that takes its time stops the sender, and gets every byte in its place', async (t) => {
  const { repository } = await registry(t, (socket, body) => void socket.write(body));
  let chunks = 0;
  const all = await collect(lent(await repository.open(target)), async () => {
    chunks++;
    await sleep(20);
  });
  assert.ok(all.equals(content));
  assert.ok(chunks >= 5, `${chunks} chunks`);
});

test('what arrives in drips is handed over in time, and not lost between two buffers', async (t) => {
  const { repository } = await registry(t, async (socket, body) => {
    for (let at = 0; at < body.length; at += 400_000) {
      socket.write(body.subarray(at, at + 400_000));
      await sleep(60);
    }
  });
  assert.ok((await collect(lent(await repository.open(target)), () => sleep(15))).equals(content));
});

test('read as a stream the same bytes come, in memory of their own', async (t) => {
  const { repository } = await registry(t, (socket, body) => void socket.write(body));
  const kept: Buffer[] = [];
  for await (const chunk of await repository.open(target)) kept.push(chunk as Buffer);
  assert.ok(Buffer.concat(kept).equals(content));
});

test('a connection that breaks off is taken up by range, where it broke', async (t) => {
  const { repository, requests } = await registry(t, (socket, body, start) => {
    if (start === 0) socket.end(body.subarray(0, 1_700_000));
    else socket.write(body);
  });
  assert.ok((await collect(lent(await repository.open(target)))).equals(content));
  assert.match(requests[1] ?? '', /range: bytes=1700000-/i);
});

test('bytes after the end are nobody’s, and a body that is left is left', async (t) => {
  const { repository } = await registry(t, (socket, body) => void socket.write(Buffer.concat([body, randomBytes(100_000)])));
  assert.ok((await collect(lent(await repository.open(target)))).equals(content));
  const stream = await repository.open(target);
  for await (const chunk of lent(stream)) {
    assert.ok(chunk.length > 0);
    break;
  }
  assert.ok(stream.destroyed);
});

test('the last chunk is its reader’s until the next is asked for, also when the body is stopped meanwhile', async (t) => {
  let asked = 0;
  const { repository } = await registry(t, (socket, body) => void socket.write(asked++ === 0 ? body : body.map((byte) => ~byte)));
  const stop = new AbortController();
  const chunks = lent(await repository.open(target, { signal: stop.signal }))[Symbol.asyncIterator]();
  let last = new Uint8Array();
  for (let size = 0; size < content.length; size += last.length) last = (await chunks.next()).value as Uint8Array<ArrayBuffer>;
  stop.abort();
  await collect(lent(await repository.open(target)));
  assert.ok(content.subarray(-last.length).equals(last));
  await chunks.return?.();
});

test('a body that stops is given up after the idle time, told so, and can be stopped before', async (t) => {
  const { repository } = await registry(t, (socket, body) => void socket.write(body.subarray(0, 600_000)));
  const stop = new AbortController();
  const reading = collect(lent(await repository.open(target, { signal: stop.signal })));
  setTimeout(() => stop.abort(), 200);
  await assert.rejects(reading, (error) => isImageError(error, 'canceled'));
  await assert.rejects(collect(lent(await repository.open(target))), (error) => isImageError(error, 'unavailable'));
});
