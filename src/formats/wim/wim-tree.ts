import type { LookupTable } from './lookup-table.ts';
import { align8, entryFields, endOfStream, nextEntry, type MetadataBytes } from './metadata-bytes.ts';
import { wimAttributes, type WimBlob, type WimEntry, type WimItem, type WimReparse, type WimStream } from './wim-entry.ts';
import { u64 } from './wim-header.ts';
import { wimItemTags, type UnixData } from './wim-items.ts';

/**
 * The files of one image. It keeps the metadata as the file has it, and makes a node when one is visited: a tree of ten million takes the bytes of its metadata.
 * Made by `readTree` from bytes that have been checked, so nothing here fails.
 */
export class WimTree {
  readonly root: WimNode;
  /** Files and folders, without the root. */
  readonly entryCount: number;
  readonly #bytes: MetadataBytes;
  readonly #table: LookupTable;

  constructor(bytes: MetadataBytes, table: LookupTable, entryCount: number) {
    this.#bytes = bytes;
    this.#table = table;
    this.root = new WimNode(bytes, table, bytes.rootAt);
    this.entryCount = entryCount;
  }

  /** In the order of the file. None for what is no folder. */
  children(node: WimNode): Generator<WimNode, void, undefined> {
    return node.children();
  }

  /** A node of this tree again, by its own `at`. */
  at(place: number): WimNode {
    return new WimNode(this.#bytes, this.#table, place);
  }

  /** By a path of names between slashes, letter by letter; backslashes are slashes where no name has them. */
  find(path: string): WimNode | undefined {
    const exact = this.#find(path.split('/'));
    return exact ?? (path.includes('\\') ? this.#find(path.split(/[\\/]/)) : undefined);
  }

  #find(names: readonly string[]): WimNode | undefined {
    let node: WimNode | undefined = this.root;
    for (const name of names) {
      if (name === '' || name === '.') continue;
      if (!node) return undefined;
      node = node.child(name);
    }
    return node;
  }

  /** All of them but the root, folders before what is in them. `path` has slashes, none in front. */
  *walk(from: WimNode = this.root): Generator<{ readonly path: string; readonly node: WimNode }, void, undefined> {
    const open = [{ prefix: '', nodes: from.children() }];
    for (let level = open.at(-1); level; level = open.at(-1)) {
      const { done, value: node } = level.nodes.next();
      if (done) {
        open.pop();
        continue;
      }
      const path = level.prefix + node.name;
      yield { path, node };
      if (node.isFolder) open.push({ prefix: `${path}/`, nodes: node.children() });
    }
  }
}

/** One name of an image. What it says is read from the metadata when it is asked for, each time: keep what you need more than once. */
export class WimNode implements WimEntry {
  readonly #bytes: MetadataBytes;
  readonly #table: LookupTable;
  /** Where it is in the metadata: tells nodes apart. */
  readonly at: number;

  constructor(bytes: MetadataBytes, table: LookupTable, at: number) {
    this.#bytes = bytes;
    this.#table = table;
    this.at = at;
  }

  get name(): string {
    const start = this.at + entryFields.names;
    return this.#bytes.buffer.toString('utf16le', start, start + this.#u16(entryFields.nameLength));
  }

  get shortName(): string {
    const length = this.#u16(entryFields.shortNameLength);
    const name = this.#u16(entryFields.nameLength);
    const start = this.at + entryFields.names + (name === 0 ? 0 : name + 2);
    return this.#bytes.buffer.toString('utf16le', start, start + length);
  }

  get attributes(): number {
    return this.#u32(entryFields.attributes);
  }

  /** A folder with files in it; a reparse point never is one. */
  get isFolder(): boolean {
    return (this.attributes & (wimAttributes.directory | wimAttributes.reparsePoint)) === wimAttributes.directory;
  }

  get isReparsePoint(): boolean {
    return (this.attributes & wimAttributes.reparsePoint) !== 0;
  }

  get descriptor(): Uint8Array | undefined {
    return this.#bytes.descriptor(this.#u32(entryFields.securityId));
  }

  /** Equal numbers are equal descriptors; -1 where there is none. */
  get descriptorNumber(): number {
    return this.#bytes.view.getInt32(this.at + entryFields.securityId, true);
  }

  get created(): bigint {
    return this.#time(entryFields.created);
  }

  get accessed(): bigint {
    return this.#time(entryFields.accessed);
  }

  get written(): bigint {
    return this.#time(entryFields.written);
  }

  get data(): WimBlob | undefined {
    if (!this.#mayHaveData) return undefined;
    const hash = this.#unnamed(this.isReparsePoint ? 1 : 0);
    return hash === undefined ? { sha1: '', size: 0 } : this.#blob(hash);
  }

  /** The number in the lookup table of what `data` is; -1 where that has no bytes, or is in none of the files. */
  get dataRow(): number {
    return this.#mayHaveData ? this.#row(this.#unnamed(this.isReparsePoint ? 1 : 0)) : -1;
  }

  /** As `dataRow`, of what `reparse` has as its data. */
  get reparseRow(): number {
    return this.isReparsePoint ? this.#row(this.#unnamed(0)) : -1;
  }

  get streams(): readonly WimStream[] {
    const found: WimStream[] = [];
    for (const at of this.#streamEntries()) {
      const length = this.#bytes.view.getUint16(at + 36, true);
      if (length > 0) found.push({ name: this.#bytes.buffer.toString('utf16le', at + 38, at + 38 + length), data: this.#blob(at + 16) });
    }
    return found;
  }

  /** Whether it has stream entries: without them it has no named streams. */
  get hasStreams(): boolean {
    return this.#u16(entryFields.streamCount) > 0;
  }

  get reparse(): WimReparse | undefined {
    if (!this.isReparsePoint) return undefined;
    const hash = this.#unnamed(0);
    return {
      tag: this.#u32(entryFields.reparseTag),
      reserved: this.#u16(entryFields.reparseTag + 4),
      flags: this.#u16(entryFields.reparseTag + 6),
      data: hash === undefined ? { sha1: '', size: 0 } : this.#blob(hash),
    };
  }

  /** All that it has: content, streams, what its reparse point says. */
  get blobs(): WimBlob[] {
    const [data, reparse] = [this.data, this.reparse?.data];
    return [...(data ? [data] : []), ...(reparse ? [reparse] : []), ...this.streams.map(({ data: blob }) => blob)];
  }

  /** What it names and is in none of the files: one of its blobs, or what has no meaning here, as the content of a folder. */
  get missing(): WimBlob | undefined {
    const { buffer } = this.#bytes;
    const isThere = (hashAt: number) => isZeroHash(buffer, hashAt) || this.#table.find(buffer, hashAt) >= 0;
    const own = this.at + entryFields.hash;
    if (!isThere(own)) return this.#blob(own);
    for (const at of this.#streamEntries()) if (!isThere(at + 16)) return this.#blob(at + 16);
    return undefined;
  }

  get linkGroup(): bigint {
    return this.isReparsePoint ? 0n : this.#bytes.view.getBigUint64(this.at + entryFields.linkGroup, true);
  }

  get items(): readonly WimItem[] {
    const { view, buffer } = this.#bytes;
    const end = this.at + u64(view, this.at);
    const found: WimItem[] = [];
    let at = this.#itemsAt;
    while (at + 8 <= end) {
      const length = view.getUint32(at + 4, true);
      if (at + 8 + length > end) break;
      found.push({ tag: view.getUint32(at, true), data: buffer.subarray(at + 8, at + 8 + length) });
      at += align8(8 + length);
    }
    return found;
  }

  /** What wimlib keeps of a file of UNIX, as `unixDataOf(items)`; by itself, since each name of an image is asked for it. */
  get unix(): UnixData | undefined {
    const { view } = this.#bytes;
    const end = this.at + u64(view, this.at);
    for (let at = this.#itemsAt; at + 8 <= end; at += align8(8 + view.getUint32(at + 4, true))) {
      const length = view.getUint32(at + 4, true);
      if (at + 8 + length > end) return undefined;
      if (view.getUint32(at, true) !== wimItemTags.unixData) continue;
      if (length < 16) return undefined;
      const word = (number: number) => view.getUint32(at + 8 + 4 * number, true);
      return { uid: word(0), gid: word(1), mode: word(2), rdev: word(3) };
    }
    return undefined;
  }

  get unknown54(): number {
    return this.#u32(entryFields.unknown);
  }

  *children(): Generator<WimNode, void, undefined> {
    if (!this.isFolder) return;
    const { view } = this.#bytes;
    for (let at = u64(view, this.at + entryFields.children); at !== 0 && !this.#bytes.isEnd(at); at = nextEntry(view, at))
      yield new WimNode(this.#bytes, this.#table, at);
  }

  /** The child of this name, letter by letter. */
  child(name: string): WimNode | undefined {
    const wanted = Buffer.from(name, 'utf16le');
    for (const node of this.children()) {
      const start = node.at + entryFields.names;
      if (node.#u16(entryFields.nameLength) === wanted.length && wanted.compare(this.#bytes.buffer, start, start + wanted.length) === 0)
        return node;
    }
    return undefined;
  }

  get #itemsAt(): number {
    const [name, short] = [this.#u16(entryFields.nameLength), this.#u16(entryFields.shortNameLength)];
    return this.at + align8(entryFields.names + (name === 0 ? 0 : name + 2) + (short === 0 ? 0 : short + 2));
  }

  get #mayHaveData(): boolean {
    return (this.attributes & wimAttributes.directory) === 0 || (this.attributes & wimAttributes.encrypted) !== 0;
  }

  /**
   * Where the hash of an unnamed stream is: of the first, or of the second. The entry's own slot counts unless it is zero and there are others;
   * writers differ in where they put them.
   */
  #unnamed(number: 0 | 1): number | undefined {
    let count = 0;
    const own = this.at + entryFields.hash;
    if (!isZeroHash(this.#bytes.buffer, own) && count++ === number) return own;
    for (const at of this.#streamEntries()) {
      if (this.#bytes.view.getUint16(at + 36, true) > 0) continue;
      if (count++ === number) return at + 16;
    }
    return undefined;
  }

  *#streamEntries(): Generator<number, void, undefined> {
    const { view } = this.#bytes;
    let at = this.at + align8(u64(view, this.at));
    for (let left = this.#u16(entryFields.streamCount); left > 0; left--) {
      yield at;
      at = endOfStream(view, at);
    }
  }

  #row(hashAt: number | undefined): number {
    return hashAt === undefined || isZeroHash(this.#bytes.buffer, hashAt) ? -1 : this.#table.find(this.#bytes.buffer, hashAt);
  }

  #blob(hashAt: number): WimBlob {
    const { buffer } = this.#bytes;
    if (isZeroHash(buffer, hashAt)) return { sha1: '', size: 0 };
    const sha1 = buffer.toString('hex', hashAt, hashAt + 20);
    const number = this.#table.find(buffer, hashAt);
    return number < 0 ? { sha1, size: 0, isMissing: true } : { sha1, size: this.#table.size(number) };
  }

  #time(field: number): bigint {
    return this.#bytes.view.getBigUint64(this.at + field, true);
  }

  #u32(field: number): number {
    return this.#bytes.view.getUint32(this.at + field, true);
  }

  #u16(field: number): number {
    return this.#bytes.view.getUint16(this.at + field, true);
  }
}

function isZeroHash(bytes: Uint8Array, at: number): boolean {
  for (let place = at; place < at + 20; place++) if (bytes[place] !== 0) return false;
  return true;
}
