import { resolve } from 'node:path';
import { isImageError } from '../errors.ts';
import { setStoreFolder } from '../io/home-folder.ts';
import type { Moved, MoveOptions } from '../store/relocate.ts';
import type { Host } from './host.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Moves the store to a folder that is not there yet, and writes down where it is. Servers and commands go on with it meanwhile.
 * @param path absolute, or from this process's working folder; folders on the way are made
 * @throws ImageError `conflict` where the path exists already; `invalid-argument`, `store-unusable`, `disk-full`, `permission`, `unsupported`, `canceled`: nothing is changed then
 */
export async function moveStore(
  host: Pick<Host, 'store'>,
  env: Environment,
  path: string,
  options: Pick<MoveOptions, 'signal' | 'onMove'> = {},
): Promise<Moved> {
  return host.store.move(resolve(path), { ...options, onSwitched: () => setStoreFolder(env, () => host.store.path) });
}

/** What a move that was killed after its switch has left: the settings say where the store is, then the old place goes. */
export async function finishMove(host: Pick<Host, 'store'>, env: Environment): Promise<void> {
  await setStoreFolder(env, () => host.store.path);
  try {
    await host.store.removeOldPlace();
  } catch (error) {
    // It does no harm, another process may be about it, and the next start tries again.
    if (!isImageError(error)) throw error;
  }
}
