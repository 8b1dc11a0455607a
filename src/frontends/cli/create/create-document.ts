/** From the flags of `create` to the document that docker's client sends for them, key by key. */

import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { resolve } from 'node:path';
import { asImageError } from '../../../errors.ts';
import type { Terminal } from '../terminal.ts';
import type { CreateValues } from './create-flags.ts';
import { environmentEntry, pairsToMap, readPairs } from './environment.ts';
import { optional, orNull, refuse, valueOf } from './flag-value.ts';
import { parseMount, parseVolumes } from './mounts.ts';
import { endpointsOf, networkMode } from './networks.ts';
import { parseExposed, parsePublished } from './ports.ts';
import { parseBytes, parseDuration } from './quantities.ts';
import { cgroupRule, device, gpuRequests, resourcesOf, sysctl, ulimit } from './resources.ts';

export interface CreateLine {
  readonly flags: CreateValues;
  readonly given: ReadonlySet<string>;
  readonly image: string;
  readonly command: readonly string[];
  readonly terminal: Pick<Terminal, 'env' | 'cwd'>;
}

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

/** `no`, `always`, `unless-stopped`, `on-failure[:count]`. Which there are, the settings' own check says. */
export function restartPolicy(text: string): { readonly Name: string; readonly MaximumRetryCount: number } {
  const [, name = '', count] = /^([^:]*)(?::(.*))?$/.exec(text) ?? [];
  if (count !== undefined && name === '') throw refuse('invalid restart policy format: no policy provided before colon');
  if (count !== undefined && !/^[+-]?\d+$/.test(count))
    throw refuse('invalid restart policy format: maximum retry count must be an integer');
  return { Name: name, MaximumRetryCount: Number(count ?? 0) };
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
