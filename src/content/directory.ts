/**
 * skopeo's `dir:PATH`: one image in a folder, for looking at and for tools that read nothing else. `manifest.json` is the image or index;
 * `HEX.manifest.json` the manifests below an index; `HEX` every blob; `version` says that the folder is such a one. `signature-N` files may
 * lie beside them and are not read. There are no names: the one that it knows is empty.
 */
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { asImageError, ImageError, isSystemError } from '../errors.ts';
import { renameOver, syncFolder, writeFileAtomic } from '../io/atomic-file.ts';
import { canceled } from '../io/concurrently.ts';
import { makeFolderPath } from '../io/make-folder-path.ts';
import type { Operation } from '../io/operation.ts';
import { refuseOddPath } from '../io/path-rules.ts';
import { readBytes, readVerified, verified } from '../io/verified.ts';
import { once } from '../io/once.ts';
import type { Descriptor } from '../model/descriptor.ts';
import { digestAlgorithm, digestHex, digestOf, isDigest, type Digest } from '../model/digest.ts';
import { isForeignLayerType, isManifestType } from '../model/media-types.ts';
import { maxManifestBytes, parseManifest, sniffManifestType } from '../model/manifest.ts';
import { ContentGraph } from './content-graph.ts';
import { writeDraft } from './draft.ts';
import type { ImageSink, TagOptions, WriteOptions } from './image-sink.ts';
import type { ImageSource, OpenOptions } from './image-source.ts';
import { isRegularFile, openRegularFile, readRange, regularFileSize } from './regular-file.ts';
import { successors } from './successors.ts';

const version = 'Directory Transport Version: 1.1\n';

/** What the transport puts there, and so what it may take away. */
const ownFile = /^(?:[a-f0-9]{64}|[a-f0-9]{128})(?:\.manifest\.json|\.signature-\d+)?$|^signature-\d+$/;

/** skopeo's `dir:PATH`: one image in a folder, without a name. */
export class Directory implements ImageSource, ImageSink {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  /**
   * `create` makes the folder where there is none, or an empty one. One that has an image keeps it until another is tagged.
   * @throws ImageError `not-found`, `invalid-content` where this is no such folder, `unsupported` for a later version, `conflict` where other files are in the way, `invalid-argument` for a name that Windows does not allow
   */
  static async open(path: string, options: { readonly create?: boolean } & Operation = {}): Promise<Directory> {
    if (options.create) refuseOddPath(path);
    const folder = new Directory(path);
    const names = await listFolder(path);
    if (names?.includes('version')) {
      const text = (await folder.#small('version', 256)).toString('utf8');
      const found = /^Directory Transport Version: (\d+)\.\d+\s*$/.exec(text);
      if (!found) throw notOne(path);
      if (found[1] !== '1') throw new ImageError('unsupported', `${path} is of version ${found[1]} of dir:, only 1 is known here`);
      return folder;
    }
    if (!options.create) {
      if (!names) throw new ImageError('not-found', `there is no folder ${path}`);
      // the version file came with 1.1: older folders have a manifest and nothing that says what they are
      if (names.includes('manifest.json')) return folder;
      throw notOne(path);
    }
    if (names && names.length > 0)
      throw new ImageError('conflict', `${path} is not a dir: folder and not empty`, {
        hint: 'Name a folder that does not exist yet, or an empty one.',
      });
    try {
      makeFolderPath(path);
      await writeFileAtomic(join(path, 'version'), version);
    } catch (error) {
      throw asImageError(error, `cannot write ${path}`);
    }
    return folder;
  }

  /** The image of the folder, for an empty name or its own digest; a manifest below it, for that one's. */
  async resolve(name: string, options: Operation = {}): Promise<Descriptor> {
    if (options.signal?.aborted) throw canceled(options.signal.reason);
    if (!(await isRegularFile(join(this.path, 'manifest.json'))))
      throw new ImageError('not-found', `${this.path} has no image yet: manifest.json comes last, and is not there`);
    const bytes = await this.#small('manifest.json', maxManifestBytes);
    const bare = name.startsWith('@') ? name.slice(1) : name;
    const root = { mediaType: sniffManifestType(bytes), digest: digestOf(bytes), size: bytes.length };
    if (name === '') return root;
    if (!isDigest(bare))
      throw new ImageError('not-found', `${this.path} has no image named ${JSON.stringify(name)}`, {
        hint: 'A dir: folder has one image, which has no name.',
      });
    if (digestOf(bytes, digestAlgorithm(bare)) === bare) return { ...root, digest: bare };
    const size = await regularFileSize(this.#manifestPath(bare));
    if (size === undefined) throw new ImageError('manifest-unknown', `${this.path} has no ${bare}`);
    const below = await this.#small(`${digestHex(bare)}.manifest.json`, maxManifestBytes);
    return { mediaType: sniffManifestType(below), digest: bare, size };
  }

  async open(target: Descriptor, options: OpenOptions = {}): Promise<Readable> {
    if (options.signal?.aborted) throw canceled(options.signal.reason);
    for (const path of await this.#places(target)) {
      const file = await openRegularFile(path);
      if (file) return readRange(file, target.digest, options);
    }
    throw new ImageError(isManifestType(target.mediaType) ? 'manifest-unknown' : 'blob-unknown', `${this.path} has no ${target.digest}`);
  }

  async has(target: Descriptor, options: Operation = {}): Promise<boolean> {
    if (!isManifestType(target.mediaType)) return this.#hasBlob(target);
    const graph = await ContentGraph.walk(this, (blob) => this.#hasBlob(blob), [target], options);
    return graph.missing(target).length === 0;
  }

  async write(
    target: Descriptor,
    source: (offset: number) => Promise<AsyncIterable<Uint8Array>>,
    options: WriteOptions = {},
  ): Promise<void> {
    if (!isManifestType(target.mediaType))
      return this.#keep(this.#blobPath(target.digest), async () => verified(await source(0), target), options.signal);
    const bytes = await readVerified(() => source(0), target, maxManifestBytes);
    for (const child of successors(parseManifest(bytes, target.mediaType))) {
      if (isForeignLayerType(child.mediaType) || (await this.has(child, options))) continue;
      throw new ImageError('incomplete', `${target.digest} names ${child.digest}, which is not in ${this.path}`, {
        detail: { missing: [child.digest] },
      });
    }
    await this.#keep(this.#manifestPath(target.digest), async () => once(bytes), options.signal);
  }

  /** Makes it the image of the folder, and takes away what only the one before it needed. A name cannot be kept here, and is not. */
  async tag(target: Descriptor, _name: string, options: TagOptions = {}): Promise<void> {
    const graph = await ContentGraph.walk(this, (blob) => this.#hasBlob(blob), [target], options);
    const [missing] = graph.missing(target);
    if (missing)
      throw new ImageError('incomplete', `${target.digest} is not whole in ${this.path}: ${missing.digest} is not there`, {
        detail: { missing: [missing.digest] },
      });
    const bytes = await readVerified(() => this.open(target, options), target, maxManifestBytes);
    await writeFileAtomic(join(this.path, 'manifest.json'), bytes);
    const needed = new Set(
      graph
        .reachable(target)
        .map(({ target: piece, document }) =>
          document === undefined ? digestHex(piece.digest) : `${digestHex(piece.digest)}.manifest.json`,
        ),
    );
    needed.delete(`${digestHex(target.digest)}.manifest.json`);
    for (const name of (await listFolder(this.path)) ?? [])
      if (ownFile.test(name) && !needed.has(name)) await rm(join(this.path, name), { force: true });
  }

  #blobPath(digest: Digest): string {
    return join(this.path, digestHex(digest));
  }

  #manifestPath(digest: Digest): string {
    return `${this.#blobPath(digest)}.manifest.json`;
  }

  /** Where its bytes may be. The image of the folder is in `manifest.json`, which any other manifest of the same size is not. */
  async #places(target: Descriptor): Promise<readonly string[]> {
    if (!isManifestType(target.mediaType)) return [this.#blobPath(target.digest)];
    const root = join(this.path, 'manifest.json');
    if ((await regularFileSize(root)) !== target.size) return [this.#manifestPath(target.digest)];
    const isRoot = digestOf(await this.#small('manifest.json', maxManifestBytes), digestAlgorithm(target.digest)) === target.digest;
    return isRoot ? [root] : [this.#manifestPath(target.digest)];
  }

  async #hasBlob(blob: Descriptor): Promise<boolean> {
    return (await regularFileSize(this.#blobPath(blob.digest))) === blob.size;
  }

  async #small(name: string, limit: number): Promise<Buffer> {
    const file = await openRegularFile(join(this.path, name));
    if (!file)
      throw new ImageError('invalid-content', `${this.path} has no ${name}`, {
        hint: 'It was not written whole: copy the image there again.',
      });
    return readBytes(file.createReadStream(), limit, join(this.path, name));
  }

  async #keep(path: string, bytes: () => Promise<AsyncIterable<Uint8Array>>, signal: AbortSignal | undefined): Promise<void> {
    const place = async (draft: string) => {
      await renameOver(draft, path);
      await syncFolder(this.path);
    };
    await writeDraft(this.path, bytes, place, signal);
  }
}

async function listFolder(path: string): Promise<readonly string[] | undefined> {
  try {
    return await readdir(path);
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return undefined;
    throw asImageError(error, `cannot read ${path}`);
  }
}

function notOne(path: string): ImageError {
  return new ImageError('invalid-content', `${path} is not a folder as dir: has them`, {
    hint: `If it has oci-layout and index.json, oci:${path} reads it.`,
  });
}
