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
/** Of all names together. */
const maxNameBytes = 128 * 1024 * 1024;
/** Pages in a row that bring nothing new: registries hide what the user may not see, and some send a page of nothing for that. */
const maxIdlePages = 100;

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

/** What no name holds and a terminal obeys, or is deceived by. */
// eslint-disable-next-line no-control-regex
const unprintable = /[\u0000-\u0020\u007f-\u00a0\u200e\u200f\u2028-\u202e\u2066-\u2069]/;

/** The names under one key of every page, up to `limit`; `null` is an empty page. */
export async function listNames(request: ListRequest, key: string, limit = maxItems): Promise<string[]> {
  const names: string[] = [];
  let size = 0;
  let idlePages = 0;
  for await (const { document } of listPages(request)) {
    const page = document[key] ?? [];
    if (!Array.isArray(page) || !page.every((name) => typeof name === 'string' && !unprintable.test(name)))
      throw new ImageError('protocol', `${request.url.host} answers the ${request.what} with something that is no list of names`);
    const last = names.at(-1);
    for (const name of page as readonly string[]) {
      names.push(name);
      size += name.length;
    }
    if (names.length >= limit) break;
    if (names.length > maxItems) throw new ImageError('too-large', `the list of ${request.what} has more than ${maxItems} names`);
    if (size > maxNameBytes) throw new ImageError('too-large', `the list of ${request.what} is larger than ${maxNameBytes} bytes`);
    idlePages = names.at(-1) === last ? idlePages + 1 : 0;
    if (idlePages > maxIdlePages) throw new ImageError('protocol', `${request.url.host} lists the ${request.what} without end`);
  }
  return names;
}
