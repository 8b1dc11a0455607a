import { createHash, createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import {
  catalogueName,
  fileKind,
  formatCatalogue,
  parseCatalogue,
  signatureSuffix,
  type CatalogueEntry,
  type CatalogueFile,
} from '../catalog/catalogue-document.ts';
import { signCatalogue } from '../catalog/catalogue-signature.ts';
import { Image } from '../content/image.ts';
import { openArchive } from '../content/open-archive.ts';
import { openRegularFile } from '../content/regular-file.ts';
import { selectPlatform } from '../content/select-platform.ts';
import { asImageError, ImageError } from '../errors.ts';
import { Wim } from '../formats/wim/wim.ts';
import { writeFileAtomic } from '../io/atomic-file.ts';
import { canceled } from '../io/concurrently.ts';
import type { Operation } from '../io/operation.ts';
import { normalizePublisher } from '../model/base-identity.ts';
import { compareBaseVersions, readBaseVersion } from '../model/base-version.ts';
import { digestFrom } from '../model/digest.ts';
import { parseReference } from '../model/reference.ts';

export interface BuildCatalogOptions extends Operation {
  /** Of all images, whatever they say of themselves. */
  readonly publisher?: string | undefined;
  /** Path of an Ed25519 private key, PKCS #8 in PEM: signs the catalogue. */
  readonly key?: string | undefined;
}

export interface BuiltCatalog {
  /** The document's path. */
  readonly path: string;
  readonly images: readonly CatalogueEntry[];
  /** Files that look like images and are left out, with the reason. */
  readonly skipped: readonly { readonly file: string; readonly why: string }[];
  /** Of the key that has signed it: base64, as a source takes it. */
  readonly publicKey?: string;
}

/** What a file says of the image in it. */
type Described = Pick<CatalogueEntry, 'name' | 'version' | 'publisher' | 'description' | 'published'>;

/**
 * Writes the catalogue of a folder: of the .wim files and OCI archives (.tar) that lie in it and in the folders in that. Names, versions and publishers are what the files say
 * of themselves. The same files give the same document.
 * @param folder absolute
 * @throws ImageError `not-found`, `permission`; `invalid-argument` for a key that is none; `not-found` where no file is an image
 */
export async function buildCatalog(folder: string, options: BuildCatalogOptions = {}): Promise<BuiltCatalog> {
  const key = options.key === undefined ? undefined : await readPrivateKey(options.key);
  const images: CatalogueEntry[] = [];
  const skipped: { file: string; why: string }[] = [];
  for (const file of await imageFiles(folder, skipped)) {
    if (options.signal?.aborted) throw canceled(options.signal.reason);
    try {
      images.push(await describeFile(folder, file, options));
    } catch (error) {
      if (!(error instanceof ImageError) || error.code === 'canceled') throw error;
      skipped.push({ file, why: error.message });
    }
  }
  if (images.length === 0)
    throw new ImageError('not-found', `there is no image in ${folder}${skipped[0] ? `: ${skipped[0].file}: ${skipped[0].why}` : ''}`, {
      hint: 'A catalogue is of .wim files and OCI archives (.tar) in the folder, or in folders in it.',
    });
  images.sort(
    (one, other) => compare(one.name, other.name) || compareBaseVersions(other.version, one.version) || compare(fileOf(one), fileOf(other)),
  );
  const path = join(folder, catalogueName);
  const document = formatCatalogue({ images });
  await writeFileAtomic(path, document);
  if (key) await writeFileAtomic(`${path}${signatureSuffix}`, signCatalogue(document, key));
  else await rm(`${path}${signatureSuffix}`, { force: true });
  return { path, images, skipped, ...(key ? { publicKey: publicKeyText(key) } : {}) };
}

function compare(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}

function fileOf({ content }: CatalogueEntry): string {
  return content.kind === 'registry' ? '' : content.file;
}

async function readPrivateKey(path: string): Promise<KeyObject> {
  let pem: Buffer;
  try {
    pem = await readFile(path);
  } catch (error) {
    throw asImageError(error, `cannot read ${path}`);
  }
  let key: KeyObject | undefined;
  try {
    key = createPrivateKey(pem);
  } catch {
    key = undefined;
  }
  if (key?.asymmetricKeyType === 'ed25519') return key;
  throw new ImageError('invalid-argument', `${path} is not an Ed25519 private key in PEM`, {
    hint: 'Make one with: openssl genpkey -algorithm ed25519 -out key.pem',
  });
}

function publicKeyText(key: KeyObject): string {
  const { x = '' } = createPublicKey(key).export({ format: 'jwk' });
  return Buffer.from(x, 'base64url').toString('base64');
}

/** Paths with slashes, relative to the folder, in one order everywhere. */
async function imageFiles(folder: string, skipped: { file: string; why: string }[]): Promise<readonly string[]> {
  const files: string[] = [];
  const read = async (below: string): Promise<void> => {
    for (const entry of await readdir(join(folder, below), { withFileTypes: true })) {
      if (entry.name.startsWith('.')) continue;
      const path = below === '' ? entry.name : `${below}/${entry.name}`;
      if (entry.isDirectory()) {
        if (below === '')
          await read(path).catch((error: unknown) => {
            skipped.push({ file: path, why: asImageError(error, `cannot read ${join(folder, path)}`).message });
          });
      } else if (fileKind(entry.name) === undefined) continue;
      else if (entry.isFile()) files.push(path);
      else skipped.push({ file: path, why: entry.isSymbolicLink() ? 'it is a link: put the file itself there' : 'it is not a file' });
    }
  };
  try {
    await read('');
  } catch (error) {
    throw asImageError(error, `cannot read ${folder}`);
  }
  return files.sort();
}

async function describeFile(folder: string, file: string, options: BuildCatalogOptions): Promise<CatalogueEntry> {
  const path = join(folder, file);
  const kind = fileKind(file) ?? 'wim';
  const { mtime } = await stat(path);
  const described = kind === 'wim' ? await describeWim(path, options) : await describeArchive(path, options);
  const { sha256, size } = await hashFile(path, options);
  const content: CatalogueFile = { kind, file, sha256 };
  const entry = {
    published: mtime,
    ...described,
    publisher: normalizePublisher(options.publisher ?? described.publisher),
    size,
    content,
  };
  // What a reader would refuse is not written.
  parseCatalogue(formatCatalogue({ images: [entry] }));
  return entry;
}

async function describeWim(path: string, { signal }: Operation): Promise<Described> {
  using wim = await Wim.open([path], { signal });
  const [image] = wim.images;
  if (!image) throw new ImageError('invalid-content', 'it has no image');
  const { windows, containerImage } = image;
  const numbers = windows?.version && Object.values(windows.version).join('.');
  const version = readBaseVersion(containerImage?.version ?? '') ?? readBaseVersion(numbers ?? '');
  if (image.name === '') throw new ImageError('invalid-content', 'its first image has no name');
  if (version === undefined) throw new ImageError('invalid-content', 'its first image says no version');
  return {
    name: image.name,
    version,
    publisher: containerImage?.publisher ?? (windows ? 'CN=Microsoft' : ''),
    description: oneLine(image.description || (image.displayDescription ?? '')),
    ...(image.created ? { published: image.created } : {}),
  };
}

async function describeArchive(path: string, { signal }: Operation): Promise<Described> {
  await using archive = await openArchive(path, { signal });
  const [entry, ...others] = archive.entries;
  if (!entry || others.length > 0)
    throw new ImageError('invalid-content', `it has ${archive.entries.length} images, and a base image is one`);
  const { root } = await selectPlatform(archive, entry.target, { signal });
  const image = await Image.open(archive, root, { signal });
  const reference = entry.names[0] === undefined ? undefined : parseReference(entry.names[0]);
  const version = readBaseVersion(image.identity.version) ?? readBaseVersion(reference?.tag ?? '');
  const name = image.identity.name || (reference?.repository.split('/').at(-1) ?? '');
  if (name === '') throw new ImageError('invalid-content', 'its image has no name');
  if (version === undefined) throw new ImageError('invalid-content', 'its image says no version');
  const created = new Date(image.config?.created ?? '');
  const said = { ...image.config?.config.Labels, ...image.manifest.annotations };
  return {
    name,
    version,
    publisher: image.identity.publisher,
    description: oneLine(said['org.opencontainers.image.description'] ?? ''),
    ...(Number.isNaN(created.getTime()) ? {} : { published: created }),
  };
}

function oneLine(text: string): string {
  return text.replaceAll(/[\u0000-\u001f\u007f]+/g, ' ').slice(0, 1000);
}

async function hashFile(path: string, { signal }: Operation): Promise<Pick<CatalogueFile, 'sha256'> & { readonly size: number }> {
  const file = await openRegularFile(path);
  if (!file) throw new ImageError('not-found', 'it has gone meanwhile');
  try {
    const { size } = await file.stat();
    const hash = createHash('sha256');
    let read = 0;
    for await (const chunk of file.createReadStream({ autoClose: false, highWaterMark: 1024 * 1024 })) {
      if (signal?.aborted) throw canceled(signal.reason);
      hash.update(chunk as Buffer);
      read += (chunk as Buffer).length;
    }
    if (read !== size) throw new ImageError('invalid-content', 'it changed while it was read');
    return { sha256: digestFrom('sha256', hash.digest('hex')), size };
  } finally {
    await file.close();
  }
}
