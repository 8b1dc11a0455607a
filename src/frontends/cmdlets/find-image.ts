import { fullName } from '../../model/base-identity.ts';
import { isDigest } from '../../model/digest.ts';
import { hasWildcard } from '../../model/wildcard.ts';
import { containerImages, type ContainerImage, type ContainerImageQuery } from '../../operations/container-images.ts';
import type { Host } from '../../operations/host.ts';
import type { Call } from './call.ts';
import { CmdletError } from './cmdlet-error.ts';
import { isCmdletObject, valueText, type CmdletObject, type Value } from './cmdlet-object.ts';
import { imageText } from './image-object.ts';

/**
 * The image that a value speaks of. An object: by its id, and where it has none (a row of a table) by its name, publisher and version. A text: a full name, a name, or what
 * docker calls it.
 * @throws CmdletError where it is not here, or not one
 */
export async function findImage(host: Pick<Host, 'store'>, value: Value): Promise<ContainerImage> {
  if (value === undefined || !isCmdletObject(value)) return findByText(host, valueText(value));
  const { Id: id, Name: name, Publisher: publisher, Version: number } = value.properties;
  const digest = typeof id === 'string' && isDigest(id) ? id : undefined;
  if (digest !== undefined) {
    const [found] = await containerImages(host, { digest });
    if (found) return found;
    throw notFound(value.text, value);
  }
  const said = { name: valueText(name), publisher: valueText(publisher), version: valueText(number) };
  const named = (await containerImages(host)).filter(
    (image) => image.name === said.name && image.publisher === said.publisher && image.version === said.version,
  );
  return only(named, imageText(said));
}

async function findByText(host: Pick<Host, 'store'>, text: string): Promise<ContainerImage> {
  const wanted = text.toLowerCase();
  const images = await containerImages(host);
  for (const named of [fullName, ({ name }: ContainerImage) => name]) {
    const found = images.filter((image) => named(image).toLowerCase() === wanted);
    if (found.length > 0) return only(found, text);
  }
  const { digest } = await host.store.find(text).then(
    ({ root }) => root,
    () => ({ digest: undefined }),
  );
  return only(
    images.filter((image) => image.digest === digest),
    text,
  );
}

/**
 * The images that a call is about: those of the objects in `parameter`, else what -Name, -Publisher and -Version say. Without a wildcard these must mean one image
 * where it is to be changed or written.
 * @throws CmdletError where there is none, or more than one
 */
export async function findImages(host: Pick<Host, 'store'>, call: Call, parameter = 'Image'): Promise<readonly ContainerImage[]> {
  const objects = call.values(parameter);
  if (objects.length > 0) return Promise.all(objects.map((object) => findImage(host, object)));
  const query = { name: call.text('Name'), publisher: call.text('Publisher'), version: call.text('Version') };
  const found = await containerImages(host, query);
  // What changes nothing need not be told which of several it may look at.
  if (call.cmdlet.shouldProcess === undefined && (found.length > 0 || query.name === undefined)) return found;
  if (query.name === undefined) {
    if (found.length > 0 && query.publisher === undefined && query.version === undefined)
      throw new CmdletError({
        message: `${call.cmdlet.name} acts on the images that you name.\nName one with -Name, or all with -Name *.`,
        id: 'NameRequired',
        category: 'InvalidArgument',
        exceptionType: 'ArgumentException',
      });
    return found;
  }
  if (hasWildcard(query.name)) return found;
  return [only(found, described({ ...query, name: query.name }))];
}

function described({ name, publisher, version }: ContainerImageQuery & { readonly name: string }): string {
  return imageText({ name, publisher: publisher ?? '*', version: version ?? '*' });
}

/** @param sayWhich how this cmdlet is told which of several is meant @throws CmdletError */
export function only(
  found: readonly ContainerImage[],
  what: string,
  sayWhich = 'Say which with -Publisher and -Version; between command lines, --json carries ids, which are exact.',
): ContainerImage {
  const [first, ...others] = found;
  if (!first) throw notFound(what);
  if (others.length === 0) return first;
  const shown = found.slice(0, 12).map((image) => `  ${imageText(image)} ${image.references.join(', ') || image.digest.slice(7, 19)}`);
  throw new CmdletError({
    message: [
      `${what} is ${found.length} images:`,
      ...shown,
      ...(found.length > shown.length ? [`  and ${found.length - shown.length} more`] : []),
      sayWhich,
    ].join('\n'),
    id: 'AmbiguousImage',
    category: 'InvalidArgument',
    target: what,
    exceptionType: 'ArgumentException',
  });
}

function notFound(what: string, target: CmdletObject | string = what): CmdletError {
  return new CmdletError({
    message: `The container image was not found: ${what}.\nGet-ContainerImage lists the images of this host.`,
    id: 'ImageNotFound',
    category: 'ObjectNotFound',
    target,
    exceptionType: 'ItemNotFoundException',
  });
}
