import type { CatalogSource } from '../../catalog/catalog-source.ts';
import type { CmdletObject } from './cmdlet-object.ts';
import { typeNames } from './views.ts';

/** A place where base OS images are found. */
export function sourceObject(source: CatalogSource): CmdletObject {
  const isRegistry = source.kind === 'registry';
  return {
    typeName: typeNames.source,
    text: `ContainerImageSource (Name = '${source.name}') [Location = '${source.location}']`,
    properties: {
      Name: source.name,
      Kind: isRegistry ? 'Registry' : 'Catalogue',
      IsSigned: !isRegistry && source.key !== undefined,
      Location: source.location,
      Publisher: isRegistry ? source.publisher : undefined,
      Repositories: isRegistry ? source.repositories.map(({ repository, name }) => `${repository}=${name}`) : [],
      PublicKey: isRegistry ? undefined : source.key,
    },
  };
}
