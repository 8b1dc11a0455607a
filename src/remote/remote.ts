import type { Repository } from '../content/repository.ts';
import { parseReference, type Reference } from '../model/reference.ts';
import { openRegistries } from './registries.ts';
import type { RegistryOptions } from './registry-options.ts';

/** One repository elsewhere: the library's short way. Several of them share connections by `openRegistries`. @throws ImageError `invalid-reference` */
export function remote(reference: Reference | string, options?: RegistryOptions): Repository {
  return openRegistries(options).repository(typeof reference === 'string' ? parseReference(reference) : reference);
}
