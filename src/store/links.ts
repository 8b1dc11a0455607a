import type { Digest } from '../model/digest.ts';
import type { Database, Transaction } from './database.ts';

/** How long a repository shows a blob that no manifest of it names yet. Milliseconds. */
export const linkLife = 24 * 60 * 60 * 1000;
/** A renewed link is written only when it has become this much shorter: most HEADs write nothing. */
export const renewAfter = 60 * 60 * 1000;

/**
 * True where a repository shows the content: by a link of its own, by a name, or because something that it shows needs it.
 * That another repository has it is no reason (CVE-2024-39897); what was deleted here is hidden even while something here points at it.
 */
export function shows(database: Database, repo: string, digest: Digest): boolean {
  const now = database.now().getTime();
  const own = database.get<{ hidden: number; until: number | null }>(
    'SELECT hidden, until FROM link WHERE repo = ? AND digest = ?',
    repo,
    digest,
  );
  if (own && own.hidden === 0 && (own.until === null || own.until > now)) return true;
  if (database.get('SELECT 1 FROM name WHERE target = ? AND repo = ?', digest, repo)) return true;
  if (own?.hidden) return false;
  if (database.get('SELECT 1 FROM name WHERE origin = ? AND repo = ?', digest, repo)) return true;
  return (
    database.get(
      `WITH RECURSIVE up (digest) AS (SELECT parent FROM edge WHERE child = ?2 UNION SELECT edge.parent FROM up JOIN edge ON edge.child = up.digest)
       SELECT 1 FROM up WHERE EXISTS (SELECT 1 FROM link WHERE link.digest = up.digest AND repo = ?1 AND hidden = 0 AND (until IS NULL OR until > ?3))
         OR EXISTS (SELECT 1 FROM name WHERE name.target = up.digest AND repo = ?1) LIMIT 1`,
      repo,
      digest,
      now,
    ) !== undefined
  );
}

/** Within a transaction: shows content in a repository for some time, or for good where `until` is null. A link never becomes shorter. */
export function link(database: Database, repo: string, digest: Digest, until: number | null): void {
  database.run(
    `INSERT INTO link (repo, digest, until, hidden) VALUES (?1, ?2, ?3, 0) ON CONFLICT (repo, digest) DO UPDATE SET
       until = CASE WHEN hidden THEN excluded.until WHEN until IS NULL OR excluded.until IS NULL THEN NULL ELSE max(until, excluded.until) END, hidden = 0`,
    repo,
    digest,
    until,
  );
}

/** Within a transaction: the repository shows it no more. */
export function unlink(database: Database, repo: string, digest: Digest): void {
  database.run('DELETE FROM link WHERE repo = ? AND digest = ?', repo, digest);
  if (shows(database, repo, digest)) database.run('INSERT INTO link (repo, digest, until, hidden) VALUES (?, ?, NULL, 1)', repo, digest);
}

/**
 * Within a transaction: an image is wanted no more, and the repository shows its parts no more by links of their own. Those of blobs that a push may rely on
 * at this moment stay, until they end.
 */
export function unlinkParts(database: Database, repo: string, image: Digest, { time }: Pick<Transaction, 'time'>): void {
  database.run(
    `DELETE FROM link WHERE repo = ?2 AND hidden = 0 AND (until IS NULL OR until < ?3) AND digest IN (
       WITH RECURSIVE down (digest) AS (SELECT child FROM edge WHERE parent = ?1 UNION SELECT edge.child FROM down JOIN edge ON edge.parent = down.digest)
       SELECT digest FROM down)`,
    image,
    repo,
    time + linkLife - 2 * renewAfter,
  );
}

/** Within a transaction: what a new name needs is shown again, though it was once deleted here. */
export function unhide(database: Database, repo: string, target: Digest): void {
  if (!database.get('SELECT 1 FROM link WHERE repo = ? AND hidden = 1 LIMIT 1', repo)) return;
  database.run(
    `DELETE FROM link WHERE repo = ? AND hidden = 1 AND digest IN (
       WITH RECURSIVE down (digest) AS (VALUES (?) UNION SELECT edge.child FROM down JOIN edge ON edge.parent = down.digest) SELECT digest FROM down)`,
    repo,
    target,
  );
}

/** True where something holds it at this time, itself or through what needs it. */
export function held(database: Database, digest: Digest, { time }: Pick<Transaction, 'time'>): boolean {
  return (
    database.get(
      `WITH RECURSIVE up (digest, deep) AS (
         VALUES (?1, 0)
         UNION SELECT edge.parent, 1 FROM up JOIN edge ON edge.child = up.digest
         UNION SELECT parent.child, 1 FROM up JOIN parent ON parent.parent = up.digest
         UNION SELECT manifest.subject, 0 FROM up JOIN manifest ON manifest.digest = up.digest WHERE manifest.subject IS NOT NULL)
       SELECT 1 FROM up JOIN holder ON holder.digest = up.digest WHERE holder.deep >= up.deep AND (holder.until IS NULL OR holder.until > ?2) LIMIT 1`,
      digest,
      time,
    ) !== undefined
  );
}
