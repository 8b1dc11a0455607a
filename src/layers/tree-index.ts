/**
 * The index of a tree: `index.sqlite` in the tree's folder, one row per name.
 *
 * A row's key is the inode of its folder and its name, on Windows folded to upper case (the name as it is written stands beside it where it differs). See tree-row.ts
 * for the columns.
 *
 * `user_version` is set when the index is whole: one whose maker was killed has none, and counts as not there.
 */

import { existsSync } from 'node:fs';
import { join, toNamespacedPath } from 'node:path';
import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite';
import { asImageError, ImageError } from '../errors.ts';
import { asColumns, sqlite } from '../io/sqlite.ts';
import type { Content, NamedStream, TreeEntry } from './tree-entry.ts';
import { asName, asRow, asText, type Columns, columns, columnsOf, impliedFolder, type More, moreOf, type Row } from './tree-row.ts';
import { foldName } from './windows.ts';

const format = 1;
export const indexFile = 'index.sqlite';
/** The inode of the root. */
export const rootInode = 1;

const schema = `
CREATE TABLE entry (
  parent INTEGER NOT NULL, key NOT NULL, name, inode INTEGER NOT NULL, type INTEGER NOT NULL, flags INTEGER NOT NULL, mode INTEGER NOT NULL,
  uid INTEGER NOT NULL, gid INTEGER NOT NULL, seconds INTEGER NOT NULL, nanoseconds INTEGER NOT NULL, size INTEGER NOT NULL, pack INTEGER, offset INTEGER, link, more TEXT,
  PRIMARY KEY (parent, key)
) WITHOUT ROWID;
CREATE TABLE linked (inode INTEGER PRIMARY KEY, names INTEGER NOT NULL);
CREATE TABLE pack (number INTEGER PRIMARY KEY, file TEXT NOT NULL);
CREATE TABLE about (key TEXT PRIMARY KEY, value) WITHOUT ROWID;`;

export class TreeIndex {
  readonly folder: string;
  readonly #database: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();
  readonly #packs = new Map<number, string>();
  #os = '';
  #isMade = false;

  private constructor(folder: string, database: DatabaseSync) {
    this.folder = folder;
    this.#database = database;
  }

  /** The index in this folder for reading, undefined if there is none that is whole. */
  static find(folder: string): TreeIndex | undefined {
    if (!existsSync(join(folder, indexFile))) return undefined;
    const index = TreeIndex.#connect(
      folder,
      'PRAGMA busy_timeout = 10000; PRAGMA query_only = ON; PRAGMA cache_size = -512; PRAGMA mmap_size = 268435456',
    );
    if (index.#isWhole()) return index;
    index.close();
    return undefined;
  }

  /** A new index that nobody else sees before it is finished: without a journal, and durable only then. */
  static make(folder: string, os: string): TreeIndex {
    const pragmas =
      'PRAGMA page_size = 8192; PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA locking_mode = EXCLUSIVE; PRAGMA cache_size = -16000; BEGIN';
    const index = TreeIndex.#connect(folder, pragmas);
    index.#begin(os);
    index.#isMade = true;
    return index;
  }

  /** The index of changes, in a transaction that `commit` or `close` ends. Undefined while another process is in one. Made where there is none. */
  static change(folder: string, os: string): TreeIndex | undefined {
    let index: TreeIndex;
    try {
      // The mode too is asked of the file, which another's commit may just have locked.
      const pragmas =
        'PRAGMA busy_timeout = 20; PRAGMA journal_mode = TRUNCATE; PRAGMA synchronous = FULL; PRAGMA cache_size = -8000; BEGIN IMMEDIATE';
      index = TreeIndex.#connect(folder, pragmas);
    } catch (error) {
      if (isBusy((error as Error).cause)) return undefined;
      throw error;
    }
    try {
      // Readers hold their locks for one statement: the commit waits for them.
      index.#database.exec('PRAGMA busy_timeout = 10000');
      if (!index.#isWhole()) {
        index.#begin(os);
        index.#guard(() => index.#database.exec('CREATE INDEX of_pack ON entry (pack) WHERE pack IS NOT NULL'));
        index.#seal();
      }
      return index;
    } catch (error) {
      index.close();
      throw error;
    }
  }

  static #connect(folder: string, pragmas: string): TreeIndex {
    const path = join(folder, indexFile);
    try {
      const database = new (sqlite().DatabaseSync)(path.length > 240 ? toNamespacedPath(path) : path);
      try {
        database.exec(pragmas);
      } catch (error) {
        database.close();
        throw error;
      }
      return new TreeIndex(folder, database);
    } catch (error) {
      throw asTreeError(error, folder);
    }
  }

  /** The image's. */
  get os(): string {
    return this.#os;
  }

  /** As names are compared in this tree. */
  key(name: string): string {
    return this.#os === 'windows' ? foldName(name) : name;
  }

  child(parent: number, key: string): Row | undefined {
    const [found] = this.#columns(`SELECT ${columns} FROM entry WHERE parent = ? AND key = ?`, parent, asText(key));
    return found && asRow(found);
  }

  /** By key; in no order that means anything. */
  list(parent: number): { key: string; row: Row }[] {
    const found = this.#columns(`SELECT ${columns} FROM entry WHERE parent = ?`, parent);
    return found.map((row) => ({ key: asName(row[0]), row: asRow(row) }));
  }

  root(): Row {
    const row = this.child(0, '');
    if (!row) throw new ImageError('internal', `the tree ${this.folder} has no root`);
    return row;
  }

  /** False where there is one of this key already: then nothing is changed. */
  insert(parent: number, key: string, row: Row): boolean {
    return this.#put('INSERT OR IGNORE', parent, key, row);
  }

  replace(parent: number, key: string, row: Row): void {
    this.#put('INSERT OR REPLACE', parent, key, row);
  }

  #put(verb: string, parent: number, key: string, row: Row): boolean {
    return this.#guard(() => {
      const { changes } = this.#prepare(
        `${verb} INTO entry (parent, ${columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      ).run(parent, ...columnsOf(key, row));
      return Number(changes) === 1;
    });
  }

  /** Only while this inode has that name. */
  setTime(parent: number, key: string, inode: number, seconds: number, nanoseconds: number): void {
    const where = 'parent = ? AND key = ? AND inode = ?';
    this.#run(`UPDATE entry SET seconds = ?, nanoseconds = ? WHERE ${where}`, seconds, nanoseconds, parent, asText(key), inode);
  }

  /** Takes a name away, of a folder all below it too. */
  remove(parent: number, key: string, row: Row): void {
    if (row.type === 'directory') this.empty(row.inode);
    if (row.linked) this.#run('UPDATE linked SET names = names - 1 WHERE inode = ?', row.inode);
    this.#run('DELETE FROM entry WHERE parent = ? AND key = ?', parent, asText(key));
  }

  /** Takes away all below a folder. */
  empty(inode: number): void {
    const folders = [inode];
    for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
      for (const { row } of this.list(folder)) {
        if (row.type === 'directory') folders.push(row.inode);
        else if (row.linked) this.#run('UPDATE linked SET names = names - 1 WHERE inode = ?', row.inode);
      }
      this.#run('DELETE FROM entry WHERE parent = ?', folder);
    }
  }

  /** Marks a row as one that may have other names. Returns it as it is then. */
  link(parent: number, key: string, row: Row): Row {
    if (row.linked) return row;
    this.#run('INSERT INTO linked VALUES (?, 1)', row.inode);
    const linked = { ...row, linked: true };
    this.replace(parent, key, linked);
    return linked;
  }

  /** Counts another name of such a row. */
  countLink(inode: number): void {
    this.#run('UPDATE linked SET names = names + 1 WHERE inode = ?', inode);
  }

  links(row: Row): number {
    if (!row.linked) return 1;
    return Number(this.#get('SELECT names FROM linked WHERE inode = ?', row.inode)?.['names'] ?? 1);
  }

  about(key: string): number | string | undefined {
    return this.#get('SELECT value FROM about WHERE key = ?', key)?.['value'] as number | string | undefined;
  }

  setAbout(key: string, value: number | string): void {
    this.#run('INSERT OR REPLACE INTO about VALUES (?, ?)', key, value);
  }

  /** Bytes of all files, those of several names once. */
  size(): number {
    const known = this.about('size');
    if (typeof known === 'number') return known;
    const row = this.#get('SELECT sum(size) AS size FROM (SELECT DISTINCT inode, size FROM entry WHERE size > 0)');
    return Number(row?.['size'] ?? 0);
  }

  addPack(number: number, file: string): void {
    this.#run('INSERT INTO pack VALUES (?, ?)', number, file);
  }

  packs(): { number: number; file: string }[] {
    return this.#guard(() => this.#prepare('SELECT number, file FROM pack').all() as { number: number; file: string }[]);
  }

  /** Forgets the packs that no entry lies in any more, and says which they were. */
  dropUnusedPacks(): string[] {
    const unused = 'pack WHERE NOT EXISTS (SELECT 1 FROM entry WHERE entry.pack = pack.number)';
    const files = this.#guard(() => this.#prepare(`SELECT file FROM ${unused}`).all() as { file: string }[]);
    if (files.length > 0) this.#run(`DELETE FROM ${unused}`);
    return files.map(({ file }) => file);
  }

  /** The absolute path of a pack. */
  packFile(number: number): string {
    const known = this.#packs.get(number);
    if (known !== undefined) return known;
    const row = this.#get('SELECT file FROM pack WHERE number = ?', number);
    if (!row) throw new ImageError('store-unusable', `the tree ${this.folder} is damaged: it has no pack ${number}`);
    const file = join(this.folder, String(row['file']));
    this.#packs.set(number, file);
    return file;
  }

  /** What a row says, under this path. `attributes`: the row that mode, owner, times and records are those of. */
  entry(row: Row, path: string, attributes: Row = row): TreeEntry {
    const { device, pax, sparse, streams } = moreOf(row);
    const records = attributes === row ? pax : moreOf(attributes).pax;
    return {
      path,
      type: row.type,
      mode: attributes.mode,
      uid: attributes.uid,
      gid: attributes.gid,
      mtime: { seconds: attributes.seconds, nanoseconds: attributes.nanoseconds },
      size: row.size,
      linkTarget: row.linkTarget,
      device: device && { major: device[0], minor: device[1] },
      pax: records ? new Map(records) : noRecords,
      inode: row.inode,
      links: this.links(row),
      opaque: row.opaque,
      implied: row.implied,
      content: row.pack === null ? undefined : this.#content(row.pack, row.offset!, sparse),
      streams: streams?.map((stream): NamedStream => ({
        name: stream.name,
        size: stream.size,
        content: this.#content(row.pack ?? 0, stream.offset, stream.sparse),
      })),
    };
  }

  #content(pack: number, offset: number, sparse: More['sparse']): Content {
    return { file: this.packFile(pack), offset, sparse: sparse?.map(([offset, length]) => ({ offset, length })) };
  }

  /** Ends a transaction of `make` or `change`: what it did is durable. */
  commit(): void {
    this.#guard(() => {
      this.#database.exec('COMMIT');
      // Not before: without a journal, what is not committed yet may be in the file already.
      if (this.#isMade) this.#seal();
    });
  }

  /** Without `commit`, a change leaves nothing behind. */
  close(): void {
    this.#statements.clear();
    this.#database.close();
  }

  #begin(os: string): void {
    this.#guard(() => {
      this.#database.exec(schema);
    });
    this.#os = os;
    this.setAbout('os', os);
    this.insert(0, '', { ...impliedFolder, name: '', inode: rootInode });
  }

  #seal(): void {
    this.#database.exec(`PRAGMA user_version = ${format}`);
  }

  #isWhole(): boolean {
    const version = Number(this.#get('PRAGMA user_version')?.['user_version']);
    if (version === 0) return false;
    if (version !== format) throw new ImageError('store-unusable', `the tree ${this.folder} is of the unknown format ${version}`);
    this.#os = String(this.about('os'));
    return true;
  }

  #columns(sql: string, ...values: SQLInputValue[]): Columns[] {
    return this.#guard(() => asColumns<Columns>(this.#prepare(sql), values));
  }

  #get(sql: string, ...values: SQLInputValue[]): Record<string, unknown> | undefined {
    return this.#guard(() => this.#prepare(sql).get(...values));
  }

  #run(sql: string, ...values: SQLInputValue[]): void {
    this.#guard(() => this.#prepare(sql).run(...values));
  }

  #prepare(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (!statement) this.#statements.set(sql, (statement = this.#database.prepare(sql)));
    return statement;
  }

  #guard<T>(act: () => T): T {
    try {
      return act();
    } catch (error) {
      throw asTreeError(error, this.folder);
    }
  }
}

const noRecords: ReadonlyMap<string, string> = new Map();

/** SQLITE_BUSY and SQLITE_LOCKED (sqlite.org/rescode.html). */
function isBusy(error: unknown): boolean {
  const code = (error as { errcode?: number } | undefined)?.errcode ?? 0;
  return (code & 0xff) === 5 || (code & 0xff) === 6;
}

function asTreeError(error: unknown, folder: string): ImageError {
  if (error instanceof ImageError) return error;
  const { errcode, message } = error as { errcode?: number; message: string };
  switch ((errcode ?? 0) & 0xff) {
    case 5:
    case 6:
      return new ImageError('unavailable', `the tree ${folder} is busy`, { cause: error });
    case 8:
      return new ImageError('permission', `cannot write the tree ${folder}: it is read-only`, { cause: error });
    case 11:
    case 26:
      return new ImageError('store-unusable', `the tree ${folder} is damaged (${message})`, { cause: error });
    case 13:
      return asImageError({ code: 'ENOSPC', message }, `cannot write the tree ${folder}`);
    case 14:
      return new ImageError('not-found', `there is no tree in ${folder} (${message})`, { cause: error });
    default:
      return asImageError(error, `cannot use the tree ${folder}`);
  }
}
