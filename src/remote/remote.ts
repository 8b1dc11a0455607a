import type { Repository } from '../content/repository.ts';
import { parseReference, type Reference } from '../model/reference.ts';
import { openRegistries, type Registries } from './registries.ts';
import type { RegistryOptions } from './registry-options.ts';

let shared: Registries | undefined;

/**
 * One repository elsewhere: the library's short way. All without options of their own share connections and what is known of registries; those with options do by
 * `openRegistries`. Idle connections end by themselves.
 * @throws ImageError `invalid-reference`
 */
export function remote(reference: Reference | string, options?: RegistryOptions): Repository {
  const registries = options === undefined ? (shared ??= openRegistries()) : openRegistries(options);
  return registries.repository(typeof reference === 'string' ? parseReference(reference) : reference);
}
