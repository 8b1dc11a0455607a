import type { Page, Repository } from '../content/repository.ts';
import type { Operation } from '../io/operation.ts';
import { isObject } from '../model/descriptor.ts';
import type { Reference } from '../model/reference.ts';
import { oneLine } from './answer-error.ts';
import { discard } from './body.ts';
import { listCatalog } from './catalog.ts';
import { Connections } from './connections.ts';
import { CredentialStore } from './credential-store.ts';
import { openEndpoint, wireFor, type Endpoint, type Ground } from './endpoint.ts';
import { foreignTransport } from './foreign-transport.ts';
import { proveCredentials } from './login.ts';
import { mirrored } from './mirrors.ts';
import { proxyFor } from './proxy.ts';
import { readRateLimit, type RateLimit } from './rate-limit.ts';
import { redirecting } from './redirects.ts';
import { registryHost } from './registry-host.ts';
import type { Credentials, RegistryOptions } from './registry-options.ts';
import { RemoteRepository } from './remote-repository.ts';
import type { RepositoryAccess } from './repository-access.ts';
import { defaultRetry, retrying } from './retry.ts';
import { Routing, type Route } from './routes.ts';
import { checkLimit, searchHost, searchRegistry, searchTarget, type SearchOptions, type SearchResult } from './search.ts';
import { defaultTimeouts } from './transport.ts';
import { openWeb, type Web } from './web.ts';

export type { SearchOptions, SearchResult } from './search.ts';
export type { RateLimit } from './rate-limit.ts';

export interface LoginResult {
  /** `Login Succeeded`. */
  readonly status: string;
  /** Where the credentials are now: a file's path, or `docker-credential-NAME`. */
  readonly storedIn: string;
  /** True where they lie in a file unencrypted. */
  readonly unencrypted: boolean;
}

export interface PingResult {
  readonly url: string;
  readonly status: number;
  /** True where the registry lets nobody in without credentials. */
  readonly wantsLogin: boolean;
}

/** All registries, as this host reaches them. Settings are read when first needed, and again when they are older than a few seconds. */
export interface Registries {
  /** Asks nothing yet. */
  repository(reference: Pick<Reference, 'registry' | 'repository'> & Partial<Reference>): Repository;
  /**
   * `docker search`: TERM, or HOST/TERM. In the registry's order.
   * @throws ImageError `invalid-argument` for a term or limit that cannot be; `unsupported` where a registry has neither search nor catalog
   */
  search(term: string, options?: SearchOptions): Promise<readonly SearchResult[]>;
  /** Repositories of a registry, in its order. @throws ImageError `unsupported` where it lists none */
  catalog(host: string, page?: Page, options?: Operation): Promise<readonly string[]>;
  /** Keeps credentials once the registry has accepted them. `host` as a user types it; `docker.io` for the Hub. @throws ImageError `unauthorized` */
  login(host: string, credentials: Credentials, options?: Operation): Promise<LoginResult>;
  /** As `login`, and keeps nothing: what the client is to keep, which for a token service is its token. @throws ImageError `unauthorized` */
  prove(host: string, credentials: Credentials, options?: Operation): Promise<Credentials>;
  /** Forgets credentials; false where there were none. */
  logout(host: string): Promise<boolean>;
  /** The credentials that are kept for a host, if any: for `login` without a name. */
  credentials(host: string): Promise<Credentials | undefined>;
  ping(host: string, options?: Operation): Promise<PingResult>;
  /** A web server that is no registry, reached as registries are, without credentials. Asks nothing yet. */
  web(url: URL): Promise<Web>;
  /** What the registry last said; undefined where it has said nothing. */
  rateLimit(host: string): RateLimit | undefined;
  /** Ends idle connections. Without it they end by themselves and keep no process alive. */
  close(): void;
}

/** The registries, as these options and this machine's settings have them. Nothing is read or asked yet; connections are shared until `close`. */
export function openRegistries(options: RegistryOptions = {}): Registries {
  return new ConfiguredRegistries(options);
}

/** Milliseconds after which settings are read again: a server sees a changed file, a command reads its files once. */
const settingsAge = 5000;
const credentialsAge = 30_000;

interface Settings {
  readonly routing: Routing;
  readonly ground: Ground;
  /** Kept, with the tokens in them, over a reading that brings nothing new. */
  readonly endpoints: Map<string, Promise<Endpoint>>;
  readonly accesses: Map<string, Promise<RepositoryAccess>>;
  readonly signature: string;
}

/** What a server keeps of the repositories that it has been asked for. */
const maxRemembered = 512;

function remembered<T>(memory: Map<string, Promise<T>>, key: string, make: () => Promise<T>): Promise<T> {
  const kept = memory.get(key);
  if (kept !== undefined) return kept;
  if (memory.size >= maxRemembered) memory.clear();
  const making = make();
  memory.set(key, making);
  making.catch(() => memory.delete(key));
  return making;
}

class ConfiguredRegistries implements Registries {
  readonly #options: RegistryOptions;
  readonly #store: CredentialStore;
  readonly #connections = new Connections();
  readonly #limits = new Map<string, RateLimit>();
  readonly #warned = new Set<string>();
  readonly #credentials = new Map<string, { readonly found: Promise<Credentials | undefined>; readonly until: number }>();
  #settings: Promise<Settings> | undefined;
  #settingsUntil = 0;

  constructor(options: RegistryOptions) {
    this.#options = options;
    this.#store = new CredentialStore(options);
  }

  repository(reference: Pick<Reference, 'registry' | 'repository'> & Partial<Reference>): Repository {
    return new RemoteRepository(reference, () => this.#access(reference));
  }

  async search(term: string, options: SearchOptions = {}): Promise<readonly SearchResult[]> {
    checkLimit(options.limit);
    const { host, query } = searchTarget(term);
    const { routing, ground } = await this.#current();
    const { origin } = await routing.routes({ registry: host, repository: '' });
    const moved = origin.base.host !== 'registry-1.docker.io';
    const route: Route = moved ? origin : { ...origin, base: new URL(`https://${searchHost(host)}/v2/`) };
    const endpoint = await this.#endpoint(route, ground);
    return searchRegistry({ endpoint, idle: ground.timeouts.idle, credentials: () => ground.credentials(route.host, '') }, query, options);
  }

  async catalog(host: string, page: Page = {}, options: Operation = {}): Promise<readonly string[]> {
    const { endpoint, ground } = await this.#registry(host);
    return listCatalog(endpoint, ground.timeouts.idle, page, options);
  }

  async login(host: string, credentials: Credentials, options: Operation = {}): Promise<LoginResult> {
    const { keep, registry } = await this.#proved(host, credentials, options);
    const stored = await this.#store.keep(registry, keep);
    this.#forgetSettings();
    return { status: 'Login Succeeded', ...stored };
  }

  async prove(host: string, credentials: Credentials, options: Operation = {}): Promise<Credentials> {
    return (await this.#proved(host, credentials, options)).keep;
  }

  async #proved(host: string, credentials: Credentials, options: Operation): Promise<{ keep: Credentials; registry: string }> {
    const { endpoint, ground, route } = await this.#registry(host);
    const transport = retrying(redirecting(wireFor(route, endpoint.base, ground), { sameOrigin: true }), ground.retry);
    const { keep, checked } = await proveCredentials({ base: endpoint.base, transport }, credentials, options);
    if (!checked) this.#options.onWarning?.(`${route.host} lets everybody in and did not check these credentials`);
    return { keep, registry: route.host };
  }

  async logout(host: string): Promise<boolean> {
    const forgotten = await this.#store.forget(await this.#keeper(host));
    this.#forgetSettings();
    return forgotten;
  }

  async credentials(host: string): Promise<Credentials | undefined> {
    return this.#store.find(await this.#keeper(host));
  }

  /** Whom the credentials for a host are for: where docker.io is another registry's (registries.conf), that one's, so that they never reach the real one. */
  async #keeper(host: string): Promise<string> {
    const { routing } = await this.#current();
    return (await routing.routes({ registry: registryHost(host), repository: '' })).origin.host;
  }

  #forgetSettings(): void {
    this.#settings = undefined;
    this.#credentials.clear();
  }

  /** Asked for again after half a minute: a helper is a process to start, and somebody may log in meanwhile. */
  #findCredentials(host: string, repository: string): Promise<Credentials | undefined> {
    const key = `${host}/${repository}`;
    const known = this.#credentials.get(key);
    if (known !== undefined && known.until > Date.now()) return known.found;
    if (this.#credentials.size >= maxRemembered) this.#credentials.clear();
    const found = this.#store.find(host, repository);
    this.#credentials.set(key, { found, until: Date.now() + credentialsAge });
    return found;
  }

  async ping(host: string, options: Operation = {}): Promise<PingResult> {
    const { endpoint, ground, route } = await this.#registry(host);
    const transport = retrying(redirecting(wireFor(route, endpoint.base, ground)), ground.retry);
    const response = await transport({ method: 'GET', url: endpoint.base, signal: options.signal });
    discard(response);
    return { url: endpoint.base.href, status: response.status, wantsLogin: response.status === 401 };
  }

  async web(url: URL): Promise<Web> {
    const { routing, ground } = await this.#current();
    return openWeb(url, routing, ground);
  }

  rateLimit(host: string): RateLimit | undefined {
    return this.#limits.get(registryHost(host));
  }

  close(): void {
    this.#connections.close();
  }

  async #registry(host: string): Promise<{ endpoint: Endpoint; ground: Ground; route: Route }> {
    const { routing, ground } = await this.#current();
    const { origin } = await routing.routes({ registry: registryHost(host), repository: '' });
    if (origin.blocked) throw origin.blocked;
    return { endpoint: await this.#endpoint(origin, ground), ground, route: origin };
  }

  async #access(reference: Pick<Reference, 'registry' | 'repository'> & Partial<Reference>): Promise<RepositoryAccess> {
    const settings = await this.#current();
    const key = JSON.stringify([reference.registry, reference.repository, reference.digest !== undefined]);
    return remembered(settings.accesses, key, () => this.#openAccess(reference, settings));
  }

  async #openAccess(
    reference: Pick<Reference, 'registry' | 'repository'> & Partial<Reference>,
    { routing, ground }: Settings,
  ): Promise<RepositoryAccess> {
    const routes = await routing.routes(reference);
    const origin = await this.#endpoint(routes.origin, ground);
    const push = routes.push === routes.origin ? origin : await this.#endpoint(routes.push, ground);
    // A mirror that cannot be reached now is none; the settings are looked at again in a few seconds.
    const patience = { ...ground, retry: { ...ground.retry, tries: Math.min(2, ground.retry.tries) } };
    const opened = await Promise.allSettled(routes.mirrors.map((mirror) => this.#endpoint(mirror, patience)));
    const mirrors = opened.flatMap((mirror) => (mirror.status === 'fulfilled' ? [mirror.value] : []));
    return {
      reference,
      pull: mirrored(origin, mirrors, this.#resting),
      origin,
      push,
      foreign: (url) => foreignTransport(url, routes.origin, origin, ground),
      mountName: async (from) => {
        const other = (await routing.routes(from)).push;
        return other.host === push.host && other.base.host === push.base.host ? other.repository : undefined;
      },
      anonymous: async () => (await ground.credentials(routes.origin.host, routes.origin.repository)) === undefined,
      idle: ground.timeouts.idle,
      headers: ground.timeouts.headers,
      retry: ground.retry,
    };
  }

  readonly #resting = new Map<string, number>();

  async #endpoint(route: Route, ground: Ground): Promise<Endpoint> {
    const { endpoints } = await this.#current();
    const { host, repository, base, scheme, verify, namespace, certificates, headers, blocked } = route;
    const key = JSON.stringify([
      host,
      repository,
      base.href,
      scheme,
      verify,
      namespace,
      certificates,
      headers,
      blocked !== undefined,
      ground.retry.tries,
    ]);
    return remembered(endpoints, key, () => openEndpoint(route, ground));
  }

  #current(): Promise<Settings> {
    if (this.#settings === undefined || this.#settingsUntil < Date.now()) {
      this.#settingsUntil = Date.now() + settingsAge;
      this.#settings = this.#readSettings(this.#settings);
    }
    return this.#settings;
  }

  async #readSettings(before: Promise<Settings> | undefined): Promise<Settings> {
    const last = await before?.catch(() => undefined);
    const options = this.#options;
    const env = options.env ?? process.env;
    const [routing, config] = await Promise.all([Routing.read(options), this.#store.config()]);
    const { HttpHeaders: metaHeaders, proxies } = config.document;
    const proxy = isObject(proxies) && isObject(proxies.default) ? proxies.default : {};
    const text = (key: string) => (typeof proxy[key] === 'string' ? proxy[key] : undefined);
    const ground: Ground = {
      connections: this.#connections,
      timeouts: { ...defaultTimeouts, ...options.timeouts },
      retry: { ...defaultRetry, ...options.retry },
      proxy: proxyFor(env, { httpProxy: text('httpProxy'), httpsProxy: text('httpsProxy'), noProxy: text('noProxy') }),
      userAgent: options.userAgent ?? 'bayplan',
      onLog: options.onLog,
      headers: forwardedHeaders({ ...(isObject(metaHeaders) ? metaHeaders : {}), ...options.extraHeaders }),
      credentials: (host, repository) => this.#findCredentials(host, repository),
      strangers: async (host) => ({ certificates: await routing.certificates(host), verify: !routing.isInsecure(host) }),
      onAnswer: (host, headers) => this.#hear(host, headers),
    };
    const signature = JSON.stringify([routing.rules, config.document]);
    return { routing, ground, endpoints: last?.signature === signature ? last.endpoints : new Map(), accesses: new Map(), signature };
  }

  #hear(host: string, headers: Readonly<Record<string, string | undefined>>): void {
    const limit = readRateLimit(headers);
    if (limit !== undefined) this.#limits.set(host, limit);
    // distribution-spec, "Warnings": code 299, agent `-`, and a quoted text that is for the user.
    for (const [, quoted = ''] of (headers.warning ?? '').slice(0, 8192).matchAll(/299 \S+ "((?:[^"\\]|\\.)*)"/g)) {
      const text = `${host}: ${oneLine(quoted.replace(/\\(.)/g, '$1'))}`;
      if (this.#warned.has(text) || this.#warned.size > 1000) continue;
      this.#warned.add(text);
      this.#options.onWarning?.(text);
    }
  }
}

/** Docker's client sends these to registries through its daemon; its other `HttpHeaders` are for the daemon alone. */
function forwardedHeaders(configured: unknown): Readonly<Record<string, string>> {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(isObject(configured) ? configured : {}))
    if (/^x-meta-[a-z0-9-]+$/i.test(name) && typeof value === 'string' && /^[\t\x20-\x7e]*$/.test(value))
      headers[name.toLowerCase()] = value;
  return headers;
}
