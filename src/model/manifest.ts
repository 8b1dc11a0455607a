import { ImageError } from '../errors.ts';
import { isObject, parseDescriptor, parseStrings, type Descriptor } from './descriptor.ts';
import { isIndexType, isManifestType, mediaTypes } from './media-types.ts';

/** image-spec manifest.md: one image, or one artifact. */
export interface Manifest {
  readonly kind: 'manifest';
  readonly mediaType: string;
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
  readonly subject?: Descriptor;
  readonly artifactType?: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** image-spec image-index.md: the same image for several platforms, or any list of manifests. */
export interface Index {
  readonly kind: 'index';
  readonly mediaType: string;
  readonly manifests: readonly Descriptor[];
  readonly subject?: Descriptor;
  readonly artifactType?: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** Registries may refuse more (distribution-spec, "Pushing Manifests"); the conformance suite pushes 3.9 MB. */
export const maxManifestBytes = 4 * 1024 * 1024;

/** More entries than any image has; a document that names more is an attack on whoever walks it. */
const maxDescriptors = 16384;

/**
 * Reads the bytes of a manifest or index. `mediaType` is what the door said they are; without it the document's own word counts.
 *
 * A document that could be read as both is refused, whoever reads it first (CVE-2021-41190): `manifests` beside `layers` or `config`,
 * or a `mediaType` inside that is another than the one outside.
 *
 * @throws ImageError `invalid-content`, `too-large`
 */
export function parseManifest(bytes: Uint8Array, mediaType?: string): Manifest | Index {
  if (bytes.length > maxManifestBytes)
    throw new ImageError('too-large', `manifest of ${bytes.length} bytes is larger than ${maxManifestBytes} bytes`);
  const refuse = (why: string): never => {
    throw new ImageError('invalid-content', `invalid manifest: ${why}`);
  };
  const document = parseJson(bytes, 'manifest');
  if (!isObject(document)) return refuse('not a JSON object');
  if (document.schemaVersion === 1) refuse('schema version 1 is no longer supported; push the image again with a current tool');
  if (document.schemaVersion !== 2) refuse('schemaVersion is not 2');
  if (document.mediaType !== undefined && typeof document.mediaType !== 'string') refuse('mediaType is not a string');
  const inside = document.mediaType as string | undefined;
  const outside = mediaType === undefined || mediaType === '' ? undefined : bareMediaType(mediaType);
  if (inside !== undefined && outside !== undefined && isManifestType(outside) && inside !== outside)
    refuse(`mediaType ${inside} inside and ${outside} outside`);
  const hasManifests = Array.isArray(document.manifests);
  const hasImage = document.config !== undefined || document.layers !== undefined;
  if ((hasManifests || document.manifests !== undefined) && hasImage) refuse('both an index and an image manifest');
  if (document.fsLayers !== undefined || document.history !== undefined) refuse('fields of schema version 1 beside schema version 2');
  const type =
    outside !== undefined && isManifestType(outside) ? outside : (inside ?? (hasManifests ? mediaTypes.ociIndex : mediaTypes.ociManifest));
  if (!isManifestType(type)) refuse(`unsupported media type ${type}`);
  if (isIndexType(type) !== hasManifests && (isIndexType(type) || hasManifests)) refuse(`not what its media type ${type} says`);

  const annotations = parseStrings(document.annotations, 'annotations');
  const rest = {
    mediaType: type,
    ...(document.subject === undefined || document.subject === null ? {} : { subject: parseDescriptor(document.subject, 'subject') }),
    ...(typeof document.artifactType === 'string' && document.artifactType !== '' ? { artifactType: document.artifactType } : {}),
    ...(annotations ? { annotations } : {}),
  };
  if (isIndexType(type)) return { kind: 'index', manifests: parseDescriptors(document.manifests, 'manifests'), ...rest };
  if (document.config === undefined) refuse('no config');
  return {
    kind: 'manifest',
    config: parseDescriptor(document.config, 'config'),
    layers: document.layers === null || document.layers === undefined ? [] : parseDescriptors(document.layers, 'layers'),
    ...rest,
  };
}

/** The media type of a document that comes without one: its own word, else what its fields say. @throws ImageError `invalid-content` */
export function sniffManifestType(bytes: Uint8Array): string {
  return parseManifest(bytes).mediaType;
}

/** A media type without its parameters (`; charset=…`). */
export function bareMediaType(text: string): string {
  return (text.split(';', 1)[0] ?? '').trim().toLowerCase();
}

/** @throws ImageError `invalid-content` */
export function parseJson(bytes: Uint8Array, what: string): unknown {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw new ImageError('invalid-content', `invalid ${what}: not JSON in UTF-8`, { cause });
  }
}

function parseDescriptors(value: unknown, where: string): readonly Descriptor[] {
  if (!Array.isArray(value)) throw new ImageError('invalid-content', `invalid manifest: ${where} is not a list`);
  if (value.length > maxDescriptors) throw new ImageError('too-large', `invalid manifest: more than ${maxDescriptors} entries in ${where}`);
  return value.map((entry, at) => parseDescriptor(entry, `${where}[${at}]`));
}
