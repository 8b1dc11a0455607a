import { containerImages } from '../../../operations/container-images.ts';
import { load } from '../../../operations/load.ts';
import type { Act } from '../call.ts';
import { eachOf } from '../each-of.ts';
import { existingPaths } from '../existing-paths.ts';
import { imageObject } from '../image-object.ts';
import { ProgressOf } from '../progress-of.ts';
import type { Shell } from '../shell.ts';
import type { ImageStore } from '../../../store/image-store.ts';

export const importContainerImage: Act = async (call, shell) => {
  const store = await call.host.store();
  await eachOf(await existingPaths(shell, call.text('Path') ?? ''), (path) => importOne(store, path, shell), shell);
};

async function importOne(store: ImageStore, path: string, shell: Shell): Promise<void> {
  if (!(await shell.shouldProcess(path, 'Import-ContainerImage'))) return;
  using progress = new ProgressOf(shell, 'Importing container image', path);
  const loaded = await load({ store }, path, { signal: shell.signal, onProgress: progress.on });
  const roots = new Set(loaded.map(({ root }) => root.digest));
  for (const image of await containerImages({ store })) if (roots.has(image.digest)) await shell.writeObject(imageObject(image));
}
