import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { asImageError, ImageError, isSystemError } from '../errors.ts';
import { settingsFolders } from '../io/settings-folders.ts';
import { isObject } from '../model/descriptor.ts';
import type { Reference } from '../model/reference.ts';

/**
 * containers-registries.conf(5), version 2: where a name's images really are (`[[registry]]` prefix, location, insecure, blocked) and which mirrors are
 * asked first (`[[registry.mirror]]`). Version 1 (`[registries.insecure]`, `[registries.block]`) is read for its hosts. `unqualified-search-registries` and
 * short-name aliases are not: a short name means docker.io here, as docker's users expect, and nothing else ever.
 */
export interface RegistryRule {
  /** `host[:port][/path…]`, or `*.domain`. */
  readonly prefix: string;
  /** What takes the prefix's place; undefined leaves it. */
  readonly location: string | undefined;
  readonly insecure: boolean;
  readonly blocked: boolean;
  readonly mirrors: readonly MirrorRule[];
}

export interface MirrorRule {
  readonly location: string;
  readonly insecure: boolean;
  readonly pull: 'all' | 'digest-only' | 'tag-only';
}

type Json = Readonly<Record<string, unknown>>;

/** The files that count, in the order in which later ones win. An explicit path is read with its own `.d` folder alone. */
export async function registriesConfFiles(explicit: string | undefined, env: NodeJS.ProcessEnv): Promise<readonly string[]> {
  const given = explicit ?? env.CONTAINERS_REGISTRIES_CONF;
  if (given === '') return [];
  if (given !== undefined) return [given, ...(await dropIns(`${given}.d`))];
  const { containers, machineContainers: machine } = settingsFolders(env);
  const userFiles: string[] = [];
  for (const folder of containers) userFiles.unshift(...(await dropIns(join(folder, 'registries.conf.d'))));
  for (const folder of containers) {
    const file = join(folder, 'registries.conf');
    if (await readable(file)) return [file, ...userFiles];
  }
  return [join(machine, 'registries.conf'), ...(await dropIns(join(machine, 'registries.conf.d'))), ...userFiles];
}

async function dropIns(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder))
      .filter((name) => name.endsWith('.conf'))
      .sort()
      .map((name) => join(folder, name));
  } catch (error) {
    if (absent(error)) return [];
    throw asImageError(error, `cannot read ${folder}`);
  }
}

async function readable(path: string): Promise<boolean> {
  return (await readText(path)) !== undefined;
}

function absent(error: unknown): boolean {
  return isSystemError(error, 'ENOENT', 'ENOTDIR');
}

async function readText(path: string): Promise<string | undefined> {
  try {
    // Windows' own editors begin a file with a mark.
    return (await readFile(path, 'utf8')).replace(/^\uFEFF/, '');
  } catch (error) {
    if (absent(error)) return undefined;
    throw asImageError(error, `cannot read ${path}`);
  }
}

/**
 * Most files hold nothing but search lists and aliases, one of which is `"registry" = "docker.io/library/registry"`: the parser is loaded for the others. A key of the document
 * begins a line.
 */
const mayHaveRules = /^\s*(?:\[+\s*["']?registr(?:y|ies)\b|registr(?:y|ies)\s*[.=]|["']registr(?:y|ies)["']\s*(?:\.|=\s*[^\s"']))/m;

/** The rules of all files, longest prefix first. @throws ImageError `invalid-config` */
export async function readRegistriesConf(files: readonly string[]): Promise<readonly RegistryRule[]> {
  const rules = new Map<string, RegistryRule>();
  for (const file of files) {
    const text = await readText(file);
    if (text === undefined || !mayHaveRules.test(text)) continue;
    for (const rule of await parseRegistriesConf(text, file)) rules.set(rule.prefix, rule);
  }
  return [...rules.values()].sort((a, b) => b.prefix.length - a.prefix.length);
}

/** @throws ImageError `invalid-config`, naming the file */
export async function parseRegistriesConf(text: string, file: string): Promise<readonly RegistryRule[]> {
  const refuse = (why: string, cause?: unknown): ImageError => new ImageError('invalid-config', `${file}: ${why}`, { cause });
  const { parse } = await import('smol-toml');
  let document: Json;
  try {
    document = parse(text);
  } catch (error) {
    throw refuse(`not TOML: ${(error as Error).message.split('\n')[0]}`, error);
  }
  const { registry, registries } = document;
  if (registry !== undefined && registries !== undefined) throw refuse('mixes version 1 ([registries.…]) and version 2 ([[registry]])');
  if (registries !== undefined) return versionOne(registries);
  if (registry === undefined) return [];
  if (!Array.isArray(registry)) throw refuse('registry is not a list: write [[registry]]');
  return registry.map((entry: unknown) => registryRule(entry, refuse));
}

function registryRule(entry: unknown, refuse: (why: string) => ImageError): RegistryRule {
  if (!isObject(entry)) throw refuse('a registry is not a table');
  const location = locationOf(entry, refuse);
  const prefix = typeof entry.prefix === 'string' && entry.prefix !== '' ? entry.prefix.replace(/\/+$/, '') : location;
  if (prefix === undefined) throw refuse('a registry has neither prefix nor location');
  if (prefix.includes('*') && !/^\*\.[^*/:]+$/.test(prefix)) throw refuse(`prefix ${prefix}: a wildcard is *.DOMAIN and nothing after`);
  if (prefix.includes('://')) throw refuse(`prefix ${prefix} has a scheme`);
  const onlyDigests = entry['mirror-by-digest-only'] === true;
  const mirrors = entry.mirror === undefined ? [] : entry.mirror;
  if (!Array.isArray(mirrors)) throw refuse(`${prefix}: mirror is not a list: write [[registry.mirror]]`);
  return {
    prefix,
    location: location === prefix ? undefined : location,
    insecure: entry.insecure === true,
    blocked: entry.blocked === true,
    mirrors: mirrors.map((mirror: unknown) => {
      const place = isObject(mirror) ? locationOf(mirror, refuse) : undefined;
      if (!isObject(mirror) || place === undefined) throw refuse(`${prefix}: a mirror has no location`);
      const pull = mirror['pull-from-mirror'] ?? '';
      if (!['', 'all', 'digest-only', 'tag-only'].includes(pull as string))
        throw refuse(`${prefix}: pull-from-mirror is all, digest-only or tag-only`);
      return {
        location: place,
        insecure: mirror.insecure === true,
        pull: onlyDigests ? 'digest-only' : ((pull || 'all') as MirrorRule['pull']),
      };
    }),
  };
}

function locationOf(entry: Json, refuse: (why: string) => ImageError): string | undefined {
  const { location } = entry;
  if (location === undefined || location === '') return undefined;
  if (typeof location !== 'string') throw refuse('a location is not a text');
  if (location.includes('://')) throw refuse(`location ${location} has a scheme; it is HOST[:PORT][/PATH]`);
  return location.replace(/\/+$/, '');
}

function versionOne(registries: unknown): readonly RegistryRule[] {
  const hosts = (key: string): string[] => {
    const table = isObject(registries) ? registries[key] : undefined;
    const list = isObject(table) ? table.registries : undefined;
    return Array.isArray(list) ? list.filter((host) => typeof host === 'string') : [];
  };
  const insecure = new Set(hosts('insecure'));
  const blocked = new Set(hosts('block'));
  return [...new Set([...insecure, ...blocked])].map((prefix) => ({
    prefix,
    location: undefined,
    insecure: insecure.has(prefix),
    blocked: blocked.has(prefix),
    mirrors: [],
  }));
}

/** The rule for a repository; the rules are sorted longest first. */
export function ruleFor(
  rules: readonly RegistryRule[],
  { registry, repository }: Pick<Reference, 'registry' | 'repository'>,
): RegistryRule | undefined {
  const name = repository === '' ? registry : `${registry}/${repository}`;
  return rules.find(({ prefix }) =>
    prefix.startsWith('*.')
      ? registry.replace(/:\d+$/, '').endsWith(prefix.slice(1)) || registry.endsWith(prefix.slice(1))
      : name === prefix || name.startsWith(`${prefix}/`),
  );
}

/** A repository moved to a location: the part that the prefix covers is replaced. */
export function rewritten(
  { registry, repository }: Pick<Reference, 'registry' | 'repository'>,
  prefix: string,
  location: string,
): { registry: string; repository: string } {
  const name = repository === '' ? registry : `${registry}/${repository}`;
  const rest = prefix.startsWith('*.') ? name.slice(registry.length) : name.slice(prefix.length);
  const moved = location + rest;
  const slash = moved.indexOf('/');
  return slash < 0 ? { registry: moved, repository: '' } : { registry: moved.slice(0, slash), repository: moved.slice(slash + 1) };
}
