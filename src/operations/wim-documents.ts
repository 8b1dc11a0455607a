import type { KeptLayer, LayerImageDocuments } from '../content/layer-image.ts';
import { isImageError } from '../errors.ts';
import type { NewWimImage, NewWimWindows } from '../formats/wim/new-wim.ts';
import type { WimImage } from '../formats/wim/wim-images.ts';
import { publisherSourceKey } from '../model/base-identity.ts';
import { parseConfig, type ImageConfig } from '../model/config.ts';
import { isObject, type Descriptor } from '../model/descriptor.ts';
import { digestOf } from '../model/digest.ts';
import { readIdentity, type Identity } from '../model/identity.ts';
import { mediaTypes } from '../model/media-types.ts';
import type { Platform } from '../model/platform.ts';
import type { RecordedIdentity } from '../store/image-identity.ts';

/** The annotation that has what a WIM's XML says of its images, for the way back. JSON. */
const wimImagesKey = 'bayplan.wim.images';
/** Longer than this, texts of a WIM's XML are not taken along: a manifest is small. Characters. */
const longestXml = 64 << 10;

export interface WimImageFacts {
  readonly layer: KeptLayer;
  readonly identity: RecordedIdentity;
  readonly platform: Platform;
  readonly created: Date;
  /** The image's, and the utility system's where it has one. */
  readonly images: readonly WimImage[];
  /** What a CONTAINERIMAGE element brings. */
  readonly config?: WimConfig | undefined;
}

/** The configuration of an image that was saved as a WIM. */
export interface WimConfig {
  readonly text: string;
  readonly parsed: ImageConfig;
}

/** Undefined where it is no configuration of an image of this system: `why` says so. */
export function readWimConfig(text: string, os: string): WimConfig | { readonly why: string } {
  try {
    const parsed = parseConfig(Buffer.from(text));
    if (parsed.platform?.os !== os) return { why: `it is one of ${parsed.platform?.os ?? 'no system'}, and the files are those of ${os}` };
    return { text, parsed };
  } catch (error) {
    if (isImageError(error)) return { why: error.message };
    throw error;
  }
}

/** ARCH of a WIM's XML. */
const architectures: Readonly<Record<number, string>> = { 0: '386', 5: 'arm', 9: 'amd64', 12: 'arm64' };

/** Of the image that a WIM's becomes; an architecture that is not said is amd64, on every machine. */
export function wimPlatform({ windows }: WimImage, os: string): Platform {
  const architecture = architectures[windows?.architecture ?? 9] ?? 'amd64';
  const version = os === 'windows' ? windowsVersion(windows) : undefined;
  return { os, architecture, ...(version ? { 'os.version': version } : {}) };
}

/** `10.0.14393.0`; undefined where the WIM does not say it. */
export function windowsVersion(windows: WimImage['windows']): string | undefined {
  const { version } = windows ?? {};
  return version && [version.major, version.minor, version.build, version.spBuild].join('.');
}

/**
 * The config and the manifest of the image that a WIM becomes. The same WIM and layer give the same documents, on every machine. A configuration that the WIM brings comes back
 * byte for byte where the layer is the one that it speaks of.
 */
export function wimDocuments(facts: WimImageFacts): LayerImageDocuments {
  const config = document(mediaTypes.ociConfig, isWhole(facts) ? facts.config!.text : JSON.stringify(configOf(facts)));
  const { mediaType, digest, size } = facts.layer.layer;
  const manifest = {
    schemaVersion: 2,
    mediaType: mediaTypes.ociManifest,
    config: config.target,
    layers: [{ mediaType, digest, size }],
    annotations: annotationsOf(facts),
  };
  return { config, manifest: document(mediaTypes.ociManifest, JSON.stringify(manifest)) };
}

/** It speaks of this very layer, and calls the image nothing else. */
function isWhole({ config, layer, identity }: WimImageFacts): boolean {
  if (config?.parsed.diffIds.length !== 1 || config.parsed.diffIds[0] !== layer.diffId) return false;
  const said = readIdentity(config.parsed.config.Labels);
  return (['name', 'publisher', 'version'] as const).every((part) => said[part] === '' || said[part] === identity[part]);
}

function configOf({ config, layer, identity, platform, created }: WimImageFacts): object {
  const time = created.toISOString();
  const rootfs = { type: 'layers', diff_ids: [layer.diffId] };
  const step = { created: time, created_by: `Apply image ${identity.version || platform['os.version'] || identity.name}` };
  const said = config ? (JSON.parse(config.text) as Record<string, unknown>) : undefined;
  const run = config?.parsed.config ?? (platform.os === 'windows' ? { Cmd: ['c:\\windows\\system32\\cmd.exe'] } : {});
  return {
    created: time,
    architecture: platform.architecture,
    os: platform.os,
    ...(platform['os.version'] ? { 'os.version': platform['os.version'] } : {}),
    ...said,
    config: { ...run, Labels: { ...run.Labels, ...labelsOf(identity) } },
    rootfs,
    history: joinedHistory(config, step),
  };
}

/** All steps, of which one has left the one layer: the last that had. */
function joinedHistory(config: WimConfig | undefined, step: object): object[] {
  const steps = config?.parsed.history ?? [];
  const last = steps.findLastIndex(({ empty_layer }) => empty_layer !== true);
  if (last === -1) return [...steps, step];
  return steps.map((one, at) => (at === last || one.empty_layer ? one : { ...one, empty_layer: true }));
}

function labelsOf({ name, publisher, version }: Identity): Record<string, string> {
  return {
    'org.opencontainers.image.title': name,
    ...(publisher === '' ? {} : { 'org.opencontainers.image.vendor': publisher }),
    ...(version === '' ? {} : { 'org.opencontainers.image.version': version }),
  };
}

function annotationsOf({ identity, images }: WimImageFacts): Record<string, string> {
  const xml = JSON.stringify(
    images.map(({ name, description, displayName, displayDescription, flags, created, windows }) => ({
      name,
      description,
      displayName,
      displayDescription,
      flags,
      created,
      windows,
    })),
  );
  return {
    ...(xml.length <= longestXml ? { [wimImagesKey]: xml } : {}),
    ...(identity.source ? { [publisherSourceKey]: identity.source } : {}),
    ...labelsOf(identity),
  };
}

function document(mediaType: string, text: string): { target: Descriptor; bytes: Buffer } {
  const bytes = Buffer.from(text);
  return { target: { mediaType, digest: digestOf(bytes), size: bytes.length }, bytes };
}

/** What an image that came from a WIM says of the WIM's images; nothing where it says it wrongly. */
export function readWimImages(
  annotations: Readonly<Record<string, string>> | undefined,
): Partial<Omit<NewWimImage, 'root' | 'containerImage'>>[] {
  let said: unknown;
  try {
    said = JSON.parse(annotations?.[wimImagesKey] ?? '[]');
  } catch {
    return [];
  }
  return Array.isArray(said) ? said.slice(0, 2).map(readXml) : [];
}

function readXml(given: unknown): Partial<Omit<NewWimImage, 'root' | 'containerImage'>> {
  if (!isObject(given)) return {};
  const { created, windows } = given;
  const time = typeof created === 'string' ? Date.parse(created) : Number.NaN;
  return {
    ...textsOf(given, ['name', 'description', 'displayName', 'displayDescription', 'flags']),
    ...(Number.isNaN(time) ? {} : { created: new Date(time) }),
    ...(isObject(windows) ? { windows: readWindows(windows) } : {}),
  };
}

function readWindows(given: Readonly<Record<string, unknown>>): NewWimWindows {
  const { architecture, languages, version } = given;
  const part = (key: string) =>
    isObject(version) && Number.isSafeInteger(version[key]) && (version[key] as number) >= 0 ? (version[key] as number) : 0;
  return {
    ...(Number.isSafeInteger(architecture) && (architecture as number) >= 0 ? { architecture: architecture as number } : {}),
    ...textsOf(given, ['productName', 'editionId', 'installationType', 'defaultLanguage']),
    ...(Array.isArray(languages) ? { languages: languages.filter((text) => typeof text === 'string') } : {}),
    ...(isObject(version)
      ? { version: { major: part('major'), minor: part('minor'), build: part('build'), spBuild: part('spBuild') } }
      : {}),
  };
}

function textsOf<Key extends string>(given: Readonly<Record<string, unknown>>, keys: readonly Key[]): Partial<Record<Key, string>> {
  return Object.fromEntries(keys.flatMap((key) => (typeof given[key] === 'string' ? [[key, given[key]]] : []))) as Partial<
    Record<Key, string>
  >;
}

/** What a WIM says of the Windows of an image that never was one. */
export function windowsOf({ architecture, 'os.version': version }: Platform): NewWimWindows {
  const [, number] =
    Object.entries(architectures)
      .map(([key, name]) => [name, Number(key)] as const)
      .find(([name]) => name === architecture) ?? [];
  const [, major, minor, build, spBuild] = /^(\d{1,9})\.(\d{1,9})\.(\d{1,9})(?:\.(\d{1,9}))?$/.exec(version ?? '') ?? [];
  return {
    ...(number === undefined ? {} : { architecture: number }),
    ...(major === undefined
      ? {}
      : { version: { major: Number(major), minor: Number(minor), build: Number(build), spBuild: Number(spBuild ?? 0) } }),
  };
}
