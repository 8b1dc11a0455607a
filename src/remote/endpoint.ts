import type { ImageError } from '../errors.ts';
import { authorized } from './authorized.ts';
import { tlsSettings, type CertificateFiles } from './certificates.ts';
import type { Connections, TlsSettings } from './connections.ts';
import { httpTransport } from './http-transport.ts';
import { logged } from './logged.ts';
import type { ProxyFor } from './proxy.ts';
import { redirecting } from './redirects.ts';
import type { Credentials, WireLog } from './registry-options.ts';
import { retrying, type RetryPolicy } from './retry.ts';
import { speaksTls } from './speaks-tls.ts';
import type { Capability } from './hosts-toml.ts';
import type { Route } from './routes.ts';
import type { Timeouts, Transport } from './transport.ts';

/** One registry as it is reached: where a repository's API begins, and the transport to it, with everything on the way in it. */
export interface Endpoint {
  readonly host: string;
  readonly base: URL;
  readonly repository: string;
  readonly transport: Transport;
  readonly capabilities: ReadonlySet<Capability>;
  readonly namespace: string | undefined;
}

/** What all endpoints of one host share. */
export interface Ground {
  readonly connections: Connections;
  readonly timeouts: Timeouts;
  readonly retry: RetryPolicy;
  readonly proxy: ProxyFor;
  readonly userAgent: string;
  readonly onLog: ((entry: WireLog) => void) | undefined;
  /** Headers for registries alone. */
  readonly headers: Readonly<Record<string, string>>;
  readonly credentials: (host: string, repository: string) => Promise<Credentials | undefined>;
  /** Certificates and trust for hosts that are met on the way. */
  readonly strangers: (host: string) => Promise<{ certificates: CertificateFiles; verify: boolean }>;
  /** Told of every answer of a registry. */
  readonly onAnswer: (host: string, headers: Readonly<Record<string, string | undefined>>) => void;
}

/** Puts the transport of one endpoint together: log ← redirects ← auth ← retry, from the socket outwards. */
export async function openEndpoint(route: Route, ground: Ground): Promise<Endpoint> {
  const { host, repository, capabilities, namespace, blocked } = route;
  const place = { host, repository, capabilities, namespace };
  if (blocked) return { ...place, base: route.base, transport: () => Promise.reject(blocked) };
  const base = await settledBase(route, ground);
  const wire = wireFor(route, base, ground);
  const tokens = retrying(redirecting(wire, { sameOrigin: true }), ground.retry);
  const known = authorized(redirecting(wire), {
    registry: base,
    credentials: () => ground.credentials(route.host, route.repository),
    tokens,
  });
  const headers = { ...ground.headers, ...route.headers };
  const transport: Transport = async (request) => {
    const ours = request.url.origin === base.origin;
    const response = await known(ours ? { ...request, headers: { ...headers, ...request.headers } } : request);
    if (ours) ground.onAnswer(route.host, response.headers);
    return response;
  };
  return { ...place, base, transport: retrying(transport, ground.retry) };
}

/** The bare wire, seen from one registry: its certificates for itself, no credentials, no redirects, no repetition. */
export function wireFor(route: Route, base: URL, ground: Ground): Transport {
  const { connections, timeouts, proxy, userAgent, onLog } = ground;
  const trust = new Trust(base, route, ground);
  return logged(
    httpTransport({
      connections,
      timeouts,
      proxy,
      userAgent,
      tls: (url) => trust.tls(url),
      widen: (url, error) => trust.widen(url, error),
    }),
    onLog,
  );
}

/** Certificates by host: the route's own for its host, the strangers' for every other, so that ours are shown to nobody else. */
class Trust {
  readonly #base: URL;
  readonly #route: Route;
  readonly #ground: Ground;
  readonly #settings = new Map<string, Promise<TlsSettings>>();
  readonly #widened = new Set<string>();

  constructor(base: URL, route: Route, ground: Ground) {
    this.#base = base;
    this.#route = route;
    this.#ground = ground;
  }

  tls(url: URL): Promise<TlsSettings> {
    let settings = this.#settings.get(url.host);
    if (settings === undefined) {
      settings = this.#make(url.host);
      this.#settings.set(url.host, settings);
    }
    return settings;
  }

  async #make(host: string): Promise<TlsSettings> {
    const known = host === this.#base.host ? this.#route : await this.#ground.strangers(host);
    return tlsSettings(known.certificates, known.verify, this.#widened.has(host));
  }

  /** After a certificate that Node's own list of authorities does not know: true where this machine's list is worth another try. */
  widen(url: URL, error: ImageError): boolean {
    const { reason } = error.detail;
    if (typeof reason !== 'string' || !/ISSUER|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_VERIFY/.test(reason) || this.#widened.has(url.host))
      return false;
    this.#widened.add(url.host);
    this.#settings.delete(url.host);
    return true;
  }
}

async function settledBase(route: Route, ground: Ground): Promise<URL> {
  const base = new URL(route.base);
  if (route.scheme !== 'either') return base;
  base.protocol = 'https:';
  if (ground.proxy(base) === undefined && !(await speaksTls(base, Math.min(3000, ground.timeouts.connect)))) base.protocol = 'http:';
  return base;
}
