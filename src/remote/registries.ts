import type { Page, Repository } from '../content/repository.ts';
import type { Operation } from '../io/operation.ts';
import type { Reference } from '../model/reference.ts';
import type { Credentials, RegistryOptions } from './registry-options.ts';

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

export interface LoginResult {
  /** `Login Succeeded`, or the token server's own word. */
  readonly status: string;
  /** Where the credentials are now: a file's path, or `docker-credential-NAME`. */
  readonly storedIn: string;
  /** True where they lie in a file unencrypted. */
  readonly unencrypted: boolean;
}

/** What a registry said last of its pull limit (`ratelimit-limit: 100;w=21600`). */
export interface RateLimit {
  readonly limit?: number;
  readonly remaining?: number;
  /** Seconds that the limit counts over. */
  readonly window?: number;
}

export interface PingResult {
  readonly url: string;
  readonly status: number;
  /** True where the registry lets nobody in without credentials. */
  readonly wantsLogin: boolean;
}

/** All registries, as this host reaches them. Settings are read when first needed, and again when their files have changed. */
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
  /** Forgets credentials; false where there were none. */
  logout(host: string): Promise<boolean>;
  /** The credentials that are kept for a host, if any: for `login` without a name. */
  credentials(host: string): Promise<Credentials | undefined>;
  ping(host: string, options?: Operation): Promise<PingResult>;
  /** What the registry last said; undefined where it has said nothing. */
  rateLimit(host: string): RateLimit | undefined;
  /** Ends idle connections. Without it they end by themselves and keep no process alive. */
  close(): void;
}

export declare function openRegistries(options?: RegistryOptions): Registries;
