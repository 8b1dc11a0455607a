import { LayOut } from '../containers/lay-out.ts';
import type { Image } from '../content/image.ts';
import { ImageError } from '../errors.ts';
import type { NewWimEntry, NewWimImage } from '../formats/wim/new-wim.ts';
import { writeWim, type WriteWimOptions } from '../formats/wim/write-wim.ts';
import { readVerified } from '../io/verified.ts';
import { canceled } from '../io/concurrently.ts';
import type { Operation } from '../io/operation.ts';
import { LayerStack } from '../layers/layer-stack.ts';
import { Tree } from '../layers/tree.ts';
import { imageTrees, type ImageTrees } from '../layers/wim-image.ts';
import { type WimLoss, WimLosses } from '../layers/wim-losses.ts';
import { maxConfigBytes } from '../model/config.ts';
import type { Descriptor } from '../model/descriptor.ts';
import type { Identity } from '../model/identity.ts';
import type { Platform } from '../model/platform.ts';
import { containerImages } from './container-images.ts';
import type { Host } from './host.ts';
import { openPlatform } from './inspect.ts';
import { askForLosses, type AcceptLosses } from './wim-losses.ts';
import { readWimImages, windowsOf } from './wim-documents.ts';

export interface SaveWimOptions extends Operation, Pick<WriteWimOptions, 'compression' | 'integrity' | 'overwrite'> {
  /** Of an image of several. Default: this machine's, else the first that is here. */
  readonly platform?: Platform | undefined;
  readonly accept?: AcceptLosses | undefined;
  /** Told again and again how much has been read and packed. Bytes of files; what is there twice counts once when it is done. */
  readonly onSaving?: ((progress: { readonly done: number; readonly total: number }) => void) | undefined;
}

export interface SavedWim extends Identity {
  readonly path: string;
  /** Of the file, in bytes. */
  readonly size: number;
  /** What was saved: the platform's manifest. */
  readonly root: Descriptor;
  /** Images in the WIM: two where it has a utility system. */
  readonly images: number;
  readonly files: number;
  readonly losses: readonly WimLoss[];
}

/**
 * Writes an image to a WIM file: what all its layers show together, and in an element of the file's XML its configuration, so that installing the file brings it back. The same
 * image gives the same file. What a WIM cannot have is known before anything is written; a file that is there stays until the new one is whole.
 * @param name what the store calls it
 * @param path absolute
 * @throws ImageError `not-found`; else as `writeImageWim`
 */
export async function saveWim(host: Pick<Host, 'store'>, name: string, path: string, options: SaveWimOptions = {}): Promise<SavedWim> {
  const { signal, platform } = options;
  if (signal?.aborted) throw canceled(signal.reason);
  const found = await host.store.find(name);
  const image = await openPlatform(host, name, found.target, { signal, platform });
  await using _held = await host.store.hold([image.descriptor], { verb: 'save', signal });
  if (!(await host.store.has(image.descriptor))) throw new ImageError('not-found', `No such image: ${name}`, { detail: { name } });
  const [known] = await containerImages(host, { digest: found.root.digest });
  const saved = await writeImageWim(host, image, known ?? image.identity, path, options);
  await host.store.record({ type: 'image', action: 'save', id: image.descriptor.digest, attributes: { name } });
  return saved;
}

/**
 * The same for an image of the store that has no name: its content must be held by a lease.
 * @throws ImageError `invalid-argument` for an artifact, and for what no WIM can hold; `conflict` where the file is there and may not be replaced, or something would be lost and
 *   nobody has accepted that; as `writeWim`
 */
export async function writeImageWim(
  host: Pick<Host, 'store'>,
  image: Image,
  { name, publisher, version }: Identity,
  path: string,
  options: Omit<SaveWimOptions, 'platform'> = {},
): Promise<SavedWim> {
  const { signal, onProgress, onSaving, compression, integrity, overwrite } = options;
  const platform = image.config?.platform;
  if (!platform) throw new ImageError('invalid-argument', `${image.id} is an artifact, and no image that has files`);
  const trees: Tree[] = [];
  try {
    for (const folder of await new LayOut(host.store).image(image, { signal, onProgress })) trees.push(Tree.open(folder));
    const stack = new LayerStack(trees.toReversed().map(({ index }) => index));
    const { losses, total } = countAll(stack, platform.os, signal);
    await askForLosses(name, losses, options.accept);
    const images = await wimImages(host, image, { name, publisher, version }, imageTrees(stack, platform.os));
    const onBytes = onSaving && ((done: number) => onSaving({ done, total }));
    const written = await writeWim(path, images, { compression, integrity, overwrite, signal, onBytes });
    const files = written.images.reduce((sum, one) => sum + one.files, 0);
    return { name, publisher, version, path, size: written.size, root: image.descriptor, images: images.length, files, losses };
  } finally {
    for (const tree of trees) tree.close();
  }
}

/** Walks through all of it once, so that what cannot be in a WIM is known before one is begun. */
function countAll(stack: LayerStack, os: string, signal: AbortSignal | undefined): { readonly losses: WimLoss[]; readonly total: number } {
  const losses = new WimLosses('into-wim');
  const linked = new Set<number | bigint>();
  let total = 0;
  const { root, utility } = imageTrees(stack, os, (kind, path) => losses.add(kind, path));
  const waiting: NewWimEntry[] = utility ? [root, utility] : [root];
  for (let entry = waiting.pop(); entry; entry = waiting.pop()) {
    if (signal?.aborted) throw canceled(signal.reason);
    const { content, linkId } = entry;
    if (content && 'file' in content && (linkId === undefined || !linked.has(linkId))) total += content.size;
    if (linkId !== undefined) linked.add(linkId);
    for (const child of (entry.children ?? []) as Iterable<NewWimEntry>) waiting.push(child);
  }
  return { losses: losses.list(), total };
}

/** What the WIM's XML says: as it was where the image came from a WIM, else what its configuration says. */
async function wimImages(host: Pick<Host, 'store'>, image: Image, identity: Identity, trees: ImageTrees): Promise<NewWimImage[]> {
  const { manifest, config } = image;
  const [first, second] = readWimImages(manifest.annotations);
  const text = await readVerified(() => host.store.open(manifest.config), manifest.config, maxConfigBytes);
  const [layer, ...others] = image.layers;
  const created = first?.created ?? new Date(Date.parse(config?.created ?? '') || 0);
  const isWindows = config?.platform?.os === 'windows';
  const { publisher, version } = identity;
  const own: NewWimImage = {
    ...first,
    // An image without a name goes by its id.
    name: first?.name || (identity.name === '<none>' ? image.id.slice(7, 19) : identity.name),
    created,
    root: trees.root,
    windows: first?.windows ?? (isWindows ? windowsOf(config.platform) : undefined),
    containerImage: {
      publisher: publisher || undefined,
      version: version || undefined,
      mediaType: manifest.config.mediaType,
      diffId: layer && others.length === 0 ? layer.diffId : undefined,
      config: text.toString(),
    },
  };
  if (!trees.utility) return [own];
  const utility = { ...second, name: second?.name || `${own.name} UtilityVM`, created: second?.created ?? created, root: trees.utility };
  return [own, utility.name === own.name ? { ...utility, name: `${own.name} UtilityVM` } : utility];
}
