import { randomInt } from 'node:crypto';
import { ImageError } from '../../errors.ts';
import type { WimFile } from './wim-file.ts';
import { parseResourceHeader, resourceFlags, u64, wimHeaderSize, type ResourceHeader } from './wim-header.ts';
import { overLimit, type WimLimits } from './wim-limits.ts';
import { chunkEntrySize, readFully, readSolidResource, type WimPlace, type WimResource } from './wim-resource.ts';

const rowSize = 50;
const hashAt = 0x1e;

/** The size that a solid resource's row has: the real one stands in the resource. */
const solidResourceSize = 2 ** 32;

/** More than so many to one, over so many bytes, is worth a word. */
const oddRatio = 1000;
const oddBytes = 2 ** 30;

/** The metadata of one image. */
export interface MetadataPlace extends WimPlace {
  readonly sha1: string;
  readonly size: number;
}

/** The rows of one file. They are numbered on from those of the file before. */
interface FileTable {
  readonly file: WimFile;
  /** Which of the open files. */
  readonly index: number;
  readonly first: number;
  readonly end: number;
  readonly rows: Buffer;
  readonly view: DataView;
  readonly runs: readonly SolidRun[];
}

/** Rows that follow each other and are blobs in the same solid resources. */
interface SolidRun {
  readonly firstRow: number;
  readonly endRow: number;
  readonly resources: readonly WimResource[];
  /** Where each resource begins in what all of them unpack to together. */
  readonly starts: Float64Array;
}

/** Writers make one for a set of files that they add together. */
const maxSolidResources = 100_000;

/**
 * What blobs there are, over all parts of a WIM and the files it relies on. Rows are kept as they stand in the files, with an index over their hashes:
 * a table of twenty million takes a gigabyte so, and would take four as objects.
 */
export class LookupTable {
  readonly #tables: FileTable[] = [];
  readonly #limits: WimLimits;
  /** Row number + 1 at the place that its hash says, or the next free one. */
  #index = new Uint32Array(64);
  #count = 0;
  #solidResources = 0;
  #solidChunks = 0;
  /** Whoever makes a file cannot know where its hashes will go. */
  readonly #seeds = Array.from({ length: 5 }, () => randomInt(2 ** 31) * 2 + 1);
  /** What is odd and harms nobody. */
  readonly warnings: string[] = [];

  constructor(limits: WimLimits) {
    this.#limits = limits;
  }

  /**
   * Adds the table of one file, after having checked it.
   * @param index which of the open files it is
   * @returns the metadata that the file has, in the order of its images
   * @throws ImageError `invalid-content`, `too-large`
   */
  add(file: WimFile, index: number): MetadataPlace[] {
    const { lookupTable, imageCount } = file.header;
    const refuse = (why: string) => new ImageError('invalid-content', `${file.path}: lookup table: ${why}`);
    requireInside(lookupTable, file, 'lookup table');
    if (lookupTable.flags & (resourceFlags.compressed | resourceFlags.solid) || lookupTable.packedSize !== lookupTable.size)
      throw refuse('it is compressed, which no reader expects');
    const count = lookupTable.size / rowSize;
    if (!Number.isInteger(count)) throw refuse(`its size ${lookupTable.size} is not a multiple of ${rowSize}`);
    const first = this.#tables.at(-1)?.end ?? 0;
    if (first + count > this.#limits.blobs) throw overLimit('blobs', this.#limits, `${file.path}: lookup table: ${first + count} rows`);
    const rows = readFully(file, lookupTable.offset, lookupTable.size);
    const view = new DataView(rows.buffer, rows.byteOffset, rows.length);
    const table: FileTable = { file, index, first, end: first + count, rows, view, runs: this.#solidRuns(view, count, file, index) };
    this.#tables.push(table);
    this.#reserve(this.#count + count);

    const metadata: MetadataPlace[] = [];
    let total = 0;
    for (let row = 0; row < count; row++) {
      const at = row * rowSize;
      const where = () => `row ${row} at ${lookupTable.offset + at}`;
      const header = parseResourceHeader(view, at, (why) => refuse(`${where()}: ${why}`));
      const inSolid = isSolid(file, header.flags);
      if (header.flags & resourceFlags.metadata) {
        const references = view.getUint32(at + 0x1a, true);
        if (references === 0 || view.getUint16(at + 0x18, true) !== file.header.part) continue;
        const image = metadata.length + 1;
        if (image > imageCount) throw refuse(`${where()}: metadata of image ${image}, but the header says ${imageCount} images`);
        if (references !== 1)
          throw refuse(`${where()}: metadata of image ${image} is shared: its reference count is ${references}, expected 1`);
        if (inSolid) throw refuse(`${where()}: metadata of image ${image} is in a solid resource`);
        requirePossible(header, file, `metadata of image ${image}`);
        metadata.push({ resource: plainResource(header, table), from: 0, sha1: hashText(rows, at + hashAt), size: header.size });
        continue;
      }
      if (isZero(rows, at + hashAt) || view.getUint16(at + 0x18, true) !== file.header.part) continue;
      if (inSolid) {
        if (header.size === solidResourceSize || header.packedSize === 0) continue;
        if (!placeInRun(table, row))
          throw refuse(
            `blob ${hashText(rows, at + hashAt)}: bytes ${header.offset} to ${header.offset + header.packedSize} are not within one of its solid resources`,
          );
        total += header.packedSize;
      } else {
        if (header.size === 0) continue;
        requirePossible(header, file, `blob ${hashText(rows, at + hashAt)}`);
        total += header.size;
      }
      this.#insert(table, row);
    }
    this.#requireApart(table);
    if (total > oddBytes && total > file.size * oddRatio) this.warnings.push(`${file.path}: ${file.size} bytes unpack to ${total}`);
    return metadata;
  }

  /** The number of the row with this hash, 20 bytes at `at`; -1 where there is none. */
  find(hash: Uint8Array, at = 0): number {
    const mask = this.#index.length - 1;
    for (let place = this.#hashPlace(hash, at) & mask; ; place = (place + 1) & mask) {
      const number = (this.#index[place] as number) - 1;
      if (number < 0) return -1;
      const table = this.#tableOf(number);
      if (sameHash(table.rows, (number - table.first) * rowSize + hashAt, hash, at)) return number;
    }
  }

  /** Bytes unpacked. */
  size(number: number): number {
    const { table, at } = this.#row(number);
    const isInSolid = isSolid(table.file, table.view.getUint8(at + 7));
    return isInSolid ? packedSizeAt(table.view, at) : u64(table.view, at + 16);
  }

  sha1(number: number): string {
    const { table, at } = this.#row(number);
    return hashText(table.rows, at + hashAt);
  }

  place(number: number): WimPlace {
    const { table, at } = this.#row(number);
    // Each was found possible when its table was added.
    const header = parseResourceHeader(table.view, at, (why) => new ImageError('internal', why));
    if (isSolid(table.file, header.flags)) return placeInRun(table, number - table.first) as WimPlace;
    return { resource: plainResource(header, table), from: 0 };
  }

  /** Bytes of the largest chunk of a solid resource; 0 where there is none. */
  get solidChunkSize(): number {
    return Math.max(0, ...this.#tables.flatMap(({ runs }) => runs.flatMap(({ resources }) => resources.map(({ chunkSize }) => chunkSize))));
  }

  /** Of all files: each number of a row is smaller. */
  get rowCount(): number {
    return this.#tables.at(-1)?.end ?? 0;
  }

  /** All rows, each hash once, in the order of their places: so nothing is read or decoded twice. */
  inFileOrder(): Uint32Array {
    const numbers = new Uint32Array(this.#count);
    let count = 0;
    for (const entry of this.#index) if (entry > 0) numbers[count++] = entry - 1;
    numbers.sort();
    return this.order(numbers).map((position) => numbers[position] as number);
  }

  /** The positions of numbers of rows, sorted by the places of what the rows say. */
  order(numbers: ArrayLike<number>): Uint32Array {
    const positions = Uint32Array.from({ length: numbers.length }, (_, position) => position);
    // Most writers put rows down in the order of the blobs: then no keys are kept.
    let isSorted = true;
    for (let position = 1; position < numbers.length && isSorted; position++)
      isSorted = this.#compare(numbers[position - 1] as number, numbers[position] as number) <= 0;
    if (isSorted) return positions;
    const [files, majors, minors] = [0, 1, 2].map(() => new Float64Array(numbers.length)) as [Float64Array, Float64Array, Float64Array];
    for (let position = 0; position < numbers.length; position++) {
      const [file, major, minor] = this.#key(numbers[position] as number);
      files[position] = file;
      majors[position] = major;
      minors[position] = minor;
    }
    const by = (keys: Float64Array, a: number, b: number) => (keys[a] as number) - (keys[b] as number);
    return positions.sort((a, b) => by(files, a, b) || by(majors, a, b) || by(minors, a, b) || a - b);
  }

  #compare(a: number, b: number): number {
    const [one, other] = [this.#key(a), this.#key(b)];
    return one[0] - other[0] || one[1] - other[1] || one[2] - other[2];
  }

  /** What places are sorted by: the file, the offset of the resource, that of the blob in it. */
  #key(number: number): readonly [number, number, number] {
    const { table, at } = this.#row(number);
    if (!isSolid(table.file, table.view.getUint8(at + 7))) return [table.index, u64(table.view, at + 8), 0];
    const place = placeInRun(table, number - table.first) as WimPlace;
    return [table.index, place.resource.offset, place.from];
  }

  #row(number: number): { readonly table: FileTable; readonly at: number } {
    const table = this.#tableOf(number);
    return { table, at: (number - table.first) * rowSize };
  }

  #tableOf(number: number): FileTable {
    for (const table of this.#tables) if (number < table.end) return table;
    throw new RangeError('no such row');
  }

  #solidRuns(view: DataView, count: number, file: WimFile, index: number): SolidRun[] {
    const runs: SolidRun[] = [];
    if (file.header.version !== 0xe00) return runs;
    for (let row = 0; row < count; row++) {
      if (!isSolid(file, view.getUint8(row * rowSize + 7))) continue;
      const firstRow = row;
      const resources: WimResource[] = [];
      for (; row < count && isSolid(file, view.getUint8(row * rowSize + 7)); row++) {
        const at = row * rowSize;
        if (u64(view, at + 16) !== solidResourceSize) continue;
        const header = parseResourceHeader(view, at, (why) => new ImageError('invalid-content', `${file.path}: solid resource: ${why}`));
        requireInside(header, file, 'solid resource');
        if (++this.#solidResources > maxSolidResources)
          throw new ImageError('invalid-content', `${file.path}: lookup table: more than ${maxSolidResources} solid resources`);
        const resource = readSolidResource(file, index, header, this.#solidChunks, this.#limits);
        this.#solidChunks += (resource.bounds?.length ?? 1) - 1;
        resources.push(resource);
      }
      const starts = new Float64Array(resources.length);
      for (let number = 1; number < resources.length; number++)
        starts[number] = (starts[number - 1] as number) + (resources[number - 1] as WimResource).size;
      runs.push({ firstRow, endRow: row, resources, starts });
    }
    return runs;
  }

  #reserve(count: number): void {
    let length = this.#index.length;
    while (length < count * 1.5) length *= 2;
    if (length === this.#index.length) return;
    const before = this.#index;
    this.#index = new Uint32Array(length);
    for (const entry of before) {
      if (entry === 0) continue;
      const { table, at } = this.#row(entry - 1);
      this.#index[this.#freePlace(table.rows, at + hashAt)] = entry;
    }
  }

  #freePlace(hash: Uint8Array, at: number): number {
    const mask = this.#index.length - 1;
    let place = this.#hashPlace(hash, at) & mask;
    while (this.#index[place] !== 0) place = (place + 1) & mask;
    return place;
  }

  #insert(table: FileTable, row: number): void {
    const number = table.first + row;
    const at = row * rowSize + hashAt;
    const there = this.find(table.rows, at);
    if (there < 0) {
      this.#index[this.#freePlace(table.rows, at)] = number + 1;
      this.#count++;
      return;
    }
    const [size, other] = [this.size(number), this.size(there)];
    const sha1 = hashText(table.rows, at);
    if (size !== other)
      throw new ImageError(
        'invalid-content',
        `${table.file.path}: lookup table: blob ${sha1} is there twice, with ${other} bytes and with ${size}`,
      );
    if (this.#tableOf(there) === table) this.warnings.push(`${table.file.path}: blob ${sha1} is there twice`);
  }

  #hashPlace(hash: Uint8Array, at: number): number {
    let sum = 0;
    for (let word = 0; word < 5; word++) {
      const from = at + word * 4;
      const value =
        (hash[from] as number) |
        ((hash[from + 1] as number) << 8) |
        ((hash[from + 2] as number) << 16) |
        ((hash[from + 3] as number) << 24);
      sum = Math.imul(sum ^ value ^ (sum >>> 15), this.#seeds[word] as number);
    }
    return (sum ^ (sum >>> 13)) >>> 0;
  }

  /** Resources that share bytes would make much out of little. */
  #requireApart({ file, first, rows, view, runs }: FileTable): void {
    const all = new Uint32Array(rows.length / rowSize);
    let count = 0;
    for (let row = 0; row < all.length; row++)
      if (!isSolid(file, view.getUint8(row * rowSize + 7)) && this.find(rows, row * rowSize + hashAt) === first + row)
        all[count++] = first + row;
    const numbers = all.subarray(0, count);
    const order = this.order(numbers);
    let [end, before] = [0, -1];
    const next = (offset: number, size: number) => {
      if (offset < end && offset !== before)
        throw new ImageError('invalid-content', `${file.path}: lookup table: what lies at ${offset} overlaps with what lies at ${before}`);
      before = offset;
      end = Math.max(end, offset + size);
    };
    for (const position of order) {
      const at = ((numbers[position] as number) - first) * rowSize;
      next(u64(view, at + 8), packedSizeAt(view, at));
    }
    [end, before] = [0, -1];
    for (const { offset, packedSize } of runs.flatMap(({ resources }) => resources).sort((a, b) => a.offset - b.offset))
      next(offset, packedSize);
  }
}

function isSolid(file: WimFile, flags: number): boolean {
  return file.header.version === 0xe00 && (flags & resourceFlags.solid) !== 0;
}

function packedSizeAt(view: DataView, at: number): number {
  return view.getUint32(at, true) + view.getUint16(at + 4, true) * 2 ** 32 + view.getUint8(at + 6) * 2 ** 48;
}

function plainResource({ offset, packedSize, size, flags }: ResourceHeader, { file, index }: FileTable): WimResource {
  const isPacked = (flags & resourceFlags.compressed) !== 0;
  const { compression, chunkSize } = file.header;
  return { file: index, offset, packedSize, size, codec: isPacked ? compression : 'none', chunkSize: isPacked ? chunkSize : 0 };
}

/** Where a row of a run says that its blob is: positions go on through all resources of the run. undefined where that is in none of them. */
function placeInRun({ view, runs }: FileTable, row: number): WimPlace | undefined {
  const run = runs[lastWhere(runs.length, (number) => (runs[number] as SolidRun).firstRow <= row)];
  if (!run || row < run.firstRow || row >= run.endRow) return undefined;
  const from = u64(view, row * rowSize + 8);
  const number = lastWhere(run.starts.length, (other) => (run.starts[other] as number) <= from);
  const resource = run.resources[number];
  if (!resource) return undefined;
  const inside = from - (run.starts[number] as number);
  return inside + packedSizeAt(view, row * rowSize) <= resource.size ? { resource, from: inside } : undefined;
}

/** The last of so many, sorted ones for which it holds; the first if it holds for none. */
function lastWhere(count: number, holds: (number: number) => boolean): number {
  let low = 0;
  for (let high = count - 1; low < high;) {
    const middle = (low + high + 1) >> 1;
    if (holds(middle)) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** Resources lie between the header and the end of the file. @throws ImageError `invalid-content` */
export function requireInside({ offset, packedSize }: Pick<ResourceHeader, 'offset' | 'packedSize'>, file: WimFile, what: string): void {
  if (packedSize > 0 && (offset < wimHeaderSize || offset + packedSize > file.size))
    throw new ImageError(
      'invalid-content',
      `${file.path}: ${what} [${offset}, ${offset + packedSize}) is outside the file of ${file.size} bytes`,
    );
}

function requirePossible(header: ResourceHeader, file: WimFile, what: string): void {
  const { offset, packedSize, size, flags } = header;
  const refuse = (why: string) => new ImageError('invalid-content', `${file.path}: ${what} at ${offset}: ${why}`);
  requireInside(header, file, what);
  if (!(flags & resourceFlags.compressed)) {
    if (packedSize !== size) throw refuse(`stored as it is, but its sizes differ: ${packedSize} bytes in the file, ${size} unpacked`);
    return;
  }
  const { compression, chunkSize } = file.header;
  if (compression === 'none') throw refuse('it is compressed, but the header says that nothing is');
  const chunks = Math.ceil(size / chunkSize);
  if (packedSize < chunks + (chunks - 1) * chunkEntrySize(size))
    throw refuse(`it claims ${size} bytes from ${packedSize}, into which the table of its chunks would not fit`);
}

function isZero(bytes: Uint8Array, at: number): boolean {
  for (let place = at; place < at + 20; place++) if (bytes[place] !== 0) return false;
  return true;
}

function sameHash(one: Uint8Array, oneAt: number, other: Uint8Array, otherAt: number): boolean {
  for (let place = 0; place < 20; place++) if (one[oneAt + place] !== other[otherAt + place]) return false;
  return true;
}

function hashText(bytes: Buffer, at: number): string {
  return bytes.toString('hex', at, at + 20);
}
