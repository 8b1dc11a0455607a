import { platformMatch, hostPlatform, type Platform } from '../model/platform.ts';
import { canonical, familiarName } from '../model/reference.ts';
import type { ImageRecord, PlatformRecord } from '../store/image-record.ts';
import type { Host } from './host.ts';
import { createdAt, imageFilter, listKeys, matchesReference, type FilterTerm } from './image-filter.ts';

export interface ListOptions {
  readonly filters?: readonly FilterTerm[];
  /** Also artifacts without a name that speak of something else here, such as the signature that another tool attached to an image: they are the image's, and go with it. */
  readonly all?: boolean;
}

/** The images of the store, one for each that a name points at or pointed at, newest first; with a `reference` filter only the names that it is about. */
export async function list(host: Pick<Host, 'store' | 'now'>, options: ListOptions = {}): Promise<readonly ImageRecord[]> {
  const { filters = [] } = options;
  const keep = await imageFilter(host.store, filters, listKeys, host.now());
  const patterns = filters.filter(({ key }) => key === 'reference').map(({ value }) => value);
  const aged: { readonly image: ImageRecord; readonly age: number }[] = [];
  for (const image of await host.store.images()) {
    if (!keep(image) || (!options.all && isNamelessArtifact(image) && (await host.store.subjectOf(image.target.digest)) !== undefined))
      continue;
    aged.push({ image: withNames(image, patterns), age: createdAt(image) });
  }
  // Of one age: by name, so that the tags of a repository stand together.
  const name = ({ names, target }: ImageRecord): string => (names[0] ? canonical(names[0].reference) : target.digest);
  return aged.sort((a, b) => b.age - a.age || (name(a.image) < name(b.image) ? -1 : 1)).map(({ image }) => image);
}

/** What another tool may have attached to something. Asked of each of thousands: the store is, of these alone. */
function isNamelessArtifact({ names, platforms, artifactType }: ImageRecord): boolean {
  return names.length === 0 && platforms.length === 0 && artifactType !== undefined;
}

function withNames(image: ImageRecord, patterns: readonly string[]): ImageRecord {
  if (patterns.length === 0) return image;
  const names = image.names.filter(({ reference }) => patterns.some((pattern) => matchesReference(pattern, reference)));
  if (names.length === image.names.length) return image;
  const repositories = names.map(({ reference }) => familiarName(reference));
  // Of another repository docker's client would make a row of its own.
  const repoDigests = image.repoDigests.filter((digest) => repositories.includes(digest.replace(/@.*/, '')));
  const { target, platforms, size, unpacked, added, artifactType } = image;
  return { target, names, repoDigests, platforms, size, unpacked, added, ...(artifactType === undefined ? {} : { artifactType }) };
}

/** The platform of an image that a list speaks of: the one asked for or this machine's where it is here, else the first. Undefined for an artifact. */
export function shownPlatform(image: ImageRecord, asked?: Platform): PlatformRecord | undefined {
  if (image.platforms.length === 1) return image.platforms[0];
  const wanted = asked ?? hostPlatform();
  let best: { record: PlatformRecord; score: number } | undefined;
  for (const record of image.platforms) {
    const score = record.platform ? platformMatch(wanted, record.platform) : 0;
    if (!best || score > best.score) best = { record, score };
  }
  return best?.record;
}
