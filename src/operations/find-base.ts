import { Catalog, type CatalogOptions, type CatalogQuery } from '../catalog/catalog.ts';
import { readSources } from '../catalog/catalog-source.ts';
import type { FoundBaseImage } from '../catalog/found-image.ts';
import { sourceSettings } from '../io/home-folder.ts';
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
