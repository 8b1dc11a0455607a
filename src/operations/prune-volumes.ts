import { folderSize } from '../containers/host-folder.ts';
import { anonymousLabel, readVolume } from '../containers/volumes.ts';
import { isImageError } from '../errors.ts';
import { canceled } from '../io/concurrently.ts';
import type { Operation } from '../io/operation.ts';
import { filterSwitch, type FilterTerm } from './filter-term.ts';
import type { Host } from './host.ts';
import { volumeFilter } from './list-volumes.ts';
import { removeVolume } from './remove-volume.ts';

/** The answer to `POST /volumes/prune`. */
export interface PrunedVolumes {
  readonly VolumesDeleted: readonly string[] | null;
  /** Bytes that the disk got back. */
  readonly SpaceReclaimed: number;
}

/**
 * Removes volumes that no container needs: those without a name of their own, or with the filter `all=true` every one (before API 1.42 docker removed every one).
 * @throws ImageError `invalid-argument` for a filter
 */
export async function pruneVolumes(
  host: Pick<Host, 'store'>,
  options: Operation & { readonly filters?: readonly FilterTerm[] | undefined; readonly dryRun?: boolean | undefined } = {},
): Promise<PrunedVolumes> {
  const { filters = [] } = options;
  const all = filterSwitch(filters, 'all') === true;
  const keep = volumeFilter(
    filters.filter(({ key }) => key !== 'all'),
    ['label', 'label!'],
  );
  const deleted: string[] = [];
  let bytes = 0;
  for (const volume of await host.store.volumes()) {
    if (options.signal?.aborted) throw canceled(options.signal.reason);
    const users = (await host.store.volumeUsers(volume.name)).length;
    const isAnonymous = Object.hasOwn(readVolume(volume).labels ?? {}, anonymousLabel);
    if (users > 0 || !(all || isAnonymous) || !keep(volume, users)) continue;
    const size = await folderSize(volume.mountpoint);
    try {
      if (!options.dryRun) await removeVolume(host, volume.name);
    } catch (error) {
      // A container has just come to need it, or somebody else has removed it.
      if (isImageError(error, 'not-found', 'conflict')) continue;
      throw error;
    }
    deleted.push(volume.name);
    bytes += size;
  }
  if (!options.dryRun) await host.store.record({ type: 'volume', action: 'prune', id: '', attributes: { reclaimed: String(bytes) } });
  return { VolumesDeleted: deleted.length > 0 ? deleted : null, SpaceReclaimed: bytes };
}
