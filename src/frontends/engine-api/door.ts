import { randomUUID } from 'node:crypto';
import { ServerResponse, type IncomingMessage, type RequestListener } from 'node:http';
import type { Socket } from 'node:net';
import { Readable, type Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { ImageError, isImageError } from '../../errors.ts';
import { drainLater } from '../../io/drain-later.ts';
import { hostPlatform } from '../../model/platform.ts';
import { version as release } from '../../version.ts';
import { newestVersion, splitVersion, versionText } from './api-version.ts';
import type { Answer } from './answer.ts';
import { versionedStream } from './container-stream.ts';
import { refuseBrowsers } from './refuse-browsers.ts';
import type { Desk, EngineHost } from './desk.ts';
import { Exchange } from './exchange.ts';
import { answerGrpc } from './grpc.ts';
import { failureAnswer, failureText, pageNotFound } from './failure.ts';
import { ListCache } from './list-cache.ts';
import { ProgressLines } from './progress-lines.ts';
import { formBody } from './request-body.ts';
import { RouteTable, singleSlashes, splitTarget } from './route.ts';
import { routes } from './routes.ts';

export type { EngineHost } from './desk.ts';
export { listenOnAddress, listenOnSocket, type EngineListening } from './listen.ts';

/** The two events of a server of node:http that the door listens to. */
export interface EngineDoor {
  readonly request: RequestListener;
  /** True for the few requests whose connection is to speak another protocol: a server that can ask first leaves all others as they are. */
  readonly wantsUpgrade: (request: IncomingMessage) => boolean;
  readonly upgrade: (request: IncomingMessage, socket: Duplex, head: Buffer) => void;
  /** Ends the streams that would go on for ever; to be called when no more requests are taken. */
  readonly end: () => void;
}

export interface EngineDoorOptions {
  /** Refuses everything that changes something here, with 403. */
  readonly readOnly?: boolean;
  /** Told of errors that are the server's own. Default: a line each on stderr. */
  readonly onFault?: (error: unknown, request: IncomingMessage) => void;
}

/**
 * The Docker Engine API over the store: docker's client and SDKs, skopeo's `docker-daemon:` and whatever else speaks it. Without TLS and authentication: who may
 * connect is for whoever listens to decide.
 *
 * A thin skin: it reads requests, calls one verb, and translates.
 */
export function engineDoor(host: EngineHost, options: EngineDoorOptions = {}): EngineDoor {
  const table = new RouteTable(routes);
  const ending = new AbortController();
  const desk: Desk = {
    host,
    id: randomUUID(),
    lists: new ListCache(() => host.store.epoch()),
    pruning: new Set(),
    ending: ending.signal,
  };
  const common = {
    'Api-Version': versionText(newestVersion),
    'Docker-Experimental': 'false',
    Ostype: hostPlatform().os,
    Server: `Bayplan/${release} (${hostPlatform().os})`,
  };

  return {
    request: listener,
    wantsUpgrade: ({ url = '' }) => grpcPath.test(url) || attachPath.test(url),
    upgrade,
    end: () => ending.abort(),
  };

  function listener(request: IncomingMessage, response: ServerResponse): void {
    for (const [name, value] of Object.entries(common)) response.setHeader(name, value);
    if (request.method !== 'GET' && request.method !== 'HEAD') drainLater(request, response);
    const left = new AbortController();
    response.once('close', () => {
      if (!response.writableFinished) left.abort();
    });
    void answerTo(request, response, left.signal).catch((error: unknown) => {
      if (!response.destroyed && isFault(error)) (options.onFault ?? complain)(error, request);
      // The head is out: breaking off is all that still tells the client.
      if (response.headersSent || response.destroyed) response.destroy();
      else write(request, response, failureAnswer(error));
    });
  }

  function upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on('error', () => socket.destroy());
    if (isBrowser(request)) return answerPlainly(request, socket);
    if (grpcPath.test(request.url ?? '') && request.headers.upgrade === 'h2c') {
      void answerGrpc(socket, head).catch(() => socket.destroy());
      return;
    }
    const [, attached] = attachPath.exec(request.url ?? '') ?? [];
    if (attached === undefined) return answerPlainly(request, socket);
    // What a container that does not run says is nothing, and ends at once. Docker's client shows no words of a refusal here; those of the start that it asks for next it does.
    host.containers.get(attached).then(
      ({ document }) => {
        const type = versionedStream(splitVersion(request.url ?? '').version, document.config.Tty);
        socket.end(`HTTP/1.1 101 UPGRADED\r\nContent-Type: ${type}\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n`);
      },
      () => answerPlainly(request, socket),
    );
  }

  /** An upgrade that is not for us, as Java's own client offers with each request: answered like any other, and the connection ends with that. */
  function answerPlainly(request: IncomingMessage, socket: Duplex): void {
    const response = new ServerResponse(request);
    response.shouldKeepAlive = false;
    response.assignSocket(socket as Socket);
    response.once('finish', () => socket.end());
    // Node before 24.9 has given up the body by now.
    const { 'content-length': length = '0', 'transfer-encoding': encoding } = request.headers;
    if (length === '0' && encoding === undefined) listener(request, response);
    else write(request, response, failureAnswer(new ImageError('invalid-argument', 'a request with a body cannot change the protocol')));
  }

  async function answerTo(request: IncomingMessage, response: ServerResponse, signal: AbortSignal): Promise<void> {
    await send(request, response, await makeAnswer(request, signal), (error) => (options.onFault ?? complain)(error, request));
  }

  async function makeAnswer(request: IncomingMessage, signal: AbortSignal): Promise<Answer> {
    refuseBrowsers(request);
    const { method = '' } = request;
    // What docker's own router does with every path.
    if (method === 'OPTIONS') return { status: 200, headers: { 'Content-Length': 0 } };
    const single = singleSlashes(request.url ?? '');
    if (single !== undefined) return { status: 301, headers: { Location: single, 'Content-Length': 0 } };
    const target = splitTarget(request.url ?? '');
    const { version, path } = splitVersion(target.path);
    const found = table.find(method, path);
    if (!found) throw pageNotFound();
    if (options.readOnly && method !== 'GET' && method !== 'HEAD' && !found.route.reads)
      throw new ImageError('denied', 'this server is read-only');
    if (found.route.raw !== true && (method === 'POST' || method === 'PUT'))
      for (const [key, value] of await formBody(request)) target.query.append(key, value);
    return found.route.handler(new Exchange({ desk, request, version, name: found.name, query: target.query, signal }));
  }
}

function isBrowser(request: IncomingMessage): boolean {
  try {
    refuseBrowsers(request);
    return false;
  } catch {
    return true;
  }
}

const grpcPath = /^(?:\/v[0-9.]+)?\/grpc$/;
const attachPath = /^(?:\/v[0-9.]+)?\/containers\/([\w.-]+)\/attach(?:\?|$)/;

async function send(request: IncomingMessage, response: ServerResponse, answer: Answer, onFault: (error: unknown) => void): Promise<void> {
  const { body, lines } = answer;
  if (lines) {
    const out = new ProgressLines(response, () => response.writeHead(answer.status, { ...answer.headers }));
    try {
      await lines(out);
      out.start();
    } catch (error) {
      if (!out.started) throw error;
      if (!response.destroyed && isFault(error)) onFault(error);
      out.fail(failureText(error));
    }
    response.end();
    return;
  }
  if (!(body instanceof Readable)) return write(request, response, answer);
  if (request.method === 'HEAD') {
    body.destroy();
    write(request, response, { status: answer.status, ...(answer.headers ? { headers: answer.headers } : {}) });
    return;
  }
  response.writeHead(answer.status, { ...answer.headers });
  await pipeline(body, response);
}

function write(request: IncomingMessage, response: ServerResponse, { status, headers, body }: Answer): void {
  response.writeHead(status, { ...headers });
  response.end(request.method === 'HEAD' || body instanceof Readable ? undefined : body);
}

/** What somebody who runs the server should know of; not what a client or a registry has done. */
function isFault(error: unknown): boolean {
  return (
    !isImageError(error) || isImageError(error, 'internal', 'permission', 'disk-full', 'store-unusable', 'invalid-config', 'lease-lost')
  );
}

function complain(error: unknown, { method, url }: IncomingMessage): void {
  const what = error instanceof Error ? (error.stack ?? error.message) : String(error);
  process.stderr.write(`${new Date().toISOString()} engine: ${method} ${url?.slice(0, 200)}: ${what}\n`);
}
