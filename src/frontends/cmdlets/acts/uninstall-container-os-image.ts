import { fullName } from '../../../model/base-identity.ts';
import { containerImages, type ContainerImage } from '../../../operations/container-images.ts';
import type { Host } from '../../../operations/host.ts';
import type { Act, Call } from '../call.ts';
import { CmdletError } from '../cmdlet-error.ts';
import { findImage, only } from '../find-image.ts';
import { imageObject } from '../image-object.ts';
import { removeOne } from './remove-container-image.ts';

export const uninstallContainerOSImage: Act = async (call, shell) => {
  const host = { store: await call.host.store() };
  for (const image of await imagesOf(host, call)) {
    const name = fullName(image);
    if (!image.isOsImage)
      throw new CmdletError({
        message: `Failed to uninstall OS image '${name}' with error: it is no base OS image.\nRemove-ContainerImage removes an image that was made from another.`,
        id: 'NotAnOSImage',
        category: 'InvalidArgument',
        target: imageObject(image),
        exceptionType: 'ArgumentException',
      });
    if (await shell.shouldProcess(name, 'Uninstall-ContainerOSImage')) await removeOne(host, image, shell, 'Failed to uninstall OS image');
  }
};

async function imagesOf(host: Pick<Host, 'store'>, call: Call): Promise<readonly ContainerImage[]> {
  const objects = call.values('ContainerImage');
  if (objects.length > 0) return Promise.all(objects.map((object) => findImage(host, object)));
  const wanted = (call.text('FullName') ?? '').toLowerCase();
  const images = await containerImages(host);
  const whole = images.filter((image) => fullName(image).toLowerCase() === wanted);
  // As the first module had it, the name alone.
  const found = whole.length > 0 ? whole : images.filter(({ name }) => name.toLowerCase() === wanted);
  const example = found[0] ? ` -FullName '${fullName(found[0])}'` : '';
  return [only(found, call.text('FullName') ?? '', `Say which by its full name: Uninstall-ContainerOSImage${example}`)];
}
