/** What the network flags of `create` say, as docker's client sends it. */

import { isUserDefined } from '../../../containers/host-defaults.ts';
import type { CreateValues } from './create-flags.ts';
import { pairsToMap } from './environment.ts';
import { optional, orNull, refuse, valueOf } from './flag-value.ts';
import { csvFields } from './mounts.ts';

interface Attachment {
  readonly target: string;
  readonly aliases: readonly string[];
  readonly options: Readonly<Record<string, string>>;
  readonly ip?: string | undefined;
  readonly ip6?: string | undefined;
  readonly mac?: string | undefined;
  readonly priority?: number | undefined;
}

/** `--network NAME`, or `name=…,alias=…,ip=…`. */
function attachment(text: string): Attachment {
  if (!text.includes('=')) return { target: text, aliases: [], options: {} };
  const aliases: string[] = [];
  const options: string[] = [];
  const fields = new Map<string, string>();
  for (const field of csvFields(text)) {
    const [, key, value = ''] = /^([^=]+)=(.*)$/.exec(field) ?? [];
    if (key === undefined) throw refuse(`invalid field '${field}' must be a key=value pair`);
    if (key === 'alias') aliases.push(value);
    else if (key === 'driver-opt') options.push(value);
    else if (['name', 'ip', 'ip6', 'mac-address', 'gw-priority', 'link-local-ip'].includes(key)) fields.set(key, value);
    else throw refuse(`invalid field key ${key}`);
  }
  const target = fields.get('name');
  if (!target) throw refuse('network name/id is not specified');
  const priority = fields.get('gw-priority');
  return {
    target,
    aliases,
    options: pairsToMap(options),
    ip: fields.get('ip'),
    ip6: fields.get('ip6'),
    mac: fields.get('mac-address'),
    priority: priority === undefined ? undefined : Number(priority),
  };
}

function attachments(flags: CreateValues): readonly Attachment[] {
  const named = [...flags.network, ...flags.net].map((text) => valueOf('--network', text, attachment));
  return named.length > 0 ? named : [{ target: 'default', aliases: [], options: {} }];
}

/** Where the container is at first. */
export function networkMode(flags: CreateValues): { readonly NetworkMode: string } {
  return { NetworkMode: attachments(flags)[0]?.target ?? 'default' };
}

export function endpointsOf(flags: CreateValues): Readonly<Record<string, unknown>> {
  const endpoints: Record<string, unknown> = {};
  const all = attachments(flags);
  const named = flags.network.length + flags.net.length > 0;
  for (const [at, one] of all.entries()) {
    if (one.target.startsWith('container:')) continue;
    // Flags that say nothing of which network are about the first.
    const first = at === 0 ? flags : undefined;
    if (first && one.aliases.length > 0 && first.networkAlias.length > 0)
      throw refuse('conflicting options: cannot specify both --network-alias and per-network alias');
    const local = first?.linkLocalIp ?? [];
    const [ip, ip6] = [one.ip ?? first?.ip, one.ip6 ?? first?.ip6];
    const hasIp = ip !== undefined || ip6 !== undefined || local.length > 0;
    const aliases = [...one.aliases, ...(first?.networkAlias ?? [])];
    const isOwn = isUserDefined(one.target);
    if (aliases.length > 0 && !isOwn) throw refuse('network-scoped aliases are only supported for user-defined networks');
    const settings = {
      IPAMConfig: hasIp ? { IPv4Address: ip, IPv6Address: ip6, LinkLocalIPs: orNull(local) } : null,
      Links: isOwn ? orNull(first?.link ?? []) : null,
      Aliases: orNull(aliases),
      MacAddress: one.mac ?? optional(first?.macAddress, '', macAddress),
      DriverOpts: Object.keys(one.options).length > 0 ? one.options : null,
      GwPriority: one.priority ?? 0,
    };
    // Of one network that nothing is said about, docker's client says nothing either.
    const isPlain = Object.values(settings).every((value) => value === null || value === '' || value === 0);
    if (!(isPlain && named && all.length === 1)) endpoints[one.target] = settings;
  }
  return endpoints;
}

function macAddress(text: string): string {
  if (!/^[0-9a-f]{2}(?:[:-][0-9a-f]{2}){5}$/i.test(text)) throw refuse(`${text} is not a valid mac address`);
  return text;
}
