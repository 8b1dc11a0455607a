import { ImageError } from '../errors.ts';
import type { Operation } from '../io/operation.ts';
import { readVerified } from '../io/verified.ts';
import { maxConfigBytes, parseConfig, type HistoryEntry, type ImageConfig } from '../model/config.ts';
import type { Descriptor } from '../model/descriptor.ts';
import type { Digest } from '../model/digest.ts';
import { readIdentity, type Identity } from '../model/identity.ts';
import { isImageConfigType, isLayerType } from '../model/media-types.ts';
import { maxManifestBytes, parseManifest, type Manifest } from '../model/manifest.ts';
import type { ImageSource } from './image-source.ts';

export interface Layer {
  /** The packed bytes. */
  readonly descriptor: Descriptor;
  /** Digest of the unpacked tar, as the config claims it. */
  readonly diffId: Digest | undefined;
}

/** A step of an image's making, with the layer that it left, newest first as docker prints it. */
export interface HistoryRow extends HistoryEntry {
  readonly layer?: Layer;
}

/**
 * One platform's image, from any source. Its two documents are read and verified by `Image.open`; all else is synchronous.
 * An artifact (a manifest whose config is no image config) opens too: its `config` is undefined, and it has no layers in this sense.
 */
export class Image {
  readonly descriptor: Descriptor;
  readonly manifest: Manifest;
  readonly config: ImageConfig | undefined;

  private constructor(descriptor: Descriptor, manifest: Manifest, config: ImageConfig | undefined) {
    this.descriptor = descriptor;
    this.manifest = manifest;
    this.config = config;
  }

  /** @throws ImageError `invalid-content` where `descriptor` is an index: choose a platform first */
  static async open(source: ImageSource, descriptor: Descriptor, operation: Operation = {}): Promise<Image> {
    const bytes = await readVerified(() => source.open(descriptor, operation), descriptor, maxManifestBytes);
    const manifest = parseManifest(bytes, descriptor.mediaType);
    if (manifest.kind === 'index')
      throw new ImageError('invalid-content', `${descriptor.digest} is an index of several images, not one image`);
    if (!isImageConfigType(manifest.config.mediaType)) return new Image(descriptor, manifest, undefined);
    const config = parseConfig(await readVerified(() => source.open(manifest.config, operation), manifest.config, maxConfigBytes));
    return new Image(descriptor, manifest, config);
  }

  /** What docker's containerd store shows as the image's id. */
  get id(): Digest {
    return this.descriptor.digest;
  }

  /** File-system layers, the base's first. */
  get layers(): readonly Layer[] {
    if (!this.config) return [];
    const { diffIds } = this.config;
    return this.manifest.layers
      .filter(({ mediaType }) => isLayerType(mediaType))
      .map((descriptor, at) => ({ descriptor, diffId: diffIds[at] }));
  }

  /** Packed bytes: manifest, config and each distinct layer once. */
  get size(): number {
    const pieces = new Map([this.descriptor, this.manifest.config, ...this.manifest.layers].map(({ digest, size }) => [digest, size]));
    return [...pieces.values()].reduce((sum, size) => sum + size, 0);
  }

  get identity(): Identity {
    return readIdentity(this.manifest.annotations, this.config?.config.Labels);
  }

  /** Steps newest first. Layers that the history does not speak of come as steps without words: nothing of the image is hidden. */
  get history(): readonly HistoryRow[] {
    const left = [...this.layers];
    const rows: HistoryRow[] = (this.config?.history ?? []).map((entry) => {
      const layer = entry.empty_layer ? undefined : left.shift();
      return layer ? { ...entry, layer } : entry;
    });
    for (const layer of left) rows.push({ layer });
    return rows.reverse();
  }
}
