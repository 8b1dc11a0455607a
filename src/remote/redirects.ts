import { ImageError } from '../errors.ts';
import { maySendTo } from './address-reach.ts';
import { discard } from './body.ts';
import type { Transport, WireRequest, WireResponse } from './transport.ts';

const maxHops = 10;

/** What a foreign host may hear. Everything else (Authorization, headers of the user's own) stays where it was meant for. */
const harmless: ReadonlySet<string> = new Set(['accept', 'range', 'content-type']);

/**
 * Follows redirects (distribution-spec: allowed everywhere). Never from https to http; never with credentials to another origin; never from a public host
 * to an internal address. `sameOrigin` follows none that leaves: for requests that carry a secret in their body or must not be answered by others.
 * @throws ImageError `insecure`, `protocol`
 */
export function redirecting(next: Transport, options: { readonly sameOrigin?: boolean } = {}): Transport {
  return async (first) => {
    let request = first;
    for (let hop = 0; ; hop++) {
      const response = await next(request);
      const target = await redirectTarget(request, response, options.sameOrigin === true);
      if (target === undefined) return response;
      discard(response);
      if (hop === maxHops) throw new ImageError('protocol', `${first.url.host} redirects more than ${maxHops} times`);
      request = redirected(request, target);
    }
  };
}

async function redirectTarget(request: WireRequest, response: WireResponse, sameOrigin: boolean): Promise<URL | undefined> {
  const location = response.headers.location;
  if (![301, 302, 303, 307, 308].includes(response.status) || location === undefined) return undefined;
  const refuse = (code: 'insecure' | 'protocol', why: string, hint?: string): ImageError => {
    discard(response);
    return new ImageError(code, `${request.url.host} redirects to ${why}`, { hint });
  };
  let target: URL;
  try {
    target = new URL(location, request.url);
  } catch {
    throw refuse('protocol', `${JSON.stringify(location.slice(0, 200))}, which is no URL`);
  }
  if (target.protocol !== 'https:' && target.protocol !== 'http:') throw refuse('protocol', `a ${target.protocol} URL`);
  if (request.url.protocol === 'https:' && target.protocol === 'http:')
    throw refuse(
      'insecure',
      `http://${target.host}, where everybody can read and change what passes`,
      'The registry, or a proxy before it, is set up wrong: it must name itself with https.',
    );
  if (target.origin !== request.url.origin) {
    if (sameOrigin) throw refuse('insecure', `another host, ${target.host}, and the credentials are not for that one`);
    if (!(await maySendTo(request.url, target))) throw refuse('insecure', `the internal address ${target.host}`);
  }
  const reads = request.method === 'GET' || request.method === 'HEAD';
  if (!reads && response.status !== 307 && response.status !== 308)
    throw refuse('protocol', `${target.host} with status ${response.status}, which loses the content of a ${request.method}`);
  return target;
}

function redirected(request: WireRequest, url: URL): WireRequest {
  // What a URL carries as name and password would be sent as credentials by nobody here; it must not be shown either.
  url.username = '';
  url.password = '';
  if (url.origin === request.url.origin) return { ...request, url };
  const headers = Object.fromEntries(Object.entries(request.headers ?? {}).filter(([name]) => harmless.has(name.toLowerCase())));
  return { ...request, url, headers };
}
