import { createHash } from 'node:crypto';
import { lstat, mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { asImageError, ImageError } from '../errors.ts';
import { renameOver, syncFolder, writeFileAtomic } from '../io/atomic-file.ts';
import { canceled } from '../io/concurrently.ts';
import { makeFolderPath } from '../io/make-folder-path.ts';
import type { Operation } from '../io/operation.ts';
import { refuseOddPath } from '../io/path-rules.ts';
import { readBytes, readVerified, verified } from '../io/verified.ts';
import { once } from '../io/once.ts';
import type { Descriptor } from '../model/descriptor.ts';
import { digestAlgorithm, digestFrom, digestHex, isDigest, type Digest } from '../model/digest.ts';
import { isForeignLayerType, isManifestType } from '../model/media-types.ts';
import { maxManifestBytes, parseManifest, sniffManifestType } from '../model/manifest.ts';
import { writeDraft } from './draft.ts';
import { asReferrer, walkReferrers, type Referrers } from './find-referrers.ts';
import { FolderLock } from '../io/folder-lock.ts';
import type { ImageSink, TagOptions, WriteOptions } from './image-sink.ts';
import type { ImageSource, OpenOptions } from './image-source.ts';
import { addName, addReferrer, emptyLayoutIndex } from './layout-edit.ts';
import {
  checkLayoutVersion,
  findEntry,
  groupEntries,
  layoutText,
  listed,
  maxLayoutIndexBytes,
  parseLayoutIndex,
  withoutNames,
  type ImageEntry,
} from './layout-index.ts';
import { openRegularFile, readRange, regularFileSize } from './regular-file.ts';
import { checkDepth, successors } from './successors.ts';

const lockName = '.index.json.lock';

/**
 * An OCI image layout in a folder of the user's (`oci:PATH`), whoever made it: image-spec image-layout.md. The store is one too, but is not opened by this.
 *
 * Readers see whole blobs and whole indexes only: both are written beside their place and renamed. Paths are made of digests and nothing else.
 * Several processes of ours can write one folder at once; another tool that rewrites `index.json` in the same instant may lose a name, as any two such tools do.
 * A name that moves leaves its old entry without a name: content is never made unreachable by this.
 */
export class OciFolder implements ImageSource, ImageSink {
  readonly path: string;
  #referrers: { readonly of: string; readonly found: Referrers } | undefined;

  private constructor(path: string) {
    this.path = path;
  }

  /**
   * `create` makes the folder where there is none, or an empty one.
   * @throws ImageError `not-found`, `invalid-content` where this is no image layout, `unsupported` where it is a later version's, `conflict` where it would have to be created among other files,
   * `invalid-argument` for a name that Windows does not allow
   */
  static async open(path: string, options: { readonly create?: boolean } & Operation = {}): Promise<OciFolder> {
    if (options.create) refuseOddPath(path);
    const folder = new OciFolder(path);
    if (await folder.#isLayout()) return folder;
    const names = await listFolder(path);
    if (!options.create) throw folder.#notALayout(names);
    if (!isFree(names)) throw inTheWay(path);
    try {
      makeFolderPath(path);
      await using _lock = await FolderLock.take(join(path, lockName), options.signal);
      // another process may have been quicker, and have written names since
      if (await folder.#isLayout()) return folder;
      if (!isFree(await listFolder(path))) throw inTheWay(path);
      await mkdir(join(path, 'blobs', 'sha256'), { recursive: true });
      await writeFileAtomic(join(path, 'index.json'), emptyLayoutIndex);
      await writeFileAtomic(join(path, 'oci-layout'), layoutText);
    } catch (error) {
      throw asImageError(error, `cannot make an image layout in ${path}`);
    }
    return folder;
  }

  /** Every image of `index.json`. */
  async entries(): Promise<readonly ImageEntry[]> {
    return groupEntries(await this.#index());
  }

  /** `name` is what follows the path in `oci:PATH:NAME`: see `findEntry`. A digest finds any manifest that is here. */
  async resolve(name: string, options: Operation = {}): Promise<Descriptor> {
    if (options.signal?.aborted) throw canceled(options.signal.reason);
    const entries = await this.#index();
    const found = findEntry(entries, name, this.path);
    if (found) return withoutNames(found);
    const digest = name.startsWith('@') ? name.slice(1) : name;
    if (isDigest(digest)) {
      const bytes = await this.#readByDigest(digest);
      return { mediaType: sniffManifestType(bytes), digest, size: bytes.length };
    }
    const nested = await this.#findNested(entries, name);
    if (nested) return withoutNames(nested);
    if (entries.length === 0) throw new ImageError('not-found', `${this.path} has no images`);
    throw new ImageError('not-found', `${this.path} has no image named ${JSON.stringify(name)}`, { hint: `It has ${listed(entries)}.` });
  }

  async open(target: Descriptor, options: OpenOptions = {}): Promise<Readable> {
    if (options.signal?.aborted) throw canceled(options.signal.reason);
    const path = this.#blobPath(target.digest);
    const file = await openRegularFile(path);
    if (!file) throw this.#unknown(target);
    return readRange(file, target.digest, options);
  }

  /** True for content of the right size; a manifest is read and verified, and so is everything below it looked for. */
  async has(target: Descriptor, options: Operation = {}): Promise<boolean> {
    return this.#has(target, options, new Map(), 0);
  }

  async write(
    target: Descriptor,
    source: (offset: number) => Promise<AsyncIterable<Uint8Array>>,
    options: WriteOptions = {},
  ): Promise<void> {
    if (!isManifestType(target.mediaType)) return this.#keep(target, () => source(0), options.signal);
    const bytes = await readVerified(() => source(0), target, maxManifestBytes);
    const document = parseManifest(bytes, target.mediaType);
    for (const child of successors(document)) {
      if (isForeignLayerType(child.mediaType) || (await this.has(child, options))) continue;
      throw new ImageError('incomplete', `${target.digest} names ${child.digest}, which is not in ${this.path}`, {
        detail: { missing: [child.digest] },
      });
    }
    await this.#keep(target, async () => once(bytes), options.signal);
    // nothing else leads from an image to what refers to it
    if (document.subject) await this.#editIndex((index) => addReferrer(index, asReferrer(target, document)), options);
  }

  /** Keeps content whose digest is not known beforehand. */
  async add(mediaType: string, body: AsyncIterable<Uint8Array>, options: Operation = {}): Promise<Descriptor> {
    const hash = createHash('sha256');
    let size = 0;
    const hashed = async function* () {
      for await (const chunk of body) {
        hash.update(chunk);
        size += chunk.length;
        yield chunk;
      }
    };
    const place = async (draft: string) => {
      const digest = digestFrom('sha256', hash.digest('hex'));
      await this.#place(draft, { digest, size });
      return { mediaType, digest, size };
    };
    return writeDraft(this.path, async () => hashed(), place, options.signal);
  }

  /** `name` is written as it is given; where it is empty the image gets an entry without a name. */
  async tag(target: Descriptor, name: string, options: TagOptions = {}): Promise<void> {
    if (!(await this.has(target, options)))
      throw new ImageError('incomplete', `${target.digest} is not whole in ${this.path}: it cannot be named ${name}`);
    await this.#editIndex((index) => addName(index, withoutNames(target), name), options);
  }

  async referrers(subject: Descriptor, artifactType?: string, options: Operation = {}): Promise<readonly Descriptor[]> {
    const bytes = await this.#indexBytes();
    const of = bytes.toString('latin1');
    if (this.#referrers?.of !== of) {
      const found = await walkReferrers(this, parseLayoutIndex(bytes, join(this.path, 'index.json')), options);
      this.#referrers = { of, found };
    }
    const found = this.#referrers.found.get(subject.digest) ?? [];
    return artifactType === undefined ? found : found.filter((referrer) => referrer.artifactType === artifactType);
  }

  /** Made of a Digest, so never outside `blobs`. */
  #blobPath(digest: Digest): string {
    return join(this.path, 'blobs', digestAlgorithm(digest), digestHex(digest));
  }

  async #has(target: Descriptor, options: Operation, seen: Map<Digest, boolean>, depth: number): Promise<boolean> {
    if (options.signal?.aborted) throw canceled(options.signal.reason);
    const known = seen.get(target.digest);
    if (known !== undefined) return known;
    checkDepth(target, depth);
    let whole = (await regularFileSize(this.#blobPath(target.digest))) === target.size;
    if (whole && isManifestType(target.mediaType)) {
      const bytes = await this.#readIntact(target, options);
      whole = bytes !== undefined;
      if (bytes)
        for (const child of successors(parseManifest(bytes, target.mediaType)))
          if (!isForeignLayerType(child.mediaType) && !(await this.#has(child, options, seen, depth + 1))) whole = false;
    }
    seen.set(target.digest, whole);
    return whole;
  }

  /** Undefined where the file is damaged: it is not there, then, and a copy brings it again. */
  async #readIntact(target: Descriptor, options: Operation): Promise<Buffer | undefined> {
    try {
      return await readVerified(() => this.open(target, options), target, maxManifestBytes);
    } catch (error) {
      if (error instanceof ImageError && (error.code === 'digest-mismatch' || error.code === 'size-mismatch')) return undefined;
      throw error;
    }
  }

  async #readByDigest(digest: Digest): Promise<Buffer> {
    const size = await regularFileSize(this.#blobPath(digest));
    if (size === undefined) throw new ImageError('manifest-unknown', `${this.path} has no ${digest}`);
    return readVerified(() => this.open({ mediaType: '', digest, size }), { digest, size }, maxManifestBytes);
  }

  /** Some tools name what stands in an index of the index. */
  async #findNested(entries: readonly Descriptor[], name: string): Promise<Descriptor | undefined> {
    for (const entry of entries) {
      if (!isManifestType(entry.mediaType)) continue;
      const bytes = await this.#readIntact(entry, {});
      const document = bytes && parseManifest(bytes, entry.mediaType);
      const found = document?.kind === 'index' && name !== '' && findEntry(document.manifests, name, this.path);
      if (found) return found;
    }
    return undefined;
  }

  async #keep(target: Descriptor, source: () => Promise<AsyncIterable<Uint8Array>>, signal: AbortSignal | undefined): Promise<void> {
    const bytes = async () => verified(await source(), target);
    await writeDraft(this.path, bytes, (draft) => this.#place(draft, target), signal);
  }

  async #place(draft: string, { digest, size }: Pick<Descriptor, 'digest' | 'size'>): Promise<void> {
    const path = this.#blobPath(digest);
    const folder = join(this.path, 'blobs', digestAlgorithm(digest));
    await mkdir(folder, { recursive: true });
    for (const part of [join(this.path, 'blobs'), folder])
      if (!(await lstat(part)).isDirectory()) throw new ImageError('invalid-content', `${part} is a link: nothing is written through it`);
    try {
      await renameOver(draft, path);
    } catch (error) {
      // Windows: somebody reads the same content, which another writer has put there
      if ((await regularFileSize(path)) !== size) throw error;
    }
    await syncFolder(folder);
  }

  async #isLayout(): Promise<boolean> {
    const layout = await openRegularFile(join(this.path, 'oci-layout'));
    if (layout) {
      checkLayoutVersion(await readBytes(layout.createReadStream(), 4096, join(this.path, 'oci-layout')), join(this.path, 'oci-layout'));
      return true;
    }
    // readers of other tools do not look at oci-layout, so folders without one are about
    const index = await regularFileSize(join(this.path, 'index.json'));
    return index !== undefined && (await listFolder(join(this.path, 'blobs'))) !== undefined;
  }

  async #index(): Promise<readonly Descriptor[]> {
    return parseLayoutIndex(await this.#indexBytes(), join(this.path, 'index.json'));
  }

  async #indexBytes(): Promise<Buffer> {
    const path = join(this.path, 'index.json');
    const file = await openRegularFile(path);
    if (!file)
      throw new ImageError('invalid-content', `${this.path} has no index.json`, {
        hint: 'An image layout names its images there: this one is not whole.',
      });
    return readBytes(file.createReadStream(), maxLayoutIndexBytes, path);
  }

  /** Reads, changes and replaces `index.json` so that no other change of ours comes between, and no other tool's that can be seen. */
  async #editIndex(change: (index: Buffer) => string | undefined, options: Operation): Promise<void> {
    const path = join(this.path, 'index.json');
    await using _lock = await FolderLock.take(join(this.path, lockName), options.signal);
    for (;;) {
      const before = await this.#indexBytes();
      parseLayoutIndex(before, path);
      const after = change(before);
      if (after === undefined) return;
      if (!(await this.#indexBytes()).equals(before)) continue;
      await writeFileAtomic(path, after);
      return;
    }
  }

  #unknown(target: Descriptor): ImageError {
    return new ImageError(isManifestType(target.mediaType) ? 'manifest-unknown' : 'blob-unknown', `${this.path} has no ${target.digest}`);
  }

  #notALayout(names: readonly string[] | undefined): ImageError {
    if (!names) return new ImageError('not-found', `there is no folder ${this.path}`);
    const hint =
      names.includes('version') && names.includes('manifest.json')
        ? `It is a folder as skopeo's dir: writes it: dir:${this.path} reads it.`
        : 'An image layout has the files oci-layout and index.json and the folder blobs.';
    return new ImageError('invalid-content', `${this.path} is not an OCI image layout`, { hint });
  }
}

/** True where a layout can be made: nothing is there but what another process of ours is just making it of. */
function isFree(names: readonly string[] | undefined): boolean {
  return names === undefined || names.every((name) => name === 'blobs' || name.startsWith('index.json.') || name === lockName);
}

function inTheWay(path: string): ImageError {
  return new ImageError('conflict', `${path} is not an image layout and not empty`, {
    hint: 'Name a folder that does not exist yet, or an empty one.',
  });
}

/** The names in a folder; undefined where there is none. */
async function listFolder(path: string): Promise<readonly string[] | undefined> {
  try {
    return await readdir(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return undefined;
    if (code === 'ENOTDIR')
      throw new ImageError('invalid-content', `${path} is a file, not a folder`, {
        hint: `An image layout in a tar is read as oci-archive:${path}.`,
      });
    throw asImageError(error, `cannot read ${path}`);
  }
}
