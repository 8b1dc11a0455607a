import { ImageError, isImageError } from '../errors.ts';
import { defaultTarLimits } from '../formats/tar/entry.ts';
import { type WimBlob, type WimEntry, type WimReparse, wimAttributes } from '../formats/wim/wim-entry.ts';
import { wimItemTags } from '../formats/wim/wim-items.ts';
import { canceled } from '../io/concurrently.ts';
import { partsOf, whiteoutPrefix } from './layer-indexer.ts';
import { maxEntries } from './unpack-layer.ts';
import { type WimLoss, WimLosses } from './wim-losses.ts';
import { type EntryKind, type EntryToWrite, kindOf, wimMembers } from './wim-member.ts';
import { wimRecords } from './wim-records.ts';
import {
  type LinkGroups,
  mayBeLinked,
  osOf,
  type PlacedEntry,
  type TreesOfLayer,
  walkLayer,
  wholeEntry,
  type EntryTree,
} from './wim-walk.ts';
import { checkWindowsPath, foldName } from './windows.ts';

/** Blobs in the order given, each body to be read before the next, or left. Its chunks are good until the next is asked for. */
export type ReadBlobs = (blobs: Iterable<WimBlob>) => AsyncIterable<ReadBlob>;

export interface ReadBlob {
  readonly blob: WimBlob;
  readonly body: Iterable<Uint8Array> | AsyncIterable<Uint8Array>;
}

/** What the layer of a WIM's trees will be: known before any of it is made. */
export interface WimPlan extends TreesOfLayer {
  readonly os: 'windows' | 'linux';
  readonly links: LinkGroups;
  /** Members of the tar, and bytes of the files in it. */
  readonly members: number;
  readonly bytes: number;
  readonly losses: readonly WimLoss[];
}

/**
 * Goes through the trees once, and reads what their reparse points say.
 * @throws ImageError `invalid-content` for what no layer of this system can hold, or no reader of layers may be shown, with a few of the paths; `too-large` for too many entries
 */
export async function planLayer(trees: TreesOfLayer, read: ReadBlobs, signal?: AbortSignal): Promise<WimPlan> {
  const os = osOf(trees.shape);
  const plan = new Planner(os);
  const blobs = read(reparseBlobs(walkLayer(trees)))[Symbol.asyncIterator]();
  try {
    for (const placed of walkLayer(trees)) {
      if (signal?.aborted) throw canceled(signal.reason);
      const entry = wholeEntry(placed.entry);
      plan.add({ ...placed, entry }, entry.reparse && (await reparseData(entry.reparse, blobs)));
    }
  } finally {
    await blobs.return?.();
  }
  if (trees.shape === 'layer') plan.addRoot(trees.tree.root);
  return { ...trees, os, ...plan.finish() };
}

function* reparseBlobs(walk: Iterable<PlacedEntry>): Generator<WimBlob, void, undefined> {
  for (const { entry } of walk) {
    if ((entry.attributes & wimAttributes.reparsePoint) === 0) continue;
    const { reparse } = entry;
    if (reparse && reparse.data.size > 0) yield reparse.data;
  }
}

/** What a reparse point says: the next blob, where it says anything. */
export async function reparseData({ data }: WimReparse, blobs: AsyncIterator<ReadBlob, unknown>): Promise<Uint8Array> {
  return data.size === 0 ? new Uint8Array(0) : await wholeBody(blobs);
}

/** The next blob's bytes. */
async function wholeBody(blobs: AsyncIterator<ReadBlob, unknown>): Promise<Uint8Array> {
  const next = await blobs.next();
  if (next.done) throw new ImageError('internal', 'fewer blobs were read than were asked for');
  const chunks: Uint8Array[] = [];
  for await (const chunk of next.value.body) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}

/** So many paths are named in an error. */
const named = 5;
/** Bytes of extended headers before one entry, as readers of tars bound them, with room for names. */
const maxRecords = defaultTarLimits.metadata - (128 << 10);

class Planner {
  readonly #os: 'windows' | 'linux';
  readonly #losses = new WimLosses('into-image');
  readonly #refused: string[] = [];
  #refusals = 0;
  #members = 0;
  #bytes = 0;
  readonly #groups = new Map<EntryTree, { readonly once: Set<bigint>; readonly again: Set<bigint> }>();
  /** The folders that the walk is in, with the names in each as Windows compares them. */
  readonly #open: { readonly path: string; readonly keys: Set<string> }[] = [];

  constructor(os: 'windows' | 'linux') {
    this.#os = os;
  }

  add(placed: PlacedEntry, reparse: Uint8Array | undefined): void {
    const { entry, path, more = {} } = placed;
    for (const blob of [entry.reparse?.data, entry.data, ...entry.streams.map(({ data }) => data)])
      if (blob?.isMissing) throw missing(blob, path);
    const why = this.#refusal(placed);
    if (why !== undefined) {
      this.#refuse(why);
      return;
    }
    const given = { entry, path, os: this.#os, reparse, more };
    const kind = kindOf(given);
    const streams = this.#os === 'windows' ? entry.streams : [];
    if (kind.type !== 'socket') this.#members += 1 + streams.length;
    if (this.#members > maxEntries)
      throw new ImageError('too-large', `the WIM's image has more than ${maxEntries} entries: no layer may have so many`);
    if (!this.#isAgain(placed)) {
      if (kind.type === 'file') this.#bytes += entry.data?.size ?? 0;
      for (const { data } of streams) this.#bytes += data.size;
    }
    this.#count(given, kind);
  }

  #refuse(why: string): void {
    this.#refusals++;
    if (this.#refused.length < named) this.#refused.push(why);
  }

  /** A layer has no entry for its root: what it has beside a folder's is lost. */
  addRoot(root: WimEntry): void {
    this.#losses.add('root-streams', '/', root.streams.length);
  }

  /** @throws ImageError `invalid-content` where something was refused */
  finish(): Pick<WimPlan, 'links' | 'members' | 'bytes' | 'losses'> {
    const others = this.#refusals - this.#refused.length;
    if (this.#refusals > 0)
      throw new ImageError(
        'invalid-content',
        `the WIM's image cannot become a layer: ${this.#refused.join('; ')}${others > 0 ? `; and ${others} more` : ''}`,
        { hint: 'Take these files out, or rename them, and capture the folder again.' },
      );
    const links = new Map([...this.#groups].map(([tree, { again }]) => [tree, again] as const));
    return { links, members: this.#members, bytes: this.#bytes, losses: this.#losses.list() };
  }

  /** Why no layer can hold it. */
  #refusal({ entry, path }: PlacedEntry): string | undefined {
    const shown = JSON.stringify(path);
    if ((entry.attributes & wimAttributes.encrypted) !== 0) return `${shown} is encrypted by Windows, and can be read only where it was`;
    const texts = [entry.name, entry.shortName, ...entry.streams.map(({ name }) => name)];
    if (!texts.every((text) => text.isWellFormed())) return `${shown} has half of a surrogate pair in its name`;
    if (entry.name.startsWith(whiteoutPrefix)) return `${shown} would mean in a layer that something was removed`;
    try {
      partsOf(path, this.#os);
      if (this.#os === 'windows') checkWindowsEntry(entry, path);
    } catch (error) {
      if (isImageError(error)) return error.message;
      throw error;
    }
    return this.#os === 'windows' ? this.#twin(path) : undefined;
  }

  /** Two names that are one on Windows. */
  #twin(path: string): string | undefined {
    const slash = path.lastIndexOf('/');
    const folder = path.slice(0, Math.max(slash, 0));
    let top = this.#open.at(-1);
    while (top && top.path !== folder && top.path !== '' && !folder.startsWith(`${top.path}/`)) {
      this.#open.pop();
      top = this.#open.at(-1);
    }
    if (top?.path !== folder) this.#open.push((top = { path: folder, keys: new Set() }));
    const key = foldName(path.slice(slash + 1));
    if (top.keys.has(key)) return `${JSON.stringify(path)} is one name on Windows with another in its folder`;
    top.keys.add(key);
    return undefined;
  }

  /** Whether it is another name of what was there before. */
  #isAgain({ entry, path, tree }: PlacedEntry): boolean {
    if (!mayBeLinked(entry, path)) {
      if (entry.linkGroup !== 0n && path.startsWith('Hives/')) this.#losses.add('hive-links', path);
      return false;
    }
    let groups = this.#groups.get(tree);
    if (!groups) this.#groups.set(tree, (groups = { once: new Set(), again: new Set() }));
    if (!groups.once.has(entry.linkGroup)) {
      groups.once.add(entry.linkGroup);
      return false;
    }
    groups.again.add(entry.linkGroup);
    return true;
  }

  #count(given: EntryToWrite, { type, link, unix }: EntryKind): void {
    const { entry, path, os, reparse } = given;
    if (type === 'socket') this.#losses.add('sockets', path);
    if (entry.reparse && reparse && !link) this.#losses.add('reparse-points', path);
    if (link && (entry.data?.size ?? 0) > 0) this.#losses.add('link-data', path);
    if (entry.shortName !== '') this.#losses.add('short-names', path);
    if (entry.items.some(({ tag }) => tag !== wimItemTags.unixData)) this.#countItems(given);
    if (os === 'windows') return;
    this.#losses.add('linux-streams', path, entry.streams.length);
    if (entry.descriptor) this.#losses.add('descriptors', path);
    if (!unix) this.#losses.add('no-owners', path);
  }

  /** Few entries have any: only of these is the header made twice. */
  #countItems(given: EntryToWrite): void {
    const { path } = given;
    const pax = wimMembers(given)[0]?.header.pax ?? new Map<string, string>();
    let size = 0;
    for (const [keyword, value] of pax) size += keyword.length + 3 * value.length;
    if (size > maxRecords) this.#refuse(`${JSON.stringify(path)} has more attributes and items than a tar's header may hold`);
    if (pax.has(wimRecords.items)) this.#losses.add('items', path);
  }
}

function missing({ sha1 }: WimBlob, path: string): ImageError {
  return new ImageError('incomplete', `the content ${sha1} of ${JSON.stringify(path)} is in none of the files`, {
    hint: 'Is it a delta WIM? Name the file that it was made against too: bay install FILE --ref FILE',
  });
}

/** @throws ImageError `invalid-argument` for what a Windows layer cannot have */
function checkWindowsEntry({ attributes, reparse, streams }: WimEntry, path: string): void {
  checkWindowsPath(path);
  const refuse = (why: string) => new ImageError('invalid-argument', `${JSON.stringify(path)} cannot be in a Windows layer: ${why}`);
  const isFolder = (attributes & wimAttributes.directory) !== 0 && !reparse;
  if (!path.includes('/') && !isFolder) throw refuse('its roots are folders');
  for (const { name } of streams)
    if (name === '' || name.length > 255 || /[:/\\\0]/.test(name)) throw refuse(`${JSON.stringify(name)} is no name of a data stream`);
}
