import { ImageError } from '../errors.ts';
import { isDigest, type Digest } from './digest.ts';
import type { Platform } from './platform.ts';

/** What points at content: image-spec descriptor.md. A digest never travels without its size and media type. */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  /** Bytes. */
  readonly size: number;
  readonly urls?: readonly string[];
  readonly annotations?: Readonly<Record<string, string>>;
  readonly artifactType?: string;
  readonly platform?: Platform;
  /** Base64 of the content itself. */
  readonly data?: string;
}

type Json = Readonly<Record<string, unknown>>;

export function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** An object whose every value is a string, or undefined where it is absent. @throws ImageError `invalid-content` */
export function parseStrings(value: unknown, where: string): Readonly<Record<string, string>> | undefined {
  if (value === undefined || value === null) return undefined;
  if (!isObject(value)) throw new ImageError('invalid-content', `${where} is not an object`);
  for (const [key, text] of Object.entries(value))
    if (typeof text !== 'string') throw new ImageError('invalid-content', `${where}[${JSON.stringify(key)}] is not a string`);
  return value as Readonly<Record<string, string>>;
}

/**
 * Reads a descriptor out of a parsed document. Keys that are not ours are left out of the value; the document's bytes keep them.
 * @throws ImageError `invalid-content`, saying `where` in the document
 */
export function parseDescriptor(value: unknown, where: string): Descriptor {
  const refuse = (why: string): never => {
    throw new ImageError('invalid-content', `${where}: ${why}`);
  };
  if (!isObject(value)) return refuse('not a descriptor');
  const { mediaType, digest, size, urls, artifactType, platform, data } = value;
  if (typeof mediaType !== 'string' || mediaType.length === 0 || mediaType.length > 255) return refuse('no mediaType');
  if (!isDigest(digest)) return refuse(`invalid digest ${JSON.stringify(digest)?.slice(0, 160)}`);
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) return refuse('invalid size');
  if (urls !== undefined && urls !== null && !(Array.isArray(urls) && urls.every((url) => typeof url === 'string'))) refuse('invalid urls');
  const annotations = parseStrings(value.annotations, `${where}.annotations`);
  const parsedPlatform = platform === undefined || platform === null ? undefined : parsePlatformObject(platform, `${where}.platform`);
  return {
    mediaType,
    digest,
    size,
    ...(Array.isArray(urls) && urls.length > 0 ? { urls: urls as string[] } : {}),
    ...(annotations ? { annotations } : {}),
    ...(typeof artifactType === 'string' && artifactType !== '' ? { artifactType } : {}),
    ...(parsedPlatform ? { platform: parsedPlatform } : {}),
    ...(typeof data === 'string' ? { data } : {}),
  };
}

/** The platform of an index entry or a config, or undefined where it names none. */
export function parsePlatformObject(value: unknown, where: string): Platform | undefined {
  if (!isObject(value)) throw new ImageError('invalid-content', `${where} is not an object`);
  const { os, architecture, variant, 'os.version': version, 'os.features': features } = value;
  if (typeof os !== 'string' || typeof architecture !== 'string' || (os === '' && architecture === '')) return undefined;
  return {
    os,
    architecture,
    ...(typeof variant === 'string' && variant !== '' ? { variant } : {}),
    ...(typeof version === 'string' && version !== '' ? { 'os.version': version } : {}),
    ...(Array.isArray(features) && features.length > 0 ? { 'os.features': features.filter((feature) => typeof feature === 'string') } : {}),
  };
}
