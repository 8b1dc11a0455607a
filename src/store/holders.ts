import type { Digest } from '../model/digest.ts';
import type { Database } from './database.ts';
import { isDeadLease } from './lease.ts';
import { held } from './links.ts';

/** Why content is kept. */
export interface Holder {
  readonly kind: 'name' | 'origin' | 'image' | 'link' | 'lease' | 'container' | 'child';
  /** The name, repository, lease or container; the digest of a dangling image, and of one that was recorded as made from this. */
  readonly id: string;
  /** From what is held down to the content that was asked about, both included. */
  readonly path: readonly Digest[];
}

interface HolderRow {
  readonly kind: Holder['kind'];
  readonly id: string;
  readonly deep: number;
}

/** Everything that keeps some content, itself or through what needs it, with one way down for each. A named image's own row says no more than its names. */
export function listHolders(database: Database, digest: Digest): Holder[] {
  return database.snapshot(() => {
    const now = database.now().getTime();
    const found: Holder[] = [];
    // From the content up: `path` leads from each back down; `deep` is false while only the thing itself, or what it speaks of, has been met.
    const waiting: { digest: Digest; path: readonly Digest[]; deep: boolean }[] = [{ digest, path: [digest], deep: false }];
    const seen = new Set<string>();
    for (let at; (at = waiting.shift());) {
      if (seen.has(`${at.digest} ${at.deep}`)) continue;
      seen.add(`${at.digest} ${at.deep}`);
      const rows = database.all<HolderRow>(
        'SELECT kind, id, deep FROM holder WHERE digest = ? AND (until IS NULL OR until > ?)',
        at.digest,
        now,
      );
      const named = rows.some(({ kind }) => kind === 'name');
      for (const { kind, id, deep } of rows)
        if (deep >= Number(at.deep) && !(kind === 'image' && named) && !(kind === 'lease' && isDeadLease(database, id)))
          found.push({ kind, id, path: at.path });
      const up = (next: Digest, deep: boolean) => waiting.push({ digest: next, path: [next, ...(at?.path ?? [])], deep });
      for (const { parent } of database.all<{ parent: Digest }>('SELECT DISTINCT parent FROM edge WHERE child = ?', at.digest))
        up(parent, true);
      for (const { child } of database.all<{ child: Digest }>('SELECT child FROM parent WHERE parent = ?', at.digest))
        if (held(database, child, { time: now })) found.push({ kind: 'child', id: child, path: [child, ...at.path] });
      for (const { subject } of database.all<{ subject: Digest }>(
        'SELECT subject FROM manifest WHERE digest = ? AND subject IS NOT NULL',
        at.digest,
      ))
        up(subject, false);
    }
    return found;
  });
}
