import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { asImageError, ImageError, isSystemError } from '../errors.ts';
import { isObject } from '../model/descriptor.ts';
import type { CertificateFiles } from './certificates.ts';

/** What a host may be asked for: `pull` by digest, `resolve` of tags, `push`. */
export type Capability = 'pull' | 'resolve' | 'push';

/**
 * containerd's `certs.d/HOST/hosts.toml` (containerd docs/hosts.md): where the images of one registry are asked for. Hosts are tried in the file's order,
 * then `server`.
 */
export interface HostEntry {
  /** Where the API begins: ends with `/v2/`, or as it stands under `override_path`. */
  readonly base: URL;
  readonly capabilities: ReadonlySet<Capability>;
  readonly certificates: CertificateFiles;
  /** True where `skip_verify` says so. */
  readonly insecure: boolean;
  readonly headers: Readonly<Record<string, string>>;
}

export interface HostsFile {
  readonly path: string;
  readonly hosts: readonly HostEntry[];
  readonly server: HostEntry | undefined;
}

/** Undefined where there is no such file. @throws ImageError `invalid-config` */
export async function readHostsToml(path: string, registry: string): Promise<HostsFile | undefined> {
  let text: string;
  try {
    // Windows' own editors begin a file with a mark.
    text = (await readFile(path, 'utf8')).replace(/^\uFEFF/, '');
  } catch (error) {
    if (isSystemError(error, 'ENOENT', 'ENOTDIR')) return undefined;
    throw asImageError(error, `cannot read ${path}`);
  }
  return parseHostsToml(text, path, registry);
}

/** @throws ImageError `invalid-config`, naming the file */
export async function parseHostsToml(text: string, path: string, registry: string): Promise<HostsFile> {
  const refuse = (why: string, cause?: unknown): ImageError => new ImageError('invalid-config', `${path}: ${why}`, { cause });
  const { parse } = await import('smol-toml');
  let document: Readonly<Record<string, unknown>>;
  try {
    document = parse(text);
  } catch (error) {
    throw refuse(`not TOML: ${(error as Error).message.split('\n')[0]}`, error);
  }
  const hosts = document.host ?? {};
  if (!isObject(hosts)) throw refuse('host is not a table: write [host."https://…"]');
  const { server } = document;
  if (server !== undefined && typeof server !== 'string') throw refuse('server is not a text');
  const described = ['capabilities', 'ca', 'client', 'skip_verify', 'header', 'override_path'].some((key) => key in document);
  return {
    path,
    hosts: Object.entries(hosts).map(([url, entry]) => {
      if (!isObject(entry)) throw refuse(`host ${url} is not a table`);
      return hostEntry(url, entry, path, refuse);
    }),
    server: server !== undefined || described ? hostEntry(server || apiHost(registry), document, path, refuse) : undefined,
  };
}

/** Where docker.io's API is; every other registry's is where its name says. */
export function apiHost(registry: string): string {
  return registry === 'docker.io' ? 'registry-1.docker.io' : registry;
}

function hostEntry(
  address: string,
  entry: Readonly<Record<string, unknown>>,
  path: string,
  refuse: (why: string, cause?: unknown) => ImageError,
): HostEntry {
  let base: URL;
  try {
    base = new URL(address.includes('://') ? address : `https://${address}`);
  } catch (cause) {
    throw refuse(`${JSON.stringify(address)} is not a URL`, cause);
  }
  if (base.protocol !== 'https:' && base.protocol !== 'http:') throw refuse(`${address} is neither https nor http`);
  const way = base.pathname.replace(/\/+$/, '');
  base.pathname = entry.override_path === true || way.endsWith('/v2') ? `${way}/` : `${way}/v2/`;
  base.search = '';
  base.hash = '';
  const file = (name: unknown, what: string): string => {
    if (typeof name !== 'string') throw refuse(`${what} of ${address} is not a file's name`);
    return resolve(dirname(path), name);
  };
  const list = (value: unknown): readonly unknown[] => (value === undefined ? [] : Array.isArray(value) ? value : [value]);
  const capabilities = list(entry.capabilities);
  const known: readonly Capability[] = ['pull', 'resolve', 'push'];
  return {
    base,
    capabilities: new Set(capabilities.length === 0 ? known : known.filter((name) => capabilities.includes(name))),
    certificates: {
      authorities: list(entry.ca).map((name) => file(name, 'ca')),
      clients: list(entry.client).map((pair) => {
        const [certificate, key] = list(pair);
        return {
          certificate: file(certificate, 'client'),
          key: key === undefined || key === '' ? file(certificate, 'client') : file(key, 'client'),
        };
      }),
    },
    insecure: entry.skip_verify === true,
    headers: headersOf(entry.header, address, refuse),
  };
}

function headersOf(table: unknown, address: string, refuse: (why: string) => ImageError): Readonly<Record<string, string>> {
  if (table === undefined) return {};
  if (!isObject(table)) throw refuse(`header of ${address} is not a table`);
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(table)) {
    const text = (Array.isArray(value) ? value : [value]).map(String).join(', ');
    if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name) || /[^\t\x20-\x7e\x80-\xff]/.test(text))
      throw refuse(`header ${JSON.stringify(name)} of ${address} cannot be sent`);
    headers[name.toLowerCase()] = text;
  }
  return headers;
}
