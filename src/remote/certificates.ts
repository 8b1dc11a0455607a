import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { asImageError, ImageError, isSystemError } from '../errors.ts';
import type { TlsSettings } from './connections.ts';

/** Files of certificates: whom to trust beside the usual authorities, and who we are. */
export interface CertificateFiles {
  readonly authorities: readonly string[];
  readonly clients: readonly { readonly certificate: string; readonly key: string }[];
}

export const noCertificates: CertificateFiles = { authorities: [], clients: [] };

/** The folder names that docker, podman and containerd look under for one host; a colon is no part of a Windows path. */
export function hostFolders(folders: readonly string[], host: string): readonly string[] {
  const [name = '', port] = host.split(/:(?=\d+$)/);
  const names = port === undefined ? [host] : [`${name}_${port}_`, process.platform === 'win32' ? host.replaceAll(':', '') : host];
  return folders.flatMap((folder) => names.map((each) => join(folder, each)));
}

/** Docker's `certs.d/HOST`: every `*.crt` is an authority, every `*.cert` with its `*.key` is ours. The first folder that is there counts. @throws ImageError `invalid-config` */
export async function dockerCertificates(folders: readonly string[]): Promise<CertificateFiles> {
  for (const folder of folders) {
    let names: string[];
    try {
      names = await readdir(folder);
    } catch (error) {
      if (isSystemError(error, 'ENOENT', 'ENOTDIR')) continue;
      throw asImageError(error, `cannot read ${folder}`);
    }
    const present = new Set(names);
    const clients = names.filter((name) => name.endsWith('.cert')).sort();
    for (const name of clients)
      if (!present.has(name.replace(/\.cert$/, '.key')))
        throw new ImageError('invalid-config', `${join(folder, name)} has no key beside it`, {
          hint: `Put ${name.replace(/\.cert$/, '.key')} there. Authorities end in .crt.`,
        });
    const authorities = names.filter((name) => name.endsWith('.crt')).sort();
    if (authorities.length + clients.length === 0) continue;
    return {
      authorities: authorities.map((name) => join(folder, name)),
      clients: clients.map((name) => ({ certificate: join(folder, name), key: join(folder, name.replace(/\.cert$/, '.key')) })),
    };
  }
  return noCertificates;
}

/**
 * What a TLS connection is made with. Node trusts the authorities that it brings along; `system` adds those of this machine, which costs 70 ms and
 * is therefore tried only where a certificate is not accepted without.
 * @throws ImageError `invalid-config` for a file that is no certificate or key
 */
export async function tlsSettings(files: CertificateFiles, verify: boolean, system: boolean): Promise<TlsSettings> {
  const { authorities, clients } = files;
  if (authorities.length === 0 && clients.length === 0 && !system) return { id: verify ? '' : 'unverified', context: undefined, verify };
  const tls = await import('node:tls');
  const own = await Promise.all(authorities.map(readPem));
  const certs = await Promise.all(clients.map(({ certificate }) => readPem(certificate)));
  const keys = await Promise.all(clients.map(({ key }) => readPem(key)));
  const roots = tls.getCACertificates === undefined ? [...tls.rootCertificates] : tls.getCACertificates('default');
  const machine = system && tls.getCACertificates !== undefined ? tls.getCACertificates('system') : [];
  const hash = createHash('sha256');
  for (const pem of [...own, ...certs, ...keys]) hash.update(pem).update('\0');
  try {
    const context = tls.createSecureContext({
      ca: [...new Set([...roots, ...machine, ...own])],
      ...(certs.length === 0 ? {} : { cert: certs, key: keys }),
    });
    return { id: `${hash.digest('hex')}${system ? '+system' : ''}${verify ? '' : '+unverified'}`, context, verify };
  } catch (cause) {
    throw new ImageError(
      'invalid-config',
      `cannot use the certificates ${[...authorities, ...clients.map(({ certificate }) => certificate)].join(', ')}: ${(cause as Error).message}`,
      { cause },
    );
  }
}

async function readPem(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw asImageError(error, `cannot read ${path}`);
  }
}
