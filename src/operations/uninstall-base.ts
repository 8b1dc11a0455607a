import { ImageError, isImageError } from '../errors.ts';
import { fullName } from '../model/base-identity.ts';
import { readBaseVersion } from '../model/base-version.ts';
import { shortId } from '../model/digest.ts';
import { containerImages, type ContainerImage } from './container-images.ts';
import type { Host } from './host.ts';
import { remove, type Removed, type RemoveOptions } from './remove.ts';

/**
 * Removes a base image with all its names, unless something stands on it.
 * @param name a reference or id, `NanoServer`, `NanoServer:10.0.10586.0`, or its full name, `CN=Microsoft_NanoServer_10.0.10586.0`
 * @throws ImageError `not-found`, `ambiguous`; `invalid-argument` for an image that is no base; `conflict` with all that stands in the way
 */
export async function uninstallBaseImage(
  host: Pick<Host, 'store'>,
  name: string,
  options: Pick<RemoveOptions, 'dryRun' | 'signal'> = {},
): Promise<Removed & { readonly image: ContainerImage }> {
  const image = await baseImage(host, name);
  if (!image.isOsImage)
    throw new ImageError('invalid-argument', `${name} is not a base OS image`, {
      hint: `Remove it with: bay rmi ${image.references[0] ?? shortId(image.digest)}`,
    });
  return { ...(await remove(host, image.digest, { ...options, allNames: true })), image };
}

async function baseImage(host: Pick<Host, 'store'>, name: string): Promise<ContainerImage> {
  const [own = '', version] = name.split(':');
  const wanted = version === undefined ? undefined : readBaseVersion(version);
  const images = (await containerImages(host)).filter((image) => {
    if (fullName(image).toLowerCase() === name.toLowerCase()) return true;
    return image.isOsImage && image.name.toLowerCase() === own.toLowerCase() && (version === undefined || image.version === wanted);
  });
  const [first, ...others] = images;
  if (first && others.length === 0) return first;
  try {
    const { root } = await host.store.find(name);
    const [found] = await containerImages(host, { digest: root.digest });
    if (found) return found;
  } catch (error) {
    if (!isImageError(error, 'not-found', 'invalid-reference')) throw error;
  }
  if (first === undefined) throw new ImageError('not-found', `No such image: ${name}`, { detail: { name } });
  throw new ImageError('ambiguous', `${name} is several base OS images: ${images.slice(0, 12).map(fullName).join(', ')}`, {
    hint: 'Name one by its version, as NAME:VERSION.',
    detail: { matches: images.map(fullName) },
  });
}
