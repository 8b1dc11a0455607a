import { ImageError } from '../errors.ts';
import { isRecord, readFields, type Struct } from './wire-shape.ts';

/** What a container of an image starts with: docker's `Config`, as `POST /containers/create` and `inspect` have it. */
const configFields = {
  Hostname: 'string',
  Domainname: 'string',
  User: 'string',
  AttachStdin: 'boolean',
  AttachStdout: 'boolean',
  AttachStderr: 'boolean',
  ExposedPorts: 'set?',
  Tty: 'boolean',
  OpenStdin: 'boolean',
  StdinOnce: 'boolean',
  Env: 'strings',
  Cmd: 'command',
  Healthcheck: {
    fields: {
      Test: 'strings?',
      Interval: 'integer?',
      Timeout: 'integer?',
      StartPeriod: 'integer?',
      StartInterval: 'integer?',
      Retries: 'integer?',
    },
    omit: true,
  },
  ArgsEscaped: 'boolean?',
  Image: 'string',
  Volumes: 'set',
  WorkingDir: 'string',
  Entrypoint: 'command',
  NetworkDisabled: 'boolean?',
  MacAddress: 'string?',
  OnBuild: 'strings',
  Labels: 'labels',
  StopSignal: 'string?',
  StopTimeout: 'integer*?',
  Shell: 'command?',
} as const;

const throttle = { list: { fields: { Path: 'string', Rate: 'integer' } } } as const;

/** What a host is to give a container, in any state: docker's `Resources`, which `update` changes. */
const resourceFields = {
  CpuShares: 'integer',
  Memory: 'integer',
  NanoCpus: 'integer',
  CgroupParent: 'string',
  BlkioWeight: 'integer',
  BlkioWeightDevice: { list: { fields: { Path: 'string', Weight: 'integer' } } },
  BlkioDeviceReadBps: throttle,
  BlkioDeviceWriteBps: throttle,
  BlkioDeviceReadIOps: throttle,
  BlkioDeviceWriteIOps: throttle,
  CpuPeriod: 'integer',
  CpuQuota: 'integer',
  CpuRealtimePeriod: 'integer',
  CpuRealtimeRuntime: 'integer',
  CpusetCpus: 'string',
  CpusetMems: 'string',
  Devices: { list: { fields: { PathOnHost: 'string', PathInContainer: 'string', CgroupPermissions: 'string' } } },
  DeviceCgroupRules: 'strings',
  DeviceRequests: {
    list: { fields: { Driver: 'string', Count: 'integer', DeviceIDs: 'strings', Capabilities: { list: 'strings' }, Options: 'labels' } },
  },
  KernelMemory: 'integer?',
  KernelMemoryTCP: 'integer?',
  MemoryReservation: 'integer',
  MemorySwap: 'integer',
  MemorySwappiness: 'integer*',
  OomKillDisable: 'boolean*',
  PidsLimit: 'integer*',
  Ulimits: { list: { fields: { Name: 'string', Hard: 'integer', Soft: 'integer' } } },
  CpuCount: 'integer',
  CpuPercent: 'integer',
  IOMaximumIOps: 'integer',
  IOMaximumBandwidth: 'integer',
} as const;

const restartPolicy = { fields: { Name: 'string', MaximumRetryCount: 'integer' } } as const;

const mountFields = {
  Type: 'string?',
  Source: 'string?',
  Target: 'string?',
  ReadOnly: 'boolean?',
  Consistency: 'string?',
  BindOptions: {
    fields: {
      Propagation: 'string?',
      NonRecursive: 'boolean?',
      CreateMountpoint: 'boolean?',
      ReadOnlyNonRecursive: 'boolean?',
      ReadOnlyForceRecursive: 'boolean?',
    },
    omit: true,
  },
  VolumeOptions: {
    fields: {
      NoCopy: 'boolean?',
      Labels: 'labels?',
      Subpath: 'string?',
      DriverConfig: { fields: { Name: 'string?', Options: 'labels?' }, omit: true },
    },
    omit: true,
  },
  ImageOptions: { fields: { Subpath: 'string?' }, omit: true },
  TmpfsOptions: { fields: { SizeBytes: 'integer?', Mode: 'integer?', Options: { list: 'strings', omit: true } }, omit: true },
  ClusterOptions: { fields: {}, omit: true },
} as const;

/** What depends on the host: docker's `HostConfig`. */
const hostFields = {
  Binds: 'strings',
  ContainerIDFile: 'string',
  LogConfig: { fields: { Type: 'string', Config: 'labels' } },
  NetworkMode: 'string',
  PortBindings: { map: { list: { fields: { HostIp: 'string', HostPort: 'string' } } } },
  RestartPolicy: restartPolicy,
  AutoRemove: 'boolean',
  VolumeDriver: 'string',
  VolumesFrom: 'strings',
  ConsoleSize: { list: 'integer' },
  Annotations: 'labels?',
  CapAdd: 'command',
  CapDrop: 'command',
  CgroupnsMode: 'string',
  Dns: 'strings',
  DnsOptions: 'strings',
  DnsSearch: 'strings',
  ExtraHosts: 'strings',
  GroupAdd: 'strings',
  IpcMode: 'string',
  Cgroup: 'string',
  Links: 'strings',
  OomScoreAdj: 'integer',
  PidMode: 'string',
  Privileged: 'boolean',
  PublishAllPorts: 'boolean',
  ReadonlyRootfs: 'boolean',
  SecurityOpt: 'strings',
  StorageOpt: 'labels?',
  Tmpfs: 'labels?',
  UTSMode: 'string',
  UsernsMode: 'string',
  ShmSize: 'integer',
  Sysctls: 'labels?',
  Runtime: 'string?',
  Isolation: 'string',
  ...resourceFields,
  Mounts: { list: { fields: mountFields }, omit: true },
  MaskedPaths: 'strings',
  ReadonlyPaths: 'strings',
  Init: 'boolean*?',
} as const;

const endpointFields = {
  IPAMConfig: { fields: { IPv4Address: 'string?', IPv6Address: 'string?', LinkLocalIPs: 'strings?' }, pointer: true },
  Links: 'strings',
  Aliases: 'strings',
  MacAddress: 'string',
  DriverOpts: 'labels',
  GwPriority: 'integer',
  NetworkID: 'string',
  EndpointID: 'string',
  Gateway: 'string',
  IPAddress: 'string',
  IPPrefixLen: 'integer',
  IPv6Gateway: 'string',
  GlobalIPv6Address: 'string',
  GlobalIPv6PrefixLen: 'integer',
  DNSNames: 'strings',
} as const;

export type ContainerConfig = Struct<typeof configFields>;
export type HostConfig = Struct<typeof hostFields>;
export type MountSetting = Struct<typeof mountFields>;
export type EndpointSettings = Struct<typeof endpointFields>;
export type RestartPolicy = Struct<(typeof restartPolicy)['fields']>;
type Healthcheck = NonNullable<ContainerConfig['Healthcheck']>;

/** What a container is to be, as it was asked for. Keys are docker's. */
export interface ContainerSettings {
  readonly config: ContainerConfig;
  readonly host: HostConfig;
  /** By the name of the network. */
  readonly endpoints: Readonly<Record<string, EndpointSettings>>;
}

/**
 * Reads the body of `POST /containers/create`: a Config with `HostConfig` and `NetworkingConfig` in it.
 * Only kinds are looked at here; what the values mean is `checkSettings`'.
 * @throws ImageError `invalid-argument`
 */
export function readSettings(document: unknown): ContainerSettings {
  if (typeof document !== 'object' || document === null || Array.isArray(document))
    throw new ImageError('invalid-argument', 'config cannot be empty in order to create a container');
  const { HostConfig, NetworkingConfig } = document as { HostConfig?: unknown; NetworkingConfig?: unknown };
  const { EndpointsConfig } = readFields(
    { EndpointsConfig: { map: { fields: endpointFields, pointer: true } } },
    NetworkingConfig,
    '.NetworkingConfig',
  );
  return {
    config: readConfig(document),
    host: readHost(HostConfig),
    endpoints: Object.fromEntries(
      Object.entries(EndpointsConfig ?? {}).map(([name, settings]) => [name, settings ?? readFields(endpointFields, {}, '')]),
    ),
  };
}

/** A HostConfig alone, keys in docker's order. @throws ImageError `invalid-argument` */
export function readHost(document: unknown): HostConfig {
  return readFields(hostFields, document, '.HostConfig');
}

/** A Config alone, as a commit's body has it, and an image's. @throws ImageError `invalid-argument` */
export function readConfig(document: unknown): ContainerConfig {
  return readFields(configFields, document, '');
}

const configNames = new Set(Object.keys(configFields).map((name) => name.toLowerCase()));

/** Whether a commit's body is a Config at all: clients that have none to send give an empty object (docker-py), or one of their own options (dockerode). */
export function isConfig(document: unknown): boolean {
  return !isRecord(document) || Object.keys(document).some((key) => configNames.has(key.toLowerCase()));
}

export interface ContainerUpdate extends Partial<Struct<typeof resourceFields>> {
  readonly RestartPolicy: RestartPolicy;
}

/** The body of `POST /containers/{id}/update`. @throws ImageError `invalid-argument` */
export function readUpdate(document: unknown): ContainerUpdate {
  return readFields({ ...resourceFields, RestartPolicy: restartPolicy }, document, 'UpdateConfig');
}

/** The settings of a network that nothing was said about. */
export function plainEndpoint(): EndpointSettings {
  return readFields(endpointFields, {}, '');
}

/**
 * What was asked for over what the image says, as docker merges them: a value that is there wins, lists of ports, variables, labels and volumes are joined,
 * and a new entrypoint drops the image's command.
 * @throws ImageError `invalid-argument` `no command specified`
 */
export function mergeConfig(asked: ContainerConfig, image: ContainerConfig, os: string): ContainerConfig {
  const key = (entry: string) => {
    const [name = ''] = entry.split('=', 1);
    return os === 'windows' ? name.toLowerCase() : name;
  };
  const named = new Set((asked.Env ?? []).map(key));
  const noEntrypoint = (asked.Entrypoint ?? []).length === 0;
  const noCommand = noEntrypoint && (asked.Cmd ?? []).length === 0;
  const entrypoint = asked.Entrypoint ?? image.Entrypoint;
  const healthcheck = mergeHealthcheck(asked.Healthcheck, image.Healthcheck);
  const exposed = { ...image.ExposedPorts, ...asked.ExposedPorts };
  const volumes = { ...image.Volumes, ...asked.Volumes };
  const stopSignal = asked.StopSignal ?? image.StopSignal;
  const merged = {
    ...asked,
    User: asked.User || image.User,
    ExposedPorts: Object.keys(exposed).length > 0 ? exposed : undefined,
    Env: (asked.Env ?? []).length > 0 ? [...(asked.Env ?? []), ...(image.Env ?? []).filter((entry) => !named.has(key(entry)))] : image.Env,
    Cmd: noCommand ? image.Cmd : asked.Cmd,
    ArgsEscaped: noCommand ? image.ArgsEscaped : asked.ArgsEscaped,
    Healthcheck: healthcheck,
    Volumes: Object.keys(volumes).length > 0 ? volumes : image.Volumes,
    WorkingDir: asked.WorkingDir || image.WorkingDir,
    // docker's way to have none: a list of one empty text
    Entrypoint: entrypoint?.length === 1 && entrypoint[0] === '' ? null : entrypoint,
    Labels: { ...image.Labels, ...asked.Labels },
    StopSignal: stopSignal,
    // An image's shell is for its builds.
    Shell: asked.Shell,
  };
  // read again: keys in docker's order, and those that are zero left out
  return readConfig(merged);
}

/** @throws ImageError `invalid-argument` for settings with nothing to run */
export function requireCommand({ Entrypoint, Cmd }: ContainerConfig): void {
  if ((Entrypoint ?? []).length + (Cmd ?? []).length === 0) throw new ImageError('invalid-argument', 'no command specified');
}

function mergeHealthcheck(asked: Healthcheck | undefined, image: Healthcheck | undefined): Healthcheck | undefined {
  if (!asked || !image) return asked ?? image;
  return {
    Test: asked.Test?.length ? asked.Test : image.Test,
    Interval: asked.Interval || image.Interval,
    Timeout: asked.Timeout || image.Timeout,
    StartPeriod: asked.StartPeriod || image.StartPeriod,
    StartInterval: asked.StartInterval || image.StartInterval,
    Retries: asked.Retries || image.Retries,
  };
}
