/** `--volume` and `--mount` as the document wants them. All throw ImageError `invalid-argument` with docker's texts. */

import { resolve } from 'node:path';
import { ImageError } from '../../../errors.ts';
import { parseBytes } from './quantities.ts';

function refuse(message: string): ImageError {
  return new ImageError('invalid-argument', message);
}

/** Volumes that are mounted from somewhere, and those that only say where. */
export interface ParsedVolumes {
  readonly binds: readonly string[];
  readonly volumes: Readonly<Record<string, object>>;
}

export function parseVolumes(specs: readonly string[], cwd: string): ParsedVolumes {
  const binds: string[] = [];
  const volumes: Record<string, object> = {};
  for (const spec of new Set(specs)) {
    const { source, rest } = splitVolume(spec);
    if (source === undefined) volumes[spec] = {};
    else binds.push(/^\.{1,2}(?:[\\/]|$)/.test(source) ? `${resolve(cwd, source)}:${rest}` : spec);
  }
  return { binds, volumes };
}

/** A colon after a lone letter is a drive's. */
function splitVolume(spec: string): { readonly source: string | undefined; readonly rest: string } {
  if (spec.length <= 2) return { source: undefined, rest: spec };
  const parts: string[] = [];
  let part = '';
  for (const letter of spec) {
    if (letter === ':' && !/^[A-Za-z]$/.test(part)) {
      parts.push(part);
      part = '';
    } else part += letter;
  }
  parts.push(part);
  if (parts.includes('')) throw refuse(`invalid spec: ${spec}: empty section between colons`);
  if (parts.length > 3) throw refuse(`invalid spec: ${spec}: too many colons`);
  const [source = '', ...others] = parts;
  return others.length === 0 ? { source: undefined, rest: source } : { source, rest: others.join(':') };
}

/** One `--mount type=bind,source=/x,target=/y`, a line of CSV. */
export function parseMount(text: string, cwd: string): Readonly<Record<string, unknown>> {
  const mount: Record<string, unknown> = { Type: 'volume' };
  const bindOptions: Record<string, unknown> = {};
  const volumeOptions: Record<string, unknown> = {};
  const tmpfsOptions: Record<string, unknown> = {};
  const imageOptions: Record<string, unknown> = {};
  const labels: Record<string, string> = {};
  const driver: { Name?: string; Options?: Record<string, string> } = {};
  let source = '';
  for (const field of csvFields(text)) {
    const equals = field.indexOf('=');
    const key = (equals < 0 ? field : field.slice(0, equals)).toLowerCase();
    const value = equals < 0 ? undefined : field.slice(equals + 1);
    if (value === undefined && !['readonly', 'ro', 'volume-nocopy', 'bind-nonrecursive', 'bind-create-mountpoint'].includes(key))
      throw refuse(`invalid field '${field}' must be a key=value pair`);
    const set = () => {
      if (value === undefined || /^(?:1|t|T|TRUE|true|True)$/.test(value)) return true;
      if (/^(?:0|f|F|FALSE|false|False)$/.test(value)) return false;
      throw refuse(`invalid value for ${key}: ${value}`);
    };
    switch (key) {
      case 'type':
        mount['Type'] = value?.toLowerCase();
        break;
      case 'source':
      case 'src':
        source = value ?? '';
        break;
      case 'target':
      case 'dst':
      case 'destination':
        mount['Target'] = value;
        break;
      case 'readonly':
      case 'ro':
        mount['ReadOnly'] = set();
        break;
      case 'consistency':
        mount['Consistency'] = value?.toLowerCase();
        break;
      case 'bind-propagation':
        bindOptions['Propagation'] = value?.toLowerCase();
        break;
      case 'bind-nonrecursive':
        bindOptions['NonRecursive'] = set();
        break;
      case 'bind-create-mountpoint':
        bindOptions['CreateMountpoint'] = set();
        break;
      case 'bind-recursive':
        if (value === 'disabled') bindOptions['NonRecursive'] = true;
        else if (value === 'writable') bindOptions['ReadOnlyNonRecursive'] = true;
        else if (value === 'readonly') bindOptions['ReadOnlyForceRecursive'] = true;
        else if (value !== 'enabled')
          throw refuse(`invalid value for ${key}: ${value} (must be "enabled", "disabled", "writable", or "readonly")`);
        break;
      case 'volume-subpath':
        volumeOptions['Subpath'] = value;
        break;
      case 'volume-nocopy':
        volumeOptions['NoCopy'] = set();
        break;
      case 'volume-label':
        assign(labels, value ?? '');
        break;
      case 'volume-driver':
        driver.Name = value ?? '';
        break;
      case 'volume-opt':
        assign((driver.Options ??= {}), value ?? '');
        break;
      case 'image-subpath':
        imageOptions['Subpath'] = value;
        break;
      case 'tmpfs-size':
        tmpfsOptions['SizeBytes'] = parseBytes(value ?? '');
        break;
      case 'tmpfs-mode':
        if (!/^[0-7]+$/.test(value ?? '')) throw refuse(`invalid value for ${key}: ${value}`);
        tmpfsOptions['Mode'] = Number.parseInt(value ?? '', 8);
        break;
      default:
        throw refuse(`unexpected key '${key}' in '${field}'`);
    }
  }
  const type = String(mount['Type']);
  if (type === '' || type === 'undefined') throw refuse('type is required');
  if (!mount['Target']) throw refuse('target is required');
  if (Object.keys(labels).length > 0) volumeOptions['Labels'] = labels;
  if (driver.Name !== undefined || driver.Options !== undefined || type === 'volume') volumeOptions['DriverConfig'] = driver;
  const isBare = Object.keys(volumeOptions).every((key) => key === 'DriverConfig') && Object.keys(driver).length === 0;
  const options = [
    ['bind', 'BindOptions', bindOptions],
    ['volume', 'VolumeOptions', isBare ? {} : volumeOptions],
    ['tmpfs', 'TmpfsOptions', tmpfsOptions],
    ['image', 'ImageOptions', imageOptions],
  ] as const;
  for (const [kind, name, given] of options) {
    if (Object.keys(given).length === 0) continue;
    if (kind !== type) throw refuse(`cannot mix '${kind}-*' options with mount type '${type}'`);
    mount[name] = given;
  }
  const isRelative = type === 'bind' && /^\.{1,2}(?:[\\/]|$)/.test(source);
  if (source !== '') mount['Source'] = isRelative ? resolve(cwd, source) : source;
  return mount;
}

function assign(map: Record<string, string>, text: string): void {
  const [, key = text, value = ''] = /^([^=]*)=([\s\S]*)$/.exec(text) ?? [];
  Object.defineProperty(map, key, { value, enumerable: true, configurable: true, writable: true });
}

/** One line of RFC 4180. */
export function csvFields(text: string): string[] {
  const fields: string[] = [];
  for (const [, quoted, plain = ''] of text.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"(?=,|$)|([^,]*))/g))
    fields.push(quoted?.replaceAll('""', '"') ?? plain);
  return fields;
}
