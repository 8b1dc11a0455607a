import type { Descriptor } from '../model/descriptor.ts';
import type { Digest } from '../model/digest.ts';
import type { Database } from './database.ts';
import type { ImageRecord } from './image-record.ts';

interface About {
  readonly config: Descriptor;
  readonly labels: Readonly<Record<string, string>>;
}

type AboutColumns = readonly [digest: Digest, config: Digest, mediaType: string, size: number, labels: string | null];

interface Detail {
  readonly diffIds: readonly Digest[];
  readonly layers: readonly Descriptor[];
}

/**
 * The layers, configurations and labels of the images of one list: read when the first is asked for, also after the store has been closed.
 * They are most of what is known of an image, and few who list thousands look at them.
 */
export class ImageDetails {
  readonly #database: Database;
  /** The manifests that it is asked about, as a JSON list; all where it is not given. */
  readonly #some: string | undefined;
  #details: Map<Digest, string | Detail> | undefined;
  #abouts: Map<Digest, AboutColumns | About> | undefined;
  #trees: ReadonlyMap<Digest, number> | undefined;
  /** Of plain images: bytes of their layers that need not be here, and are not. */
  #absent: ReadonlyMap<Digest, number> | undefined;
  /** Packed bytes of the others: indexes, artifacts, what is damaged. */
  #packed: ReadonlyMap<Digest, number> | undefined;

  constructor(database: Database, some?: readonly Digest[]) {
    this.#database = database;
    this.#some = some && JSON.stringify(some);
  }

  /** Empty for an image that was swept since the list was made. */
  of(digest: Digest): Detail {
    const found = this.#loaded().get(digest);
    if (typeof found === 'object') return found;
    const detail = found === undefined ? { diffIds: [], layers: [] } : (JSON.parse(found) as Detail);
    this.#loaded().set(digest, detail);
    return detail;
  }

  /** Empty labels, and the manifest's own digest, for an image that was swept since the list was made. */
  about(digest: Digest): About {
    this.#abouts ??= new Map(
      this.#rows<AboutColumns>('SELECT digest, config, config_type, config_size, labels FROM summary').map((row) => [row[0], row]),
    );
    const found = this.#abouts.get(digest);
    if (found && 'config' in found) return found;
    const [, config = digest, mediaType = '', size = 0, labels = null] = found ?? [];
    const about = { config: { mediaType, digest: config, size }, labels: JSON.parse(labels ?? '{}') as Record<string, string> };
    this.#abouts.set(digest, about);
    return about;
  }

  /** Bytes of those of the layers of these manifests that are laid out, each once. */
  unpacked(...manifests: readonly Digest[]): number {
    this.#trees ??= new Map(this.#database.columnsLater<[Digest, number]>('SELECT diff_id, bytes FROM tree'));
    if (this.#trees.size === 0) return 0;
    let bytes = 0;
    for (const diffId of new Set(manifests.flatMap((digest) => this.of(digest).diffIds))) bytes += this.#trees.get(diffId) ?? 0;
    return bytes;
  }

  /** As `measureUsage` counts it, without the layers that are laid out. */
  packed({ target: { digest, size }, platforms }: Pick<ImageRecord, 'target' | 'platforms'>): number {
    const [plain] = platforms;
    if (plain?.manifest.digest === digest) {
      this.#absent ??= new Map(
        this.#database.columnsLater<[Digest, number]>(
          `SELECT parent, sum(size) FROM (SELECT DISTINCT parent, child, size FROM edge WHERE optional AND NOT EXISTS (SELECT 1 FROM blob WHERE digest = child))
           GROUP BY parent`,
        ),
      );
      return plain.size - (this.#absent.get(digest) ?? 0);
    }
    this.#packed ??= new Map(
      this.#database.columnsLater<[Digest, number]>(
        `WITH RECURSIVE down (root, digest) AS (
           SELECT digest, digest FROM image WHERE NOT EXISTS (SELECT 1 FROM summary JOIN blob USING (digest) WHERE digest = image.digest AND state <> 2)
           UNION SELECT down.root, edge.child FROM down JOIN edge ON edge.parent = down.digest)
         SELECT root, sum(size) FROM down JOIN blob ON blob.digest = down.digest GROUP BY root`,
      ),
    );
    return this.#packed.get(digest) ?? size;
  }

  #loaded(): Map<Digest, string | Detail> {
    return (this.#details ??= new Map(this.#rows<[Digest, string]>('SELECT digest, detail FROM summary_detail')));
  }

  #rows<Row extends readonly unknown[]>(sql: string): Row[] {
    if (this.#some === undefined) return this.#database.columnsLater<Row>(sql);
    return this.#database.columnsLater<Row>(`${sql} WHERE digest IN (SELECT value FROM json_each(?))`, this.#some);
  }
}
