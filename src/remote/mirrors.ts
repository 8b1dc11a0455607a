import { isImageError } from '../errors.ts';
import { isDigest } from '../model/digest.ts';
import { discard } from './body.ts';
import type { Endpoint } from './endpoint.ts';
import type { Transport, WireRequest, WireResponse } from './transport.ts';

/** Milliseconds for which a mirror that could not be reached is passed over. */
const rest = 30_000;

/**
 * Asks mirrors, in their order, before the registry itself; only for what they may be asked: requests with a `purpose`. Whatever goes wrong there
 * (no connection, no such image, no access, another digest) makes the next one be asked; the registry's own answer is the last word. `restingUntil` remembers,
 * by origin, which of them was not to be reached.
 */
export function mirrored(origin: Endpoint, mirrors: readonly Endpoint[], restingUntil: Map<string, number>): Transport {
  if (mirrors.length === 0) return origin.transport;
  return async (request) => {
    for (const mirror of request.purpose === undefined ? [] : mirrors) {
      if (!mirror.capabilities.has(request.purpose ?? 'pull') || (restingUntil.get(mirror.base.origin) ?? 0) > Date.now()) continue;
      try {
        const response = await mirror.transport(atMirror(request, origin, mirror));
        if (response.status < 300 && hasRightDigest(request, response)) return response;
        discard(response);
      } catch (error) {
        if (isImageError(error, 'canceled')) throw error;
        if (isImageError(error, 'unavailable')) restingUntil.set(mirror.base.origin, Date.now() + rest);
      }
    }
    return origin.transport(request);
  };
}

/** The same request to a mirror's address, path and scope. */
function atMirror(request: WireRequest, origin: Endpoint, mirror: Endpoint): WireRequest {
  const below = request.url.pathname.slice(`${origin.base.pathname}${origin.repository}/`.length);
  const url = new URL(`${mirror.base.pathname}${mirror.repository}/${below}${request.url.search}`, mirror.base);
  if (mirror.namespace !== undefined) url.searchParams.set('ns', mirror.namespace);
  const scope = (text: string) => text.replace(`repository:${origin.repository}:`, `repository:${mirror.repository}:`);
  return { ...request, url, scopes: request.scopes?.map(scope) };
}

/** A mirror that names another digest than it was asked for has something else. */
function hasRightDigest(request: WireRequest, response: WireResponse): boolean {
  const asked = decodeURIComponent(request.url.pathname.slice(request.url.pathname.lastIndexOf('/') + 1));
  const named = response.headers['docker-content-digest'];
  return !isDigest(asked) || !isDigest(named) || named === asked || named.slice(0, 6) !== asked.slice(0, 6);
}
