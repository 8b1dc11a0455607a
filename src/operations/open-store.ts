import { isImageError } from '../errors.ts';
import { refuseLostStore, storeFolder, withSettingsLocked } from '../io/home-folder.ts';
import { ImageStore, type StoreOptions } from '../store/image-store.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The store of the home folder, made where there is none. It may be moved while it is opened: then it is opened where it is. What a move that was killed has left is put in order.
 * @throws ImageError as `storeFolder` and `ImageStore.open`
 */
export async function openHomeStore(env: Environment, options: Omit<StoreOptions, 'create'>): Promise<ImageStore> {
  for (;;) {
    const folder = await storeFolder(env);
    let store: ImageStore | undefined;
    try {
      store = await openThere(env, folder, options);
    } catch (error) {
      if ((await storeFolder(env)) === folder) throw error;
    }
    if (!store) continue;
    if (store.path !== folder || store.hasOldPlace) await (await import('./move-store.ts')).finishMove({ store }, env);
    return store;
  }
}

/** A new store is made only while nobody writes down another place: else it might be made where the store has just been. Undefined where it has moved. */
async function openThere(env: Environment, folder: string, options: Omit<StoreOptions, 'create'>): Promise<ImageStore | undefined> {
  try {
    return await ImageStore.open(folder, { ...options, create: false });
  } catch (error) {
    if (!isImageError(error, 'not-found')) throw error;
  }
  return withSettingsLocked(env, async () => {
    if ((await storeFolder(env)) !== folder) return undefined;
    refuseLostStore(env);
    return ImageStore.open(folder, options);
  });
}
