import { createHash } from 'node:crypto';
import { ImageError } from '../errors.ts';
import { detectCompression, detectionLength } from '../formats/compression/detect.ts';
import type { Operation } from '../io/operation.ts';
import { digestMismatch, readBytes } from '../io/verified.ts';
import { maxConfigBytes, parseConfig } from '../model/config.ts';
import type { Descriptor } from '../model/descriptor.ts';
import { digestAlgorithm, digestFrom, digestOf, isDigest, type Digest } from '../model/digest.ts';
import { isForeignLayerType, mediaTypes } from '../model/media-types.ts';
import { readSmall, type ArchiveFile, type ArchiveFiles } from './archive-files.ts';
import type { DockerImage } from './docker-manifest.ts';

/** A manifest for an image that has none in its archive, and the files that its descriptors stand for. */
export interface MadeManifest {
  readonly target: Descriptor;
  readonly bytes: Buffer;
  readonly pieces: ReadonlyMap<Digest, ArchiveFile>;
}

/**
 * Makes the manifest of an image of the old dialect, which has only a config and layers: with OCI's media types, as the tools that read an image layout by
 * name know no others (umoci; skopeo up to 1.9), layers as they are in the archive (a plain tar stays plain), and nothing of this machine. So an archive is
 * the same image everywhere; the manifest that a registry may have had for it is lost with its packed layers.
 *
 * A foreign layer whose bytes are there becomes an ordinary one; where only `LayerSources` speaks of it, it stays foreign.
 *
 * @throws ImageError `invalid-content`, `incomplete`, `digest-mismatch` where a layer is not the one that the config names, `unsupported` for a layer packed in a way that no media type says
 */
export async function makeManifest(
  image: DockerImage,
  files: ArchiveFiles,
  known: Map<ArchiveFile, LayerKind>,
  operation: Operation = {},
): Promise<MadeManifest> {
  const configFile = files.find(image.config);
  if (!configFile) throw incomplete(image, image.config);
  const configBytes = await readSmall(configFile, image.config, maxConfigBytes);
  const config = { mediaType: mediaTypes.ociConfig, digest: checkedDigest(configBytes, image.config), size: configBytes.length };
  const { diffIds } = parseConfig(configBytes);
  if (diffIds.length !== image.layers.length)
    throw new ImageError(
      'invalid-content',
      `the archive has ${image.layers.length} layers for ${image.config}, whose config names ${diffIds.length}`,
    );

  const pieces = new Map([[config.digest, configFile]]);
  const layers: Descriptor[] = [];
  for (const [at, path] of image.layers.entries()) {
    const diffId = diffIds[at];
    const file = files.find(path);
    const source = diffId && image.layerSources.get(diffId);
    if (!file && (!source || !isForeignLayerType(source.mediaType))) throw incomplete(image, path);
    const layer = file && diffId ? await describeLayer(file, path, diffId, known, operation) : source && asOciForeign(source);
    if (!layer) continue;
    layers.push(layer);
    if (file) pieces.set(layer.digest, file);
  }
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociManifest, config, layers }));
  return { target: { mediaType: mediaTypes.ociManifest, digest: digestOf(bytes), size: bytes.length }, bytes, pieces };
}

function asOciForeign({ mediaType, digest, size, urls }: Descriptor): Descriptor {
  const type = {
    [mediaTypes.dockerForeignLayer]: mediaTypes.ociForeignLayer,
    [mediaTypes.dockerForeignLayerGzip]: mediaTypes.ociForeignLayerGzip,
  }[mediaType];
  return { mediaType: type ?? mediaType, digest, size, ...(urls ? { urls } : {}) };
}

/** What has been found out about a layer's file: images of one archive share theirs. */
export interface LayerKind {
  readonly mediaType: string;
  readonly isPlain: boolean;
  /** Where it had to be read to know. */
  digest?: Digest;
}

async function describeLayer(
  file: ArchiveFile,
  path: string,
  diffId: Digest,
  known: Map<ArchiveFile, LayerKind>,
  operation: Operation,
): Promise<Descriptor> {
  let kind = known.get(file);
  if (!kind) known.set(file, (kind = await layerKind(file, path, operation)));
  const isDiffId = kind.isPlain && digestAlgorithm(diffId) === 'sha256';
  const digest = file.digest ?? (isDiffId ? diffId : (blobDigest(path) ?? (kind.digest ??= await hash(file, operation))));
  // where the bytes were not read yet, whoever keeps them finds it out
  if (isDiffId && digest !== diffId) throw digestMismatch({ digest: diffId }, digest);
  return { mediaType: kind.mediaType, digest, size: file.size };
}

async function layerKind(file: ArchiveFile, path: string, operation: Operation): Promise<LayerKind> {
  const head = await readBytes(await file.open({ ...operation, length: detectionLength }), detectionLength, path);
  const compression = detectCompression(head);
  if (compression === 'xz' || compression === 'bzip2')
    throw new ImageError('unsupported', `the layer ${path} is packed with ${compression}: no image may have such a layer`, {
      hint: 'Unpack that layer, or save the image again with its own tool.',
    });
  const mediaType = { none: mediaTypes.ociLayer, gzip: mediaTypes.ociLayerGzip, zstd: mediaTypes.ociLayerZstd }[compression];
  return { mediaType, isPlain: compression === 'none' };
}

async function hash(file: ArchiveFile, operation: Operation): Promise<Digest> {
  const sha256 = createHash('sha256');
  for await (const chunk of await file.open(operation)) sha256.update(chunk as Uint8Array);
  return digestFrom('sha256', sha256.digest('hex'));
}

/** The digest that the path of a blob is made of; undefined for any other path. */
export function blobDigest(path: string): Digest | undefined {
  const match = /^blobs\/(sha256|sha512)\/([a-f0-9]+)$/.exec(path);
  const digest = match && `${match[1]}:${match[2]}`;
  return isDigest(digest) ? digest : undefined;
}

function checkedDigest(bytes: Buffer, path: string): Digest {
  const claimed = blobDigest(path);
  const digest = digestOf(bytes, claimed && digestAlgorithm(claimed));
  if (claimed && digest !== claimed) throw digestMismatch({ digest: claimed }, digest);
  return digest;
}

function incomplete({ names, config }: DockerImage, path: string): ImageError {
  return new ImageError('incomplete', `the archive has no ${JSON.stringify(path)}, which ${names[0] ?? config} needs`, {
    hint: 'It was cut short, or not written whole: save the image again.',
    detail: { missing: [path] },
  });
}
