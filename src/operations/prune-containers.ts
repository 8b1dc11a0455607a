import { isImageError } from '../errors.ts';
import { canceled } from '../io/concurrently.ts';
import type { Operation } from '../io/operation.ts';
import { containerFilter, pruneContainersKeys } from './container-filter.ts';
import { requireOneUntil, type FilterTerm } from './filter-term.ts';
import type { Host } from './host.ts';
import { removeContainer } from './remove-container.ts';

/** The answer to `POST /containers/prune`. */
export interface PrunedContainers {
  readonly ContainersDeleted: readonly string[] | null;
  /** Bytes that the disk got back. */
  readonly SpaceReclaimed: number;
}

/** Removes containers that do not run. @throws ImageError `invalid-argument` for a filter */
export async function pruneContainers(
  host: Pick<Host, 'store' | 'containers' | 'now'>,
  options: Operation & { readonly filters?: readonly FilterTerm[] | undefined; readonly dryRun?: boolean | undefined } = {},
): Promise<PrunedContainers> {
  requireOneUntil(options.filters ?? []);
  const keep = await containerFilter(host, options.filters ?? [], pruneContainersKeys, host.now());
  const deleted: string[] = [];
  let bytes = 0;
  for (const container of await host.containers.list()) {
    if (options.signal?.aborted) throw canceled(options.signal.reason);
    if (['running', 'paused', 'restarting'].includes(container.record.state) || !keep(container)) continue;
    const size = await container.diskBytes();
    try {
      if (!options.dryRun) await removeContainer(host, container.id);
    } catch (error) {
      // Somebody else has just removed it, or started it.
      if (isImageError(error, 'not-found', 'conflict')) continue;
      throw error;
    }
    deleted.push(container.id);
    bytes += size;
  }
  if (!options.dryRun) await host.store.record({ type: 'container', action: 'prune', id: '', attributes: { reclaimed: String(bytes) } });
  return { ContainersDeleted: deleted.length > 0 ? deleted : null, SpaceReclaimed: bytes };
}
