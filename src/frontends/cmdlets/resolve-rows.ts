import { containerImages, type ContainerImage } from '../../operations/container-images.ts';
import type { CmdletHost } from './cmdlet-host.ts';
import { valueText, type CmdletObject } from './cmdlet-object.ts';
import { containerObject } from './container-object.ts';
import { only } from './find-image.ts';
import { imageObject, imageText } from './image-object.ts';
import { typeNames } from './views.ts';

/**
 * The objects of which rows of tables came through a pipe. An image is meant by its name, publisher and version: where several have all three, as many rows as there are such
 * images mean all of them. What came with its id, and what nothing here keeps, stays as it is.
 * @throws CmdletError where a row means no image, or nobody knows which
 */
export async function resolveRows(host: CmdletHost, objects: readonly CmdletObject[]): Promise<readonly CmdletObject[]> {
  const isRow = ({ properties }: CmdletObject): boolean => properties['Id'] === undefined;
  const images = objects.filter((object) => object.typeName === typeNames.image && isRow(object));
  const containers = objects.filter((object) => object.typeName === typeNames.container && isRow(object));
  if (images.length + containers.length === 0) return objects;
  const listed = await containerImages({ store: await host.store() });
  const found = new Map<CmdletObject, CmdletObject>([...meantImages(images, listed), ...(await meantContainers(containers, listed, host))]);
  return objects.map((object) => found.get(object) ?? object);
}

function meantImages(rows: readonly CmdletObject[], images: readonly ContainerImage[]): readonly (readonly [CmdletObject, CmdletObject])[] {
  const groups = Map.groupBy(rows, ({ properties }) => key(properties['Name'], properties['Publisher'], properties['Version']));
  const known = Map.groupBy(images, ({ name, publisher, version }) => key(name, publisher, version));
  return [...groups].flatMap(([text, same]) => {
    const meant = known.get(text) ?? [];
    if (meant.length !== same.length) {
      const [name = '', publisher = '', version = ''] = text.split('\n');
      only(meant, imageText({ name, publisher, version }));
    }
    return same.map((row, at) => [row, imageObject(meant[at] ?? (meant[0] as ContainerImage))] as const);
  });
}

function key(...parts: Parameters<typeof valueText>[0][]): string {
  return parts.map(valueText).join('\n');
}

async function meantContainers(
  rows: readonly CmdletObject[],
  images: readonly ContainerImage[],
  host: CmdletHost,
): Promise<readonly (readonly [CmdletObject, CmdletObject])[]> {
  if (rows.length === 0) return [];
  const named = new Map((await (await host.containers()).list()).map((container) => [container.name, container]));
  const byDigest = new Map(images.map((image) => [image.digest, image]));
  return rows.flatMap((row) => {
    const container = named.get(valueText(row.properties['Name']));
    return container ? [[row, containerObject(container, byDigest.get(container.record.target.digest))] as const] : [];
  });
}
