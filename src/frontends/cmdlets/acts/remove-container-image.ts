import { isImageError } from '../../../errors.ts';
import type { ContainerImage } from '../../../operations/container-images.ts';
import type { Host } from '../../../operations/host.ts';
import { remove } from '../../../operations/remove.ts';
import type { Act } from '../call.ts';
import { errorRecord } from '../error-record.ts';
import { findImages } from '../find-image.ts';
import { imageObject, imageText } from '../image-object.ts';
import { removalError } from '../removal-error.ts';
import type { Shell } from '../shell.ts';

export const removeContainerImage: Act = async (call, shell) => {
  const host = { store: await call.host.store() };
  for (const image of await findImages(host, call)) {
    if (!(await shell.shouldProcess(imageText(image), 'Remove-ContainerImage'))) continue;
    await removeOne(host, image, shell, 'Failed to remove container image');
  }
};

/** Removes an image with all its names; one that stays is an error, and what comes after it goes on. @param failed how the error begins */
export async function removeOne(host: Pick<Host, 'store'>, image: ContainerImage, shell: Shell, failed: string): Promise<void> {
  try {
    await remove(host, image.digest, { allNames: true, signal: shell.signal });
  } catch (error) {
    if (shell.signal.aborted) throw error;
    const why = isImageError(error, 'conflict') ? await removalError(host, image, error, failed) : error;
    await shell.writeError(errorRecord(why, imageObject(image)));
  }
}
