import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { isImageError } from '../../errors.ts';
import { drainLater } from '../../io/drain-later.ts';
import { parseReference } from '../../model/reference.ts';
import type { ImageStore } from '../../store/image-store.ts';
import { AnswerCache } from './answer-cache.ts';
import { jsonAnswer, send, type Answer } from './answer.ts';
import { deleteBlob, getBlob } from './blobs.ts';
import { ContentCache } from './content-cache.ts';
import { Exchange, type Desk } from './exchange.ts';
import { errorAnswer, failureAnswer } from './failure.ts';
import { defaultLimits, type Limits } from './limits.ts';
import { listRepositories, listTags } from './listings.ts';
import { deleteManifest, getManifest, putManifest } from './manifests.ts';
import { cancelUpload, patchUpload, putUpload, startUpload, uploadStatus } from './push-blob.ts';
import { listReferrers } from './referrers.ts';
import { routeOf, splitTarget, type Route } from './route.ts';
import { Running } from './running.ts';
import { Remembered } from './remembered.ts';
import { search, searchPing, searchRows } from './search.ts';
import { getStoreCatalog } from './store-catalog.ts';

export { listen } from './listen.ts';

export interface RegistryDoorOptions {
  readonly limits?: Partial<Limits>;
  /** Refuses everything but GET and HEAD, with 405. */
  readonly readOnly?: boolean;
  /** Called once for each request, when its answer has left or broken off. Default: the server's own faults, a line each on stderr. */
  readonly log?: (record: RequestRecord) => void;
}

export interface RequestRecord {
  readonly method: string;
  readonly target: string;
  /** 0 where the client left before there was one. */
  readonly status: number;
  /** Milliseconds. */
  readonly duration: number;
  /** The whole error, where there was one: what a client is told of the server's own faults is less. */
  readonly error?: unknown;
}

/**
 * The registry: docker's and OCI's distribution API over the store, without TLS and authentication, which are for whoever listens to decide.
 * A thin skin over `store.repository(name)`: it reads requests, asks the repository, and translates; what is there and what is visible is the store's to say.
 *
 * Mount it on a server of node:http; `isRegistryPath` of route.ts tells its requests from those of other doors there.
 */
export function registryDoor(store: ImageStore, options: RegistryDoorOptions = {}): RequestListener {
  const limits: Limits = { ...defaultLimits, ...options.limits };
  const answers = new AnswerCache(() => store.epoch(), limits.memory);
  const desk: Desk = {
    store,
    limits,
    contents: new ContentCache(limits.memory),
    bodies: { blobs: new Running(limits.uploads), manifests: new Running(limits.manifests) },
    repositories: new Remembered(store, async () => (await store.repositories()).map(parseReference)),
    searchRows: new Remembered(store, () => searchRows(store)),
  };
  const readOnly = options.readOnly ?? false;

  return (request, response) => {
    const { method = '', url: target = '' } = request;
    const told = options.log && watch(request, response, options.log);
    const reading = method === 'GET' || method === 'HEAD';
    const known = reading && request.headers.range === undefined ? remembered(target) : undefined;
    if (known) {
      void send(request, response, known);
      return;
    }
    if (!reading) drainLater(request, response);
    void answerTo(request, response).catch((failure: unknown) => {
      if (told) told(failure);
      else if (!response.destroyed) complain(request, failure);
      // The headers are out: breaking off is all that still tells the client.
      if (response.headersSent || response.destroyed) response.destroy();
      else void send(request, response, failureAnswer(failure));
    });
  };

  function remembered(target: string): Answer | undefined {
    try {
      return answers.get(target);
    } catch {
      // A store that cannot be asked: `answerTo` meets the same, and says so.
      return undefined;
    }
  }

  async function answerTo(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const target = request.url ?? '';
    const before = answers.epoch();
    const answer = await makeAnswer(request, target);
    if (response.destroyed) return;
    if (request.headers.range === undefined && answer.lasting) answers.put(target, answer, before);
    await send(request, response, answer);
  }

  async function makeAnswer(request: IncomingMessage, target: string): Promise<Answer> {
    const method = request.method ?? '';
    const reading = method === 'GET' || method === 'HEAD';
    // One gate for all that writes, before any route is looked at.
    if (!reading && readOnly) return notAllowed('this registry is read-only', ['GET', 'HEAD']);
    if (!reading && foreignPage(request)) return errorAnswer(403, 'DENIED', 'a web page of another origin may not write here');
    const { path, query } = splitTarget(target);
    const route = routeOf(path);
    if (!route) return errorAnswer(404, 'UNSUPPORTED', 'no such path in this registry');
    const methods = methodsOf(route);
    const handler = methods[method === 'HEAD' ? 'GET' : method];
    if (!handler) return notAllowed(`${method.slice(0, 20)} is not possible here`, Object.keys(methods));
    return handler(new Exchange(desk, request, query));
  }
}

type Handlers = Readonly<Record<string, ((exchange: Exchange) => Promise<Answer>) | undefined>>;

/** Every endpoint of distribution-spec, "Endpoints", and docker's two of search. HEAD is GET without its body. */
function methodsOf(route: Route): Handlers {
  switch (route.kind) {
    case 'base':
      return { GET: async () => ({ ...jsonAnswer(200, {}), lasting: true }) };
    case 'catalog':
      return { GET: listRepositories };
    case 'tags':
      return { GET: (exchange) => listTags(exchange, route.name) };
    case 'manifest':
      return {
        GET: (exchange) => getManifest(exchange, route.name, route.reference),
        PUT: (exchange) => putManifest(exchange, route.name, route.reference),
        DELETE: (exchange) => deleteManifest(exchange, route.name, route.reference),
      };
    case 'blob':
      return {
        GET: (exchange) => getBlob(exchange, route.name, route.digest),
        DELETE: (exchange) => deleteBlob(exchange, route.name, route.digest),
      };
    case 'uploads':
      return { POST: (exchange) => startUpload(exchange, route.name) };
    case 'upload':
      return {
        GET: (exchange) => uploadStatus(exchange, route.name, route.id),
        PATCH: (exchange) => patchUpload(exchange, route.name, route.id),
        PUT: (exchange) => putUpload(exchange, route.name, route.id),
        DELETE: (exchange) => cancelUpload(exchange, route.name, route.id),
      };
    case 'referrers':
      return { GET: (exchange) => listReferrers(exchange, route.name, route.digest) };
    case 'search-ping':
      return { GET: searchPing };
    case 'search':
      return { GET: search };
    case 'store-catalog':
      return { GET: getStoreCatalog };
  }
}

function notAllowed(message: string, methods: readonly string[]): Answer {
  const allow =
    methods.includes('GET') && !methods.includes('HEAD') ? ['GET', 'HEAD', ...methods.filter((method) => method !== 'GET')] : methods;
  return errorAnswer(405, 'UNSUPPORTED', message, undefined, { Allow: allow.join(', ') });
}

/** Browsers say where a page that writes comes from; no registry client does. Without this any page could fill the disk of who looks at it. */
function foreignPage({ headers }: IncomingMessage): boolean {
  const { origin, host } = headers;
  if (origin === undefined) return false;
  return !URL.canParse(origin) || new URL(origin).host !== host?.toLowerCase();
}

/** Clients are told little of the server's own faults: somebody must be told the rest. */
function complain({ method, url }: IncomingMessage, failure: unknown): void {
  // Who leaves before the end is seen by a write that fails, before its response is closed.
  if (failureAnswer(failure).status < 500 || isImageError(failure, 'canceled')) return;
  const what = failure instanceof Error ? (failure.stack ?? failure.message) : String(failure);
  process.stderr.write(`${new Date().toISOString()} registry: ${method} ${url}: ${what}\n`);
}

/** @returns where the request's error goes, if it has one */
function watch(request: IncomingMessage, response: ServerResponse, log: (record: RequestRecord) => void): (error: unknown) => void {
  const started = performance.now();
  let failure: unknown;
  response.once('close', () => {
    log({
      method: request.method ?? '',
      target: request.url ?? '',
      status: response.headersSent ? response.statusCode : 0,
      duration: performance.now() - started,
      ...(failure === undefined ? {} : { error: failure }),
    });
  });
  return (error) => (failure = error);
}
