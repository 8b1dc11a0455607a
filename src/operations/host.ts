import type { Containers } from '../containers/containers.ts';
import type { Repository } from '../content/repository.ts';
import type { Reference } from '../model/reference.ts';
import type { Registries } from '../remote/registries.ts';
import type { ImageStore } from '../store/image-store.ts';

/** The container host: what verbs act on. Each verb takes the part that it needs, `Pick<Host, 'store' | 'remote'>`. */
export interface Host {
  readonly store: ImageStore;
  readonly containers: Containers;
  readonly registries: Registries;
  /** A repository of a registry, reached as the settings say. */
  remote(reference: Reference): Repository;
  now(): Date;
}
