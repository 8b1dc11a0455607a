import { bestChallenge, type Challenge } from './challenge.ts';
import { discard } from './body.ts';
import type { Credentials } from './registry-options.ts';
import { basicAuthorization, fetchToken, type Token } from './token.ts';
import type { Transport, WireRequest } from './transport.ts';

export interface AuthSettings {
  /** The one origin that gets credentials. */
  readonly registry: URL;
  readonly credentials: () => Promise<Credentials | undefined>;
  /** For token services: follows no redirect to another origin. */
  readonly tokens: Transport;
}

const maxTokens = 256;

/**
 * Answers a registry's challenges, Bearer and Basic, and from then on sends what it learnt with the first try. Requests to any other origin (an upload's
 * location elsewhere), and challenges from where a redirect led, get nothing.
 */
export function authorized(next: Transport, settings: AuthSettings): Transport {
  const memory = new Memory(settings);
  return async (request) => {
    if (request.url.origin !== settings.registry.origin) return next(request);
    const first = await memory.authorization(request.scopes ?? [], request.signal);
    const response = await next(withAuthorization(request, first));
    if (response.status !== 401 || response.url.origin !== settings.registry.origin) return response;
    const challenge = bestChallenge(response.headers['www-authenticate']);
    if (challenge === undefined) return response;
    const second = await memory.answer(challenge, request, first);
    if (second === undefined || second === first) return response;
    discard(response);
    return next(withAuthorization(request, second));
  };
}

function withAuthorization(request: WireRequest, authorization: string | undefined): WireRequest {
  return authorization === undefined ? request : { ...request, headers: { ...request.headers, authorization } };
}

/** What one registry has taught us: how it wants to be asked, and the tokens it took. */
class Memory {
  readonly #settings: AuthSettings;
  readonly #tokens = new Map<string, Promise<Token>>();
  #challenge: Challenge | undefined;

  constructor(settings: AuthSettings) {
    this.#settings = settings;
  }

  /** What the first try is sent with: nothing until the registry has asked once. */
  async authorization(scopes: readonly string[], signal: AbortSignal | undefined): Promise<string | undefined> {
    return this.#challenge === undefined ? undefined : this.#by(this.#challenge, scopes, signal);
  }

  /** What a second try is sent with, after a challenge; undefined where there is nothing more to say. */
  async answer(challenge: Challenge, request: WireRequest, refused: string | undefined): Promise<string | undefined> {
    this.#challenge = challenge;
    const scopes = union(request.scopes ?? [], scopesOf(challenge));
    if (refused !== undefined) this.#tokens.delete(this.#key(challenge, scopes));
    return this.#by(challenge, scopes, request.signal);
  }

  async #by(challenge: Challenge, scopes: readonly string[], signal: AbortSignal | undefined): Promise<string | undefined> {
    const credentials = await this.#settings.credentials();
    if (challenge.scheme === 'basic')
      return credentials !== undefined && 'password' in credentials ? basicAuthorization(credentials) : undefined;
    if (credentials !== undefined && 'registryToken' in credentials) return `Bearer ${credentials.registryToken}`;
    return `Bearer ${(await this.#token(challenge, scopes, credentials, signal)).token}`;
  }

  async #token(
    challenge: Challenge,
    scopes: readonly string[],
    credentials: Credentials | undefined,
    signal: AbortSignal | undefined,
  ): Promise<Token> {
    const key = this.#key(challenge, scopes);
    const kept = this.#tokens.get(key);
    if (kept !== undefined) {
      // One fetch serves all that wait for it; if the one that began it was cancelled, the others fetch their own.
      const token = await kept.catch(() => undefined);
      if (token !== undefined && token.expires > Date.now()) return token;
    }
    const { parameters } = challenge;
    const fetching = fetchToken(this.#settings.tokens, {
      registry: this.#settings.registry,
      realm: parameters.get('realm'),
      service: parameters.get('service'),
      scopes,
      credentials,
      signal,
    });
    if (this.#tokens.size >= maxTokens) this.#tokens.clear();
    this.#tokens.set(key, fetching);
    try {
      return await fetching;
    } catch (error) {
      if (this.#tokens.get(key) === fetching) this.#tokens.delete(key);
      throw error;
    }
  }

  #key({ parameters }: Challenge, scopes: readonly string[]): string {
    return JSON.stringify([parameters.get('realm'), parameters.get('service'), [...scopes].sort()]);
  }
}

function scopesOf(challenge: Challenge): readonly string[] {
  return (challenge.parameters.get('scope') ?? '').split(' ').filter((scope) => scope !== '');
}

/** Scopes joined by resource, so that `repository:a:pull` and `repository:a:pull,push` are one. */
export function union(...lists: readonly (readonly string[])[]): readonly string[] {
  const actions = new Map<string, Set<string>>();
  for (const scope of lists.flat()) {
    const colon = scope.lastIndexOf(':');
    const resource = scope.slice(0, Math.max(colon, 0));
    const known = actions.get(resource) ?? new Set();
    for (const action of scope.slice(colon + 1).split(',')) known.add(action);
    actions.set(resource, known);
  }
  return [...actions].map(([resource, set]) => (resource === '' ? [...set].join(',') : `${resource}:${[...set].sort().join(',')}`));
}
