import { ImageError } from '../errors.ts';
import { Catalog, type CatalogOptions, type CatalogQuery } from '../catalog/catalog.ts';
import { readSources } from '../catalog/catalog-source.ts';
import type { FoundBaseImage } from '../catalog/found-image.ts';
import { sourceSettings } from '../io/home-folder.ts';
import { compareBaseVersions } from '../model/base-version.ts';
import type { Host } from './host.ts';

export type { CatalogOptions, CatalogQuery } from '../catalog/catalog.ts';
export type { FoundBaseImage } from '../catalog/found-image.ts';

/** What verbs on base images act on, beside the store: where these are found. */
export interface CatalogHost {
  readonly catalog: Catalog;
}

/** The sources that the settings name. @throws ImageError `invalid-config` */
export function openCatalog(env: Readonly<Record<string, string | undefined>>, registries: Host['registries']): Catalog {
  return new Catalog(readSources(sourceSettings(env)), registries);
}

/** Base images that the sources offer: the newest of each name, or the versions that are asked for. @throws as `Catalog.search` */
export async function findBaseImages(
  host: CatalogHost,
  query: CatalogQuery,
  options: CatalogOptions = {},
): Promise<readonly FoundBaseImage[]> {
  return host.catalog.search(query, options);
}

/**
 * The image that is meant where one is to be had: of all that match the newest, and of equals that of the first source.
 * @throws ImageError `not-found` where nothing matches; else as `findBaseImages`
 */
export async function findOneBaseImage(host: CatalogHost, query: CatalogQuery, options: CatalogOptions = {}): Promise<FoundBaseImage> {
  const found = await findBaseImages(host, query, options);
  const [best] = found.toSorted((one, other) => compareBaseVersions(other.version, one.version));
  if (best) return best;
  const name = query.names?.join(', ') ?? '';
  throw new ImageError('not-found', `No such base OS image: ${name}${query.version === undefined ? '' : ` ${query.version}`}`, {
    hint: 'See `bay find --all-versions` for what there is, and `bay source ls` for where it is looked for.',
    detail: { name, version: query.version },
  });
}
