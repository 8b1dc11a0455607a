/** Writes the metadata of one image: its security descriptors, and its folders and files with what they are and which blobs they have. */

import { ImageError } from '../../errors.ts';
import type { BlobTable } from './blob-table.ts';
import { MetadataSpool } from './metadata-spool.ts';
import type { NewWimContent, NewWimEntry } from './new-wim.ts';
import { wimAttributes } from './wim-entry.ts';
import { wimItemTags } from './wim-items.ts';

/** Content that an image needs: how large it is, and where in the metadata its SHA-1 belongs. */
export interface WantedContent {
  /** Until it is found. */
  content: NewWimContent | undefined;
  readonly size: number;
  readonly writer: MetadataWriter;
  /** Once for each stream of each name that has it, until it is found. */
  places: readonly number[];
  /** Its row in the table; -1 until it is found. */
  row: number;
}

/** What the XML says of an image, counted as its metadata was written. */
export interface MetadataCounts {
  /** The root too. */
  folders: number;
  /** Names of everything else. */
  files: number;
  /** Of all streams of all names. */
  bytes: number;
  /** Of these, those of second and later names of a file. */
  linkedBytes: number;
}

interface Folder {
  readonly children: NewWimEntry['children'];
  /** Where the offset of its children belongs. */
  readonly at: number;
  readonly path: string;
  readonly depth: number;
}

interface LinkGroup {
  /** Where the first name's number belongs; it gets one when there is a second. */
  readonly at: number;
  number: number;
  readonly contents: readonly (WantedContent | undefined)[];
}

const fixedSize = 102;
/** Readers of ours and others refuse deeper trees. */
const maxDepth = 1024;
const maxUnits = 32_767;
/** Contents are handed over when they are so many, or have so many bytes together. */
const batchCount = 128;
const batchBytes = 4 << 20;

export class MetadataWriter implements Disposable {
  readonly counts: MetadataCounts = { folders: 0, files: 0, bytes: 0, linkedBytes: 0 };
  readonly #spool: MetadataSpool;
  readonly #table: BlobTable;
  /** Where in the spool the offsets of folders' children belong, and what they are without the security data before. */
  readonly #offsets: number[] = [];
  readonly #descriptors: Uint8Array[] = [];
  readonly #descriptorNumbers = new Map<string, number>();
  readonly #links = new Map<number | bigint, LinkGroup>();
  #linkCount = 0;
  #batch: WantedContent[] = [];
  #batchBytes = 0;
  #scratch = Buffer.alloc(4096);

  /**
   * @param near where a file for large metadata may be made: what its name begins with
   * @param table of the file: told of each stream which blob it has
   */
  constructor(near: string, table: BlobTable) {
    this.#spool = new MetadataSpool(near);
    this.#table = table;
  }

  /**
   * Takes all entries, each folder's together, and yields the contents that they have on the way. For each of these `found` must be called before `finish`.
   * @throws ImageError `invalid-argument` for what no WIM can hold, naming the path
   */
  async *walk(root: NewWimEntry): AsyncGenerator<WantedContent[], void, undefined> {
    const waiting: Folder[] = [];
    if ((root.attributes & wimAttributes.directory) === 0 || root.reparse) throw refused('/', 'the root is not a folder');
    this.#put(root, '/', 0, waiting);
    this.#spool.append(endMark);
    for (let folder = waiting.pop(); folder; folder = waiting.pop()) {
      this.#offsets.push(folder.at, this.#spool.size);
      const below: Folder[] = [];
      const names = new Set<string>();
      for await (const entry of folder.children ?? []) {
        const path = folder.path + entry.name;
        refuseName(entry, path);
        if (names.has(entry.name)) throw refused(path, 'a second entry of the same name');
        names.add(entry.name);
        this.#put(entry, path, folder.depth + 1, below);
        if (this.#batch.length >= batchCount || this.#batchBytes >= batchBytes) yield this.#taken();
      }
      this.#spool.append(endMark);
      for (const next of below.toReversed()) waiting.push(next);
    }
    if (this.#batch.length > 0) yield this.#taken();
  }

  /** Says which row of the table content that `walk` has yielded has. */
  found(wanted: WantedContent, row: number): void {
    const { places } = wanted;
    wanted.row = row;
    // Names of its file that are still to come need no more of it, and there may be many such files.
    wanted.content = undefined;
    wanted.places = [];
    for (const place of places) this.#setHash(place, row);
  }

  #setHash(place: number, row: number): void {
    this.#spool.patch(place, this.#table.sha1(row));
    this.#table.refer(row);
  }

  /** The parts of the metadata resource, one behind the other. */
  finish(): readonly NewWimContent[] {
    const security = this.#security();
    const number = Buffer.alloc(8);
    for (let i = 0; i < this.#offsets.length; i += 2) {
      number.writeBigUInt64LE(BigInt(this.#offsets[i + 1]! + security.length));
      this.#spool.patch(this.#offsets[i]!, number);
    }
    return [{ bytes: security }, this.#spool.content()];
  }

  [Symbol.dispose](): void {
    this.#spool[Symbol.dispose]();
  }

  #taken(): WantedContent[] {
    const batch = this.#batch;
    this.#batch = [];
    this.#batchBytes = 0;
    return batch;
  }

  #put(entry: NewWimEntry, path: string, depth: number, folders: Folder[]): void {
    const isReparse = (entry.attributes & wimAttributes.reparsePoint) !== 0;
    const isFolder = (entry.attributes & wimAttributes.directory) !== 0;
    const { reparse, streams = [], items = [], shortName = '' } = entry;
    if (isReparse !== (reparse !== undefined)) throw refused(path, 'its attributes do not agree with its being a reparse point');
    if (isFolder && entry.content) throw refused(path, 'a folder with content');
    if (depth > maxDepth) throw refused(path, `more than ${maxDepth} folders in one another`);
    if (streams.length > 60_000) throw refused(path, `${streams.length} named streams`);
    const group = !isReparse && !isFolder && entry.linkId !== undefined ? this.#links.get(entry.linkId) : undefined;

    // Streams without a name stand in the entry itself where there is one, and no other stream.
    const unnamed = [...(reparse ? [{ bytes: reparse.data }] : []), ...(isFolder ? [] : [entry.content])];
    const isInside = unnamed.length <= 1 && streams.length === 0;
    const named = [...(isInside ? [] : unnamed.map((content) => ({ name: '', content }))), ...streams];
    const nameSize = entry.name === '' ? 0 : 2 * entry.name.length + 2;
    const shortSize = shortName === '' ? 0 : 2 * shortName.length + 2;
    const fixed = aligned(fixedSize + nameSize + shortSize);
    const length = fixed + items.reduce((sum, { data }) => sum + 8 + aligned(data.length), 0);
    const size = named.reduce((sum, { name }) => sum + aligned(38 + (name === '' ? 0 : 2 * name.length + 2)), length);
    if (size > 1 << 20) throw refused(path, 'its items or the names of its streams take more than 1 MiB');

    if (this.#scratch.length < size) this.#scratch = Buffer.alloc(2 * size);
    const bytes = this.#scratch.subarray(0, size).fill(0);
    bytes.writeUInt32LE(length, 0);
    bytes.writeUInt32LE(entry.attributes >>> 0, 0x08);
    bytes.writeInt32LE(entry.descriptor ? this.#descriptor(entry.descriptor, path) : -1, 0x0c);
    bytes.writeBigUInt64LE(BigInt.asUintN(64, entry.created), 0x28);
    bytes.writeBigUInt64LE(BigInt.asUintN(64, entry.accessed), 0x30);
    bytes.writeBigUInt64LE(BigInt.asUintN(64, entry.written), 0x38);
    bytes.writeUInt32LE((entry.unknown54 ?? 0) >>> 0, 0x54);
    if (reparse) {
      bytes.writeUInt32LE(reparse.tag >>> 0, 0x58);
      bytes.writeUInt16LE(reparse.reserved, 0x5c);
      bytes.writeUInt16LE(reparse.flags, 0x5e);
    } else if (group) {
      if (group.number === 0) {
        group.number = ++this.#linkCount;
        this.#spool.patch(group.at, linkNumber(group.number));
      }
      bytes.set(linkNumber(group.number), 0x58);
    }
    bytes.writeUInt16LE(named.length, 0x60);
    bytes.writeUInt16LE(Math.max(0, shortSize - 2), 0x62);
    bytes.writeUInt16LE(Math.max(0, nameSize - 2), 0x64);
    bytes.write(entry.name, fixedSize, 'utf16le');
    bytes.write(shortName, fixedSize + nameSize, 'utf16le');
    let at = fixed;
    for (const { tag, data } of items) {
      bytes.writeUInt32LE(tag >>> 0, at);
      bytes.writeUInt32LE(data.length, at + 4);
      bytes.set(data, at + 8);
      at += 8 + aligned(data.length);
    }
    const hashes = isInside ? [0x40] : [];
    for (const { name } of named) {
      const named = name === '' ? 0 : 2 * name.length + 2;
      bytes.writeUInt32LE(aligned(38 + named), at);
      hashes.push(at + 0x10);
      bytes.writeUInt16LE(Math.max(0, named - 2), at + 0x24);
      bytes.write(name, at + 0x26, 'utf16le');
      at += aligned(38 + named);
    }
    const start = this.#spool.append(bytes);

    const contents = isInside ? unnamed : named.map(({ content }) => content);
    const wanted = contents.map((content, i) => this.#want(content, group?.contents[i], start + hashes[i]!));
    if (group) this.counts.linkedBytes += wanted.reduce((sum, one) => sum + (one?.size ?? 0), 0);
    else if (entry.linkId !== undefined && !isReparse && !isFolder)
      this.#links.set(entry.linkId, { at: start + 0x58, number: 0, contents: wanted });
    if (isFolder && !isReparse) {
      this.counts.folders++;
      folders.push({ children: entry.children, at: start + 0x10, path: depth === 0 ? '/' : `${path}/`, depth });
    } else this.counts.files++;
  }

  #want(content: NewWimContent | undefined, known: WantedContent | undefined, place: number): WantedContent | undefined {
    const size = content === undefined ? 0 : 'bytes' in content ? content.bytes.length : content.size;
    if (content === undefined || size === 0) return undefined;
    this.counts.bytes += size;
    if (known?.size === size) {
      if (known.row === -1) known.places = [...known.places, place];
      else this.#setHash(place, known.row);
      return known;
    }
    const wanted: WantedContent = { content, size, writer: this, places: [place], row: -1 };
    this.#batch.push(wanted);
    this.#batchBytes += size;
    return wanted;
  }

  #descriptor(descriptor: Uint8Array, path: string): number {
    const key = Buffer.from(descriptor.buffer, descriptor.byteOffset, descriptor.length).toString('latin1');
    const known = this.#descriptorNumbers.get(key);
    if (known !== undefined) return known;
    if (descriptor.length > 65_535) throw refused(path, `a security descriptor of ${descriptor.length} bytes`);
    this.#descriptorNumbers.set(key, this.#descriptors.length);
    return this.#descriptors.push(Uint8Array.from(descriptor)) - 1;
  }

  /** Their total, their number, the size of each, themselves, and padding. */
  #security(): Buffer {
    const count = this.#descriptors.length;
    const head = Buffer.alloc(8 + 8 * count);
    const size = this.#descriptors.reduce((sum, { length }) => sum + length, head.length);
    head.writeUInt32LE(aligned(size), 0);
    head.writeUInt32LE(count, 4);
    this.#descriptors.forEach(({ length }, i) => head.writeUInt32LE(length, 8 + 8 * i));
    return Buffer.concat([head, ...this.#descriptors, Buffer.alloc(aligned(size) - size)]);
  }
}

const endMark = Buffer.alloc(8);

function aligned(size: number): number {
  return (size + 7) & ~7;
}

function linkNumber(number: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(number));
  return bytes;
}

/** Backslashes are letters of names on UNIX, and only there. */
function refuseName({ name, shortName = '', items = [] }: NewWimEntry, path: string): void {
  if (name === '') throw refused(path, 'an entry without a name');
  if (name === '.' || name === '..' || /[/\0]/.test(name)) throw refused(path, `${JSON.stringify(name)} is no name`);
  if (name.includes('\\') && !items.some(({ tag }) => tag === wimItemTags.unixData))
    throw refused(path, `${JSON.stringify(name)} has a backslash, which Windows takes for the end of a folder's name`);
  if (name.length > maxUnits - 1 || shortName.length > 12) throw refused(path, 'a name is too long');
}

function refused(path: string, why: string): ImageError {
  return new ImageError('invalid-argument', `cannot put ${path} into a WIM: ${why}`, { detail: { path } });
}
