import { ImageError } from '../errors.ts';
import { isHub } from './docker-config.ts';

/** What a user types as a registry: with or without a scheme or path, and the Hub by any of its names. @throws ImageError `invalid-argument` */
export function registryHost(text: string): string {
  const host = text
    .trim()
    .replace(/^https?:\/\//, '')
    .replace(/\/.*$/, '')
    .toLowerCase();
  if (host === '' || !URL.canParse(`https://${host}/`))
    throw new ImageError('invalid-argument', `${JSON.stringify(text)} is not a registry's host`);
  return isHub(host) ? 'docker.io' : host;
}
