import { shortId, type Digest } from '../model/digest.ts';
import { canonical, familiar } from '../model/reference.ts';
import type { ContainerRecord } from '../store/container-record.ts';
import type { ImageRecord } from '../store/image-record.ts';
import type { Forest, Relation } from '../store/relation.ts';
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
 * All images, each under the one that it was made from: where several are its parents, under the first of them. With a name, that image and all that was made from it,
 * wherever else this may stand too.
 * @throws ImageError `not-found`, `ambiguous`
 */
export async function imageTree(host: Pick<Host, 'store'>, name?: string): Promise<readonly TreeNode[]> {
  const { store } = host;
  const root = name === undefined ? undefined : (await store.find(name)).root.digest;
  const forest = root === undefined ? await store.forest() : undefined;
  const below = forest?.children ?? (await store.descendants(root as Digest));
  const images = new Map<Digest, ImageRecord>();
  if (root !== undefined && below.size < few)
    for (const digest of below.keys()) {
      const image = await store.image(digest);
      if (image) images.set(digest, image);
    }
  else for (const image of await store.images()) images.set(image.target.digest, image);
  const containers = new Map<Digest, ContainerRecord[]>();
  for (const container of (await store.containers()).toReversed())
    for (const digest of new Set([container.target.digest, container.manifest.digest])) push(containers, digest, container);
  const places = inOrder(new Set([...images.keys(), ...below.keys()]), images);
  const children = forest ? underOne(forest) : below;
  const nodes: TreeNode[] = [];
  const seen = new Set<Digest>();
  const grow = (top: Digest): void => {
    const waiting: { digest: Digest; depth: number; relation?: Omit<Relation, 'image'> }[] = [{ digest: top, depth: 0 }];
    for (let next; (next = waiting.pop());) {
      const { digest, depth, relation } = next;
      const again = seen.has(digest);
      const node: Writable<TreeNode> = { digest, depth, containers: containers.get(digest) ?? none, again };
      const image = images.get(digest);
      if (image) node.image = image;
      if (relation) node.relation = relation;
      nodes.push(node);
      if (again) continue;
      seen.add(digest);
      // The last is shown last, so it is taken last.
      for (const { image: child, ...how } of sorted(children.get(digest) ?? none, places))
        waiting.push({ digest: child, depth: depth + 1, relation: how });
    }
  };
  if (root !== undefined) grow(root);
  else {
    for (const digest of places.keys()) if (!forest?.first.has(digest)) grow(digest);
    // Claims may lead in a circle, which nothing stands under.
    for (const digest of places.keys()) if (!seen.has(digest)) grow(digest);
  }
  return nodes;
}

type Writable<T> = { -readonly [Key in keyof T]: T[Key] };

const none: readonly never[] = [];

/** The last first. */
function sorted(relations: readonly Relation[], places: ReadonlyMap<Digest, number>): readonly Relation[] {
  if (relations.length < 2) return relations;
  return relations
    .map((relation) => ({ relation, place: places.get(relation.image) ?? 0 }))
    .toSorted((a, b) => b.place - a.place)
    .map(({ relation }) => relation);
}

/** Each child under its first parent alone. */
function underOne({ first }: Forest): ReadonlyMap<Digest, readonly Relation[]> {
  const children = new Map<Digest, Relation[]>();
  for (const [image, { image: parent, ...how }] of first) push(children, parent, { image, ...how });
  return children;
}

/** Images and their places: named ones first, by name; the others by age, the newest first. */
function inOrder(digests: Iterable<Digest>, images: ReadonlyMap<Digest, ImageRecord>): ReadonlyMap<Digest, number> {
  const named: { readonly digest: Digest; readonly name: string }[] = [];
  const others: { readonly digest: Digest; readonly created: number }[] = [];
  for (const digest of digests) {
    const image = images.get(digest);
    const [first] = image?.names ?? [];
    if (first) named.push({ digest, name: canonical(first.reference) });
    else others.push({ digest, created: createdAt(image) });
  }
  named.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : a.digest < b.digest ? -1 : 1));
  others.sort((a, b) => b.created - a.created || (a.digest < b.digest ? -1 : 1));
  const places = new Map<Digest, number>();
  for (const { digest } of named) places.set(digest, places.size);
  for (const { digest } of others) places.set(digest, places.size);
  return places;
}

function push<Key, Value>(groups: Map<Key, Value[]>, key: Key, value: Value): void {
  const group = groups.get(key);
  if (group) group.push(value);
  else groups.set(key, [value]);
}

/** Of an image with thousands of names a line of all would pad every other line of its list to that width. */
const namesInLabel = 5;

/** The image's names, as users write them, the first of many; the short id of one without. */
export function imageLabel({ image, digest }: Pick<TreeNode, 'image' | 'digest'>): string {
  const names = image?.names ?? [];
  const shown = names.slice(0, namesInLabel).map(({ reference }) => familiar(reference));
  const more = names.length - shown.length;
  return shown.length === 0 ? shortId(digest) : `${shown.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}
