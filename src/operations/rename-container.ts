import { checkContainerName } from '../containers/container-name.ts';
import { ImageError, isImageError } from '../errors.ts';
import type { Host } from './host.ts';

/** @throws ImageError `not-found`, `invalid-argument`, `conflict`, with docker's texts */
export async function renameContainer(host: Pick<Host, 'store' | 'containers'>, name: string, wanted: string): Promise<void> {
  const container = await host.containers.get(name);
  const next = wanted.replace(/^\//, '');
  if (wanted === '') throw new ImageError('invalid-argument', 'Neither old nor new names may be empty');
  if (next === container.name) throw new ImageError('invalid-argument', 'Renaming a container with the same name as its current name');
  const allocating = (error: unknown) =>
    isImageError(error, 'invalid-argument', 'conflict')
      ? new ImageError(error.code, `Error when allocating new name: ${error.message}`, { detail: error.detail })
      : error;
  try {
    checkContainerName(next, `/${next}`);
    await host.store.changeContainer(container.id, () => ({ name: next }), {
      action: 'rename',
      attributes: { ...container.attributes, name: next, oldName: `/${container.name}` },
    });
  } catch (error) {
    throw allocating(error);
  }
}
