import type { Descriptor } from '../model/descriptor.ts';
import type { Digest } from '../model/digest.ts';
import type { Database } from './database.ts';

/** The manifests whose subject is this one, here or not, as a referrers list shows them (distribution-spec, "Listing Referrers"). */
export function listReferrers(database: Database, subject: Digest, artifactType: string | undefined): Descriptor[] {
  const rows = database.all<{ digest: Digest; media_type: string; size: number; artifact_type: string | null; annotations: string | null }>(
    `SELECT manifest.digest, media_type, manifest.size, artifact_type, annotations FROM manifest JOIN blob ON blob.digest = manifest.digest AND blob.state <> 2
     WHERE subject = ?1 AND (?2 IS NULL OR artifact_type = ?2) ORDER BY manifest.digest`,
    subject,
    artifactType ?? null,
  );
  return rows.map((row) => ({
    mediaType: row.media_type,
    digest: row.digest,
    size: row.size,
    ...(row.artifact_type === null ? {} : { artifactType: row.artifact_type }),
    ...(row.annotations === null ? {} : { annotations: JSON.parse(row.annotations) as Record<string, string> }),
  }));
}

/** The subject of a manifest, where it is here and whole. */
export function findSubject(database: Database, manifest: Digest): Digest | undefined {
  return database.get<{ subject: Digest }>(
    'SELECT subject FROM manifest JOIN blob ON blob.digest = subject AND blob.state <> 2 WHERE manifest.digest = ?',
    manifest,
  )?.subject;
}
