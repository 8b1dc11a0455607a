import type { ImageSource } from '../content/image-source.ts';
import type { Repository } from '../content/repository.ts';
import { Image } from '../content/image.ts';
import { selectPlatform } from '../content/select-platform.ts';
import { isImageError } from '../errors.ts';
import { Slots, together } from '../io/concurrently.ts';
import type { Operation } from '../io/operation.ts';
import { readVerified } from '../io/verified.ts';
import { readBaseVersion } from '../model/base-version.ts';
import type { Descriptor } from '../model/descriptor.ts';
import { maxManifestBytes, parseManifest } from '../model/manifest.ts';
import { isIndexType } from '../model/media-types.ts';
import { hostPlatform } from '../model/platform.ts';
import { parseReference, type Reference } from '../model/reference.ts';
import type { Registries } from '../remote/registries.ts';
import { repositoryIn, type RegistrySource, type SourceRepository } from './catalog-source.ts';
import type { FoundBaseImage } from './found-image.ts';

/** Tags that are no versions are looked into to find which version they mean now: so many of a repository, whatever its number of tags. */
const maxLookedInto = 12;
/** Versions that are shown with their size, date and words, which only their manifests know. */
const maxDescribed = 24;
const requestsAtOnce = 6;

/** One version in a repository. */
interface TaggedVersion {
  readonly version: string;
  readonly tag: string;
  /** Of the index's entry. */
  readonly osVersion?: string;
}

/**
 * The versions of base images in a source's repository: a tag of two to four numbers is one, and so is the `os.version` of what other tags point at, of which a few are
 * asked. Thousands of tags cost no thousand requests.
 * @throws ImageError `not-found` for a repository that is not there, `unavailable` …
 */
export async function readRegistry(
  source: RegistrySource,
  entry: SourceRepository,
  registries: Pick<Registries, 'repository'>,
  operation: Operation = {},
): Promise<readonly FoundBaseImage[]> {
  const reference = parseReference(repositoryIn(source.location, entry.repository));
  const repository = registries.repository(reference);
  const tags = await repository.tags({}, operation);
  const versions = new Map<string, TaggedVersion>();
  const keep = (found: TaggedVersion) => versions.has(found.version) || versions.set(found.version, found);
  // Whole versions first: `10.0.14393.0` says it better than `10.0.14393`.
  for (const tag of tags.toSorted((one, other) => other.split('.').length - one.split('.').length)) {
    const version = tag.includes('.') ? readBaseVersion(tag) : undefined;
    if (version !== undefined) keep({ version, tag });
  }
  const moving = movingTags(tags);
  const slots = new Slots(requestsAtOnce);
  const looked = await together(operation.signal, (scope) =>
    scope.all(moving.map((tag) => slots.run(() => versionsOfTag(repository, tag, { signal: scope.signal })))),
  );
  for (const found of looked.flat()) keep(found);
  return [...versions.values()].map(({ version, tag, osVersion }) => ({
    name: entry.name,
    version,
    publisher: source.publisher ?? '',
    description: entry.description ?? '',
    source: source.name,
    signature: 'unsigned' as const,
    content: { kind: 'registry' as const, reference: { ...reference, tag }, ...(osVersion === undefined ? {} : { osVersion }) },
  }));
}

/** Tags that are no versions, the likeliest to be the newest first; without those that are another's with an architecture or an update behind a hyphen. */
function movingTags(tags: readonly string[]): readonly string[] {
  const all = new Set(tags);
  const isVersion = (tag: string) => tag.includes('.') && readBaseVersion(tag) !== undefined;
  const isVariant = (tag: string) =>
    [...tag.matchAll(/-/g)].some(({ index }) => {
      const before = tag.slice(0, index);
      return all.has(before) || isVersion(before);
    });
  const rank = (tag: string) => (tag === 'latest' ? 0 : tag.startsWith('ltsc') ? 1 : 2);
  return tags
    .filter((tag) => !isVersion(tag) && !isVariant(tag))
    .toSorted((one, other) => rank(one) - rank(other) || other.localeCompare(one, 'en', { numeric: true }))
    .slice(0, maxLookedInto);
}

/** Which versions a tag stands for. A tag that is not of an image, or that went meanwhile, stands for none. */
async function versionsOfTag(repository: Repository, tag: string, operation: Operation): Promise<readonly TaggedVersion[]> {
  try {
    const target = await repository.resolve(tag, operation);
    if (isIndexType(target.mediaType)) {
      const versions = await versionsOfIndex(repository, target, operation);
      if (versions.length > 0) return versions.map((osVersion) => ({ version: readBaseVersion(osVersion) ?? '', tag, osVersion }));
    }
    const { root } = await selectPlatform(repository, target, operation);
    const image = await Image.open(repository, root, operation);
    const version = readBaseVersion(image.config?.platform?.['os.version'] ?? '') ?? readBaseVersion(image.identity.version);
    return version === undefined ? [] : [{ version, tag }];
  } catch (error) {
    if (isImageError(error, 'manifest-unknown', 'not-found', 'platform-not-found', 'invalid-content', 'blob-unknown')) return [];
    throw error;
  }
}

/** Of this machine's architecture, else of any. */
async function versionsOfIndex(repository: Repository, target: Descriptor, operation: Operation): Promise<readonly string[]> {
  const bytes = await readVerified(() => repository.open(target, operation), target, maxManifestBytes);
  const index = parseManifest(bytes, target.mediaType);
  if (index.kind !== 'index') return [];
  const entries = index.manifests.flatMap(({ platform }) =>
    platform?.['os.version'] !== undefined && readBaseVersion(platform['os.version']) !== undefined
      ? [{ version: platform['os.version'], architecture: platform.architecture }]
      : [],
  );
  const own = entries.filter(({ architecture }) => architecture === hostPlatform().architecture);
  return (own.length > 0 ? own : entries).map(({ version }) => version);
}

/**
 * The same images with what their manifests and configs say: when they were made, how large they are packed, who publishes them. Only a few are asked; what cannot be
 * read stays as it is, as it is there all the same.
 */
export async function describeImages(
  images: readonly FoundBaseImage[],
  registries: Pick<Registries, 'repository'>,
  operation: Operation = {},
): Promise<readonly FoundBaseImage[]> {
  if (images.filter(({ content }) => content.kind === 'registry').length > maxDescribed) return images;
  const slots = new Slots(requestsAtOnce);
  return together(operation.signal, (scope) =>
    scope.all(images.map((image) => slots.run(() => describe(image, registries, { signal: scope.signal })))),
  );
}

async function describe(found: FoundBaseImage, registries: Pick<Registries, 'repository'>, operation: Operation): Promise<FoundBaseImage> {
  if (found.content.kind !== 'registry' || found.size !== undefined) return found;
  try {
    const image = await openFound(found.content, registries, operation);
    const created = new Date(image.config?.created ?? '');
    const said = { ...image.config?.config.Labels, ...image.manifest.annotations };
    return {
      ...found,
      size: image.size,
      publisher: found.publisher || image.identity.publisher,
      description: found.description || (said['org.opencontainers.image.description'] ?? '').slice(0, 4000),
      ...(Number.isNaN(created.getTime()) ? {} : { published: created }),
    };
  } catch (error) {
    if (isImageError(error) && error.code !== 'canceled') return found;
    throw error;
  }
}

async function openFound(
  content: { readonly reference: Reference; readonly osVersion?: string },
  registries: Pick<Registries, 'repository'>,
  operation: Operation,
): Promise<Image> {
  const repository = registries.repository(content.reference);
  const origin = await repository.resolve(content.reference.digest ?? content.reference.tag ?? 'latest', operation);
  const { root } = await chooseImage(repository, origin, content, operation);
  return Image.open(repository, root, operation);
}

/** What to take of a found image: of a Windows one its version for this machine's architecture, else for any; of another what this machine would run, else the first. */
export async function chooseImage(
  repository: ImageSource,
  origin: Descriptor,
  { osVersion }: { readonly osVersion?: string },
  operation: Operation,
): Promise<{ readonly root: Descriptor; readonly path: readonly Descriptor[] }> {
  const { architecture } = hostPlatform();
  const others = ['amd64', 'arm64'].filter((one) => one !== architecture);
  const version = osVersion === undefined ? {} : { 'os.version': osVersion };
  const wanted = [architecture, ...others].flatMap((one) => [
    { os: 'windows', architecture: one, ...version },
    ...(osVersion === undefined ? [{ os: 'linux', architecture: one }] : []),
  ]);
  for (const platform of wanted)
    try {
      return await selectPlatform(repository, origin, { ...operation, platform });
    } catch (error) {
      if (!isImageError(error, 'platform-not-found')) throw error;
    }
  return selectPlatform(repository, origin, operation);
}
