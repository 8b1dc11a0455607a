import { randomUUID } from 'node:crypto';
import type { Dirent } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { asImageError } from '../errors.ts';
import { removeFile, removeFileNow } from '../io/remove-file.ts';
import { removeFolder } from '../io/remove-folder.ts';
import type { Database, Transaction } from './database.ts';
import { statIfThere } from './place.ts';
import { hasEnded, processMark } from './process-mark.ts';

/** Beside each folder, under its name with this at the end: whose it is. It is there before the folder, and until after what the folder became has been committed. */
const marker = '.maker';

/** What cannot be told from its maker's mark (another machine's, another container's) is given up after so long. Milliseconds. */
const staleAfter = 24 * 60 * 60 * 1000;

/** A folder on its way into the store, for its maker alone. `await using` it: what has not gone anywhere by then is removed. */
export interface DraftFolder extends AsyncDisposable {
  readonly path: string;
  /** Within a transaction: it has been renamed to where it belongs. */
  taken(transaction: Pick<Transaction, 'afterCommit'>): void;
}

/** @param purpose a word for whoever looks into the folder of drafts */
export async function makeDraftFolder(database: Database, purpose: string): Promise<DraftFolder> {
  const path = join(database.place.drafts, `~${purpose}-${randomUUID()}`);
  try {
    await writeFile(`${path}${marker}`, processMark(), { mode: 0o600, flag: 'wx' });
    await mkdir(path, { mode: 0o700 });
  } catch (error) {
    throw asImageError(error, `cannot write ${database.place.drafts}`);
  }
  database.at('draft');
  return {
    path,
    taken: ({ afterCommit }) => afterCommit(() => void removeFileNow(`${path}${marker}`)),
    async [Symbol.asyncDispose]() {
      if (await removeFolder(path)) await removeFile(`${path}${marker}`);
    },
  };
}

/** Removes the folders of processes that were killed. @returns whether there were any: what they made of them may lie about too */
export async function dropDeadFolders(database: Database): Promise<boolean> {
  const { drafts } = database.place;
  let dead = false;
  for (const name of await readdir(drafts)) {
    if (!name.endsWith(marker)) continue;
    const file = join(drafts, name);
    const mark = await readFile(file, 'utf8').catch(() => undefined);
    const age = database.now().getTime() - (statIfThere(file)?.mtimeMs ?? 0);
    if (mark === undefined || !(hasEnded(mark) || age > staleAfter)) continue;
    dead = true;
    if (await removeFolder(file.slice(0, -marker.length))) await removeFile(file);
  }
  return dead;
}

/** True for an entry of the folder of drafts that is such a folder, or what stands beside it. */
export function isDraftFolder(entry: Pick<Dirent, 'name' | 'isDirectory'>): boolean {
  return entry.name.startsWith('~') && (entry.isDirectory() || entry.name.endsWith(marker));
}
