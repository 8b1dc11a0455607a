import type { Digest } from '../model/digest.ts';
import { familiar, familiarName } from '../model/reference.ts';
import type { Database, Transaction } from './database.ts';
import { insertEvent } from './events.ts';
import { nameReference } from './name-key.ts';

/** Labels that take more are left out of an event: they are in the image's config. */
const maxLabels = 4 * 1024;

/**
 * Within a transaction: that a name was given, by this verb. As docker's events: a pull and a push are about the reference, everything else about the image.
 * A load tells of the image alone, an import of its name too; a name that comes by another verb than docker has is a tag.
 */
export function tellNamed(database: Database, transaction: Transaction, verb: string, repo: string, tag: string, digest: Digest): void {
  const reference = nameReference(repo, tag);
  if (verb === 'pull' || verb === 'push') tell(database, transaction, verb, familiar(reference), familiarName(reference), digest);
  else {
    if (verb !== 'load') tell(database, transaction, 'tag', digest, familiar(reference), digest);
    if (verb === 'load' || verb === 'import') tell(database, transaction, verb, digest, digest, digest);
  }
}

/** Within a transaction: that an image came without a name. Named ones have told it by their names, but for what was made here. */
export function tellKept(database: Database, transaction: Transaction, verb: string, digest: Digest): void {
  tell(database, transaction, ['load', 'import', 'pull'].includes(verb) ? verb : 'create', digest, digest, digest);
}

/** Within a transaction. */
export function tellUntagged(database: Database, transaction: Transaction, repo: string, tag: string, digest: Digest): void {
  tell(database, transaction, 'untag', digest, familiar(nameReference(repo, tag)), digest);
}

/** Within a transaction. Its names have been told of as they were taken away. */
export function tellDeleted(database: Database, transaction: Transaction, digest: Digest): void {
  tell(database, transaction, 'delete', digest, digest, digest);
}

function tell(database: Database, transaction: Transaction, action: string, id: string, name: string, image: Digest): void {
  if (transaction.isPlan) return;
  insertEvent(database, transaction, { type: 'image', action, id, attributes: { ...labelsOf(database, image), name } });
}

/** Of an index, the first image's that is here. */
function labelsOf(database: Database, digest: Digest): Readonly<Record<string, string>> {
  const row = database.get<{ labels: string | null }>(
    `SELECT labels FROM summary WHERE digest = ?1
     UNION ALL SELECT labels FROM (
       SELECT summary.labels FROM edge JOIN summary ON summary.digest = edge.child
       WHERE edge.parent = ?1 AND edge.kind = 0 AND NOT edge.attestation ORDER BY position LIMIT 1) LIMIT 1`,
    digest,
  );
  return row?.labels && row.labels.length <= maxLabels ? (JSON.parse(row.labels) as Record<string, string>) : {};
}
