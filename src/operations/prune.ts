import { isImageError } from '../errors.ts';
import { canceled } from '../io/concurrently.ts';
import type { Operation } from '../io/operation.ts';
import type { Digest } from '../model/digest.ts';
import type { Reference } from '../model/reference.ts';
import type { DiscardedImage } from '../store/discard.ts';
import type { Host } from './host.ts';
import { parseFilterBoolean } from './filter-term.ts';
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
  const all = filters.some(({ key, value }) => key === 'dangling' && !parseFilterBoolean(key, value)) || options.all === true;
  const keep = await imageFilter(
    host.store,
    filters.filter(({ key }) => key !== 'dangling'),
    pruneKeys,
    host.now(),
  );
  const chosen = new Map<Digest, readonly Reference[]>();
  for (const image of await host.store.images()) {
    if (!(all || isDangling(image)) || !keep(image)) continue;
    const holders = await host.store.holders(image.target.digest);
    // Work in flight needs it; its own names and its own place in the list do not.
    if (holders.some(({ kind }) => kind === 'lease')) continue;
    chosen.set(
      image.target.digest,
      image.names.map(({ reference }) => reference),
    );
  }
  const images = (await unneeded(host, chosen)).map((deleted) => ({ untagged: chosen.get(deleted) ?? [], deleted }));
  if (options.dryRun) {
    const first = { images: images.map(({ deleted: digest }): DiscardedImage => ({ digest, names: 'all', used: true })) };
    return { images, bytes: (await host.store.sweep({ dryRun: true, first })).bytes };
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

/** Without what containers stand on, in any state, and what an image that stays was recorded to be made from; what is made from others before these. */
async function unneeded({ store }: Pick<Host, 'store'>, chosen: ReadonlyMap<Digest, unknown>): Promise<readonly Digest[]> {
  const users = await store.users([...chosen.keys()]);
  const stays = new Set<Digest>();
  for (let before = -1; before !== stays.size;) {
    before = stays.size;
    for (const [digest, { containers, children }] of users)
      if (containers.length > 0 || children.some(({ image }) => !chosen.has(image) || stays.has(image))) stays.add(digest);
  }
  const order = new Set<Digest>();
  const seen = new Set<Digest>(stays);
  const visit = (digest: Digest): void => {
    if (seen.has(digest)) return;
    seen.add(digest);
    for (const { image } of users.get(digest)?.children ?? []) visit(image);
    order.add(digest);
  };
  for (const digest of chosen.keys()) visit(digest);
  return [...order];
}

/** False where somebody else has removed it, given it one more name, or made something of it, since it was looked at. */
async function forget(host: Pick<Host, 'store'>, { deleted, untagged }: Pruned['images'][number]): Promise<boolean> {
  try {
    await host.store.discard({ images: [{ digest: deleted, names: untagged }] }, { verb: 'prune' });
    return true;
  } catch (error) {
    if (isImageError(error, 'not-found', 'conflict')) return false;
    throw error;
  }
}
