import type { Digest } from '../model/digest.ts';
import type { Database, Transaction } from './database.ts';
import type { DraftFolder } from './draft-folder.ts';
import { discardFolder, emptyFolders, placeFolder } from './folders.ts';
import { statIfThere } from './place.ts';

/** The folder of a layer that has been laid out here, or undefined. */
export function getTree(database: Database, diffId: Digest): string | undefined {
  if (!database.get('SELECT 1 FROM tree WHERE diff_id = ?', diffId)) return undefined;
  const folder = database.place.tree(diffId);
  return statIfThere(folder) ? folder : undefined;
}

/**
 * Keeps a layer that was laid out, whose diff ID was computed from the blob's bytes. Where another was first, the draft stays its maker's.
 * @param bytes what the folder takes on the disk beside the blobs
 * @param blob what it was made from: from then on this blob is known to be that layer
 * @returns the folder
 */
export async function addTree(database: Database, diffId: Digest, draft: DraftFolder, bytes: number, blob?: Digest): Promise<string> {
  const old = await database.transact((transaction) => {
    if (blob !== undefined) database.run('INSERT OR REPLACE INTO checked (blob, diff_id) VALUES (?, ?)', blob, diffId);
    if (getTree(database, diffId) !== undefined) return undefined;
    const stray = placeFolder(database, transaction, 'trees', folderName(diffId), draft.path);
    draft.taken(transaction);
    database.run('INSERT OR REPLACE INTO tree (diff_id, bytes, added) VALUES (?, ?, ?)', diffId, bytes, transaction.time);
    return stray;
  });
  await emptyFolders([old]);
  return database.place.tree(diffId);
}

export function treesBytes(database: Database): number {
  return database.get<{ bytes: number | null }>('SELECT sum(bytes) AS bytes FROM tree')?.bytes ?? 0;
}

export interface IdleTree {
  readonly diffId: Digest;
  readonly bytes: number;
}

/** Those that no image of the store has as a layer. */
export function idleTrees(database: Database): IdleTree[] {
  return database.all<IdleTree>(
    'SELECT diff_id AS diffId, bytes FROM tree WHERE NOT EXISTS (SELECT 1 FROM chain WHERE chain.diff_id = tree.diff_id)',
  );
}

/** Within a transaction. @returns where its folder is now */
export function dropTree(database: Database, transaction: Transaction, diffId: Digest): string | undefined {
  database.run('DELETE FROM tree WHERE diff_id = ?', diffId);
  return discardFolder(database, transaction, 'trees', folderName(diffId));
}

function folderName(diffId: Digest): string {
  return diffId.replace(':', '-');
}
