import { isIP, isIPv4, isIPv6 } from 'node:net';
import { availableParallelism } from 'node:os';
import { ImageError } from '../errors.ts';
import { isSignal } from '../model/signal.ts';
import type { ContainerConfig, ContainerSettings, HostConfig, RestartPolicy } from './container-settings.ts';

const mebibyte = 1024 * 1024;
const millisecond = 1_000_000;

/** Refuses what docker refuses when a container is created, with its texts. @throws ImageError `invalid-argument` */
export function checkSettings({ config, host, endpoints }: ContainerSettings, os: string): void {
  checkConfig(config, os);
  checkNetwork(config, host);
  checkEndpoints(endpoints, config, host);
  checkHost(host, os);
  checkResources(host);
}

function refuse(message: string): ImageError {
  return new ImageError('invalid-argument', message);
}

function checkConfig(config: ContainerConfig, os: string): void {
  const { WorkingDir, StopSignal, Env, Healthcheck } = config;
  const absolute = os === 'windows' ? /^(?:[A-Za-z]:)?[\\/]/ : /^\//;
  if (WorkingDir !== '' && !absolute.test(WorkingDir))
    throw refuse(`the working directory '${WorkingDir}' is invalid, it needs to be an absolute path`);
  if (StopSignal !== undefined && !isSignal(StopSignal)) throw refuse(`invalid signal: ${StopSignal}`);
  for (const entry of Env ?? []) if (entry === '' || entry.startsWith('=')) throw refuse(`invalid environment variable: ${entry}`);
  if (!Healthcheck) return;
  for (const key of ['Interval', 'Timeout', 'StartPeriod', 'StartInterval'] as const) {
    const value = Healthcheck[key];
    if (value !== undefined && value < millisecond) throw refuse(`${key} in Healthcheck cannot be less than 1ms`);
  }
  if ((Healthcheck.Retries ?? 0) < 0) throw refuse('Retries in Healthcheck cannot be negative');
}

/** Settings that no network of this mode can have. */
function checkNetwork(config: ContainerConfig, host: HostConfig): void {
  const conflict = (what: string) => refuse(`conflicting options: ${what}`);
  const { NetworkMode: mode, Links, UTSMode } = host;
  const linked = (Links ?? []).length > 0;
  if (mode.startsWith('container:')) {
    if (mode === 'container:') throw refuse('invalid network mode: invalid container format container:<name|id>');
    if (config.Hostname !== '') throw conflict('hostname and the network mode');
    if (linked) throw conflict("container type network can't be used with links. This would result in undefined behavior");
    if ((host.Dns ?? []).length > 0) throw conflict('dns and the network mode');
    if ((host.ExtraHosts ?? []).length > 0) throw conflict('custom host-to-IP mapping and the network mode');
    if (host.PublishAllPorts || Object.keys(host.PortBindings ?? {}).length > 0)
      throw conflict('port publishing and the container type network mode');
    if (config.ExposedPorts) throw conflict('port exposing and the container type network mode');
  }
  if (UTSMode === 'host' && config.Hostname !== '') throw conflict('hostname and the UTS mode');
  if (mode === 'host' && linked) throw conflict("host type networking can't be used with links. This would result in undefined behavior");
}

interface EndpointAddresses {
  readonly IPv4Address?: string;
  readonly IPv6Address?: string;
  readonly LinkLocalIPs?: readonly string[] | null;
}

/** Addresses: only a network of somebody's own has room for one that was asked for. */
function checkEndpoints(
  endpoints: ContainerSettings['endpoints'],
  { MacAddress: mac }: ContainerConfig,
  { NetworkMode: mode }: HostConfig,
): void {
  const own = mode === '' || mode === 'default' ? 'bridge' : mode;
  const all = Object.entries({ ...(mac === undefined ? {} : { [own]: undefined }), ...endpoints });
  for (const [asked, settings] of all) {
    const name = asked === 'default' ? own : asked;
    const address = settings?.MacAddress || (name === own ? mac : undefined);
    if (address && !/^(?:[0-9a-f]{2}([:-]))(?:[0-9a-f]{2}\1){4}[0-9a-f]{2}$/i.test(address))
      throw refuse(`invalid config for network ${name}: invalid MAC address ${address}`);
    const { IPv4Address = '', IPv6Address = '', LinkLocalIPs } = (settings?.IPAMConfig ?? {}) as EndpointAddresses;
    const isOwn = !['bridge', 'host', 'none'].includes(name);
    const mistakes = [
      ...(!isOwn && (settings?.Aliases ?? []).length > 0
        ? ['network-scoped alias is supported only for containers in user defined networks']
        : []),
      ...(!isOwn && IPv4Address + IPv6Address !== '' ? ['user specified IP address is supported on user defined networks only'] : []),
      ...(IPv4Address !== '' && (!isIPv4(IPv4Address) || IPv4Address === '0.0.0.0') ? [`invalid IPv4 address: ${IPv4Address}`] : []),
      ...(IPv6Address !== '' && (!isIPv6(IPv6Address) || IPv6Address === '::') ? [`invalid IPv6 address: ${IPv6Address}`] : []),
      ...(LinkLocalIPs ?? []).filter((one) => isIP(one) === 0).map((one) => `invalid link-local IP address: ${one}`),
      ...(!isOwn && IPv4Address + IPv6Address !== ''
        ? ['user specified IP address is supported only when connecting to networks with user configured subnets']
        : []),
    ];
    if (mistakes.length > 0)
      throw refuse(
        `invalid config for network ${name}: invalid endpoint settings:\n${mistakes.length === 1 ? mistakes[0] : mistakes.map((one) => `* ${one}`).join('\n')}`,
      );
  }
}

/** @throws ImageError `invalid-argument` for what Linux keeps no container by */
function checkSecurity(options: readonly string[]): void {
  for (const option of options) {
    if (['no-new-privileges', 'disable', 'writable-cgroups'].includes(option)) continue;
    const [, key, value = ''] = /^([^=:]*)[=:](.*)$/s.exec(option) ?? [];
    if (key === undefined) throw refuse(`invalid --security-opt 1: ${JSON.stringify(option)}`);
    const isSwitch = key === 'no-new-privileges' || key === 'writable-cgroups';
    if (isSwitch ? !/^(?:1|0|t|f|true|false)$/i.test(value) : !['label', 'apparmor', 'seccomp'].includes(key))
      throw refuse(`invalid --security-opt 2: ${JSON.stringify(option)}`);
  }
}

function checkHost(host: HostConfig, os: string): void {
  if (host.Annotations && '' in host.Annotations)
    throw refuse('invalid Annotations: the empty string is not permitted as an annotation key');
  const { PortBindings, RestartPolicy, AutoRemove, Isolation, OomScoreAdj, ShmSize, ExtraHosts, LogConfig, Runtime } = host;
  if (AutoRemove && !['', 'no'].includes(RestartPolicy.Name)) throw refuse("can't create 'AutoRemove' container with restart policy");
  if (ShmSize < 0) throw refuse('SHM size can not be less than 0');
  if (OomScoreAdj < -1000 || OomScoreAdj > 1000) throw refuse(`Invalid value ${OomScoreAdj}, range for oom score adj is [-1000, 1000]`);
  for (const entry of ExtraHosts ?? []) checkExtraHost(entry);
  for (const [port, bindings] of Object.entries(PortBindings ?? {})) {
    const number = /^(\d{1,5})(?:\/(?:tcp|udp|sctp))?$/i.exec(port)?.[1];
    if (number === undefined || Number(number) > 65_535) throw refuse(`invalid port specification: ${JSON.stringify(port)}`);
    for (const { HostPort } of bindings ?? [])
      if (HostPort !== '' && !isPortRange(HostPort)) throw refuse(`invalid port specification: ${JSON.stringify(HostPort)}`);
  }
  for (const [key, what] of [
    ['IOMaximumIOps', 'IOPs'],
    ['IOMaximumBandwidth', 'bandwidth'],
  ] as const)
    if (os !== 'windows' && host[key] !== 0) throw refuse(`invalid option: QoS maximum ${what} configuration is not supported on ${os}`);
  checkRestartPolicy(RestartPolicy);
  if (os !== 'windows') checkSecurity(host.SecurityOpt ?? []);
  for (const name of ['CapAdd', 'CapDrop'] as const)
    for (const capability of host[name] ?? []) {
      const full = capability.toUpperCase().replace(/^(?!CAP_|ALL$)/, 'CAP_');
      if (!capabilities.has(full)) throw refuse(`invalid ${name}: unknown capability: ${JSON.stringify(full)}`);
    }
  const modes = [
    ['IPC', host.IpcMode, /^(?:|host|none|private|shareable|container:.+)$/],
    ['PID', host.PidMode, /^(?:|host|container:.+)$/],
    ['UTS', host.UTSMode, /^(?:|host)$/],
    ['cgroup namespace', host.CgroupnsMode, /^(?:|host|private)$/],
    ['user namespace', host.UsernsMode, /^(?:|host)$/],
  ] as const;
  for (const [what, mode, valid] of modes) if (!valid.test(mode)) throw refuse(`invalid ${what} mode: ${mode}`);
  const isolations = os === 'windows' ? ['', 'default', 'process', 'hyperv'] : ['', 'default'];
  if (!isolations.includes(Isolation.toLowerCase()))
    throw refuse(
      os === 'windows'
        ? `invalid isolation (${Isolation}): windows only supports 'default', 'process', or 'hyperv'`
        : `invalid isolation (${Isolation}): ${os} only supports 'default'`,
    );
  if (!logDrivers.has(LogConfig.Type))
    throw refuse(`error looking up logging plugin ${LogConfig.Type}: plugin ${JSON.stringify(LogConfig.Type)} not found`);
  const known = logOptions[LogConfig.Type || 'json-file'];
  for (const option of Object.keys(LogConfig.Config ?? {}))
    if (known && !known.includes(option)) throw refuse(`unknown log opt '${option}' for ${LogConfig.Type || 'json-file'} log driver`);
  if (Runtime !== undefined && !runtimes.has(Runtime)) throw refuse(`unknown or invalid runtime name: ${Runtime}`);
}

const logDrivers: ReadonlySet<string> = new Set([
  ...['', 'none', 'local', 'json-file', 'syslog', 'journald', 'gelf', 'fluentd', 'awslogs', 'splunk', 'etwlogs', 'gcplogs'],
]);

/** Of the drivers that keep logs here; what the others are told goes to other programs. */
const logOptions: Readonly<Record<string, readonly string[]>> = {
  'json-file': ['max-file', 'max-size', 'compress', 'labels', 'labels-regex', 'env', 'env-regex', 'tag', 'mode', 'max-buffer-size'],
  local: ['max-file', 'max-size', 'compress', 'mode', 'max-buffer-size'],
};

const runtimes: ReadonlySet<string> = new Set([
  'runc',
  'crun',
  'io.containerd.runc.v2',
  'io.containerd.runhcs.v1',
  'com.docker.hcsshim.v1',
]);

const capabilities: ReadonlySet<string> = new Set([
  'ALL',
  ...[
    'AUDIT_CONTROL AUDIT_READ AUDIT_WRITE BLOCK_SUSPEND BPF CHECKPOINT_RESTORE CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID IPC_LOCK IPC_OWNER KILL',
    'LEASE LINUX_IMMUTABLE MAC_ADMIN MAC_OVERRIDE MKNOD NET_ADMIN NET_BIND_SERVICE NET_BROADCAST NET_RAW PERFMON SETFCAP SETGID SETPCAP SETUID',
    'SYS_ADMIN SYS_BOOT SYS_CHROOT SYS_MODULE SYS_NICE SYS_PACCT SYS_PTRACE SYS_RAWIO SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG SYSLOG WAKE_ALARM',
  ].flatMap((line) => line.split(' ').map((name) => `CAP_${name}`)),
]);

function checkExtraHost(entry: string): void {
  const [, address] = /^[^:]+:(.*)$/s.exec(entry) ?? [];
  if (address === undefined) throw refuse(`bad format for add-host: ${JSON.stringify(entry)}`);
  if (address !== 'host-gateway' && isIP(address) === 0) throw refuse(`invalid IP address in add-host: ${JSON.stringify(address)}`);
}

function isPortRange(text: string): boolean {
  const [, first, last = first] = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text) ?? [];
  return first !== undefined && Number(first) <= Number(last) && Number(last) <= 65_535;
}

/** Also of an update. @throws ImageError `invalid-argument` */
export function checkRestartPolicy({ Name, MaximumRetryCount }: RestartPolicy): void {
  if (!['', 'no', 'always', 'unless-stopped', 'on-failure'].includes(Name))
    throw refuse(`invalid restart policy: unknown policy '${Name}'; use one of 'no', 'always', 'on-failure', or 'unless-stopped'`);
  if (Name === 'on-failure' && MaximumRetryCount < 0) throw refuse('invalid restart policy: maximum retry count cannot be negative');
  if (Name !== 'on-failure' && MaximumRetryCount !== 0)
    throw refuse("invalid restart policy: maximum retry count can only be used with 'on-failure'");
}

type Resources = Pick<
  HostConfig,
  | 'Memory'
  | 'MemorySwap'
  | 'MemoryReservation'
  | 'MemorySwappiness'
  | 'NanoCpus'
  | 'CpuPeriod'
  | 'CpuQuota'
  | 'CpuShares'
  | 'CpuPercent'
  | 'CpusetCpus'
  | 'CpusetMems'
  | 'BlkioWeight'
>;

/** What no kernel takes, or no container can live on. Also of an update, over what the container has. @throws ImageError `invalid-argument` */
export function checkResources(resources: Resources): void {
  const { Memory, MemorySwap, MemoryReservation, MemorySwappiness, NanoCpus, CpuPeriod, CpuQuota, CpuShares, CpuPercent, BlkioWeight } =
    resources;
  if (Memory !== 0 && Memory < 6 * mebibyte) throw refuse('Minimum memory limit allowed is 6MB');
  if (Memory > 0 && MemorySwap > 0 && MemorySwap < Memory)
    throw refuse('Minimum memoryswap limit should be larger than memory limit, see usage');
  if (Memory === 0 && MemorySwap > 0) throw refuse('You should always set the Memory limit when using Memoryswap limit, see usage');
  if (MemorySwappiness !== null && (MemorySwappiness < -1 || MemorySwappiness > 100))
    throw refuse(`Invalid value: ${MemorySwappiness}, valid memory swappiness range is 0-100`);
  if (MemoryReservation > 0 && MemoryReservation < 6 * mebibyte) throw refuse('Minimum memory reservation allowed is 6MB');
  if (Memory > 0 && MemoryReservation > 0 && Memory < MemoryReservation)
    throw refuse('Minimum memory limit can not be less than memory reservation limit, see usage');
  const count = availableParallelism();
  if (NanoCpus !== 0 && CpuPeriod !== 0) throw refuse('Conflicting options: Nano CPUs and CPU Period cannot both be set');
  if (NanoCpus !== 0 && CpuQuota !== 0) throw refuse('Conflicting options: Nano CPUs and CPU Quota cannot both be set');
  if (NanoCpus < 0 || NanoCpus > count * 1e9)
    throw refuse(`range of CPUs is from 0.01 to ${count}.00, as there are only ${count} CPUs available`);
  if (CpuShares < 0) throw refuse(`invalid CPU shares (${CpuShares}): value must be a positive integer`);
  if (CpuPeriod !== 0 && (CpuPeriod < 1000 || CpuPeriod > 1_000_000))
    throw refuse('CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)');
  if (CpuQuota > 0 && CpuQuota < 1000) throw refuse('CPU cfs quota can not be less than 1ms (i.e. 1000)');
  if (CpuPercent < 0 || CpuPercent > 100) throw refuse('Range of CPU percent is from 1 to 100');
  if (BlkioWeight !== 0 && (BlkioWeight < 10 || BlkioWeight > 1000)) throw refuse('Range of blkio weight is from 10 to 1000');
  checkSet('cpus', resources.CpusetCpus, count);
  checkSet('mems', resources.CpusetMems, Infinity);
}

/** A list such as `0-2,7`. */
function checkSet(what: 'cpus' | 'mems', text: string, count: number): void {
  for (const piece of text === '' ? [] : text.split(',')) {
    const [, first, last = first] = /^(\d{1,6})(?:-(\d{1,6}))?$/.exec(piece) ?? [];
    if (first === undefined || Number(last) < Number(first))
      throw refuse(`Invalid value ${text} for cpuset ${what}: invalid format: ${text}`);
    if (what === 'cpus' && Number(last) >= count)
      throw refuse(`Requested CPUs are not available - requested ${text}, available: ${count === 1 ? '0' : `0-${count - 1}`}`);
  }
}
