import type { Descriptor } from '../model/descriptor.ts';
import type { Digest } from '../model/digest.ts';
import type { Database } from './database.ts';
import { plantLayers } from './layer-forest.ts';
import { unusable } from './place.ts';
import { migrations, summaryTables } from './schema.ts';

/** True where the format is this version's, and nothing is missing. @throws ImageError `store-unusable` for a newer one */
export function isCurrent(database: Database): boolean {
  const whole = "SELECT 1 FROM sqlite_master WHERE name IN ('summary_detail', 'layered') GROUP BY type HAVING count(*) = 2";
  return refuseNewer(database) === migrations.length && database.get(whole) !== undefined;
}

/** @returns the number of the format. @throws ImageError `store-unusable` for a newer one than this version knows */
export function refuseNewer(database: Database): number {
  const version = database.get<{ user_version: number }>('PRAGMA user_version')?.user_version ?? 0;
  if (version > migrations.length)
    throw unusable(
      database.place,
      `it was written by a newer version of bay (its format is ${version}, this version reads up to ${migrations.length})`,
      'Upgrade bay on this machine; nothing has been changed.',
    );
  return version;
}

/** Within a transaction. @param exec runs statements in it @throws ImageError `store-unusable`, as `refuseNewer` */
export function migrate(database: Database, exec: (sql: string) => void): void {
  // Another process may have been first.
  const from = refuseNewer(database);
  for (const step of migrations.slice(from)) exec(step);
  exec(summaryTables);
  plantAll(database);
  exec(`PRAGMA user_version = ${migrations.length}`);
}

/** What an older format knew of each image's layers, in the form that this one has. */
function plantAll(database: Database): void {
  const rows = database.all<{ digest: Digest; detail: string }>(
    'SELECT digest, detail FROM summary_detail WHERE NOT EXISTS (SELECT 1 FROM layered WHERE manifest = digest)',
  );
  for (const { digest, detail } of rows) {
    const { diffIds, layers } = JSON.parse(detail) as { diffIds: Digest[]; layers: Descriptor[] };
    plantLayers(database, digest, diffIds, layers);
  }
}
