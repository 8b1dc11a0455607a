/** From the flags of `create` to the document that docker's client sends for them, key by key. */

import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { resolve } from 'node:path';
import { isUserDefined } from '../../../containers/host-defaults.ts';
import { asImageError, ImageError, isImageError } from '../../../errors.ts';
import type { FlagValues } from '../grammar.ts';
import type { Terminal } from '../terminal.ts';
import { usageError } from '../usage.ts';
import type { createFlags } from './create-flags.ts';
import { environmentEntry, pairsToMap, readPairs } from './environment.ts';
import { csvFields, parseMount, parseVolumes } from './mounts.ts';
import { parseExposed, parsePublished } from './ports.ts';
import { parseBytes, parseCpus, parseDuration, parseSwapBytes } from './quantities.ts';

type CreateValues = FlagValues<typeof createFlags>;

export interface CreateLine {
  readonly flags: CreateValues;
  readonly given: ReadonlySet<string>;
  readonly image: string;
  readonly command: readonly string[];
  readonly terminal: Pick<Terminal, 'env' | 'cwd'>;
}

/** A flag's value that is none. @throws a usage error, as pflag's */
function valueOf<T>(shown: string, text: string, parse: (text: string) => T): T {
  try {
    return parse(text);
  } catch (error) {
    if (!isImageError(error, 'invalid-argument')) throw error;
    throw usageError(`invalid argument ${JSON.stringify(text)} for "${shown}" flag: ${error.message}`);
  }
}

function refuse(message: string): ImageError {
  return new ImageError('invalid-argument', message);
}

const optional = <T>(text: string | undefined, none: T, parse: (text: string) => T): T => (text === undefined ? none : parse(text));

/** @throws ImageError: usage errors for a flag's value, `invalid-argument` for values that do not go together; docker's texts */
export async function createDocument(line: CreateLine): Promise<Readonly<Record<string, unknown>>> {
  const { flags, given, image, command, terminal } = line;
  const { cwd, env } = terminal;
  const streams = flags.attach.map((name) => valueOf('-a, --attach', name, attached));
  const published = parsePublished(flags.publish);
  const exposed = { ...published.exposed, ...parseExposed(flags.expose) };
  const { binds, volumes } = parseVolumes(flags.volume, cwd);
  const environment = flags.env.map((entry) => valueOf('-e, --env', entry, (text) => environmentEntry(text, env)));
  const labels = pairsToMap([
    ...(await readPairs(flags.labelFile, cwd)),
    ...flags.label.map((label) => valueOf('-l, --label', label, (text) => requireKey(text, 'invalid label'))),
  ]);
  if (flags.memorySwappiness !== -1 && (flags.memorySwappiness < 0 || flags.memorySwappiness > 100))
    throw refuse(`invalid value: ${flags.memorySwappiness}. Valid memory swappiness range is 0-100`);
  if (flags.rm && flags.restart !== 'no' && flags.restart !== '')
    throw refuse('conflicting options: cannot specify both --restart and --rm');
  const healthcheck = healthOf(flags);
  return {
    Hostname: flags.hostname ?? '',
    Domainname: flags.domainname ?? '',
    User: flags.user ?? '',
    AttachStdin: streams.includes('stdin') || flags.interactive,
    AttachStdout: streams.length === 0 || streams.includes('stdout'),
    AttachStderr: streams.length === 0 || streams.includes('stderr'),
    ...(Object.keys(exposed).length > 0 ? { ExposedPorts: exposed } : {}),
    Tty: flags.tty,
    OpenStdin: flags.interactive,
    StdinOnce: flags.interactive,
    Env: [...(await readPairs(flags.envFile, cwd, env)), ...environment],
    Cmd: command.length > 0 ? command : null,
    ...(healthcheck ? { Healthcheck: healthcheck } : {}),
    Image: image,
    Volumes: volumes,
    WorkingDir: flags.workdir ?? '',
    // The empty text is sent as it is: it takes the image's entrypoint away.
    Entrypoint: flags.entrypoint === undefined ? null : [flags.entrypoint],
    OnBuild: null,
    Labels: labels,
    ...(flags.stopSignal === undefined ? {} : { StopSignal: flags.stopSignal }),
    ...(flags.stopTimeout === undefined ? {} : { StopTimeout: flags.stopTimeout }),
    HostConfig: {
      Binds: binds.length > 0 ? binds : null,
      ContainerIDFile: flags.cidfile ?? '',
      LogConfig: { Type: flags.logDriver ?? '', Config: logOptions(flags) },
      PortBindings: published.bindings,
      RestartPolicy: restartPolicy(flags.restart),
      AutoRemove: flags.rm,
      VolumeDriver: flags.volumeDriver ?? '',
      VolumesFrom: orNull(flags.volumesFrom),
      ConsoleSize: [0, 0],
      ...(flags.annotation.length > 0 ? { Annotations: pairsToMap(flags.annotation) } : {}),
      CapAdd: orNull(flags.capAdd.map(capability)),
      CapDrop: orNull(flags.capDrop.map(capability)),
      CgroupnsMode: mode('cgroupns', 'CGROUP', flags.cgroupns, /^(?:|host|private)$/),
      Dns: flags.dns.map((address) => valueOf('--dns', address, ipAddress)),
      DnsOptions: flags.dnsOption,
      DnsSearch: flags.dnsSearch.map((domain) => valueOf('--dns-search', domain, domainName)),
      ExtraHosts: orNull(flags.addHost.map((entry) => valueOf('--add-host', entry, extraHost))),
      GroupAdd: orNull(flags.groupAdd),
      IpcMode: flags.ipc ?? '',
      Links: orNull(flags.link.map((entry) => valueOf('--link', entry, link))),
      OomScoreAdj: flags.oomScoreAdj ?? 0,
      PidMode: mode('pid', 'PID', flags.pid, /^(?:|host|container:.+)$/),
      Privileged: flags.privileged,
      PublishAllPorts: flags.publishAll,
      ReadonlyRootfs: flags.readOnly,
      ...(await securityOptions(flags.securityOpt, cwd)),
      ...(flags.storageOpt.length > 0 ? { StorageOpt: storageOptions(flags.storageOpt) } : {}),
      ...(flags.tmpfs.length > 0 ? { Tmpfs: tmpfsOf(flags.tmpfs) } : {}),
      UTSMode: mode('uts', 'UTS', flags.uts, /^(?:|host)$/),
      UsernsMode: mode('userns', 'USER', flags.userns, /^(?:|host)$/),
      ShmSize: optional(flags.shmSize, 0, (text) => valueOf('--shm-size', text, parseBytes)),
      ...(flags.sysctl.length > 0 ? { Sysctls: pairsToMap(flags.sysctl.map((entry) => valueOf('--sysctl', entry, sysctl))) } : {}),
      ...(flags.runtime === undefined ? {} : { Runtime: flags.runtime }),
      Isolation: flags.isolation ?? '',
      ...resourcesOf(flags),
      Devices: flags.device.map(device),
      DeviceCgroupRules: orNull(flags.deviceCgroupRule.map((rule) => valueOf('--device-cgroup-rule', rule, cgroupRule))),
      DeviceRequests: optional<unknown>(flags.gpus, null, (text) => valueOf('--gpus', text, gpuRequests)),
      MemorySwappiness: flags.memorySwappiness,
      OomKillDisable: flags.oomKillDisable,
      Ulimits: flags.ulimit.map((entry) => valueOf('--ulimit', entry, ulimit)),
      ...(flags.mount.length > 0 ? { Mounts: flags.mount.map((entry) => valueOf('--mount', entry, (text) => parseMount(text, cwd))) } : {}),
      ...(given.has('init') ? { Init: flags.init } : {}),
      ...networkMode(flags),
    },
    NetworkingConfig: { EndpointsConfig: endpointsOf(flags) },
  };
}

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

/** `no`, `always`, `unless-stopped`, `on-failure[:count]`. Which there are, the settings' own check says. */
export function restartPolicy(text: string): { readonly Name: string; readonly MaximumRetryCount: number } {
  const [, name = '', count] = /^([^:]*)(?::(.*))?$/.exec(text) ?? [];
  if (count !== undefined && name === '') throw refuse('invalid restart policy format: no policy provided before colon');
  if (count !== undefined && !/^[+-]?\d+$/.test(count))
    throw refuse('invalid restart policy format: maximum retry count must be an integer');
  return { Name: name, MaximumRetryCount: Number(count ?? 0) };
}

function orNull<T>(items: readonly T[]): readonly T[] | null {
  return items.length > 0 ? items : null;
}

function attached(name: string): string {
  const stream = name.toLowerCase();
  if (!['stdin', 'stdout', 'stderr'].includes(stream)) throw refuse('valid streams are STDIN, STDOUT and STDERR');
  return stream;
}

function requireKey(text: string, what: string): string {
  if (text === '' || text.startsWith('=')) throw refuse(`${what} '${text}': empty name`);
  return text;
}

function mode(flag: string, what: string, text = '', valid: RegExp): string {
  if (!valid.test(text)) throw refuse(`--${flag}: invalid ${what} mode`);
  return text;
}

function capability(name: string): string {
  const upper = name.toUpperCase();
  return upper === 'ALL' || upper.startsWith('CAP_') ? upper : `CAP_${upper}`;
}

function healthOf(flags: CreateValues): Readonly<Record<string, unknown>> | undefined {
  const { healthCmd, healthRetries, healthInterval, healthTimeout, healthStartPeriod, healthStartInterval } = flags;
  const given = [healthCmd, healthRetries, healthInterval, healthTimeout, healthStartPeriod, healthStartInterval].some(
    (flag) => flag !== undefined,
  );
  if (flags.noHealthcheck) {
    if (given) throw refuse('--no-healthcheck conflicts with --health-* options');
    return { Test: ['NONE'] };
  }
  if (!given) return undefined;
  const time = (name: string, text: string | undefined) => {
    const value = optional(text, 0, (one) => valueOf(`--${name}`, one, parseDuration));
    if (value < 0) throw refuse(`--${name} cannot be negative`);
    return value;
  };
  if ((healthRetries ?? 0) < 0) throw refuse('--health-retries cannot be negative');
  return {
    ...(healthCmd === undefined || healthCmd === '' ? {} : { Test: ['CMD-SHELL', healthCmd] }),
    Interval: time('health-interval', healthInterval),
    Timeout: time('health-timeout', healthTimeout),
    StartPeriod: time('health-start-period', healthStartPeriod),
    StartInterval: time('health-start-interval', healthStartInterval),
    Retries: healthRetries ?? 0,
  };
}

function logOptions({ logDriver, logOpt }: CreateValues): Record<string, string> {
  if (logDriver === 'none' && logOpt.length > 0) throw refuse('invalid logging opts for driver none');
  return pairsToMap(logOpt);
}

function storageOptions(options: readonly string[]): Record<string, string> {
  if (options.some((option) => !option.includes('='))) throw refuse('invalid storage option');
  return pairsToMap(options);
}

function tmpfsOf(specs: readonly string[]): Record<string, string> {
  return pairsToMap(specs.map((spec) => (spec.includes(':') ? spec.replace(':', '=') : `${spec}=`)));
}

/** A seccomp profile goes along as its content; unconfined system paths are two empty lists. */
async function securityOptions(options: readonly string[], cwd: string): Promise<Readonly<Record<string, unknown>>> {
  const kept: string[] = [];
  let unconfined = false;
  for (const option of options) {
    const [, key = option, value] = /^([^=:]+)[=:](.*)$/s.exec(option) ?? [];
    if (value === undefined && key !== 'no-new-privileges') throw refuse(`Invalid --security-opt: ${JSON.stringify(option)}`);
    if (key === 'systempaths' && value === 'unconfined') unconfined = true;
    else if (key === 'seccomp' && value !== 'unconfined' && value !== 'builtin') {
      const text = await readFile(resolve(cwd, value ?? ''), 'utf8').catch((error: unknown) => {
        throw asImageError(error, `opening seccomp profile (${value}) failed`);
      });
      try {
        kept.push(`seccomp=${JSON.stringify(JSON.parse(text))}`);
      } catch {
        throw refuse(`compacting json for seccomp profile (${value}) failed`);
      }
    } else kept.push(option);
  }
  return { SecurityOpt: orNull(kept), ...(unconfined ? { MaskedPaths: [], ReadonlyPaths: [] } : {}) };
}

function ipAddress(text: string): string {
  if (isIP(text.trim()) === 0) throw refuse(`IP address is not correctly formatted: ${text}`);
  return text.trim();
}

function domainName(text: string): string {
  const domain = text.trim();
  if (domain === '.') return domain;
  if (domain.length > 255 || !/^(?:[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?\.)*[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?\.?$/i.test(domain))
    throw refuse(`${domain} is not a valid domain`);
  return domain;
}

function extraHost(text: string): string {
  const [, name, address = ''] = /^([^:=]+)[:=](.+)$/.exec(text) ?? [];
  if (name === undefined) throw refuse(`bad format for add-host: ${JSON.stringify(text)}`);
  const plain = address.replace(/^\[(.*)\]$/, '$1');
  if (plain !== 'host-gateway' && isIP(plain) === 0) throw refuse(`invalid IP address in add-host: ${JSON.stringify(address)}`);
  return `${name}:${plain}`;
}

function link(text: string): string {
  if (text === '') throw refuse('empty string specified for links');
  if (text.split(':').length > 2) throw refuse(`bad format for links: ${text}`);
  return text;
}

/** Those that are of a namespace, and not of the whole host. */
const sysctls: ReadonlySet<string> = new Set([
  ...['kernel.msgmax', 'kernel.msgmnb', 'kernel.msgmni', 'kernel.sem', 'kernel.shmall', 'kernel.shmmax', 'kernel.shmmni'],
  'kernel.shm_rmid_forced',
]);

function sysctl(text: string): string {
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
function device(text: string): { readonly PathOnHost: string; readonly PathInContainer: string; readonly CgroupPermissions: string } {
  const [source = '', ...rest] = text.split(':');
  const permissions = /^[rwm]{1,3}$/;
  if (rest.length > 2) throw refuse(`bad format for path: ${text}`);
  const [second, third] = rest;
  const isMode = second !== undefined && third === undefined && permissions.test(second);
  const inside = second === undefined || isMode ? source : second;
  return { PathOnHost: source, PathInContainer: inside, CgroupPermissions: third ?? (isMode ? second : 'rwm') };
}

function cgroupRule(text: string): string {
  if (!/^[acb] (?:[0-9]+|\*):(?:[0-9]+|\*) [rwm]{1,3}$/.test(text)) throw refuse(`invalid device cgroup format '${text}'`);
  return text;
}

/** `all`, a number, or `driver=…,count=…,device=…,capabilities=…,options=…`. */
function gpuRequests(text: string): readonly object[] {
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
function ulimit(text: string): { readonly Name: string; readonly Hard: number; readonly Soft: number } {
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

function networkMode(flags: CreateValues): { readonly NetworkMode: string } {
  return { NetworkMode: attachments(flags)[0]?.target ?? 'default' };
}

function endpointsOf(flags: CreateValues): Readonly<Record<string, unknown>> {
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
