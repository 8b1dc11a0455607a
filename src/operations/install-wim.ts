import { basename } from 'node:path';
import { ImageError } from '../errors.ts';
import { tarChunkSize } from '../formats/tar/write-tar.ts';
import { Wim } from '../formats/wim/wim.ts';
import type { WimImage } from '../formats/wim/wim-images.ts';
import type { WimLimits } from '../formats/wim/wim-limits.ts';
import type { WimNode, WimTree } from '../formats/wim/wim-tree.ts';
import { ChunkPool } from '../io/chunk-pool.ts';
import { once } from '../io/once.ts';
import type { Operation } from '../io/operation.ts';
import { wimContents } from '../layers/wim-contents.ts';
import { wimLayerTar } from '../layers/wim-layer.ts';
import type { WimLoss } from '../layers/wim-losses.ts';
import { planLayer, type ReadBlobs } from '../layers/wim-plan.ts';
import { contentRows, WimSpool } from '../layers/wim-spool.ts';
import { osOf, shapeOf, type TreesOfLayer } from '../layers/wim-walk.ts';
import { normalizePublisher, type PublisherSource } from '../model/base-identity.ts';
import { parseBaseVersion, readBaseVersion } from '../model/base-version.ts';
import type { Descriptor } from '../model/descriptor.ts';
import type { Digest } from '../model/digest.ts';
import type { Identity } from '../model/identity.ts';
import { normalizePlatform, type Platform } from '../model/platform.ts';
import { canonical, familiar, type Reference } from '../model/reference.ts';
import type { RecordedIdentity } from '../store/image-identity.ts';
import type { ImageStore } from '../store/image-store.ts';
import { baseImageName } from './base-image-name.ts';
import type { Host } from './host.ts';
import { keepLayer } from './keep-layer.ts';
import { type AcceptLosses, askForLosses } from './wim-losses.ts';
import { readWimConfig, type WimConfig, wimDocuments, windowsVersion, wimPlatform } from './wim-documents.ts';

export interface InstallWimOptions extends Pick<Operation, 'signal'> {
  /** The WIM's image to take, from 1, and only that. Default: the first, and the second with it as the system that isolates by Hyper-V; of Linux there may be only one. */
  readonly index?: number | undefined;
  /** Default: the name that the WIM gives. */
  readonly name?: string | undefined;
  /** Default: the WIM's own, or Microsoft's where it has Windows in it. */
  readonly version?: string | undefined;
  readonly publisher?: string | undefined;
  /** How `publisher` is known. Default: `parameter`. */
  readonly publisherSource?: PublisherSource | undefined;
  /** Default: what the WIM says. */
  readonly platform?: Platform | undefined;
  /** Default: `lower(name):version`, behind the publisher where another's image has that name. */
  readonly reference?: Reference | undefined;
  readonly accept?: AcceptLosses | undefined;
  /** Files that a delta WIM relies on. */
  readonly base?: readonly string[] | undefined;
  readonly limits?: Partial<WimLimits> | undefined;
  /** Of the layer. Default: what the containers' settings say. */
  readonly compression?: 'gzip' | 'zstd' | undefined;
  /** Told again and again how much has been expanded. Bytes of files. */
  readonly onExpanding?: ((progress: { readonly done: number; readonly total: number }) => void) | undefined;
}

export interface InstalledWim extends Identity {
  readonly publisherSource: PublisherSource | undefined;
  readonly reference: Reference;
  readonly root: Descriptor;
  readonly diffId: Digest;
  /** False where this very image had that name before. */
  readonly changed: boolean;
  readonly losses: readonly WimLoss[];
  /** What is odd in the file, as sentences. */
  readonly warnings: readonly string[];
}

/**
 * Makes a base image of a WIM file: one layer with the files of its image, as Windows hosts and everything else accept it. The same file gives the same diff ID each time, on every
 * machine. The image gets its name as the last step.
 * @param paths one file, or all parts of a split WIM
 * @throws ImageError as `Wim.open`; `not-found` and `invalid-argument` for a WIM of another number of images; `invalid-content` for what no layer can hold; `conflict` where
 *   something would be lost, and nobody has accepted that
 */
export async function installWim(
  host: Pick<Host, 'store' | 'containers'>,
  paths: string | readonly string[],
  options: InstallWimOptions = {},
): Promise<InstalledWim> {
  const { signal, onExpanding } = options;
  const files = typeof paths === 'string' ? [paths] : paths;
  await using wim = await Wim.open(files, { base: options.base, limits: options.limits, signal });
  const { images, trees } = await choose(wim, options);
  const [image] = images as [WimImage];
  const os = osOf(trees.shape);
  await using source = await openSource(host.store, wim, trees, signal);
  const plan = await planLayer(trees, source.read, signal);
  await askForLosses(`the image in ${wim.path}`, plan.losses, options.accept);

  const warnings = [...wim.warnings];
  const config = configOf(image, os, warnings);
  const platform = normalizePlatform(options.platform ?? config?.parsed.platform ?? wimPlatform(image, os));
  const identity = identify(image, wim.path, options);
  await using ingest = await host.store.begin({ verb: 'install', signal });
  const total = plan.bytes;
  const pool = new ChunkPool(tarChunkSize);
  const tar = wimLayerTar(plan, source.read, { signal, pool, onBytes: onExpanding && ((done) => onExpanding({ done, total })) });
  const layer = await keepLayer(ingest, tar, { compression: options.compression ?? host.containers.compression, pool, signal });
  const created = image.created ?? new Date(config?.parsed.created ?? 0);
  const documents = wimDocuments({ layer, identity, platform, created, images, config });
  const reference = options.reference ?? (await baseImageName(host, identity));
  const done = { ...identity, publisherSource: identity.source, reference, diffId: layer.diffId, losses: plan.losses, warnings };
  const there = await installedAs(host.store, reference);
  // The same image, though it may be packed in another way.
  if (there && there.config.digest === documents.config.target.digest) return { ...done, root: there.target, changed: false };
  for (const { target, bytes } of [documents.config, documents.manifest])
    await ingest.write(target, async (offset) => once(bytes.subarray(offset)), { signal });
  const root = documents.manifest.target;
  const { moved } = await ingest.name(root, canonical(reference), { identity });
  return { ...done, root, changed: moved };
}

interface WimTrees extends TreesOfLayer {
  readonly tree: WimTree;
  readonly utility: WimTree | undefined;
}

/** Which of the WIM's images, and their trees. */
async function choose(
  wim: Wim,
  { index, signal }: InstallWimOptions,
): Promise<{ readonly images: readonly WimImage[]; readonly trees: WimTrees }> {
  const { images, path } = wim;
  const count = images.length;
  const wanted = index === undefined ? images : images.filter((image) => image.index === index);
  if (wanted.length === 0)
    throw new ImageError('not-found', `'${path}' does not contain an image with index ${index ?? 1}.`, {
      hint: count === 0 ? undefined : count === 1 ? 'It has one image.' : `Its images are 1 to ${count}.`,
      detail: { path, index },
    });
  const [first, second, ...others] = wanted as [WimImage, ...WimImage[]];
  const tree = await wim.tree(first.index, { signal });
  const shape = shapeOf(tree, first.windows ? true : undefined);
  if (others.length > 0 || (second && shape === 'linux'))
    throw new ImageError('invalid-argument', `'${path}' contains an unexpected number of images (${count}).`, {
      hint: `A base image is image 1, of Windows with its utility system as image 2. Choose one of these by its index: ${images.map((image) => `${image.index} ${JSON.stringify(image.name)}`).join(', ')}.`,
      detail: { path, count },
    });
  const utility = second && (await wim.tree(second.index, { signal }));
  return { images: second ? [first, second] : [first], trees: { shape, tree, utility } };
}

interface Source extends AsyncDisposable {
  readonly read: ReadBlobs;
}

/** The WIM itself; of a solid one all contents are unpacked first, in the order in which they are packed. */
async function openSource(store: ImageStore, wim: Wim, { tree, utility }: WimTrees, signal: AbortSignal | undefined): Promise<Source> {
  const read = wimContents(wim, signal);
  if (wim.table.solidChunkSize === 0) return { read, [Symbol.asyncDispose]: async () => undefined };
  const draft = await store.draftFolder('wim');
  try {
    const nodes = function* (): Generator<WimNode, void, undefined> {
      for (const each of utility ? [tree, utility] : [tree]) {
        yield each.root;
        for (const { node } of each.walk()) yield node;
      }
    };
    const spool = await WimSpool.fill(draft.path, contentRows(nodes(), wim.table), wim.table, read, signal);
    const close = async (): Promise<void> => {
      await spool[Symbol.asyncDispose]();
      await draft[Symbol.asyncDispose]();
    };
    return { read: spool.read, [Symbol.asyncDispose]: close };
  } catch (error) {
    await draft[Symbol.asyncDispose]();
    throw error;
  }
}

function configOf({ containerImage }: WimImage, os: string, warnings: string[]): WimConfig | undefined {
  if (containerImage?.config === undefined) return undefined;
  const read = readWimConfig(containerImage.config, os);
  if (!('why' in read)) return read;
  warnings.push(`the configuration that the WIM brings is left out: ${read.why}`);
  return undefined;
}

/** Who it is: what whoever installs it says, then the WIM's element of ours, then what it says of its Windows. */
function identify(
  image: WimImage,
  path: string,
  { name, version, publisher, publisherSource = 'parameter' }: InstallWimOptions,
): RecordedIdentity {
  const own = image.containerImage;
  const said = own?.version === undefined ? windowsVersion(image.windows) : (readBaseVersion(own.version) ?? own.version);
  const by: readonly [text: string | undefined, source: PublisherSource][] = [
    [own?.publisher, 'wim'],
    [publisher, publisherSource],
    [/microsoft/i.test(image.windows?.productName ?? '') ? 'CN=Microsoft' : undefined, 'windows'],
  ];
  const [text = '', source] = by.find(([one]) => one !== undefined && one.trim() !== '') ?? [];
  return {
    name: name ?? (image.name.trim() || basename(path).replace(/\.[^.]*$/, '')),
    publisher: normalizePublisher(text),
    version: version === undefined ? (said ?? '') : parseBaseVersion(version),
    ...(source ? { source } : {}),
  };
}

/** The image that has this name, if one has. */
async function installedAs(
  store: ImageStore,
  reference: Reference,
): Promise<{ readonly target: Descriptor; readonly config: Descriptor } | undefined> {
  const name = familiar(reference);
  const found = (await store.names()).find((one) => familiar(one.reference) === name);
  const record = found && (await store.image(found.target.digest));
  const [platform] = record?.platforms ?? [];
  return platform && found ? { target: found.target, config: platform.config } : undefined;
}
