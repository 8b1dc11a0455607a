import type { Host } from '../../operations/host.ts';
import type { Registries } from '../../remote/registries.ts';
import type { RegistryOptions } from '../../remote/registry-options.ts';
import type { ListCache } from './list-cache.ts';

/** What the door is opened over. Registries are opened for each caller, with what it sends along: the credentials of whoever runs the server are nobody else's. */
export interface EngineHost extends Pick<Host, 'store' | 'containers' | 'now'> {
  openRegistries(options: Pick<RegistryOptions, 'credentials' | 'extraHeaders'>): Promise<Registries>;
}

/** What every handler of the door has at hand. */
export interface Desk {
  readonly host: EngineHost;
  /** Names this server in `docker info`; the same for as long as it runs. */
  readonly id: string;
  readonly lists: ListCache;
  /** The prunes that go on. */
  readonly pruning: Set<string>;
  /** Aborts when the server closes. */
  readonly ending: AbortSignal;
}
