import type { Digest } from '../model/digest.ts';
import { mediaTypes } from '../model/media-types.ts';
import type { Database } from './database.ts';
import { childOf, childrenOf, merged, strength, type FamilyLink } from './family-link.ts';
import { ForestWalk, type Layered } from './forest-walk.ts';
import type { Forest, Recorder, Relation } from './relation.ts';

/** Diff IDs of layers without a file: tars of nothing but their end, of two blocks, and of twenty as GNU tar writes them. What has only these below is no base of anything. */
const emptyLayers: readonly string[] = [
  'sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef',
  'sha256:84ff92691f909a05b224e1c56abb4864f01b4f8e3c854e4bb4c7baf1d3f6d652',
];

/** A manifest, and the nearest place below it at which an image ends: chain 0 where there is none. */
interface Above {
  readonly layered: Layered;
  readonly anchor: Anchor;
}

interface Anchor {
  readonly stack: number;
  readonly chain: number;
  readonly depth: number;
}

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
  readonly #forest: ForestWalk;
  readonly #emptyChains: ReadonlySet<number>;
  /** Whether it counts later what was found to stand on another: not where there is neither an index nor an annotation. */
  readonly #notes: boolean;
  /** The manifests whose annotation names an image. */
  #annotated: ReadonlyMap<Digest, readonly Digest[]> | undefined;
  readonly #standings = new Map<Digest, readonly number[]>();
  /** Children, by their own digests, of which it is recorded what they were made from. */
  readonly #recorded: ReadonlySet<Digest>;

  constructor(database: Database) {
    this.#database = database;
    this.#forest = new ForestWalk(database, this.#around);
    this.#emptyChains = new Set(
      database
        .columns<[number]>(`SELECT id FROM chain WHERE diff_id IN (${emptyLayers.map(() => '?').join(', ')})`, ...emptyLayers)
        .map(([id]) => id),
    );
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
    this.#notes = this.#around.size > 0 || database.get('SELECT 1 FROM base LIMIT 1') !== undefined;
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

  /** Those that were recorded, in no order. */
  recordedChildren(digest: Digest): Relation[] {
    return childrenOf(
      digest,
      this.#within(digest).flatMap((manifest) => this.#madeFrom(manifest)),
    );
  }

  /** True for an image of the list. */
  isListed(digest: Digest): boolean {
    return this.#forest.isImage(digest);
  }

  /** In no order. */
  children(digest: Digest): Relation[] {
    const links: FamilyLink[] = [];
    const met = new Set<Digest>();
    for (const manifest of this.#within(digest)) {
      links.push(...this.#madeFrom(manifest));
      const own = this.#forest.layered(manifest);
      if (own) links.push(...this.#linksAbove(own.chain, 'next', met));
    }
    links.push(...this.#oddLinks(met), ...this.#annotatedWith(digest, met));
    return childrenOf(digest, links);
  }

  /** The children of an image, of those, and so on, each under what it was made from; without an image, of all. */
  descendants(root?: Digest): Map<Digest, Relation[]> {
    const links = new Map<Digest, FamilyLink[]>();
    const add = (some: readonly FamilyLink[]) => some.forEach((link) => push(links, link.parent, link));
    const met = new Set<Digest>();
    // What stands on these is in the links already.
    const walked = new Set<Digest>();
    const waiting = root === undefined ? this.#all() : [root];
    if (root === undefined) add(this.#linksAbove(0, 'all', met));
    add(this.#oddLinks(met));
    const found = new Map<Digest, Relation[]>();
    for (let next; (next = waiting.pop()) !== undefined;) {
      if (found.has(next)) continue;
      const manifests = root === undefined && this.#recorded.size === 0 ? none : this.#within(next);
      for (const manifest of manifests) {
        add(this.#madeFrom(manifest));
        if (root === undefined || walked.has(manifest)) continue;
        walked.add(manifest);
        const own = this.#forest.layered(manifest);
        if (own) add(this.#linksAbove(own.chain, 'all', met, walked));
      }
      add(this.#annotatedWith(next, met));
      const children = merged(links.get(next) ?? none, childOf);
      found.set(next, children);
      for (const { image } of children) waiting.push(image);
    }
    return found;
  }

  /** The children of all images, and of each of these the best known parent. */
  forest(): Forest {
    const children = this.descendants();
    const parents = new Map<Digest, Relation[]>();
    for (const [parent, relations] of children)
      for (const relation of relations) push(parents, relation.image, { ...relation, image: parent });
    const first = new Map<Digest, Relation>();
    for (const [child, relations] of parents) {
      const [best] = this.#sorted(child, relations);
      if (best) first.set(child, best);
    }
    return { children, first };
  }

  /** Those of one platform's image, or what is recorded of an index itself. */
  #parentsOf(manifest: Digest): FamilyLink[] {
    const recorded = this.#recordedOf(manifest);
    if (recorded.length > 0) return recorded;
    const layers = this.#byLayers(manifest);
    return layers.length > 0 ? layers : this.#byAnnotation(manifest);
  }

  /** What is recorded of a manifest is said of it; what is recorded of an index, of everything in it. */
  #recordedOf(manifest: Digest): FamilyLink[] {
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
    return this.#recorded.size > 0 && this.#recordedOf(manifest).length > 0;
  }

  #recordedLinks(manifest: Digest, parent: Digest, how: Recorder): FamilyLink[] {
    // Either may be in no list any more, and be held by the other or by a container all the same.
    const images = (digest: Digest) => (this.#imagesOf(digest).length > 0 ? this.#imagesOf(digest) : [digest]);
    return this.#pairs(images(manifest), images(parent)).map((pair) => ({ ...pair, how: 'recorded', by: how }));
  }

  #byLayers(manifest: Digest): FamilyLink[] {
    const own = this.#forest.layered(manifest);
    if (!own) return [];
    const chains = this.#forest.chains(own);
    const solid = chains.findIndex((chain) => !this.#emptyChains.has(chain));
    for (let depth = chains.length - 1; solid >= 0 && depth > solid; depth--) {
      const links = this.#candidates(own, chains[depth - 1] ?? 0, depth);
      if (links.length > 0) return links;
    }
    return [];
  }

  /** The images that end at a chain, as parents of this manifest. @param stack its own up to there, where it is known already */
  #candidates(own: Omit<Layered, 'chain'>, chain: number, depth: number, stack?: number): FamilyLink[] {
    const links: FamilyLink[] = [];
    if (this.#around.size === 0) {
      // As nearly always, and thousands of times: each is the one image that it is.
      for (const base of own.isImage ? this.#forest.endingAt(chain) : none)
        if (base.isImage && base.manifest !== own.manifest)
          links.push({
            child: own.manifest,
            parent: base.manifest,
            how: this.#standsOn(own, base, depth, stack) ? 'proved' : 'claimed',
            by: 'layers',
            layers: depth,
          });
      return links;
    }
    const children = this.#imagesOf(own.manifest, own.isImage);
    for (const base of this.#forest.endingAt(chain)) {
      const pairs = this.#pairs(children, this.#imagesOf(base.manifest, base.isImage));
      if (pairs.length === 0) continue;
      const how = this.#standsOn(own, base, depth, stack) ? 'proved' : 'claimed';
      for (const { child, parent } of pairs) links.push({ child, parent, how, by: 'layers', layers: depth });
    }
    return links;
  }

  /** True where the lowest layers of one are those of the other: the same blobs, or blobs that were unpacked here and had the same diff ID. */
  #standsOn(own: Pick<Layered, 'stack'>, base: Layered, depth: number, stack?: number): boolean {
    if (own.stack === null || base.stack === null) return false;
    if (stack === base.stack || this.#forest.stacks(own.stack)[depth - 1] === base.stack) return true;
    const [mine, theirs] = [this.#forest.blobs(own.stack), this.#forest.blobs(base.stack)];
    const checked = (blob: string, diffId: string) =>
      blob === diffId || this.#database.get('SELECT 1 FROM checked WHERE blob = ? AND diff_id = ?', blob, diffId) !== undefined;
    return this.#forest.diffIds(base.chain).every((diffId, at) => {
      const [one, other] = [mine[at] ?? '', theirs[at] ?? ''];
      return one === other || (checked(one, diffId) && checked(other, diffId));
    });
  }

  #byAnnotation(manifest: Digest): FamilyLink[] {
    const base = this.#database.get<{ digest: Digest }>('SELECT digest FROM base WHERE manifest = ?', manifest)?.digest;
    if (base === undefined) return [];
    const origins = this.#database.all<{ target: Digest }>('SELECT DISTINCT target FROM name WHERE origin = ?', base);
    const parents = [...new Set([...this.#imagesOf(base), ...origins.map(({ target }) => target)])];
    return this.#pairs(this.#imagesOf(manifest), parents).map((pair) => ({ ...pair, how: 'claimed', by: 'annotation' }));
  }

  /** What was recorded as made from this manifest or index. */
  #madeFrom(manifest: Digest): FamilyLink[] {
    if (this.#recorded.size === 0) return [];
    return this.#database
      .all<{ child: Digest; how: Recorder }>('SELECT child, how FROM parent WHERE parent = ?', manifest)
      .flatMap(({ child, how }) => this.#manifests(child).flatMap((own) => this.#recordedLinks(own, manifest, how)));
  }

  /** @param standing manifests that are known to stand on another image, so that their annotation says nothing */
  #annotatedWith(image: Digest, standing: ReadonlySet<Digest>): readonly FamilyLink[] {
    this.#annotated ??= this.#readAnnotations();
    const annotated = this.#annotated.get(image);
    if (!annotated) return none;
    return annotated
      .filter((manifest) => !standing.has(manifest) && !this.#isRecorded(manifest) && this.#byLayers(manifest).length === 0)
      .flatMap((manifest) => this.#byAnnotation(manifest));
  }

  #readAnnotations(): Map<Digest, Digest[]> {
    const named = new Map<Digest, Digest[]>();
    for (const [manifest, base] of this.#database.columns<[Digest, Digest]>('SELECT manifest, digest FROM base'))
      for (const image of this.#imagesOf(base)) push(named, image, manifest);
    const byOrigin = 'SELECT DISTINCT base.manifest, name.target FROM base JOIN name ON name.origin = base.digest';
    for (const [manifest, image] of this.#database.columns<[Digest, Digest]>(byOrigin)) push(named, image, manifest);
    return named;
  }

  /**
   * What stands on a chain, linked to what is nearest below it: all of it, or on each branch no more than the next image.
   * @param met those that were found to stand on another are added
   * @param walked all that were come by are added
   */
  #linksAbove(chain: number, how: 'all' | 'next', met: Set<Digest>, walked?: Set<Digest>): FamilyLink[] {
    const links: FamilyLink[] = [];
    const alone = new Set<Digest>();
    for (const { layered, anchor } of this.#above(chain, how)) {
      const { manifest } = layered;
      walked?.add(manifest);
      // The walk went no further, but an index may list what stands on this, and be no parent of itself.
      if (how === 'next' && this.#around.size > 0)
        for (const root of this.#around.get(manifest) ?? []) for (const other of this.#inside.get(root) ?? []) alone.add(other);
      if (anchor.chain === 0 || this.#isRecorded(manifest)) continue;
      const found = this.#candidates(layered, anchor.chain, anchor.depth, anchor.stack);
      if (found.length === 0) alone.add(manifest);
      else if (this.#notes) met.add(manifest);
      for (const link of found) links.push(link);
    }
    for (const manifest of alone) if (!met.has(manifest) && !this.#isRecorded(manifest)) links.push(...this.#byLayers(manifest));
    return links;
  }

  #above(chain: number, how: 'all' | 'next'): Above[] {
    interface Step {
      readonly stack: number;
      readonly depth: number;
      /** No layer up to here has a file. */
      readonly isEmpty: boolean;
      readonly anchor: Anchor;
    }
    const [stacks, depth, isEmpty] = this.#startAt(chain);
    const found: Above[] = [];
    const nothing = { stack: 0, chain: 0, depth: 0 };
    const waiting = stacks.map((stack): Step => ({ stack, depth, isEmpty, anchor: isEmpty ? nothing : { stack, chain, depth } }));
    let step: Step | undefined;
    const visit = (stack: number, chain: number): void => {
      if (!step) return;
      const { anchor } = step;
      const depth = step.depth + 1;
      const isEmpty = step.isEmpty && this.#emptyChains.has(chain);
      const ending = this.#forest.endingAt(chain);
      for (const layered of ending) if (layered.stack === stack) found.push({ layered, anchor });
      const isKnown = !isEmpty && ending.length > 0;
      if ((how === 'all' || !isKnown) && !this.#forest.isTop(stack))
        waiting.push({ stack, depth, isEmpty, anchor: isKnown ? { stack, chain, depth } : anchor });
    };
    while ((step = waiting.pop())) this.#forest.eachAbove(step.stack, visit);
    return found;
  }

  /** Where a walk up from a chain begins, how many layers that is, and whether they are all empty. */
  #startAt(chain: number): readonly [stacks: readonly number[], depth: number, isEmpty: boolean] {
    const below = chain === 0 ? [] : this.#forest.chains({ chain, stack: null });
    return [this.#forest.stacksAt(chain), below.length, below.every((one) => this.#emptyChains.has(one))];
  }

  /** Of images whose config and manifest do not agree how many layers there are: they stand on no stack, and are few. */
  #oddLinks(met: Set<Digest>): FamilyLink[] {
    return this.#forest.odd().flatMap(({ manifest }) => {
      if (this.#isRecorded(manifest)) return [];
      const links = this.#byLayers(manifest);
      if (links.length > 0) met.add(manifest);
      return links;
    });
  }

  /** The images of the list that are this manifest, or have it in themselves. */
  #imagesOf(manifest: Digest, isImage = this.#forest.isImage(manifest)): readonly Digest[] {
    const around = this.#around.get(manifest);
    if (!around) return isImage ? [manifest] : none;
    return isImage ? [manifest, ...around] : around;
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
    const parents = this.#database.columns<[Digest]>('SELECT DISTINCT parent FROM parent').map(([digest]) => digest);
    return [...this.#forest.images(), ...parents.filter((digest) => this.#imagesOf(digest).length === 0)];
  }

  #sorted(child: Digest, relations: readonly Relation[]): Relation[] {
    if (relations.length < 2) return [...relations];
    const named = this.#notes ? this.#within(child).flatMap((manifest) => this.#byAnnotation(manifest)) : none;
    const bases = new Set(named.map(({ parent }) => parent));
    const rank = new Map(relations.map(({ image }) => [image, [bases.has(image) ? 0 : 1, ...this.#standing(image)]]));
    return relations.toSorted((a, b) => {
      const by = strength.indexOf(a.how) - strength.indexOf(b.how);
      if (by !== 0) return by;
      const [one = [], other = []] = [rank.get(a.image), rank.get(b.image)];
      for (const [at, value] of one.entries()) if (value !== other[at]) return value - (other[at] ?? 0);
      return a.image < b.image ? -1 : 1;
    });
  }

  /** The less, the better a parent it is among those that are known as well. Asked once for a base that thousands stand on. */
  #standing(image: Digest): readonly number[] {
    const known = this.#standings.get(image);
    if (known) return known;
    const isNamed = this.#database.get('SELECT 1 FROM name WHERE target = ? LIMIT 1', image) !== undefined;
    const added = this.#database.get<{ added: number }>('SELECT added FROM image WHERE digest = ?', image)?.added ?? 0;
    const standing = [isNamed ? 0 : 1, added];
    this.#standings.set(image, standing);
    return standing;
  }

  /** Every one with every other; an image is no parent of what it lists itself. */
  #pairs(children: readonly Digest[], parents: readonly Digest[]): { child: Digest; parent: Digest }[] {
    const [child, parent] = [children[0], parents[0]];
    // As nearly always.
    if (child !== undefined && parent !== undefined && children.length === 1 && parents.length === 1)
      return child === parent ? [] : [{ child, parent }];
    const others = parents.filter((one) => !children.includes(one));
    return children.flatMap((one) => others.map((other) => ({ child: one, parent: other })));
  }
}

const none: readonly never[] = [];

function push<Key, Value>(groups: Map<Key, Value[]>, key: Key, value: Value): void {
  const group = groups.get(key);
  if (group) group.push(value);
  else groups.set(key, [value]);
}
