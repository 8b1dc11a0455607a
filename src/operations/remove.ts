import { ImageError, isImageError } from '../errors.ts';
import { canceled } from '../io/concurrently.ts';
import type { Operation } from '../io/operation.ts';
import { shortId, type Digest } from '../model/digest.ts';
import { formatPlatform, platformMatch, type Platform } from '../model/platform.ts';
import { familiar, repositoryName, type Reference } from '../model/reference.ts';
import type { FoundImage, ImageRecord } from '../store/image-record.ts';
import type { Host } from './host.ts';

export interface RemoveOptions extends Operation {
  /** Removes an image by its id though names of several repositories point at it; and platforms of an image. */
  readonly force?: boolean | undefined;
  /** Removes only these platforms of it. */
  readonly platforms?: readonly Platform[];
  /** Says what would be done, by the same plan, and does nothing. */
  readonly dryRun?: boolean | undefined;
}

export interface Removed {
  /** Names that are gone. */
  readonly untagged: readonly Reference[];
  /** Images that are gone. */
  readonly deleted: readonly Digest[];
  /** Bytes that the disk got back. */
  readonly bytes: number;
}

/**
 * Removes a name, and the image with its last name, by docker's table (rmi). A refusal changes nothing.
 * The names go first, then content that nothing else holds.
 */
export async function remove(host: Pick<Host, 'store'>, name: string, options: RemoveOptions = {}): Promise<Removed> {
  if (options.signal?.aborted) throw canceled(options.signal.reason);
  const found = await host.store.find(name);
  const { digest } = found.root;
  const image = await host.store.image(digest);
  if (options.platforms?.length) {
    if (!image) throw new ImageError('not-found', `No such image: ${name}`);
    return removePlatforms(host, image, options.platforms, options);
  }
  // In no list, and shown by a repository all the same: what was pushed by its digest, or has lost its tag to another.
  const { names } = image ?? { names: [] };
  const untagged = image ? namesToRemove(found, image, options) : [];
  if (untagged.length < names.length) {
    if (!options.dryRun) for (const reference of untagged) await host.store.untag(reference, { verb: 'rmi' });
    return { untagged, deleted: [], bytes: 0 };
  }
  const roots = [digest, ...names.flatMap(({ origin }) => origin?.digest ?? [])];
  const deleted = [digest];
  if (options.dryRun) return { untagged, deleted, bytes: (await host.store.sweep({ dryRun: true, roots, forgotten: [{ digest }] })).bytes };
  try {
    await host.store.forget(digest, { verb: 'rmi', names: untagged });
  } catch (error) {
    // Somebody has just given it one more name, which nobody asked to remove.
    if (isImageError(error, 'conflict')) return remove(host, name, options);
    throw error;
  }
  const { bytes } = await host.store.sweep({ signal: options.signal, roots });
  return { untagged, deleted, bytes };
}

function namesToRemove(found: FoundImage, image: ImageRecord, options: RemoveOptions): readonly Reference[] {
  const all = image.names.map(({ reference }) => reference);
  if (found.name) return [found.name.reference];
  const repositories = new Set(all.map(repositoryName));
  if (repositories.size > 1 && !options.force)
    throw new ImageError(
      'conflict',
      `conflict: unable to delete ${shortId(image.target.digest)} (must be forced) - image is referenced in multiple repositories`,
      {
        hint: `It is ${all.map(familiar).join(', ')}: remove the names one by one, or force it.`,
        detail: { names: all.map(familiar) },
      },
    );
  return all;
}

/**
 * Takes platforms out of an image. Where one is left, the names point at it and the index stays their origin, as if it alone had been pulled;
 * where none is left, the image goes. An index never stays with some of its platforms missing: what the store has is complete.
 */
async function removePlatforms(
  host: Pick<Host, 'store'>,
  image: ImageRecord,
  platforms: readonly Platform[],
  options: RemoveOptions,
): Promise<Removed> {
  if (!options.force && !options.dryRun)
    throw new ImageError(
      'invalid-argument',
      'Content will be removed from all images referencing this variant. Use --force to force delete.',
    );
  const gone = image.platforms.filter(({ platform }) => platform && platforms.some((wanted) => platformMatch(wanted, platform) > 0));
  for (const wanted of platforms)
    if (!gone.some(({ platform }) => platform && platformMatch(wanted, platform) > 0))
      throw new ImageError('platform-not-found', `image does not provide the specified platform (${formatPlatform(wanted)})`);
  const left = image.platforms.filter((record) => !gone.includes(record));
  const [only, ...others] = left;
  if (others.length > 0)
    throw new ImageError('unsupported', `${left.length} platforms would be left, and an index is kept whole`, {
      hint: `Keep one: there is ${left.map(({ platform }) => (platform ? formatPlatform(platform) : 'unknown')).join(', ')}.`,
    });
  const deleted = gone.map(({ manifest }) => manifest.digest);
  const untagged = only ? [] : image.names.map(({ reference }) => reference);
  const { digest } = image.target;
  const instead = only?.manifest;
  const roots = [digest, ...image.names.flatMap(({ origin }) => origin?.digest ?? [])];
  if (options.dryRun)
    return { untagged, deleted, bytes: (await host.store.sweep({ dryRun: true, roots, forgotten: [{ digest, instead }] })).bytes };
  await host.store.forget(digest, { verb: 'rmi', names: 'all', instead });
  return { untagged, deleted, bytes: (await host.store.sweep({ signal: options.signal, roots })).bytes };
}
