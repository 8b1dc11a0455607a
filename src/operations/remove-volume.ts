import { isImageError } from '../errors.ts';
import type { Host } from './host.ts';

/** Removes a volume with its files. With `force` one that is not there is as good as removed. @throws ImageError `not-found`, `conflict` while a container needs it; docker's texts */
export async function removeVolume(
  host: Pick<Host, 'store'>,
  name: string,
  options: { readonly force?: boolean | undefined } = {},
): Promise<void> {
  try {
    await host.store.removeVolume(name, { action: 'destroy', attributes: { driver: 'local' } });
  } catch (error) {
    if (!(options.force && isImageError(error, 'not-found'))) throw error;
  }
}
