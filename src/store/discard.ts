import { ImageError, isImageError } from '../errors.ts';
import type { Digest } from '../model/digest.ts';
import type { Reference } from '../model/reference.ts';
import type { Blobs } from './blobs.ts';
import { isRunning } from './container-record.ts';
import { dropContainer, findContainer } from './containers.ts';
import type { Database, Transaction } from './database.ts';
import { Family } from './family.ts';
import { nameKey } from './name-key.ts';
import { forgetImage, removeName, type Act, type ForgetOptions } from './names.ts';
import type { Occurrence } from './store-event.ts';
import { findUsers } from './users.ts';

/** Everything that one removal takes, in one transaction: all of it, or nothing. */
export interface Discard {
  readonly containers?: readonly { /** Whole. */ readonly id: string; readonly event: Occurrence }[] | undefined;
  /** Names of images that stay. */
  readonly untag?: readonly Reference[] | undefined;
  readonly images?: readonly DiscardedImage[] | undefined;
  /** Takes containers that run too. */
  readonly force?: boolean | undefined;
}

export interface DiscardedImage extends ForgetOptions {
  readonly digest: Digest;
  /** It goes from the list though a container or an image needs its content, which stays for them. */
  readonly used?: boolean | undefined;
}

/**
 * Within a transaction.
 * @param how `plan`: rows only, to be taken back
 * @returns folders in `trash/`
 * @throws ImageError `not-found` where something of it is gone; `conflict` where an image has one more name, or a user that does not go with it; `incomplete` where
 * what comes instead of one is not whole
 */
export function applyDiscard(
  database: Database,
  blobs: Blobs,
  transaction: Transaction,
  { containers = [], untag = [], images = [], force }: Discard,
  act: Act,
  how: 'plan' | 'do',
): (string | undefined)[] {
  const trash = containers.map(({ id, event }) => {
    const { name, state } = findContainer(database, id);
    if (isRunning(state) && !force) throw new ImageError('conflict', `container ${name} is ${state}`, { detail: { container: id, state } });
    return dropContainer(database, transaction, id, event, how === 'do');
  });
  for (const name of untag) removeName(database, transaction, nameKey(name), act);
  for (const { digest, names, instead } of images) {
    const missing = instead && blobs.missing(instead);
    if (missing !== undefined)
      throw new ImageError('incomplete', `${instead?.digest} cannot be kept alone: ${missing}, which it needs, is not here`, {
        detail: { digest: instead?.digest, missing },
      });
    try {
      forgetImage(database, transaction, digest, { names, instead }, act);
    } catch (error) {
      // Others of a plan go all the same: what is gone already needs no forgetting.
      if (how === 'do' || !isImageError(error, 'not-found')) throw error;
    }
  }
  const family = new Family(database);
  for (const { digest, used, instead } of images) {
    if (used || instead) continue;
    const users = findUsers(database, digest, family);
    if (users.containers.length + users.children.length > 0)
      throw new ImageError('conflict', `image ${digest} is needed again`, {
        detail: { digest, containers: users.containers.map(({ id }) => id), children: users.children.map(({ image }) => image) },
      });
  }
  return trash;
}
