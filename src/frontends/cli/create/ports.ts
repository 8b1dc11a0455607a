/** `--publish` and `--expose` (docker's nat package). All throw ImageError `invalid-argument` with docker's texts. */

import { isIP } from 'node:net';
import { ImageError } from '../../../errors.ts';

interface PortBinding {
  readonly HostIp: string;
  readonly HostPort: string;
}

export interface PublishedPorts {
  readonly exposed: Readonly<Record<string, object>>;
  readonly bindings: Readonly<Record<string, readonly PortBinding[]>>;
}

function refuse(message: string): ImageError {
  return new ImageError('invalid-argument', message);
}

export function parsePublished(specs: readonly string[]): PublishedPorts {
  const exposed: Record<string, object> = {};
  const bindings: Record<string, PortBinding[]> = {};
  for (const spec of specs.map(shortForm)) {
    const { ip, host, container, protocol } = splitSpec(spec);
    if (container === '') throw refuse(`no port specified: ${spec}<empty>`);
    const range = portRange(container, () => refuse(`Invalid containerPort: ${container}`));
    const hosts = host === '' ? undefined : portRange(host, () => refuse(`Invalid hostPort: ${host}`));
    if (hosts && hosts.last - hosts.first !== range.last - range.first && range.first !== range.last)
      throw refuse(`Invalid ranges specified for container and host Ports: ${container} and ${host}`);
    if (!['tcp', 'udp', 'sctp'].includes(protocol)) throw refuse(`Invalid proto: ${protocol}`);
    for (let at = 0; at <= range.last - range.first; at++) {
      const port = `${range.first + at}/${protocol}`;
      // One port of the container for any of a range of the host's.
      const HostPort = !hosts
        ? ''
        : range.first === range.last && hosts.first !== hosts.last
          ? `${hosts.first}-${hosts.last}`
          : String(hosts.first + at);
      exposed[port] = {};
      (bindings[port] ??= []).push({ HostIp: ip, HostPort });
    }
  }
  return { exposed, bindings };
}

export function parseExposed(specs: readonly string[]): Readonly<Record<string, object>> {
  const exposed: Record<string, object> = {};
  for (const spec of specs) {
    if (spec.includes(':')) throw refuse(`invalid port format for --expose: ${spec}`);
    const [range = '', protocol = 'tcp'] = spec.split('/', 2);
    const bad = range.split('-').find((port) => !/^\d{1,5}$/.test(port) || Number(port) > 65_535);
    if (bad !== undefined)
      throw refuse(
        `invalid range format for --expose: ${range}, error: strconv.ParseUint: parsing ${JSON.stringify(bad)}: ${/^\d+$/.test(bad) ? 'value out of range' : 'invalid syntax'}`,
      );
    const { first, last } = portRange(range, () =>
      refuse(`invalid range format for --expose: ${range}, error: invalid range specified for port: ${range}`),
    );
    for (let port = first; port <= last; port++) exposed[`${port}/${protocol.toLowerCase()}`] = {};
  }
  return exposed;
}

/** `target=80,published=8080,protocol=tcp,mode=host` as `8080:80/tcp`. */
function shortForm(spec: string): string {
  if (!spec.includes('=')) return spec;
  const fields = new Map(
    spec.split(',').map((field) => {
      const [key = '', value] = field.split('=', 2);
      if (value === undefined || value === '') throw refuse(`invalid field: ${field}`);
      if (!['target', 'published', 'protocol', 'mode'].includes(key)) throw refuse(`invalid field key: ${key}`);
      return [key, value] as const;
    }),
  );
  const target = fields.get('target');
  if (target === undefined) throw refuse("missing mandatory field 'target'");
  if (!/^\d+$/.test(target)) throw refuse(`invalid target port (${target}): value must be an integer`);
  return `${fields.get('published') ?? ''}:${target}/${fields.get('protocol') ?? 'tcp'}`;
}

/** `[ip:][host:]container[/protocol]`, the ip of six in brackets. */
function splitSpec(spec: string): { readonly ip: string; readonly host: string; readonly container: string; readonly protocol: string } {
  const [whole = '', protocol = 'tcp'] = spec.split('/', 2);
  const [, six, rest = whole] = /^\[([^\]]*)\]:(.*)$/.exec(whole) ?? [];
  const parts = rest.split(':');
  const container = parts.pop() ?? '';
  const host = parts.pop() ?? '';
  const ip = six ?? parts.join(':');
  if (ip !== '' && isIP(ip) === 0) throw refuse(`invalid IP address: ${ip}`);
  return { ip, host, container, protocol: protocol.toLowerCase() };
}

function portRange(text: string, bad: () => ImageError): { readonly first: number; readonly last: number } {
  const [, first, last = first] = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text) ?? [];
  if (first === undefined || Number(first) > Number(last) || Number(last) > 65_535) throw bad();
  return { first: Number(first), last: Number(last) };
}
