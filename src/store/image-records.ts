import { ImageError } from '../errors.ts';
import { maxConfigBytes } from '../model/config.ts';
import type { Descriptor } from '../model/descriptor.ts';
import type { Digest } from '../model/digest.ts';
import { maxManifestBytes, parseManifest } from '../model/manifest.ts';
import { isImageConfigType, isIndexType } from '../model/media-types.ts';
import type { Platform } from '../model/platform.ts';
import { familiarName } from '../model/reference.ts';
import type { Blobs } from './blobs.ts';
import type { Database } from './database.ts';
import type { ImageName, ImageRecord, PlatformRecord } from './image-record.ts';
import { insertSummary, parseConfigIfValid, summarize, type Summary } from './manifests.ts';
import { nameOf, type NameRow } from './names.ts';

interface ImageRow {
  readonly digest: Digest;
  readonly media_type: string;
  readonly size: number;
  readonly added: number;
  readonly artifact: number | null;
  readonly artifact_type: string | null;
}

interface SummaryRow {
  readonly root: Digest;
  readonly digest: Digest;
  readonly media_type: string;
  readonly manifest_size: number;
  readonly config: Digest;
  readonly config_type: string;
  readonly config_size: number;
  readonly platform: string | null;
  readonly created: string | null;
  readonly size: number;
  readonly detail: string;
  readonly entry_platform: string | null;
}

const imageColumns =
  'SELECT image.digest, image.media_type, image.size, image.added, manifest.artifact, manifest.artifact_type FROM image LEFT JOIN manifest ON manifest.digest = image.digest';
const summaryColumns =
  'summary.digest, manifest.media_type, manifest.size AS manifest_size, config, config_type, config_size, summary.platform, created, summary.size, detail';
/** The images inside an index, in its order, nested ones too; statements about images (BuildKit's attestations) are none. */
const members = (roots: string) => `
  WITH RECURSIVE member (root, digest, platform, place) AS (
    ${roots}
    UNION SELECT member.root, edge.child, edge.platform, member.place || '.' || substr('0000' || edge.position, -5)
      FROM member JOIN edge ON edge.parent = member.digest AND edge.kind = 0 WHERE NOT edge.attestation AND length(member.place) < 60)
  SELECT member.root, ${summaryColumns}, member.platform AS entry_platform FROM member JOIN summary ON summary.digest = member.digest JOIN manifest ON manifest.digest = member.digest
  JOIN blob ON blob.digest = member.digest AND blob.state <> 2 ORDER BY member.root, member.place`;

/** Every image, from the database alone, in one view of it. */
export function listImages(database: Database): ImageRecord[] {
  return database.snapshot(() => {
    const rows = database.all<ImageRow>(imageColumns);
    const names = database.all<NameRow>('SELECT * FROM name ORDER BY repo, tag');
    // A plain image is its own only member: for most of a store's images no walk is needed.
    const plain = database.all<SummaryRow>(
      `SELECT summary.digest AS root, ${summaryColumns}, NULL AS entry_platform FROM image JOIN summary ON summary.digest = image.digest JOIN manifest ON manifest.digest = image.digest
       JOIN blob ON blob.digest = image.digest AND blob.state <> 2`,
    );
    const inside = database.all<SummaryRow>(
      members(
        "SELECT image.digest, image.digest, NULL, '' FROM image WHERE EXISTS (SELECT 1 FROM edge WHERE parent = image.digest AND kind = 0)",
      ),
    );
    return records(rows, names, [...plain, ...inside]);
  });
}

export function getImage(database: Database, digest: Digest): ImageRecord | undefined {
  return database.snapshot(() => {
    const row = database.get<ImageRow>(`${imageColumns} WHERE image.digest = ?`, digest);
    if (!row) return undefined;
    const names = database.all<NameRow>('SELECT * FROM name WHERE target = ? ORDER BY repo, tag', digest);
    const inside = database.all<SummaryRow>(members("VALUES (?1, ?1, NULL, '')"), digest);
    return records([row], names, inside)[0];
  });
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
  const found: { target: Descriptor; config: Descriptor; summary: Summary }[] = [];
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

function records(rows: readonly ImageRow[], names: readonly NameRow[], summaries: readonly SummaryRow[]): ImageRecord[] {
  const namesOf = grouped(names, ({ target }) => target);
  const summariesOf = grouped(summaries, ({ root }) => root);
  return rows.map((row) => {
    const own = (namesOf.get(row.digest) ?? []).map(nameOf);
    const target = { mediaType: row.media_type, digest: row.digest, size: row.size };
    return {
      target,
      names: own,
      repoDigests:
        own.length === 0 ? [] : [...new Set(own.map(({ reference, origin }) => `${familiarName(reference)}@${(origin ?? target).digest}`))],
      platforms: (summariesOf.get(row.digest) ?? []).map(platformRecord),
      ...(row.artifact && row.artifact_type !== null ? { artifactType: row.artifact_type } : {}),
      added: new Date(row.added),
    };
  });
}

interface Detail {
  readonly labels: Readonly<Record<string, string>>;
  readonly diffIds: readonly Digest[];
  readonly layers: readonly Descriptor[];
}

/** Labels and layers are read out of their JSON only when they are looked at: most lists of thousands never do. */
function platformRecord(row: SummaryRow): PlatformRecord {
  let detail: Detail | undefined;
  const read = () => (detail ??= JSON.parse(row.detail) as Detail);
  const platform = row.entry_platform ?? row.platform;
  return {
    manifest: { mediaType: row.media_type, digest: row.digest, size: row.manifest_size },
    config: { mediaType: row.config_type, digest: row.config, size: row.config_size },
    ...(platform === null ? {} : { platform: JSON.parse(platform) as Platform }),
    ...(row.created === null ? {} : { created: row.created }),
    size: row.size,
    get labels() {
      return read().labels;
    },
    get diffIds() {
      return read().diffIds;
    },
    get layers() {
      return read().layers;
    },
  };
}

function grouped<T>(items: readonly T[], key: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const group = groups.get(key(item));
    if (group) group.push(item);
    else groups.set(key(item), [item]);
  }
  return groups;
}
