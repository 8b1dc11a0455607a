import type { Digest } from '../model/digest.ts';
import type { Database } from './database.ts';

/** A manifest in the forest of layers: where it ends. */
export interface Layered {
  readonly manifest: Digest;
  readonly chain: number;
  /** Absent where its config and its manifest do not agree how many layers there are. */
  readonly stack: number | null;
  /** It is an image of the list, not only in one. */
  readonly isImage: boolean;
}

type LayeredColumns = readonly [manifest: Digest, chain: number, stack: number | null, isImage: 0 | 1];
const layeredColumns = 'SELECT manifest, chain, stack, EXISTS (SELECT 1 FROM image WHERE digest = manifest) FROM layered';

/** How many questions are asked of the database one by one; from then on it costs less to read all of it. */
const patience = 200;

const none: readonly never[] = [];

/** Reads the forest that `plantLayers` makes, within one snapshot of the store: node by node for one image's sake, whole where much of it is wanted. */
export class ForestWalk {
  readonly #database: Database;
  readonly #around: ReadonlyMap<Digest, unknown>;
  #asked = 0;
  #whole: Whole | undefined;
  #images: ReadonlySet<Digest> | undefined;
  readonly #endings = new Map<number, readonly Layered[]>();
  readonly #known = new Map<Digest, boolean>();

  /** @param around the manifests inside indexes of the list */
  constructor(database: Database, around: ReadonlyMap<Digest, unknown>) {
    this.#database = database;
    this.#around = around;
  }

  layered(manifest: Digest): Layered | undefined {
    return this.#database.columns<LayeredColumns>(`${layeredColumns} WHERE manifest = ?`, manifest).map(layeredOf)[0];
  }

  /** Those without a stack: few. */
  odd(): Layered[] {
    return this.#database.columns<LayeredColumns>(`${layeredColumns} WHERE stack IS NULL`).map(layeredOf);
  }

  /** All of the list. */
  images(): ReadonlySet<Digest> {
    this.#images ??= new Set(this.#columns<[Digest[]]>(['digest'], 'image')[0]);
    return this.#images;
  }

  /** True for an image of the list. */
  isImage(digest: Digest): boolean {
    if (this.#images) return this.#images.has(digest);
    let known = this.#known.get(digest);
    if (known === undefined) {
      known = this.#database.get('SELECT 1 FROM image WHERE digest = ?', digest) !== undefined;
      this.#known.set(digest, known);
    }
    return known;
  }

  /** Of all nodes with the same diff IDs from the bottom up; those of chain 0 stand on nothing. */
  stacksAt(chain: number): readonly number[] {
    if (chain === 0) return [0];
    return this.#database.columns<[number]>('SELECT id FROM stack WHERE chain = ?', chain).map(([id]) => id);
  }

  /** Calls `visit` with each node right above: no objects, as there are tens of thousands. */
  eachAbove(stack: number, visit: (stack: number, chain: number) => void): void {
    const whole = this.#read();
    if (whole) for (let next = whole.first[stack] ?? 0; next !== 0; next = whole.next[next] ?? 0) visit(next, whole.chain[next] ?? 0);
    else
      for (const [next, chain] of this.#database.columns<[number, number]>('SELECT id, chain FROM stack WHERE below = ?', stack))
        visit(next, chain);
  }

  /** True where it is known that nothing is above. */
  isTop(stack: number): boolean {
    return this.#whole?.first[stack] === 0;
  }

  /** What ends at a chain, whatever its blobs are, and is an image of the list or in one. */
  endingAt(chain: number): readonly Layered[] {
    const whole = this.#read();
    if (whole) return whole.endings[chain] ?? none;
    let endings = this.#endings.get(chain);
    if (!endings) {
      endings = this.#database
        .columns<LayeredColumns>(`${layeredColumns} WHERE chain = ?`, chain)
        .map(layeredOf)
        .filter(({ manifest, isImage }) => isImage || this.#around.has(manifest));
      this.#endings.set(chain, endings);
    }
    return endings;
  }

  /** The chains of a manifest, the bottom one first. */
  chains({ chain, stack }: Pick<Layered, 'chain' | 'stack'>): readonly number[] {
    if (stack === null || !this.#read()) return this.#path('chain', chain).map(({ id }) => id);
    return this.stacks(stack).map((id) => this.#whole?.chain[id] ?? 0);
  }

  /** A stack with all below it, the bottom one first. */
  stacks(top: number): readonly number[] {
    const whole = this.#read();
    if (!whole) return this.#path('stack', top).map(({ id }) => id);
    const path: number[] = [];
    for (let at = top; at !== 0; at = whole.below[at] ?? 0) path.push(at);
    return path.toReversed();
  }

  diffIds(chain: number): readonly string[] {
    return this.#path('chain', chain).map(({ text }) => text);
  }

  blobs(stack: number): readonly string[] {
    return this.#path('stack', stack).map(({ text }) => text);
  }

  /** The whole forest, once enough has been asked. */
  #read(): Whole | undefined {
    if (this.#whole || this.#asked++ < patience) return this.#whole;
    const size = this.#size('stack');
    const [below, chain, first, next] = Array.from({ length: 4 }, () => new Int32Array(size));
    if (!below || !chain || !first || !next) return undefined;
    const [ids, unders, chains] = this.#columns<[number[], number[], number[]]>(['id', 'below', 'chain'], 'stack');
    ids.forEach((id, at) => {
      const under = unders[at] ?? 0;
      below[id] = under;
      chain[id] = chains[at] ?? 0;
      next[id] = first[under] ?? 0;
      first[under] = id;
    });
    // A place for every chain: an array with holes would be a slow one.
    const endings: (Layered[] | undefined)[] = Array.from({ length: this.#size('chain') });
    const images = this.images();
    const [manifests, tops, stacks] = this.#columns<[Digest[], number[], (number | null)[]]>(['manifest', 'chain', 'stack'], 'layered');
    manifests.forEach((manifest, at) => {
      const isImage = images.has(manifest);
      if (!isImage && !this.#around.has(manifest)) return;
      const layered = { manifest, chain: tops[at] ?? 0, stack: stacks[at] ?? null, isImage };
      const same = endings[layered.chain];
      if (same) same.push(layered);
      else endings[layered.chain] = [layered];
    });
    this.#whole = { below, chain, first, next, endings };
    return this.#whole;
  }

  /** Whole columns of a table, as one text: thirty thousand numbers are read in half the time that rows take. */
  #columns<Columns extends readonly unknown[]>(names: readonly string[], table: 'stack' | 'layered' | 'image'): Columns {
    const lists = names.map((name) => `json_group_array(${name})`);
    const [row] = this.#database.columns<readonly [string]>(`SELECT json_array(${lists.join(', ')}) FROM ${table}`);
    return JSON.parse(row?.[0] ?? '[]') as Columns;
  }

  /** One more than the highest number in a table. */
  #size(table: 'chain' | 'stack'): number {
    return (this.#database.get<{ id: number | null }>(`SELECT max(id) AS id FROM ${table}`)?.id ?? 0) + 1;
  }

  #path(table: 'chain' | 'stack', top: number): { readonly id: number; readonly text: string }[] {
    const text = table === 'chain' ? 'diff_id' : 'blob';
    return this.#database.all<{ id: number; text: string }>(
      `WITH RECURSIVE down (id, below, text, place) AS (
         SELECT id, below, ${text}, 0 FROM ${table} WHERE id = ?
         UNION ALL SELECT lower.id, lower.below, lower.${text}, down.place + 1 FROM down JOIN ${table} lower ON lower.id = down.below)
       SELECT id, text FROM down ORDER BY place DESC`,
      top,
    );
  }
}

/** By a stack's number: what is below it, its chain, the first of those right above it, and the next that has the same below. And what ends at each chain. */
interface Whole {
  readonly below: Int32Array;
  readonly chain: Int32Array;
  readonly first: Int32Array;
  readonly next: Int32Array;
  readonly endings: readonly (readonly Layered[] | undefined)[];
}

function layeredOf([manifest, chain, stack, isImage]: LayeredColumns): Layered {
  return { manifest, chain, stack, isImage: isImage === 1 };
}
