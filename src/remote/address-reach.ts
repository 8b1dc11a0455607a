import { BlockList, isIP } from 'node:net';
import { lookup } from 'node:dns/promises';

/** From how far an address can be reached: `loopback` from this machine alone, `public` from everywhere. In the order of how little a stranger should name it. */
export type Reach = 'public' | 'private' | 'link-local' | 'loopback';

const order: readonly Reach[] = ['public', 'private', 'link-local', 'loopback'];

const ranges: readonly [Exclude<Reach, 'public'>, BlockList][] = [
  ['loopback', blockList(['0.0.0.0/8', '127.0.0.0/8'], ['::/128', '::1/128'])],
  ['link-local', blockList(['169.254.0.0/16'], ['fe80::/10'])],
  // With carrier-grade NAT, benchmark nets, multicast and the reserved block: nobody serves the public there.
  [
    'private',
    blockList(['10.0.0.0/8', '100.64.0.0/10', '172.16.0.0/12', '192.168.0.0/16', '198.18.0.0/15', '224.0.0.0/3'], ['fc00::/7', 'ff00::/8']),
  ],
];

function blockList(v4: readonly string[], v6: readonly string[]): BlockList {
  const list = new BlockList();
  for (const [subnets, family] of [
    [v4, 'ipv4'],
    [v6, 'ipv6'],
  ] as const)
    for (const subnet of subnets) {
      const [net = '', bits] = subnet.split('/');
      list.addSubnet(net, Number(bits), family);
    }
  return list;
}

/** The reach of an IP address; of an IPv4 address inside an IPv6 one (mapped, NAT64, 6to4) that of the inner. */
export function addressReach(address: string): Reach {
  const bare = address.replace(/^\[|\]$/g, '').replace(/%.*$/, '');
  const inner = embeddedV4(bare) ?? bare;
  const family = isIP(inner);
  if (family === 0) return 'public';
  for (const [reach, list] of ranges) if (list.check(inner, family === 6 ? 'ipv6' : 'ipv4')) return reach;
  return 'public';
}

function embeddedV4(address: string): string | undefined {
  if (isIP(address) !== 6) return undefined;
  const [head = '', tail] = address
    .toLowerCase()
    .replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, ...b: string[]) => `${hex(b[0], b[1])}:${hex(b[2], b[3])}`)
    .split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const groups = tail === undefined ? left : [...left, ...Array<string>(Math.max(0, 8 - left.length - right.length)).fill('0'), ...right];
  const words = groups.map((group) => Number.parseInt(group, 16));
  const v4 = (high = 0, low = 0) => `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`;
  if (words.slice(0, 5).every((word) => word === 0) && words[5] === 0xffff) return v4(words[6], words[7]);
  if (words[0] === 0x64 && words[1] === 0xff9b && words.slice(2, 6).every((word) => word === 0)) return v4(words[6], words[7]);
  if (words[0] === 0x2002) return v4(words[1], words[2]);
  return undefined;
}

function hex(high = '0', low = '0'): string {
  return ((Number(high) << 8) | Number(low)).toString(16);
}

/** What a host's text alone says: `localhost` and addresses; undefined for a name that has to be looked up. */
export function literalReach(hostname: string): Reach | undefined {
  const bare = hostname.replace(/^\[|\]$/g, '').toLowerCase();
  if (isIP(bare.replace(/%.*$/, '')) !== 0) return addressReach(bare);
  return bare === 'localhost' || bare.endsWith('.localhost') ? 'loopback' : undefined;
}

/** The reach of a host, by its text or else by its addresses: the narrowest of them. A name that cannot be looked up here (a proxy may) counts as public. */
export async function hostReach(hostname: string): Promise<Reach> {
  const literal = literalReach(hostname);
  if (literal !== undefined) return literal;
  let widest: Reach = 'public';
  const addresses = await lookup(hostname, { all: true }).catch(() => []);
  for (const { address } of addresses) {
    const reach = addressReach(address);
    if (order.indexOf(reach) > order.indexOf(widest)) widest = reach;
  }
  return widest;
}

/** True where something at `from` may point at something at `to`: never further inwards than it is itself. */
export function mayPointTo(from: Reach, to: Reach): boolean {
  return order.indexOf(to) <= order.indexOf(from);
}

/** True where a server may send us on to a URL: an address written in it must not lie further inwards than the server. */
export async function maySendTo(server: URL, url: URL): Promise<boolean> {
  const literal = literalReach(url.hostname);
  return url.hostname === server.hostname || literal === undefined || mayPointTo(await hostReach(server.hostname), literal);
}
