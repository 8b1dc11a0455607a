/**
 * `manifest.json` of a docker archive: what `docker save` writes and `docker load` reads (moby image-spec v1.2, "Combined Image JSON + Filesystem
 * Changeset Format"). A list of images, each with the path of its config, its tags, and the paths of its layers, the base's first.
 *
 * Since docker 25 the paths are those of an OCI layout in the same tar; before, a config is `HEX.json` and a layer `ID/layer.tar`, often a link to
 * another image's. podman and skopeo write `HEX.tar`, crane `HEX.tar.gz` and a config named `sha256:HEX`. So paths mean nothing here: what counts is what they lead to.
 *
 * `LayerSources` says by diff ID of which registry layers it knows: the only trace of a foreign layer.
 */
import { ImageError } from '../errors.ts';
import { isObject, parseDescriptor, type Descriptor } from '../model/descriptor.ts';
import { isDigest } from '../model/digest.ts';
import { parseJson } from '../model/manifest.ts';
import { canonical, parseReference, withDefaultTag } from '../model/reference.ts';

export interface DockerImage {
  readonly config: string;
  /** Canonical references with a tag. */
  readonly names: readonly string[];
  readonly layers: readonly string[];
  /** By diff ID. */
  readonly layerSources: ReadonlyMap<string, Descriptor>;
}

export const maxDockerManifestBytes = 32 * 1024 * 1024;
const maxLayers = 16384;

/** @throws ImageError `invalid-content`, `too-large` */
export function parseDockerManifest(bytes: Uint8Array): readonly DockerImage[] {
  const document = parseJson(bytes, 'manifest.json');
  if (!Array.isArray(document)) throw new ImageError('invalid-content', 'invalid manifest.json: not a list of images');
  return document.map((item, at) => parseImage(item, `manifest.json[${at}]`));
}

function parseImage(item: unknown, where: string): DockerImage {
  const refuse = (why: string): never => {
    throw new ImageError('invalid-content', `invalid ${where}: ${why}`);
  };
  if (!isObject(item)) return refuse('not an object');
  const { Config, RepoTags, Layers, LayerSources } = item;
  if (typeof Config !== 'string' || Config === '') return refuse('no Config');
  return {
    config: Config,
    names: strings(RepoTags, `${where}.RepoTags`).map((tag) => wholeName(tag, where)),
    layers: strings(Layers, `${where}.Layers`),
    layerSources: new Map(
      Object.entries(isObject(LayerSources) ? LayerSources : {}).flatMap(([diffId, source]) =>
        isDigest(diffId) ? [[diffId as string, parseDescriptor(source, `${where}.LayerSources`)]] : [],
      ),
    ),
  };
}

function strings(value: unknown, where: string): readonly string[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value) || !value.every((item) => typeof item === 'string'))
    throw new ImageError('invalid-content', `invalid ${where}: not a list of texts`);
  if (value.length > maxLayers) throw new ImageError('too-large', `invalid ${where}: more than ${maxLayers} of them`);
  return value;
}

function wholeName(tag: string, where: string): string {
  try {
    const { digest: _digest, ...reference } = withDefaultTag(parseReference(tag));
    return canonical(reference);
  } catch (cause) {
    throw new ImageError('invalid-content', `invalid ${where}: ${JSON.stringify(tag.slice(0, 200))} is not an image's name`, { cause });
  }
}

/** In docker's order of keys, and its `null` for an image without a name. */
export function formatDockerManifest(
  images: readonly {
    config: string;
    repoTags: readonly string[];
    layers: readonly string[];
    layerSources: ReadonlyMap<string, Descriptor>;
  }[],
): string {
  return JSON.stringify(
    images.map(({ config, repoTags, layers, layerSources }) => ({
      Config: config,
      RepoTags: repoTags.length > 0 ? repoTags : null,
      Layers: layers,
      ...(layerSources.size > 0 ? { LayerSources: Object.fromEntries(layerSources) } : {}),
    })),
  );
}
