import { readFile, realpath, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { asImageError, ImageError, isSystemError } from '../errors.ts';
import { writeFileAtomic } from '../io/atomic-file.ts';
import { makeFolderPath } from '../io/make-folder-path.ts';
import { isObject } from '../model/descriptor.ts';
import type { Credentials } from './registry-options.ts';

/**
 * The docker client's `config.json`, and containers' `auth.json`, which has the same shape: `auths`, `credHelpers`, `credsStore`, `HttpHeaders`, `proxies`.
 * Keys that are not ours are kept as they are when it is written.
 */
export interface DockerConfig {
  readonly path: string;
  readonly document: Readonly<Record<string, unknown>>;
}

/** An absent or empty file is an empty document. @throws ImageError `invalid-config`, `permission` */
export async function readDockerConfig(path: string): Promise<DockerConfig> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (isSystemError(error, 'ENOENT', 'ENOTDIR')) return { path, document: {} };
    throw asImageError(error, `cannot read ${path}`);
  }
  if (text.trim() === '') return { path, document: {} };
  let document: unknown;
  try {
    document = JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch (cause) {
    throw new ImageError('invalid-config', `${path} is not JSON`, { cause });
  }
  if (!isObject(document)) throw new ImageError('invalid-config', `${path} is not a JSON object`);
  return { path, document };
}

/**
 * Changes the file as it is at this moment. Docker's own clients replace it whole and take no lock, so the file is read anew, and the change made again
 * where somebody else has replaced the file meanwhile; what remains is the instant of the rename. Readable by its owner alone; a link is followed.
 * `change` returns undefined where there is nothing to do.
 */
export async function changeDockerConfig(
  path: string,
  change: (document: Record<string, unknown>) => Record<string, unknown> | undefined,
): Promise<boolean> {
  const target = await realpath(path).catch(() => path);
  makeFolderPath(dirname(target), 0o700);
  for (let tries = 0; ; tries++) {
    const before = await fingerprint(target);
    const { document } = await readDockerConfig(target);
    const changed = change(structuredClone(document) as Record<string, unknown>);
    if (changed === undefined) return false;
    if ((await fingerprint(target)) !== before && tries < 20) continue;
    await writeFileAtomic(target, JSON.stringify(changed, undefined, '\t'), 0o600);
    return true;
  }
}

async function fingerprint(path: string): Promise<string> {
  try {
    const { ino, size, mtimeNs } = await stat(path, { bigint: true });
    return `${ino}:${size}:${mtimeNs}`;
  } catch {
    return 'absent';
  }
}

/** The key that docker keeps a registry's credentials under. */
export function serverKey(host: string): string {
  return isHub(host) ? 'https://index.docker.io/v1/' : host;
}

export function isHub(host: string): boolean {
  return ['docker.io', 'index.docker.io', 'registry-1.docker.io'].includes(host);
}

/** The host in a key that may be a URL (`https://index.docker.io/v1/`), as docker's ConvertToHostname; the path of `quay.io/me` stays. */
function bareKey(key: string): string {
  const url = /^https?:\/\/([^/]+)/.exec(key);
  return url?.[1] ?? key.replace(/\/$/, '');
}

/**
 * The credentials in a file's `auths` for a repository: the longest of `HOST/PATH…`, `HOST/PATH`, `HOST` (containers-auth.json), docker's own keys included.
 */
export function authOf(config: DockerConfig, host: string, repository = ''): Credentials | undefined {
  const auths = config.document.auths;
  if (!isObject(auths)) return undefined;
  const own = auths[serverKey(host)];
  const names = isHub(host) ? ['docker.io', 'index.docker.io', 'registry-1.docker.io'] : [host];
  const parts = repository.split('/').filter(Boolean);
  for (let count = parts.length; count >= 0; count--)
    for (const name of names) {
      const wanted = [name, ...parts.slice(0, count)].join('/');
      const entry =
        auths[wanted] ?? (count === 0 ? (own ?? Object.entries(auths).find(([key]) => bareKey(key) === wanted)?.[1]) : undefined);
      const credentials = entryCredentials(entry, config.path);
      if (credentials) return credentials;
    }
  return undefined;
}

function entryCredentials(entry: unknown, path: string): Credentials | undefined {
  if (!isObject(entry)) return undefined;
  const text = (key: string) => (typeof entry[key] === 'string' && entry[key] !== '' ? entry[key] : undefined);
  const registryToken = text('registrytoken');
  if (registryToken) return { registryToken };
  const auth = text('auth');
  const pair = auth === undefined ? undefined : Buffer.from(auth, 'base64').toString('utf8').replaceAll('\0', '');
  const colon = pair?.indexOf(':') ?? -1;
  if (pair !== undefined && colon < 0) throw new ImageError('invalid-config', `${path} has an auth that is not name:password in base64`);
  const username = pair === undefined ? text('username') : pair.slice(0, colon);
  const identityToken = text('identitytoken');
  if (identityToken) return { ...(username ? { username } : {}), identityToken };
  const password = pair === undefined ? text('password') : pair.slice(colon + 1);
  return username && password !== undefined ? { username, password } : undefined;
}

/** The helper that keeps a host's credentials, if one does: its own, or the one for all. */
export function helperOf(config: DockerConfig, host: string): string | undefined {
  const { credHelpers, credsStore } = config.document;
  if (isObject(credHelpers))
    for (const key of isHub(host) ? [serverKey(host), 'docker.io', 'index.docker.io'] : [host])
      if (typeof credHelpers[key] === 'string' && credHelpers[key] !== '') return credHelpers[key];
  return typeof credsStore === 'string' && credsStore !== '' ? credsStore : undefined;
}

/** An entry of `auths` as docker writes it. */
export function authEntry(credentials: Credentials): Record<string, string> {
  if ('registryToken' in credentials) return { registrytoken: credentials.registryToken };
  if ('identityToken' in credentials)
    return { auth: Buffer.from(`${credentials.username ?? ''}:`).toString('base64'), identitytoken: credentials.identityToken };
  return { auth: Buffer.from(`${credentials.username}:${credentials.password}`, 'utf8').toString('base64') };
}
