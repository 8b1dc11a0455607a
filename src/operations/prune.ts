import { isImageError } from '../errors.ts';
import { canceled } from '../io/concurrently.ts';
import type { Operation } from '../io/operation.ts';
import type { Digest } from '../model/digest.ts';
import type { Reference } from '../model/reference.ts';
import type { Host } from './host.ts';
import { imageFilter, isDangling, pruneKeys, type FilterTerm } from './image-filter.ts';

export interface PruneOptions extends Operation {
  /** Also images that have names, where nothing else needs them. */
  readonly all?: boolean | undefined;
  readonly filters?: readonly FilterTerm[];
  readonly dryRun?: boolean | undefined;
}

export interface Pruned {
  readonly images: readonly { readonly untagged: readonly Reference[]; readonly deleted: Digest }[];
  /** Bytes that the disk got back, content that no image held any more included. */
  readonly bytes: number;
}

/** Images that are forgotten in one commit. */
const together = 100;

/** Removes images that nothing needs: those without a name, or with `all` those with one too. */
export async function prune(host: Pick<Host, 'store' | 'now'>, options: PruneOptions = {}): Promise<Pruned> {
  const { filters = [] } = options;
  const all = filters.some(({ key, value }) => key === 'dangling' && /^(?:0|f|false)$/i.test(value)) || options.all === true;
  const keep = await imageFilter(
    host.store,
    filters.filter(({ key }) => key !== 'dangling'),
    pruneKeys,
    host.now(),
  );
  const images: { untagged: readonly Reference[]; deleted: Digest }[] = [];
  for (const image of await host.store.images()) {
    if (!(all || isDangling(image)) || !keep(image)) continue;
    const holders = await host.store.holders(image.target.digest);
    // Work in flight needs it; its own names and its own place in the list do not.
    if (holders.some(({ kind }) => kind === 'lease')) continue;
    images.push({ untagged: image.names.map(({ reference }) => reference), deleted: image.target.digest });
  }
  if (options.dryRun) {
    const forgotten = images.map(({ deleted: digest }) => ({ digest }));
    return { images, bytes: (await host.store.sweep({ dryRun: true, forgotten })).bytes };
  }
  const pruned: Pruned['images'][number][] = [];
  for (let at = 0; at < images.length; at += together) {
    if (options.signal?.aborted) throw canceled(options.signal.reason);
    const some = images.slice(at, at + together);
    const gone = await Promise.all(some.map((image) => forget(host, image)));
    pruned.push(...some.filter((_, index) => gone[index]));
  }
  const { bytes } = await host.store.sweep({ signal: options.signal });
  return { images: pruned, bytes };
}

/** False where somebody else has removed it, or has given it one more name, since it was looked at. */
async function forget(host: Pick<Host, 'store'>, { deleted, untagged }: Pruned['images'][number]): Promise<boolean> {
  try {
    await host.store.forget(deleted, { verb: 'prune', names: untagged });
    return true;
  } catch (error) {
    if (isImageError(error, 'not-found', 'conflict')) return false;
    throw error;
  }
}
