import { request as httpRequest, type ClientRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import type { Socket } from 'node:net';
import type { Writable } from 'node:stream';
import { asImageError, ImageError, isImageError } from '../errors.ts';
import { canceled } from '../io/concurrently.ts';
import { lent } from '../io/lent.ts';
import { literalReach } from './address-reach.ts';
import { proxyAuthorization, refusedAddress, type Connections, type TlsSettings } from './connections.ts';
import type { ProxyFor } from './proxy.ts';
import { SocketBody, worthTakingOver } from './socket-body.ts';
import type { StreamedBody, Timeouts, Transport, WireRequest, WireResponse } from './transport.ts';

export interface HttpSettings {
  readonly connections: Connections;
  readonly timeouts: Timeouts;
  readonly proxy: ProxyFor;
  /** Certificates and checks for one host and port. */
  readonly tls: (url: URL) => Promise<TlsSettings | undefined>;
  /** Asked when a certificate is not accepted: true where `tls` now answers with more trust. */
  readonly widen: (url: URL, error: ImageError) => boolean;
  readonly userAgent: string;
}

/**
 * One request, one answer, over node:http: no redirect is followed, nothing is repeated, no credential is added.
 * @throws ImageError `unavailable` with `detail.reason` (`ECONNRESET` …), `insecure` for a certificate or an address that is refused, `protocol`, `canceled`
 */
export function httpTransport(settings: HttpSettings): Transport {
  return async (request) => {
    const { url, signal } = request;
    if (signal?.aborted) throw canceled(signal.reason);
    const literal = request.allowAddress === undefined ? undefined : literalReach(url.hostname);
    if (literal !== undefined && request.allowAddress?.(loopbackName(url.hostname)) === false) throw refusedAddress(url.hostname);
    const once = async () => {
      const [send, options] = await prepare(request, settings);
      return exchange(send(options), request, settings.timeouts);
    };
    try {
      return await once();
    } catch (error) {
      // A stream may be half read by now; its request never is the first to a host.
      const again =
        isImageError(error, 'insecure') && (request.body === undefined || request.body instanceof Uint8Array) && settings.widen(url, error);
      if (!again) throw error;
      return once();
    }
  };
}

function loopbackName(hostname: string): string {
  return hostname.endsWith('localhost') ? '127.0.0.1' : hostname;
}

type Send = (options: RequestOptions) => ClientRequest;

async function prepare(request: WireRequest, settings: HttpSettings): Promise<[Send, RequestOptions]> {
  const { url } = request;
  const secure = url.protocol === 'https:';
  const proxy = settings.proxy(url);
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const length = request.body === undefined ? undefined : request.body instanceof Uint8Array ? request.body.length : request.body.length;
  const options: RequestOptions = {
    method: request.method,
    host,
    port: url.port || (secure ? 443 : 80),
    path: url.pathname + url.search,
    headers: {
      host: url.host,
      'user-agent': settings.userAgent,
      // A digest is over the bytes as they are stored; nobody may pack them for the way.
      'accept-encoding': 'identity',
      ...(length === undefined ? {} : { 'content-length': String(length) }),
      ...(request.body === undefined && (request.method === 'POST' || request.method === 'PUT' || request.method === 'PATCH')
        ? { 'content-length': '0' }
        : {}),
      ...request.headers,
    },
    way: {
      proxy,
      allowAddress: proxy === undefined ? request.allowAddress : undefined,
      connectTimeout: settings.timeouts.connect,
      ...(secure ? { tls: await settings.tls(url) } : {}),
    },
  };
  if (secure) {
    const { request: httpsRequest } = await import('node:https');
    return [httpsRequest, { ...options, agent: await settings.connections.https() }];
  }
  if (proxy === undefined) return [httpRequest, { ...options, agent: settings.connections.http }];
  const whole: RequestOptions = {
    ...options,
    host: proxy.hostname.replace(/^\[|\]$/g, ''),
    port: proxy.port || (proxy.protocol === 'https:' ? 443 : 80),
    path: `${url.origin}${url.pathname}${url.search}`,
    headers: { ...(options.headers as Record<string, string>), ...proxyAuthorization(proxy) },
    agent: settings.connections.http,
  };
  if (proxy.protocol !== 'https:') return [httpRequest, whole];
  const { request: httpsRequest } = await import('node:https');
  return [httpsRequest, { ...whole, agent: await settings.connections.https(), way: { connectTimeout: settings.timeouts.connect } }];
}

function exchange(outgoing: ClientRequest, request: WireRequest, timeouts: Timeouts): Promise<WireResponse> {
  const { url, signal, body } = request;
  return new Promise((resolve, reject) => {
    let headersTimer: NodeJS.Timeout | undefined;
    let answered = false;
    const awaitHeaders = () => {
      const limit = request.headersTimeout ?? timeouts.headers;
      headersTimer ??= setTimeout(() => outgoing.destroy(silent(`no answer within ${Math.round(limit / 1000)} s`, limit)), limit);
    };
    const onAbort = () => outgoing.destroy(canceled(signal?.reason));
    const settle = () => {
      answered = true;
      clearTimeout(headersTimer);
      signal?.removeEventListener('abort', onAbort);
    };
    signal?.addEventListener('abort', onAbort, { once: true });
    let sending: Promise<void> = Promise.resolve();
    // Both only when the source of the body has ended: whoever repeats this opens it again, and never twice at once.
    const answer = async (response: WireResponse) => {
      await sending;
      resolve(response);
    };
    const fail = async (error: Error) => {
      settle();
      await sending;
      reject(signal?.aborted ? canceled(signal.reason) : wireError(error, url));
    };
    outgoing.once('finish', awaitHeaders);
    outgoing.once('response', (incoming: IncomingMessage) => {
      settle();
      // An answer that comes before the whole question: what is left of that is not sent, and the connection is of no further use.
      if (!outgoing.writableFinished) incoming.once('close', () => outgoing.destroy());
      const body = (request.lends === true && takenOver(incoming)) || incoming;
      void answer({ status: incoming.statusCode ?? 0, headers: joined(incoming), url, body });
    });
    // Who does not listen for this hears nothing at all. The connection is nobody's by then.
    outgoing.once('upgrade', (_incoming, socket) => {
      socket.destroy();
      void fail(new ImageError('protocol', `${url.host} goes over to another protocol, which nobody asked for`));
    });
    // Stays for good: errors after the answer are the body's, and an emitter without a listener would end the process.
    outgoing.on('error', (error) => void fail(error));
    if (body === undefined || body instanceof Uint8Array) {
      outgoing.end(body);
      return;
    }
    sending = send(outgoing, body, timeouts, () => answered).catch((error: unknown) => {
      settle();
      outgoing.destroy();
      reject(signal?.aborted ? canceled(signal.reason) : asImageError(error, 'cannot read what is to be sent'));
    });
  });
}

function takenOver(incoming: IncomingMessage): SocketBody | undefined {
  const { 'content-length': length = '', 'transfer-encoding': coding } = incoming.headers;
  const isContent = incoming.statusCode === 200 || incoming.statusCode === 206;
  if (!isContent || coding !== undefined || !/^\d{1,15}$/.test(length) || Number(length) < worthTakingOver) return undefined;
  return SocketBody.take(incoming, Number(length));
}

/** Writes a body as fast as the connection takes it; ends early where the answer is already there. Errors of the source come out as they are. */
async function send(outgoing: ClientRequest, body: StreamedBody, timeouts: Timeouts, answered: () => boolean): Promise<void> {
  const source = await body.open();
  const isOver = () => answered() || outgoing.destroyed;
  const socket = body.length === undefined || isOver() ? undefined : await socketOf(outgoing);
  // A body of a known length is no more than its bytes: past the request each costs half as much.
  const taker = new Taker(outgoing, socket ?? outgoing, timeouts.idle);
  try {
    for await (const chunk of lent(source)) {
      if (isOver()) return;
      await taker.take(chunk);
      // Asked for another, the source would fill this one's memory, which may still be on its way; or, at its end, lend it to another upload.
      if (isOver()) return;
    }
  } finally {
    taker.end();
  }
  if (!isOver()) outgoing.end();
}

/** The connection of a request once its headers have gone there; undefined where there will be none. */
function socketOf(outgoing: ClientRequest): Promise<Socket | undefined> {
  outgoing.flushHeaders();
  return new Promise((resolve) => {
    const done = () => {
      for (const event of ['socket', 'close', 'error']) outgoing.off(event, done);
      resolve(outgoing.destroyed ? undefined : (outgoing.socket ?? undefined));
    };
    // Those who wait go on when the headers have been passed on: that is done right after this event.
    for (const event of ['socket', 'close', 'error']) outgoing.on(event, done);
    if (outgoing.socket) done();
  });
}

const endings = ['close', 'error', 'response'] as const;

/** Hands chunks to a connection, one at a time. */
class Taker {
  readonly #outgoing: ClientRequest;
  readonly #destination: Writable;
  readonly #timer: NodeJS.Timeout;
  #wake: (() => void) | undefined;
  readonly #done = () => this.#wake?.();

  constructor(outgoing: ClientRequest, destination: Writable, idle: number) {
    this.#outgoing = outgoing;
    this.#destination = destination;
    for (const event of endings) outgoing.on(event, this.#done);
    const late = () => {
      if (this.#wake) outgoing.destroy(silent(`nothing was taken for ${Math.round(idle / 1000)} s`, idle));
    };
    this.#timer = setTimeout(late, idle);
  }

  /** Writes a chunk and waits until the connection has taken it, and its memory may be used again; or until all is over, and it may not. */
  take(chunk: Uint8Array): Promise<void> {
    this.#timer.refresh();
    return new Promise((resolve) => {
      this.#wake = () => {
        this.#wake = undefined;
        resolve();
      };
      this.#destination.write(chunk, this.#done);
    });
  }

  end(): void {
    clearTimeout(this.#timer);
    for (const event of endings) this.#outgoing.off(event, this.#done);
  }
}

function joined(incoming: IncomingMessage): Record<string, string | undefined> {
  const headers: Record<string, string | undefined> = {};
  for (const [name, value] of Object.entries(incoming.headers)) headers[name] = Array.isArray(value) ? value.join(', ') : value;
  return headers;
}

/** A host that was waited for, milliseconds long, and did nothing. */
function silent(what: string, waited: number): NodeJS.ErrnoException {
  return Object.assign(new Error(what), { code: 'ETIMEDOUT', waited });
}

/** What went wrong between here and a host, in words. */
export function wireError(error: NodeJS.ErrnoException, url: URL): ImageError {
  if (error instanceof ImageError) return error;
  const code = error.code ?? '';
  if (code.startsWith('HPE_'))
    return new ImageError('protocol', `${url.host} answers with something that is not HTTP: ${error.message}`, {
      cause: error,
      detail: { reason: code },
    });
  if (/ALERT.*(?:CERTIFICATE|UNKNOWN_CA|ACCESS_DENIED)/.test(code))
    return new ImageError('unauthorized', `${url.host} wants a client certificate that it knows: ${error.message.split(':')[5] ?? code}`, {
      hint: `Put the certificate and its key into certs.d/${url.host}/client.cert and client.key.`,
      cause: error,
      detail: { reason: code },
    });
  if (certificateErrors.test(code))
    return new ImageError('insecure', `the certificate of ${url.host} is not accepted: ${error.message}`, {
      hint: `Put the certificate of its authority into certs.d/${url.host}/ca.crt, or mark the registry as insecure where you know what that means.`,
      cause: error,
      detail: { reason: code },
    });
  if (code === 'EPROTO' || code.startsWith('ERR_SSL_'))
    return new ImageError('unavailable', `${url.host} does not speak TLS as it should: ${error.message.split('\n')[0]}`, {
      hint: 'If it is a plain http registry, say so with --plain-http or `insecure = true` in registries.conf.',
      cause: error,
      detail: { reason: code || 'EPROTO' },
    });
  const known: Record<string, string> = {
    ECONNREFUSED: 'connection refused',
    ECONNRESET: 'the connection was closed',
    EPIPE: 'the connection was closed',
    ENOTFOUND: 'no such host',
    EAI_AGAIN: 'the name server does not answer',
    EHOSTUNREACH: 'no route to it',
    ENETUNREACH: 'no network',
  };
  const nested = error instanceof AggregateError ? (error.errors[0] as NodeJS.ErrnoException | undefined) : undefined;
  const reason = code || nested?.code || 'unknown';
  return new ImageError('unavailable', `cannot reach ${url.host}: ${known[reason] ?? (error.message || nested?.message || reason)}`, {
    cause: error,
    detail: { host: url.host, reason, ...('waited' in error && typeof error.waited === 'number' ? { waited: error.waited } : {}) },
  });
}

const certificateErrors =
  /^(?:CERT_|ERR_TLS_CERT_|UNABLE_TO_|DEPTH_ZERO_SELF_SIGNED|SELF_SIGNED_|INVALID_CA|INVALID_PURPOSE|HOSTNAME_MISMATCH|ERR_SSL_.*(?:CERTIFICATE|UNKNOWN_CA))/;
