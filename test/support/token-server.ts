/** A token service as docker-registry expects one: signed JWTs for what a user may, by GET with Basic and by POST with a refresh token. */
import { createHash, sign, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';

import type { Made } from './certificates.ts';

export interface TokenServer {
  readonly realm: string;
  readonly asked: readonly { readonly grant: string; readonly user: string | undefined; readonly scopes: readonly string[] }[];
}

export interface TokenServerOptions {
  readonly users: Readonly<Record<string, string>>;
  /** Everybody may pull these; users may do everything with all. */
  readonly publicRepositories: readonly string[];
  /** Seconds. */
  readonly lifetime?: number;
}

const refreshTokenOf = (user: string) => `refresh-${user}`;

export async function startTokenServer(t: Pick<TestContext, 'after'>, signer: Made, options: TokenServerOptions): Promise<TokenServer> {
  const asked: { grant: string; user: string | undefined; scopes: string[] }[] = [];
  const server = createServer((request, response) => {
    void (async () => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const query =
        request.method === 'POST'
          ? new URLSearchParams(Buffer.concat(chunks).toString())
          : new URL(request.url ?? '', 'http://x').searchParams;
      const scopes = request.method === 'POST' ? (query.get('scope') ?? '').split(' ').filter(Boolean) : query.getAll('scope');
      const who = whoAsks(request.headers.authorization, query, options.users);
      asked.push({ grant: query.get('grant_type') ?? 'get', user: who === 'wrong' ? undefined : who, scopes });
      if (who === 'wrong') {
        response.writeHead(401, { 'content-type': 'application/json' });
        response.end('{"details":"incorrect username or password"}');
        return;
      }
      const lifetime = options.lifetime ?? 300;
      const access = scopes.map((scope) => granted(scope, who, options.publicRepositories)).filter(({ actions }) => actions.length > 0);
      const answer = {
        token: jwt(signer, { access, lifetime, subject: who ?? '', audience: query.get('service') ?? '' }),
        expires_in: lifetime,
      };
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(
        JSON.stringify(
          query.get('offline_token') === 'true' && who !== undefined ? { ...answer, refresh_token: refreshTokenOf(who) } : answer,
        ),
      );
    })();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { realm: `http://127.0.0.1:${(server.address() as AddressInfo).port}/token`, asked };
}

function whoAsks(authorization: string | undefined, query: URLSearchParams, users: Readonly<Record<string, string>>): string | undefined {
  if (query.get('grant_type') === 'refresh_token')
    return Object.keys(users).find((user) => query.get('refresh_token') === refreshTokenOf(user)) ?? 'wrong';
  if (authorization === undefined) return undefined;
  const [user = '', password] = Buffer.from(authorization.replace(/^Basic /, ''), 'base64')
    .toString()
    .split(':');
  return users[user] !== undefined && users[user] === password ? user : 'wrong';
}

function granted(
  scope: string,
  user: string | undefined,
  publicRepositories: readonly string[],
): { type: string; name: string; actions: string[] } {
  const [type = '', name = '', actions = ''] = scope.split(':');
  const wanted = actions.split(',');
  const allowed = user === undefined ? (publicRepositories.includes(name) ? ['pull'] : []) : wanted;
  return { type, name, actions: wanted.filter((action) => allowed.includes(action)) };
}

function jwt(signer: Made, claims: { access: unknown; lifetime: number; subject: string; audience: string }): string {
  const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const now = Math.floor(Date.now() / 1000);
  const header = { typ: 'JWT', alg: 'ES256', x5c: [new X509Certificate(signer.cert).raw.toString('base64')] };
  const payload = {
    iss: 'test-issuer',
    sub: claims.subject,
    aud: claims.audience,
    exp: now + claims.lifetime + 5,
    nbf: now - 10,
    iat: now,
    jti: createHash('sha256').update(`${now}${Math.random()}`).digest('hex'),
    access: claims.access,
  };
  const signed = `${encode(header)}.${encode(payload)}`;
  const signature = sign('sha256', Buffer.from(signed), { key: signer.keyText, dsaEncoding: 'ieee-p1363' });
  return `${signed}.${signature.toString('base64url')}`;
}
