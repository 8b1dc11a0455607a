import { Readable } from 'node:stream';
import { ImageError } from '../errors.ts';
import type { Operation } from '../io/operation.ts';
import { readVerified } from '../io/verified.ts';
import { maxConfigBytes } from '../model/config.ts';
import type { Descriptor } from '../model/descriptor.ts';
import { digestOf, isDigest, type Digest } from '../model/digest.ts';
import { isManifestType } from '../model/media-types.ts';
import { maxManifestBytes, sniffManifestType } from '../model/manifest.ts';
import type { ArchiveFile, ArchiveFiles } from './archive-files.ts';
import { ContentGraph } from './content-graph.ts';
import { blobDigest, makeManifest, type LayerKind } from './docker-archive.ts';
import { maxDockerManifestBytes, parseDockerManifest, type DockerImage } from './docker-manifest.ts';
import { walkReferrers, type Referrers } from './find-referrers.ts';
import type { ImageSource, OpenOptions } from './image-source.ts';
import type { Intake } from './intake.ts';
import {
  checkLayoutVersion,
  containerdName,
  entryNames,
  findEntry,
  groupEntries,
  listed,
  maxLayoutIndexBytes,
  parseLayoutIndex,
  withoutNames,
  type ImageEntry,
} from './layout-index.ts';

export interface ArchiveEntry extends ImageEntry {
  /** What is named below `target`, or is `target`, and is nowhere to be had: the platforms that were left out of an index. Empty where the image is whole. */
  readonly missing: readonly Descriptor[];
  /** The largest whole manifests: `target` alone, or what is left of it. */
  readonly whole: readonly Descriptor[];
  /** The archive has no manifest for it (docker before 25, podman, skopeo): this one was made here, and is another than a registry has. */
  readonly isMade: boolean;
}

/** What an archive is made of, however it was read. */
export interface ArchiveParts {
  /** For messages. */
  readonly path: string;
  readonly files: ArchiveFiles;
  readonly blobs: Map<Digest, ArchiveFile>;
  /** Where content may be that the archive leaves out. */
  readonly elsewhere: Pick<Intake, 'has' | 'open'> | undefined;
  close(): Promise<void>;
}

/** A small manifest.json can ask for large ones. */
const maxMadeBytes = 128 * 1024 * 1024;

/**
 * A tar with images in it, opened: an OCI layout, a docker archive, or both at once, told by what it holds and not by its name.
 * Names are canonical references. Where it is both, the layout counts, as it has the manifests; that the two speak of the same images is checked.
 */
export class Archive implements ImageSource, AsyncDisposable {
  readonly #parts: ArchiveParts;
  readonly #made = new Map<Digest, Buffer>();
  #listed: readonly Descriptor[] = [];
  #entries: readonly ArchiveEntry[] = [];
  #referrers: Referrers | undefined;

  private constructor(parts: ArchiveParts) {
    this.#parts = parts;
  }

  /** @throws ImageError `invalid-content`, `incomplete`, `unsupported`, `too-large` */
  static async read(parts: ArchiveParts, operation: Operation = {}): Promise<Archive> {
    const archive = new Archive(parts);
    await archive.#read(operation);
    return archive;
  }

  get entries(): readonly ArchiveEntry[] {
    return this.#entries;
  }

  async resolve(name: string, operation: Operation = {}): Promise<Descriptor> {
    const { path } = this.#parts;
    const found = findEntry(this.#listed, name, path);
    if (found) return withoutNames(found);
    const digest = name.startsWith('@') ? name.slice(1) : name;
    const file = isDigest(digest) ? this.#parts.blobs.get(digest) : undefined;
    if (file && isDigest(digest)) {
      const target = { mediaType: '', digest, size: file.size };
      return { ...target, mediaType: sniffManifestType(await this.#document(target, operation)) };
    }
    throw new ImageError('not-found', `${path} has no image named ${JSON.stringify(name)}`, { hint: `It has ${listed(this.#listed)}.` });
  }

  async open(target: Descriptor, options: OpenOptions = {}): Promise<Readable> {
    const made = this.#made.get(target.digest);
    if (made) {
      const { offset = 0, length = made.length } = options;
      if (offset > made.length)
        throw new ImageError('range-invalid', `${target.digest} has ${made.length} bytes: nothing can be read from byte ${offset} on`);
      return Readable.from(
        [made.subarray(offset, offset + length)].filter((bytes) => bytes.length > 0),
        { objectMode: false },
      );
    }
    const file = this.#parts.blobs.get(target.digest);
    if (file) return file.open(options);
    if (this.#parts.elsewhere) return this.#parts.elsewhere.open(target, options);
    throw new ImageError(
      isManifestType(target.mediaType) ? 'manifest-unknown' : 'blob-unknown',
      `${this.#parts.path} has no ${target.digest}`,
    );
  }

  async referrers(subject: Descriptor, artifactType?: string, operation: Operation = {}): Promise<readonly Descriptor[]> {
    this.#referrers ??= await walkReferrers(this, this.#listed, operation);
    const found = this.#referrers.get(subject.digest) ?? [];
    return artifactType === undefined ? found : found.filter((referrer) => referrer.artifactType === artifactType);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#parts.close();
  }

  async #read(operation: Operation): Promise<void> {
    const { files, path } = this.#parts;
    const layoutBytes = await files.read('oci-layout', 4096);
    if (layoutBytes) checkLayoutVersion(layoutBytes, 'oci-layout');
    const indexBytes = await files.read('index.json', maxLayoutIndexBytes);
    const dockerBytes = await files.read('manifest.json', maxDockerManifestBytes);
    if (!indexBytes && !dockerBytes) throw notAnArchive(path, files, layoutBytes !== undefined);

    const listed = indexBytes ? parseLayoutIndex(indexBytes, 'index.json') : [];
    const images = dockerBytes ? parseDockerManifest(dockerBytes) : [];
    const graph = await ContentGraph.walk(this, (blob, scope) => this.#isThere(blob, scope), listed, operation);
    // docker has written archives whose index.json leads to nothing
    const isLayout = images.length === 0 || listed.some((entry) => graph.reachable(entry).length > 0);
    this.#listed = isLayout ? await this.#withDockerNames(listed, graph, images) : await this.#makeAll(images, operation);
    this.#entries = groupEntries(this.#listed).map((entry) =>
      isLayout
        ? { ...entry, missing: graph.missing(entry.target), whole: graph.whole(entry.target).map(withoutNames), isMade: false }
        : { ...entry, missing: [], whole: [entry.target], isMade: true },
    );
    if (this.#entries.length === 0) throw new ImageError('invalid-content', `${path} is an archive without an image`);
  }

  /** One descriptor for each name, as an index.json would have it. Of two images of one name, `docker load` leaves it with the last. */
  async #makeAll(images: readonly DockerImage[], operation: Operation): Promise<readonly Descriptor[]> {
    const known = new Map<ArchiveFile, LayerKind>();
    const targets = new Map<Digest, Descriptor>();
    const byName = new Map<string, Digest>();
    let total = 0;
    for (const image of images) {
      const { target, bytes, pieces } = await makeManifest(image, this.#parts.files, known, operation);
      if ((total += bytes.length) > maxMadeBytes)
        throw new ImageError('too-large', `the manifests of ${this.#parts.path} are larger than ${maxMadeBytes} bytes`);
      this.#made.set(target.digest, bytes);
      for (const [digest, file] of pieces) this.#parts.blobs.set(digest, file);
      targets.set(target.digest, target);
      for (const name of image.names) byName.set(name, target.digest);
    }
    const named = Map.groupBy(byName, ([, digest]) => digest);
    return [...targets.values()].flatMap(
      (target) => named.get(target.digest)?.map(([name]) => ({ ...target, annotations: { [containerdName]: name } })) ?? [target],
    );
  }

  /** Both documents, held together: an archive must not be one image to docker and another to us. */
  async #withDockerNames(
    listed: readonly Descriptor[],
    graph: ContentGraph,
    images: readonly DockerImage[],
  ): Promise<readonly Descriptor[]> {
    if (images.length === 0) return listed;
    const byConfig = new Map<Digest, Map<Digest, Descriptor>>();
    const byName = new Map<string, Digest[]>();
    for (const entry of listed) {
      for (const name of entryNames(entry)) byName.set(name, [...(byName.get(name) ?? []), entry.digest]);
      for (const { document } of graph.reachable(entry)) {
        if (document?.kind !== 'manifest') continue;
        const of = byConfig.get(document.config.digest) ?? new Map<Digest, Descriptor>();
        byConfig.set(document.config.digest, of.set(entry.digest, withoutNames(entry)));
      }
    }
    const all = [...listed];
    for (const image of images) {
      const config = await this.#configDigest(image);
      const of = config && byConfig.get(config);
      const [first] = of?.values() ?? [];
      if (!of || !first) throw differing(`${image.names[0] ?? image.config} of manifest.json is not in index.json`);
      for (const name of image.names) {
        const named = byName.get(name);
        if (named?.some((digest) => !of.has(digest))) throw differing(`${name} is one image in manifest.json and another in index.json`);
        if (named) continue;
        byName.set(name, [first.digest]);
        all.push({ ...first, annotations: { ...first.annotations, [containerdName]: name } });
      }
    }
    return all;
  }

  async #configDigest({ config }: DockerImage): Promise<Digest | undefined> {
    const claimed = blobDigest(config);
    if (claimed) return this.#parts.blobs.has(claimed) ? claimed : undefined;
    const bytes = await this.#parts.files.read(config, maxConfigBytes);
    return bytes && digestOf(bytes);
  }

  async #isThere(target: Descriptor, operation: Operation): Promise<boolean> {
    if (this.#parts.blobs.get(target.digest)?.size === target.size) return true;
    return (await this.#parts.elsewhere?.has(target, operation)) ?? false;
  }

  #document(target: Descriptor, operation: Operation): Promise<Buffer> {
    return readVerified(() => this.open(target, operation), target, maxManifestBytes);
  }
}

function notAnArchive(path: string, files: ArchiveFiles, isLayout: boolean): ImageError {
  if (isLayout)
    return new ImageError('invalid-content', `${path} has no index.json`, {
      hint: 'It was cut short, or not written whole: save the image again.',
    });
  if (files.has('repositories'))
    return new ImageError('unsupported', `${path} was saved by docker 1.9 or older`, {
      hint: 'Load it into a docker between 1.10 and 24, and save it there again.',
    });
  if (files.count === 0) return new ImageError('invalid-content', `unexpected EOF: ${path} is empty`);
  return new ImageError('invalid-content', `${path} is not an image archive: it has neither index.json nor manifest.json`, {
    hint: 'The tar of a root file system becomes an image by import.',
  });
}

function differing(why: string): ImageError {
  return new ImageError('invalid-content', `the archive contradicts itself: ${why}`, {
    hint: 'Such an archive is one image to some tools and another to others; nothing of it was taken.',
  });
}
