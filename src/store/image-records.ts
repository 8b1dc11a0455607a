import { ImageError } from '../errors.ts';
import { maxConfigBytes } from '../model/config.ts';
import type { Descriptor } from '../model/descriptor.ts';
import type { Digest } from '../model/digest.ts';
import { maxManifestBytes, parseManifest } from '../model/manifest.ts';
import { isImageConfigType, isIndexType, mediaTypes } from '../model/media-types.ts';
import type { Platform } from '../model/platform.ts';
import { familiarName } from '../model/reference.ts';
import type { Blobs } from './blobs.ts';
import type { Database } from './database.ts';
import { ImageDetails } from './image-details.ts';
import type { ImageName, ImageRecord, PlatformRecord } from './image-record.ts';
import { insertSummary, parseConfigIfValid, summarize, type Summary as WholeSummary } from './manifests.ts';
import { nameReference } from './name-key.ts';
import { nameOf, type NameRow } from './names.ts';

type ImageColumns = readonly [...SummaryColumns, digest: Digest, type: string | number, size: number, added: number];

/** All null where the image is no plain one; only then is there no size. */
type SummaryColumns = readonly [platform: string | null, created: string | null, packed: number | null];

interface Summary {
  readonly manifest: Descriptor;
  readonly columns: readonly [...SummaryColumns, ...unknown[]];
}

type NameColumns = readonly [
  target: Digest,
  repo: string,
  tag: string,
  origin: Digest | null,
  originType: string | null,
  originSize: number | null,
  tagged: number,
];

interface Member {
  readonly child: Digest;
  readonly platform: string | null;
}

/** What the records are made from, by digest. */
interface Facts {
  readonly names: ReadonlyMap<Digest, readonly NameColumns[]>;
  /** Of the manifests inside indexes. */
  readonly summaries: ReadonlyMap<Digest, Summary>;
  /** The manifests in each index, in its order; statements about images (BuildKit's attestations) are none. */
  readonly members: ReadonlyMap<Digest, readonly Member[]>;
  readonly artifactTypes: ReadonlyMap<Digest, string | null>;
  readonly damaged: ReadonlySet<Digest>;
  readonly details: ImageDetails;
}

/** The usual media types as numbers: thousands of rows need not bring them as text. */
const usualTypes = [mediaTypes.ociManifest, mediaTypes.dockerManifest, mediaTypes.ociIndex, mediaTypes.dockerIndex];
const brief = (column: string) =>
  `CASE ${column} ${usualTypes.map((type, at) => `WHEN '${type}' THEN ${at}`).join(' ')} ELSE ${column} END`;
const whole = (type: string | number): string => (typeof type === 'number' ? (usualTypes[type] ?? '') : type);

const summaryColumns = 'summary.platform, summary.created, summary.size';
const imageColumns = `SELECT ${summaryColumns}, image.digest, ${brief('image.media_type')}, image.size, image.added FROM image LEFT JOIN summary ON summary.digest = image.digest`;
const nameColumns = 'SELECT target, repo, tag, origin, origin_type, origin_size, tagged FROM name';

/** Every image, from the database alone, in one view of it. */
export function listImages(database: Database): ImageRecord[] {
  return database.snapshot(() => {
    const facts: Facts = {
      names: byTarget(database.columns<NameColumns>(`${nameColumns} ORDER BY repo, tag`)),
      ...insides(database, 'SELECT parent, child, platform FROM edge WHERE kind = 0 AND NOT attestation ORDER BY parent, position'),
      artifactTypes: new Map(database.columns<[Digest, string | null]>('SELECT digest, artifact_type FROM manifest WHERE artifact')),
      damaged: new Set(database.columns<[Digest]>('SELECT digest FROM blob WHERE state <> 1 AND state = 2').map(([digest]) => digest)),
      details: new ImageDetails(database),
    };
    return database.columns<ImageColumns>(`${imageColumns} ORDER BY image.digest`).map((row) => record(row, facts));
  });
}

export function getImage(database: Database, digest: Digest): ImageRecord | undefined {
  return database.snapshot(() => {
    const [row] = database.columns<ImageColumns>(`${imageColumns} WHERE image.digest = ?`, digest);
    if (!row) return undefined;
    const inside = insides(
      database,
      `WITH RECURSIVE inside (digest) AS (
         VALUES (?) UNION SELECT edge.child FROM inside JOIN edge ON edge.parent = inside.digest AND edge.kind = 0 WHERE NOT edge.attestation)
       SELECT parent, child, edge.platform FROM inside JOIN edge ON edge.parent = inside.digest AND kind = 0 AND NOT attestation ORDER BY parent, position`,
      digest,
    );
    return record(row, {
      names: new Map([[digest, database.columns<NameColumns>(`${nameColumns} WHERE target = ? ORDER BY repo, tag`, digest)]]),
      ...inside,
      artifactTypes: new Map(
        database.columns<[Digest, string | null]>('SELECT digest, artifact_type FROM manifest WHERE digest = ? AND artifact', digest),
      ),
      damaged: new Set(database.columns<[Digest]>('SELECT digest FROM blob WHERE state <> 1 AND state = 2').map(([damaged]) => damaged)),
      details: new ImageDetails(database, [digest, ...inside.summaries.keys()]),
    });
  });
}

/** The members of indexes, as this statement finds them, and what is known of each. */
function insides(database: Database, sql: string, ...values: Digest[]): Pick<Facts, 'members' | 'summaries'> {
  const rows = database.columns<[Digest, Digest, string | null]>(sql, ...values);
  const summaries = new Map<Digest, Summary>();
  for (const [, child] of rows) {
    if (summaries.has(child)) continue;
    const [row] = database.columns<[...SummaryColumns, type: string | number, size: number]>(
      `SELECT ${summaryColumns}, ${brief('summary.media_type')}, manifest_size FROM summary JOIN blob ON blob.digest = summary.digest WHERE summary.digest = ?`,
      child,
    );
    if (!row) continue;
    summaries.set(child, { manifest: { mediaType: whole(row[3]), digest: child, size: row[4] }, columns: row });
  }
  const members = new Map<Digest, Member[]>();
  for (const [parent, child, platform] of rows) {
    const member = { child, platform };
    const same = members.get(parent);
    if (same) same.push(member);
    else members.set(parent, [member]);
  }
  return { members, summaries };
}

export function listNames(database: Database): ImageName[] {
  return database.all<NameRow>('SELECT * FROM name ORDER BY repo, tag').map(nameOf);
}

/** Reads again from the blobs what the database has lost of it, or never had. @returns whether there was anything to read */
export async function restoreSummaries(database: Database, blobs: Blobs): Promise<boolean> {
  const lost = database.all<{ digest: Digest; media_type: string; size: number }>(
    `SELECT manifest.digest, media_type, manifest.size FROM manifest JOIN blob ON blob.digest = manifest.digest AND blob.state <> 2
     WHERE NOT artifact AND NOT EXISTS (SELECT 1 FROM summary WHERE summary.digest = manifest.digest)`,
  );
  const found: { target: Descriptor; config: Descriptor; summary: WholeSummary }[] = [];
  for (const { digest, media_type: mediaType, size } of lost) {
    if (isIndexType(mediaType)) continue;
    const target = { mediaType, digest, size };
    try {
      const document = parseManifest(await blobs.read(target, maxManifestBytes), mediaType);
      if (document.kind !== 'manifest' || !isImageConfigType(document.config.mediaType)) continue;
      found.push({
        target,
        config: document.config,
        summary: summarize(target, document, parseConfigIfValid(await blobs.read(document.config, maxConfigBytes))),
      });
    } catch (error) {
      // What cannot be read is not listed with its platform; who asks for it meets the reason.
      if (!(error instanceof ImageError)) throw error;
    }
  }
  if (found.length > 0)
    await database.transact(() => found.forEach(({ target, config, summary }) => insertSummary(database, target, config, summary)));
  return found.length > 0;
}

/** True where the table of summaries has been lost. */
export function summariesLost(database: Database): boolean {
  return (
    database.get('SELECT 1 FROM summary LIMIT 1') === undefined &&
    database.get("SELECT 1 FROM manifest WHERE NOT artifact AND media_type NOT LIKE '%index%' AND media_type NOT LIKE '%list%' LIMIT 1") !==
      undefined
  );
}

function record(row: ImageColumns, facts: Facts): ImageRecord {
  const digest = row[3];
  const target = { mediaType: whole(row[4]), digest, size: row[5] };
  const names: ImageName[] = [];
  for (const columns of facts.names.get(digest) ?? []) names.push(imageName(columns, target));
  const platforms = facts.damaged.has(digest)
    ? []
    : row[2] === null
      ? platformsInside(digest, facts)
      : [new PlatformRow({ manifest: target, columns: row }, null, facts)];
  return new ImageRow(target, names, platforms, row[6], facts.artifactTypes.get(digest), facts.details);
}

/**
 * One of thousands, made in a process that has just started: what few look at is made when they do. (Classes, as object literals with getters would take ten
 * times as long to make; and columns by number, as taking an array apart by a pattern takes several times as long too.)
 */
class ImageRow implements ImageRecord {
  readonly target: Descriptor;
  readonly names: readonly ImageName[];
  readonly platforms: readonly PlatformRecord[];
  declare readonly artifactType?: string;
  readonly #added: number;
  readonly #details: ImageDetails;

  constructor(
    target: Descriptor,
    names: readonly ImageName[],
    platforms: readonly PlatformRecord[],
    added: number,
    artifactType: string | null | undefined,
    details: ImageDetails,
  ) {
    this.target = target;
    this.names = names;
    this.platforms = platforms;
    this.#added = added;
    this.#details = details;
    if (artifactType !== undefined && artifactType !== null) this.artifactType = artifactType;
  }

  get repoDigests(): readonly string[] {
    return [...new Set(this.names.map(({ reference, target, origin }) => `${familiarName(reference)}@${(origin ?? target).digest}`))];
  }

  get size(): number {
    return this.#details.packed(this) + this.unpacked;
  }

  get unpacked(): number {
    return this.#details.unpacked(...this.platforms.map(({ manifest }) => manifest.digest));
  }

  get added(): Date {
    return new Date(this.#added);
  }

  toJSON(): ImageRecord {
    return Object.assign({}, this, { repoDigests: this.repoDigests, size: this.size, unpacked: this.unpacked, added: this.added });
  }
}

function imageName(row: NameColumns, target: Descriptor): ImageName {
  const reference = nameReference(row[1], row[2]);
  const tagged = new Date(row[6]);
  if (row[3] === null) return { reference, target, tagged };
  return { reference, target, tagged, origin: { mediaType: row[4] ?? '', digest: row[3], size: row[5] ?? 0 } };
}

/** Deeper than any image. */
const maxDepth = 12;

/**
 * The images in an index that are here, those of nested ones too. What is listed again, under the same platform, says nothing new: a few small indexes that list
 * each other many times over would have no end.
 */
function platformsInside(root: Digest, facts: Facts): PlatformRecord[] {
  const found: PlatformRecord[] = [];
  const seen = new Set<string>();
  const look = (index: Digest, depth: number): void => {
    if (depth > maxDepth) return;
    for (const { child, platform } of facts.members.get(index) ?? []) {
      if (facts.damaged.has(child)) continue;
      const summary = facts.summaries.get(child);
      const key = summary && platform !== null ? `${child} ${platform}` : child;
      if (seen.has(key)) continue;
      seen.add(key);
      if (summary) found.push(new PlatformRow(summary, platform, facts));
      else look(child, depth + 1);
    }
  };
  look(root, 0);
  return found;
}

class PlatformRow implements PlatformRecord {
  readonly manifest: Descriptor;
  declare readonly platform?: Platform;
  declare readonly created?: string;
  readonly size: number;
  readonly #details: ImageDetails;

  constructor({ manifest, columns }: Summary, entryPlatform: string | null, { details }: Facts) {
    const platform = entryPlatform ?? columns[0];
    this.manifest = manifest;
    if (platform !== null) this.platform = parsedPlatform(platform);
    if (columns[1] !== null) this.created = columns[1];
    this.size = columns[2] ?? 0;
    this.#details = details;
  }

  get config(): Descriptor {
    return this.#details.about(this.manifest.digest).config;
  }

  get labels(): Readonly<Record<string, string>> {
    return this.#details.about(this.manifest.digest).labels;
  }

  get diffIds(): readonly Digest[] {
    return this.#details.of(this.manifest.digest).diffIds;
  }

  get layers(): readonly Descriptor[] {
    return this.#details.of(this.manifest.digest).layers;
  }

  get unpacked(): number {
    return this.#details.unpacked(this.manifest.digest);
  }

  toJSON(): PlatformRecord {
    const { config, labels, diffIds, layers, unpacked } = this;
    return Object.assign({}, this, { config, labels, diffIds, layers, unpacked });
  }
}

/** Thousands of images have a handful of platforms. */
const platforms = new Map<string, Platform>();

function parsedPlatform(json: string): Platform {
  let platform = platforms.get(json);
  if (!platform) {
    platform = Object.freeze(JSON.parse(json) as Platform);
    if (platforms.size < 1000) platforms.set(json, platform);
  }
  return platform;
}

function byTarget(names: readonly NameColumns[]): Map<Digest, NameColumns[]> {
  const groups = new Map<Digest, NameColumns[]>();
  for (const name of names) {
    const group = groups.get(name[0]);
    if (group) group.push(name);
    else groups.set(name[0], [name]);
  }
  return groups;
}
