import { copy } from '../content/copy.ts';
import { successors } from '../content/successors.ts';
import { ImageError, isImageError } from '../errors.ts';
import type { Operation, Progress } from '../io/operation.ts';
import type { Descriptor } from '../model/descriptor.ts';
import type { Digest } from '../model/digest.ts';
import { maxManifestBytes, parseManifest } from '../model/manifest.ts';
import { isManifestType } from '../model/media-types.ts';
import type { Platform } from '../model/platform.ts';
import { canonical, familiar, familiarName, identifier, repositoryName, type Reference } from '../model/reference.ts';
import type { Host } from './host.ts';
import { openPlatform } from './inspect.ts';

export interface PushOptions extends Operation {
  /** Pushes this platform alone, as a single image. */
  readonly platform?: Platform | undefined;
  readonly referrers?: boolean | undefined;
}

export interface Pushed {
  readonly root: Descriptor;
  /** The index that the local image was chosen from, where it was: what the registry gets is this one platform. */
  readonly origin: Descriptor | undefined;
}

/**
 * Copies what a local name points at to the registry of that name, and gives it the name there as the last step.
 * @throws ImageError `not-found` for a name that the store has not; `platform-not-found`; else the registry's own
 */
export async function push(host: Pick<Host, 'store' | 'remote'>, reference: Reference, options: PushOptions = {}): Promise<Pushed> {
  const { target, origin } = await localName(host, reference);
  const root = options.platform ? (await openPlatform(host, familiar(reference), target, options)).descriptor : target;
  const remote = host.remote(reference);
  // What is on its way stays here to the end, whoever takes its names away and prunes.
  await using _held = await host.store.hold([root], { verb: 'push', signal: options.signal });
  const there: Descriptor[] = [];
  const onProgress = (event: Progress): void => {
    if (event.state === 'exists' && isManifestType(event.target.mediaType)) there.push(event.target);
    options.onProgress?.(event);
  };
  await copy(host.store, root, remote, { ...options, onProgress, from: await neighbours(host, reference) });
  // Copy goes no further down than what is there whole; whoever watches a push wants to see each layer.
  if (options.onProgress) for (const target of there) await reportWhole(host, target, options.onProgress);
  if (reference.digest === undefined) await remote.tag(root, identifier(reference), options);
  await host.store.record({ type: 'image', action: 'push', id: familiar(reference), attributes: { name: familiarName(reference) } });
  return { root, origin: origin && origin.digest !== root.digest ? origin : undefined };
}

async function reportWhole(host: Pick<Host, 'store'>, target: Descriptor, onProgress: (event: Progress) => void): Promise<void> {
  const bytes = await host.store.read(target, maxManifestBytes);
  for (const child of successors(parseManifest(bytes, target.mediaType))) {
    if (isManifestType(child.mediaType)) await reportWhole(host, child, onProgress);
    else onProgress({ target: child, state: 'exists' });
  }
}

/** The tags that a repository has here: what `push --all-tags` pushes. @throws ImageError `not-found` */
export async function localTags(host: Pick<Host, 'store'>, reference: Reference): Promise<readonly Reference[]> {
  const names = await host.store.names();
  const here = names.filter((name) => repositoryName(name.reference) === repositoryName(reference) && name.reference.tag !== undefined);
  if (here.length === 0) throw new ImageError('not-found', `An image does not exist locally with the tag: ${familiarName(reference)}`);
  return here.map((name) => name.reference);
}

async function localName(host: Pick<Host, 'store'>, reference: Reference): Promise<{ target: Descriptor; origin: Descriptor | undefined }> {
  const names = await host.store.names();
  const found = names.find((name) => canonical(name.reference) === canonical(reference));
  if (found) return { target: found.target, origin: found.origin };
  if (reference.digest !== undefined) {
    try {
      return { target: await host.store.repository(reference).resolve(reference.digest), origin: undefined };
    } catch (error) {
      if (!isImageError(error, 'not-found', 'manifest-unknown')) throw error;
    }
  }
  const sameRepository = names.some((name) => repositoryName(name.reference) === repositoryName(reference));
  throw new ImageError(
    'not-found',
    sameRepository || reference.tag !== undefined
      ? `tag does not exist: ${familiar(reference)}`
      : `An image does not exist locally with the tag: ${familiarName(reference)}`,
    { hint: 'Give an image that name first: bay tag IMAGE NAME.' },
  );
}

/** Which other repository of the same registry holds a piece, by the names that images have here. */
async function neighbours(host: Pick<Host, 'store'>, reference: Reference): Promise<(target: Descriptor) => Reference | undefined> {
  const holders = new Map<Digest, Reference>();
  for (const image of await host.store.images()) {
    const name = image.names.find(
      (other) => other.reference.registry === reference.registry && other.reference.repository !== reference.repository,
    );
    if (name)
      for (const { config, layers } of image.platforms) for (const { digest } of [config, ...layers]) holders.set(digest, name.reference);
  }
  return (target) => holders.get(target.digest);
}
