/** Eight clients at once that cut their uploads into pieces of any size, and ask for more right behind them: every blob is the one that was sent, and every answer its own request's. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';

import { digest, startDoor, type Door } from '../contracts/registry-door.ts';
import { noise } from '../support/lying-registry.ts';

/** The statuses of all answers to bytes that are written piece by piece. The last request must ask to close. */
async function statuses(door: Door, pieces: Iterable<Uint8Array>): Promise<readonly number[]> {
  const { hostname, port } = new URL(door.address);
  const socket = connect(Number(port), hostname);
  let said = '';
  socket.on('data', (bytes: Buffer) => (said += bytes.toString('latin1')));
  const closed = once(socket, 'close');
  let count = 0;
  for (const piece of pieces) {
    if (!socket.write(piece)) await once(socket, 'drain');
    // Now and then it is a packet of its own.
    if (++count % 3 === 0) await turn();
  }
  await closed;
  return Array.from(said.matchAll(/HTTP\/1\.1 (\d{3}) /g), ([, status]) => Number(status));
}

const text = (...lines: readonly string[]) => Buffer.from(`${lines.join('\r\n')}\r\n\r\n`);
const behind = [text('GET /v2/ HTTP/1.1', 'Host: x'), text('GET /v2/nothing/tags/list HTTP/1.1', 'Host: x', 'Connection: close')];

function* cut(bytes: Buffer, size: () => number): Generator<Buffer> {
  for (let at = 0; at < bytes.length;) {
    const end = Math.min(bytes.length, at + size());
    yield bytes.subarray(at, end);
    at = end;
  }
}

function* chunked(bytes: Buffer, size: () => number, extension: string, trailer: string): Generator<Buffer> {
  for (const part of cut(bytes, size))
    yield Buffer.concat([Buffer.from(`${part.length.toString(16)}${extension}\r\n`), part, Buffer.from('\r\n')]);
  yield Buffer.from(`0\r\n${trailer}\r\n`);
}

const sizes = {
  'one byte': [() => 1, 4000],
  'as large as a read': [() => 65_536, 3_000_000],
  'of any size': [() => 1 + Math.floor(Math.random() * 65_536), 3_000_000],
} as const;

for (const way of ['of known length', 'in chunks', 'in chunks with extensions and a trailer'] as const)
  for (const [name, [size, length]] of Object.entries(sizes))
    test(`a body ${way}, in pieces ${name === 'one byte' ? 'of ' : ''}${name}`, async (t) => {
      const door = await startDoor(t);
      const upload = async (seed: number, path: string, body: Buffer) => {
        const head = [`PUT ${path}?digest=${digest(body)} HTTP/1.1`, 'Host: x'];
        const odd = way === 'in chunks with extensions and a trailer';
        const pieces =
          way === 'of known length'
            ? [text(...head, `Content-Length: ${body.length}`), ...cut(body, size)]
            : [
                text(...head, 'Transfer-Encoding: chunked'),
                ...chunked(body, size, odd ? ';a=b;c="d e"' : '', odd ? 'X-Trailer: 1\r\n' : ''),
              ];
        assert.deepEqual(await statuses(door, [...pieces, ...behind]), [201, 200, 404], `upload ${seed}`);
      };
      await Promise.all(
        Array.from({ length: 8 }, async (_, seed) => {
          const body = noise(length + seed, seed + 1);
          const { headers } = await door.send('POST', `/v2/app${seed}/blobs/uploads/`);
          await upload(seed, String(headers.location), body);
          const { body: kept } = await door.send('GET', `/v2/app${seed}/blobs/${digest(body)}`);
          assert.ok(kept.equals(body));
        }),
      );
    });
