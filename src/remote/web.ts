import type { Ground } from './endpoint.ts';
import { wireFor } from './endpoint.ts';
import { redirecting } from './redirects.ts';
import { retrying, type RetryPolicy } from './retry.ts';
import type { Routing } from './routes.ts';
import type { Transport } from './transport.ts';

/** How one web server is reached that is no registry: proxies, certificates and patience as for registries, and no credentials. */
export interface Web {
  readonly transport: Transport;
  /** Milliseconds in which a body that is waited for must bring something. */
  readonly idle: number;
  readonly retry: RetryPolicy;
}

export async function openWeb(url: URL, routing: Routing, ground: Ground): Promise<Web> {
  const route = {
    host: url.host,
    repository: '',
    base: url,
    scheme: url.protocol === 'http:' ? ('http' as const) : ('https' as const),
    verify: !routing.isInsecure(url.host),
    certificates: await routing.certificates(url.host),
    headers: {},
    capabilities: new Set<never>(),
    namespace: undefined,
  };
  const { idle } = ground.timeouts;
  return { transport: retrying(redirecting(wireFor(route, url, { ...ground, headers: {} })), ground.retry), idle, retry: ground.retry };
}
