/** An authority of a test's own, a server's certificate for loopback and a client's, made by openssl. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { peer } from './peers.ts';

export const openssl = peer('openssl');

export interface Made {
  readonly certificate: string;
  readonly key: string;
  /** PEM texts of the two. */
  readonly cert: string;
  readonly keyText: string;
}

export interface Certificates {
  readonly authority: Made;
  readonly server: Made;
  readonly client: Made;
}

/** In `folder`: `authority`, `server` (for localhost, 127.0.0.1, ::1) and `client`, each `.crt` and `.key`. */
export async function makeCertificates(folder: string): Promise<Certificates> {
  const file = (name: string) => join(folder, name);
  const read = (name: string): Made => ({
    certificate: file(`${name}.crt`),
    key: file(`${name}.key`),
    cert: readFileSync(file(`${name}.crt`), 'utf8'),
    keyText: readFileSync(file(`${name}.key`), 'utf8'),
  });
  const newKey = (name: string) => ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', file(`${name}.key`)];
  await openssl.run(['req', '-x509', ...newKey('authority'), '-out', file('authority.crt'), '-days', '2', '-subj', '/CN=Test authority']);
  const extensions = { server: 'subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1', client: 'extendedKeyUsage=clientAuth' };
  for (const [name, extension] of Object.entries(extensions)) {
    writeFileSync(file(`${name}.ext`), `${extension}\n`);
    await openssl.run(['req', ...newKey(name), '-out', file(`${name}.csr`), '-subj', `/CN=${name}`]);
    await openssl.run([
      ...['x509', '-req', '-in', file(`${name}.csr`), '-CA', file('authority.crt'), '-CAkey', file('authority.key')],
      ...['-CAcreateserial', '-out', file(`${name}.crt`), '-days', '2', '-extfile', file(`${name}.ext`)],
    ]);
  }
  return { authority: read('authority'), server: read('server'), client: read('client') };
}
