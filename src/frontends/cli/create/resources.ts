/** What the flags for devices, limits and the kernel's settings say, as docker's client sends it. */

import type { CreateValues } from './create-flags.ts';
import { pairsToMap } from './environment.ts';
import { optional, refuse, valueOf } from './flag-value.ts';
import { csvFields } from './mounts.ts';
import { parseBytes, parseCpus, parseSwapBytes } from './quantities.ts';

/** The part that `update` has too. */
export function resourcesOf(
  flags: Pick<
    CreateValues,
    | 'blkioWeight'
    | 'cpuPeriod'
    | 'cpuQuota'
    | 'cpuRtPeriod'
    | 'cpuRtRuntime'
    | 'cpuShares'
    | 'cpus'
    | 'cpusetCpus'
    | 'cpusetMems'
    | 'memory'
    | 'memoryReservation'
    | 'memorySwap'
    | 'pidsLimit'
  > &
    Partial<Omit<CreateValues, 'restart'>>,
): Readonly<Record<string, unknown>> {
  const size = (shown: string, text: string | undefined, parse = parseBytes) => optional(text, 0, (one) => valueOf(shown, one, parse));
  return {
    CpuShares: flags.cpuShares ?? 0,
    Memory: size('-m, --memory', flags.memory),
    NanoCpus: optional(flags.cpus, 0, (text) => valueOf('--cpus', text, parseCpus)),
    CgroupParent: flags.cgroupParent ?? '',
    BlkioWeight: flags.blkioWeight ?? 0,
    BlkioWeightDevice: (flags.blkioWeightDevice ?? []).map((entry) =>
      valueOf('--blkio-weight-device', entry, (text) => {
        const { path, value } = deviceValue(text);
        const weight = Number(value);
        if (!/^\d+$/.test(value) || weight < 10 || weight > 1000) throw refuse(`invalid weight for device: ${text}`);
        return { Path: path, Weight: weight };
      }),
    ),
    BlkioDeviceReadBps: (flags.deviceReadBps ?? []).map((entry) => valueOf('--device-read-bps', entry, (text) => rate(text, parseBytes))),
    BlkioDeviceWriteBps: (flags.deviceWriteBps ?? []).map((entry) =>
      valueOf('--device-write-bps', entry, (text) => rate(text, parseBytes)),
    ),
    BlkioDeviceReadIOps: (flags.deviceReadIops ?? []).map((entry) => valueOf('--device-read-iops', entry, (text) => rate(text, count))),
    BlkioDeviceWriteIOps: (flags.deviceWriteIops ?? []).map((entry) => valueOf('--device-write-iops', entry, (text) => rate(text, count))),
    CpuPeriod: flags.cpuPeriod ?? 0,
    CpuQuota: flags.cpuQuota ?? 0,
    CpuRealtimePeriod: flags.cpuRtPeriod ?? 0,
    CpuRealtimeRuntime: flags.cpuRtRuntime ?? 0,
    CpusetCpus: flags.cpusetCpus ?? '',
    CpusetMems: flags.cpusetMems ?? '',
    MemoryReservation: size('--memory-reservation', flags.memoryReservation),
    MemorySwap: size('--memory-swap', flags.memorySwap, parseSwapBytes),
    PidsLimit: flags.pidsLimit ?? 0,
    CpuCount: flags.cpuCount ?? 0,
    CpuPercent: flags.cpuPercent ?? 0,
    IOMaximumIOps: flags.ioMaxiops ?? 0,
    IOMaximumBandwidth: size('--io-maxbandwidth', flags.ioMaxbandwidth),
  };
}

/** Those that are of a namespace, and not of the whole host. */
const sysctls: ReadonlySet<string> = new Set([
  ...['kernel.msgmax', 'kernel.msgmnb', 'kernel.msgmni', 'kernel.sem', 'kernel.shmall', 'kernel.shmmax', 'kernel.shmmni'],
  'kernel.shm_rmid_forced',
]);

export function sysctl(text: string): string {
  const [name = ''] = text.split('=', 1);
  if (!text.includes('=') || !(sysctls.has(name) || name.startsWith('net.') || name.startsWith('fs.mqueue.')))
    throw refuse(`sysctl '${text}' is not allowed`);
  return text;
}

function deviceValue(text: string): { readonly path: string; readonly value: string } {
  const [, path, value = ''] = /^(\/dev\/[^:]*):(.*)$/.exec(text) ?? [];
  if (path === undefined) throw refuse(/^[^:]*:[^:]*$/.test(text) ? `bad format for device path: ${text}` : `bad format: ${text}`);
  return { path, value };
}

function rate(text: string, parse: (text: string) => number): { readonly Path: string; readonly Rate: number } {
  const { path, value } = deviceValue(text);
  return { Path: path, Rate: parse(value) };
}

function count(text: string): number {
  if (!/^\d+$/.test(text))
    throw refuse(`invalid rate for device: ${text}. The correct format is <device-path>:<number>. Number must be a positive integer`);
  return Number(text);
}

/** `/dev/on-host[:/dev/inside][:rwm]`. */
export function device(text: string): {
  readonly PathOnHost: string;
  readonly PathInContainer: string;
  readonly CgroupPermissions: string;
} {
  const [source = '', ...rest] = text.split(':');
  const permissions = /^[rwm]{1,3}$/;
  if (rest.length > 2) throw refuse(`bad format for path: ${text}`);
  const [second, third] = rest;
  const isMode = second !== undefined && third === undefined && permissions.test(second);
  const inside = second === undefined || isMode ? source : second;
  return { PathOnHost: source, PathInContainer: inside, CgroupPermissions: third ?? (isMode ? second : 'rwm') };
}

export function cgroupRule(text: string): string {
  if (!/^[acb] (?:[0-9]+|\*):(?:[0-9]+|\*) [rwm]{1,3}$/.test(text)) throw refuse(`invalid device cgroup format '${text}'`);
  return text;
}

/** `all`, a number, or `driver=…,count=…,device=…,capabilities=…,options=…`. */
export function gpuRequests(text: string): readonly object[] {
  const request = {
    Driver: '',
    Count: 0,
    DeviceIDs: null as string[] | null,
    Capabilities: [['gpu']],
    Options: {} as Record<string, string>,
  };
  const amount = (value: string) => {
    if (value === 'all') return -1;
    if (!/^\d+$/.test(value)) throw refuse(`invalid count (${value}): value must be either "all" or an integer`);
    return Number(value);
  };
  for (const field of csvFields(text)) {
    const [, key, value = ''] = /^([^=]+)=(.*)$/.exec(field) ?? [];
    if (key === undefined) request.Count = amount(field);
    else if (key === 'driver') request.Driver = value;
    else if (key === 'count') request.Count = amount(value);
    else if (key === 'device') request.DeviceIDs = value.split(',');
    else if (key === 'capabilities') request.Capabilities = [['gpu', ...value.split(',')]];
    else if (key === 'options') request.Options = pairsToMap(value.split(','));
    else throw refuse(`unexpected key '${key}' in '${field}'`);
  }
  if (request.Count === 0 && !request.DeviceIDs) request.Count = 1;
  return [request];
}

const ulimits: ReadonlySet<string> = new Set([
  ...['core', 'cpu', 'data', 'fsize', 'locks', 'memlock', 'msgqueue', 'nice', 'nofile', 'nproc', 'rss', 'rtprio', 'rttime'],
  ...['sigpending', 'stack'],
]);

/** `name=soft[:hard]`; -1 is no limit. */
export function ulimit(text: string): { readonly Name: string; readonly Hard: number; readonly Soft: number } {
  const [, name = '', limits] = /^([^=]*)=(.*)$/.exec(text) ?? [];
  if (limits === undefined) throw refuse(`invalid ulimit argument: ${text}`);
  if (!ulimits.has(name)) throw refuse(`invalid ulimit type: ${name}`);
  const [first = '', second] = limits.split(':', 2);
  for (const limit of [first, second ?? first])
    if (!/^-?\d+$/.test(limit)) throw refuse(`strconv.ParseInt: parsing ${JSON.stringify(limit)}: invalid syntax`);
  const [soft, hard] = [Number(first), Number(second ?? first)];
  if (hard !== -1 && (soft === -1 || soft > hard))
    throw refuse(`ulimit soft limit must be less than or equal to hard limit: ${soft === -1 ? 'unlimited' : soft} > ${hard}`);
  return { Name: name, Hard: hard, Soft: soft };
}
