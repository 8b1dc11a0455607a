import { Image } from '../content/image.ts';
import { openArchive } from '../content/open-archive.ts';
import { selectPlatform, type Selection } from '../content/select-platform.ts';
import type { Archive, ArchiveEntry } from '../content/archive.ts';
import { ImageError, isImageError } from '../errors.ts';
import { Slots, together, throwIfCanceled } from '../io/concurrently.ts';
import type { Operation } from '../io/operation.ts';
import type { Descriptor } from '../model/descriptor.ts';
import { isImageManifestType } from '../model/media-types.ts';
import { formatPlatform, hostPlatform, platformMatch, type Platform } from '../model/platform.ts';
import { canonical, familiar, parseReference, withDefaultTag, type Reference } from '../model/reference.ts';
import type { Ingest } from '../store/ingest.ts';
import type { Host } from './host.ts';
import { keepSelection } from './keep-selection.ts';

/** So that many small images share their commits. */
const imagesAtOnce = 16;

export interface LoadOptions extends Operation {
  readonly platform?: Platform | undefined;
}

export interface Loaded {
  readonly root: Descriptor;
  readonly names: readonly Reference[];
  /** What the archive names of this image and does not hold: platforms that were left out when it was saved. */
  readonly missing: readonly Descriptor[];
  /** The archive had no manifest; one was made, and its digest is not the registry's. */
  readonly isMade: boolean;
}

/**
 * Brings the images of an archive into the store, an OCI layout or a docker archive, packed or not. A file that can be read at any place is read there;
 * a stream is poured into the store as it comes. Names are given when everything is there.
 */
export async function load(
  host: Pick<Host, 'store'>,
  from: string | AsyncIterable<Uint8Array>,
  options: LoadOptions = {},
): Promise<readonly Loaded[]> {
  await using ingest = await host.store.begin({ verb: 'load', signal: options.signal });
  await using archive = await openArchive(from, { signal: options.signal, pour: ingest });
  const slots = new Slots(imagesAtOnce);
  const tried = await together(options.signal, (scope) =>
    scope.all(archive.entries.map((entry) => slots.run(() => loadEntry(archive, entry, ingest, { ...options, signal: scope.signal })))),
  );
  const loaded = tried.filter((entry) => entry !== undefined);
  if (loaded.length === 0) throw wrongPlatform(archive, options.platform);
  // Names that are given together share one commit.
  await Promise.all(
    loaded.flatMap(({ root, names, origin }) =>
      names.length === 0 ? [ingest.keep(root)] : names.map((name) => ingest.tag(root, canonical(name), { origin })),
    ),
  );
  return loaded;
}

/** Undefined where the image lacks the platform that was asked for. */
async function loadEntry(
  archive: Archive,
  entry: ArchiveEntry,
  ingest: Ingest,
  options: LoadOptions,
): Promise<(Loaded & { origin: Descriptor }) | undefined> {
  throwIfCanceled(options.signal);
  const selection = await select(archive, entry, options);
  if (!selection) return undefined;
  await keepSelection(archive, selection, ingest, options);
  return {
    root: selection.root,
    origin: entry.target,
    names: entry.names.map((name) => withDefaultTag(parseReference(name))),
    missing: selection.root.digest === entry.target.digest ? [] : entry.missing,
    isMade: entry.isMade,
  };
}

/** The whole image where it is all there; else its best platform among those that are. Undefined where it lacks the platform that was asked for. */
async function select(archive: Archive, entry: ArchiveEntry, options: LoadOptions): Promise<Selection | undefined> {
  if (options.platform) {
    try {
      const selection = await selectPlatform(archive, entry.target, options);
      if (selection.path.length > 0 || !isImageManifestType(entry.target.mediaType)) return selection;
      // What stands alone says in its config what it is for.
      const own = (await Image.open(archive, entry.target, options)).config?.platform;
      return own && platformMatch(options.platform, own) === 0 ? undefined : selection;
    } catch (error) {
      if (isImageError(error, 'platform-not-found')) return undefined;
      throw error;
    }
  }
  if (entry.missing.length === 0) return { root: entry.target, path: [] };
  const score = ({ platform }: Descriptor) => (platform ? platformMatch(hostPlatform(), platform) : 0);
  const [best] = entry.whole.toSorted((a, b) => score(b) - score(a));
  if (best) return { root: best, path: [entry.target] };
  throw new ImageError(
    'incomplete',
    `${entry.names[0] ?? entry.target.digest} is not whole: the archive lacks ${entry.missing.map(({ digest }) => digest).join(', ')}`,
    {
      hint: 'Save the image again where all of it is there.',
      detail: { missing: entry.missing.map(({ digest }) => digest) },
    },
  );
}

function wrongPlatform(archive: Archive, platform: Platform | undefined): ImageError {
  const [only = '', ...more] = archive.entries.flatMap((entry) => entry.names.map((name) => familiar(parseReference(name))));
  const which = more.length > 0 ? `images [${[only, ...more].join(', ')}] were loaded, but don't` : `image ${only} was loaded, but doesn't`;
  return new ImageError('platform-not-found', `${which} provide the requested platform${platform ? ` (${formatPlatform(platform)})` : ''}`);
}
