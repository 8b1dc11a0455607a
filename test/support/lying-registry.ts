/**
 * A small http server that answers as a test tells it to: the one registry double there is, for what no real registry does.
 *
 *   const liar = await lyingRegistry(t, ({ path }, answer) => answer(200, { 'docker-content-digest': other }, bytes));
 *   await assert.rejects(liar.repository('app').resolve('latest'), …);
 *
 * What it was asked is in `requests`, headers and all, so that a test can say what must never have been sent.
 */
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer, type ServerOptions } from 'node:https';
import type { AddressInfo, Server } from 'node:net';
import type { TestContext } from 'node:test';

import type { Repository } from '../../src/content/repository.ts';
import { digestOf } from '../../src/model/digest.ts';
import { openRegistries, type Registries } from '../../src/remote/registries.ts';
import type { RegistryOptions } from '../../src/remote/registry-options.ts';
import type { MadeImage } from './make-image.ts';

export interface Asked {
  readonly method: string;
  /** With its query. */
  readonly url: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** Sends a whole answer. For anything odder there is `response`. */
export type Answer = (status: number, headers?: Readonly<Record<string, string | readonly string[]>>, body?: string | Uint8Array) => void;

export type Lie = (asked: Asked, answer: Answer, response: ServerResponse) => void | Promise<void>;

export interface LyingRegistry {
  /** `127.0.0.1:PORT`. */
  readonly host: string;
  readonly port: number;
  readonly requests: readonly Asked[];
  readonly registries: Registries;
  readonly warnings: readonly string[];
  repository(name: string): Repository;
}

export interface LyingOptions {
  readonly tls?: ServerOptions;
  readonly registry?: RegistryOptions;
  /** Do not wait for the request's body before the lie. */
  readonly early?: boolean;
}

/** Retries that no test waits for, and no settings of this machine. */
export const isolated: RegistryOptions = {
  env: { HOME: '/nonexistent', PATH: process.env['PATH'] },
  configFolder: '/nonexistent',
  registriesConf: '',
  certsFolders: [],
  retry: { tries: 3, base: 5, longest: 500 },
};

export async function lyingRegistry(t: Pick<TestContext, 'after'>, lie: Lie, options: LyingOptions = {}): Promise<LyingRegistry> {
  const requests: Asked[] = [];
  const warnings: string[] = [];
  const onRequest = (request: IncomingMessage, response: ServerResponse) => {
    void answerOne(request, response, lie, requests, options.early === true);
  };
  const server: Server = options.tls === undefined ? createServer(onRequest) : createTlsServer(options.tls, onRequest);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const host = `127.0.0.1:${port}`;
  const registries = openRegistries({
    ...isolated,
    ...(options.tls === undefined ? { plainHttp: [host] } : {}),
    onWarning: (text) => warnings.push(text),
    ...options.registry,
  });
  t.after(async () => {
    registries.close();
    (server as ReturnType<typeof createServer>).closeAllConnections();
    server.close();
    await once(server, 'close');
  });
  return { host, port, requests, registries, warnings, repository: (name) => registries.repository({ registry: host, repository: name }) };
}

async function answerOne(request: IncomingMessage, response: ServerResponse, lie: Lie, requests: Asked[], early: boolean): Promise<void> {
  const url = request.url ?? '/';
  const { pathname, searchParams } = new URL(url, 'http://registry');
  const chunks: Buffer[] = [];
  try {
    if (!early) for await (const chunk of request) chunks.push(chunk as Buffer);
  } catch {
    // The client went away in the middle: what came is what the test sees.
  }
  const asked = {
    method: request.method ?? '',
    url,
    path: pathname,
    query: searchParams,
    headers: request.headers,
    body: Buffer.concat(chunks),
  };
  requests.push(asked);
  const answer: Answer = (status, headers = {}, body = '') => {
    response.writeHead(status, headers as Record<string, string>);
    response.end(asked.method === 'HEAD' ? undefined : body);
  };
  await lie(asked, answer, response);
}

/** What an honest registry says to reads of one image under `app`; false where it is not asked for that. */
export function honest(image: MadeImage, { method, path, headers }: Asked, answer: Answer): boolean {
  const match = /^\/v2\/app\/(manifests|blobs)\/(.+)$/.exec(path);
  if (match === null || (method !== 'GET' && method !== 'HEAD')) return false;
  const digest = match[2]?.startsWith('sha') ? match[2] : image.target.digest;
  const bytes = image.blobs.get(digest);
  if (bytes === undefined) return false;
  const known = {
    'docker-content-digest': digest,
    'content-type': digest === image.target.digest ? image.target.mediaType : 'application/octet-stream',
  };
  const range = /^bytes=(\d+)-(\d+)$/.exec(headers.range ?? '');
  if (range === null) {
    answer(200, { ...known, 'content-length': String(bytes.length) }, bytes);
    return true;
  }
  const part = bytes.subarray(Number(range[1]), Number(range[2]) + 1);
  answer(206, { ...known, 'content-length': String(part.length), 'content-range': `bytes ${range[1]}-${range[2]}/${bytes.length}` }, part);
  return true;
}

/** Bytes that no packer makes smaller, the same for the same seed. */
export function noise(size: number, seed = 1): Buffer {
  const bytes = Buffer.alloc(size);
  let state = seed >>> 0 || 1;
  for (let at = 0; at < size; at++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    bytes[at] = state >>> 24;
  }
  return bytes;
}

/** A blob's descriptor. */
export function blobOf(bytes: Buffer, mediaType = 'application/vnd.oci.image.layer.v1.tar') {
  return { mediaType, digest: digestOf(bytes), size: bytes.length };
}
