import { parseFilterTime, requireFilterKey, requireOneUntil, type FilterTerm } from './filter-term.ts';
import type { Host } from './host.ts';

/** The answer to `POST /networks/prune`. */
export interface PrunedNetworks {
  readonly NetworksDeleted: null;
}

/** Removes nothing: there are only the networks that docker keeps too. @throws ImageError `invalid-argument` for a filter, with docker's texts */
export async function pruneNetworks(
  host: Pick<Host, 'store' | 'now'>,
  options: { readonly filters?: readonly FilterTerm[] | undefined } = {},
): Promise<PrunedNetworks> {
  const { filters = [] } = options;
  requireOneUntil(filters);
  for (const { key, value } of filters) {
    requireFilterKey(key, ['label', 'label!', 'until']);
    if (key === 'until') parseFilterTime(value, host.now());
  }
  await host.store.record({ type: 'network', action: 'prune', id: '', attributes: { reclaimed: '0' } });
  return { NetworksDeleted: null };
}
