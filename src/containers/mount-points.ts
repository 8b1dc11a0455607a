import { existsSync } from 'node:fs';
import { posix } from 'node:path';
import { ImageError } from '../errors.ts';
import type { ContainerConfig, HostConfig, MountSetting } from './container-settings.ts';

/** What is mounted in a container where: docker's `Mounts` of an inspect, keys and all. */
export interface MountPoint {
  readonly Type: string;
  /** Of a volume. */
  readonly Name?: string;
  /** A folder of the host: of a bind; a volume's is asked of the volume. */
  readonly Source: string;
  readonly Destination: string;
  readonly Driver?: string;
  readonly Mode: string;
  readonly RW: boolean;
  readonly Propagation: string;
}

/** A mount point that was asked for, and what is to be done so that it can be. */
export interface PlannedMount {
  readonly point: MountPoint;
  /** Of a volume that has no name yet: it gets one of 64 hex digits, and goes with its container if that is asked. */
  readonly anonymous?: boolean;
  /** A new volume gets what the image has in its place. */
  readonly copy?: boolean;
  /** A volume's, where it is made. */
  readonly labels?: Readonly<Record<string, string>> | undefined;
  readonly driver?: string | undefined;
  readonly driverOptions?: Readonly<Record<string, string>> | undefined;
}

/**
 * All that is to be mounted, by docker's rules: `--volumes-from`, then binds and mounts, which may not meet, then the volumes of the config in what places are left.
 * @param mountsOf the mount points of another container, by its name or id
 * @throws ImageError `invalid-argument`, with docker's texts; whatever `mountsOf` throws
 */
export function planMounts(
  { host, config }: { readonly host: HostConfig; readonly config: ContainerConfig },
  os: string,
  mountsOf: (container: string) => readonly MountPoint[],
): readonly PlannedMount[] {
  const planned = new Map<string, PlannedMount>();
  for (const spec of host.VolumesFrom ?? []) {
    const { container, writable } = volumesFrom(spec, os);
    for (const point of mountsOf(container)) planned.set(point.Destination, { point: { ...point, Mode: '', RW: point.RW && writable } });
  }
  const asked = new Map<string, PlannedMount>();
  const tmpfs = Object.keys(host.Tmpfs ?? {}).map((path) => target(path, os, refuse));
  const ask = (mount: PlannedMount, others: readonly string[] = []) => {
    const { Destination } = mount.point;
    if (asked.has(Destination) || others.includes(Destination)) throw refuse(`Duplicate mount point: ${Destination}`);
    asked.set(Destination, mount);
  };
  for (const spec of host.Binds ?? []) ask(parseBind(spec, os, host.VolumeDriver), tmpfs);
  for (const mount of host.Mounts ?? []) ask(readMount(mount, os));
  for (const [destination, mount] of asked) planned.set(destination, mount);
  for (const path of Object.keys(config.Volumes ?? {})) {
    const destination = clean(path, os);
    if (planned.has(destination) || tmpfs.includes(destination)) continue;
    if (destination === '/') throw refuse(`invalid volume: / is not a valid destination`);
    planned.set(destination, { ...volume(destination, '', '', true), anonymous: true, copy: true, driver: host.VolumeDriver });
  }
  return [...planned.values()].sort((a, b) => (a.point.Destination < b.point.Destination ? -1 : 1));
}

function refuse(message: string): ImageError {
  return new ImageError('invalid-argument', message);
}

function volume(destination: string, name: string, mode: string, writable: boolean): { readonly point: MountPoint } {
  return {
    point: {
      Type: 'volume',
      ...(name === '' ? {} : { Name: name }),
      Source: '',
      Destination: destination,
      Driver: 'local',
      Mode: mode,
      RW: writable,
      Propagation: '',
    },
  };
}

function bind(source: string, destination: string, mode: string, writable: boolean, propagation: string): { readonly point: MountPoint } {
  return {
    point: { Type: 'bind', Source: source, Destination: destination, Mode: mode, RW: writable, Propagation: propagation },
  };
}

/** `source:destination:mode` of Windows: drives have colons too. */
const windowsBind =
  /^(?:((?:[a-z]:)?[\\/][^:]*|[a-z]:[\\/][^:]*|[^\\/:*?"<>|\s][^\\/:*?"<>|]+):)?([a-z]:(?:[\\/][^:*?"<>|]*)?|\\\\\.\\pipe\\[^:\\/]+)(?::([a-z]+))?$/i;

function parseBind(spec: string, os: string, driver: string): PlannedMount {
  const invalid = (why = '') => refuse(`invalid volume specification: '${spec}'${why === '' ? '' : `: ${why}`}`);
  const parts = os === 'windows' ? (windowsBind.exec(spec)?.slice(1) ?? []) : spec.split(':');
  const [first, second, mode = ''] = os === 'windows' || parts.length > 1 ? parts : [undefined, parts[0]];
  if (parts.length === 0 || parts.length > 3 || second === undefined || second === '' || first === '') throw invalid();
  if (parts.length === 2 && os !== 'windows' && readMode(second, os)) throw invalid();
  const isBind = first !== undefined && (/^[\\/]/.test(first) || (os === 'windows' && /^[a-z]:/i.test(first)));
  const type = isBind ? 'bind' : 'volume';
  const destination = target(second, os, (why) => invalid(`invalid mount config for type "${type}": ${why}`));
  const flags = readMode(mode, os);
  if (flags?.nocopy && isBind) throw invalid('invalid mount config for type "bind": field VolumeOptions must not be specified');
  if (!flags || (flags.propagation !== undefined && !isBind)) throw refuse(`invalid mode: ${mode}`);
  if (isBind) return bind(clean(first, os), destination, mode, flags.writable, flags.propagation ?? 'rprivate');
  return {
    ...volume(destination, first ?? '', first === undefined ? '' : mode || (os === 'windows' ? '' : 'z'), flags.writable),
    anonymous: first === undefined,
    copy: !flags.nocopy,
    driver,
  };
}

interface ModeFlags {
  readonly writable: boolean;
  readonly nocopy: boolean;
  readonly propagation: string | undefined;
}

/** Docker's flags after the second colon, each kind of them once; undefined where it is none. */
function readMode(mode: string, os: string): ModeFlags | undefined {
  const kinds: readonly RegExp[] =
    os === 'windows'
      ? [/^(?:rw|ro)$/]
      : [/^(?:rw|ro)$/, /^[zZ]$/, /^nocopy$/, /^r?(?:shared|slave|private)$/, /^(?:consistent|cached|delegated|default)$/];
  const found = new Map<RegExp, string>();
  for (const flag of mode === '' ? [] : mode.split(',')) {
    const kind = kinds.find((one) => one.test(os === 'windows' ? flag.toLowerCase() : flag));
    if (!kind || found.has(kind)) return undefined;
    found.set(kind, flag);
  }
  const flags = [...found.values()];
  return {
    writable: !flags.some((flag) => /^ro$/i.test(flag)),
    nocopy: flags.includes('nocopy'),
    propagation: flags.find((flag) => /^r?(?:shared|slave|private)$/.test(flag)),
  };
}

function readMount(mount: MountSetting, os: string): PlannedMount {
  const { Type: type = '', Source: source = '', Target = '', ReadOnly = false, BindOptions, VolumeOptions, TmpfsOptions } = mount;
  const invalid = (why: string) => refuse(`invalid mount config for type ${JSON.stringify(type)}: ${why}`);
  for (const [owner, options] of Object.entries({ bind: 'BindOptions', volume: 'VolumeOptions', tmpfs: 'TmpfsOptions' } as const))
    if (type !== owner && mount[options] !== undefined)
      throw refuse(`${options} must not be specified on mount type ${JSON.stringify(type)}`);
  if (Target === '') throw invalid('field Target must not be empty');
  const destination = target(Target, os, invalid);
  switch (type) {
    case 'bind': {
      if (source === '') throw invalid('field Source must not be empty');
      const isAbsolute = /^[\\/]/.test(source) || (os === 'windows' && /^[a-z]:[\\/]/i.test(source));
      if (!isAbsolute) throw invalid(`invalid mount path: '${source}' mount path must be absolute`);
      const propagation = BindOptions?.Propagation ?? '';
      if (!/^(?:|r?(?:shared|slave|private))$/.test(propagation)) throw invalid(`invalid propagation mode: ${propagation}`);
      if (!BindOptions?.CreateMountpoint && !existsSync(source)) throw invalid(`bind source path does not exist: ${source}`);
      return bind(clean(source, os), destination, '', !ReadOnly, propagation || 'rprivate');
    }
    case 'volume':
      if (VolumeOptions?.Subpath !== undefined && !isLocal(VolumeOptions.Subpath, os))
        throw invalid('subpath must be a relative path within the volume');
      if (source === '' && VolumeOptions?.Subpath !== undefined) throw invalid('must not set Subpath when using anonymous volumes');
      if (source === '' && ReadOnly) throw invalid('must not set ReadOnly mode when using anonymous volumes');
      return {
        ...volume(destination, source, os === 'windows' ? '' : 'z', !ReadOnly),
        anonymous: source === '',
        copy: VolumeOptions?.NoCopy !== true && VolumeOptions?.Subpath === undefined,
        labels: VolumeOptions?.Labels ?? undefined,
        driver: VolumeOptions?.DriverConfig?.Name,
        driverOptions: VolumeOptions?.DriverConfig?.Options ?? undefined,
      };
    case 'tmpfs':
    case 'npipe':
    case 'image': {
      if ((type === 'tmpfs') === (os === 'windows') && type !== 'image') throw invalid('mount type unknown');
      if (type === 'tmpfs') {
        if (source !== '') throw invalid('field Source must not be specified');
        for (const option of TmpfsOptions?.Options ?? []) checkTmpfsOption(option ?? [], invalid);
      } else if (source === '') throw invalid('field Source must not be empty');
      return {
        point: { Type: type, Source: source, Destination: destination, Mode: '', RW: !ReadOnly && type !== 'image', Propagation: '' },
      };
    }
    default:
      throw invalid('mount type unknown');
  }
}

/** Of the options that a file system in memory has, docker leaves these to whoever asks. */
function checkTmpfsOption(option: readonly string[], invalid: (why: string) => ImageError): void {
  if (option.length !== 1 && option.length !== 2) throw invalid('invalid option array length');
  if (!['exec', 'noexec'].includes(option[0] ?? '')) throw invalid(`invalid option: ${option[0]}`);
}

function volumesFrom(spec: string, os: string): { readonly container: string; readonly writable: boolean } {
  const colon = spec.indexOf(':');
  const container = colon < 0 ? spec : spec.slice(0, colon);
  if (container === '') throw refuse(`volumes-from specification cannot be an empty string`);
  const mode = colon < 0 ? '' : spec.slice(colon + 1);
  const flags = readMode(mode, os);
  if (!flags || flags.nocopy || flags.propagation !== undefined) throw refuse(`invalid mode: ${mode}`);
  return { container, writable: flags.writable };
}

/** A path that stays in its folder. */
/** In a Linux container a backslash is a letter, but where volumes lie it is what this system says. */
const backslashParts = (os: string) => os === 'windows' || process.platform === 'win32';

/** Between the names of a path in a volume. */
export function separators(os: string): RegExp {
  return backslashParts(os) ? /[\\/]/ : /\//;
}

function isLocal(path: string, os: string): boolean {
  const absolute = backslashParts(os) ? /^(?:[\\/]|[a-z]:)/i : /^\//;
  return !absolute.test(path) && !path.split(separators(os)).includes('..');
}

function target(path: string, os: string, invalid: (why: string) => ImageError): string {
  if (os === 'windows' ? !/^(?:[a-z]:|\\\\\.\\pipe\\)/i.test(path) : !path.startsWith('/'))
    throw invalid(`invalid mount path: '${path}' mount path must be absolute`);
  const cleaned = clean(path, os);
  if (cleaned === '/' || /^c:\\?$/i.test(cleaned))
    throw invalid(`invalid specification: destination can't be '${os === 'windows' ? 'c:' : '/'}'`);
  return cleaned;
}

/** Without `.`, `..`, doubled and last slashes; a Windows path with its own slashes. */
function clean(path: string, os: string): string {
  if (os === 'windows' && /^[a-z]:/i.test(path))
    return (
      path.slice(0, 2) +
      posix
        .normalize(`/${path.slice(2).replaceAll('\\', '/')}`)
        .replace(/(?<=.)\/$/, '')
        .replaceAll('/', '\\')
    );
  return cleanPath(path);
}

/** A path of Linux without `.`, `..`, doubled and last slashes. */
export function cleanPath(path: string): string {
  return posix.normalize(path).replace(/(?<=.)\/+$/, '');
}
