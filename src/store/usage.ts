import type { Dirent } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { asImageError, isSystemError } from '../errors.ts';
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

/** As `ImageRecord` says its size: packed bytes, and layers that are laid out. */
export interface ImageUsage {
  readonly target: Digest;
  readonly size: number;
  /** Bytes that another image has too: of blobs, and of laid-out layers, which images may share though they packed them otherwise. */
  readonly shared: number;
  readonly unique: number;
}

/** `total` and `trees` together are what the disk holds for images; a sweep after all of them are gone frees just that. */
export async function measureUsage(database: Database): Promise<Usage> {
  const now = database.now().getTime();
  const down = `WITH RECURSIVE down (root, digest) AS (
    SELECT digest, digest FROM image UNION SELECT down.root, edge.child FROM down JOIN edge ON edge.parent = down.digest)`;
  const { total, free, trees, images, pieces } = database.snapshot(() => ({
    total: database.get<{ size: number | null }>('SELECT sum(size) AS size FROM blob')?.size ?? 0,
    free: unheld(database, now).reduce((sum, { size }) => sum + size, 0),
    trees: treesBytes(database),
    images: database.columns<[Digest]>('SELECT digest FROM image ORDER BY digest').map(([digest]) => digest),
    pieces: [
      ...database.columns<Piece>(`${down} SELECT down.root, blob.digest, blob.size FROM down JOIN blob ON blob.digest = down.digest`),
      ...(treesBytes(database) === 0
        ? []
        : database.columns<Piece>(
            `${down} SELECT DISTINCT down.root, 'tree ' || tree.diff_id, tree.bytes
             FROM down JOIN summary_detail ON summary_detail.digest = down.digest, json_each(summary_detail.detail, '$.diffIds') layer
             JOIN tree ON tree.diff_id = layer.value`,
          )),
    ],
  }));
  const users = new Map<string, number>();
  for (const [, piece] of pieces) users.set(piece, (users.get(piece) ?? 0) + 1);
  const sizes = new Map(images.map((digest) => [digest, { size: 0, shared: 0 }]));
  for (const [root, piece, size] of pieces) {
    const image = sizes.get(root);
    if (!image) continue;
    image.size += size;
    if ((users.get(piece) ?? 0) > 1) image.shared += size;
  }
  return {
    total,
    unheld: free,
    trees,
    drafts: await draftBytes(database.place.drafts),
    images: [...sizes].map(([target, { size, shared }]) => ({ target, size, shared, unique: size - shared })),
  };
}

type Piece = readonly [root: Digest, piece: string, size: number];

/** Drafts come and go while they are counted, whole folders of them too. */
async function draftBytes(folder: string): Promise<number> {
  let bytes = 0;
  for (const entry of await readdirIfThere(folder)) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) bytes += await draftBytes(path);
    else if (entry.isFile()) bytes += statIfThere(path)?.size ?? 0;
  }
  return bytes;
}

async function readdirIfThere(folder: string): Promise<Dirent[]> {
  try {
    return await readdir(folder, { withFileTypes: true });
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return [];
    throw asImageError(error, `cannot read ${folder}`);
  }
}
