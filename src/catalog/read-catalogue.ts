import { ImageError } from '../errors.ts';
import type { Operation } from '../io/operation.ts';
import { parseReference } from '../model/reference.ts';
import type { Registries } from '../remote/registries.ts';
import { publicKey, type CatalogueFileSource } from './catalog-source.ts';
import { catalogueName, maxCatalogueBytes, parseCatalogue, signatureSuffix, type CatalogueEntry } from './catalogue-document.ts';
import { openCataloguePlace, type CataloguePlace } from './catalogue-place.ts';
import { verifyCatalogue } from './catalogue-signature.ts';
import type { FoundBaseImage, FoundContent } from './found-image.ts';

/**
 * Everything that a catalogue offers. Where its source has a key, the signature is looked at before the document is.
 * @throws ImageError `unavailable`, `not-found`; `denied` for a bad signature; `invalid-content`, `too-large` for what is no catalogue
 */
export async function readCatalogue(
  source: CatalogueFileSource,
  registries: Pick<Registries, 'web'>,
  operation: Operation = {},
): Promise<readonly FoundBaseImage[]> {
  const place = await openCataloguePlace(source.location, registries, operation);
  const { document } = place;
  const bytes = await place.read(document, maxCatalogueBytes, operation);
  if (bytes === undefined)
    throw new ImageError('not-found', `there is no catalogue at ${place.address(document)}`, {
      hint: `A catalogue is a file ${catalogueName} beside the images: \`bay catalog build FOLDER\` makes it.`,
    });
  const address = place.address(document);
  try {
    if (source.key !== undefined)
      verifyCatalogue(bytes, await place.read(`${document}${signatureSuffix}`, 4096, operation), publicKey(source.key));
    const { images } = parseCatalogue(bytes);
    return images.map((entry) => found(entry, source, place));
  } catch (error) {
    if (!(error instanceof ImageError) || error.message.includes(address)) throw error;
    throw new ImageError(error.code, `${address}: ${error.message}`, { hint: error.hint, detail: error.detail, cause: error });
  }
}

function found(entry: CatalogueEntry, source: CatalogueFileSource, place: CataloguePlace): FoundBaseImage {
  const { content, ...rest } = entry;
  return {
    ...rest,
    source: source.name,
    signature: source.key === undefined ? 'unsigned' : 'signed',
    content: contentOf(entry, content, place),
  };
}

function contentOf({ size }: CatalogueEntry, content: CatalogueEntry['content'], place: CataloguePlace): FoundContent {
  if (content.kind !== 'registry') return { kind: content.kind, place, file: content.file, sha256: content.sha256, size };
  const address = place.address(place.document);
  if (!URL.canParse(address) || !/^https?:$/.test(new URL(address).protocol))
    throw new ImageError('invalid-content', `${entryName(content)} is in a registry, and the catalogue is on no server`);
  const { host, port, protocol } = new URL(address);
  const registry = /[.:]|^localhost$/.test(host) ? host : `${host}:${port || (protocol === 'https:' ? 443 : 80)}`;
  return { kind: 'registry', reference: { ...parseReference(`${registry}/${content.repository}`), digest: content.digest } };
}

function entryName({ repository, digest }: { readonly repository: string; readonly digest: string }): string {
  return `${repository}@${digest}`;
}
