import { folderSize } from '../containers/host-folder.ts';
import { ImageError, isImageError } from '../errors.ts';
import { canceled } from '../io/concurrently.ts';
import type { Operation } from '../io/operation.ts';
import { shortId, type Digest } from '../model/digest.ts';
import { formatPlatform, platformMatch, type Platform } from '../model/platform.ts';
import { familiar, repositoryName, type Reference } from '../model/reference.ts';
import { isRunning, type ContainerRecord } from '../store/container-record.ts';
import type { Discard } from '../store/discard.ts';
import type { FoundImage, ImageRecord } from '../store/image-record.ts';
import type { Users } from '../store/users.ts';
import type { Host } from './host.ts';

export interface RemoveOptions extends Operation {
  /**
   * As docker's: an image goes by its id though names of several repositories point at it, or stopped containers stand on it; by its name it loses that, and stays
   * without a name as long as something needs it. And platforms of an image.
   */
  readonly force?: boolean | undefined;
  /** By its id: with all its names, of whatever repositories. */
  readonly allNames?: boolean | undefined;
  /** With all that was made from it, as far as that is recorded or proved. */
  readonly tree?: boolean | undefined;
  /** With the containers that stand on what goes; those that run only by force. */
  readonly withContainers?: boolean | undefined;
  /** Keeps what it was made from though that has no name. */
  readonly noPrune?: boolean | undefined;
  /** Removes only these platforms of it. */
  readonly platforms?: readonly Platform[];
  /** Says what would be done, by the same plan, and does nothing. */
  readonly dryRun?: boolean | undefined;
}

export interface Removed {
  readonly containers: readonly Pick<ContainerRecord, 'id' | 'name'>[];
  /** Names that are gone. */
  readonly untagged: readonly Reference[];
  /** Images that are gone. */
  readonly deleted: readonly Digest[];
  /** Bytes that the disk got back. */
  readonly bytes: number;
}

/** What a removal does, whole. */
interface Plan {
  readonly discard: Discard;
  readonly containers: readonly ContainerRecord[];
  readonly untagged: readonly Reference[];
  readonly deleted: readonly Digest[];
  /** What only these held is freed afterwards. */
  readonly roots: readonly Digest[];
}

type RemovedImage = Pick<ImageRecord, 'target' | 'names'>;

/** How often a plan is made anew because others have changed something meanwhile. */
const patience = 20;

/**
 * Removes a name, and the image with its last name, by docker's table (rmi): not what a container stands on, in any state, nor what another image is recorded to be made from.
 * A refusal changes nothing. What goes, goes in one transaction, then content that nothing else holds.
 * @throws ImageError `conflict`, with docker's sentence and all that stands in the way; `not-found`, `ambiguous`
 */
export async function remove(host: Pick<Host, 'store'>, name: string, options: RemoveOptions = {}): Promise<Removed> {
  for (let tries = 1; ; tries++) {
    if (options.signal?.aborted) throw canceled(options.signal.reason);
    const plan = await planRemoval(host, name, options);
    try {
      return await carryOut(host, plan, options);
    } catch (error) {
      // Since the plan was made somebody has given it one more name, made a container of it, or removed some of it.
      if (tries === patience || !isImageError(error, 'conflict', 'not-found')) throw error;
    }
  }
}

async function carryOut({ store }: Pick<Host, 'store'>, plan: Plan, { dryRun, force, signal }: RemoveOptions): Promise<Removed> {
  const { discard, roots, untagged, deleted } = plan;
  const containers = plan.containers.map(({ id, name }) => ({ id, name }));
  let changes = 0;
  for (const { id } of containers) changes += await folderSize(await store.containerFolder(id, { make: false }));
  if (dryRun) {
    const { bytes } = roots.length > 0 ? await store.sweep({ dryRun, roots, first: { ...discard, force } }) : { bytes: 0 };
    return { containers, untagged, deleted, bytes: changes + bytes };
  }
  await store.discard({ ...discard, force }, { verb: 'rmi' });
  const { bytes } = roots.length > 0 ? await store.sweep({ signal, roots }) : { bytes: 0 };
  return { containers, untagged, deleted, bytes: changes + bytes };
}

async function planRemoval(host: Pick<Host, 'store'>, name: string, options: RemoveOptions): Promise<Plan> {
  const { store } = host;
  const found = await store.find(name);
  const { digest } = found.root;
  const listed = await store.image(digest);
  if (options.platforms?.length) {
    if (!listed) throw new ImageError('not-found', `No such image: ${name}`);
    return planPlatforms(listed, options.platforms, options);
  }
  if (found.target.digest !== digest) throw refusePart(found, listed);
  // In no list, and shown by a repository all the same: what was pushed by its digest, or has lost its tag to another.
  const image: RemovedImage = listed ?? { target: found.root, names: [] };
  if (options.tree) return planTree(host, name, found, image, options);
  if (!found.name && !options.force && !options.withContainers) await refuseUsed(host, name, found, options);
  const untagged = namesToRemove(found, image, options);
  if (untagged.length < image.names.length) return nameOnly(untagged);
  const users = await usersOf(host, digest);
  const containers = options.withContainers ? users.containers : [];
  const left: Users = { containers: options.withContainers ? [] : users.containers, children: users.children };
  if (options.withContainers && !options.force) refuseRunning(found, containers, name);
  if (left.containers.length + left.children.length > 0) {
    const refusal = () => conflict(host, name, found, left, options);
    const runs = left.containers.some(({ state }) => isRunning(state));
    // By force a name goes and the image stays for those who need it, without a name; and so does an image by its id, where only stopped containers need it.
    const lifted = options.force && (found.name !== undefined || (left.children.length > 0 ? untagged.length > 0 && !runs : !runs));
    if (!lifted) throw await refusal();
    if (found.name || left.children.length > 0)
      return { ...nameOnly(untagged), containers, discard: { untag: untagged, containers: going(containers) } };
  }
  const parents = options.noPrune ? [] : await idleParents(host, [image], containers);
  return whole(containers, [image, ...parents], left.containers.length > 0 ? digest : undefined);
}

/** What is one of an image's platforms would take all others with it. */
function refusePart({ target, root }: FoundImage, image: ImageRecord | undefined): ImageError {
  const platform = image?.platforms.find(({ manifest }) => manifest.digest === target.digest)?.platform;
  const name = image?.names[0] ? familiar(image.names[0].reference) : shortId(root.digest);
  return new ImageError('conflict', `conflict: unable to delete ${shortId(target.digest)} - it is a part of the image ${name}`, {
    hint: `${platform ? `Remove this platform alone: bay rmi --platform ${formatPlatform(platform)} ${name}; or the` : 'Remove the'} whole image: bay rmi ${name}`,
    detail: { root: root.digest },
  });
}

async function usersOf({ store }: Pick<Host, 'store'>, image: Digest): Promise<Users> {
  return (await store.users([image])).get(image) ?? { containers: [], children: [] };
}

/** The image with all that stands on it, each with its names. */
async function planTree(
  host: Pick<Host, 'store'>,
  name: string,
  found: FoundImage,
  root: RemovedImage,
  options: RemoveOptions,
): Promise<Plan> {
  const images = await treeOf(host, root);
  const all = await containersOn(host, images.keys());
  if (!options.withContainers && all.length > 0) throw await conflict(host, name, found, { containers: all, children: [] }, options);
  if (!options.force) refuseRunning(found, all, name);
  // What was made from others goes before these.
  const order = [...images.values()].toReversed();
  const parents = options.noPrune ? [] : await idleParents(host, order, all);
  return whole(all, [...order, ...parents]);
}

/** An image, and what was made from it as far as that is recorded or proved. */
async function treeOf({ store }: Pick<Host, 'store'>, root: RemovedImage): Promise<ReadonlyMap<Digest, RemovedImage>> {
  const below = await store.descendants(root.target.digest);
  const images = new Map<Digest, RemovedImage>();
  const collect = async (record: RemovedImage): Promise<void> => {
    if (images.has(record.target.digest)) return;
    images.set(record.target.digest, record);
    for (const { image, how } of below.get(record.target.digest) ?? []) {
      // Anybody may claim to be made from it, and would be surprised to be removed for it.
      const child = how === 'claimed' ? undefined : await store.image(image);
      if (child) await collect(child);
    }
  };
  await collect(root);
  return images;
}

async function containersOn({ store }: Pick<Host, 'store'>, images: Iterable<Digest>): Promise<readonly ContainerRecord[]> {
  const users = [...(await store.users([...images])).values()].flatMap(({ containers }) => containers);
  return [...new Map(users.map((container) => [container.id, container])).values()];
}

/** What stands in the way of a removal, all of it, and the flags with which it would go too. */
export interface WayOut {
  /** None where they go with it. */
  readonly containers: readonly ContainerRecord[];
  readonly flags: readonly string[];
}

/** Where an image was made from it, that one’s containers are in the way too: nobody gets rid of the one without the others. @param users of the image */
export async function wayOut(
  host: Pick<Host, 'store'>,
  found: Pick<FoundImage, 'name' | 'root'>,
  users: Users,
  options: Pick<RemoveOptions, 'force' | 'tree' | 'withContainers'> = {},
): Promise<WayOut> {
  const image: RemovedImage = (await host.store.image(found.root.digest)) ?? { target: found.root, names: [] };
  const tree = options.tree === true || users.children.length > 0;
  const further = tree ? await containersOn(host, (await treeOf(host, image)).keys()) : [];
  const containers = [...new Map([...users.containers, ...further].map((container) => [container.id, container])).values()];
  const repositories = new Set(image.names.map(({ reference }) => repositoryName(reference)));
  const force = options.force || containers.some(({ state }) => isRunning(state)) || (!tree && !found.name && repositories.size > 1);
  const flags = [
    ...(force ? ['--force'] : []),
    ...(tree ? ['--tree'] : []),
    ...(containers.length > 0 || options.withContainers ? ['--with-containers'] : []),
  ];
  return { containers: options.withContainers ? [] : containers, flags };
}

/** What these were recorded to be made from, and what that was, where it has no name and nothing else needs it: nobody would ever remove it. */
async function idleParents(
  { store }: Pick<Host, 'store'>,
  images: readonly RemovedImage[],
  containers: readonly ContainerRecord[],
): Promise<readonly ImageRecord[]> {
  const gone = new Set(images.map(({ target }) => target.digest));
  const ended = new Set(containers.map(({ id }) => id));
  const idle: ImageRecord[] = [];
  for (const waiting = [...gone]; waiting.length > 0;) {
    for (const { image, how } of await store.parents(waiting.shift() as Digest)) {
      const parent = how === 'recorded' && !gone.has(image) ? await store.image(image) : undefined;
      if (!parent || parent.names.length > 0) continue;
      const users = await usersOf({ store }, image);
      if (users.containers.some(({ id }) => !ended.has(id)) || users.children.some((child) => !gone.has(child.image))) continue;
      gone.add(image);
      waiting.push(image);
      idle.push(parent);
    }
  }
  return idle;
}

/** @param used of an image that goes though containers stand on it */
function whole(containers: readonly ContainerRecord[], images: readonly RemovedImage[], used?: Digest): Plan {
  const references = ({ names }: RemovedImage) => names.map(({ reference }) => reference);
  return {
    discard: {
      containers: going(containers),
      images: images.map((image) => ({ digest: image.target.digest, names: references(image), used: image.target.digest === used })),
    },
    containers,
    untagged: images.flatMap(references),
    deleted: images.map(({ target }) => target.digest),
    roots: images.flatMap(({ target, names }) => [target.digest, ...names.flatMap(({ origin }) => origin?.digest ?? [])]),
  };
}

function nameOnly(untagged: readonly Reference[]): Plan {
  return { discard: { untag: untagged }, containers: [], untagged, deleted: [], roots: [] };
}

function going(containers: readonly ContainerRecord[]): Discard['containers'] {
  return containers.map(({ id, name, image }) => ({ id, event: { action: 'destroy', attributes: { name, image } } }));
}

function namesToRemove(found: FoundImage, image: RemovedImage, options: RemoveOptions): readonly Reference[] {
  const all = image.names.map(({ reference }) => reference);
  if (found.name) return [found.name.reference];
  const repositories = new Set(all.map(repositoryName));
  if (repositories.size > 1 && !options.force && !options.allNames)
    throw new ImageError(
      'conflict',
      `conflict: unable to delete ${shortId(image.target.digest)} (must be forced) - image is referenced in multiple repositories`,
      {
        hint: `It is ${listed(all.map(familiar))}: remove the names one by one, or force it.`,
        detail: { names: all.map(familiar) },
      },
    );
  return all;
}

/** By its id, a container on it comes before that it has several names, as in docker's. */
async function refuseUsed(host: Pick<Host, 'store'>, name: string, found: FoundImage, options: RemoveOptions): Promise<void> {
  const users = await usersOf(host, found.root.digest);
  if (users.containers.length > 0) throw await conflict(host, name, found, users, options);
}

function refuseRunning(found: FoundImage, containers: readonly ContainerRecord[], name: string): void {
  const running = containers.filter(({ state }) => isRunning(state));
  const [first] = running;
  if (first)
    throw new ImageError(
      'conflict',
      `${unable(found)} (must be forced) - image is being used by running container ${first.id.slice(0, 12)}; in the way: ${listed(running.map(containerText))}`,
      {
        hint: `To end and remove them too: bay rmi --force --with-containers ${name}`,
        detail: { containers: running.map(({ id }) => id) },
      },
    );
}

/** Docker's sentence, then all that stands in the way; the hint is the command that would remove it. */
async function conflict(
  { store }: Pick<Host, 'store'>,
  name: string,
  found: FoundImage,
  { containers, children }: Users,
  options: RemoveOptions,
): Promise<ImageError> {
  const [first] = containers;
  const running = containers.find(({ state }) => isRunning(state));
  const id = shortId(found.root.digest);
  const names: string[] = [];
  for (const child of children) {
    const record = await store.image(child.image);
    names.push(`image ${record?.names[0] ? familiar(record.names[0].reference) : shortId(child.image)}`);
  }
  const nothingToDrop = found.name === undefined && !(await store.image(found.root.digest))?.names.length;
  const sentence = !first
    ? `(${nothingToDrop ? 'cannot' : 'must'} be forced) - image has dependent child images`
    : found.name
      ? `(must be forced) - container ${first.id.slice(0, 12)} is using its referenced image ${id}`
      : running
        ? `(cannot be forced) - image is being used by running container ${running.id.slice(0, 12)}`
        : `(must be forced) - image is being used by stopped container ${first.id.slice(0, 12)}`;
  const way = await wayOut({ store }, found, { containers, children }, options);
  return new ImageError(
    'conflict',
    `${unable(found)} ${sentence}; in the way: ${listed([...way.containers.map(containerText), ...names])}`,
    {
      hint: `To remove them too: bay rmi ${way.flags.join(' ')} ${name}`,
      detail: { containers: way.containers.map((container) => container.id), children: children.map(({ image }) => image) },
    },
  );
}

function unable({ name, root }: FoundImage): string {
  return `conflict: unable to delete ${name ? familiar(name.reference) : shortId(root.digest)}`;
}

function containerText({ name, state }: ContainerRecord): string {
  return `container ${name} (${state})`;
}

/** A sentence of a thousand names is none. */
function listed(texts: readonly string[]): string {
  const shown = texts.slice(0, 12);
  return `${shown.join(', ')}${texts.length > shown.length ? ` and ${texts.length - shown.length} more` : ''}`;
}

/**
 * Takes platforms out of an image. Where one is left, the names point at it and the index stays their origin, as if it alone had been pulled;
 * where none is left, the image goes. An index never stays with some of its platforms missing: what the store has is complete.
 */
function planPlatforms(image: ImageRecord, platforms: readonly Platform[], options: RemoveOptions): Plan {
  if (!options.force && !options.dryRun)
    throw new ImageError(
      'invalid-argument',
      'Content will be removed from all images referencing this variant. Use --force to force delete.',
    );
  const gone = image.platforms.filter(({ platform }) => platform && platforms.some((wanted) => platformMatch(wanted, platform) > 0));
  for (const wanted of platforms)
    if (!gone.some(({ platform }) => platform && platformMatch(wanted, platform) > 0))
      throw new ImageError('platform-not-found', `image does not provide the specified platform (${formatPlatform(wanted)})`);
  const left = image.platforms.filter((record) => !gone.includes(record));
  const [only, ...others] = left;
  if (others.length > 0)
    throw new ImageError('unsupported', `${left.length} platforms would be left, and an index is kept whole`, {
      hint: `Keep one: there is ${left.map(({ platform }) => (platform ? formatPlatform(platform) : 'unknown')).join(', ')}.`,
    });
  const { digest } = image.target;
  return {
    discard: { images: [{ digest, names: 'all', instead: only?.manifest, used: true }] },
    containers: [],
    untagged: only ? [] : image.names.map(({ reference }) => reference),
    deleted: gone.map(({ manifest }) => manifest.digest),
    roots: [digest, ...image.names.flatMap(({ origin }) => origin?.digest ?? [])],
  };
}
