import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, request as ask, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test, type TestContext } from 'node:test';
import { isImageError } from '../../errors.ts';
import { lent } from '../../io/lent.ts';
import { requestBody } from './request-body.ts';

const bytes = randomBytes(3_000_000);
const options = { limit: bytes.length, what: 'the blob', idle: 10_000 };

/** What a server makes of a request with all of the bytes. */
async function received<T>(t: TestContext, work: (request: IncomingMessage) => Promise<T>): Promise<T> {
  const done = Promise.withResolvers<T>();
  const server = createServer((request, response) => {
    done.resolve(work(request).finally(() => response.end()));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  ask({ port, host: '127.0.0.1', method: 'PUT', agent: false })
    .on('error', () => undefined)
    .on('response', (response) => response.resume())
    .end(bytes);
  return done.promise;
}

test('what is given is the reader’s to keep', async (t) => {
  const chunks = await received(t, (request) => Array.fromAsync(requestBody(request, options)));
  assert.ok(Buffer.concat(chunks).equals(bytes));
});

test('what is lent is whole, and its memory is given back when the next chunk is asked for', async (t) => {
  const { copies, chunks } = await received(t, async (request) => {
    const copies: Buffer[] = [];
    const chunks: Uint8Array[] = [];
    for await (const chunk of lent(requestBody(request, options))) {
      copies.push(Buffer.from(chunk));
      chunks.push(chunk);
    }
    return { copies, chunks };
  });
  assert.ok(Buffer.concat(copies).equals(bytes));
  const kept = chunks.reduce((sum, { byteLength }) => sum + byteLength, 0);
  assert.ok(kept < 100_000, `${kept} bytes were kept`);
});

test('more than the limit is refused, given or lent', async (t) => {
  for (const way of ['given', 'lent'])
    await assert.rejects(
      received(t, async (request) => {
        const body = requestBody(request, { ...options, limit: 1_000_000 });
        for await (const _ of way === 'lent' ? body.lent() : body);
      }),
      (error) => isImageError(error, 'too-large'),
      way,
    );
});
