import type { Readable } from 'node:stream';
import { ImageError, isImageError } from '../errors.ts';
import { writeTar, type NewTarMember } from '../formats/tar/write-tar.ts';
import type { Operation } from '../io/operation.ts';
import { readVerified, verified } from '../io/verified.ts';
import { maxConfigBytes, parseConfig } from '../model/config.ts';
import type { Descriptor } from '../model/descriptor.ts';
import { digestAlgorithm, digestHex, type Digest } from '../model/digest.ts';
import { isForeignLayerType, isImageConfigType, isLayerType } from '../model/media-types.ts';
import type { Manifest } from '../model/manifest.ts';
import { formatPlatform, hostPlatform, platformMatch, type Platform } from '../model/platform.ts';
import { familiar, parseReference } from '../model/reference.ts';
import { ContentGraph } from './content-graph.ts';
import { counted } from './counted.ts';
import { formatDockerManifest } from './docker-manifest.ts';
import type { ImageSink } from './image-sink.ts';
import type { ImageSource } from './image-source.ts';
import { formatLayoutIndex } from './layout-edit.ts';
import { containerdName, layoutText, refName, type ImageEntry } from './layout-index.ts';
import { isAttestation } from './select-platform.ts';

export interface WriteArchiveOptions extends Operation {
  /**
   * `docker`: an OCI layout and a docker archive at once, as `docker save` writes it; names are canonical references.
   * `oci`: the layout alone (`oci-archive:`); names are written as they are given. Default: `docker`.
   */
  readonly dialect?: 'docker' | 'oci' | undefined;
  /** Which of an index's images `manifest.json` speaks of, as readers of that know no indexes. Default: what this machine would run; else the first. */
  readonly platform?: Platform | undefined;
  /** Called with what is not there and is left out. Without it an image that is not whole is refused. */
  readonly onMissing?: ((missing: readonly Descriptor[]) => void) | undefined;
}

/** Where content is read from; where it also says what it has, that is asked instead of opening it. */
export type ArchiveInput = Pick<ImageSource, 'open'> & Partial<Pick<ImageSink, 'has'>>;

/**
 * One tar with these images, each piece once, in an order and with bytes that depend on the images and the options only.
 * Digests are as they are in the source; each piece is verified on its way, and the stream fails where one does not hold. Nothing is spooled.
 *
 * @throws ImageError `incomplete` before the first byte, saying what is missing
 */
export async function writeArchive(
  source: ArchiveInput,
  images: readonly ImageEntry[],
  options: WriteArchiveOptions = {},
): Promise<Readable> {
  const graph = await ContentGraph.walk(
    source,
    presence(source),
    images.map(({ target }) => target),
    options,
  );
  const missing = images.map((image) => ({ image, pieces: graph.missing(image.target) })).filter(({ pieces }) => pieces.length > 0);
  if (missing.length > 0) {
    if (!options.onMissing) throw incomplete(missing, options.dialect);
    options.onMissing(missing.flatMap(({ pieces }) => pieces));
  }
  const blobs = new Map<string, Descriptor>();
  for (const { target } of images)
    for (const { target: piece } of graph.reachable(target)) {
      const path = blobPath(piece.digest);
      const before = blobs.get(path);
      if (before && before.size !== piece.size)
        throw new ImageError('invalid-content', `${piece.digest} is named with ${before.size} and with ${piece.size} bytes`);
      blobs.set(path, before ?? piece);
    }
  const documents: [path: string, text: string][] = [
    ['index.json', formatLayoutIndex(options.dialect === 'oci' ? typedEntries(images) : dockerEntries(images))],
    ...(options.dialect === 'oci' ? [] : [['manifest.json', await dockerManifest(source, images, graph, options)] as [string, string]]),
    ['oci-layout', layoutText],
  ];
  return writeTar(members(source, blobs, documents, options), { signal: options.signal });
}

function* members(
  source: ArchiveInput,
  blobs: ReadonlyMap<string, Descriptor>,
  documents: readonly [string, string][],
  options: Operation,
): Generator<NewTarMember> {
  const folders = new Set(['blobs/', 'blobs/sha256/', ...[...blobs.keys()].map((path) => path.slice(0, path.lastIndexOf('/') + 1))]);
  const all = [...folders, ...blobs.keys()].toSorted();
  for (const path of all) {
    const target = blobs.get(path);
    if (!target) yield { entry: { path, type: 'directory', mode: 0o755 } };
    else yield { entry: { path, mode: 0o444, size: target.size }, body: piece(source, target, options) };
  }
  for (const [path, text] of documents) yield { entry: { path, mode: path === 'oci-layout' ? 0o444 : 0o644 }, body: text };
}

async function* piece(source: ArchiveInput, target: Descriptor, { signal, onProgress }: Operation): AsyncGenerator<Uint8Array> {
  yield* counted(verified(await source.open(target, { signal }), target), target, 0, onProgress);
  onProgress?.({ target, state: 'done' });
}

function blobPath(digest: Digest): string {
  return `blobs/${digestAlgorithm(digest)}/${digestHex(digest)}`;
}

/** A source that cannot say what it has is asked for the first byte. */
function presence(source: ArchiveInput): (blob: Descriptor, operation: Operation) => Promise<boolean> {
  if (source.has) return (blob, operation) => source.has!(blob, operation);
  return async (blob, operation) => {
    try {
      (await source.open(blob, operation)).destroy();
      return true;
    } catch (error) {
      if (isImageError(error, 'blob-unknown', 'manifest-unknown', 'not-found')) return false;
      throw error;
    }
  };
}

/** One entry for each name. As in docker's archives the short name is the tag alone, but where two images would have the same. */
function dockerEntries(images: readonly ImageEntry[]): readonly Descriptor[] {
  const byTag = new Map<string | undefined, Set<Digest>>();
  for (const { target, names } of images)
    for (const name of names) {
      const { tag } = parseReference(name);
      byTag.set(tag, (byTag.get(tag) ?? new Set()).add(target.digest));
    }
  return images.flatMap(({ target, names }) => {
    const named = names.map((name) => {
      const reference = parseReference(name);
      const short = reference.tag !== undefined && byTag.get(reference.tag)?.size === 1 ? reference.tag : familiar(reference);
      return { ...target, annotations: { ...target.annotations, [containerdName]: name, [refName]: short } };
    });
    return named.length > 0 ? named : [target];
  });
}

function typedEntries(images: readonly ImageEntry[]): readonly Descriptor[] {
  return images.flatMap(({ target, names }) =>
    names.length === 0
      ? [target]
      : names.map((name) => (name === '' ? target : { ...target, annotations: { ...target.annotations, [refName]: name } })),
  );
}

/** Speaks of images only: an artifact is in the layout alone, as `docker load` would stumble over it. */
async function dockerManifest(
  source: ArchiveInput,
  images: readonly ImageEntry[],
  graph: ContentGraph,
  options: WriteArchiveOptions,
): Promise<string> {
  const wanted = options.platform ?? hostPlatform();
  const items = new Map<
    Digest,
    { config: string; repoTags: string[]; layers: readonly string[]; layerSources: ReadonlyMap<string, Descriptor> }
  >();
  for (const { target, names } of images) {
    const repoTags = names.map((name) => familiar(parseReference(name)));
    const candidates = graph
      .whole(target)
      .flatMap((root) =>
        graph
          .reachable(root)
          .flatMap(({ target: at, document }) =>
            document?.kind === 'manifest' && isImageConfigType(document.config.mediaType) && !isAttestation(at) ? [{ at, document }] : [],
          ),
      );
    const score = ({ at }: { at: Descriptor }) => (at.platform ? platformMatch(wanted, at.platform) : 0);
    const [best] = candidates.toSorted((a, b) => score(b) - score(a));
    if (!best) continue;
    const item = items.get(best.at.digest) ?? { ...(await describe(source, best.document, options)), repoTags: [] };
    item.repoTags.push(...repoTags);
    items.set(best.at.digest, item);
  }
  return formatDockerManifest([...items.values()]);
}

async function describe(source: ArchiveInput, manifest: Manifest, options: Operation) {
  const layers = manifest.layers.filter(({ mediaType }) => isLayerType(mediaType));
  const layerSources = new Map<string, Descriptor>();
  if (layers.some(({ mediaType }) => isForeignLayerType(mediaType))) {
    const { diffIds } = parseConfig(await readVerified(() => source.open(manifest.config, options), manifest.config, maxConfigBytes));
    for (const [at, layer] of layers.entries()) {
      const diffId = diffIds[at];
      if (diffId && isForeignLayerType(layer.mediaType)) layerSources.set(diffId, layer);
    }
  }
  return { config: blobPath(manifest.config.digest), layers: layers.map(({ digest }) => blobPath(digest)), layerSources };
}

function incomplete(
  missing: readonly { image: ImageEntry; pieces: readonly Descriptor[] }[],
  dialect: WriteArchiveOptions['dialect'],
): ImageError {
  const sentences = missing.map(({ image, pieces }) => {
    const [first = ''] = image.names;
    const name = first === '' ? image.target.digest : dialect === 'oci' ? first : familiar(parseReference(first));
    const platforms = pieces.flatMap(({ platform }) => (platform ? [formatPlatform(platform)] : []));
    return `${name} lacks ${platforms.length > 0 ? [...new Set(platforms)].join(', ') : pieces.length === 1 ? pieces[0]?.digest : `${pieces.length} pieces of its content`}`;
  });
  return new ImageError('incomplete', `not all of it is here: ${sentences.join('; ')}`, {
    hint: 'Save one platform with --platform, or pull the others first.',
    detail: { missing: missing.flatMap(({ pieces }) => pieces.map(({ digest }) => digest)) },
  });
}
