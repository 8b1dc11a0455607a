import { isImageError } from '../errors.ts';
import { canceled } from '../io/concurrently.ts';
import type { Operation } from '../io/operation.ts';
import type { Digest } from '../model/digest.ts';
import type { Reference } from '../model/reference.ts';
import type { DiscardedImage } from '../store/discard.ts';
import type { Host } from './host.ts';
import { filterSwitch } from './filter-term.ts';
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
  /** Of these: forgotten downloads and uploads. */
  readonly strays: number;
}

/** Groups of images that are forgotten in one commit. */
const together = 100;

/**
 * Removes images that nothing needs: those without a name, or with `all` those with one too. What speaks of an image that stays (a signature that another tool put
 * into the folder, say) has no name either, and stays with it.
 */
export async function prune(host: Pick<Host, 'store' | 'now'>, options: PruneOptions = {}): Promise<Pruned> {
  const { filters = [] } = options;
  const all = filterSwitch(filters, 'dangling') === false || options.all === true;
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
  if (!all) await leaveReferrers(host, chosen);
  const groups = (await unneeded(host, chosen)).map((group) => group.map((deleted) => ({ untagged: chosen.get(deleted) ?? [], deleted })));
  const images = groups.flat();
  if (options.dryRun) {
    const first = { images: images.map(({ deleted: digest }): DiscardedImage => ({ digest, names: 'all', used: true })) };
    const { bytes, strays } = await host.store.sweep({ dryRun: true, first });
    return { images, bytes, strays };
  }
  const pruned: Pruned['images'][number][] = [];
  for (let at = 0; at < groups.length; at += together) {
    if (options.signal?.aborted) throw canceled(options.signal.reason);
    const some = groups.slice(at, at + together);
    const gone = await Promise.all(some.map((group) => forget(host, group)));
    pruned.push(...some.filter((_, index) => gone[index]).flat());
  }
  const { bytes, strays } = await host.store.sweep({ signal: options.signal });
  return { images: pruned, bytes, strays };
}

/** Takes out of the chosen what speaks of something that is here and is not chosen; what speaks of that in turn. */
async function leaveReferrers({ store }: Pick<Host, 'store'>, chosen: Map<Digest, unknown>): Promise<void> {
  const subjects = new Map<Digest, Digest>();
  for (const digest of chosen.keys()) {
    const subject = await store.subjectOf(digest);
    if (subject !== undefined) subjects.set(digest, subject);
  }
  for (let before = -1; before !== chosen.size;) {
    before = chosen.size;
    for (const [digest, subject] of subjects) if (!chosen.has(subject)) chosen.delete(digest);
  }
}

/**
 * Without what containers stand on, in any state, and what an image that stays was recorded to be made from; what is made from others before these. Images go one by one,
 * but those that are recorded as made from each other, in a circle, together: nothing outside needs them, and none of them could go first.
 */
async function unneeded({ store }: Pick<Host, 'store'>, chosen: ReadonlyMap<Digest, unknown>): Promise<readonly (readonly Digest[])[]> {
  const users = await store.users([...chosen.keys()]);
  const stays = new Set<Digest>();
  for (let before = -1; before !== stays.size;) {
    before = stays.size;
    for (const [digest, { containers, children }] of users)
      if (containers.length > 0 || children.some(({ image }) => !chosen.has(image) || stays.has(image))) stays.add(digest);
  }
  // Tarjan's way to the circles of a graph: what is met while it is on the path closes one. Without calls within calls: a chain may be as long as there are images.
  const groups: Digest[][] = [];
  const met = new Map<Digest, { number: number; lowest: number }>();
  const path: Digest[] = [];
  const open = new Set<Digest>();
  const visits: { readonly digest: Digest; readonly children: Iterator<Digest> }[] = [];
  const begin = (digest: Digest): void => {
    met.set(digest, { number: met.size, lowest: met.size });
    path.push(digest);
    open.add(digest);
    visits.push({ digest, children: (users.get(digest)?.children ?? []).map(({ image }) => image).values() });
  };
  const reaches = (digest: Digest, lowest: number | undefined): void => {
    const own = met.get(digest);
    if (own && lowest !== undefined) own.lowest = Math.min(own.lowest, lowest);
  };
  const end = (digest: Digest): void => {
    const { number, lowest } = met.get(digest) ?? {};
    const above = visits.at(-1);
    if (above) reaches(above.digest, lowest);
    if (lowest !== number) return;
    const group = path.splice(path.lastIndexOf(digest));
    for (const one of group) open.delete(one);
    groups.push(group);
  };
  for (const digest of chosen.keys()) {
    if (stays.has(digest) || met.has(digest)) continue;
    begin(digest);
    for (let visit = visits.at(-1); visit; visit = visits.at(-1)) {
      const next = visit.children.next();
      if (next.done === true) {
        visits.pop();
        end(visit.digest);
      } else if (!met.has(next.value)) begin(next.value);
      else if (open.has(next.value)) reaches(visit.digest, met.get(next.value)?.number);
    }
  }
  return groups;
}

/** False where somebody else has removed one of them, given it one more name, or made something of it, since it was looked at. */
async function forget(host: Pick<Host, 'store'>, group: Pruned['images']): Promise<boolean> {
  try {
    await host.store.discard({ images: group.map(({ deleted: digest, untagged: names }) => ({ digest, names })) }, { verb: 'prune' });
    return true;
  } catch (error) {
    if (isImageError(error, 'not-found', 'conflict')) return false;
    throw error;
  }
}
