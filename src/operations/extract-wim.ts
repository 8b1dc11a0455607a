import { chmodSync, closeSync, lchownSync, linkSync, lutimesSync, mkdirSync, symlinkSync, utimesSync } from 'node:fs';
import { readdir, realpath, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { asImageError, ImageError, isSystemError } from '../errors.ts';
import type { DecodingWorkers } from '../formats/wim/decode-ahead.ts';
import type { BlobToDecode } from '../formats/wim/decode-blobs.ts';
import type { LookupTable } from '../formats/wim/lookup-table.ts';
import { wimAttributes, type WimBlob } from '../formats/wim/wim-entry.ts';
import { fileTimeMilliseconds } from '../formats/wim/wim-images.ts';
import { linkOf, unixTarget } from '../formats/wim/wim-reparse.ts';
import type { Wim } from '../formats/wim/wim.ts';
import { finishNewFile, openNewFile, nameIsTaken, writeFully, writeNewFile, type NewFile } from '../formats/wim/write-new-file.ts';
import { canceled, together } from '../io/concurrently.ts';
import { utimeOf } from '../io/file-times.ts';
import { makeFolderPath } from '../io/make-folder-path.ts';
import { removeFolder } from '../io/remove-folder.ts';
import { restoreAttributes, type NamedAttributes } from './restore-attributes.ts';
import type { NameList } from './name-list.ts';
import { WimExtraction } from './wim-extraction.ts';

export interface ExtractWimOptions {
  /** Only what is at this path in the image: a folder's content, or a file. */
  readonly path?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Bytes of files that have been written, of how many. */
  readonly onProgress?: ((bytes: number, total: number) => void) | undefined;
}

export interface ExtractedWim {
  readonly folders: number;
  readonly files: number;
  readonly links: number;
  /** Written. */
  readonly bytes: number;
  /** What the image has and the folder has not. */
  readonly leftOut: readonly LeftOutOfWim[];
}

export interface LeftOutOfWim {
  /** As `named streams`. */
  readonly what: string;
  readonly count: number;
  /** The path of the first. */
  readonly first: string;
}

const elsewhere = 'Free some space, or name a folder elsewhere.';
const noBytes: Uint8Array = new Uint8Array(0);
/** Things that are made before others have their turn. */
const turn = 64;

/**
 * Writes the files of an image to a folder that is empty or not there: with owners and modes where the image has them and this process may give them.
 * No name leads out of the folder, and nothing is written through a link of the image: links are made last. After a failure nothing of it is left.
 * @param index from 1
 * @param folder absolute
 * @throws ImageError `conflict` for a folder that is not empty, or two names that are one to the system; `invalid-content` for a name that it cannot hold; `disk-full`, `permission`;
 *   else as `Wim.tree` and `Wim.read`
 */
export async function extractWim(wim: Wim, index: number, folder: string, options: ExtractWimOptions = {}): Promise<ExtractedWim> {
  // They begin while the names are looked at. Of an image among several, or a part of one, it may be too little.
  await using workers = wim.images.length === 1 && options.path === undefined ? wim.startDecoding() : undefined;
  const tree = await wim.tree(index, { signal: options.signal, workers });
  const from = tree.find(options.path ?? '');
  if (!from) throw new ImageError('not-found', `${wim.path}: image ${index} has no ${JSON.stringify(options.path)}`);
  const plan = await WimExtraction.plan(wim, tree, from, options.signal);
  const wasThere = await makeEmptyFolder(folder);
  try {
    const root = await realpath(folder);
    await requireSpace(root, plan.bytes);
    await makeFolders(root, plan, options.signal);
    const links = new LinkContents(wim.table, plan.reparsePoints);
    // Workers write what has content, this thread what has none.
    await together(options.signal, async ({ signal, all }) => {
      await all([writeFiles(wim, root, plan, links, { ...options, signal, workers }), makeEmptyFiles(root, plan, signal)]);
    });
    await makeLinks(wim, root, plan, links, { ...options, workers });
    await giveAttributes(root, plan);
    finishFolders(root, plan);
    return {
      folders: plan.folders.length,
      files: plan.files.length + plan.emptyFiles.length,
      links: plan.hardLinks.length + plan.emptyHardLinks.length + plan.reparsePoints.length,
      bytes: plan.bytes,
      leftOut: [...plan.leftOut].map(([what, { count, first }]) => ({ what, count, first })),
    };
  } catch (error) {
    // They may be ahead of what has failed or was canceled, and would write into the folder while it is cleared.
    await workers?.[Symbol.asyncDispose]();
    await clear(folder, wasThere);
    if (options.signal?.aborted) throw canceled(options.signal.reason);
    const failed = asImageError(error, `cannot write ${folder}`);
    throw failed.code === 'disk-full' ? new ImageError(failed.code, failed.message, { hint: elsewhere, cause: error }) : failed;
  }
}

/** @returns whether it was there */
async function makeEmptyFolder(folder: string): Promise<boolean> {
  try {
    if (makeFolderPath(folder) !== undefined) return false;
    if ((await readdir(folder)).length > 0)
      throw new ImageError('conflict', `${folder} is not empty`, {
        hint: 'Name a folder that is empty or not there: nothing in it would be replaced.',
      });
    return true;
  } catch (error) {
    if (isSystemError(error, 'EEXIST')) throw new ImageError('conflict', `${folder} is no folder`);
    throw asImageError(error, `cannot write ${folder}`);
  }
}

async function clear(folder: string, wasThere: boolean): Promise<void> {
  if (!wasThere) await removeFolder(folder);
  else for (const name of await readdir(folder)) await rm(join(folder, name), { recursive: true, force: true });
}

async function requireSpace(folder: string, bytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  if (bytes > bavail * bsize)
    throw new ImageError('disk-full', `${folder} has room for ${bavail * bsize} bytes, and the image has ${bytes}`, {
      hint: elsewhere,
    });
}

async function makeFolders(root: string, plan: WimExtraction, signal: AbortSignal | undefined): Promise<void> {
  const { folders } = plan;
  for (let number = 1; number < folders.length; number++) {
    if (number % turn === turn - 1) await nextTurn();
    if (signal?.aborted) throw canceled(signal.reason);
    const made = `${root}/${plan.path(folders, number)}`;
    makeOne(() => mkdirSync(made, { mode: 0o700 }), made);
  }
}

async function makeEmptyFiles(root: string, plan: WimExtraction, signal: AbortSignal): Promise<void> {
  for (let number = 0; number < plan.emptyFiles.length; number++) {
    if (number % turn === turn - 1) await nextTurn();
    if (signal.aborted) throw canceled(signal.reason);
    writeNewFile(asNew(root, plan, plan.emptyFiles, number), noBytes);
  }
}

/** Of what links say, so much is kept. Bytes. */
const keptOfLinks = 2 ** 24;

/** What the first links say, behind each other in one piece of memory: tens of thousands by themselves would take three times that. */
class LinkContents {
  /** How many links' contents are kept. */
  readonly count: number;
  readonly #starts: Float64Array;
  readonly #bytes: Uint8Array;

  constructor(table: LookupTable, points: NameList) {
    this.#starts = new Float64Array(points.length + 1);
    let [count, end] = [0, 0];
    for (; count < points.length; count++) {
      const value = points.value(count);
      const next = end + (value === 0 ? 0 : table.size(value - 1));
      if (next > keptOfLinks) break;
      this.#starts[count + 1] = end = next;
    }
    this.count = count;
    this.#bytes = new Uint8Array(end);
  }

  /** Keeps a piece of what a link says. */
  set(link: number, offset: number, piece: Uint8Array): void {
    this.of(link).set(piece, offset);
  }

  of(link: number): Uint8Array {
    return this.#bytes.subarray(this.#starts[link], this.#starts[link + 1]);
  }
}

/** Writes the files that have content, and keeps what the first links say: by itself that would have a solid file's chunks decoded again, in a memory of their size. */
async function writeFiles(
  wim: Wim,
  root: string,
  plan: WimExtraction,
  links: LinkContents,
  { signal, onProgress, workers }: ExtractWimOptions & { readonly workers: DecodingWorkers | undefined },
): Promise<void> {
  const asked = function* (): Generator<FileContent, void, undefined> {
    const { files, reparsePoints } = plan;
    const said = Uint32Array.from({ length: links.count }, (_, link) => link).filter((link) => reparsePoints.value(link) > 0);
    const rows = new Uint32Array(files.length + said.length);
    rows.set(files.values());
    for (const [position, link] of said.entries()) rows[files.length + position] = reparsePoints.value(link) - 1;
    const order = wim.table.order(rows);
    const from = { root, plan, table: wim.table, order, said };
    for (let start = 0, end = 0; start < order.length; start = end) {
      const row = rows[order[start] as number] as number;
      const isNext = () => end < order.length && rows[order[end] as number] === row;
      while (isNext() && (order[end] as number) < files.length) end++;
      const endOfFiles = end;
      while (isNext()) end++;
      yield new FileContent(from, row, start, endOfFiles, end);
    }
  };
  let open: { readonly files: readonly NewFile[]; readonly descriptors: number[] } | undefined;
  let bytes = 0;
  try {
    for await (const pieces of wim.decode(asked(), { signal, workers })) {
      for (const { asked: blob, offset, bytes: piece, isLast } of pieces) {
        bytes += piece.length * blob.count;
        for (const link of blob.links) links.set(link, offset, piece);
        // A blob that came as one piece has been written where it was decoded.
        if (offset === 0 && isLast) continue;
        open ??= { files: blob.files ?? [], descriptors: [] };
        for (const [number, file] of open.files.entries()) {
          const descriptor = (open.descriptors[number] ??= openNewFile(file.path));
          writeFully(descriptor, piece);
          if (isLast) finishNewFile(descriptor, file);
        }
        if (!isLast) continue;
        open.descriptors.splice(0).forEach(closeSync);
        open = undefined;
      }
      onProgress?.(bytes, plan.bytes);
    }
  } finally {
    open?.descriptors.forEach(closeSync);
  }
}

interface FileContents {
  readonly root: string;
  readonly plan: WimExtraction;
  readonly table: LookupTable;
  /** Numbers in the plan's `files`, those of one content behind each other; numbers beyond them are positions in `said`. */
  readonly order: Uint32Array;
  /** Numbers of links. */
  readonly said: Uint32Array;
}

const noLinks = new Uint32Array(0);

/** The content of files, or what links say, or both. Thousands are under way at once: what can be told again from a number is not kept. */
class FileContent implements BlobToDecode {
  readonly row: number;
  readonly #from: FileContents;
  readonly #first: number;
  readonly #endOfFiles: number;
  readonly #end: number;

  constructor(from: FileContents, row: number, first: number, endOfFiles: number, end: number) {
    this.#from = from;
    this.row = row;
    this.#first = first;
    this.#endOfFiles = endOfFiles;
    this.#end = end;
  }

  get blob(): WimBlob {
    const { table } = this.#from;
    return { sha1: table.sha1(this.row), size: table.size(this.row) };
  }

  get files(): NewFile[] {
    const { root, plan, order } = this.#from;
    const files: NewFile[] = [];
    for (let position = this.#first; position < this.#endOfFiles; position++)
      files.push(asNew(root, plan, plan.files, order[position] as number));
    return files;
  }

  /** How many files. */
  get count(): number {
    return this.#endOfFiles - this.#first;
  }

  /** The numbers of the links that say it. */
  get links(): Uint32Array {
    if (this.#end === this.#endOfFiles) return noLinks;
    const { plan, order, said } = this.#from;
    return order.subarray(this.#endOfFiles, this.#end).map((number) => said[number - plan.files.length] as number);
  }
}

function asNew(root: string, plan: WimExtraction, list: NameList, number: number): NewFile {
  const { accessed, written, ...rights } = plan.rights(plan.node(list, number));
  return { path: `${root}/${plan.path(list, number)}`, accessed: seconds(accessed), written: seconds(written), ...rights };
}

async function makeLinks(
  wim: Wim,
  root: string,
  plan: WimExtraction,
  kept: LinkContents,
  { signal, workers }: ExtractWimOptions & { readonly workers: DecodingWorkers | undefined },
): Promise<void> {
  for (const [links, files] of [
    [plan.hardLinks, plan.files],
    [plan.emptyHardLinks, plan.emptyFiles],
  ] as const)
    for (let number = 0; number < links.length; number++) {
      if (number % turn === turn - 1) await nextTurn();
      if (signal?.aborted) throw canceled(signal.reason);
      const made = `${root}/${plan.path(links, number)}`;
      makeOne(() => linkSync(`${root}/${plan.path(files, links.value(number))}`, made), made);
    }
  const points = plan.reparsePoints;
  const others: number[] = [];
  for (let number = 0; number < points.length; number++) {
    if (number % turn === turn - 1) await nextTurn();
    if (signal?.aborted) throw canceled(signal.reason);
    if (points.value(number) === 0) makeLink(wim, root, plan, number, noBytes);
    else if (number < kept.count) makeLink(wim, root, plan, number, kept.of(number));
    else others.push(number);
  }
  if (others.length === 0) return;
  const { table } = wim;
  const rows = Uint32Array.from(others, (number) => points.value(number) - 1);
  const asked = function* (): Generator<BlobToDecode & { readonly number: number }, void, undefined> {
    for (const position of table.order(rows)) {
      const row = rows[position] as number;
      yield { blob: { sha1: table.sha1(row), size: table.size(row) }, row, number: others[position] as number };
    }
  };
  let content = noBytes;
  for await (const pieces of wim.decode(asked(), { signal, workers }))
    for (const { asked: link, offset, bytes, isLast } of pieces) {
      content = Buffer.concat([offset > 0 ? content : noBytes, bytes]);
      if (isLast) makeLink(wim, root, plan, link.number, content);
    }
}

function makeLink(wim: Wim, root: string, plan: WimExtraction, number: number, content: Uint8Array): void {
  const node = plan.node(plan.reparsePoints, number);
  const path = plan.path(plan.reparsePoints, number);
  const { tag } = node.reparse as NonNullable<typeof node.reparse>;
  const link = linkOf(tag, content);
  const refuse = (why: string) => new ImageError('invalid-content', `${wim.path}: the link ${JSON.stringify(`/${path}`)} ${why}`);
  if (!link) throw refuse('has a target outside of its data');
  const target = process.platform === 'win32' ? link.substitute.replace(/^\\\?\?\\/, '') : unixTarget(link);
  if (target === '' || target.includes('\0')) throw refuse(`leads to ${JSON.stringify(target)}`);
  const made = `${root}/${path}`;
  const kind = link.isMountPoint ? 'junction' : node.attributes & wimAttributes.directory ? 'dir' : 'file';
  makeOne(() => symlinkSync(target, made, kind), made);
  const { owner, accessed, written } = plan.rights(node);
  if (owner) lchownSync(made, owner.uid, owner.gid);
  lutimesSync(made, utimeOf(seconds(accessed)), utimeOf(seconds(written)));
}

/** After the owners: a new owner takes capabilities away. */
async function giveAttributes(root: string, plan: WimExtraction): Promise<void> {
  if (plan.attributedCount === 0) return;
  const all = function* (): Generator<NamedAttributes, void, undefined> {
    for (const { path, attributes } of plan.attributed()) yield { path: path === '' ? root : `${root}/${path}`, attributes };
  };
  const failed = await restoreAttributes(all());
  if (failed === 'no-program') for (const { path } of plan.attributed()) plan.leave('extended attributes', path);
  else for (const path of failed) plan.leave('extended attributes', path.slice(root.length + 1));
}

/** Last, and from the bottom up: a mode may forbid to write, and each file that is made changes its folder's time. */
function finishFolders(root: string, plan: WimExtraction): void {
  const { folders } = plan;
  for (let number = folders.length - 1; number >= 0; number--) {
    const path = plan.path(folders, number);
    const { owner, mode, accessed, written } = plan.rights(plan.node(folders, number));
    const made = path === '' ? root : `${root}/${path}`;
    if (owner) lchownSync(made, owner.uid, owner.gid);
    chmodSync(made, mode);
    utimesSync(made, utimeOf(seconds(accessed)), utimeOf(seconds(written)));
  }
}

/** Makes one thing; a name that is there already is another one's that the system does not tell apart. */
function makeOne(make: () => void, path: string): void {
  try {
    make();
  } catch (error) {
    if (isSystemError(error, 'EEXIST')) throw nameIsTaken(path);
    throw asImageError(error, `cannot make ${path}`);
  }
}

function seconds(time: bigint): number {
  return fileTimeMilliseconds(time) / 1000;
}
