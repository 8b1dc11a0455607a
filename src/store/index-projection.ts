import { createHash, randomBytes } from 'node:crypto';
import { constants, copyFileSync, linkSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { layoutText } from '../content/layout-index.ts';
import { asImageError, isImageError, isSystemError } from '../errors.ts';
import { syncFolder, writeFileAtomic } from '../io/atomic-file.ts';
import { fileMark, type Blobs } from './blobs.ts';
import type { Database } from './database.ts';
import { draftName } from './draft-name.ts';
import { formatIndexFile, parseIndexFile, type Foreign, type IndexFile, type ShownName } from './index-file.ts';
import { isObject } from '../model/descriptor.ts';
import { nameReference } from './name-key.ts';
import { bumpChange } from './names.ts';
import type { Place } from './place.ts';
import type { Digest } from '../model/digest.ts';

/** How long changes wait for others that come with them. Milliseconds. */
const gather = 250;

/** Files whose times differ by more than this were written at different times, on any file system. Milliseconds. */
const sameTick = 3000;

interface StateRow {
  readonly change: number;
  readonly index_change: number;
  readonly index_hash: string | null;
  readonly index_mark: string | null;
  readonly previous_mark: string | null;
  readonly foreign_json: string | null;
}

/**
 * `index.json` as a projection of the names. The database is the truth; the file follows within a second, and exactly when a process ends in order.
 * Other tools write the file too: what they add is taken in before we write it again, what they leave out means nothing (adoption.ts says which is which).
 *
 * A tool may write it at the very moment in which ours takes its place. One that renames a file of its own over it loses to us only in the microseconds between our last
 * look and our rename; one that writes into the old file is found out afterwards, as that file is kept beside ours and looked at again.
 */
export class IndexProjection {
  readonly #database: Database;
  readonly #blobs: Blobs;
  /** The file as it was when we last knew what is in it. */
  #seen: string | undefined;
  #reading: Promise<void> | undefined;
  #writing: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #lookBack: NodeJS.Timeout | undefined;

  constructor(database: Database, blobs: Blobs) {
    this.#database = database;
    this.#blobs = blobs;
  }

  /** Takes in what other tools have written since the last look. Costs one `stat` where that is nothing. A store that only can be read is shown as it was when it last could be written. */
  async fresh(): Promise<void> {
    if (this.#database.readOnly) return;
    const signature = this.#signature();
    if (signature !== undefined && signature === this.#seen) return;
    this.#reading ??= this.#read().finally(() => (this.#reading = undefined));
    await this.#reading;
  }

  /** Names have changed: the file follows in a moment. The timer keeps the process alive until then. */
  renamed(): void {
    if (this.#database.readOnly) return;
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      // It is tried again by the next change, by `flush`, and by the next process that opens the store.
      this.flush().catch(() => undefined);
    }, gather);
  }

  /** Makes the file exact now. @throws ImageError */
  async flush(): Promise<void> {
    if (this.#database.readOnly) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    // Another's rewrite may have begun before our change.
    while (this.#writing) await this.#writing;
    this.#writing = this.#write().finally(() => (this.#writing = undefined));
    await this.#writing;
  }

  /** Nothing of this runs on after it. @param exact whether the file is to be made exact first */
  async end(exact: boolean): Promise<void> {
    clearTimeout(this.#timer);
    try {
      if (exact) await this.flush();
      else await Promise.allSettled([this.#writing, this.#reading]);
    } finally {
      clearTimeout(this.#lookBack);
    }
  }

  async #read(): Promise<void> {
    await this.#readPrevious();
    const signature = this.#signature();
    if (signature === undefined) {
      // Whoever is just writing it looks for itself; and where it cannot be written, asking for ever would help nobody.
      if (!this.#writing) this.renamed();
      return;
    }
    // Of thousands of names it is a megabyte; a process that only lists does without reading it.
    if (signature !== this.#state().index_mark) {
      const bytes = readIfThere(this.#database.place.indexFile);
      if (!bytes) return await this.#read();
      const hash = hashOf(bytes);
      if (hash === this.#state().index_hash) await this.#knownAgain(signature, hash);
      else {
        const settled = await this.#settledIndex(bytes);
        const { adopt } = await import('./adoption.ts');
        const current = () => hashOf(readIfThere(this.#database.place.indexFile) ?? Buffer.alloc(0)) === settled.hash;
        // Replaced while it was being read: the next look has the new one.
        if (!(await adopt(this.#database, this.#blobs, settled.index, settled.hash, current))) return await this.#read();
      }
    }
    this.#seen = signature;
    const { change, index_change: shown } = this.#state();
    if (change !== shown) this.renamed();
  }

  /** What is in the file is ours, but the file is another: the store was copied or moved, or a tool wrote the same. The next process need not read it. */
  async #knownAgain(signature: string, hash: string): Promise<void> {
    // One that was just written may be written again within the same tick of the file system's clock, and look the same.
    const changed = statSync(this.#database.place.indexFile, { throwIfNoEntry: false })?.ctimeMs;
    if (changed === undefined || Date.now() - changed < sameTick || this.#signature() !== signature) return;
    try {
      await this.#database.transact(() => this.#database.run('UPDATE state SET index_mark = ? WHERE index_hash = ?', signature, hash));
    } catch (error) {
      // It only saves time.
      if (!isImageError(error)) throw error;
    }
  }

  /** A file that replaced one which a tool had open for writing: what that tool wrote there is taken in too. */
  async #readPrevious(): Promise<void> {
    const path = this.#previousFile();
    const mark = markOf(path);
    const known = this.#state().previous_mark;
    if (mark === undefined || known === null || mark === known) return;
    const { index } = await this.#settledIndex(readIfThere(path) ?? Buffer.from('{}'), path);
    const { adopt } = await import('./adoption.ts');
    // Another process of ours may have put another file there between the two looks: then nobody wrote into this one.
    const current = () => markOf(path) === mark && this.#state().previous_mark === known;
    if (!(await adopt(this.#database, this.#blobs, index, undefined, current))) return;
    await this.#database.transact(() => this.#database.run('UPDATE state SET previous_mark = ? WHERE previous_mark = ?', mark, known));
  }

  /** A file that is just being written is read again for a second; one that stays unreadable is put aside. */
  async #settledIndex(first: Buffer, path = this.#database.place.indexFile): Promise<{ index: IndexFile; hash: string }> {
    let bytes = first;
    for (let tries = 0; ; tries++) {
      try {
        return { index: parseIndexFile(bytes), hash: hashOf(bytes) };
      } catch (error) {
        if (!isImageError(error, 'invalid-content')) throw error;
        if (tries >= 20) return { index: await this.#putAside(path, bytes), hash: hashOf(bytes) };
      }
      await sleep(50);
      bytes = readIfThere(path) ?? bytes;
    }
  }

  async #putAside(path: string, bytes: Buffer): Promise<IndexFile> {
    keepBeside(
      path,
      join(this.#database.place.own, `index.json.unreadable-${hashOf(bytes).slice(0, 12)}-${randomBytes(3).toString('hex')}`),
    );
    await this.#database.transact(() => bumpChange(this.#database));
    return { entries: [], foreign: { entries: [], keys: {} } };
  }

  async #write(): Promise<void> {
    for (let tries = 0; ; tries++) {
      await this.fresh();
      await this.#readPrevious();
      const { change, index_change: shown } = this.#state();
      if (change === shown && this.#signature() !== undefined) return;
      if (await this.#project(tries)) break;
      this.#seen = undefined;
    }
    clearTimeout(this.#lookBack);
    // Who had the old file open has closed it by then.
    this.#lookBack = setTimeout(() => void this.#readPrevious().catch(() => this.renamed()), 1000);
    this.#lookBack.unref();
  }

  /** Writes the file beside the old, and puts it in place in a transaction that sees nothing changed since. False: look again. */
  async #project(tries: number): Promise<boolean> {
    const { place } = this.#database;
    const made = this.#make();
    // Not beside the file, where what a killed process left would lie for ever.
    const draft = join(place.drafts, draftName('index'));
    try {
      await mendLayoutFile(place);
      const file = await open(draft, 'wx', 0o644);
      try {
        await file.writeFile(made.text);
        await file.sync();
      } finally {
        await file.close();
      }
      this.#database.at('index-draft');
      const done = await this.#database.transact((transaction) => {
        // The store has been moved since: the draft is in the old place.
        if (this.#database.place !== place) return false;
        const now = this.#state();
        // Taken before it is read: who writes into it from now on is found out by it.
        const mark = markOf(place.indexFile);
        const current = readIfThere(place.indexFile);
        // Under constant change a projection of a moment ago is better than none; the next follows.
        if (current && hashOf(current) !== now.index_hash) return false;
        if (now.change !== made.change && tries < 3) return false;
        if (process.platform !== 'win32' && current) {
          if (now.previous_mark !== null && (markOf(this.#previousFile()) ?? now.previous_mark) !== now.previous_mark) return false;
          rmSync(this.#previousFile(), { force: true });
          linkIfAble(place.indexFile, this.#previousFile());
        }
        renameSync(draft, place.indexFile);
        this.#database.at('index-renamed');
        transaction.syncFolder(place.root);
        this.#database.run(
          'UPDATE state SET index_change = ?, index_journal = ?, index_hash = ?, index_mark = ?, previous_mark = ?',
          made.change,
          made.journal,
          hashOf(Buffer.from(made.text)),
          this.#signature() ?? null,
          mark ?? null,
        );
        return true;
      });
      if (done) this.#seen = this.#signature();
      return done;
    } catch (error) {
      throw asImageError(error, `cannot write ${place.indexFile}`);
    } finally {
      rmSync(draft, { force: true });
    }
  }

  #make(): { text: string; change: number; journal: number } {
    return this.#database.snapshot(() => {
      const { change, foreign_json: foreign } = this.#state();
      const { journal } = this.#database.get<{ journal: number | null }>('SELECT max(number) AS journal FROM journal') ?? { journal: 0 };
      const names = this.#database.all<{ repo: string; tag: string; digest: Digest; mediaType: string; size: number }>(
        'SELECT repo, tag, target AS digest, target_type AS mediaType, target_size AS size FROM name ORDER BY repo, tag',
      );
      const shown: ShownName[] = names.map(({ repo, tag, ...target }) => ({ target, name: nameReference(repo, tag) }));
      const aliases = this.#database.all<{
        typed: string;
        repo: string | null;
        tag: string | null;
        digest: Digest;
        mediaType: string;
        size: number;
      }>(
        `SELECT typed, alias.repo, alias.tag, alias.target AS digest, image.media_type AS mediaType, image.size FROM alias JOIN image ON image.digest = alias.target
         WHERE alias.repo IS NULL OR EXISTS (SELECT 1 FROM name WHERE name.repo = alias.repo AND name.tag = alias.tag AND name.target = alias.target) ORDER BY typed`,
      );
      for (const { typed, repo, tag, ...target } of aliases)
        shown.push({ target, typed, ...(repo === null || tag === null ? {} : { name: nameReference(repo, tag) }) });
      const dangling = this.#database.all<{ digest: Digest; mediaType: string; size: number }>(
        `SELECT digest, media_type AS mediaType, size FROM image
         WHERE NOT EXISTS (SELECT 1 FROM name WHERE target = image.digest) AND NOT EXISTS (SELECT 1 FROM alias WHERE target = image.digest AND repo IS NULL) ORDER BY digest`,
      );
      for (const target of dangling) shown.push({ target });
      return {
        text: formatIndexFile(shown, foreign === null ? { entries: [], keys: {} } : (JSON.parse(foreign) as Foreign)),
        change,
        journal: journal ?? 0,
      };
    });
  }

  #state(): StateRow {
    return (
      this.#database.get<StateRow>('SELECT change, index_change, index_hash, index_mark, previous_mark, foreign_json FROM state') ?? {
        change: 0,
        index_change: 0,
        index_hash: null,
        index_mark: null,
        previous_mark: null,
        foreign_json: null,
      }
    );
  }

  #previousFile(): string {
    return join(this.#database.place.own, 'index.json.previous');
  }

  #signature(): string | undefined {
    try {
      const { ino, size, mtimeMs, ctimeMs } = statSync(this.#database.place.indexFile);
      return `${ino}-${size}-${mtimeMs}-${ctimeMs}`;
    } catch (error) {
      if (isSystemError(error, 'ENOENT')) return undefined;
      throw asImageError(error, `cannot look at ${this.#database.place.indexFile}`);
    }
  }
}

function hashOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function readIfThere(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return undefined;
    throw asImageError(error, `cannot read ${path}`);
  }
}

function markOf(path: string): string | undefined {
  const facts = statSync(path, { throwIfNoEntry: false });
  return facts && fileMark(facts);
}

/** Puts the two files of an empty layout there, where they are not (image-spec image-layout.md). Several processes may do it at once. */
export async function makeLayout(database: Database): Promise<void> {
  const { place } = database;
  await createOnce(place, place.indexFile, formatIndexFile([], { entries: [], keys: {} }));
  await createOnce(place, place.layoutFile, `${layoutText}\n`);
  await syncFolder(place.root);
}

/** Another tool that was cut short may have left an `oci-layout` that says nothing: no other tool would read the folder then. One of another version is left. */
async function mendLayoutFile(place: Place): Promise<void> {
  const bytes = readIfThere(place.layoutFile);
  if (bytes === undefined || !saysVersion(bytes)) await writeFileAtomic(place.layoutFile, `${layoutText}\n`);
}

function saysVersion(layout: Buffer): boolean {
  try {
    const document: unknown = JSON.parse(layout.toString());
    return isObject(document) && typeof document.imageLayoutVersion === 'string';
  } catch {
    return false;
  }
}

async function createOnce(place: Place, path: string, text: string): Promise<void> {
  const draft = join(place.drafts, draftName('layout'));
  try {
    const file = await open(draft, 'wx', 0o644);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    try {
      // Unlike a rename it never takes the place of what is there.
      keepBeside(draft, path);
    } catch (error) {
      if (!isSystemError(error, 'EEXIST')) throw error;
    }
  } catch (error) {
    throw asImageError(error, `cannot write ${path}`);
  } finally {
    rmSync(draft, { force: true });
  }
}

/** Gives a file a second name, or where its disk cannot (exFAT), a copy of it. @throws where there is something of that name */
function keepBeside(path: string, name: string): void {
  if (!linkIfAble(path, name)) copyFileSync(path, name, constants.COPYFILE_EXCL);
}

/** False on disks without hard links. Windows says EISDIR of them. */
function linkIfAble(path: string, name: string): boolean {
  try {
    linkSync(path, name);
    return true;
  } catch (error) {
    if (isSystemError(error, 'EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EISDIR')) return false;
    throw error;
  }
}
