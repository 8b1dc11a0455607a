import { ImageError } from '../../errors.ts';
import { isObject, parsePlatformObject } from '../../model/descriptor.ts';
import { normalizePlatform, parsePlatform, type Platform } from '../../model/platform.ts';
import { jsonMistake, notAnObject } from './json-mistake.ts';

/**
 * Reads `?platform=` as most image routes have it: OCI's JSON, `{"os":"linux","architecture":"arm64"}`. (Pull and create have it as `linux/arm64`.)
 * @throws ImageError `invalid-platform`, with docker's texts
 */
export function parsePlatformJson(text: string): Platform {
  const refuse = (why: string, cause?: unknown): never => {
    throw new ImageError('invalid-platform', why, { cause });
  };
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (cause) {
    refuse(`failed to parse platform: ${jsonMistake(text, 'unexpected end of JSON input', true)}`, cause);
  }
  if (document === null) document = {};
  if (!isObject(document)) return refuse(`failed to parse platform: ${notAnObject(document, 'v1.Platform')}`);
  const { os, architecture, variant, 'os.version': version } = document;
  const given = (value: unknown): boolean => value !== undefined && value !== '';
  if (!given(os) && !given(architecture) && (given(variant) || given(version)))
    refuse('optional platform fields provided, but OS and Architecture are missing');
  if (!given(os) || !given(architecture)) refuse('both OS and Architecture must be provided');
  const platform = parsePlatformObject(document, 'platform') ?? refuse('failed to parse platform: os and architecture are not texts');
  return normalizePlatform(platform);
}

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
 * Reads `?platform=` as pull, import and create have it: `linux/arm64`, and a lone word where it is a known system or processor.
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
