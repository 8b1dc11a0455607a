import { ImageError } from '../errors.ts';
import { addressReach, hostReach, literalReach, mayPointTo } from './address-reach.ts';
import { wireFor, type Endpoint, type Ground } from './endpoint.ts';
import { redirecting } from './redirects.ts';
import { retrying } from './retry.ts';
import type { Route } from './routes.ts';
import type { Transport } from './transport.ts';

/** For bytes whose address a manifest's author has chosen: no credentials, no headers of the user's, https, and no address further inwards than the registry's own (CVE-2020-15157). */
export async function foreignTransport(url: URL, route: Route, origin: Endpoint, ground: Ground): Promise<Transport> {
  const reach = await hostReach(origin.base.hostname);
  const literal = literalReach(url.hostname);
  const plain =
    url.protocol === 'http:' && origin.base.protocol === 'http:' && reach !== 'public' && (await hostReach(url.hostname)) !== 'public';
  if (url.protocol !== 'https:' && !plain)
    throw new ImageError('insecure', `a foreign layer is at ${url.protocol}//${url.host}: only https is followed`);
  if (literal !== undefined && !mayPointTo(reach, literal))
    throw new ImageError('insecure', `a foreign layer is at the internal address ${url.host}`);
  url.username = '';
  url.password = '';
  const wire = redirecting(wireFor(route, origin.base, { ...ground, headers: {} }));
  const allowAddress = (address: string) => mayPointTo(reach, addressReach(address));
  return retrying((request) => wire({ ...request, allowAddress }), ground.retry);
}
