import { ImageError } from '../errors.ts';
import { addressReach, hostReach, literalReach, mayPointTo } from './address-reach.ts';

export interface Realm {
  readonly url: URL;
  /** Holds of every address that the realm's name turns out to have. */
  readonly allowAddress: ((address: string) => boolean) | undefined;
}

/**
 * Whether the token service that a registry names may be asked, and get the credentials for that registry.
 *
 * Every registry may name a token service on another host, and the great ones do (docker.io names auth.docker.io). So a https realm on another host is
 * accepted, but never one that a thief would name (CVE-2020-15157, CVE-2026-48978, CVE-2026-12566):
 * - http where the registry itself is https, or where the realm is another host that is public;
 * - an address further inwards than the registry's own: a private, link-local or loopback one for a public registry. Names are checked by their addresses,
 *   at the moment of the connection; the registry's own host is always accepted.
 * - what carries a name or password, or is no http URL at all.
 * @throws ImageError `insecure`, `protocol`
 */
export async function acceptRealm(realm: string | undefined, registry: URL): Promise<Realm> {
  let url: URL;
  try {
    url = new URL(realm ?? '');
  } catch {
    throw new ImageError('protocol', `${registry.host} names no usable token service: ${JSON.stringify(realm?.slice(0, 200) ?? '')}`);
  }
  const refuse = (why: string): ImageError =>
    new ImageError('insecure', `${registry.host} names the token service ${url.origin}, ${why}`, {
      hint: 'Nothing was sent there. If the registry is yours, correct the realm in its settings.',
      detail: { registry: registry.host, realm: url.origin },
    });
  if (url.protocol !== 'https:' && url.protocol !== 'http:') throw refuse('which is neither https nor http');
  if (url.username !== '' || url.password !== '') throw refuse('with a password in its address');
  const sameHost = url.hostname === registry.hostname;
  if (url.protocol === 'http:') {
    if (registry.protocol === 'https:') throw refuse('which would carry credentials unencrypted');
    if (!sameHost && (await hostReach(url.hostname)) === 'public') throw refuse('another host, which would get credentials unencrypted');
  }
  if (sameHost) return { url, allowAddress: undefined };
  const reach = await hostReach(registry.hostname);
  const literal = literalReach(url.hostname);
  if (literal !== undefined && !mayPointTo(reach, literal)) throw refuse('an internal address');
  return { url, allowAddress: reach === 'loopback' ? undefined : (address) => mayPointTo(reach, addressReach(address)) };
}
