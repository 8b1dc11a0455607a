import { isImageError } from '../errors.ts';
import type { Container, ContainerSizes } from '../containers/container.ts';
import type { ContainerConfig, EndpointSettings, HostConfig } from '../containers/container-settings.ts';
import type { MountPoint } from '../containers/mount-points.ts';
import type { Operation } from '../io/operation.ts';
import type { Descriptor } from '../model/descriptor.ts';
import type { Platform } from '../model/platform.ts';
import { zeroTime } from '../model/zero-time.ts';
import type { ContainerState } from '../store/container-record.ts';
import type { Host } from './host.ts';

/** The document that `docker inspect` prints of a container and the Engine API answers, keys and all. */
export interface InspectedContainer {
  readonly Id: string;
  readonly Created: string;
  /** The first word of what it runs. */
  readonly Path: string;
  readonly Args: readonly string[];
  readonly State: {
    readonly Status: ContainerState;
    readonly Running: boolean;
    readonly Paused: boolean;
    readonly Restarting: boolean;
    readonly OOMKilled: boolean;
    readonly Dead: boolean;
    readonly Pid: number;
    readonly ExitCode: number;
    readonly Error: string;
    readonly StartedAt: string;
    readonly FinishedAt: string;
  };
  /** Digest of what its image's name pointed at. */
  readonly Image: string;
  readonly ResolvConfPath: string;
  readonly HostnamePath: string;
  readonly HostsPath: string;
  readonly LogPath: string;
  readonly Name: string;
  readonly RestartCount: number;
  readonly Driver: string;
  readonly Platform: string;
  readonly MountLabel: string;
  readonly ProcessLabel: string;
  readonly AppArmorProfile: string;
  readonly ExecIDs: null;
  readonly HostConfig: HostConfig;
  readonly GraphDriver: { readonly Data: null; readonly Name: string };
  readonly SizeRw?: number;
  readonly SizeRootFs?: number;
  readonly Mounts: readonly MountPoint[];
  readonly Config: ContainerConfig;
  readonly NetworkSettings: NetworkSettings;
  readonly ImageManifestDescriptor: Descriptor;
}

interface NetworkSettings {
  readonly [key: string]: unknown;
  readonly Networks: Readonly<Record<string, EndpointSettings>>;
}

/** What docker calls the way in which files are kept. */
const driver = 'oci-layout';

/** @throws ImageError `not-found`, `ambiguous` */
export async function inspectContainer(
  host: Pick<Host, 'store' | 'containers'>,
  name: string,
  options: Operation & { readonly size?: boolean | undefined } = {},
): Promise<InspectedContainer> {
  const container = await host.containers.get(name);
  const { record, document } = container;
  const { networks } = document;
  const mac = networks[document.host.NetworkMode]?.MacAddress ?? '';
  // The one address of before 1.44 is that of the container's own network.
  const config =
    mac === ''
      ? document.config
      : (await import('../containers/container-settings.ts')).readConfig({ ...document.config, MacAddress: mac });
  const [path = '', ...args] = [...(config.Entrypoint ?? []), ...(config.Cmd ?? [])];
  const sizes = options.size ? await container.sizes(options) : undefined;
  return {
    Id: record.id,
    Created: record.created.toISOString(),
    Path: path,
    Args: args,
    State: {
      Status: record.state,
      Running: record.state === 'running',
      Paused: record.state === 'paused',
      Restarting: record.state === 'restarting',
      OOMKilled: false,
      Dead: record.state === 'dead',
      Pid: 0,
      ExitCode: 0,
      Error: '',
      StartedAt: zeroTime,
      FinishedAt: zeroTime,
    },
    Image: record.target.digest,
    ResolvConfPath: '',
    HostnamePath: '',
    HostsPath: '',
    LogPath: '',
    Name: `/${record.name}`,
    RestartCount: 0,
    Driver: driver,
    Platform: document.platform.os,
    MountLabel: '',
    ProcessLabel: '',
    AppArmorProfile: appArmor(document.host.SecurityOpt),
    ExecIDs: null,
    HostConfig: await shownHost(host, container),
    GraphDriver: { Data: null, Name: driver },
    ...(sizes ? sizeKeys(sizes) : {}),
    Mounts: await shownMounts(host, container),
    Config: config,
    NetworkSettings: {
      Bridge: '',
      SandboxID: '',
      SandboxKey: '',
      Ports: {},
      HairpinMode: false,
      LinkLocalIPv6Address: '',
      LinkLocalIPv6PrefixLen: 0,
      SecondaryIPAddresses: null,
      SecondaryIPv6Addresses: null,
      EndpointID: '',
      Gateway: '',
      GlobalIPv6Address: '',
      GlobalIPv6PrefixLen: 0,
      IPAddress: '',
      IPPrefixLen: 0,
      IPv6Gateway: '',
      MacAddress: mac,
      Networks: networks,
    },
    ImageManifestDescriptor: manifestOf(container),
  };
}

function appArmor(options: readonly string[] | null): string {
  return options?.findLast((option) => /^apparmor[=:]/.test(option))?.slice('apparmor='.length) ?? '';
}

/** With links as docker shows them, by today's names: `/other:/own/alias`. */
async function shownHost({ store }: Pick<Host, 'store'>, { record, document }: Container): Promise<HostConfig> {
  const { host } = document;
  if (!host.Links?.length) return host;
  const { isUserDefined } = await import('../containers/host-defaults.ts');
  if (isUserDefined(host.NetworkMode)) return host;
  const links: string[] = [];
  for (const link of host.Links) {
    const [other = '', alias = other] = link.split(':', 2);
    const name = await store.container(other).then(
      (found) => found.name,
      () => other,
    );
    links.push(`/${name}:/${record.name}/${alias}`);
  }
  return { ...host, Links: links };
}

/** Docker's keys of a container's sizes. */
export function sizeKeys({ changed, all }: ContainerSizes): { readonly SizeRw: number; readonly SizeRootFs: number } {
  return { SizeRw: changed, SizeRootFs: all };
}

/** The platform's manifest, with its platform, as docker shows it. */
export function manifestOf({ record, document }: Container): Descriptor & { readonly platform: Platform } {
  const { mediaType, digest, size } = record.manifest;
  const { architecture, os, ...rest } = document.platform;
  return { mediaType, digest, size, platform: { architecture, os, ...rest } };
}

/** Volumes with the folder that they are; the keys in docker's order. */
export async function shownMounts({ store }: Pick<Host, 'store'>, { document }: Container): Promise<readonly MountPoint[]> {
  const folders = new Map<string, string>();
  // Those alone: a list of containers comes by here for each, and there may be thousands of volumes.
  for (const { Name } of document.mounts) {
    if (Name === undefined) continue;
    try {
      folders.set(Name, (await store.volume(Name)).mountpoint);
    } catch (error) {
      if (!isImageError(error, 'not-found')) throw error;
    }
  }
  return document.mounts.map((mount) => {
    const { Type, Name, Source, ...rest } = mount;
    return { Type, ...(Name === undefined ? {} : { Name }), Source: Name === undefined ? Source : (folders.get(Name) ?? ''), ...rest };
  });
}
