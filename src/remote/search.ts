import { ImageError, isImageError } from '../errors.ts';
import type { Operation } from '../io/operation.ts';
import { isObject } from '../model/descriptor.ts';
import { parseJson } from '../model/manifest.ts';
import { defaultRegistry } from '../model/reference.ts';
import { answerError, oneLine } from './answer-error.ts';
import { discard, readBody } from './body.ts';
import { listCatalog } from './catalog.ts';
import type { Endpoint } from './endpoint.ts';
import type { Credentials } from './registry-options.ts';
import { basicAuthorization } from './token.ts';

export interface SearchResult {
  readonly name: string;
  readonly description: string;
  readonly stars: number;
  readonly official: boolean;
}

export interface SearchOptions extends Operation {
  /** 1 to 100; default 25. */
  readonly limit?: number | undefined;
}

const maxAnswerBytes = 8 * 1024 * 1024;

/** Before anything is asked. @throws ImageError `invalid-argument` */
export function checkLimit(limit = 1): void {
  if (!Number.isInteger(limit) || limit < 1 || limit > 100)
    throw new ImageError('invalid-argument', `limit ${limit} is outside the range of [1, 100]`);
}

/**
 * Splits `docker search`'s term: before the first `/` stands a host if it has a dot or a colon or is `localhost`; the rest is asked for. Without a host it is the Hub.
 * @throws ImageError `invalid-argument`
 */
export function searchTarget(term: string): { readonly host: string; readonly query: string } {
  if (term.includes('://'))
    throw new ImageError('invalid-argument', 'invalid repository name: search term must not have a scheme', {
      hint: 'Write HOST/TERM, without https://.',
    });
  const slash = term.indexOf('/');
  const first = slash < 0 ? '' : term.slice(0, slash);
  if (/[.:]/.test(first) || first === 'localhost') {
    const host = first === 'index.docker.io' ? defaultRegistry : first;
    return { host, query: withoutLibrary(host, term.slice(slash + 1)) };
  }
  return { host: defaultRegistry, query: withoutLibrary(defaultRegistry, term) };
}

function withoutLibrary(host: string, query: string): string {
  return host === defaultRegistry ? query.replace(/^library\//, '') : query;
}

/** The Hub's search is on another host than its images; where docker.io is somebody else's, both are there. */
export function searchHost(registry: string): string {
  return registry === defaultRegistry ? 'index.docker.io' : registry;
}

export interface SearchPlace {
  /** Whose origin has `/v1/`. */
  readonly endpoint: Endpoint;
  readonly credentials: () => Promise<Credentials | undefined>;
  readonly idle: number;
}

/**
 * Repositories by a term: the version 1 search that docker asks (`/v1/_ping`, `/v1/search`), and where a registry has none, the names of its catalog that contain
 * the term, as podman does. In the registry's order.
 */
export async function searchRegistry(place: SearchPlace, query: string, options: SearchOptions = {}): Promise<readonly SearchResult[]> {
  const { limit = 25, signal } = options;
  const { endpoint } = place;
  const url = new URL('/v1/search', endpoint.base);
  url.searchParams.set('q', query);
  url.searchParams.set('n', String(limit));
  const login = await standaloneLogin(place, options);
  const response = await endpoint.transport({
    method: 'GET',
    url,
    headers: { accept: 'application/json', 'x-docker-token': 'true', ...login },
    scopes: ['registry:catalog:search'],
    signal,
  });
  if (response.status === 200) {
    const results = readResults(await readBody(response, maxAnswerBytes, place.idle, `the search of ${url.host}`, signal), url);
    return results.slice(0, limit);
  }
  if (![401, 403, 404, 405, 501].includes(response.status)) throw await answerError(response, `cannot search ${endpoint.host}`);
  discard(response);
  return fromCatalog(place, query, limit, options);
}

/** A standalone registry of version 1 takes the login with the search itself, over https only (docker's rule). */
async function standaloneLogin({ endpoint, credentials, idle }: SearchPlace, { signal }: Operation): Promise<Record<string, string>> {
  if (endpoint.base.protocol !== 'https:') return {};
  const response = await endpoint.transport({ method: 'GET', url: new URL('/v1/_ping', endpoint.base), signal });
  let standalone = true;
  const header = response.headers['x-docker-registry-standalone'];
  if (header === undefined && response.status === 200) {
    const text = (await readBody(response, 65_536, idle, `the ping of ${endpoint.host}`, signal)).toString('utf8');
    standalone = !/"standalone"\s*:\s*false/.test(text);
  } else {
    discard(response);
    standalone = header === undefined || ['1', 'true', 'yes'].includes(header.toLowerCase());
  }
  const known = standalone ? await credentials() : undefined;
  return known !== undefined && 'password' in known ? { authorization: basicAuthorization(known) } : {};
}

function readResults(bytes: Buffer, url: URL): readonly SearchResult[] {
  let document: unknown;
  try {
    document = parseJson(bytes, 'search');
  } catch (cause) {
    throw new ImageError('protocol', `${url.host} answers the search with something that is not JSON`, { cause });
  }
  const results = isObject(document) ? (document.results ?? []) : undefined;
  if (!Array.isArray(results)) throw new ImageError('protocol', `${url.host} answers the search with something that is no list`);
  return results.filter(isObject).map((entry) => ({
    name: typeof entry.name === 'string' ? oneLine(entry.name) : '',
    description: typeof entry.description === 'string' ? oneLine(entry.description, 4096) : '',
    stars: typeof entry.star_count === 'number' && Number.isSafeInteger(entry.star_count) ? entry.star_count : 0,
    official: entry.is_official === true,
  }));
}

async function fromCatalog(
  { endpoint, idle }: SearchPlace,
  query: string,
  limit: number,
  options: Operation,
): Promise<readonly SearchResult[]> {
  let names: readonly string[];
  try {
    names = await listCatalog(endpoint, idle, {}, options);
  } catch (error) {
    if (!isImageError(error, 'unsupported')) throw error;
    throw new ImageError('unsupported', `${endpoint.host} can neither be searched nor lists its repositories`, { cause: error });
  }
  const wanted = query.toLowerCase();
  const found = names.filter((name) => name.includes(wanted));
  const rank = (name: string) => (name === wanted ? 0 : name.startsWith(wanted) ? 1 : 2);
  return found
    .sort((a, b) => rank(a) - rank(b))
    .slice(0, limit)
    .map((name) => ({ name, description: '', stars: 0, official: false }));
}
