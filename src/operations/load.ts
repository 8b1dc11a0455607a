import { copy } from '../content/copy.ts';
import { openArchive } from '../content/open-archive.ts';
import { selectPlatform, type Selection } from '../content/select-platform.ts';
import type { Archive, ArchiveEntry } from '../content/archive.ts';
import { ImageError, isImageError } from '../errors.ts';
import type { Operation } from '../io/operation.ts';
import type { Descriptor } from '../model/descriptor.ts';
import { formatPlatform, hostPlatform, platformMatch, type Platform } from '../model/platform.ts';
import { canonical, parseReference, withDefaultTag, type Reference } from '../model/reference.ts';
import type { Host } from './host.ts';

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
  const loaded: (Loaded & { origin: Descriptor })[] = [];
  for (const entry of archive.entries) {
    const selection = await select(archive, entry, options);
    if (!selection) continue;
    for (const index of selection.path)
      await ingest.write(index, (offset) => archive.open(index, { signal: options.signal, offset }), {
        signal: options.signal,
        sparse: true,
      });
    await copy(archive, selection.root, ingest, options);
    const names = entry.names.map((name) => withDefaultTag(parseReference(name)));
    loaded.push({
      root: selection.root,
      origin: entry.target,
      names,
      missing: selection.root.digest === entry.target.digest ? [] : entry.missing,
      isMade: entry.isMade,
    });
  }
  if (loaded.length === 0) throw wrongPlatform(archive, options.platform);
  for (const { root, names, origin } of loaded) {
    for (const name of names) await ingest.tag(root, canonical(name), { origin });
    if (names.length === 0) await ingest.keep(root);
  }
  return loaded;
}

/** The whole image where it is all there; else its best platform among those that are. Undefined where it lacks the platform that was asked for. */
async function select(archive: Archive, entry: ArchiveEntry, options: LoadOptions): Promise<Selection | undefined> {
  if (options.platform) {
    try {
      return await selectPlatform(archive, entry.target, options);
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
  const names = archive.entries.flatMap((entry) => entry.names);
  return new ImageError(
    'platform-not-found',
    `images [${names.join(', ')}] were loaded, but don't provide the requested platform${platform ? ` (${formatPlatform(platform)})` : ''}`,
  );
}
