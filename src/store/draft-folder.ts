import type { Dirent } from 'node:fs';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { asImageError } from '../errors.ts';
import { removeFile, removeFileNow } from '../io/remove-file.ts';
import { removeFolder } from '../io/remove-folder.ts';
import type { Database, Transaction } from './database.ts';
import { draftName, isDeadDraft } from './draft-name.ts';
import { cannotWrite, statIfThere } from './place.ts';

/** Beside each folder, under its name with this at the end, is an empty file: there before the folder, and until after what the folder became has been committed. */
const marker = '.maker';

/** What cannot be told from its name (another machine's, another container's) is given up after so long. Milliseconds. */
const staleAfter = 24 * 60 * 60 * 1000;

/** A folder on its way into the store, for its maker alone. `await using` it: what has not gone anywhere by then is removed. */
export interface DraftFolder extends AsyncDisposable {
  readonly path: string;
  /** Within a transaction: it has been renamed to where it belongs. */
  taken(transaction: Pick<Transaction, 'afterCommit'>): void;
}

/** @param purpose a word for whoever looks into the folder of drafts @throws ImageError `permission` */
export async function makeDraftFolder(database: Database, purpose: string): Promise<DraftFolder> {
  if (database.readOnly) throw cannotWrite(database.place);
  const use = database.use();
  const path = join(database.place.drafts, draftName(purpose));
  try {
    await writeFile(`${path}${marker}`, '', { mode: 0o600, flag: 'wx' });
    await mkdir(path, { mode: 0o700 });
  } catch (error) {
    use[Symbol.dispose]();
    throw asImageError(error, `cannot write ${database.place.drafts}`);
  }
  database.at('draft');
  return {
    path,
    taken: ({ afterCommit }) => afterCommit(() => void removeFileNow(`${path}${marker}`)),
    async [Symbol.asyncDispose]() {
      try {
        if (await removeFolder(path)) await removeFile(`${path}${marker}`);
      } finally {
        use[Symbol.dispose]();
      }
    },
  };
}

/** Removes the drafts of processes that were killed. @returns whether there were any folders: what they made of them may lie about too */
export async function dropDeadDrafts(database: Database): Promise<boolean> {
  const { drafts } = database.place;
  let dead = false;
  for (const entry of await readdir(drafts, { withFileTypes: true })) {
    const path = join(drafts, entry.name);
    if (!isDraftFolder(entry)) {
      if (isDeadDraft(entry.name)) await removeFile(path);
      continue;
    }
    if (entry.isDirectory()) continue;
    const age = database.now().getTime() - (statIfThere(path)?.mtimeMs ?? 0);
    if (!isDeadDraft(entry.name) && age < staleAfter) continue;
    dead = true;
    if (await removeFolder(path.slice(0, -marker.length))) await removeFile(path);
  }
  return dead;
}

/** True for an entry of the folder of drafts that is such a folder, or what stands beside it. */
export function isDraftFolder(entry: Pick<Dirent, 'name' | 'isDirectory'>): boolean {
  return entry.name.startsWith('~') && (entry.isDirectory() || entry.name.endsWith(marker));
}
