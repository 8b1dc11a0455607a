/** Small images with everything that real ones have, put into any place: several layers, packed in any way, several platforms. */
import { gzipSync, zstdCompressSync } from 'node:zlib';

import type { ImageSink } from '../../src/content/image-sink.ts';
import { writeTar } from '../../src/formats/tar/write-tar.ts';
import type { Descriptor } from '../../src/model/descriptor.ts';
import { digestOf, type DigestAlgorithm } from '../../src/model/digest.ts';
import { mediaTypes } from '../../src/model/media-types.ts';
import type { Platform } from '../../src/model/platform.ts';

export interface MadeImage {
  readonly target: Descriptor;
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
  /** All bytes by digest. */
  readonly blobs: ReadonlyMap<string, Buffer>;
}

export interface MakeImageOptions {
  /** Text of the one file of each layer; or the whole tar. */
  readonly layers?: readonly (string | Buffer)[];
  readonly compression?: 'none' | 'gzip' | 'zstd';
  readonly platform?: Platform;
  readonly algorithm?: DigestAlgorithm;
  readonly docker?: boolean;
  /** Layers that stay with their publisher, by number. */
  readonly foreign?: readonly number[];
  readonly labels?: Readonly<Record<string, string>>;
  /** Default: the second of January 2026. */
  readonly created?: string;
  /** Of the manifest. */
  readonly annotations?: Readonly<Record<string, string>>;
  /** What the config says that the layers are, where it does not tell the truth. */
  readonly claims?: readonly string[];
}

/** A tar of these files. */
export async function tarOf(files: Readonly<Record<string, string | Uint8Array>>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  const members = Object.entries(files).map(([path, body]) => ({ entry: { path }, body }));
  for await (const chunk of writeTar(members)) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

export async function makeImage(options: MakeImageOptions = {}): Promise<MadeImage> {
  const {
    layers: texts = ['one', 'two'],
    compression = 'gzip',
    platform = { os: 'linux', architecture: 'amd64' },
    algorithm = 'sha256',
    foreign = [],
  } = options;
  const types = options.docker
    ? {
        none: mediaTypes.dockerLayer,
        gzip: mediaTypes.dockerLayerGzip,
        zstd: mediaTypes.dockerLayerZstd,
        config: mediaTypes.dockerConfig,
        manifest: mediaTypes.dockerManifest,
      }
    : {
        none: mediaTypes.ociLayer,
        gzip: mediaTypes.ociLayerGzip,
        zstd: mediaTypes.ociLayerZstd,
        config: mediaTypes.ociConfig,
        manifest: mediaTypes.ociManifest,
      };
  const blobs = new Map<string, Buffer>();
  const keep = (mediaType: string, bytes: Buffer): Descriptor => {
    const digest = digestOf(bytes, algorithm);
    blobs.set(digest, bytes);
    return { mediaType, digest, size: bytes.length };
  };
  const diffIds: string[] = [];
  const layers: Descriptor[] = [];
  for (const [at, text] of texts.entries()) {
    const tar = typeof text === 'string' ? await tarOf({ [`file-${at}`]: text }) : text;
    diffIds.push(digestOf(tar));
    const packed = compression === 'gzip' ? gzipSync(tar) : compression === 'zstd' ? zstdCompressSync(tar) : tar;
    const layer = keep(types[compression], packed);
    layers.push(
      foreign.includes(at) ? { ...layer, mediaType: mediaTypes.dockerForeignLayerGzip, urls: ['https://example.com/layer'] } : layer,
    );
  }
  const config = keep(
    types.config,
    Buffer.from(
      JSON.stringify({
        created: options.created ?? '2026-01-02T03:04:05Z',
        ...platform,
        config: { Env: ['A=1'], Cmd: ['/bin/true'], ...(options.labels ? { Labels: options.labels } : {}) },
        rootfs: { type: 'layers', diff_ids: options.claims ?? diffIds },
        history: texts.map((text) => ({
          created: '2026-01-02T03:04:05Z',
          created_by: `COPY ${typeof text === 'string' ? text : 'a tar'}`,
        })),
      }),
    ),
  );
  const target = keep(
    types.manifest,
    Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: types.manifest, config, layers, annotations: options.annotations })),
  );
  return { target, config, layers, blobs };
}

/** One image in several platforms. */
export async function makeIndex(
  platforms: readonly Platform[],
  options: Omit<MakeImageOptions, 'platform'> = {},
): Promise<MadeImage & { readonly images: readonly MadeImage[] }> {
  const images = await Promise.all(
    platforms.map((platform) => makeImage({ ...options, platform, layers: ['shared', `for ${platform.architecture}`] })),
  );
  const blobs = new Map(images.flatMap((image) => [...image.blobs]));
  const manifests = images.map(({ target }, at) => ({ ...target, platform: platforms[at] }));
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests }));
  const digest = digestOf(bytes, options.algorithm);
  blobs.set(digest, bytes);
  const [first] = images;
  if (!first) throw new Error('an index needs a platform');
  return {
    target: { mediaType: mediaTypes.ociIndex, digest, size: bytes.length },
    config: first.config,
    layers: first.layers,
    blobs,
    images,
  };
}

/** Writes it there, children first; what `leaveOut` says stays away. */
export async function putImage(sink: ImageSink, image: MadeImage, leaveOut: (target: Descriptor) => boolean = () => false): Promise<void> {
  const put = async (target: Descriptor): Promise<void> => {
    if (leaveOut(target)) return;
    const bytes = image.blobs.get(target.digest);
    if (!bytes) throw new Error(`no ${target.digest}`);
    const document: { config?: Descriptor; layers?: Descriptor[]; manifests?: Descriptor[] } = /manifest|index/.test(target.mediaType)
      ? JSON.parse(bytes.toString())
      : {};
    for (const child of [...(document.config ? [document.config] : []), ...(document.layers ?? []), ...(document.manifests ?? [])])
      await put(child);
    await sink.write(target, async (offset) => chunksOf(bytes.subarray(offset)));
  };
  await put(image.target);
}

/** Bytes as a stream, in pieces of an odd size. */
export async function* chunksOf(bytes: Uint8Array, size = 1000): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

export async function bytesOf(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of source) chunks.push(chunk);
  return Buffer.concat(chunks);
}
