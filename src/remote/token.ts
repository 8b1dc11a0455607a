import { ImageError } from '../errors.ts';
import { isObject } from '../model/descriptor.ts';
import { parseJson } from '../model/manifest.ts';
import { answerError } from './answer-error.ts';
import { discard, readBody } from './body.ts';
import { acceptRealm } from './realm.ts';
import type { Credentials } from './registry-options.ts';
import type { Transport, WireResponse } from './transport.ts';

export interface TokenRequest {
  readonly registry: URL;
  readonly realm: string | undefined;
  readonly service: string | undefined;
  readonly scopes: readonly string[];
  readonly credentials: Credentials | undefined;
  /** Asks for a refresh token too, to be kept in place of the password. */
  readonly offline?: boolean;
  readonly signal?: AbortSignal | undefined;
}

export interface Token {
  readonly token: string;
  /** Milliseconds since the epoch from which on it is not used any more. */
  readonly expires: number;
  readonly refreshToken: string | undefined;
}

const clientId = 'bayplan';
const maxAnswerBytes = 1024 * 1024;

/**
 * A bearer token for some scopes: by GET with Basic or without credentials (distribution: auth/token), or by POST with a refresh token (auth/oauth). A service
 * that knows no GET is given the name and the password by POST too: docker's own client begins with that.
 * `transport` must follow no redirect to another origin.
 * @throws ImageError `unauthorized`, `denied`, `insecure`, `protocol`, `unavailable`
 */
export async function fetchToken(transport: Transport, ask: TokenRequest): Promise<Token> {
  const { registry, service, scopes, credentials, signal } = ask;
  const { url, allowAddress } = await acceptRealm(ask.realm, registry);
  const common = { allowAddress, signal } as const;
  const what = `the token service ${url.host}`;
  const post = (grant: Readonly<Record<string, string>>): Promise<WireResponse> => {
    const form = new URLSearchParams({ service: service ?? '', client_id: clientId, scope: scopes.join(' '), ...grant });
    const headers = { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' };
    return transport({ ...common, method: 'POST', url, headers, body: Buffer.from(form.toString()), repeatable: true });
  };
  let response;
  if (credentials !== undefined && 'identityToken' in credentials)
    response = await post({ grant_type: 'refresh_token', refresh_token: credentials.identityToken });
  else {
    const query = new URL(url);
    if (service !== undefined && service !== '') query.searchParams.set('service', service);
    for (const scope of scopes) query.searchParams.append('scope', scope);
    const basic = credentials !== undefined && 'password' in credentials ? credentials : undefined;
    if (basic) query.searchParams.set('account', basic.username);
    if (ask.offline) {
      query.searchParams.set('offline_token', 'true');
      query.searchParams.set('client_id', clientId);
    }
    response = await transport({
      ...common,
      method: 'GET',
      url: query,
      headers: { accept: 'application/json', ...(basic ? { authorization: basicAuthorization(basic) } : {}) },
    });
    if (basic && (response.status === 404 || response.status === 405)) {
      discard(response);
      response = await post({
        grant_type: 'password',
        username: basic.username,
        password: basic.password,
        ...(ask.offline ? { access_type: 'offline' } : {}),
      });
    }
  }
  if (response.status !== 200)
    throw await answerError(response, `cannot get a token for ${registry.host}`, { anonymous: credentials === undefined });
  const answer = parseAnswer(await readBody(response, maxAnswerBytes, 30_000, `the answer of ${what}`, signal), what);
  const text = (key: string) => (typeof answer[key] === 'string' && answer[key] !== '' ? answer[key] : undefined);
  const token = text('token') ?? text('access_token');
  if (token === undefined) throw new ImageError('protocol', `${what} gives no token`);
  if (!/^[\x21-\x7e]+$/.test(token)) throw new ImageError('protocol', `${what} gives a token that no header can hold`);
  const lifetime = typeof answer.expires_in === 'number' && answer.expires_in > 0 ? Math.min(answer.expires_in, 86_400) : 60;
  // By our clock from now, not by `issued_at`: the two clocks need not agree. A tenth is left for the way.
  return { token, expires: Date.now() + lifetime * 900, refreshToken: text('refresh_token') };
}

function parseAnswer(bytes: Buffer, what: string): Readonly<Record<string, unknown>> {
  let answer: unknown;
  try {
    answer = parseJson(bytes, `the answer of ${what}`);
  } catch (cause) {
    throw new ImageError('protocol', `${what} answers with something that is not JSON`, { cause });
  }
  if (!isObject(answer)) throw new ImageError('protocol', `${what} answers with something that is no token`);
  return answer;
}

export function basicAuthorization({ username, password }: { readonly username: string; readonly password: string }): string {
  return `Basic ${Buffer.from(`${username}:${password}`, 'utf8').toString('base64')}`;
}
