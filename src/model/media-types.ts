/** The media types of image-spec media-types.md and docker's of the same shapes. */
export const mediaTypes = {
  ociIndex: 'application/vnd.oci.image.index.v1+json',
  ociManifest: 'application/vnd.oci.image.manifest.v1+json',
  ociConfig: 'application/vnd.oci.image.config.v1+json',
  ociLayer: 'application/vnd.oci.image.layer.v1.tar',
  ociLayerGzip: 'application/vnd.oci.image.layer.v1.tar+gzip',
  ociLayerZstd: 'application/vnd.oci.image.layer.v1.tar+zstd',
  ociForeignLayer: 'application/vnd.oci.image.layer.nondistributable.v1.tar',
  ociForeignLayerGzip: 'application/vnd.oci.image.layer.nondistributable.v1.tar+gzip',
  ociForeignLayerZstd: 'application/vnd.oci.image.layer.nondistributable.v1.tar+zstd',
  ociEmpty: 'application/vnd.oci.empty.v1+json',
  dockerIndex: 'application/vnd.docker.distribution.manifest.list.v2+json',
  dockerManifest: 'application/vnd.docker.distribution.manifest.v2+json',
  dockerConfig: 'application/vnd.docker.container.image.v1+json',
  dockerLayer: 'application/vnd.docker.image.rootfs.diff.tar',
  dockerLayerGzip: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
  dockerLayerZstd: 'application/vnd.docker.image.rootfs.diff.tar.zstd',
  dockerForeignLayer: 'application/vnd.docker.image.rootfs.foreign.diff.tar',
  dockerForeignLayerGzip: 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip',
  dockerSchema1: 'application/vnd.docker.distribution.manifest.v1+json',
  dockerSchema1Signed: 'application/vnd.docker.distribution.manifest.v1+prettyjws',
  bytes: 'application/octet-stream',
} as const;

const indexes: ReadonlySet<string> = new Set([mediaTypes.ociIndex, mediaTypes.dockerIndex]);
const imageManifests: ReadonlySet<string> = new Set([mediaTypes.ociManifest, mediaTypes.dockerManifest]);
const configs: ReadonlySet<string> = new Set([mediaTypes.ociConfig, mediaTypes.dockerConfig]);

/** An index or manifest list. */
export function isIndexType(mediaType: string): boolean {
  return indexes.has(mediaType);
}

/** A manifest of one image or artifact, not an index. */
export function isImageManifestType(mediaType: string): boolean {
  return imageManifests.has(mediaType);
}

/** What `/v2/NAME/manifests/` serves: it points at other content. Everything else is a blob. */
export function isManifestType(mediaType: string): boolean {
  return isIndexType(mediaType) || isImageManifestType(mediaType);
}

/** The config of an image, which says its platform, layers' diff IDs and history; other configs belong to artifacts. */
export function isImageConfigType(mediaType: string): boolean {
  return configs.has(mediaType);
}

/** A layer whose bytes its publisher keeps elsewhere: it may be absent where its manifest is present. `urls` do not decide it (image-spec layer.md). */
export function isForeignLayerType(mediaType: string): boolean {
  return mediaType.includes('.layer.nondistributable.') || mediaType.includes('.rootfs.foreign.');
}

/** A file-system layer of an image. */
export function isLayerType(mediaType: string): boolean {
  return mediaType.startsWith('application/vnd.oci.image.layer.') || mediaType.startsWith('application/vnd.docker.image.rootfs.');
}

/** How a layer of this type is packed; undefined where the type does not say. */
export function layerCompression(mediaType: string): 'none' | 'gzip' | 'zstd' | undefined {
  if (!isLayerType(mediaType)) return undefined;
  if (/[.+]gzip$/.test(mediaType)) return 'gzip';
  if (/[.+]zstd$/.test(mediaType)) return 'zstd';
  return mediaType.endsWith('.tar') ? 'none' : undefined;
}

/** What a client that takes everything we know says to a registry. */
export const acceptedManifests = [mediaTypes.ociIndex, mediaTypes.dockerIndex, mediaTypes.ociManifest, mediaTypes.dockerManifest].join(
  ', ',
);
