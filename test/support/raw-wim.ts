/** WIM files byte by byte, right ones and wrong ones: nothing here is ours to test. Packed resources have chunks that are stored as they are, which every codec allows. */
import { createHash } from 'node:crypto';

export interface RawEntry {
  readonly name?: string;
  /** The name's bytes, where no string has them. */
  readonly nameBytes?: Buffer;
  readonly shortName?: string;
  readonly attributes?: number;
  readonly security?: number;
  readonly content?: Buffer;
  /** In place of the content's own. */
  readonly sha1?: Buffer;
  readonly linkGroup?: bigint;
  readonly reparseTag?: number;
  readonly streams?: readonly { readonly name: string; readonly content: Buffer }[];
  readonly items?: Buffer;
  readonly children?: readonly RawEntry[];
}

export interface RawMetadata {
  readonly bytes: Buffer;
  /** Where each entry is, by its path: '' is the root. */
  readonly at: ReadonlyMap<string, number>;
  readonly contents: readonly Buffer[];
}

const none = Buffer.alloc(20);
export const sha1 = (bytes: Uint8Array): Buffer => createHash('sha1').update(bytes).digest();
const padded = (bytes: Buffer): Buffer => Buffer.concat([bytes, Buffer.alloc((8 - (bytes.length % 8)) % 8)]);
const u16 = (value: number): Buffer => Buffer.from([value & 255, value >> 8]);
const named = (bytes: Buffer): Buffer => (bytes.length === 0 ? bytes : Buffer.concat([bytes, u16(0)]));
const hashOf = (content: Buffer | undefined): Buffer => (content === undefined || content.length === 0 ? none : sha1(content));

function entryBytes(entry: RawEntry): Buffer {
  const name = entry.nameBytes ?? Buffer.from(entry.name ?? '', 'utf16le');
  const short = Buffer.from(entry.shortName ?? '', 'utf16le');
  const head = Buffer.alloc(102);
  const isFolder = entry.children !== undefined;
  head.writeUInt32LE(entry.attributes ?? (isFolder ? 0x10 : 0x20), 8);
  head.writeUInt32LE(entry.security ?? 0xffffffff, 12);
  for (const at of [0x28, 0x30, 0x38]) head.writeBigUInt64LE(133_000_000_000_000_000n, at);
  const streams = entry.streams ?? [];
  const own = entry.sha1 ?? hashOf(entry.content);
  if (streams.length === 0) own.copy(head, 0x40);
  if (entry.reparseTag === undefined) head.writeBigUInt64LE(entry.linkGroup ?? 0n, 0x58);
  else head.writeUInt32LE(entry.reparseTag, 0x58);
  const all =
    streams.length === 0
      ? []
      : [{ name: '', hash: own }, ...streams.map((stream) => ({ name: stream.name, hash: hashOf(stream.content) }))];
  head.writeUInt16LE(all.length, 0x60);
  head.writeUInt16LE(short.length, 0x62);
  head.writeUInt16LE(name.length, 0x64);
  const body = Buffer.concat([padded(Buffer.concat([head, named(name), named(short)])), padded(entry.items ?? Buffer.alloc(0))]);
  body.writeBigUInt64LE(BigInt(body.length), 0);
  return Buffer.concat([
    body,
    ...all.map((stream) => {
      const bytes = Buffer.from(stream.name, 'utf16le');
      const made = padded(Buffer.concat([Buffer.alloc(16), stream.hash, u16(bytes.length), named(bytes)]));
      made.writeBigUInt64LE(BigInt(made.length), 0);
      return made;
    }),
  ]);
}

/** The metadata of an image with these children in its root. */
export function rawMetadata(children: readonly RawEntry[], descriptors: readonly Buffer[] = [], root: RawEntry = {}): RawMetadata {
  const sizes = Buffer.concat(
    descriptors.map(({ length }) => {
      const size = Buffer.alloc(8);
      size.writeBigUInt64LE(BigInt(length));
      return size;
    }),
  );
  const security = padded(Buffer.concat([Buffer.alloc(8), sizes, ...descriptors]));
  security.writeUInt32LE(security.length, 0);
  security.writeUInt32LE(descriptors.length, 4);
  const pieces: Buffer[] = [security];
  let length = security.length;
  const add = (bytes: Buffer): Buffer => {
    pieces.push(bytes);
    length += bytes.length;
    return bytes;
  };
  const at = new Map<string, number>();
  const contents: Buffer[] = [];
  const collect = (entry: RawEntry) => {
    for (const content of [entry.content, ...(entry.streams ?? []).map((stream) => stream.content)])
      if (content && content.length > 0) contents.push(content);
  };
  at.set('', length);
  collect(root);
  const waiting = [{ path: '', bytes: add(entryBytes({ ...root, children })), children }];
  add(Buffer.alloc(8));
  for (let folder = waiting.shift(); folder; folder = waiting.shift()) {
    folder.bytes.writeBigUInt64LE(BigInt(length), 16);
    for (const child of folder.children) {
      const path = folder.path === '' ? (child.name ?? '') : `${folder.path}/${child.name}`;
      at.set(path, length);
      collect(child);
      const bytes = add(entryBytes(child));
      if (child.children && ((child.attributes ?? 0) & 0x400) === 0) waiting.push({ path, bytes, children: child.children });
    }
    add(Buffer.alloc(8));
  }
  return { bytes: Buffer.concat(pieces), at, contents };
}

export interface RawResource {
  readonly content: Buffer;
  /** What stands in the file. Default: the content as it is. */
  readonly packed?: Buffer;
  readonly flags?: number;
  /** What the lookup table says that it unpacks to. */
  readonly size?: number | bigint;
  readonly sha1?: Buffer;
  readonly references?: number;
}

export interface RawWim {
  readonly version?: number;
  readonly flags?: number;
  readonly chunkSize?: number;
  readonly guid?: Buffer;
  readonly part?: number;
  readonly parts?: number;
  readonly images?: readonly (Buffer | RawResource)[];
  readonly blobs?: readonly RawResource[];
  /** Rows of the lookup table that are added as they are. */
  readonly rows?: readonly Buffer[];
  /** The XML's bytes, or its text without the mark. */
  readonly xml?: Buffer | string;
  /** Bytes between the resources and the table, which no row is made for. */
  readonly gap?: Buffer;
  /** Of pieces of so many bytes. */
  readonly integrity?: number;
}

export interface RawWimFile {
  readonly file: Buffer;
  /** Where the lookup table, the XML, the integrity table and each resource begin: metadata first, then blobs. */
  readonly tableAt: number;
  readonly xmlAt: number;
  readonly integrityAt: number;
  readonly resourcesAt: readonly number[];
}

/** 24 bytes. */
export function rawResourceHeader(packed: number, flags: number, offset: number, size: number | bigint): Buffer {
  const header = Buffer.alloc(24);
  header.writeUIntLE(packed, 0, 6);
  header.writeUInt8(flags, 7);
  header.writeBigUInt64LE(BigInt(offset), 8);
  header.writeBigUInt64LE(BigInt(size), 16);
  return header;
}

export function rawRow(header: Buffer, hash: Buffer, { part = 1, references = 1 } = {}): Buffer {
  const rest = Buffer.alloc(6);
  rest.writeUInt16LE(part, 0);
  rest.writeUInt32LE(references, 2);
  return Buffer.concat([header, rest, hash]);
}

/** A packed resource whose chunks are stored as they are, with their table in front. */
export function storedChunks(content: Buffer, chunkSize = 32_768): RawResource {
  const count = Math.ceil(content.length / chunkSize);
  const table = Buffer.alloc((count - 1) * 4);
  for (let chunk = 1; chunk < count; chunk++) table.writeUInt32LE(chunk * chunkSize, (chunk - 1) * 4);
  return { content, packed: Buffer.concat([table, content]), flags: 4 };
}

/** A solid resource: its header, its table, chunks that are stored as they are. */
export function solidResource(content: Buffer, { chunkSize = 32_768, codec = 2, size = BigInt(content.length) } = {}): Buffer {
  const count = Math.ceil(content.length / Math.max(chunkSize, 4096));
  const head = Buffer.alloc(16 + count * 4);
  head.writeBigUInt64LE(size, 0);
  head.writeUInt32LE(chunkSize, 8);
  head.writeUInt32LE(codec, 12);
  for (let chunk = 0; chunk < count; chunk++) head.writeUInt32LE(Math.min(chunkSize, content.length - chunk * chunkSize), 16 + chunk * 4);
  return Buffer.concat([head, content]);
}

export function utf16(text: string): Buffer {
  return Buffer.from(`\ufeff${text}`, 'utf16le');
}

export function rawWim(wim: RawWim): RawWimFile {
  const { version = 0x10d00, flags = 0, chunkSize = 0, part = 1, parts = 1, images = [], blobs = [], rows = [] } = wim;
  const pieces: Buffer[] = [Buffer.alloc(208)];
  let length = 208;
  const add = (bytes: Buffer): number => {
    pieces.push(bytes);
    length += bytes.length;
    return length - bytes.length;
  };
  const resourcesAt: number[] = [];
  const all = [
    ...images.map((image) => ({ ...(Buffer.isBuffer(image) ? { content: image } : image), isMetadata: true })),
    ...blobs.map((blob) => ({ ...blob, isMetadata: false })),
  ];
  const table = all.map(
    ({ content, packed = content, flags: own = 0, size = content.length, sha1: hash = sha1(content), references = 1, isMetadata }) => {
      const offset = add(packed);
      resourcesAt.push(offset);
      return rawRow(rawResourceHeader(packed.length, own | (isMetadata ? 2 : 0), offset, size), hash, { part, references });
    },
  );
  add(wim.gap ?? Buffer.alloc(0));
  const rowBytes = Buffer.concat([...table, ...rows]);
  const tableAt = add(rowBytes);
  const text = `<WIM>${images.map((_, index) => `<IMAGE INDEX="${index + 1}"><NAME>image ${index + 1}</NAME></IMAGE>`).join('')}</WIM>`;
  const xml = Buffer.isBuffer(wim.xml) ? wim.xml : utf16(wim.xml ?? text);
  const xmlAt = add(xml);
  let integrity = Buffer.alloc(0);
  if (wim.integrity !== undefined) {
    const covered = Buffer.concat(pieces).subarray(208, xmlAt);
    const hashes: Buffer[] = [];
    for (let at = 0; at < covered.length; at += wim.integrity) hashes.push(sha1(covered.subarray(at, at + wim.integrity)));
    const head = Buffer.alloc(12);
    [12 + hashes.length * 20, hashes.length, wim.integrity].forEach((word, index) => head.writeUInt32LE(word, index * 4));
    integrity = Buffer.concat([head, ...hashes]);
  }
  const integrityAt = add(integrity);
  const file = Buffer.concat(pieces);
  file.write('MSWIM\0\0\0', 'latin1');
  [208, version, flags, chunkSize].forEach((word, index) => file.writeUInt32LE(word, 8 + index * 4));
  (wim.guid ?? Buffer.alloc(16, 7)).copy(file, 0x18);
  file.writeUInt16LE(part, 0x28);
  file.writeUInt16LE(parts, 0x2a);
  file.writeUInt32LE(images.length, 0x2c);
  rawResourceHeader(rowBytes.length, 0, tableAt, rowBytes.length).copy(file, 0x30);
  rawResourceHeader(xml.length, 0, xmlAt, xml.length).copy(file, 0x48);
  if (integrity.length > 0) rawResourceHeader(integrity.length, 0, integrityAt, integrity.length).copy(file, 0x7c);
  return { file, tableAt, xmlAt, integrityAt, resourcesAt };
}

/** An image with these entries, whose contents follow each other in one solid resource. */
export function rawSolidWim(entries: readonly RawEntry[], contents: readonly Buffer[]): Buffer {
  const { bytes } = rawMetadata(entries);
  const resource = solidResource(Buffer.concat(contents));
  let at = 0;
  const rows = contents.map((content) =>
    rawRow(rawResourceHeader(content.length, 0x10, (at += content.length) - content.length, 0), sha1(content)),
  );
  const { file } = rawWim({
    flags: 0x40002,
    chunkSize: 32_768,
    version: 0xe00,
    images: [bytes],
    rows: [rawRow(rawResourceHeader(resource.length, 0x10, 208 + bytes.length, 2n ** 32n), Buffer.alloc(20)), ...rows],
    gap: resource,
  });
  return file;
}
