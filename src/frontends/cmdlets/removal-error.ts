import type { ImageError } from '../../errors.ts';
import { containerImages, type ContainerImage } from '../../operations/container-images.ts';
import type { Host } from '../../operations/host.ts';
import { CmdletError } from './cmdlet-error.ts';
import { imageObject, imageText } from './image-object.ts';

/** Names in one message: a sentence of a thousand is none. */
const mostNames = 12;

/**
 * Why an image stays, in Hyper-V's form: what failed; the same with the reason, which names all that stands in the way; and the line that would remove that first.
 * @param failed `Failed to remove container image`
 */
export async function removalError(
  host: Pick<Host, 'store'>,
  image: ContainerImage,
  conflict: ImageError,
  failed: string,
): Promise<CmdletError> {
  const { digest } = image;
  const { containers, children } = (await host.store.users([digest])).get(digest) ?? { containers: [], children: [] };
  const made = new Set(children.map((child) => child.image));
  const derived = made.size > 0 ? (await containerImages(host)).filter((other) => made.has(other.digest)) : [];
  const names = [...containers.map(({ name, state }) => `container '${name}' (${state})`), ...derived.map(imageText)];
  const first = [...containers.map(({ name }) => `Remove-Container -Name '${name}' -Force`), ...derived.map(removalLine)];
  const reason = names.length > 0 ? `in use by ${listed(names, ', ')}` : conflict.message;
  return new CmdletError({
    message: [
      `${failed}.`,
      `${failed} '${image.name}': ${reason}.`,
      ...(first.length > 0 ? [`What uses it goes first: ${listed(first, '; ')}`] : []),
    ].join('\n'),
    id: 'ImageInUse',
    category: 'ResourceBusy',
    target: imageObject(image),
    exceptionType: 'InvalidOperationException',
  });
}

function removalLine({ name, publisher, version }: ContainerImage): string {
  const more = [...(publisher === '' ? [] : [`-Publisher '${publisher}'`]), ...(version === '' ? [] : [`-Version ${version}`])];
  return ['Remove-ContainerImage', `-Name '${name}'`, ...more, '-Force'].join(' ');
}

function listed(texts: readonly string[], separator: string): string {
  const shown = texts.slice(0, mostNames);
  const more = texts.length - shown.length;
  return `${shown.join(separator)}${more > 0 ? ` and ${more} more` : ''}`;
}
