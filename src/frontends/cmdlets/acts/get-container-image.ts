import { containerImages } from '../../../operations/container-images.ts';
import type { Act } from '../call.ts';
import { imageObject } from '../image-object.ts';
import { findImage } from '../find-image.ts';

export const getContainerImage: Act = async (call, shell) => {
  const host = { store: await call.host.store() };
  const [parent] = call.values('ChildOf');
  const childOf = parent === undefined ? undefined : (await findImage(host, parent)).digest;
  const query = { name: call.text('Name'), publisher: call.text('Publisher'), version: call.text('Version'), childOf };
  for (const image of await containerImages(host, query)) await shell.writeObject(imageObject(image));
};
