import { createHash } from 'node:crypto';
import { ImageError } from '../errors.ts';
import { decompress } from '../formats/compression/decompress.ts';
import { peekCompression } from '../formats/compression/detect.ts';
import type { TarEntry } from '../formats/tar/entry.ts';
import { TarParser } from '../formats/tar/parser.ts';
import type { Operation } from '../io/operation.ts';
import { once } from '../io/once.ts';
import type { RunConfig } from '../model/config.ts';
import type { Descriptor } from '../model/descriptor.ts';
import { digestFrom, digestOf, type Digest } from '../model/digest.ts';
import { mediaTypes } from '../model/media-types.ts';
import { normalizePlatform, type Platform } from '../model/platform.ts';
import type { Image } from './image.ts';
import type { Intake } from './intake.ts';

export interface LayerImageOptions {
  readonly platform: Platform;
  readonly created: Date;
  readonly config?: RunConfig | undefined;
  /** What the history says of its one step. Default: docker's `Imported from -`. */
  readonly message?: string | undefined;
  readonly author?: string | undefined;
  /** The command that made the layer, for the history. */
  readonly createdBy?: string | undefined;
  /** The image that the layer lies on; its platform, settings and steps are taken over. Its content must be where the new image goes. */
  readonly base?: Image | undefined;
  /** Told each entry of the tar, and throws where no layer of this image can have it. */
  readonly checkEntry?: ((entry: TarEntry) => void) | undefined;
  /** Of the manifest. */
  readonly annotations?: Readonly<Record<string, string>> | undefined;
}

/**
 * Keeps the tar of a root file system as a layer, and makes an image of it. A layer that comes plain, gzip'd or in zstd is kept as it comes;
 * any other packing is taken off, as no image may have it. The same tar, options and time give the same image.
 * @throws ImageError `invalid-content` where it is not a tar; what `checkEntry` throws
 */
export async function layerImage(
  intake: Intake,
  tar: AsyncIterable<Uint8Array>,
  options: LayerImageOptions & Operation,
): Promise<Descriptor> {
  const { config, manifest } = imageFromLayer(await keepLayer(intake, tar, options), options);
  for (const { target, bytes } of [config, manifest]) await intake.write(target, async (offset) => once(bytes.subarray(offset)), options);
  return manifest.target;
}

async function keepLayer(
  intake: Intake,
  tar: AsyncIterable<Uint8Array>,
  { signal, checkEntry }: Pick<LayerImageOptions, 'checkEntry'> & Operation,
): Promise<KeptLayer> {
  const { compression, stream } = await peekCompression(tar);
  const keep = compression === 'gzip' || compression === 'zstd';
  if (!keep) {
    const plain = compression === 'none' ? stream : decompress(stream, compression, { signal });
    const layer = await intake.add(mediaTypes.ociLayer, checkedTar(plain, checkEntry), { signal });
    return { layer, diffId: layer.digest };
  }
  const layer = await intake.add(compression === 'gzip' ? mediaTypes.ociLayerGzip : mediaTypes.ociLayerZstd, stream, { signal });
  const hash = createHash('sha256');
  for await (const chunk of checkedTar(decompress(await intake.open(layer, { signal }), compression, { signal }), checkEntry))
    hash.update(chunk);
  return { layer, diffId: digestFrom('sha256', hash.digest('hex')) };
}

/** Passes a tar on; fails where it is none. */
async function* checkedTar(source: AsyncIterable<Uint8Array>, checkEntry: LayerImageOptions['checkEntry']): AsyncGenerator<Uint8Array> {
  const parser = new TarParser();
  let size = 0;
  for await (const chunk of source) {
    size += chunk.length;
    parser.push(chunk);
    for (let event = parser.next(); event; event = parser.next()) {
      if (event !== 'entry') continue;
      checkEntry?.(parser.entry);
      parser.skip();
    }
    yield chunk;
  }
  parser.end();
  if (size === 0)
    throw new ImageError('invalid-content', 'unexpected EOF: the tar is empty', {
      hint: 'An image is made of the tar of a root file system, plain or packed.',
    });
}

/** A layer that is kept already. */
export interface KeptLayer {
  readonly layer: Descriptor;
  readonly diffId: Digest;
}

export interface LayerImageDocuments {
  readonly config: { readonly target: Descriptor; readonly bytes: Buffer };
  readonly manifest: { readonly target: Descriptor; readonly bytes: Buffer };
}

/**
 * The config and the manifest of an image of one layer, or of a base's and one more; without a layer, of one that differs from its base in no file.
 * An author who is not said is the base's.
 */
export function imageFromLayer(kept: KeptLayer | undefined, options: LayerImageOptions): LayerImageDocuments {
  const { base } = options;
  const {
    os,
    architecture,
    variant,
    'os.version': version,
    'os.features': features,
  } = base?.config?.platform ?? normalizePlatform(options.platform);
  const created = options.created.toISOString();
  const comment = options.message ?? (base ? '' : 'Imported from -');
  const by = options.author || base?.config?.author;
  const author = by ? { author: by } : {};
  const step = {
    created,
    ...(options.createdBy ? { created_by: options.createdBy } : {}),
    ...author,
    ...(comment ? { comment } : {}),
    ...(kept ? {} : { empty_layer: true }),
  };
  const config = document(mediaTypes.ociConfig, {
    created,
    ...author,
    architecture,
    ...(variant ? { variant } : {}),
    os,
    ...(version ? { 'os.version': version } : {}),
    ...(features ? { 'os.features': features } : {}),
    ...(comment ? { comment } : {}),
    config: options.config ?? base?.config?.config ?? {},
    rootfs: { type: 'layers', diff_ids: [...(base?.config?.diffIds ?? []), ...(kept ? [kept.diffId] : [])] },
    history: [...(base?.config?.history ?? []), step],
  });
  const manifest = document(mediaTypes.ociManifest, {
    schemaVersion: 2,
    mediaType: mediaTypes.ociManifest,
    config: config.target,
    layers: [...(base?.manifest.layers ?? []), ...(kept ? [plain(kept.layer)] : [])],
    ...(options.annotations ? { annotations: options.annotations } : {}),
  });
  return { config, manifest };
}

function plain({ mediaType, digest, size }: Descriptor): Descriptor {
  return { mediaType, digest, size };
}

function document(mediaType: string, value: unknown): { target: Descriptor; bytes: Buffer } {
  const bytes = Buffer.from(JSON.stringify(value));
  return { target: { mediaType, digest: digestOf(bytes), size: bytes.length }, bytes };
}
