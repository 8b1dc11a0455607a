import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Digest } from '../model/digest.ts';
import type { Database } from './database.ts';
import { statIfThere } from './place.ts';
import { unheld } from './sweep.ts';
import { treesBytes } from './trees.ts';

/** What takes space, in bytes on the disk. Blobs are packed. */
export interface Usage {
  /** All blobs. */
  readonly total: number;
  /** What nothing holds: a sweep would free it. */
  readonly unheld: number;
  /** Layers that have been laid out. */
  readonly trees: number;
  /** Partial downloads and uploads. */
  readonly drafts: number;
  readonly images: readonly ImageUsage[];
}

export interface ImageUsage {
  readonly target: Digest;
  readonly size: number;
  /** Bytes that another image has too. */
  readonly shared: number;
  readonly unique: number;
}

export async function measureUsage(database: Database): Promise<Usage> {
  const now = database.now().getTime();
  const { total, free, pairs } = database.snapshot(() => ({
    total: database.get<{ total: number | null }>('SELECT sum(size) AS total FROM blob')?.total ?? 0,
    free: unheld(database, now).reduce((sum, { size }) => sum + size, 0),
    pairs: database.all<{ root: Digest; digest: Digest; size: number }>(
      `WITH RECURSIVE down (root, digest) AS (SELECT digest, digest FROM image UNION SELECT down.root, edge.child FROM down JOIN edge ON edge.parent = down.digest)
       SELECT root, blob.digest, blob.size FROM down JOIN blob ON blob.digest = down.digest`,
    ),
  }));
  const users = new Map<Digest, number>();
  for (const { digest } of pairs) users.set(digest, (users.get(digest) ?? 0) + 1);
  const images = new Map<Digest, { size: number; shared: number }>();
  for (const { digest } of database.all<{ digest: Digest }>('SELECT digest FROM image')) images.set(digest, { size: 0, shared: 0 });
  for (const { root, digest, size } of pairs) {
    const image = images.get(root);
    if (!image) continue;
    image.size += size;
    if ((users.get(digest) ?? 0) > 1) image.shared += size;
  }
  return {
    total,
    unheld: free,
    trees: treesBytes(database),
    drafts: await draftBytes(database.place.drafts),
    images: [...images].map(([target, { size, shared }]) => ({ target, size, shared, unique: size - shared })),
  };
}

async function draftBytes(folder: string): Promise<number> {
  let bytes = 0;
  for (const entry of await readdir(folder, { withFileTypes: true, recursive: true }))
    if (entry.isFile()) bytes += statIfThere(join(entry.parentPath, entry.name))?.size ?? 0;
  return bytes;
}
