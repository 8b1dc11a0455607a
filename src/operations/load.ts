import { copy } from '../content/copy.ts';
import { openArchive } from '../content/open-archive.ts';
import { selectPlatform } from '../content/select-platform.ts';
import { ImageError, isImageError } from '../errors.ts';
import type { Operation } from '../io/operation.ts';
import type { Descriptor } from '../model/descriptor.ts';
import { formatPlatform, type Platform } from '../model/platform.ts';
import { canonical, parseReference, withDefaultTag, type Reference } from '../model/reference.ts';
import type { Host } from './host.ts';

export interface LoadOptions extends Operation {
  readonly platform?: Platform | undefined;
}

export interface Loaded {
  readonly root: Descriptor;
  readonly names: readonly Reference[];
}

/**
 * Brings the images of an archive into the store, an OCI layout or a docker archive, packed or not. A file that can be read at any place is read there;
 * a stream is poured into the store as it comes. Names are given when everything is there.
 */
export async function load(host: Pick<Host, 'store'>, from: string | AsyncIterable<Uint8Array>, options: LoadOptions = {}): Promise<readonly Loaded[]> {
  await using ingest = await host.store.begin({ verb: 'load', signal: options.signal });
  await using archive = await openArchive(from, { ...options, pour: ingest });
  const loaded: Loaded[] = [];
  for (const entry of archive.entries) {
    const names = entry.names.map((name) => withDefaultTag(parseReference(name)));
    try {
      const { root, path } = await selectPlatformOf(archive, entry.target, options);
      for (const index of path) await ingest.write(index, (offset) => archive.open(index, { ...options, offset }), { signal: options.signal, sparse: true });
      await copy(archive, root, ingest, options);
      loaded.push({ root, names });
    } catch (error) {
      if (!options.platform || !isImageError(error, 'platform-not-found')) throw error;
    }
  }
  if (loaded.length === 0)
    throw new ImageError('platform-not-found', `images [${archive.entries.flatMap(({ names }) => names).join(', ')}] were loaded, but don't provide the requested platform${options.platform ? ` (${formatPlatform(options.platform)})` : ''}`);
  for (const { root, names } of loaded) {
    for (const name of names) await ingest.tag(root, canonical(name));
    if (names.length === 0) await ingest.keep(root);
  }
  return loaded;
}

async function selectPlatformOf(archive: Parameters<typeof selectPlatform>[0], target: Descriptor, options: LoadOptions) {
  return options.platform ? selectPlatform(archive, target, options) : { root: target, path: [] };
}
