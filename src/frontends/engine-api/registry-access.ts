import type { IncomingHttpHeaders } from 'node:http';
import { isObject } from '../../model/descriptor.ts';
import type { Credentials } from '../../remote/registry-options.ts';

/** What a client sends along for registries. */
export interface RegistryAccess {
  readonly credentials: Credentials | undefined;
  /** The host that the credentials say they are for; undefined where they do not. */
  readonly server: string | undefined;
  /** `X-Meta-…`, to be passed on. */
  readonly headers: Readonly<Record<string, string>>;
}

/** `X-Registry-Auth`: base64url of docker's AuthConfig. One that cannot be read is none, as in docker: an old client's empty one must not fail a pull. */
export function registryAccess(headers: IncomingHttpHeaders): RegistryAccess {
  const given = headers['x-registry-auth'];
  const auth = typeof given === 'string' && given.length <= 64 * 1024 ? authOf(given) : {};
  const forwarded: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers))
    if (/^x-meta-[a-z0-9-]+$/.test(name) && typeof value === 'string') forwarded[name] = value;
  return { credentials: credentialsOf(auth), server: serverOf(auth), headers: forwarded };
}

function authOf(text: string): Readonly<Record<string, unknown>> {
  try {
    const document: unknown = JSON.parse(Buffer.from(text, 'base64url').toString('utf8'));
    return isObject(document) ? document : {};
  } catch {
    return {};
  }
}

/** Of docker's AuthConfig, the parsed body of `POST /auth` too. */
export function credentialsOf(auth: Readonly<Record<string, unknown>>): Credentials | undefined {
  const text = (key: string): string | undefined => (typeof auth[key] === 'string' && auth[key] !== '' ? auth[key] : undefined);
  const [registryToken, identityToken, username, password] = ['registrytoken', 'identitytoken', 'username', 'password'].map(text);
  if (registryToken !== undefined) return { registryToken };
  if (identityToken !== undefined) return username === undefined ? { identityToken } : { username, identityToken };
  if (username !== undefined) return { username, password: password ?? '' };
  const [, name, secret] = /^([^:]*):([\s\S]*)$/.exec(Buffer.from(text('auth') ?? '', 'base64').toString('utf8')) ?? [];
  return name ? { username: name, password: secret ?? '' } : undefined;
}

/** `https://index.docker.io/v1/` is the Hub; a host may come with or without its scheme. */
export function serverOf(auth: Readonly<Record<string, unknown>>): string | undefined {
  const { serveraddress } = auth;
  if (typeof serveraddress !== 'string' || serveraddress === '') return undefined;
  const host = serveraddress.replace(/^https?:\/\//, '').replace(/\/.*$/s, '');
  return host === 'index.docker.io' || host === 'registry-1.docker.io' ? 'docker.io' : host;
}
