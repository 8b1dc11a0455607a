import { shortId, type Digest } from '../model/digest.ts';
import { canonical, familiar } from '../model/reference.ts';
import type { ContainerRecord } from '../store/container-record.ts';
import type { ImageRecord } from '../store/image-record.ts';
import type { Relation } from '../store/relation.ts';
import { createdAt } from './image-filter.ts';
import type { Host } from './host.ts';

/** One image in a tree, in the order in which it is shown: what was made from it comes right after it, one deeper. */
export interface TreeNode {
  readonly digest: Digest;
  /** Absent where it is in no list any more, and only held by what was made from it. */
  readonly image?: ImageRecord;
  readonly depth: number;
  /** How it is known to be made from the image that it stands under. */
  readonly relation?: Omit<Relation, 'image'>;
  /** The containers that stand on it, in any state, the oldest first. */
  readonly containers: readonly ContainerRecord[];
  /** It stands further up too, with all that was made from it. */
  readonly again: boolean;
}

/** So many images are asked for one by one; more of them cost less all at once. */
const few = 200;

/**
 * All images, each under the one that it was made from: where several are its parents, under the best known. With a name, that image and all that was made from it,
 * wherever else this may stand too.
 * @throws ImageError `not-found`, `ambiguous`
 */
export async function imageTree(host: Pick<Host, 'store'>, name?: string): Promise<readonly TreeNode[]> {
  const { store } = host;
  const root = name === undefined ? undefined : (await store.find(name)).root.digest;
  const below = await store.descendants(root);
  const images = new Map<Digest, ImageRecord>();
  if (root !== undefined && below.size < few)
    for (const digest of below.keys()) {
      const image = await store.image(digest);
      if (image) images.set(digest, image);
    }
  else for (const image of await store.images()) images.set(image.target.digest, image);
  const containers = new Map<Digest, ContainerRecord[]>();
  for (const container of (await store.containers()).toReversed())
    for (const digest of new Set([container.target.digest, container.manifest.digest]))
      containers.set(digest, [...(containers.get(digest) ?? []), container]);
  const children = root === undefined ? underOne(below, images) : below;
  const order = byName(images);
  const under = new Set([...children.values()].flat().map(({ image }) => image));
  const nodes: TreeNode[] = [];
  const seen = new Set<Digest>();
  const grow = (top: Digest): void => {
    const waiting: { digest: Digest; depth: number; relation?: Omit<Relation, 'image'> }[] = [{ digest: top, depth: 0 }];
    for (let next; (next = waiting.pop());) {
      const { digest } = next;
      const image = images.get(digest);
      const again = seen.has(digest);
      nodes.push({ ...next, ...(image ? { image } : {}), containers: containers.get(digest) ?? [], again });
      if (again) continue;
      seen.add(digest);
      // The last is shown last, so it is taken last.
      const sorted = (children.get(digest) ?? []).toSorted((a, b) => order(b.image, a.image));
      for (const { image: child, ...relation } of sorted) waiting.push({ digest: child, depth: next.depth + 1, relation });
    }
  };
  if (root !== undefined) grow(root);
  else {
    const inOrder = [...new Set([...images.keys(), ...below.keys()])].toSorted(order);
    for (const digest of inOrder) if (!under.has(digest)) grow(digest);
    // Claims may lead in a circle, which nothing stands under.
    for (const digest of inOrder) if (!seen.has(digest)) grow(digest);
  }
  return nodes;
}

/** Each child under its best known parent alone: recorded before proved before claimed, then named, then the older. */
function underOne(
  below: ReadonlyMap<Digest, readonly Relation[]>,
  images: ReadonlyMap<Digest, ImageRecord>,
): ReadonlyMap<Digest, readonly Relation[]> {
  const best = new Map<Digest, { parent: Digest; relation: Relation; rank: readonly (number | string)[] }>();
  for (const [parent, relations] of below)
    for (const relation of relations) {
      const image = images.get(parent);
      const strength = ['recorded', 'proved', 'claimed'].indexOf(relation.how);
      const rank = [strength, image?.names.length ? 0 : 1, image?.added.getTime() ?? 0, parent];
      const before = best.get(relation.image);
      if (!before || isLess(rank, before.rank)) best.set(relation.image, { parent, relation, rank });
    }
  const children = new Map<Digest, Relation[]>();
  for (const { parent, relation } of best.values()) children.set(parent, [...(children.get(parent) ?? []), relation]);
  return children;
}

function isLess(one: readonly (number | string)[], other: readonly (number | string)[]): boolean {
  for (const [at, value] of one.entries()) {
    const against = other[at] ?? 0;
    if (value !== against) return value < against;
  }
  return false;
}

/** Named ones first, by name; the others by age, the newest first. */
function byName(images: ReadonlyMap<Digest, ImageRecord>): (a: Digest, b: Digest) => number {
  const keys = new Map<Digest, string>();
  const name = (digest: Digest): string => {
    let key = keys.get(digest);
    if (key !== undefined) return key;
    const [first] = images.get(digest)?.names ?? [];
    key = first ? canonical(first.reference) : '\uffff';
    keys.set(digest, key);
    return key;
  };
  return (a, b) => {
    const [one, other] = [name(a), name(b)];
    if (one !== other) return one < other ? -1 : 1;
    return createdAt(images.get(b)) - createdAt(images.get(a)) || (a < b ? -1 : a > b ? 1 : 0);
  };
}

/** The image's names, as users write them; the short id of one without. */
export function imageLabel({ image, digest }: Pick<TreeNode, 'image' | 'digest'>): string {
  const names = (image?.names ?? []).map(({ reference }) => familiar(reference));
  return names.length > 0 ? names.join(', ') : shortId(digest);
}
