import { formatCatalogue, type CatalogueEntry } from '../../catalog/catalogue-document.ts';
import { containerImages, type ContainerImage } from '../../operations/container-images.ts';
import { apiVersion, type Answer } from './answer.ts';
import type { Exchange } from './exchange.ts';
import { wirePath } from './local-name.ts';

/** The base images of the store as a catalogue, outside the distribution API: each is a manifest of this very registry. */
export async function getStoreCatalog(exchange: Exchange): Promise<Answer> {
  const images = await containerImages({ store: exchange.desk.store });
  const body = formatCatalogue({ images: images.flatMap(entryOf) });
  return {
    status: 200,
    headers: { ...apiVersion, 'Content-Type': 'application/json', 'Content-Length': body.length },
    body,
    lasting: true,
  };
}

/** Nothing for what is no base, has no version, or has only names that no path here can say. */
function entryOf(image: ContainerImage): readonly CatalogueEntry[] {
  const { record, platform, name, version, publisher, digest } = image;
  if (!image.isOsImage || version === '' || !record || !platform) return [];
  const paths = record.names.map(({ reference }) => wirePath(reference)).filter(({ namespace }) => namespace === undefined);
  const [place] = paths;
  if (!place || /[/\\*?[\]`"<>|:]/.test(name)) return [];
  const created = new Date(platform.created ?? '');
  const published = Number.isNaN(created.getTime()) ? {} : { published: created };
  return [
    {
      name,
      version,
      publisher,
      description: (platform.labels['org.opencontainers.image.description'] ?? '')
        .slice(0, 1000)
        .replaceAll(/[\u0000-\u001f\u007f]+/g, ' '),
      ...published,
      size: platform.size,
      content: { kind: 'registry', repository: place.path, digest },
    },
  ];
}
