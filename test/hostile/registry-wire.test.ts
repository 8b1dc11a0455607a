/** Uploads to servers that answer when they should not, twice, or not at all: what comes after on the same connections is whole, and nobody waits for ever. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { openSync, writeFileSync } from 'node:fs';
import { Agent, createServer as createProxy } from 'node:http';
import { Duplex } from 'node:stream';
import { once } from 'node:events';
import { connect, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createSecureContext } from 'node:tls';

import { ImageError } from '../../src/errors.ts';
import { FileStream } from '../../src/io/file-stream.ts';
import { discard } from '../../src/remote/body.ts';
import { Connections } from '../../src/remote/connections.ts';
import { httpTransport } from '../../src/remote/http-transport.ts';
import type { WireResponse } from '../../src/remote/transport.ts';
import { makeCertificates, openssl } from '../support/certificates.ts';
import { noise } from '../support/lying-registry.ts';
import { rawServer, type RawExchange } from '../support/raw-server.ts';
import { temporary } from '../support/temporary.ts';

const idle = 2000;
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

interface Odd {
  readonly serve: (exchange: RawExchange) => Promise<void>;
  /** What the upload comes to: a status, or the code of an error. */
  readonly comesTo: readonly (number | string)[];
}

const half = (exchange: RawExchange) => exchange.read(Math.floor(exchange.length / 2));
const early = (status: number, more = '', then?: 'end' | 'reset') => ({
  comesTo: [status],
  serve: async (exchange: RawExchange) => {
    exchange.answer(status, more);
    if (then === 'end') exchange.socket.end();
    await exchange.read();
  },
});

const odds: Record<string, Odd> = {
  ...Object.fromEntries([201, 202, 401, 404, 413, 500].map((status) => [`${status} at once`, early(status)])),
  ...Object.fromEntries(
    [201, 202, 401, 404, 413, 500].map((status) => [`${status} at once, and no more`, early(status, 'connection: close\r\n', 'end')]),
  ),
  ...Object.fromEntries(
    [201, 413, 500].map((status) => [
      `${status} in the middle`,
      {
        comesTo: [status],
        serve: async (exchange: RawExchange) => {
          await half(exchange);
          exchange.answer(status);
          await exchange.read();
        },
      },
    ]),
  ),
  'the end in the middle': {
    comesTo: ['unavailable'],
    serve: async (exchange) => {
      await half(exchange);
      exchange.socket.destroy();
    },
  },
  'a reset in the middle': {
    comesTo: ['unavailable'],
    serve: async (exchange) => {
      await half(exchange);
      exchange.reset();
    },
  },
  'half of an answer': {
    comesTo: ['unavailable', 'protocol'],
    serve: async (exchange) => {
      await exchange.read();
      exchange.write('HTTP/1.1 201 Cre');
      exchange.socket.end();
    },
  },
  '100 and 103 that nobody asked for': {
    comesTo: [201],
    serve: async (exchange) => {
      exchange.write('HTTP/1.1 100 Continue\r\n\r\n');
      await half(exchange);
      exchange.write('HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n');
      await exchange.read();
      exchange.answer(201);
    },
  },
  '101 that nobody asked for': {
    comesTo: ['unavailable', 'protocol'],
    serve: async (exchange) => {
      await exchange.read();
      exchange.write('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n');
    },
  },
  '101 in the middle': {
    comesTo: ['unavailable', 'protocol'],
    serve: async (exchange) => {
      await half(exchange);
      exchange.write('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n');
      await exchange.read();
    },
  },
  'two answers': {
    comesTo: [201],
    serve: async (exchange) => {
      await exchange.read();
      exchange.write('HTTP/1.1 201 Created\r\ncontent-length: 0\r\n\r\nHTTP/1.1 500 Ha\r\ncontent-length: 0\r\n\r\n');
    },
  },
  'garbage behind the answer': {
    comesTo: [201, 'protocol'],
    serve: async (exchange) => {
      await exchange.read();
      exchange.write('HTTP/1.1 201 Created\r\ncontent-length: 0\r\n\r\n\0\0garbage');
    },
  },
  'garbage in the middle': {
    comesTo: ['protocol'],
    serve: async (exchange) => {
      await half(exchange);
      exchange.write('SSH-2.0-OpenSSH_9.9\r\n');
      await exchange.read();
    },
  },
  'a stall': {
    comesTo: ['unavailable'],
    serve: async (exchange) => {
      exchange.socket.pause();
      await sleep(10_000, undefined, { ref: false });
    },
  },
};

async function good(exchange: RawExchange): Promise<void> {
  const bytes = await exchange.read();
  exchange.answer(201, `x-sha256: ${sha256(bytes)}\r\nx-size: ${bytes.length}\r\n`);
}

async function bench(t: TestContext, way: 'plain' | 'tls' | 'proxy') {
  const folder = temporary(t);
  const made = way === 'plain' ? undefined : await makeCertificates(folder);
  const server = await rawServer(
    t,
    (exchange) => (exchange.path === '/good' ? good(exchange) : (odds[decodeURIComponent(exchange.path.slice(1))] as Odd).serve(exchange)),
    made && { cert: made.server.cert, key: made.server.keyText },
  );
  const connections = new Connections();
  t.after(() => connections.close());
  const proxy = way === 'proxy' ? await connectProxy(t) : undefined;
  const context = made && createSecureContext({ ca: made.authority.cert });
  const transport = httpTransport({
    connections,
    timeouts: { connect: 5000, headers: 2000, idle },
    proxy: () => proxy,
    tls: async () => made && { id: 'test', context, verify: true },
    widen: () => false,
    userAgent: 'test',
  });
  const put = async (path: string, file: string, length: number, start = 0): Promise<WireResponse> => {
    const response = await transport({
      method: 'PUT',
      url: new URL(`${made ? 'https' : 'http'}://127.0.0.1:${server.port}/${encodeURIComponent(path)}`),
      body: { length, open: async () => new FileStream(openSync(file, 'r'), { start, length }) },
    });
    discard(response);
    return response;
  };
  return { folder, server, put };
}

async function connectProxy(t: TestContext): Promise<URL> {
  const server = createProxy().listen(0, '127.0.0.1');
  server.on('connect', (request, client, head) => {
    const target = connect(Number(request.url?.split(':')[1]), '127.0.0.1', () => {
      client.write('HTTP/1.1 200 Connected\r\n\r\n');
      target.write(head);
      target.pipe(client).pipe(target);
    });
    for (const socket of [client, target]) socket.on('error', () => (client.destroy(), target.destroy()));
    client.once('close', () => target.destroy());
    target.once('close', () => client.destroy());
  });
  await once(server, 'listening');
  t.after(() => server.closeAllConnections());
  t.after(() => server.close());
  return new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
}

async function outcome(upload: Promise<WireResponse>): Promise<number | string> {
  const late = sleep(8000, 'it hangs', { ref: false });
  return Promise.race([
    late,
    upload.then(
      ({ status }) => status,
      (error: unknown) => (error instanceof ImageError ? error.code : String(error)),
    ),
  ]);
}

for (const way of ['plain', 'tls', 'proxy'] as const)
  test(`uploads one after the other go through one connection: ${way}`, { skip: way !== 'plain' && openssl.skip }, async (t) => {
    const { folder, put, server } = await bench(t, way);
    for (const size of [0, 1, 100_000, 512 * 1024, 4 * 1024 * 1024, 4 * 1024 * 1024 + 1, 3]) {
      const bytes = noise(size);
      writeFileSync(join(folder, 'bytes'), bytes);
      const { headers, body } = await put('good', join(folder, 'bytes'), size);
      assert.equal(headers['x-sha256'], sha256(bytes));
      if (!body.closed) await once(body, 'close');
      // The connection is given back in the next turn.
      await sleep(5);
    }
    assert.equal(server.connections(), 1);
  });

for (const way of ['plain', 'tls', 'proxy'] as const)
  test(`after whatever a server says or does, the next upload is whole: ${way}`, { skip: way !== 'plain' && openssl.skip }, async (t) => {
    const { folder, put } = await bench(t, way);
    const file = (name: string, size: number, seed: number) => {
      const bytes = noise(size, seed);
      writeFileSync(join(folder, name), bytes);
      return { path: join(folder, name), size, digest: sha256(bytes) };
    };
    const bad = (way === 'plain' ? [1, 300_000, 9_000_000] : [9_000_000]).map((size, at) => file(`bad${at}`, size, 7 + at));
    const fine = [0, 1, 4 * 1024 * 1024, 4 * 1024 * 1024 + 1].map((size, at) => file(`fine${at}`, size, 99 + at));
    const failures: string[] = [];
    for (const [name, { comesTo }] of Object.entries(odds))
      for (const { path, size } of bad) {
        // What goes into the system's own memory is not stalled.
        if (name === 'a stall' && size < 9_000_000) continue;
        const came = outcome(put(name, path, size));
        const beside = put('good', fine[3]?.path ?? '', fine[3]?.size ?? 0);
        const is = await came;
        if (!comesTo.includes(is)) failures.push(`${name}, ${size} bytes: ${is}`);
        for (const one of [{ ...fine[3], response: beside }, ...fine.map((one) => ({ ...one, response: undefined }))]) {
          try {
            const { headers } = await (one.response ?? put('good', one.path ?? '', one.size ?? 0));
            if (headers['x-sha256'] !== one.digest)
              failures.push(`${name}, ${size} bytes: then ${headers['x-size']} of ${one.size} and another digest`);
          } catch (error) {
            failures.push(`${name}, ${size} bytes: then ${one.size} failed: ${String(error)}`);
          }
        }
      }
    // A file that became shorter since its size was read.
    assert.equal(await outcome(put('good', fine[3]?.path ?? '', fine[3]?.size ?? 0, 1)), 'size-mismatch');
    assert.equal((await put('good', fine[2]?.path ?? '', fine[2]?.size ?? 0)).headers['x-sha256'], fine[2]?.digest);
    assert.deepEqual(failures, []);
  });

/** A connection that the test sees the writes of: `take` says when one has gone out. Of what was written it keeps the memory itself. */
function slowAgent(take: (chunk: Buffer, done: () => void, connection: Duplex) => void): Agent {
  class Slow extends Agent {
    override createConnection(): Duplex {
      const connection: Duplex = new Duplex({ read: () => {}, write: (chunk: Buffer, _encoding, done) => take(chunk, done, connection) });
      return Object.assign(connection, { setNoDelay: () => connection, setKeepAlive: () => connection, setTimeout: () => connection });
    }
  }
  return new Slow();
}

for (const end of ['answers early', 'breaks'] as const)
  test(`what is still on its way when the server ${end} is not overwritten by the uploads that follow`, async (t) => {
    const size = 1024 * 1024;
    const file = (letter: string) => {
      const path = join(folder, letter);
      writeFileSync(path, Buffer.alloc(size, letter));
      return path;
    };
    const folder = temporary(t);
    const sent = new Map<Duplex, number>();
    let held: Buffer | undefined;
    const agent = slowAgent((chunk, done, connection) => {
      if (chunk.toString('latin1', 0, 4) === 'PUT ') return done();
      const count = (sent.get(connection) ?? 0) + chunk.length;
      sent.set(connection, count);
      if (count < size) return done();
      if (held) {
        done();
        connection.push('HTTP/1.1 201 Created\r\ncontent-length: 0\r\n\r\n');
      } else if (chunk.length > 0) {
        held = chunk;
        if (end === 'breaks') connection.destroy(new Error('ECONNRESET'));
        else connection.push('HTTP/1.1 202 Accepted\r\ncontent-length: 5\r\n\r\n');
      }
    });
    t.after(() => agent.destroy());
    const transport = httpTransport({
      connections: { http: agent } as unknown as Connections,
      timeouts: { connect: 5000, headers: 2000, idle: 5000 },
      proxy: () => undefined,
      tls: async () => undefined,
      widen: () => false,
      userAgent: 'test',
    });
    const put = (letter: string) =>
      transport({
        method: 'PUT',
        url: new URL('http://127.0.0.1:1/'),
        body: { length: size, open: async () => new FileStream(openSync(file(letter), 'r'), { start: 0, length: size }) },
      });
    const first = put('A');
    if (end === 'breaks') await assert.rejects(first, { code: 'unavailable' });
    else assert.equal((await first).status, 202);
    for (const letter of ['B', 'C']) discard(await put(letter));
    assert.ok(held);
    assert.equal(
      held.findIndex((byte) => byte !== 65),
      -1,
      'another’s bytes are in it',
    );
  });
