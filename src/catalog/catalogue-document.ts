import { ImageError } from '../errors.ts';
import { isObject } from '../model/descriptor.ts';
import { parseDigest, type Digest } from '../model/digest.ts';
import { parseBaseVersion } from '../model/base-version.ts';
import { parseJson } from '../model/manifest.ts';
import { parseReference } from '../model/reference.ts';

/** A catalogue: one JSON document that says which base images lie beside it. */
export interface CatalogueDocument {
  readonly images: readonly CatalogueEntry[];
}

/** An image in a catalogue: a file beside the document, or a manifest of the registry on the document's own host. */
export interface CatalogueEntry {
  readonly name: string;
  /** Four parts. */
  readonly version: string;
  readonly publisher: string;
  readonly description: string;
  readonly published?: Date;
  /** Bytes: of the file; of a registry's image, packed. */
  readonly size: number;
  readonly content: CatalogueFile | CatalogueImage;
}

export interface CatalogueFile {
  readonly kind: 'wim' | 'oci-archive';
  /** Relative to the document, with slashes; never upwards. */
  readonly file: string;
  readonly sha256: Digest;
}

export interface CatalogueImage {
  readonly kind: 'registry';
  readonly repository: string;
  /** Of the manifest or index. */
  readonly digest: Digest;
}

/** The name of the document in its folder, and what its signature's file ends in. */
export const catalogueName = 'catalogue.json';
export const signatureSuffix = '.sig';

export const maxCatalogueBytes = 32 * 1024 * 1024;
const maxEntries = 100_000;
const schemaVersion = 1;

/**
 * Reads a catalogue. One wrong entry is a wrong document: whoever made it has made it by a program, and what else it got wrong cannot be known.
 * Keys that nobody knows are left out.
 * @throws ImageError `invalid-content`, `too-large`; `unsupported` for a later schema
 */
export function parseCatalogue(bytes: Uint8Array): CatalogueDocument {
  if (bytes.length > maxCatalogueBytes) throw new ImageError('too-large', `it is larger than ${maxCatalogueBytes} bytes`);
  // Editors of Windows put a byte-order mark there.
  const document = parseJson(bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? bytes.subarray(3) : bytes, 'catalogue');
  if (!isObject(document)) throw wrong('it is not an object');
  if (document.schemaVersion !== schemaVersion) {
    if (typeof document.schemaVersion === 'number' && document.schemaVersion > schemaVersion)
      throw new ImageError('unsupported', `its schemaVersion is ${document.schemaVersion}, and this version reads ${schemaVersion}`, {
        hint: 'Use a newer version of bay.',
      });
    throw wrong(`its schemaVersion is not ${schemaVersion}`);
  }
  const { images } = document;
  if (!Array.isArray(images)) throw wrong('it has no list of images');
  if (images.length > maxEntries) throw new ImageError('too-large', `it has more than ${maxEntries} images`);
  return { images: (images as readonly unknown[]).map((entry, at) => parseEntry(entry, `images[${at}]`)) };
}

function parseEntry(value: unknown, where: string): CatalogueEntry {
  if (!isObject(value)) throw wrong(`${where} is not an object`);
  const name = text(value.name, `${where}.name`, 200);
  if (name === '') throw wrong(`${where} has no name`);
  if (/[/\\*?[\]`"<>|:]/.test(name) || name === '.' || name === '..')
    throw wrong(`${where}: ${JSON.stringify(name)} cannot be the name of an image`);
  const { size, published } = value;
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) throw wrong(`${where} (${name}) has no size`);
  const date = published === undefined ? undefined : new Date(text(published, `${where}.published`, 64));
  if (date && Number.isNaN(date.getTime())) throw wrong(`${where}.published is not a date`);
  return {
    name,
    version: told(where, () => parseBaseVersion(text(value.version, `${where}.version`, 64))),
    publisher: text(value.publisher ?? '', `${where}.publisher`, 500),
    description: text(value.description ?? '', `${where}.description`, 4000),
    ...(date ? { published: date } : {}),
    size,
    content: value.image === undefined ? parseFile(value, where) : parseImage(value.image, `${where}.image`),
  };
}

function parseFile(value: Readonly<Record<string, unknown>>, where: string): CatalogueFile {
  const file = checkedPath(text(value.file, `${where}.file`, 1000), `${where}.file`);
  if (typeof value.sha256 !== 'string' || !/^[a-f0-9]{64}$/i.test(value.sha256))
    throw wrong(`${where}.sha256 is not 64 hexadecimal digits`);
  return { kind: fileKind(file) ?? refuseKind(file, where), file, sha256: parseDigest(`sha256:${value.sha256.toLowerCase()}`) };
}

/** What a file is, by its name: a .wim, or an OCI archive. */
export function fileKind(file: string): CatalogueFile['kind'] | undefined {
  if (/\.wim$/i.test(file)) return 'wim';
  return /\.tar$/i.test(file) ? 'oci-archive' : undefined;
}

function refuseKind(file: string, where: string): never {
  throw wrong(`${where}: ${JSON.stringify(file)} is neither a .wim nor an OCI archive (.tar)`);
}

function parseImage(value: unknown, where: string): CatalogueImage {
  if (!isObject(value)) throw wrong(`${where} is not an object`);
  return told(where, () => {
    const repository = text(value.repository, `${where}.repository`, 255);
    parseReference(`registry.invalid/${repository}`);
    return {
      kind: 'registry',
      repository,
      digest: parseDigest(text(value.digest, `${where}.digest`, 200)),
    };
  });
}

/** A path below the document's folder. Nothing that any system would read as leading out of it, or as a device. */
function checkedPath(file: string, where: string): string {
  const parts = file.split('/');
  const odd = parts.some((part) => part === '' || part === '.' || part === '..' || /[. ]$/.test(part) || device.test(part));
  if (odd || /[\\:*?"<>|\u0000-\u001f]/.test(file))
    throw wrong(`${where}: ${JSON.stringify(file.slice(0, 200))} is not the path of a file beside the catalogue`);
  return file;
}

const device = /^(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)/i;

function text(value: unknown, where: string, limit: number): string {
  if (typeof value !== 'string') throw wrong(`${where} is not a text`);
  if (value.length > limit) throw wrong(`${where} is longer than ${limit} characters`);
  if (/[\u0000-\u0008\u000b-\u001f\u007f]/.test(value)) throw wrong(`${where} has control characters in it`);
  return value;
}

function told<T>(where: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw error instanceof ImageError && error.code !== 'invalid-content' ? wrong(`${where}: ${error.message}`) : error;
  }
}

function wrong(why: string): ImageError {
  return new ImageError('invalid-content', `it is no catalogue: ${why}`, {
    hint: 'Tell whoever publishes it. `bay catalog build FOLDER` makes one.',
  });
}

/** The document as it is written: the same images give the same bytes. */
export function formatCatalogue({ images }: CatalogueDocument): Buffer {
  const rows = images.map(({ name, version, publisher, description, published, size, content }) => ({
    name,
    version,
    publisher,
    description,
    ...(content.kind === 'registry'
      ? { image: { repository: content.repository, digest: content.digest } }
      : { file: content.file, sha256: content.sha256.slice('sha256:'.length) }),
    size,
    ...(published ? { published: published.toISOString() } : {}),
  }));
  return Buffer.from(`${JSON.stringify({ schemaVersion, images: rows }, undefined, 2)}\n`);
}
