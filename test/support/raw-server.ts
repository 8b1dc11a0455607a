/**
 * A server of HTTP that is written by hand, for what node's own would never send: answers in the middle of a body, two of them, none, garbage.
 *
 *   const server = await rawServer(t, async (exchange) => { await exchange.read(100); exchange.write('HTTP/1.1 201 Created\r\ncontent-length: 0\r\n\r\n'); });
 */
import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import type { TestContext } from 'node:test';
import { createServer as createTlsServer, TLSSocket, type TlsOptions } from 'node:tls';

export class RawExchange {
  readonly socket: Socket;
  readonly head: string;
  readonly path: string;
  readonly length: number;
  /** Bytes of the body that have not been read. */
  #left: number;
  readonly #bytes: () => Promise<Buffer | undefined>;
  readonly #back: (bytes: Buffer) => void;

  constructor(socket: Socket, head: string, bytes: () => Promise<Buffer | undefined>, back: (bytes: Buffer) => void) {
    this.socket = socket;
    this.head = head;
    this.path = head.split(' ')[1] ?? '';
    this.length = Number(/^content-length: (\d+)/im.exec(head)?.[1] ?? 0);
    this.#left = this.length;
    this.#bytes = bytes;
    this.#back = back;
  }

  /** So many bytes of the body, or the rest; fewer where the client leaves before. */
  async read(count = this.#left): Promise<Buffer> {
    const parts: Buffer[] = [];
    let left = Math.min(count, this.#left);
    this.#left -= left;
    while (left > 0) {
      const bytes = await this.#bytes();
      if (!bytes) break;
      parts.push(bytes.subarray(0, left));
      if (bytes.length > left) this.#back(bytes.subarray(left));
      left -= Math.min(left, bytes.length);
    }
    return Buffer.concat(parts);
  }

  /** Ends the connection with a reset, where that can be told from its end: below TLS it cannot. */
  reset(): void {
    if (this.socket instanceof TLSSocket) this.socket.destroy();
    else this.socket.resetAndDestroy();
  }

  write(text: string): void {
    this.socket.write(text);
  }

  answer(status: number, more = ''): void {
    this.write(`HTTP/1.1 ${status} Said\r\ncontent-length: 0\r\n${more}\r\n`);
  }
}

/** Calls `serve` for each request, one after the other on a connection, as long as that is open. */
export async function rawServer(
  t: Pick<TestContext, 'after'>,
  serve: (exchange: RawExchange) => Promise<void>,
  tls?: TlsOptions,
): Promise<{ readonly port: number; readonly connections: () => number }> {
  const sockets = new Set<Socket>();
  let connections = 0;
  const onSocket = (socket: Socket) => {
    connections++;
    sockets.add(socket);
    socket.on('error', () => undefined).once('close', () => sockets.delete(socket));
    void talk(socket, serve);
  };
  const server: Server = tls ? createTlsServer(tls, onSocket) : createServer({ highWaterMark: 64 * 1024 }, onSocket);
  server.on('tlsClientError', () => undefined).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, connections: () => connections };
}

async function talk(socket: Socket, serve: (exchange: RawExchange) => Promise<void>): Promise<void> {
  const waiting: Buffer[] = [];
  const incoming = socket.iterator({ destroyOnReturn: false }) as AsyncIterator<Buffer>;
  const next = async (): Promise<Buffer | undefined> => {
    const kept = waiting.pop();
    if (kept) return kept;
    const { done, value } = await incoming.next().catch(() => ({ done: true as const, value: undefined }));
    return done === true ? undefined : value;
  };
  for (;;) {
    let head = Buffer.alloc(0);
    let end: number;
    while ((end = head.indexOf('\r\n\r\n')) < 0) {
      const bytes = await next();
      if (!bytes) return;
      head = Buffer.concat([head, bytes]);
    }
    if (head.length > end + 4) waiting.push(head.subarray(end + 4));
    await serve(new RawExchange(socket, head.subarray(0, end).toString('latin1'), next, (bytes) => waiting.push(bytes)));
  }
}
