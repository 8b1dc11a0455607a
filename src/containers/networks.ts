import { createHash } from 'node:crypto';
import { ImageError } from '../errors.ts';
import { zeroTime } from '../model/zero-time.ts';

/** A network as docker's `network inspect` and `GET /networks` have it. */
export interface NetworkDocument {
  readonly Name: string;
  readonly Id: string;
  readonly Created: string;
  readonly Scope: 'local';
  readonly Driver: string;
  readonly EnableIPv4: boolean;
  readonly EnableIPv6: boolean;
  readonly IPAM: {
    readonly Driver: string;
    readonly Options: null;
    readonly Config: readonly { readonly Subnet: string; readonly Gateway: string }[] | null;
  };
  readonly Internal: boolean;
  readonly Attachable: boolean;
  readonly Ingress: boolean;
  readonly ConfigFrom: { readonly Network: string };
  readonly ConfigOnly: boolean;
  readonly Containers: Readonly<Record<string, unknown>>;
  readonly Options: Readonly<Record<string, string>>;
  readonly Labels: Readonly<Record<string, string>>;
}

/** The networks that are always there; none other can be, as long as no container runs. */
export function networks(): readonly NetworkDocument[] {
  return (
    [
      ['bridge', 'bridge'],
      ['host', 'host'],
      ['none', 'null'],
    ] as const
  ).map(([name, driver]) => ({
    Name: name,
    // one for all hosts: what never changes needs no other
    Id: createHash('sha256').update(`bayplan network ${name}`).digest('hex'),
    // they are there before anything was made
    Created: zeroTime,
    Scope: 'local',
    Driver: driver,
    EnableIPv4: true,
    EnableIPv6: false,
    IPAM: { Driver: 'default', Options: null, Config: name === 'bridge' ? [{ Subnet: '172.17.0.0/16', Gateway: '172.17.0.1' }] : null },
    Internal: false,
    Attachable: false,
    Ingress: false,
    ConfigFrom: { Network: '' },
    ConfigOnly: false,
    Containers: {},
    Options: {},
    Labels: {},
  }));
}

/** By its name, its id, or what only its id begins with. @throws ImageError `not-found`, with docker's text */
export function findNetwork(all: readonly NetworkDocument[], name: string): NetworkDocument {
  const exact = all.find(({ Name, Id }) => Name === name || Id === name);
  const beginning = name === '' ? [] : all.filter(({ Id }) => Id.startsWith(name));
  const found = exact ?? (beginning.length === 1 ? beginning[0] : undefined);
  if (!found) throw new ImageError('not-found', `network ${name} not found`, { detail: { name } });
  return found;
}
