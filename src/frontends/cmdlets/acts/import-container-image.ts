import { resolve } from 'node:path';
import { containerImages } from '../../../operations/container-images.ts';
import { load } from '../../../operations/load.ts';
import type { Act } from '../call.ts';
import { imageObject } from '../image-object.ts';
import { ProgressOf } from '../progress-of.ts';

export const importContainerImage: Act = async (call, shell) => {
  const store = await call.host.store();
  const path = resolve(shell.cwd, call.text('Path') ?? '');
  if (!(await shell.shouldProcess(path, 'Import-ContainerImage'))) return;
  using progress = new ProgressOf(shell, 'Importing container image', path);
  const loaded = await load({ store }, path, { signal: shell.signal, onProgress: progress.on });
  const roots = new Set(loaded.map(({ root }) => root.digest));
  for (const image of await containerImages({ store })) if (roots.has(image.digest)) await shell.writeObject(imageObject(image));
};
