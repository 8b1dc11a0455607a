import { isIP } from 'node:net';
import { ImageError } from '../errors.ts';
import { literalReach } from './address-reach.ts';

/** Which proxy, if any, a URL is reached through. */
export type ProxyFor = (url: URL) => URL | undefined;

export interface ProxySettings {
  readonly httpProxy?: string | undefined;
  readonly httpsProxy?: string | undefined;
  readonly noProxy?: string | undefined;
}

/**
 * `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY` as Go's clients read them, so that one environment serves docker and us: upper case before lower case, no proxy
 * for loopback, NO_PROXY of host names (with their subdomains), `.suffixes`, addresses, CIDR ranges, ports, and `*`.
 * `HTTP_PROXY` is not read where `REQUEST_METHOD` is set: a CGI server sets it from a request's header (CVE-2016-5386).
 * @throws ImageError `invalid-config` for a proxy that is no http or https URL
 */
export function proxyFor(env: NodeJS.ProcessEnv, configured: ProxySettings = {}): ProxyFor {
  const value = (name: string) => env[name] || env[name.toLowerCase()] || undefined;
  const plain = proxyUrl((env.REQUEST_METHOD ? undefined : value('HTTP_PROXY')) ?? configured.httpProxy, 'HTTP_PROXY');
  const secure = proxyUrl(value('HTTPS_PROXY') ?? configured.httpsProxy, 'HTTPS_PROXY');
  const direct = bypass(value('NO_PROXY') ?? configured.noProxy ?? '');
  return (url) => {
    const proxy = url.protocol === 'https:' ? secure : plain;
    return proxy === undefined || literalReach(url.hostname) === 'loopback' || direct(url) ? undefined : proxy;
  };
}

function proxyUrl(text: string | undefined, name: string): URL | undefined {
  if (text === undefined) return undefined;
  let url: URL | undefined;
  try {
    url = new URL(text.includes('://') ? text : `http://${text}`);
  } catch {
    url = undefined;
  }
  if (url === undefined || !['http:', 'https:'].includes(url.protocol))
    throw new ImageError('invalid-config', `${name} is not the URL of an http proxy: ${text}`, { hint: 'Write it as http://HOST:PORT.' });
  return url;
}

function bypass(list: string): (url: URL) => boolean {
  const rules = list
    .split(/[\s,]+/)
    .filter((entry) => entry !== '')
    .map(bypassRule);
  return (url) =>
    rules.some((rule) => rule(url.hostname.replace(/^\[|\]$/g, '').toLowerCase(), url.port || (url.protocol === 'https:' ? '443' : '80')));
}

function bypassRule(entry: string): (host: string, port: string) => boolean {
  if (entry === '*') return () => true;
  const range = /^([0-9a-fA-F.:]+)\/(\d{1,3})$/.exec(entry);
  if (range) return (host) => inRange(host, range[1] ?? '', Number(range[2]));
  const withPort = /^(\[[^\]]*\]|[^:]*):(\d+)$/.exec(entry);
  const name = (withPort?.[1] ?? entry).replace(/^\[|\]$/g, '').toLowerCase();
  const onlyPort = withPort?.[2];
  const suffix = name.replace(/^\*?\./, '.');
  return (host, port) => {
    if (onlyPort !== undefined && onlyPort !== port) return false;
    if (suffix.startsWith('.')) return host.endsWith(suffix);
    return host === suffix || (isIP(suffix) === 0 && host.endsWith(`.${suffix}`));
  };
}

function inRange(host: string, net: string, bits: number): boolean {
  const [address, network] = [toBits(host), toBits(net)];
  return (
    address !== undefined && network !== undefined && address.length === network.length && address.slice(0, bits) === network.slice(0, bits)
  );
}

function toBits(address: string): string | undefined {
  if (isIP(address) === 4)
    return address
      .split('.')
      .map((part) => Number(part).toString(2).padStart(8, '0'))
      .join('');
  if (isIP(address) !== 6) return undefined;
  const [head = '', tail] = new URL(`http://[${address}]/`).hostname.slice(1, -1).split('::');
  const groups = (text: string | undefined) => (text === undefined || text === '' ? [] : text.split(':'));
  const [left, right] = [groups(head), groups(tail)];
  return [...left, ...Array<string>(8 - left.length - right.length).fill('0'), ...right]
    .map((group) => Number.parseInt(group, 16).toString(2).padStart(16, '0'))
    .join('');
}
