import { baseReference, normalizePublisher, publisherSource, type PublisherSource } from '../model/base-identity.ts';
import { compareBaseVersions, parseBaseVersion, readBaseVersion } from '../model/base-version.ts';
import { shortId, type Digest } from '../model/digest.ts';
import { readIdentity, type Identity } from '../model/identity.ts';
import { familiar, familiarName } from '../model/reference.ts';
import { hasWildcard, wildcard } from '../model/wildcard.ts';
import type { ImageTraits } from '../store/image-identity.ts';
import type { ImageRecord, PlatformRecord } from '../store/image-record.ts';
import type { Relation } from '../store/relation.ts';
import type { Host } from './host.ts';
import { imageTree, type TreeNode } from './image-tree.ts';
import { shownPlatform } from './list.ts';

/** An image of the store as the cmdlets know it: by what it calls itself, and by what it was made from. */
export interface ContainerImage extends Identity {
  readonly digest: Digest;
  /** Absent where it is in no list any more, and only held by what was made from it. */
  readonly record?: ImageRecord;
  /** The platform that speaks for it. */
  readonly platform?: PlatformRecord;
  /** How its publisher is known; undefined where there is none. */
  readonly publisherSource: PublisherSource | undefined;
  /** A base: it stands on nothing here, names no base that is absent, and was not built. */
  readonly isOsImage: boolean;
  /** The best known of those that it was made from. */
  readonly parent?: ContainerImage;
  readonly parentKnownBy?: Relation['how'];
  /** Docker's names for it. */
  readonly references: readonly string[];
}

export interface ContainerImageQuery {
  /** Whatever the case, with wildcards. */
  readonly name?: string | undefined;
  /** As `name`; `Demo` is `CN=Demo`. */
  readonly publisher?: string | undefined;
  /** Filled up to four parts. */
  readonly version?: string | undefined;
  /** Only what was made from this image. */
  readonly childOf?: Digest | undefined;
  /** Only this image. */
  readonly digest?: Digest | undefined;
}

/**
 * The images of the store, one for each and not for each of its names; artifacts are none. First what was made here or elsewhere from others, then the bases, each by name,
 * and of one name the newest version first. @throws ImageError `invalid-argument` for a wildcard or a version that is none
 */
export async function containerImages(host: Pick<Host, 'store'>, query: ContainerImageQuery = {}): Promise<readonly ContainerImage[]> {
  const keep = await imageTest(host, query);
  const traits = await host.store.traits();
  const found: { readonly image: ContainerImage; readonly key: string }[] = [];
  /** The images above the node, by depth. */
  const above: ContainerImage[] = [];
  for (const node of await imageTree(host)) {
    const { depth, relation } = node;
    const image = identified(node, traits, depth > 0 && relation ? { image: above[depth - 1], how: relation.how } : undefined);
    above[depth] = image;
    above.length = depth + 1;
    if (!node.again && node.image && node.image.artifactType === undefined && keep(image))
      found.push({ image, key: image.name.toLowerCase() });
  }
  return found
    .sort(
      (one, other) =>
        Number(one.image.isOsImage) - Number(other.image.isOsImage) ||
        compare(one.key, other.key) ||
        compareBaseVersions(other.image.version, one.image.version) ||
        compare(one.image.publisher, other.image.publisher) ||
        compare(one.image.digest, other.image.digest),
    )
    .map(({ image }) => image);
}

function compare(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}

async function imageTest(host: Pick<Host, 'store'>, query: ContainerImageQuery): Promise<(image: ContainerImage) => boolean> {
  const { name, publisher, version, childOf, digest } = query;
  const isName = name === undefined ? undefined : textTest(name);
  const isPublisher = publisher === undefined ? undefined : publisherTest(publisher);
  const wanted = version === undefined ? undefined : parseBaseVersion(version);
  const children = childOf === undefined ? undefined : new Set((await host.store.children(childOf)).map(({ image }) => image));
  return (image) =>
    (digest === undefined || image.digest === digest) &&
    (isName === undefined || isName(image.name)) &&
    (isPublisher === undefined || isPublisher(image.publisher)) &&
    (wanted === undefined || image.version === wanted) &&
    (children === undefined || children.has(image.digest));
}

function textTest(pattern: string): (text: string) => boolean {
  if (hasWildcard(pattern)) return wildcard(pattern);
  const wanted = pattern.toLowerCase();
  return (text) => text.toLowerCase() === wanted;
}

function publisherTest(pattern: string): (text: string) => boolean {
  if (!hasWildcard(pattern)) return textTest(normalizePublisher(pattern));
  const [whole, bare] = [wildcard(pattern), wildcard(normalizePublisher(pattern))];
  return (text) => whole(text) || bare(text);
}

function identified(
  { digest, image }: Pick<TreeNode, 'digest' | 'image'>,
  traits: ReadonlyMap<Digest, ImageTraits>,
  made: { readonly image: ContainerImage | undefined; readonly how: Relation['how'] } | undefined,
): ContainerImage {
  const platform = image && shownPlatform(image);
  const parent = made?.image;
  const own = traits.get(digest);
  const inner = platform && platform.manifest.digest !== digest ? traits.get(platform.manifest.digest) : undefined;
  const annotations = inner?.annotations ? { ...inner.annotations, ...own?.annotations } : own?.annotations;
  const namesBase = annotations?.['org.opencontainers.image.base.digest'] !== undefined || annotations?.[baseName] !== undefined;
  const built = inner?.built ?? own?.built ?? false;
  return {
    ...identityOf(digest, image, { recorded: own?.identity ?? inner?.identity, annotations, labels: ownLabels(platform, parent) }),
    digest,
    ...(image ? { record: image } : {}),
    ...(platform ? { platform } : {}),
    isOsImage: !parent && !namesBase && !built && platform !== undefined,
    ...(made && parent ? { parent, parentKnownBy: made.how } : {}),
    references: (image?.names ?? []).map(({ reference }) => familiar(reference)),
  };
}

const baseName = 'org.opencontainers.image.base.name';

/** Labels go from an image to all that is made from it: where they are the parent's they say nothing of this one. */
function ownLabels(platform: PlatformRecord | undefined, parent: ContainerImage | undefined): Readonly<Record<string, string>> | undefined {
  const labels = platform?.labels;
  if (!labels || !parent) return labels;
  const [own, inherited] = [readIdentity(labels), readIdentity(parent.platform?.labels)];
  const same = own.name === inherited.name && own.publisher === inherited.publisher && own.version === inherited.version;
  return same ? undefined : labels;
}

interface Sayings {
  readonly recorded: ImageTraits['identity'];
  readonly annotations: Readonly<Record<string, string>> | undefined;
  readonly labels: Readonly<Record<string, string>> | undefined;
}

/**
 * What was recorded when it was installed goes first, then what the image says of itself, as far as one of its names goes with that. Else it is docker's: its name is the
 * repository, its version the tag if that is one, else what a label says.
 */
function identityOf(
  digest: Digest,
  image: ImageRecord | undefined,
  { recorded, annotations, labels }: Sayings,
): Identity & Pick<ContainerImage, 'publisherSource'> {
  if (recorded) {
    const { name, publisher, version, source } = recorded;
    return { name, publisher, version: readBaseVersion(version) ?? '', publisherSource: source };
  }
  const said = readIdentity(annotations, labels);
  const publisher = normalizePublisher(said.publisher);
  const by = { publisher, publisherSource: publisherSource({ ...said, publisher }, annotations) };
  const version = readBaseVersion(said.version) ?? '';
  if (said.name !== '' && (by.publisherSource !== undefined && by.publisherSource !== 'image' ? true : goesBy(image, said)))
    return { name: said.name, version, ...by };
  const references = (image?.names ?? []).map(({ reference }) => reference);
  const [first] = references;
  if (!first) return { name: image ? '<none>' : said.name || shortId(digest), version, ...by };
  const tagged = references.find(({ tag }) => tag !== undefined && readBaseVersion(tag) !== undefined);
  return { name: familiarName(tagged ?? first), version: readBaseVersion(tagged?.tag ?? '') ?? version, ...by };
}

/** Whether the names that cmdlets give an image of this identity have stayed with it. */
function goesBy(image: ImageRecord | undefined, identity: Identity): boolean {
  const expected = [baseReference(identity), baseReference(identity, true)].flatMap((reference) =>
    reference ? [familiar(reference)] : [],
  );
  return image?.names.some(({ reference }) => expected.includes(familiar(reference))) ?? true;
}
