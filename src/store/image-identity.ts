import type { PublisherSource } from '../model/base-identity.ts';
import type { Digest } from '../model/digest.ts';
import type { Identity } from '../model/identity.ts';
import type { Database } from './database.ts';

/** What an image is installed as, as who installs it says it. */
export interface RecordedIdentity extends Identity {
  /** How the publisher is known; undefined where there is none. */
  readonly source?: PublisherSource | undefined;
}

/** What is known here of an image, or of one platform's manifest in it, beside what a list shows. */
export interface ImageTraits {
  readonly identity?: RecordedIdentity;
  /** Of its manifest or index. */
  readonly annotations?: Readonly<Record<string, string>>;
  /** Whether the history of its config has steps of a build; undefined for an index, and for what was kept before this was noted. */
  readonly built?: boolean;
}

/** Within a transaction. */
export function recordIdentity(database: Database, digest: Digest, { name, publisher, version, source }: RecordedIdentity): void {
  database.run(
    'INSERT OR REPLACE INTO identity (digest, name, publisher, version, source) VALUES (?, ?, ?, ?, ?)',
    digest,
    name,
    publisher,
    version,
    source ?? null,
  );
}

type Columns = readonly [
  digest: Digest,
  annotations: string | null,
  built: number | null,
  name: string | null,
  publisher: string,
  version: string,
  source: PublisherSource | null,
];

/** Of all manifests and indexes, from the database alone; what has none of it is left out. */
export function listTraits(database: Database): Map<Digest, ImageTraits> {
  const rows = database.columns<Columns>(
    `SELECT manifest.digest, annotations, json_extract(detail, '$.built'), identity.name, publisher, version, source
     FROM manifest LEFT JOIN summary_detail USING (digest) LEFT JOIN identity USING (digest)`,
  );
  const found = new Map<Digest, ImageTraits>();
  for (const [digest, annotations, built, name, publisher, version, source] of rows)
    found.set(digest, {
      ...(annotations === null ? {} : { annotations: JSON.parse(annotations) as Record<string, string> }),
      ...(built === null ? {} : { built: built === 1 }),
      ...(name === null ? {} : { identity: { name, publisher, version, ...(source === null ? {} : { source }) } }),
    });
  return found;
}
