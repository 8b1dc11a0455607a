import { ImageError } from '../errors.ts';
import { parsePlatform, type Platform } from './platform.ts';

/** Go's names, and what containerd takes for them. */
const systems = new Set([
  ...[
    'aix',
    'android',
    'darwin',
    'dragonfly',
    'freebsd',
    'hurd',
    'illumos',
    'ios',
    'js',
    'linux',
    'macos',
    'nacl',
    'netbsd',
    'openbsd',
    'plan9',
  ],
  ...['solaris', 'windows', 'zos'],
]);
const processors = new Set([
  ...['386', 'amd64', 'amd64p32', 'arm', 'armbe', 'arm64', 'arm64be', 'loong64', 'mips', 'mipsle', 'mips64', 'mips64le', 'mips64p32'],
  ...['mips64p32le', 'ppc', 'ppc64', 'ppc64le', 'riscv', 'riscv64', 's390', 's390x', 'sparc', 'sparc64', 'wasm'],
  ...['i386', 'x86_64', 'x86-64', 'aarch64', 'armhf', 'armel', 'ppc64el', 'x64', 'i686', 'ia32'],
]);
const systemPattern = String.raw`^([A-Za-z0-9_-]+)(?:\(([A-Za-z0-9_.%-]*)((?:\+[A-Za-z0-9_.%-]+)*)\))?$`;
const partPattern = '^[A-Za-z0-9_.-]+$';

/**
 * Reads a platform as docker's client and its pull, import and create have it: `linux/arm64`, and a lone word where it is a known system or processor.
 * @throws ImageError `invalid-platform`, with docker's texts
 */
export function parsePlatformText(text: string): Platform {
  const refuse = (why: string): never => {
    throw new ImageError('invalid-platform', `${why}: invalid argument`);
  };
  const whole = JSON.stringify(text);
  if (text.includes('*')) refuse(`${whole}: wildcards not yet supported`);
  // A version behind a colon is our own spelling; docker's stands in brackets.
  const [system = '', ...parts] = text.replace(/^([\w./-]+):[\w.-]+$/, '$1').split('/');
  if (parts.length > 2) refuse(`${whole}: cannot parse platform specifier`);
  const check = (part: string, pattern: string, kind: string, specifier: string): void => {
    if (!new RegExp(pattern).test(part))
      refuse(
        `${JSON.stringify(part)} is an invalid ${kind} of ${whole}: ${specifier} specifier component must match ${JSON.stringify(pattern)}`,
      );
  };
  check(system, systemPattern, 'OS component', 'OSAndVersion');
  for (const part of parts) check(part, partPattern, 'component', 'platform');
  const word = system.replace(/\(.*$/, '').toLowerCase();
  if (parts.length === 0 && !systems.has(word) && !processors.has(word)) refuse(`${whole}: unknown operating system or architecture`);
  return parsePlatform(text);
}
