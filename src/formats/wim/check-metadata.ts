import { randomInt } from 'node:crypto';
import { ImageError } from '../../errors.ts';
import type { LookupTable } from './lookup-table.ts';
import { align8, endOfStream, entryFields, nextEntry, noSecurity, streamSize, type MetadataBytes } from './metadata-bytes.ts';
import { wimAttributes } from './wim-entry.ts';
import { u64 } from './wim-header.ts';
import { wimItemTags } from './wim-items.ts';
import { overLimit, type WimLimits } from './wim-limits.ts';

/** A folder whose children are being looked at. */
interface Folder {
  /** Its own entry. */
  readonly at: number;
  readonly firstChild: number;
  next: number;
  count: number;
  /** UTF-16 units of its path. */
  readonly pathLength: number;
}

/**
 * Looks at every entry once, so that whoever reads them later need not: lengths, names, places of children, streams, descriptors.
 * @param where what errors call the metadata
 * @returns the number of entries without the root
 * @throws ImageError `invalid-content`, `too-large`
 */
export function checkMetadata(bytes: MetadataBytes, table: LookupTable, where: string, limits: WimLimits): number {
  return new Check(bytes, table, where, limits).run();
}

class Check {
  readonly #bytes: MetadataBytes;
  readonly #view: DataView;
  readonly #table: LookupTable;
  readonly #where: string;
  readonly #limits: WimLimits;
  readonly #open: Folder[] = [];
  /** A bit for each place where an entry can begin: 1 where one was seen. */
  readonly #seen: Uint8Array;
  #count = 0;
  readonly #seed = randomInt(2 ** 31);

  constructor(bytes: MetadataBytes, table: LookupTable, where: string, limits: WimLimits) {
    this.#bytes = bytes;
    this.#view = bytes.view;
    this.#table = table;
    this.#where = where;
    this.#limits = limits;
    this.#seen = new Uint8Array(Math.ceil(bytes.buffer.length / 64));
  }

  run(): number {
    const { rootAt } = this.#bytes;
    this.#requireRoom(rootAt);
    if (this.#bytes.isEnd(rootAt)) throw this.#refuse(rootAt, 'there is no root');
    this.#entry(rootAt, true);
    const attributes = this.#attributes(rootAt);
    if ((attributes & wimAttributes.directory) === 0 || (attributes & wimAttributes.reparsePoint) !== 0)
      throw this.#refuse(rootAt, 'the root is a file, expected a folder');
    this.#enter(rootAt, 0);
    for (let folder = this.#open.at(-1); folder; folder = this.#open.at(-1)) {
      const at = folder.next;
      this.#requireRoom(at);
      if (this.#bytes.isEnd(at)) {
        this.#requireDistinct(folder);
        this.#open.pop();
        continue;
      }
      folder.next = this.#entry(at, false);
      folder.count++;
      if (++this.#count > this.#limits.entries) throw overLimit('entries', this.#limits, `${this.#where}: more entries`);
      const length = folder.pathLength + 1 + this.#view.getUint16(at + entryFields.nameLength, true) / 2;
      if (length - 1 > this.#limits.path) throw overLimit('path', this.#limits, `${this.#where}: a path of ${length - 1} characters`);
      if ((this.#attributes(at) & (wimAttributes.directory | wimAttributes.reparsePoint)) === wimAttributes.directory)
        this.#enter(at, length);
    }
    return this.#count;
  }

  #enter(at: number, pathLength: number): void {
    const children = u64(this.#view, at + entryFields.children);
    if (children === 0) return;
    const shown = () => JSON.stringify(this.#pathOf(at));
    if (children < this.#bytes.rootAt || children % 8 !== 0 || children + 8 > this.#bytes.buffer.length)
      throw this.#refuse(
        at,
        `the children of ${shown()} are at ${children}, outside of [${this.#bytes.rootAt}, ${this.#bytes.buffer.length})`,
      );
    if (!this.#bytes.isEnd(children) && this.#isSeen(children))
      throw this.#refuse(at, `a cycle: the children of ${shown()} are at ${children}, which another folder has`);
    if (this.#open.length >= this.#limits.depth)
      throw overLimit('depth', this.#limits, `${this.#where}: ${shown()} is ${this.#open.length + 1} folders deep`);
    this.#open.push({ at, firstChild: children, next: children, count: 0, pathLength });
  }

  /** @returns where the next one begins */
  #entry(at: number, isRoot: boolean): number {
    const view = this.#view;
    const size = this.#bytes.buffer.length;
    if (this.#isSeen(at)) throw this.#refuse(at, `a cycle: the folder ${JSON.stringify(this.#pathOf())} has an entry that another one has`);
    this.#seen[at >>> 6] = (this.#seen[at >>> 6] as number) | (1 << ((at >>> 3) & 7));
    const length = u64(view, at);
    if (length < entryFields.names || at + length > size)
      throw this.#refuse(at, `its length is ${length}, expected ${entryFields.names} to ${size - at}`);
    const name = view.getUint16(at + entryFields.nameLength, true);
    const short = view.getUint16(at + entryFields.shortNameLength, true);
    if (name % 2 !== 0 || short % 2 !== 0) throw this.#refuse(at, `a name of ${name % 2 === 0 ? short : name} bytes, which is odd`);
    const names = entryFields.names + (name === 0 ? 0 : name + 2) + short;
    // Some writers do not count the zero behind the last name.
    if (names - (short === 0 && name > 0 ? 2 : 0) > length)
      throw this.#refuse(at, `its names of ${name} and ${short} bytes exceed its length of ${length}`);
    if (!isRoot) this.#name(at, name);
    else if (name > 0 || short > 0) throw this.#refuse(at, 'the root has a name');
    const security = view.getUint32(at + entryFields.securityId, true);
    if (security !== noSecurity && security >= this.#bytes.descriptorCount)
      throw this.#refuse(at, `security id ${security}, but there are ${this.#bytes.descriptorCount} descriptors`);
    const attributes = this.#attributes(at);
    let reparse = attributes & wimAttributes.reparsePoint ? this.#size(at + entryFields.hash) : 0;
    const streams = view.getUint16(at + entryFields.streamCount, true);
    if (streams > this.#limits.streams)
      throw overLimit('streams', this.#limits, `${this.#where}: ${JSON.stringify(this.#pathOf(at))} has ${streams} streams`);
    let next = at + align8(length);
    for (let stream = 0; stream < streams; stream++) {
      if (next + streamSize > size) throw this.#refuse(at, `its stream ${stream + 1} of ${streams} is outside of the metadata`);
      const own = u64(view, next);
      const streamName = view.getUint16(next + streamSize - 2, true);
      if (own < streamSize + streamName || next + own > size || streamName % 2 !== 0)
        throw this.#refuse(at, `its stream ${stream + 1} of ${streams} has a length of ${own}, and a name of ${streamName} bytes`);
      if (streamName > 0 && this.#hasUnit(next + streamSize, streamName, (unit) => unit === 0 || unit === 0x2f || unit === 0x5c))
        throw this.#refuse(at, `an illegal name of a stream of ${JSON.stringify(this.#pathOf(at))}`);
      if (streamName === 0 && reparse === 0 && attributes & wimAttributes.reparsePoint) reparse = this.#size(next + 16);
      next = endOfStream(view, next);
    }
    if (reparse > this.#limits.reparse)
      throw overLimit(
        'reparse',
        this.#limits,
        `${this.#where}: the reparse point ${JSON.stringify(this.#pathOf(at))} has ${reparse} bytes`,
      );
    return next;
  }

  #size(hashAt: number): number {
    const number = this.#table.find(this.#bytes.buffer, hashAt);
    return number < 0 ? 0 : this.#table.size(number);
  }

  #name(at: number, length: number): void {
    const start = at + entryFields.names;
    const illegal = () => this.#refuse(at, `an illegal name in ${JSON.stringify(this.#pathOf())}: ${JSON.stringify(this.#nameOf(at))}`);
    if (length === 0) throw illegal();
    const view = this.#view;
    if (length <= 4 && view.getUint16(start, true) === 0x2e && (length === 2 || view.getUint16(start + 2, true) === 0x2e)) throw illegal();
    if (this.#hasUnit(start, length, (unit) => unit === 0 || unit === 0x2f)) throw illegal();
    // A file of UNIX may be called so.
    if (this.#hasUnit(start, length, (unit) => unit === 0x5c) && !this.#hasUnixData(at)) throw illegal();
  }

  #hasUnit(start: number, length: number, test: (unit: number) => boolean): boolean {
    for (let at = start; at < start + length; at += 2) if (test(this.#view.getUint16(at, true))) return true;
    return false;
  }

  #hasUnixData(at: number): boolean {
    const view = this.#view;
    const end = at + u64(view, at);
    const [name, short] = [view.getUint16(at + entryFields.nameLength, true), view.getUint16(at + entryFields.shortNameLength, true)];
    let item = at + align8(entryFields.names + (name === 0 ? 0 : name + 2) + (short === 0 ? 0 : short + 2));
    for (; item + 8 <= end; item += align8(8 + view.getUint32(item + 4, true)))
      if (view.getUint32(item, true) === wimItemTags.unixData) return true;
    return false;
  }

  /** No two children of one name: their hashes are compared, and their names where those are equal. */
  #requireDistinct({ firstChild, count }: Folder): void {
    if (count < 2) return;
    const hashes = new Float64Array(count);
    let at = firstChild;
    for (let child = 0; child < count; child++) {
      hashes[child] = this.#hash(at);
      at = nextEntry(this.#view, at);
    }
    hashes.sort();
    const twice = new Set<number>();
    for (let child = 1; child < count; child++) if (hashes[child] === hashes[child - 1]) twice.add(hashes[child] as number);
    if (twice.size === 0) return;
    const names = new Set<string>();
    at = firstChild;
    for (let child = 0; child < count; child++) {
      const name = twice.has(this.#hash(at)) ? this.#nameOf(at) : undefined;
      if (name !== undefined && names.has(name))
        throw this.#refuse(at, `two entries in ${JSON.stringify(this.#pathOf())} are called ${JSON.stringify(name)}`);
      if (name !== undefined) names.add(name);
      at = nextEntry(this.#view, at);
    }
  }

  #hash(at: number): number {
    const start = at + entryFields.names;
    const end = start + this.#view.getUint16(at + entryFields.nameLength, true);
    let [one, other] = [this.#seed, ~this.#seed];
    for (let place = start; place < end; place += 2) {
      const unit = this.#view.getUint16(place, true);
      one = Math.imul(one ^ unit, 0x01000193);
      other = Math.imul(other + unit, 0x5bd1e995) ^ (other >>> 15);
    }
    return (one >>> 0) * 2 ** 20 + ((other >>> 0) & 0xfffff);
  }

  #nameOf(at: number): string {
    const start = at + entryFields.names;
    return this.#bytes.buffer.toString('utf16le', start, start + this.#view.getUint16(at + entryFields.nameLength, true));
  }

  /** `/a/b` for the folder that is open, or for an entry in it. */
  #pathOf(at?: number): string {
    const inside = this.#open.slice(1).map((folder) => this.#nameOf(folder.at));
    if (at !== undefined && at !== this.#bytes.rootAt) inside.push(this.#nameOf(at));
    const path = `/${inside.join('/')}`;
    return path.length <= 1000 ? path : `…${path.slice(-1000)}`;
  }

  #attributes(at: number): number {
    return this.#view.getUint32(at + entryFields.attributes, true);
  }

  #isSeen(at: number): boolean {
    return ((this.#seen[at >>> 6] as number) & (1 << ((at >>> 3) & 7))) !== 0;
  }

  #requireRoom(at: number): void {
    if (at + 8 > this.#bytes.buffer.length) throw this.#refuse(at, `outside of the metadata's ${this.#bytes.buffer.length} bytes`);
  }

  #refuse(at: number, why: string): ImageError {
    return new ImageError('invalid-content', `${this.#where}: directory entry at ${at}: ${why}`);
  }
}
