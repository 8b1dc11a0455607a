import { isAttestation } from '../content/select-platform.ts';
import { successors } from '../content/successors.ts';
import { ImageError } from '../errors.ts';
import { hasBuildSteps } from '../model/build-steps.ts';
import { parseConfig, type ImageConfig } from '../model/config.ts';
import type { Descriptor } from '../model/descriptor.ts';
import type { Digest } from '../model/digest.ts';
import type { Index, Manifest } from '../model/manifest.ts';
import { isForeignLayerType, isImageConfigType, isManifestType } from '../model/media-types.ts';
import type { Platform } from '../model/platform.ts';
import type { Database } from './database.ts';
import { plantLayers } from './layer-forest.ts';

/** What lists show of one image; kept in the database as its manifest is, and to be had again from the blobs. */
export interface Summary {
  readonly platform: Platform | undefined;
  readonly created: string | undefined;
  readonly size: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly diffIds: readonly Digest[];
  readonly layers: readonly Descriptor[];
  /** Whether its history has steps of a build. */
  readonly built: boolean;
}

/** @param config the image's config, or undefined where its bytes are no config that can be read: the image is listed all the same */
export function summarize(target: Descriptor, manifest: Manifest, config: ImageConfig | undefined): Summary {
  const pieces = new Map([target, manifest.config, ...manifest.layers].map(({ digest, size }) => [digest, size]));
  return {
    platform: config?.platform,
    created: config?.created,
    size: [...pieces.values()].reduce((sum, size) => sum + size, 0),
    labels: config?.config.Labels ?? {},
    diffIds: config?.diffIds ?? [],
    layers: manifest.layers.map(({ mediaType, digest, size, urls }) => ({ mediaType, digest, size, ...(urls ? { urls } : {}) })),
    built: hasBuildSteps(config?.history ?? []),
  };
}

/** A config that other tools left in a bad state must not hide the image that has it. */
export function parseConfigIfValid(bytes: Uint8Array): ImageConfig | undefined {
  try {
    return parseConfig(bytes);
  } catch (error) {
    if (error instanceof ImageError) return undefined;
    throw error;
  }
}

/** Within a transaction: the rows of a manifest. What was known of the digest stays: the same bytes say the same. */
export function insertManifest(database: Database, target: Descriptor, document: Manifest | Index): void {
  const artifact = document.kind === 'manifest' ? !isImageConfigType(document.config.mediaType) : document.artifactType !== undefined;
  const artifactType = document.artifactType ?? (document.kind === 'manifest' ? document.config.mediaType : undefined);
  const added = database.run(
    'INSERT OR IGNORE INTO manifest (digest, media_type, size, subject, artifact_type, artifact, annotations) VALUES (?, ?, ?, ?, ?, ?, ?)',
    target.digest,
    document.mediaType,
    target.size,
    document.subject?.digest ?? null,
    artifactType ?? null,
    artifact ? 1 : 0,
    document.annotations ? JSON.stringify(document.annotations) : null,
  );
  if (added === 0) return;
  const base = document.annotations?.['org.opencontainers.image.base.digest'];
  if (base !== undefined) database.run('INSERT OR IGNORE INTO base (manifest, digest) VALUES (?, ?)', target.digest, base);
  successors(document).forEach((child, position) => {
    const kind = isManifestType(child.mediaType) ? 0 : document.kind === 'manifest' && position === 0 ? 1 : 2;
    database.run(
      'INSERT OR IGNORE INTO edge (parent, kind, position, child, size, optional, media_type, platform, attestation) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)',
      target.digest,
      kind,
      position,
      child.digest,
      child.size,
      isForeignLayerType(child.mediaType) ? 1 : 0,
      kind === 0 ? child.mediaType : null,
      kind === 0 && child.platform ? JSON.stringify(child.platform) : null,
      kind === 0 && isAttestation(child) ? 1 : 0,
    );
  });
}

export function insertSummary(database: Database, target: Descriptor, config: Descriptor, summary: Summary): void {
  database.run(
    `INSERT OR REPLACE INTO summary (digest, media_type, manifest_size, config, config_type, config_size, platform, created, size, labels)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    target.digest,
    target.mediaType,
    target.size,
    config.digest,
    config.mediaType,
    config.size,
    summary.platform ? JSON.stringify(summary.platform) : null,
    summary.created ?? null,
    summary.size,
    Object.keys(summary.labels).length > 0 ? JSON.stringify(summary.labels) : null,
  );
  database.run(
    'INSERT OR REPLACE INTO summary_detail (digest, detail) VALUES (?, ?)',
    target.digest,
    JSON.stringify({ diffIds: summary.diffIds, layers: summary.layers, built: summary.built }),
  );
  plantLayers(database, target.digest, summary.diffIds, summary.layers);
}
