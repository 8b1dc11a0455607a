import { win32 } from 'node:path';
import { ImageError } from '../errors.ts';
import type { RunConfig } from './config.ts';
import { expandWord } from './expand-word.ts';
import { isSignal } from './signal.ts';

/**
 * Applies Dockerfile instructions to a config, one on each line: what `import --change` and `commit --change` take.
 * Allowed are CMD ENTRYPOINT ENV EXPOSE HEALTHCHECK LABEL ONBUILD STOPSIGNAL USER VOLUME WORKDIR, with the Dockerfile's own rules on JSON lists, quotes and variables.
 * A new entrypoint drops the old command, unless a CMD stands before it.
 * @throws ImageError `invalid-argument`, with docker's texts
 */
export function applyChanges(config: RunConfig, changes: readonly string[], os = 'linux'): RunConfig {
  let changed = config;
  let hasCommand = false;
  const lines = changes.flatMap((change) =>
    change
      .replaceAll(/\\[ \t]*\n/g, '')
      .split('\n')
      .filter((one) => !/^\s*(?:#|$)/.test(one)),
  );
  if (lines.length === 0 && changes.length > 0) throw refuse('file with no instructions');
  for (const line of lines) {
    const isEntrypoint = /^\s*entrypoint\b/i.test(line);
    const { Cmd, ...others } = changed;
    changed = applyChange(isEntrypoint && Cmd !== undefined && !hasCommand ? others : changed, line, os);
    hasCommand ||= /^\s*cmd\b/i.test(line);
  }
  return changed;
}

function applyChange(config: RunConfig, change: string, os: string): RunConfig {
  const [, first = '', given = ''] = /^\s*(\S+)\s*([\s\S]*?)\s*$/.exec(change) ?? [];
  const { flags, rest } = leadingFlags(given);
  const instruction = first.toUpperCase();
  const need = (count: 'at least' | 'exactly' = 'at least'): string => {
    if (rest === '') throw refuse(`${instruction} requires ${count} one argument`);
    return rest;
  };
  if (!['HEALTHCHECK', 'LABEL', 'STOPSIGNAL'].includes(instruction))
    for (const flag of flags) throw refuse(`unknown flag: ${flag.replace(/=.*/s, '')}`);
  const env = config.Env ?? [];
  const word = (text: string): string => expandWord(text, { env });
  const path = (text: string): string => expandWord(text, { env, windows: os === 'windows' });
  switch (instruction) {
    case 'CMD':
      return withCommand(config, 'Cmd', need(), os);
    case 'ENTRYPOINT':
      return withCommand(config, 'Entrypoint', need(), os);
    case 'ENV':
      return { ...config, Env: pairs(need(), instruction, word).reduce<readonly string[]>(setEnv, config.Env ?? []) };
    case 'LABEL':
      return { ...config, Labels: { ...config.Labels, ...Object.fromEntries(pairs(need(), instruction, word)) } };
    case 'EXPOSE':
      return {
        ...config,
        ExposedPorts: {
          ...config.ExposedPorts,
          ...Object.fromEntries(
            words(need())
              .map(word)
              .filter((one) => one !== '')
              .flatMap(ports)
              .map((port) => [port, {}]),
          ),
        },
      };
    case 'VOLUME': {
      const paths = (jsonList(need()) ?? words(rest)).map(path);
      if (paths.length === 0) throw refuse('VOLUME requires at least one argument');
      if (paths.includes('')) throw refuse('VOLUME specified can not be an empty string');
      return { ...config, Volumes: { ...config.Volumes, ...Object.fromEntries(paths.map((path) => [path, {}])) } };
    }
    case 'USER':
      return { ...config, User: word(need('exactly')) };
    case 'WORKDIR':
      return { ...config, WorkingDir: joinPath(config.WorkingDir ?? '', path(need('exactly')), os) };
    case 'STOPSIGNAL':
      return { ...config, StopSignal: signal(word(need('exactly'))) };
    case 'ONBUILD':
      return { ...config, OnBuild: [...((config.OnBuild as readonly string[] | undefined) ?? []), onBuild(need())] };
    case 'HEALTHCHECK':
      return { ...config, Healthcheck: healthcheck(flags, need()) };
    default:
      throw refuse(`${first} is not a valid change command`);
  }
}

/** A list, or a line for the shell. On Windows a program gets one text: it is the line as it was typed, which must not be escaped once more. */
function withCommand({ ArgsEscaped, ...config }: RunConfig, key: 'Cmd' | 'Entrypoint', text: string, os: string): RunConfig {
  const list = jsonList(text);
  if (list?.length === 0) return { ...config, ...(ArgsEscaped !== undefined && { ArgsEscaped }), [key]: list };
  if (list) return { ...config, [key]: list };
  if (os === 'windows') return { ...config, [key]: [`cmd /S /C ${text}`], ArgsEscaped: true };
  return { ...config, [key]: ['/bin/sh', '-c', text] };
}

function refuse(message: string): ImageError {
  return new ImageError('invalid-argument', message);
}

/** The exec form: a JSON list of strings, or undefined where the text is not one. */
function jsonList(text: string): string[] | undefined {
  if (!text.startsWith('[')) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined; // a shell command may begin with a bracket
  }
  if (!Array.isArray(value)) return undefined;
  if (!value.every((item) => typeof item === 'string'))
    throw refuse('when using JSON array syntax, arrays must be comprised of strings only');
  return value;
}

/** Words apart at white space, their quotes and escapes still on them. */
function words(text: string): string[] {
  return [...text.matchAll(/(?:[^\s"'\\]|\\[\s\S]?|"(?:[^"\\]|\\[\s\S])*(?:"|$)|'[^']*(?:'|$))+/g)].map(([word]) => word);
}

/** `a=b c="d e"`, or the old form `a the rest`. */
function pairs(text: string, instruction: string, expand: (word: string) => string): [string, string][] {
  const all = words(text);
  if (!all[0]?.includes('=')) {
    const [, key = '', value = ''] = /^(\S+)\s+([\s\S]+)$/.exec(text) ?? [];
    if (key === '') throw refuse(`${instruction} must have two arguments`);
    return [[expand(key), expand(value)]];
  }
  return all.map((word) => {
    const equals = word.indexOf('=');
    if (equals < 0) throw refuse(`Syntax error - can't find = in ${JSON.stringify(word)}. Must be of the form: name=value`);
    if (equals === 0) throw refuse(`${instruction} names can not be blank`);
    return [expand(word.slice(0, equals)), expand(word.slice(equals + 1))];
  });
}

/** The environment with one name set, in its old place. */
function setEnv(env: readonly string[], [key, value]: readonly [string, string]): readonly string[] {
  const entry = `${key}=${value}`;
  return env.some((other) => other.startsWith(`${key}=`))
    ? env.map((other) => (other.startsWith(`${key}=`) ? entry : other))
    : [...env, entry];
}

/** `80`, `80/udp`, `8000-8002/tcp`; what stands before it, as where a port is published, is read and changes nothing. */
function ports(text: string): string[] {
  const [, host, spec = text] = /^(?:(?:\[[^\]]*\]|[^:]*):)?([^:]*):([^:]+)$/.exec(text) ?? [];
  const [, first, last = first, protocol] = /^(\d{1,5})(?:-(\d{1,5}))?(?:\/(.*))?$/.exec(spec) ?? [];
  const [low, high] = [Number(first), Number(last)];
  if (first === undefined || low > high || high > 65_535) throw refuse(`Invalid containerPort: ${spec}`);
  const kind = (protocol || 'tcp').toLowerCase();
  if (!['tcp', 'udp', 'sctp'].includes(kind)) throw refuse(`Invalid proto: ${protocol}`);
  if (host) {
    const [, hostFirst, hostLast = hostFirst] = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(host) ?? [];
    if (hostFirst === undefined) throw refuse(`Invalid hostPort: ${host}`);
    if (high > low && Number(hostLast) - Number(hostFirst) !== high - low)
      throw refuse(`Invalid ranges specified for container and host Ports: ${first}-${last} and ${host}`);
  }
  return Array.from({ length: high - low + 1 }, (_, at) => `${low + at}/${kind}`);
}

function joinPath(from: string, to: string, os: string): string {
  if (os === 'windows') return joinWindowsPath(from, to);
  const parts: string[] = [];
  for (const part of (to.startsWith('/') ? to : `${from}/${to}`).split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return `/${parts.join('/')}`;
}

/** A folder of a drive, C where none is named. */
function joinWindowsPath(from: string, to: string): string {
  for (const path of [from, to])
    if (/^[a-z]:(?:\.[\\/]*)?$/i.test(path))
      throw refuse(`${path} is not a directory. If you are specifying a drive letter, please add a trailing '\\'`);
  const base = /^[a-z]:/i.test(from) ? from : win32.join('C:\\', from);
  const joined = win32.isAbsolute(to) && /^[a-z]:/i.test(to) ? win32.normalize(to) : win32.join(/^[\\/]/.test(to) ? 'C:\\' : base, to);
  return joined[0]!.toUpperCase() + joined.slice(1).replace(/(?<=[^:])\\$/, '');
}

function signal(text: string): string {
  if (!isSignal(text)) throw refuse(`invalid signal: ${text}`);
  return text;
}

function onBuild(text: string): string {
  const word = (text.split(/\s/, 1)[0] ?? '').toUpperCase();
  if (word === 'ONBUILD') throw refuse("Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed");
  if (word === 'FROM' || word === 'MAINTAINER') throw refuse(`${word} isn't allowed as an ONBUILD trigger`);
  return text;
}

/** The words with two dashes that stand first; two dashes alone end them. */
function leadingFlags(text: string): { readonly flags: readonly string[]; readonly rest: string } {
  const flags: string[] = [];
  let rest = text;
  for (let flag = /^--(\S*)\s*/.exec(rest); flag; flag = /^--(\S*)\s*/.exec(rest)) {
    rest = rest.slice(flag[0].length);
    if (flag[1] === '') break;
    flags.push(`--${flag[1]}`);
  }
  return { flags, rest };
}

const checkFlags = new Map([
  ['--interval', 'Interval'],
  ['--timeout', 'Timeout'],
  ['--start-period', 'StartPeriod'],
  ['--start-interval', 'StartInterval'],
  ['--retries', 'Retries'],
]);

/** `NONE`, or `CMD` and a command. Durations become nanoseconds, as on docker's wire; what is nothing is left out. */
function healthcheck(flags: readonly string[], text: string): Record<string, unknown> {
  const given = new Map<string, string>();
  for (const flag of flags) {
    const [, name = '', value] = /^([^=]*)(?:=(.*))?$/s.exec(flag) ?? [];
    if (!checkFlags.has(name)) throw refuse(`unknown flag: ${name}`);
    if (given.has(name)) throw refuse(`duplicate flag specified: ${name}`);
    if (value === undefined) throw refuse(`missing a value on flag: ${name}`);
    given.set(name, value);
  }
  const [, kind = '', command = ''] = /^(\S+)\s*([\s\S]*)$/.exec(text) ?? [];
  if (kind.toUpperCase() === 'NONE') {
    if (command !== '') throw refuse('HEALTHCHECK NONE takes no arguments');
    return { Test: ['NONE'] };
  }
  if (kind.toUpperCase() !== 'CMD') throw refuse(`Unknown type ${JSON.stringify(kind.toUpperCase())} in HEALTHCHECK (try CMD)`);
  const list = jsonList(command);
  if (command === '' || list?.length === 0) throw refuse('Missing command after HEALTHCHECK CMD');
  const check: Record<string, number> = {};
  for (const [flag, key] of checkFlags) {
    const value = given.get(flag) ?? '';
    const number = value === '' ? 0 : key === 'Retries' ? count(value) : duration(value, flag.slice(2));
    if (number !== 0) check[key] = number;
  }
  return { Test: list ? ['CMD', ...list] : ['CMD-SHELL', command], ...check };
}

function count(text: string): number {
  if (!/^[+-]?\d{1,9}$/.test(text)) throw refuse(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
  if (Number(text) < 0) throw refuse(`--retries cannot be negative (${text})`);
  return Number(text);
}

const units: ReadonlyMap<string, number> = new Map(Object.entries({ ns: 1, us: 1e3, µs: 1e3, ms: 1e6, s: 1e9, m: 60e9, h: 3600e9 }));

/** Go's durations, in nanoseconds: none, or a millisecond at least. */
function duration(text: string, flag: string): number {
  const [, sign = '', amount = ''] = /^([+-]?)(.*)$/s.exec(text) ?? [];
  if (amount === '0') return 0;
  const of = (why: string): ImageError => refuse(`time: ${why} ${JSON.stringify(text)}`);
  let total = 0;
  let rest = amount;
  while (rest !== '') {
    const [whole = '', number = '', unit = ''] = /^(\d+\.?\d*|\.\d+)([^\d.]*)/.exec(rest) ?? [];
    if (whole === '') throw of('invalid duration');
    if (unit === '') throw of('missing unit in duration');
    const factor = units.get(unit);
    if (factor === undefined) throw of(`unknown unit ${JSON.stringify(unit)} in duration`);
    total += Number(number) * factor;
    rest = rest.slice(whole.length);
  }
  if (amount === '') throw of('invalid duration');
  if (total !== 0 && (sign === '-' || total < 1e6)) throw refuse(`Interval ${JSON.stringify(flag)} cannot be less than 1ms`);
  return Math.round(total);
}
