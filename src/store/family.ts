import type { Digest } from '../model/digest.ts';
import { mediaTypes } from '../model/media-types.ts';
import type { Database } from './database.ts';
import type { Recorder, Relation } from './relation.ts';

/** Diff IDs of layers without a file: tars of nothing but their end, of two blocks, and of twenty as GNU tar writes them. What has only these below is no base of anything. */
const emptyLayers: readonly string[] = [
  'sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef',
  'sha256:84ff92691f909a05b224e1c56abb4864f01b4f8e3c854e4bb4c7baf1d3f6d652',
];

const isEmptyChain = `(SELECT diff_id FROM chain WHERE chain.id = next.chain) IN (${emptyLayers.map((digest) => `'${digest}'`).join(', ')})`;
const textOf = { chain: 'diff_id', stack: 'blob' } as const;

/** Of a manifest in `layered` (alias l): an image of the list is it, or has it in itself. Most are found by the first look. */
const isKnown = `(EXISTS (SELECT 1 FROM image WHERE image.digest = l.manifest) OR EXISTS (
  WITH RECURSIVE around (digest) AS (
    SELECT edge.parent FROM edge WHERE edge.child = l.manifest AND edge.kind = 0 AND NOT edge.attestation
    UNION SELECT edge.parent FROM around JOIN edge ON edge.child = around.digest AND edge.kind = 0 AND NOT edge.attestation)
  SELECT 1 FROM around JOIN image ON image.digest = around.digest))`;

/** That one image was made from another, seen from neither. */
interface Link extends Omit<Relation, 'image'> {
  readonly child: Digest;
  readonly parent: Digest;
}

interface Layered {
  readonly manifest: Digest;
  readonly chain: number;
  readonly stack: number | null;
}

/** A manifest, and the nearest chain below it at which an image ends (0: none), how many layers that is, and the manifest's own stack up to there. */
type Above = readonly [manifest: Digest, chain: number, stack: number, anchor: number, depth: number, anchorStack: number];

/**
 * Who was made from whom, in one view of the store: make one within a snapshot, ask, and let it go.
 *
 * An image's parent is what was recorded when it was made; else the images of the list that end where the longest proper part of its layers, from the bottom up, ends;
 * else what its annotation names. The layers are those of one platform: an index is made from what its platforms are made from. Images that have all layers in common are
 * no parents of each other; an image is no parent of what it lists itself. Where several images end at the same place all are parents, the best known first.
 */
export class Family {
  readonly #database: Database;
  /** The manifests inside each index of the list, statements about images left out; and the way back. */
  readonly #inside = new Map<Digest, Digest[]>();
  readonly #around = new Map<Digest, Digest[]>();
  readonly #images = new Map<Digest, readonly Digest[]>();
  readonly #ending = new Map<number, readonly Layered[]>();
  #annotated: boolean | undefined;
  /** Children, by their own digests, of which it is recorded what they were made from. */
  readonly #recorded: ReadonlySet<Digest>;

  constructor(database: Database) {
    this.#database = database;
    const members = database.columns<[Digest, Digest]>(
      `WITH RECURSIVE inside (root, digest) AS (
         SELECT digest, digest FROM image WHERE media_type IN (?, ?)
         UNION SELECT root, edge.child FROM inside JOIN edge ON edge.parent = inside.digest AND edge.kind = 0 AND NOT edge.attestation)
       SELECT root, digest FROM inside WHERE digest <> root`,
      mediaTypes.ociIndex,
      mediaTypes.dockerIndex,
    );
    for (const [root, digest] of members) {
      push(this.#inside, root, digest);
      push(this.#around, digest, root);
    }
    this.#recorded = new Set(database.columns<[Digest]>('SELECT DISTINCT child FROM parent').map(([child]) => child));
  }

  /** The best known first. @param digest an image, or one platform's manifest in it */
  parents(digest: Digest): Relation[] {
    const links = this.#within(digest).flatMap((manifest) => this.#parentsOf(manifest));
    const relations = merged(
      links.filter(({ parent }) => parent !== digest),
      ({ parent }) => parent,
    );
    return this.#sorted(digest, relations);
  }

  /** In order of their digests. */
  children(digest: Digest): Relation[] {
    const links = this.#annotatedWith(digest);
    for (const manifest of this.#within(digest)) {
      links.push(...this.#madeFrom(manifest));
      const own = this.#layersOf(manifest);
      if (own) links.push(...this.#linksAbove(own.chain, 'next'), ...this.#oddLinks());
    }
    return childrenOf(digest, links);
  }

  /** The children of an image, of those, and so on, each under what it was made from; without an image, of all. */
  descendants(root?: Digest): Map<Digest, Relation[]> {
    const links = new Map<Digest, Link[]>();
    const add = (some: readonly Link[]) => some.forEach((link) => push(links, link.parent, link));
    const covered = new Set<number>();
    const waiting = root === undefined ? this.#all() : [root];
    if (root === undefined) add(this.#linksAbove(0, 'all', covered));
    add(this.#oddLinks());
    const found = new Map<Digest, Relation[]>();
    for (let next; (next = waiting.pop()) !== undefined;) {
      if (found.has(next)) continue;
      for (const manifest of this.#within(next)) {
        add(this.#madeFrom(manifest));
        const own = this.#layersOf(manifest);
        if (own && !covered.has(own.chain)) add(this.#linksAbove(own.chain, 'all', covered));
      }
      add(this.#annotatedWith(next));
      const children = childrenOf(next, links.get(next) ?? []);
      found.set(next, children);
      for (const { image } of children) waiting.push(image);
    }
    return found;
  }

  /** Those of one platform's image, or what is recorded of an index itself. */
  #parentsOf(manifest: Digest): Link[] {
    const recorded = this.#recordedOf(manifest);
    if (recorded.length > 0) return recorded;
    const layers = this.#byLayers(manifest);
    return layers.length > 0 ? layers : this.#byAnnotation(manifest);
  }

  /** What is recorded of a manifest is said of it; what is recorded of an index, of everything in it. */
  #recordedOf(manifest: Digest): Link[] {
    if (this.#recorded.size === 0) return [];
    return [...new Set([manifest, ...this.#imagesOf(manifest)])]
      .filter((digest) => this.#recorded.has(digest))
      .flatMap((child) =>
        this.#database
          .all<{ parent: Digest; how: Recorder }>('SELECT parent, how FROM parent WHERE child = ? ORDER BY parent', child)
          .flatMap(({ parent, how }) => this.#recordedLinks(manifest, parent, how)),
      );
  }

  #isRecorded(manifest: Digest): boolean {
    return this.#recordedOf(manifest).length > 0;
  }

  #recordedLinks(manifest: Digest, parent: Digest, how: Recorder): Link[] {
    // Either may be in no list any more, and be held by the other or by a container all the same.
    const images = (digest: Digest) => (this.#imagesOf(digest).length > 0 ? this.#imagesOf(digest) : [digest]);
    return this.#pairs(images(manifest), images(parent)).map((pair) => ({ ...pair, how: 'recorded', by: how }));
  }

  #byLayers(manifest: Digest): Link[] {
    const own = this.#layersOf(manifest);
    if (!own) return [];
    const path = this.#path('chain', own.chain);
    const solid = path.findIndex(({ text }) => !emptyLayers.includes(text));
    for (let depth = path.length - 1; solid >= 0 && depth > solid; depth--) {
      const links = this.#candidates(own, path[depth - 1]?.id ?? 0, depth);
      if (links.length > 0) return links;
    }
    return [];
  }

  /** The images that end at a chain, as parents of this manifest. @param stack its own up to there, where it is known already */
  #candidates(own: Pick<Layered, 'manifest' | 'stack'>, chain: number, depth: number, stack?: number): Link[] {
    const links: Link[] = [];
    for (const base of this.#endingAt(chain)) {
      const pairs = this.#pairs(this.#imagesOf(own.manifest), this.#imagesOf(base.manifest));
      if (pairs.length === 0) continue;
      const how = this.#standsOn(own, base, depth, stack) ? 'proved' : 'claimed';
      for (const pair of pairs) links.push({ ...pair, how, by: 'layers', layers: depth });
    }
    return links;
  }

  /** True where the lowest layers of one are those of the other: the same blobs, or blobs that were unpacked here and had the same diff ID. */
  #standsOn(own: Pick<Layered, 'stack'>, base: Layered, depth: number, stack?: number): boolean {
    if (own.stack === null || base.stack === null) return false;
    if (stack === base.stack) return true;
    const [mine, theirs] = [this.#path('stack', own.stack), this.#path('stack', base.stack)];
    if (mine[depth - 1]?.id === base.stack) return true;
    const checked = (blob: string, diffId: string) =>
      blob === diffId || this.#database.get('SELECT 1 FROM checked WHERE blob = ? AND diff_id = ?', blob, diffId) !== undefined;
    const diffIds = this.#path('chain', base.chain);
    return diffIds.every(({ text: diffId }, at) => {
      const [one, other] = [mine[at]?.text ?? '', theirs[at]?.text ?? ''];
      return one === other || (checked(one, diffId) && checked(other, diffId));
    });
  }

  #byAnnotation(manifest: Digest): Link[] {
    const base = this.#database.get<{ digest: Digest }>('SELECT digest FROM base WHERE manifest = ?', manifest)?.digest;
    if (base === undefined) return [];
    const origins = this.#database.all<{ target: Digest }>('SELECT DISTINCT target FROM name WHERE origin = ?', base);
    const parents = [...new Set([...this.#imagesOf(base), ...origins.map(({ target }) => target)])];
    return this.#pairs(this.#imagesOf(manifest), parents).map((pair) => ({ ...pair, how: 'claimed', by: 'annotation' }));
  }

  /** What was recorded as made from this manifest or index. */
  #madeFrom(manifest: Digest): Link[] {
    if (this.#recorded.size === 0) return [];
    return this.#database
      .all<{ child: Digest; how: Recorder }>('SELECT child, how FROM parent WHERE parent = ?', manifest)
      .flatMap(({ child, how }) => this.#manifests(child).flatMap((own) => this.#recordedLinks(own, manifest, how)));
  }

  #annotatedWith(image: Digest): Link[] {
    this.#annotated ??= this.#database.get('SELECT 1 FROM base LIMIT 1') !== undefined;
    if (!this.#annotated) return [];
    const digests = new Set([...this.#within(image)]);
    for (const { origin } of this.#database.all<{ origin: Digest }>(
      'SELECT DISTINCT origin FROM name WHERE target = ? AND origin IS NOT NULL',
      image,
    ))
      digests.add(origin);
    return [...digests].flatMap((digest) =>
      this.#database
        .all<{ manifest: Digest }>('SELECT manifest FROM base WHERE digest = ?', digest)
        .filter(({ manifest }) => !this.#isRecorded(manifest) && this.#byLayers(manifest).length === 0)
        .flatMap(({ manifest }) => this.#byAnnotation(manifest)),
    );
  }

  /**
   * What stands on a chain, linked to what is nearest below it: all of it, or on each branch no more than the next image.
   * @param covered the chains at which an image was met are added
   */
  #linksAbove(chain: number, how: 'all' | 'next', covered = new Set<number>()): Link[] {
    const links: Link[] = [];
    covered.add(chain);
    const alone = new Set<Digest>();
    for (const [manifest, end, stack, anchor, depth, anchorStack] of this.#above(chain, how)) {
      covered.add(end);
      // The walk went no further, but an index may list what stands on this, and be no parent of itself.
      if (how === 'next')
        for (const root of this.#around.get(manifest) ?? []) for (const other of this.#inside.get(root) ?? []) alone.add(other);
      if (anchor === 0 || this.#isRecorded(manifest)) continue;
      const found = this.#candidates({ manifest, stack }, anchor, depth, anchorStack);
      if (found.length === 0) alone.add(manifest);
      links.push(...found);
    }
    for (const manifest of alone) if (!this.#isRecorded(manifest)) links.push(...this.#byLayers(manifest));
    return links;
  }

  #above(chain: number, how: 'all' | 'next'): Above[] {
    const path = this.#path('chain', chain);
    const isVoid = path.every(({ text }) => emptyLayers.includes(text));
    if (isVoid && how === 'next') return [];
    return this.#database.columns<Above>(
      `WITH RECURSIVE up (stack, chain, depth, void, known, anchor, anchor_depth, anchor_stack) AS (
         SELECT id, chain, ?2, ?3, NOT ?3, iif(?3, 0, chain), ?2, id FROM stack WHERE chain = ?1
         UNION ALL SELECT 0, 0, 0, 1, 0, 0, 0, 0 WHERE ?1 = 0
         UNION ALL SELECT next.id, next.chain, up.depth + 1, up.void AND ${isEmptyChain},
           NOT (up.void AND ${isEmptyChain}) AND EXISTS (SELECT 1 FROM layered l WHERE l.chain = next.chain AND ${isKnown}),
           iif(up.known, up.chain, up.anchor), iif(up.known, up.depth, up.anchor_depth), iif(up.known, up.stack, up.anchor_stack)
         FROM up JOIN stack next ON next.below = up.stack WHERE ?4 OR NOT up.known OR up.depth = ?2)
       SELECT layered.manifest, up.chain, up.stack, up.anchor, up.anchor_depth, up.anchor_stack
       FROM up JOIN layered ON layered.stack = up.stack WHERE up.depth > ?2`,
      chain,
      path.length,
      isVoid ? 1 : 0,
      how === 'all' ? 1 : 0,
    );
  }

  /** Of images whose config and manifest do not agree how many layers there are: they stand on no stack, and are few. */
  #oddLinks(): Link[] {
    return this.#database
      .all<{ manifest: Digest }>('SELECT manifest FROM layered WHERE stack IS NULL')
      .filter(({ manifest }) => !this.#isRecorded(manifest))
      .flatMap(({ manifest }) => this.#byLayers(manifest));
  }

  /** The images of the list that are this manifest, or have it in themselves. */
  #imagesOf(manifest: Digest): readonly Digest[] {
    let images = this.#images.get(manifest);
    if (!images) {
      const own = this.#database.get('SELECT 1 FROM image WHERE digest = ?', manifest) ? [manifest] : [];
      images = [...own, ...(this.#around.get(manifest) ?? [])];
      this.#images.set(manifest, images);
    }
    return images;
  }

  /** An image, and the manifests in it. */
  #within(image: Digest): readonly Digest[] {
    return [image, ...(this.#inside.get(image) ?? [])];
  }

  /** The manifests in an index; of anything else, that itself. */
  #manifests(image: Digest): readonly Digest[] {
    return this.#inside.get(image)?.filter((digest) => !this.#inside.has(digest)) ?? [image];
  }

  #all(): Digest[] {
    const images = this.#database.columns<[Digest]>('SELECT digest FROM image').map(([digest]) => digest);
    const parents = this.#database.columns<[Digest]>('SELECT DISTINCT parent FROM parent').map(([digest]) => digest);
    return [...images, ...parents.filter((digest) => this.#imagesOf(digest).length === 0)];
  }

  #layersOf(manifest: Digest): Layered | undefined {
    return this.#database.get<Layered>('SELECT manifest, chain, stack FROM layered WHERE manifest = ?', manifest);
  }

  #endingAt(chain: number): readonly Layered[] {
    let ending = this.#ending.get(chain);
    if (!ending) {
      ending = this.#database
        .all<Layered>('SELECT manifest, chain, stack FROM layered WHERE chain = ?', chain)
        .filter(({ manifest }) => this.#imagesOf(manifest).length > 0);
      this.#ending.set(chain, ending);
    }
    return ending;
  }

  /** From the bottom up: each node, with its diff ID or blob. */
  #path(table: 'chain' | 'stack', top: number): readonly { readonly id: number; readonly text: string }[] {
    return this.#database.all<{ id: number; text: string }>(
      `WITH RECURSIVE down (id, below, text, place) AS (
           SELECT id, below, ${textOf[table]}, 0 FROM ${table} WHERE id = ?
           UNION ALL SELECT next.id, next.below, next.${textOf[table]}, down.place + 1 FROM down JOIN ${table} next ON next.id = down.below)
         SELECT id, text FROM down ORDER BY place DESC`,
      top,
    );
  }

  #sorted(child: Digest, relations: readonly Relation[]): Relation[] {
    if (relations.length < 2) return [...relations];
    const bases = new Set(this.#within(child).flatMap((manifest) => this.#byAnnotation(manifest).map(({ parent }) => parent)));
    const rank = new Map(
      relations.map(({ image }) => {
        const named = this.#database.get('SELECT 1 FROM name WHERE target = ? LIMIT 1', image) !== undefined;
        const added = this.#database.get<{ added: number }>('SELECT added FROM image WHERE digest = ?', image)?.added ?? 0;
        return [image, [bases.has(image) ? 0 : 1, named ? 0 : 1, added]];
      }),
    );
    return relations.toSorted((a, b) => {
      const by = strength.indexOf(a.how) - strength.indexOf(b.how);
      if (by !== 0) return by;
      const [one = [], other = []] = [rank.get(a.image), rank.get(b.image)];
      for (const [at, value] of one.entries()) if (value !== other[at]) return value - (other[at] ?? 0);
      return a.image < b.image ? -1 : 1;
    });
  }

  /** Every one with every other; an image is no parent of what it lists itself. */
  #pairs(children: readonly Digest[], parents: readonly Digest[]): { child: Digest; parent: Digest }[] {
    const others = parents.filter((parent) => !children.includes(parent));
    return children.flatMap((child) => others.map((parent) => ({ child, parent })));
  }
}

const strength: readonly Relation['how'][] = ['recorded', 'proved', 'claimed'];

function childrenOf(parent: Digest, links: readonly Link[]): Relation[] {
  const own = links.filter((link) => link.parent === parent);
  return merged(own, ({ child }) => child).toSorted((a, b) => (a.image < b.image ? -1 : 1));
}

/** One relation for each image that `other` says: the best known, and of those the one with the most layers. */
function merged(links: readonly Link[], other: (link: Link) => Digest): Relation[] {
  const best = new Map<Digest, Relation>();
  for (const link of links) {
    const { how, by, layers } = link;
    const relation: Relation = { image: other(link), how, by, ...(layers === undefined ? {} : { layers }) };
    const before = best.get(relation.image);
    const better = before ? strength.indexOf(how) - strength.indexOf(before.how) || (before.layers ?? 0) - (layers ?? 0) : -1;
    if (better < 0) best.set(relation.image, relation);
  }
  return [...best.values()];
}

function push<Key, Value>(groups: Map<Key, Value[]>, key: Key, value: Value): void {
  const group = groups.get(key);
  if (group) group.push(value);
  else groups.set(key, [value]);
}
