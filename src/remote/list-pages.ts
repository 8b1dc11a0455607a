import { ImageError } from '../errors.ts';
import type { Operation } from '../io/operation.ts';
import { isObject } from '../model/descriptor.ts';
import { parseJson } from '../model/manifest.ts';
import { readBody } from './body.ts';
import { nextPage } from './link.ts';
import type { Transport, WireResponse } from './transport.ts';

const maxPageBytes = 32 * 1024 * 1024;
const maxPages = 10_000;
const maxItems = 2_000_000;

export interface ListRequest extends Operation {
  readonly transport: Transport;
  readonly url: URL;
  readonly scopes: readonly string[];
  readonly headers?: Readonly<Record<string, string>>;
  readonly purpose?: 'resolve' | 'pull';
  readonly idle: number;
  /** `tags of debian`: what is listed, for errors. */
  readonly what: string;
  /** The error for an answer that is not 200, or undefined to end the list without an error. */
  readonly refuse: (response: WireResponse) => Promise<ImageError | undefined>;
}

/** The documents of a list page by page, by its Link headers: on the same host only, never in a circle, never without end. */
export async function* listPages(
  request: ListRequest,
): AsyncGenerator<{ readonly document: Readonly<Record<string, unknown>>; readonly response: WireResponse }, void, undefined> {
  const seen = new Set<string>();
  let url: URL | undefined = request.url;
  while (url !== undefined) {
    if (seen.has(url.href) || seen.size >= maxPages) throw new ImageError('protocol', `${url.host} lists the ${request.what} without end`);
    seen.add(url.href);
    const { scopes, headers, purpose, signal } = request;
    const response = await request.transport({ method: 'GET', url, scopes, headers, purpose, signal });
    if (response.status !== 200) {
      const error = await request.refuse(response);
      if (error) throw error;
      return;
    }
    const bytes = await readBody(response, maxPageBytes, request.idle, `the list of ${request.what}`, signal);
    let document: unknown;
    try {
      document = parseJson(bytes, request.what);
    } catch (cause) {
      throw new ImageError('protocol', `${url.host} answers the ${request.what} with something that is not JSON`, { cause });
    }
    if (!isObject(document)) throw new ImageError('protocol', `${url.host} answers the ${request.what} with something that is no list`);
    yield { document, response };
    url = nextPage(response.headers.link, url);
  }
}

/** The names under one key of every page, up to `limit`; `null` is an empty page. */
export async function listNames(request: ListRequest, key: string, limit = maxItems): Promise<string[]> {
  const names: string[] = [];
  for await (const { document } of listPages(request)) {
    const page = document[key] ?? [];
    if (!Array.isArray(page) || !page.every((name) => typeof name === 'string'))
      throw new ImageError('protocol', `${request.url.host} answers the ${request.what} with something that is no list of names`);
    for (const name of page) names.push(name);
    if (names.length >= limit) break;
    if (names.length > maxItems) throw new ImageError('too-large', `the list of ${request.what} has more than ${maxItems} names`);
  }
  return names;
}
