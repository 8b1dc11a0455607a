import type { Container } from '../../containers/container.ts';
import { containerImages } from '../../operations/container-images.ts';
import type { Host } from '../../operations/host.ts';
import { containerObject } from './container-object.ts';
import type { Shell } from './shell.ts';

/** Writes containers with the images that they stand on. */
export async function writeContainers(host: Pick<Host, 'store'>, containers: readonly Container[], shell: Shell): Promise<void> {
  if (containers.length === 0) return;
  const images = new Map((await containerImages(host)).map((image) => [image.digest, image]));
  for (const container of containers) await shell.writeObject(containerObject(container, images.get(container.record.target.digest)));
}
