/**
 * A tar that is put into a container, as docker's `PUT /containers/ID/archive` does (moby pkg/archive, `Unpack`): names are taken from the folder given, links on the way are
 * followed inside the container's root, what is there is replaced, and only folders are merged.
 *
 * The tar lies in the container's folder already, as one more pack: its bodies stay where they are, and the index gets rows that point into it.
 */

import { closeSync, fstatSync, fsyncSync, openSync, readSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { ImageError } from '../errors.ts';
import type { TarEntry, Timestamp } from '../formats/tar/entry.ts';
import { TarParser } from '../formats/tar/parser.ts';
import { isTooLong, rowOf, whiteoutPrefix } from './layer-indexer.ts';
import type { Node } from './layer-stack.ts';
import { TreeIndex } from './tree-index.ts';
import { type Row, moreOf, moreText } from './tree-row.ts';
import { joined } from './tree.ts';
import { resolveStep, type Step } from './union.ts';
import { UpperChange } from './upper-change.ts';
import { checkWindowsPath, completeWindowsRecords, windowsFiles } from './windows.ts';

export interface TarToApply {
  readonly folder: string;
  /** Of the trees below, top first. */
  readonly layers: readonly string[];
  readonly os: string;
  /** The pack's name in the folder. */
  readonly pack: string;
  readonly path: string;
  readonly noOverwriteDirNonDir: boolean;
  readonly owner: { readonly uid: number; readonly gid: number } | undefined;
  readonly now: Timestamp;
}

/** Bytes read at once when going from header to header. */
const headerRead = 64 << 10;
const copyLength = 1 << 20;
const impliedMode = 0o755;

/** `layers`: the indexes of the trees below where they are open; top first. */
export async function applyTar(act: TarToApply, signal: AbortSignal | undefined, layers?: readonly TreeIndex[]): Promise<void> {
  const opened: TreeIndex[] = [];
  try {
    const below = layers ?? act.layers.map((folder) => openIndex(folder, opened));
    const change = await UpperChange.begin({ folder: act.folder, layers: below, os: act.os }, act.now, signal);
    try {
      new Application(act, change).run();
    } catch (error) {
      change.abandon();
      throw error;
    }
  } finally {
    for (const index of opened) index.close();
  }
}

function openIndex(folder: string, opened: TreeIndex[]): TreeIndex {
  const index = TreeIndex.find(folder);
  if (!index) throw new ImageError('not-found', `there is no tree in ${folder}`);
  opened.push(index);
  return index;
}

class Application {
  readonly #act: TarToApply;
  readonly #change: UpperChange;
  readonly #pack: number;
  readonly #packFile: string;
  /** Folders that entries were put into, by their paths in the archive. */
  readonly #folders = new Map<string, Step>();
  #copies = 0;
  #packEnd = 0;

  constructor(act: TarToApply, change: UpperChange) {
    this.#act = act;
    this.#change = change;
    this.#pack = change.addPack(act.pack);
    this.#packFile = join(act.folder, act.pack);
  }

  run(): void {
    const pack = openSync(this.#packFile, 'r+');
    try {
      this.#destination();
      for (const entry of entriesOf(pack)) this.#entry(entry, pack);
      if (this.#packEnd > 0) fsyncSync(pack);
    } finally {
      closeSync(pack);
    }
    this.#change.commit(this.#act.pack);
  }

  #destination(): Step {
    const { path, os } = this.#act;
    return destination(resolveStep(this.#change.stack, this.#change.root, path, os, true), path);
  }

  #entry(entry: TarEntry, pack: number): void {
    const parts = this.#partsOf(entry);
    const name = parts.at(-1);
    if (name === undefined) {
      if (entry.type !== 'directory') throw refuse(entry, 'it has no name');
      return;
    }
    const folder = this.#folder(entry, parts, parts.length - 1);
    const there = this.#change.child(folder, name);
    if (there && this.#act.noOverwriteDirNonDir) this.#refuseOverwrite(entry, there);
    if (this.#act.os === 'windows') checkWindowsPath(joined(windowsFiles, joined(folder.path, name)));
    if (entry.type === 'hard-link') {
      this.#link(entry, folder, name, pack);
      this.#forget(there);
      return;
    }
    const merged = entry.type === 'directory' && there?.node.row.type === 'directory' ? there.node.attributes : undefined;
    const row = this.#rowOf(entry, name, merged);
    if (there && merged) {
      this.#change.setFolder(there, row);
      return;
    }
    const placed = this.#change.put(folder, row, row.type === 'directory');
    this.#forget(there);
    if (row.type === 'directory') this.#folders.set(parts.join('/'), placed);
  }

  /** Steps may lead through what is not there any more. */
  #forget(there: Step | undefined): void {
    if (there) this.#folders.clear();
  }

  #partsOf(entry: TarEntry): string[] {
    const parts = cleaned(this.#act.os === 'windows' ? fromDrive(entry.path) : entry.path);
    if (!parts)
      throw new ImageError(
        'invalid-content',
        `invalid entry name ${JSON.stringify(entry.path)}: it leads out of ${JSON.stringify(this.#act.path)}`,
      );
    for (const part of parts) {
      if (part.startsWith(whiteoutPrefix))
        throw refuse(entry, `no layer can hold a name that begins with ${whiteoutPrefix}: there it means that something was removed`);
      if (this.#act.os !== 'windows' && isTooLong(part)) throw refuse(entry, 'it has a part that is longer than any disk can hold');
    }
    return parts;
  }

  /** The folder that the first `count` parts lead to, made where there is none. */
  #folder(entry: TarEntry, parts: readonly string[], count: number): Step {
    if (this.#copies !== this.#change.copies) {
      this.#folders.clear();
      this.#copies = this.#change.copies;
    }
    const path = parts.slice(0, count).join('/');
    const known = this.#folders.get(path);
    if (known) return known;
    const folder = count === 0 ? this.#destination() : this.#next(entry, this.#folder(entry, parts, count - 1), parts[count - 1]!);
    this.#folders.set(path, folder);
    return folder;
  }

  #next(entry: TarEntry, folder: Step, name: string): Step {
    const there = this.#change.child(folder, name);
    if (!there) {
      const { seconds, nanoseconds } = this.#act.now;
      const made = {
        ...entry,
        type: 'directory',
        mode: impliedMode,
        uid: 0,
        gid: 0,
        pax: new Map(),
        mtime: { seconds, nanoseconds },
      } as const;
      if (this.#act.os === 'windows') checkWindowsPath(joined(windowsFiles, joined(folder.path, name)));
      return this.#change.put(folder, this.#rowOf(made, name));
    }
    const { linkTarget } = there.node.row;
    const found = linkTarget === undefined ? there : resolveStep(this.#change.stack, folder, linkTarget, this.#act.os, true);
    if (!found)
      throw new ImageError('not-found', `openat ${entry.path}: no such file or directory: ${there.path} links to what is not there`);
    if (found.node.row.type !== 'directory') throw new ImageError('invalid-argument', `openat ${entry.path}: not a directory`);
    return found;
  }

  /** `merged`: what is said of the folder that is there already. On Windows docker leaves its descriptor and attributes as they are, and so do we. */
  #rowOf(entry: TarEntry, name: string, merged?: Row): Row {
    const { os, owner } = this.#act;
    const row = rowOf(entry, name, this.#change.nextInode(), os);
    const placed = row.pack === null ? row : { ...row, pack: this.#pack };
    if (os !== 'windows') return owner ? { ...placed, ...owner } : placed;
    const { pax = [], ...more } = moreOf(row);
    const known = (merged && moreOf(merged).pax) ?? [];
    const records = completeWindowsRecords(entry, new Map([...known, ...pax]));
    const mode = row.type === 'directory' ? 0o755 : 0o644;
    return { ...placed, uid: 0, gid: 0, mode, more: moreText({ ...more, pax: [...records].sort(([a], [b]) => (a < b ? -1 : 1)) }) };
  }

  #refuseOverwrite(entry: TarEntry, there: Step): void {
    const isFolder = there.node.row.type === 'directory';
    if (isFolder === (entry.type === 'directory')) return;
    const name = JSON.stringify(cleaned(entry.path)!.join('/'));
    const into = JSON.stringify(`/${this.#destination().path}`);
    throw new ImageError(
      'invalid-argument',
      isFolder
        ? `cannot overwrite directory ${name} with non-directory ${into}`
        : `cannot overwrite non-directory ${name} with directory ${into}`,
    );
  }

  #link(entry: TarEntry, folder: Step, name: string, pack: number): void {
    const parts = cleaned(entry.linkname);
    const target = parts && this.#existing(parts);
    if (!target || !target.parent) throw refuse(entry, `it is a hard link to ${JSON.stringify(entry.linkname)}, which is not there`);
    if (target.node.row.type === 'directory')
      throw refuse(entry, `it is a hard link to ${JSON.stringify(entry.linkname)}, which is a folder`);
    const copied = this.#change.isOwn(target.node) ? undefined : this.#copy(target.node, pack);
    this.#change.link(target, folder, name, copied);
  }

  /** What shows at a path of the archive, the last link not followed. */
  #existing(parts: readonly string[]): Step | undefined {
    const name = parts.at(-1);
    if (name === undefined) return undefined;
    const { stack } = this.#change;
    const folder = resolveStep(stack, this.#destination(), parts.slice(0, -1).join('/'), this.#act.os, true);
    return folder?.node.row.type === 'directory' ? this.#change.child(folder, name) : undefined;
  }

  /** A file of a tree below, with its bytes behind this act's own: the trees below may be made anew elsewhere. */
  #copy({ tree, row }: Node, pack: number): Row {
    const { streams: _, ...more } = moreOf(row);
    const copied = { ...row, inode: this.#change.nextInode(), linked: false, more: moreText(more) };
    if (row.pack === null) return { ...copied, offset: null };
    if (this.#packEnd === 0) this.#packEnd = sizeOf(pack);
    const offset = this.#packEnd;
    const stored = more.sparse ? more.sparse.reduce((sum, [, length]) => sum + length, 0) : row.size;
    const from = openSync(tree.packFile(row.pack), 'r');
    try {
      const buffer = Buffer.allocUnsafe(Math.min(copyLength, stored));
      for (let done = 0; done < stored;) {
        const count = readSync(from, buffer, 0, Math.min(buffer.length, stored - done), row.offset! + done);
        if (count === 0) throw new ImageError('invalid-content', `${tree.packFile(row.pack)} is too short: it has been damaged`);
        for (let at = 0; at < count;) at += writeSync(pack, buffer, at, count - at, offset + done + at);
        done += count;
      }
    } finally {
      closeSync(from);
    }
    this.#packEnd += Math.max(stored, 1);
    return { ...copied, pack: this.#pack, offset };
  }
}

/** The folder to extract into. @throws ImageError `not-found`, `invalid-argument`, with docker's texts */
export function destination<Found extends Pick<Step, 'node'>>(found: Found | undefined, path: string): Found {
  if (!found) throw new ImageError('not-found', `no such file or directory: ${path}`);
  if (found.node.row.type !== 'directory') throw new ImageError('invalid-argument', 'extraction point is not a directory');
  return found;
}

/** The entries of a tar that has been read to its end before, bodies passed over. */
function* entriesOf(file: number): Generator<TarEntry, void, undefined> {
  const parser = new TarParser();
  const buffer = Buffer.allocUnsafe(headerRead);
  let position = 0;
  while (!parser.done) {
    const event = parser.next();
    if (event === 'entry') {
      yield parser.entry;
      position += parser.jump();
    } else if (event === undefined) {
      const count = readSync(file, buffer, 0, headerRead, position);
      if (count === 0) return parser.end();
      parser.push(buffer.subarray(0, count));
      position += count;
    }
  }
}

function sizeOf(file: number): number {
  return fstatSync(file).size;
}

/** The parts of a path below a folder, `..` taken out as Go's filepath.Clean does; undefined where it leads out of it. */
function cleaned(path: string): string[] | undefined {
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '' || part === '.') continue;
    if (part !== '..') parts.push(part);
    else if (parts.pop() === undefined && !path.startsWith('/')) return undefined;
  }
  return parts;
}

/** Docker's client on another system takes `C:\\a\\b` for one name. */
function fromDrive(path: string): string {
  return /^[Cc]:\\/.test(path) ? path.slice(3).replaceAll('\\', '/') : path;
}

function refuse(entry: TarEntry, why: string): ImageError {
  return new ImageError('invalid-content', `the archive has an entry that is refused: ${JSON.stringify(entry.path)}: ${why}`, {
    detail: { path: entry.path },
  });
}
