import { platformMatch, hostPlatform, type Platform } from '../model/platform.ts';
import type { ImageRecord, PlatformRecord } from '../store/image-record.ts';
import type { Host } from './host.ts';
import { createdAt, imageFilter, listKeys, type FilterTerm } from './image-filter.ts';

export interface ListOptions {
  readonly filters?: readonly FilterTerm[];
}

/** The images of the store, one for each that a name points at or pointed at, newest first. */
export async function list(host: Pick<Host, 'store' | 'now'>, options: ListOptions = {}): Promise<readonly ImageRecord[]> {
  const { filters = [] } = options;
  const keep = await imageFilter(host.store, filters, listKeys, host.now());
  const images = (await host.store.images()).filter(keep);
  const ages = new Map(images.map((image) => [image, createdAt(image)]));
  return images.toSorted((a, b) => (ages.get(b) ?? 0) - (ages.get(a) ?? 0) || (a.target.digest < b.target.digest ? -1 : 1));
}

/** The platform of an image that a list speaks of: the one asked for or this machine's where it is here, else the first. Undefined for an artifact. */
export function shownPlatform(image: ImageRecord, wanted: Platform = hostPlatform()): PlatformRecord | undefined {
  if (image.platforms.length === 1) return image.platforms[0];
  let best: { record: PlatformRecord; score: number } | undefined;
  for (const record of image.platforms) {
    const score = record.platform ? platformMatch(wanted, record.platform) : 0;
    if (!best || score > best.score) best = { record, score };
  }
  return best?.record;
}
