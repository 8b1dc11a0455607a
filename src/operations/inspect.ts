import { Image } from '../content/image.ts';
import { selectPlatform } from '../content/select-platform.ts';
import { ImageError, isImageError } from '../errors.ts';
import type { Operation } from '../io/operation.ts';
import type { Descriptor } from '../model/descriptor.ts';
import { formatPlatform, platformMatch, type Platform } from '../model/platform.ts';
import { isDigest } from '../model/digest.ts';
import { familiar, parseReference, withDefaultTag } from '../model/reference.ts';
import { zeroTime } from '../model/zero-time.ts';
import type { ImageRecord } from '../store/image-record.ts';
import type { Relation } from '../store/relation.ts';
import type { Host } from './host.ts';

/** The document that `docker image inspect` prints and the Engine API answers, keys and all. */
export interface InspectedImage {
  /** Digest of what the name points at, as in docker's containerd store; of the manifest where a platform was asked for. */
  readonly Id: string;
  readonly RepoTags: readonly string[];
  readonly RepoDigests: readonly string[];
  /** The image that it was made from, where that is recorded or proved. */
  readonly Parent?: string;
  /** All that is known or claimed of what it was made from, the best known first: not in docker's document. */
  readonly Parents?: readonly {
    readonly Id: string;
    readonly How: Relation['how'];
    readonly By: Relation['by'];
    readonly Layers?: number;
  }[];
  readonly Comment?: string;
  readonly Created: string;
  readonly DockerVersion?: string;
  readonly Author?: string;
  readonly Config?: Readonly<Record<string, unknown>>;
  readonly Architecture: string;
  readonly Variant?: string;
  readonly Os: string;
  readonly OsVersion?: string;
  /** What the disk holds for it, in bytes; of the platform alone where one was asked for. */
  readonly Size: number;
  readonly RootFS: { readonly Type: 'layers'; readonly Layers: readonly string[] };
  readonly Metadata: { readonly LastTagTime: string };
  readonly Descriptor: Descriptor;
}

/** @throws ImageError `not-found`, `platform-not-found` */
export async function inspect(
  host: Pick<Host, 'store'>,
  name: string,
  options: Operation & { platform?: Platform | undefined } = {},
): Promise<InspectedImage> {
  const { target } = await host.store.find(name);
  const record = await host.store.image(target.digest);
  const image = await openPlatform(host, name, target, { ...options, called: name });
  const { config, manifest } = image;
  const names = record?.names ?? [];
  const parents = await host.store.parents(image.descriptor.digest);
  const sure = parents.find(({ how }) => how !== 'claimed');
  const last = Math.max(...names.map(({ tagged }) => tagged.getTime()));
  // Docker's: one that was asked for by its platform is that manifest, not the index that the name points at.
  const shown = options.platform ? image.descriptor : target;
  return {
    Id: shown.digest,
    RepoTags: tagsOf(record),
    RepoDigests: record?.repoDigests ?? [],
    ...(sure ? { Parent: sure.image } : {}),
    ...(parents.length > 0
      ? {
          Parents: parents.map(({ image: Id, how: How, by: By, layers }) => ({
            Id,
            How,
            By,
            ...(layers === undefined ? {} : { Layers: layers }),
          })),
        }
      : {}),
    ...(config?.history.at(-1)?.comment
      ? { Comment: config.history.at(-1)?.comment as string }
      : config?.comment
        ? { Comment: config.comment }
        : {}),
    Created: config?.created ?? zeroTime,
    ...(config?.dockerVersion ? { DockerVersion: config.dockerVersion } : {}),
    ...(config?.author ? { Author: config.author } : {}),
    ...(config ? { Config: config.config } : {}),
    Architecture: config?.platform?.architecture ?? '',
    ...(config?.platform?.variant ? { Variant: config.platform.variant } : {}),
    Os: config?.platform?.os ?? '',
    ...(config?.platform?.['os.version'] ? { OsVersion: config.platform['os.version'] } : {}),
    Size:
      record && !options.platform
        ? record.size
        : image.size + (record?.platforms.find(({ manifest: { digest } }) => digest === image.descriptor.digest)?.unpacked ?? 0),
    RootFS: { Type: 'layers', Layers: config ? config.diffIds : manifest.layers.map(({ digest }) => digest) },
    Metadata: { LastTagTime: Number.isFinite(last) ? new Date(last).toISOString() : zeroTime },
    Descriptor: shown,
  };
}

function tagsOf(record: ImageRecord | undefined): readonly string[] {
  return (record?.names ?? []).filter(({ reference }) => reference.tag !== undefined).map(({ reference }) => familiar(reference));
}

/** The image that a name means: of the platform that is asked for, else of this machine's kind, else the first that is here. @param options `called`: what an error calls it; by default its name with its tag. @throws ImageError `platform-not-found`, with docker's text */
export async function openPlatform(
  host: Pick<Host, 'store'>,
  name: string,
  target: Descriptor,
  options: Operation & { platform?: Platform | undefined; called?: string | undefined },
): Promise<Image> {
  const missing = (platform: Platform) =>
    new ImageError(
      'platform-not-found',
      `image with reference ${options.called ?? withTag(name)} was found but does not provide the specified platform (${formatPlatform(platform)})`,
    );
  try {
    const { root } = await selectPlatform(host.store, target, options);
    const image = await Image.open(host.store, root, options);
    const own = image.config?.platform;
    if (options.platform && own && platformMatch(options.platform, own) === 0) throw missing(options.platform);
    return image;
  } catch (error) {
    if (!isImageError(error, 'platform-not-found')) throw error;
    if (options.platform) throw missing(options.platform);
    // None of this machine's kind: the first that is here speaks for the image.
    const first = (await host.store.image(target.digest))?.platforms[0];
    if (!first) throw error;
    return Image.open(host.store, first.manifest, options);
  }
}

/** A name as docker says it, with its tag; an id stays as it is. */
function withTag(name: string): string {
  if (isDigest(name) || /^[0-9a-f]{4,64}$/.test(name)) return name;
  return familiar(withDefaultTag(parseReference(name)));
}
