import { Agent as HttpAgent, request as httpRequest, type ClientRequestArgs } from 'node:http';
import { connect, type LookupFunction, type Socket, type TcpNetConnectOpts } from 'node:net';
import { lookup } from 'node:dns';
import type { SecureContext } from 'node:tls';
import type { Duplex } from 'node:stream';
import { ImageError } from '../errors.ts';
import type { SecureAgent } from './secure-agent.ts';
import { setReader, SocketReader } from './socket-reader.ts';

/** What a connection is made with beyond host and port; connections are shared only between requests that agree in it. */
export interface Way {
  readonly proxy?: URL | undefined;
  readonly allowAddress?: ((address: string) => boolean) | undefined;
  readonly connectTimeout: number;
  readonly tls?: TlsSettings | undefined;
}

export interface TlsSettings {
  /** Names what is in the context, to tell connections apart. */
  readonly id: string;
  readonly context: SecureContext | undefined;
  readonly verify: boolean;
}

declare module 'node:http' {
  interface ClientRequestArgs {
    way?: Way;
  }
}

/** More at once to one host help nobody: `copy` moves four pieces, and registries throttle. */
const maxSockets = 16;
/** Of an idle connection, in milliseconds: a registry may keep one for ever. One that is used is left alone by this. */
const idleLife = 15_000;
const agentOptions = { keepAlive: true, maxSockets, maxFreeSockets: 8, scheduling: 'lifo', timeout: idleLife } as const;

/** Kept-alive connections, http and https, direct and through proxies, shared by all that one host asks of registries. Idle ones keep no process alive. */
export class Connections {
  readonly http: HttpAgent = new PlainAgent(agentOptions);
  #https: Promise<SecureAgent> | undefined;

  /** Loaded when it is first asked for: TLS costs a plain transfer a tenth of its start. */
  https(): Promise<SecureAgent> {
    this.#https ??= import('./secure-agent.ts').then(({ SecureAgent }) => new SecureAgent(agentOptions));
    return this.#https;
  }

  close(): void {
    this.http.destroy();
    void this.#https?.then((agent) => agent.destroy());
  }
}

export function wayName({ way }: ClientRequestArgs): string {
  return way === undefined ? '' : `:${way.proxy?.href ?? ''}:${way.allowAddress === undefined ? '' : 'guarded'}:${way.tls?.id ?? ''}`;
}

class PlainAgent extends HttpAgent {
  override getName(options: ClientRequestArgs = {}): string {
    return super.getName(options) + wayName(options);
  }

  override createConnection(options: ClientRequestArgs): Duplex {
    const way = options.way;
    const reader = new SocketReader((bytes) => void socket.emit('data', bytes));
    const socket: Socket = connect({
      ...(options as TcpNetConnectOpts),
      ...guard(way),
      noDelay: true,
      onread: { buffer: () => reader.space(), callback: (length, bytes) => reader.filled(length, bytes) },
    });
    setReader(socket, reader);
    return limitConnect(socket, 'connect', way);
  }
}

/** A name may have an address that it must not have here; the check is made on the very address that is connected to, so that a second answer of the name server changes nothing. */
export function guard(way: Way | undefined): { lookup?: LookupFunction } {
  const allow = way?.allowAddress;
  if (allow === undefined) return {};
  return {
    lookup: (hostname, options, callback) => {
      lookup(hostname, { ...options, all: true }, (error, addresses) => {
        if (error) return callback(error, '', 0);
        const refused = addresses.find(({ address }) => !allow(address));
        const first = addresses[0];
        if (refused || !first) return callback(refusedAddress(hostname, refused?.address), '', 0);
        return options.all === true ? callback(null, addresses) : callback(null, first.address, first.family);
      });
    },
  };
}

export function refusedAddress(hostname: string, address = hostname): ImageError {
  return new ImageError('insecure', `${hostname} is at the internal address ${address}, and a public registry has no business there`, {
    hint: 'Nothing was sent. If the registry is yours, let it name an address as public as its own.',
    detail: { host: hostname, address },
  });
}

export function limitConnect(socket: Socket, event: 'connect' | 'secureConnect', way: Way | undefined): Socket {
  if (way === undefined) return socket;
  const timer = setTimeout(() => socket.destroy(connectTimeout(way.connectTimeout)), way.connectTimeout);
  const stop = () => clearTimeout(timer);
  socket.once(event, stop).once('close', stop);
  return socket;
}

function connectTimeout(milliseconds: number): Error {
  return Object.assign(new Error(`no connection within ${Math.round(milliseconds / 1000)} s`), { code: 'ETIMEDOUT', waited: milliseconds });
}

/** A connection to `target` through an http proxy (RFC 9110, CONNECT). The proxy's own name and password go to the proxy alone. */
export async function tunnel(proxy: URL, target: string, timeout: number): Promise<Duplex> {
  const request = proxy.protocol === 'https:' ? (await import('node:https')).request : httpRequest;
  return new Promise((resolve, reject) => {
    const connecting = request({
      host: proxy.hostname.replace(/^\[|\]$/g, ''),
      port: proxy.port || (proxy.protocol === 'https:' ? 443 : 80),
      method: 'CONNECT',
      path: target,
      agent: false,
      headers: { host: target, ...proxyAuthorization(proxy) },
    });
    const timer = setTimeout(() => connecting.destroy(connectTimeout(timeout)), timeout);
    connecting.once('connect', (response, socket, head) => {
      clearTimeout(timer);
      if (response.statusCode === 200 && head.length === 0) return resolve(socket);
      socket.destroy();
      reject(
        new ImageError(
          'unavailable',
          `the proxy ${proxy.host} does not connect to ${target}: ${response.statusCode} ${response.statusMessage ?? ''}`.trimEnd(),
          { detail: { reason: 'proxy' } },
        ),
      );
    });
    connecting.once('response', (response) => {
      clearTimeout(timer);
      response.destroy();
      reject(
        new ImageError('unavailable', `the proxy ${proxy.host} answers CONNECT with ${response.statusCode}`, {
          detail: { reason: 'proxy' },
        }),
      );
    });
    connecting.once('error', (error: NodeJS.ErrnoException) => {
      clearTimeout(timer);
      reject(
        new ImageError('unavailable', `cannot reach the proxy ${proxy.host}: ${error.message}`, {
          cause: error,
          detail: { reason: 'proxy' },
        }),
      );
    });
    connecting.end();
  });
}

export function proxyAuthorization(proxy: URL): { 'proxy-authorization'?: string } {
  if (proxy.username === '' && proxy.password === '') return {};
  return {
    'proxy-authorization': `Basic ${Buffer.from(`${decodeURIComponent(proxy.username)}:${decodeURIComponent(proxy.password)}`).toString('base64')}`,
  };
}
