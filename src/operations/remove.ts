import { ImageError } from '../errors.ts';
import type { Operation } from '../io/operation.ts';
import { shortId, type Digest } from '../model/digest.ts';
import { familiar, repositoryName, type Reference } from '../model/reference.ts';
import type { FoundImage, ImageRecord, ImageStore } from '../store/image-store.ts';
import type { Host } from './host.ts';

export interface RemoveOptions extends Operation {
  /** Removes an image by its id though several names point at it. Never removes what another image is recorded to be made from. */
  readonly force?: boolean | undefined;
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
 * Removes a name, and the image with its last name, by docker's table (rmi). A refusal changes nothing and says who depends on the image.
 * The names go first, then content that nothing else holds.
 */
export async function remove(host: Pick<Host, 'store'>, name: string, options: RemoveOptions = {}): Promise<Removed> {
  const found = await host.store.find(name);
  const image = await host.store.image(found.target.digest);
  if (!image) throw new ImageError('not-found', `No such image: ${name}`);
  const untagged = namesToRemove(found, image, options);
  const last = untagged.length === image.names.length;
  if (last) await refuseDependents(host.store, image, found, name);
  const deleted = last ? [image.target.digest] : [];
  if (options.dryRun) return { untagged, deleted, bytes: last ? (await host.store.sweep({ ...options, dryRun: true, roots: deleted })).bytes : 0 };
  if (!last) {
    for (const reference of untagged) await host.store.untag(reference, { verb: 'rmi' });
    return { untagged, deleted, bytes: 0 };
  }
  await host.store.forget(image.target.digest, { verb: 'rmi' });
  const { bytes } = await host.store.sweep({ signal: options.signal, roots: deleted });
  return { untagged, deleted, bytes };
}

function namesToRemove(found: FoundImage, image: ImageRecord, options: RemoveOptions): readonly Reference[] {
  const all = image.names.map(({ reference }) => reference);
  if (found.name) return [found.name.reference];
  const repositories = new Set(all.map(repositoryName));
  if (all.length > 1 && repositories.size > 1 && !options.force)
    throw new ImageError('conflict', `conflict: unable to delete ${shortId(image.target.digest)} (must be forced) - image is referenced in multiple repositories`, {
      hint: `It is ${all.map(familiar).join(', ')}: remove the names one by one, or force it.`,
      detail: { names: all.map(familiar) },
    });
  return all;
}

async function refuseDependents(store: Pick<ImageStore, 'holders'>, image: ImageRecord, found: FoundImage, name: string): Promise<void> {
  const children = (await store.holders(image.target.digest)).filter((holder) => holder.kind === 'child');
  if (children.length === 0) return;
  throw new ImageError('conflict', `conflict: unable to delete ${found.name ? name : shortId(image.target.digest)} (cannot be forced) - image has dependent child images`, {
    hint: `Made from it: ${children.map((child) => child.id).join(', ')}.`,
    detail: { children: children.map((child) => child.id) },
  });
}
