import { ImageError } from '../errors.ts';
import { isObject, parsePlatformObject, parseStrings } from './descriptor.ts';
import { isDigest, type Digest } from './digest.ts';
import { parseJson } from './manifest.ts';
import type { Platform } from './platform.ts';

/** What a container of the image starts with: image-spec config.md, `config`. Keys are the wire's; docker's own (`OnBuild`, `Healthcheck`, `Shell`) are kept. */
export interface RunConfig {
  readonly User?: string;
  readonly ExposedPorts?: Readonly<Record<string, unknown>>;
  readonly Env?: readonly string[];
  readonly Entrypoint?: readonly string[];
  readonly Cmd?: readonly string[];
  readonly Volumes?: Readonly<Record<string, unknown>>;
  readonly WorkingDir?: string;
  readonly Labels?: Readonly<Record<string, string>>;
  readonly StopSignal?: string;
  readonly [key: string]: unknown;
}

export interface HistoryEntry {
  readonly created?: string;
  readonly created_by?: string;
  readonly author?: string;
  readonly comment?: string;
  readonly empty_layer?: boolean;
}

/** image-spec config.md, read. */
export interface ImageConfig {
  readonly created?: string;
  readonly author?: string;
  readonly platform: Platform | undefined;
  readonly config: RunConfig;
  readonly diffIds: readonly Digest[];
  readonly history: readonly HistoryEntry[];
  /** Docker's own keys, where it wrote them. */
  readonly dockerVersion?: string;
  readonly comment?: string;
}

export const maxConfigBytes = 8 * 1024 * 1024;

/** @throws ImageError `invalid-content`, `too-large` */
export function parseConfig(bytes: Uint8Array): ImageConfig {
  if (bytes.length > maxConfigBytes)
    throw new ImageError('too-large', `image config of ${bytes.length} bytes is larger than ${maxConfigBytes} bytes`);
  const refuse = (why: string): never => {
    throw new ImageError('invalid-content', `invalid image config: ${why}`);
  };
  const document = parseJson(bytes, 'image config');
  if (!isObject(document)) return refuse('not a JSON object');
  const rootfs = document.rootfs ?? {};
  if (!isObject(rootfs)) return refuse('rootfs is not an object');
  const diffIds = rootfs.diff_ids ?? [];
  if (!Array.isArray(diffIds) || !diffIds.every(isDigest)) return refuse('rootfs.diff_ids are not digests');
  const history = document.history ?? [];
  if (!Array.isArray(history) || !history.every(isObject)) return refuse('history is not a list of objects');
  const config = document.config ?? {};
  if (!isObject(config)) return refuse('config is not an object');
  return {
    ...(typeof document.created === 'string' ? { created: document.created } : {}),
    ...(typeof document.author === 'string' ? { author: document.author } : {}),
    platform: parsePlatformObject(document, 'image config'),
    config: readRunConfig(config),
    diffIds,
    history: history.map(readHistory),
    ...(typeof document.docker_version === 'string' ? { dockerVersion: document.docker_version } : {}),
    ...(typeof document.comment === 'string' ? { comment: document.comment } : {}),
  };
}

/** Keys of ours are kept only in the shape that they must have; docker is as lenient, and one odd label must not hide an image. */
function readRunConfig(config: Readonly<Record<string, unknown>>): RunConfig {
  const { Env, Cmd, Entrypoint, Labels, ...rest } = config;
  const list = (value: unknown) => (Array.isArray(value) && value.every((item) => typeof item === 'string') ? value : undefined);
  const env = list(Env);
  const cmd = list(Cmd);
  const entrypoint = list(Entrypoint);
  const labels = parseStrings(Labels, 'config.Labels');
  const kept: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(rest)) if (value !== null) kept[key] = value;
  return {
    ...kept,
    ...(env ? { Env: env } : {}),
    ...(cmd ? { Cmd: cmd } : {}),
    ...(entrypoint ? { Entrypoint: entrypoint } : {}),
    ...(labels ? { Labels: labels } : {}),
  };
}

function readHistory(entry: Readonly<Record<string, unknown>>): HistoryEntry {
  const text = (key: string) => (typeof entry[key] === 'string' ? { [key]: entry[key] } : {});
  return {
    ...text('created'),
    ...text('created_by'),
    ...text('author'),
    ...text('comment'),
    ...(entry.empty_layer === true ? { empty_layer: true } : {}),
  };
}
