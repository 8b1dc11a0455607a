import { ImageError } from '../errors.ts';

/** image-spec image-index.md, "platform". The keys are the wire's. */
export interface Platform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string;
  readonly 'os.version'?: string;
  readonly 'os.features'?: readonly string[];
}

const word = /^[A-Za-z0-9_.-]+$/;

/** What Go's runtime, docker and users call the same processor. */
const architectures: Readonly<Record<string, { architecture: string; variant?: string }>> = {
  x86_64: { architecture: 'amd64' },
  'x86-64': { architecture: 'amd64' },
  x64: { architecture: 'amd64' },
  i386: { architecture: '386' },
  i686: { architecture: '386' },
  ia32: { architecture: '386' },
  aarch64: { architecture: 'arm64' },
  armhf: { architecture: 'arm', variant: 'v7' },
  armel: { architecture: 'arm', variant: 'v6' },
  ppc64el: { architecture: 'ppc64le' },
};

/** The one spelling of a platform: lower case, Go's names, arm64's `v8` and arm's default `v7` as the index entries have them left out or put in. */
export function normalizePlatform(platform: Platform): Platform {
  const os = platform.os.toLowerCase() === 'macos' ? 'darwin' : platform.os.toLowerCase();
  const given = platform.architecture.toLowerCase();
  const known = architectures[given];
  const architecture = known?.architecture ?? given;
  let variant = platform.variant?.toLowerCase() || known?.variant;
  if (architecture === 'arm64' && (variant === 'v8' || variant === '8')) variant = undefined;
  if (architecture === 'arm') variant = variant === undefined ? 'v7' : /^\d$/.test(variant) ? `v${variant}` : variant;
  if (architecture === 'amd64' && variant === 'v1') variant = undefined;
  return {
    os,
    architecture,
    ...(variant === undefined ? {} : { variant }),
    ...(platform['os.version'] ? { 'os.version': platform['os.version'] } : {}),
    ...(platform['os.features']?.length ? { 'os.features': platform['os.features'] } : {}),
  };
}

/**
 * Reads `os[/architecture[/variant]][:os.version]` and containerd's `os(os.version)/architecture`.
 * A lone word is an operating system, or else an architecture of linux.
 * @throws ImageError `invalid-platform`
 */
export function parsePlatform(text: string): Platform {
  const refuse = (why: string): never => {
    throw new ImageError('invalid-platform', `invalid platform ${JSON.stringify(text)}: ${why}`, {
      hint: 'Write os/architecture[/variant][:os.version], as in linux/arm64 or windows/amd64:10.0.20348.1726.',
    });
  };
  let rest = text;
  let version: string | undefined;
  const inner = /^([^/()]+)\(([^()]*)\)(.*)$/.exec(rest);
  if (inner) {
    version = inner[2];
    rest = `${inner[1]}${inner[3]}`;
  } else if (rest.includes(':')) {
    version = rest.slice(rest.indexOf(':') + 1);
    rest = rest.slice(0, rest.indexOf(':'));
  }
  if (version !== undefined && !word.test(version)) refuse('the os.version is not one');
  const parts = rest.split('/');
  if (parts.length > 3 || parts.some((part) => !word.test(part))) refuse('it is not os/architecture[/variant]');
  const [first = '', second, third] = parts;
  const systems = new Set([
    'linux',
    'windows',
    'darwin',
    'macos',
    'freebsd',
    'netbsd',
    'openbsd',
    'solaris',
    'illumos',
    'android',
    'aix',
    'plan9',
    'wasi',
    'wasip1',
    'js',
  ]);
  const platform: Platform =
    second !== undefined
      ? { os: first, architecture: second, ...(third === undefined ? {} : { variant: third }) }
      : systems.has(first.toLowerCase())
        ? { os: first, architecture: hostPlatform().architecture }
        : { os: 'linux', architecture: first };
  return normalizePlatform(version === undefined ? platform : { ...platform, 'os.version': version });
}

/** `os/architecture[/variant][:os.version]`, what `parsePlatform` reads. */
export function formatPlatform(platform: Platform): string {
  const base = [platform.os, platform.architecture, platform.variant].filter(Boolean).join('/');
  return platform['os.version'] ? `${base}:${platform['os.version']}` : base;
}

/** The platform whose images this machine would run: linux on every host but Windows. */
export function hostPlatform(): Platform {
  const known = architectures[process.arch]?.architecture ?? process.arch;
  return normalizePlatform({ os: process.platform === 'win32' ? 'windows' : 'linux', architecture: known });
}

/**
 * How well `offered` serves somebody who wants `wanted`: 0 is not at all, more is better.
 * An exact variant is best; a lower arm variant will do; an `os.version` that is asked for must begin the offered one at a part's border.
 */
export function platformMatch(wanted: Platform, offered: Platform): number {
  const want = normalizePlatform(wanted);
  const have = normalizePlatform(offered);
  if (want.os !== have.os || want.architecture !== have.architecture) return 0;
  const version = want['os.version'];
  if (version !== undefined) {
    const offeredVersion = have['os.version'] ?? '';
    if (offeredVersion !== version && !offeredVersion.startsWith(`${version}.`)) return 0;
  }
  if (want.variant === have.variant) return 100;
  if (want.architecture === 'arm') {
    const [w, h] = [Number(want.variant?.slice(1)), Number(have.variant?.slice(1))];
    return h < w ? 10 + h : 0;
  }
  // A variant that was not asked for is taken last: it may need more than the processor has (amd64/v3).
  if (want.variant === undefined) return 1;
  return have.variant === undefined ? 50 : 0;
}

/** Orders `10.0.20348.1726` by its numbers; an absent version comes first. */
export function compareOsVersions(left: string | undefined, right: string | undefined): number {
  const parts = (text: string | undefined) => (text === undefined ? [] : text.split('.').map((part) => Number.parseInt(part, 10) || 0));
  const [a, b] = [parts(left), parts(right)];
  for (let at = 0; at < Math.max(a.length, b.length); at++) {
    const difference = (a[at] ?? -1) - (b[at] ?? -1);
    if (difference !== 0) return difference;
  }
  return 0;
}
