import { Image, type HistoryRow } from '../content/image.ts';
import { isImageError } from '../errors.ts';
import type { Operation } from '../io/operation.ts';
import type { Digest } from '../model/digest.ts';
import type { Platform } from '../model/platform.ts';
import { familiar } from '../model/reference.ts';
import type { ImageRecord } from '../store/image-record.ts';
import type { Host } from './host.ts';
import { openPlatform } from './inspect.ts';

export interface HistoryStep extends HistoryRow {
  /** The image that this step ended: the asked one for the newest step, a known parent further down. */
  readonly id?: Digest;
  /** Familiar names of that image. */
  readonly tags: readonly string[];
}

/** How an image came to be, newest step first, with the images that it was made from, down to the base. */
export async function history(
  host: Pick<Host, 'store'>,
  name: string,
  options: Operation & { platform?: Platform | undefined } = {},
): Promise<readonly HistoryStep[]> {
  const { target } = await host.store.find(name);
  const image = await openPlatform(host, name, target, options);
  const own = await host.store.image(target.digest);
  const ends = new Map<number, Ancestor>([[0, { id: target.digest, tags: tagsOf(own) }], ...(await ancestors(host, image, options))]);
  return image.history.map((row, at): HistoryStep => ({ ...row, tags: [], ...ends.get(at) }));
}

interface Ancestor {
  readonly id: Digest;
  readonly tags: readonly string[];
}

/** The images that it was made from, by the number of the step that was the newest of each. A mere claim counts too, where the steps and layers agree with it. */
async function ancestors({ store }: Pick<Host, 'store'>, image: Image, options: Operation): Promise<Map<number, Ancestor>> {
  const found = new Map<number, Ancestor>();
  const seen = new Set<Digest>();
  const rows = image.history;
  const diffIds = image.config?.diffIds ?? [];
  for (let at: Digest | undefined = image.descriptor.digest; at !== undefined && !seen.has(at);) {
    seen.add(at);
    const next: { readonly record: ImageRecord; readonly parent: Image } | undefined = await parentOf({ store }, at, diffIds, options);
    if (!next) break;
    const step = newestStep(rows, next.parent);
    if (step > 0 && !found.has(step)) found.set(step, { id: next.record.target.digest, tags: tagsOf(next.record) });
    at = next.parent.descriptor.digest;
  }
  return found;
}

/** The best known parent whose layers are the lowest of these. Of an index and an image that is one of its platforms, the image. */
async function parentOf(
  { store }: Pick<Host, 'store'>,
  manifest: Digest,
  diffIds: readonly Digest[],
  options: Operation,
): Promise<{ readonly record: ImageRecord; readonly parent: Image } | undefined> {
  const [first, ...others] = await store.parents(manifest);
  if (!first) return undefined;
  const records: ImageRecord[] = [];
  for (const { image, how } of [first, ...others]) {
    const record = how === first.how ? await store.image(image) : undefined;
    if (record) records.push(record);
  }
  const isIndex = ({ platforms, target }: ImageRecord): boolean => platforms.every(({ manifest: { digest } }) => digest !== target.digest);
  for (const record of records.toSorted((a, b) => Number(isIndex(a)) - Number(isIndex(b)))) {
    const platform = record.platforms.find((one) => one.diffIds.every((diffId, place) => diffId === diffIds[place]));
    if (!platform) continue;
    try {
      return { record, parent: await Image.open(store, platform.manifest, options) };
    } catch (error) {
      // Damaged or swept meanwhile, it ends the list of what is known.
      if (!isImageError(error) || error.code === 'canceled') throw error;
    }
  }
  return undefined;
}

/** Which of the rows was the newest when the parent was made: by the parent's own steps where the rows begin with them, else by its newest layer. 0 where it cannot be told. */
function newestStep(rows: readonly HistoryRow[], parent: Image): number {
  const own = parent.history;
  const at = rows.length - own.length;
  const same = (one: HistoryRow | undefined, other: HistoryRow | undefined) =>
    one?.created === other?.created && one?.created_by === other?.created_by && one?.comment === other?.comment;
  if (own.length > 0 && at > 0 && own.every((row, index) => same(row, rows[at + index]))) return at;
  let left = rows.filter(({ layer }) => layer).length;
  for (const [index, { layer }] of rows.entries()) {
    if (!layer) continue;
    if (left === parent.layers.length) return index;
    left--;
  }
  return 0;
}

function tagsOf(record: ImageRecord | undefined): readonly string[] {
  return (record?.names ?? []).map(({ reference }) => familiar(reference));
}
