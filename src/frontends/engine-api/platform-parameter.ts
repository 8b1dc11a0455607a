import { ImageError } from '../../errors.ts';
import { isObject, parsePlatformObject } from '../../model/descriptor.ts';
import { normalizePlatform, type Platform } from '../../model/platform.ts';
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
