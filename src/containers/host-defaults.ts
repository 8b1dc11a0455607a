import type { ContainerSettings, EndpointSettings, HostConfig } from './container-settings.ts';
import { plainEndpoint, readHost } from './container-settings.ts';

/** What the runtime hides from a container, and what it lets it only read, unless it is privileged: docker's lists. */
const maskedPaths = [
  '/proc/asound',
  '/proc/acpi',
  '/proc/interrupts',
  '/proc/kcore',
  '/proc/keys',
  '/proc/latency_stats',
  '/proc/timer_list',
  '/proc/timer_stats',
  '/proc/sched_debug',
  '/proc/scsi',
  '/sys/firmware',
  '/sys/devices/virtual/powercap',
];
const readonlyPaths = ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'];

/** What was asked for with what docker puts in where nothing was said. Needs settings that `checkSettings` has let through. */
export function withHostDefaults(host: HostConfig, os: string): HostConfig {
  const network = host.NetworkMode === '' || host.NetworkMode === 'default' ? (os === 'windows' ? 'nat' : 'bridge') : host.NetworkMode;
  const common = {
    ...host,
    LogConfig: { Type: host.LogConfig.Type || 'json-file', Config: host.LogConfig.Config ?? {} },
    NetworkMode: network,
    RestartPolicy: { ...host.RestartPolicy, Name: host.RestartPolicy.Name || 'no' },
    ConsoleSize: [0, 1].map((at) => host.ConsoleSize?.[at] ?? 0),
    PidsLimit: (host.PidsLimit ?? 0) <= 0 ? null : host.PidsLimit,
    MemorySwappiness: host.MemorySwappiness === -1 ? null : host.MemorySwappiness,
  };
  if (os === 'windows') return readHost({ ...common, Isolation: host.Isolation || 'process' });
  return readHost({
    ...common,
    CpuPercent: 0,
    KernelMemory: 0,
    MemorySwap: host.Memory > 0 && host.MemorySwap === 0 ? host.Memory * 2 : host.MemorySwap,
    CgroupnsMode: host.CgroupnsMode || (host.Privileged ? 'host' : 'private'),
    IpcMode: host.IpcMode || 'private',
    SecurityOpt: withoutLabels(host) ? [...(host.SecurityOpt ?? []), 'label=disable'] : host.SecurityOpt,
    ShmSize: host.ShmSize || 64 * 1024 * 1024,
    Runtime: host.Runtime ?? 'runc',
    MaskedPaths: host.MaskedPaths ?? (host.Privileged ? null : maskedPaths),
    ReadonlyPaths: host.ReadonlyPaths ?? (host.Privileged ? null : readonlyPaths),
  });
}

/** Whether a container shares so much with the host that it gets no label of its own, where none was asked for. */
function withoutLabels({ IpcMode, PidMode, Privileged, SecurityOpt }: HostConfig): boolean {
  return (IpcMode === 'host' || PidMode === 'host' || Privileged) && !(SecurityOpt ?? []).some((option) => /^label[=:]/.test(option));
}

/** False for the modes that docker knows by itself. */
export function isUserDefined(mode: string): boolean {
  return !['', 'default', 'bridge', 'host', 'none', 'nat'].includes(mode) && !mode.startsWith('container:');
}

/** The networks of a container: those that were named, or the one of its mode. */
export function networksOf({ endpoints, host, config }: ContainerSettings): Readonly<Record<string, EndpointSettings>> {
  const mode = host.NetworkMode;
  if (mode.startsWith('container:') || config.NetworkDisabled) return {};
  const named = Object.entries(endpoints).map(([name, settings]) => [name === 'default' ? mode : name, settings] as const);
  const networks = Object.fromEntries(named.length > 0 ? named : [[mode, plainEndpoint()]]);
  // Before 1.44 there was one address for all networks.
  const own = networks[mode];
  return own && own.MacAddress === '' && config.MacAddress !== undefined
    ? { ...networks, [mode]: { ...own, MacAddress: config.MacAddress } }
    : networks;
}
