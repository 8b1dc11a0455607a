/** WIM files that lie, are damaged, or ask for too much: each is refused with one line that says where and what was expected. Numbers are those of the list of corruptions that readers must see. */
import assert from 'node:assert/strict';
import {
  appendFileSync,
  closeSync,
  existsSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { isImageError } from '../../src/errors.ts';
import type { WimLimits } from '../../src/formats/wim/wim-limits.ts';
import { unixDataItem } from '../../src/formats/wim/wim-items.ts';
import { linkReparse, unixLinkReparse } from '../../src/formats/wim/wim-reparse.ts';
import { verifyWim } from '../../src/formats/wim/verify-wim.ts';
import { Wim } from '../../src/formats/wim/wim.ts';
import { extractWim } from '../../src/operations/extract-wim.ts';
import {
  rawMetadata,
  rawResourceHeader,
  rawRow,
  rawWim,
  sha1,
  solidResource,
  storedChunks,
  utf16,
  type RawEntry,
  type RawResource,
  type RawWim,
} from '../support/raw-wim.ts';
import { temporary } from '../support/temporary.ts';

const text = Buffer.from('some text\n');
/** Four chunks: three whole ones and a rest. */
const large = Buffer.alloc(100_000, 'large ');
const tree: readonly RawEntry[] = [
  { name: 'a.txt', content: text },
  { name: 'dir', children: [{ name: 'b.bin', content: large }] },
];
const lzx = { flags: 0x40002, chunkSize: 32_768 };

/** A WIM with this tree, and its content stored as it is. */
function wimOf(
  entries: readonly RawEntry[],
  more: RawWim = {},
  edit: (metadata: Buffer, at: ReadonlyMap<string, number>) => void = () => {},
) {
  const { bytes, at, contents } = rawMetadata(entries);
  edit(bytes, at);
  return rawWim({ images: [bytes], blobs: contents.map((content) => ({ content })), ...more });
}

/** The tree in a file that has LZX chunks, one of its two blobs in four of them. */
function packedWim(blob: RawResource = storedChunks(large), more: RawWim = {}) {
  return wimOf(tree, { ...lzx, blobs: [{ content: text }, blob], ...more });
}

interface Refusal {
  readonly name: string;
  readonly file: Buffer | readonly Buffer[];
  readonly message: RegExp;
  readonly code?: string;
  readonly limits?: Partial<WimLimits>;
}

function edited(file: Buffer, edit: (file: Buffer) => void): Buffer {
  const copy = Buffer.from(file);
  edit(copy);
  return copy;
}

/** Edits metadata whose hash is then made right: what is wrong is found by reading it. */
const metadataEdit = (edit: (metadata: Buffer, at: ReadonlyMap<string, number>) => void): Buffer => wimOf(tree, {}, edit).file;
const entryEdit = (path: string, edit: (entry: Buffer) => void): Buffer =>
  metadataEdit((metadata, at) => edit(metadata.subarray(at.get(path))));

const good = wimOf(tree);
const packed = packedWim();
const solidBytes = solidResource(Buffer.concat([text, large]));

/** A file with one solid resource that has both blobs. */
function solidWim(resource: Buffer, rows?: (resource: Buffer) => Buffer[]) {
  const { bytes } = rawMetadata(tree);
  const at = 208 + bytes.length;
  const inside = (length: number, offset: number, hash: Buffer) => rawRow(rawResourceHeader(length, 0x10, offset, 0), hash);
  return rawWim({
    ...lzx,
    version: 0xe00,
    images: [bytes],
    blobs: [],
    rows: rows?.(resource) ?? [
      rawRow(rawResourceHeader(resource.length, 0x10, at, 2n ** 32n), Buffer.alloc(20)),
      inside(text.length, 0, sha1(text)),
      inside(large.length, text.length, sha1(large)),
    ],
    gap: resource,
  });
}

const refusals: readonly Refusal[] = [
  {
    name: '1: another magic',
    file: edited(good.file, (file) => file.write('MSWIN', 'latin1')),
    message: /not a WIM file: it does not begin with "MSWIM"/,
  },
  { name: '2: 150 bytes', file: good.file.subarray(0, 150), message: /truncated header: 150 of 208 bytes/ },
  { name: '2: no bytes', file: Buffer.alloc(0), message: /not a WIM file/ },
  {
    name: '3: a header of 212 bytes',
    file: edited(good.file, (file) => file.writeUInt32LE(212, 8)),
    message: /header size 212 at offset 8, expected 208/,
  },
  {
    name: '4: version 1.12',
    file: edited(good.file, (file) => file.writeUInt32LE(0x10c00, 12)),
    message: /unsupported WIM version 1\.12 \(pre-release\)/,
    code: 'unsupported',
  },
  {
    name: '5: compressed without a codec',
    file: edited(packed.file, (file) => file.writeUInt32LE(2, 16)),
    message: /flags 0x2 at offset 16 say that it is compressed, without a codec/,
  },
  {
    name: '5: two codecs',
    file: edited(packed.file, (file) => file.writeUInt32LE(0x60002, 16)),
    message: /flags 0x60002 at offset 16 name several codecs \(lzx, xpress\)/,
  },
  {
    name: '5: a codec without compression',
    file: edited(packed.file, (file) => file.writeUInt32LE(0x40000, 16)),
    message: /name a codec, and say that nothing is compressed/,
  },
  ...[0, 30_000, 2 ** 31, 4096].map((size) => ({
    name: `6: chunks of ${size} bytes`,
    file: edited(packed.file, (file) => file.writeUInt32LE(size, 20)),
    message: new RegExp(`chunk size ${size} at offset 20 is invalid for LZX`),
  })),
  { name: '7: part 2 of 1', file: edited(good.file, (file) => file.writeUInt16LE(2, 40)), message: /part 2 of 1 at offset 40/ },
  { name: '7: part 0', file: edited(good.file, (file) => file.writeUInt16LE(0, 40)), message: /part 0 of 1/ },
  {
    name: '8: 70000 images',
    file: edited(good.file, (file) => file.writeUInt32LE(70_000, 44)),
    message: /the header says 70000 images, over the limit of 1024 \(images\)/,
    code: 'too-large',
  },
  {
    name: '8: 2 images, one in the XML',
    file: edited(good.file, (file) => file.writeUInt32LE(2, 44)),
    message: /XML: it has 1 images, the header says 2/,
  },
  {
    name: '8: an image of another index',
    file: wimOf(tree, { xml: '<WIM><IMAGE INDEX="2"/></WIM>' }).file,
    message: /XML: an image has the index "2", expected 1 to 1/,
  },
  {
    name: '9: a lookup table behind the end',
    file: edited(good.file, (file) => file.writeBigUInt64LE(10_000_000n, 0x38)),
    message: /lookup table \[10000000, 10000150\) is outside the file of \d+ bytes/,
  },
  {
    name: '9: a lookup table of 4 GiB',
    file: edited(good.file, (file) => rawResourceHeader(2 ** 32, 0, 208, 2n ** 32n).copy(file, 0x30)),
    message: /lookup table \[208, 4294967504\) is outside the file/,
  },
  {
    name: '9: a lookup table in the header',
    file: edited(good.file, (file) => file.writeBigUInt64LE(8n, 0x38)),
    message: /lookup table \[8, 158\) is outside the file/,
  },
  {
    name: '10: a lookup table of 143 bytes',
    file: edited(good.file, (file) => rawResourceHeader(143, 0, good.tableAt, 143).copy(file, 0x30)),
    message: /lookup table: its size 143 is not a multiple of 50/,
  },
  {
    name: '11: XML of odd length',
    file: wimOf(tree, { xml: Buffer.concat([utf16('<WIM/>'), Buffer.alloc(1)]) }).file,
    message: /XML: not UTF-16LE: it has an odd number of bytes/,
  },
  {
    name: '11: XML without a mark',
    file: wimOf(tree, { xml: Buffer.from('<WIM/>', 'utf16le') }).file,
    message: /XML: not UTF-16LE: it does not begin with the byte order mark/,
  },
  {
    name: '11: XML with a broken tag',
    file: wimOf(tree, { xml: '<WIM>\n<IMAGE INDEX="1"><NAME></IMAGE></WIM>' }).file,
    message: /XML: 2:\d+: unexpected close tag/,
  },
  {
    name: '11: XML with a document type',
    file: wimOf(tree, { xml: '<!DOCTYPE WIM [<!ENTITY a "aaaa">]><WIM><IMAGE INDEX="1"/></WIM>' }).file,
    message: /XML: 1:\d+: a document type is not allowed/,
  },
  {
    name: '11: XML of great depth',
    file: wimOf(tree, { xml: `${'<WIM>'.repeat(1000)}${'</WIM>'.repeat(1000)}` }).file,
    message: /XML: 1:\d+: elements in each other more than 64 deep/,
  },
  {
    name: '11: XML of many elements',
    file: wimOf(tree, { xml: `<WIM>${'<a/>'.repeat(300_000)}</WIM>` }).file,
    message: /XML: 1:\d+: more than 200000 elements/,
  },
  {
    name: '11: XML over the limit',
    file: good.file,
    limits: { xml: 10 },
    message: /XML of \d+ bytes, over the limit of 10 \(xml\)/,
    code: 'too-large',
  },
  {
    name: '12: cut, with the integrity table gone',
    file: (() => {
      const made = wimOf(tree, { integrity: 1000 });
      return made.file.subarray(0, made.file.length - 50);
    })(),
    message: /integrity table \[\d+, \d+\) is outside the file/,
  },
  {
    name: '13: a hash of the integrity table',
    file: (() => {
      const made = wimOf(tree, { integrity: 1000 });
      return edited(made.file, (file) => file.writeUInt8(file.readUInt8(made.integrityAt + 12) ^ 1, made.integrityAt + 12));
    })(),
    message: /integrity chunk 0 \(bytes 208 to 1208\) is damaged/,
    code: 'digest-mismatch',
  },
  {
    name: '13: an integrity table of another count',
    file: (() => {
      const made = wimOf(tree, { integrity: 1000 });
      return edited(made.file, (file) => file.writeUInt32LE(3, made.integrityAt + 4));
    })(),
    message: /integrity table at \d+: it says \d+ bytes and 3 hashes/,
  },
  {
    name: '14: a bit of a blob',
    file: edited(good.file, (file) =>
      file.writeUInt8(file.readUInt8((good.resourcesAt[2] ?? 0) + 50_000) ^ 1, (good.resourcesAt[2] ?? 0) + 50_000),
    ),
    message: /blob [0-9a-f]{40} \(\/dir\/b\.bin\): content has SHA-1 [0-9a-f]{40}, expected [0-9a-f]{40}/,
    code: 'digest-mismatch',
  },
  {
    name: '14: a bit of the metadata',
    file: edited(good.file, (file) =>
      file.writeUInt8(file.readUInt8((good.resourcesAt[0] ?? 0) + 20) ^ 1, (good.resourcesAt[0] ?? 0) + 20),
    ),
    message: /metadata of image 1 at 208: content has SHA-1 [0-9a-f]{40}, expected/,
    code: 'digest-mismatch',
  },
  {
    name: '14: a chunk that does not decode',
    file: (() => {
      const chunks = [large.subarray(0, 32_768), large.subarray(32_768, 65_536), Buffer.alloc(1000, 0xff), large.subarray(98_304)];
      const table = Buffer.alloc(12);
      [32_768, 65_536, 66_536].forEach((end, index) => table.writeUInt32LE(end, index * 4));
      return packedWim({ content: large, packed: Buffer.concat([table, ...chunks]), flags: 4 }).file;
    })(),
    message: /blob [0-9a-f]{40} \(\/dir\/b\.bin\): chunk 2 of 4 at \d+ does not decode: /,
  },
  {
    name: '15: a chunk table that decreases',
    file: edited(packed.file, (file) => file.writeUInt32LE(100, (packed.resourcesAt[2] ?? 0) + 4)),
    message: /blob [0-9a-f]{40} \(\/dir\/b\.bin\): chunk 1 of 4 at \d+: -\d+ bytes for 32768: its entry in the chunk table decreases/,
  },
  {
    name: '15: a chunk table that leads beyond the resource',
    file: edited(packed.file, (file) => file.writeUInt32LE(10_000_000, (packed.resourcesAt[2] ?? 0) + 4)),
    message: /entry 1 of the chunk table at \d+ leads beyond the resource, which ends at \d+/,
  },
  {
    name: '16: a blob of 2^50 bytes',
    file: packedWim({ ...storedChunks(large), size: 2n ** 50n }).file,
    message: /blob [0-9a-f]{40} at \d+: it claims 1125899906842624 bytes from 100012, into which the table of its chunks would not fit/,
  },
  {
    name: '16: metadata of 2^50 bytes',
    file: wimOf(tree, { ...lzx, images: [{ ...storedChunks(rawMetadata(tree).bytes), size: 2n ** 50n }] }).file,
    message: /metadata of image 1 at 208: it claims 1125899906842624 bytes/,
  },
  {
    name: '16: a blob of 2^60 bytes',
    file: packedWim({ ...storedChunks(large), size: 2n ** 60n }).file,
    message: /row 2 at \d+: the number 1152921504606846976 is larger than any file/,
  },
  {
    name: '16: metadata over the limit',
    file: good.file,
    limits: { metadata: 100 },
    message: /metadata of image 1: \d+ bytes, over the limit of 100 \(metadata\)/,
    code: 'too-large',
  },
  {
    name: '17: a stored blob of unequal sizes',
    file: wimOf(tree, { blobs: [{ content: text }, { content: large, size: 99_999 }] }).file,
    message: /stored as it is, but its sizes differ: 100000 bytes in the file, 99999 unpacked/,
  },
  {
    name: '17: a packed blob where nothing is packed',
    file: wimOf(tree, { blobs: [{ content: text }, storedChunks(large)] }).file,
    message: /it is compressed, but the header says that nothing is/,
  },
  {
    name: '18: no metadata',
    file: edited(good.file, (file) => file.writeUInt8(0, good.tableAt + 7)),
    message: /lookup table: image 1 of 1 has no metadata/,
  },
  {
    name: '18: shared metadata',
    file: edited(good.file, (file) => file.writeUInt32LE(2, good.tableAt + 0x1a)),
    message: /metadata of image 1 is shared: its reference count is 2, expected 1/,
  },
  {
    name: '18: more metadata than images',
    file: wimOf(tree, { images: [rawMetadata(tree).bytes, rawMetadata([]).bytes], xml: '<WIM><IMAGE INDEX="1"/></WIM>' }).file,
    message: /XML: it has 1 images, the header says 2/,
  },
  {
    name: '18: resources that share bytes',
    file: edited(good.file, (file) => rawResourceHeader(50, 0, (good.resourcesAt[2] ?? 0) + 10, 50).copy(file, good.tableAt + 50)),
    message: /lookup table: what lies at \d+ overlaps with what lies at \d+/,
  },
  {
    name: '18: two blobs of one hash',
    file: wimOf(tree, { blobs: [{ content: text }, { content: large }, { content: Buffer.from('other'), sha1: sha1(text) }] }).file,
    message: /blob [0-9a-f]{40} is there twice, with 10 bytes and with 5/,
  },
  {
    name: '19: security data beyond the metadata',
    file: metadataEdit((metadata) => metadata.writeUInt32LE(1_000_000, 0)),
    message: /security data: 1000000 bytes exceed the metadata's \d+/,
  },
  {
    name: '19: 2^28 descriptors',
    file: metadataEdit((metadata) => metadata.writeUInt32LE(2 ** 28, 4)),
    message: /268435456 security descriptors, over the limit of 1000000 \(descriptors\)/,
    code: 'too-large',
  },
  {
    name: '19: descriptors beyond their data',
    file: metadataEdit((metadata) => metadata.writeUInt32LE(5, 4)),
    message: /security data: the sizes of 5 descriptors exceed its 8 bytes/,
  },
  {
    name: '20: an entry of 50 bytes',
    file: entryEdit('a.txt', (entry) => entry.writeBigUInt64LE(50n, 0)),
    message: /directory entry at \d+: its length is 50, expected 102 to \d+/,
  },
  {
    name: '20: an entry of 2^40 bytes',
    file: entryEdit('a.txt', (entry) => entry.writeBigUInt64LE(2n ** 40n, 0)),
    message: /directory entry at \d+: its length is 1099511627776/,
  },
  {
    name: '20: a name of odd length',
    file: entryEdit('a.txt', (entry) => entry.writeUInt16LE(9, 0x64)),
    message: /directory entry at \d+: a name of 9 bytes, which is odd/,
  },
  {
    name: '20: a name longer than its entry',
    file: entryEdit('a.txt', (entry) => entry.writeUInt16LE(600, 0x64)),
    message: /directory entry at \d+: its names of 600 and 0 bytes exceed its length of \d+/,
  },
  {
    name: '20: an end behind the metadata',
    file: wimOf(tree, { images: [rawMetadata(tree).bytes.subarray(0, -8)] }).file,
    message: /directory entry at \d+: outside of the metadata's \d+ bytes/,
  },
  {
    name: '21: children that are the root',
    file: metadataEdit((metadata, at) => metadata.writeBigUInt64LE(BigInt(at.get('') ?? 0), (at.get('dir') ?? 0) + 16)),
    message: /a cycle: the children of "\/dir" are at \d+, which another folder has/,
  },
  {
    name: '21: children that another folder has',
    file: metadataEdit((metadata, at) => metadata.writeBigUInt64LE(BigInt(at.get('a.txt') ?? 0), (at.get('dir') ?? 0) + 16)),
    message: /a cycle: the children of "\/dir"/,
  },
  {
    name: '21: children behind the end',
    file: entryEdit('dir', (entry) => entry.writeBigUInt64LE(1_000_000n, 16)),
    message: /the children of "\/dir" are at 1000000, outside of \[8, \d+\)/,
  },
  {
    name: '21: children in the security data',
    file: entryEdit('dir', (entry) => entry.writeBigUInt64LE(1n, 16)),
    message: /the children of "\/dir" are at 1, outside of/,
  },
  ...['..', '.', 'a/b', 'a\0b', 'a\\b'].map((name) => ({
    name: `22: the name ${JSON.stringify(name)}`,
    file: wimOf([{ name: 'dir', children: [{ name, content: text }] }]).file,
    message: /directory entry at \d+: an illegal name in "\/dir": "/,
  })),
  { name: '22: no name', file: wimOf([{ name: '', content: text }]).file, message: /an illegal name in "\/": ""/ },
  { name: '22: two of one name', file: wimOf([...tree, { name: 'a.txt' }]).file, message: /two entries in "\/" are called "a\.txt"/ },
  {
    name: '22: a stream with a path for a name',
    file: wimOf([{ name: 'a', streams: [{ name: 'x/../y', content: text }] }]).file,
    message: /an illegal name of a stream of "\/a"/,
  },
  {
    name: '23: a root that is a file',
    file: entryEdit('', (entry) => entry.writeUInt32LE(0x20, 8)),
    message: /the root is a file, expected a folder/,
  },
  {
    name: '23: a security id of none',
    file: entryEdit('a.txt', (entry) => entry.writeUInt32LE(5, 12)),
    message: /security id 5, but there are 0 descriptors/,
  },
  {
    name: '24: a blob that is not there',
    file: wimOf(tree, { blobs: [{ content: large }] }).file,
    message: /blob [0-9a-f]{40} of "\/a\.txt" in image 1 is not in this file/,
    code: 'incomplete',
  },
  {
    name: '24: 60000 streams',
    file: entryEdit('a.txt', (entry) => entry.writeUInt16LE(60_000, 0x60)),
    message: /"\/a\.txt" has 60000 streams, over the limit of 1024 \(streams\)/,
    code: 'too-large',
  },
  {
    name: '24: streams outside',
    file: entryEdit('dir/b.bin', (entry) => entry.writeUInt16LE(3, 0x60)),
    message: /its stream 1 of 3 (has a length of 0|is outside of the metadata)/,
  },
  {
    name: '24: entries over the limit',
    file: good.file,
    limits: { entries: 2 },
    message: /more entries, over the limit of 2 \(entries\)/,
    code: 'too-large',
  },
  {
    name: '24: depth over the limit',
    file: good.file,
    limits: { depth: 1 },
    message: /"\/dir" is 2 folders deep, over the limit of 1 \(depth\)/,
    code: 'too-large',
  },
  {
    name: '24: a path over the limit',
    file: good.file,
    limits: { path: 8 },
    message: /a path of 9 characters, over the limit of 8 \(path\)/,
    code: 'too-large',
  },
  {
    name: '24: reparse data over the limit',
    file: wimOf([{ name: 'l', attributes: 0x400, reparseTag: 0xa000000c, content: large }]).file,
    message: /the reparse point "\/l" has 100000 bytes, over the limit of 16384 \(reparse\)/,
    code: 'too-large',
  },
  {
    name: '24: blobs over the limit',
    file: good.file,
    limits: { blobs: 2 },
    message: /lookup table: 3 rows, over the limit of 2 \(blobs\)/,
    code: 'too-large',
  },
  {
    name: '25: chunks of 3 bytes in a solid resource',
    file: solidWim(edited(solidBytes, (bytes) => bytes.writeUInt32LE(3, 8))).file,
    message: /solid resource at \d+: chunk size 3 is invalid/,
  },
  {
    name: '25: codec 9',
    file: solidWim(edited(solidBytes, (bytes) => bytes.writeUInt32LE(9, 12))).file,
    message: /solid resource at \d+: codec 9, expected 0 to 3/,
  },
  {
    name: '25: 2^60 bytes',
    file: solidWim(edited(solidBytes, (bytes) => bytes.writeBigUInt64LE(2n ** 60n, 0))).file,
    message: /solid resource at \d+: claims 1152921504606846976 bytes, whose chunk table would not fit/,
  },
  {
    name: '25: chunks that do not add up',
    file: solidWim(edited(solidBytes, (bytes) => bytes.writeUInt32LE(32_000, 16))).file,
    message: /solid resource at \d+: its chunks end at \d+, and it at \d+/,
  },
  {
    name: '25: an empty chunk',
    file: solidWim(edited(solidBytes, (bytes) => bytes.writeUInt32LE(0, 16))).file,
    message: /solid resource at \d+: chunk 0 of 4 has 0 bytes for 32768/,
  },
  {
    name: '25: a blob behind the end',
    file: solidWim(solidBytes, (resource) => [
      rawRow(rawResourceHeader(resource.length, 0x10, 208 + rawMetadata(tree).bytes.length, 2n ** 32n), Buffer.alloc(20)),
      rawRow(rawResourceHeader(large.length, 0x10, 1000, 0), sha1(large)),
    ]).file,
    message: /blob [0-9a-f]{40}: bytes 1000 to 101000 are not within one of its solid resources/,
  },
  {
    name: '25: a chunk over the limit',
    file: solidWim(edited(solidBytes, (bytes) => [2 ** 27, 3].forEach((word, index) => bytes.writeUInt32LE(word, 8 + index * 4)))).file,
    message: /chunks of 134217728 bytes, over the limit of 67108864 \(chunk\)/,
    code: 'too-large',
  },
  {
    name: '25: more chunks than the limit',
    file: solidWim(solidBytes).file,
    limits: { solidChunks: 3 },
    message: /solid resource at \d+: 4 chunks, over the limit of 3 \(solidChunks\)/,
    code: 'too-large',
  },
  {
    name: '26: a missing part',
    file: [wimOf(tree, { part: 1, parts: 3 }).file, rawWim({ part: 3, parts: 3 }).file],
    message: /parts 1, 3 of 3 given; part 2 missing/,
    code: 'incomplete',
  },
  {
    name: '26: a part alone',
    file: wimOf(tree, { part: 1, parts: 65_535 }).file,
    message: /part 1 of 65535 given; parts 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 and 65524 more missing/,
    code: 'incomplete',
  },
  {
    name: '26: a part of another',
    file: [wimOf(tree, { part: 1, parts: 2 }).file, rawWim({ part: 2, parts: 2, guid: Buffer.alloc(16, 9) }).file],
    message: /1\.wim is no part of the same WIM as .*0\.wim/,
    code: 'invalid-argument',
  },
  {
    name: '26: a part twice',
    file: [wimOf(tree, { part: 1, parts: 2 }).file, wimOf(tree, { part: 1, parts: 2 }).file],
    message: /0\.wim and .*1\.wim are both part 1 of 2/,
    code: 'invalid-argument',
  },
  { name: '27: pipable', file: edited(good.file, (file) => file.write('WLPWM', 'latin1')), message: /a pipable WIM/, code: 'unsupported' },
  {
    name: '27: encrypted',
    file: wimOf(tree, { xml: '<WIM><ESD><ENCRYPTED>x</ENCRYPTED></ESD><IMAGE INDEX="1"/></WIM>' }).file,
    message: /an encrypted ESD/,
    code: 'unsupported',
  },
  {
    name: '28: a boot index beyond the images',
    file: edited(good.file, (file) => file.writeUInt32LE(9, 0x78)),
    message: /the boot index is 9 at offset 120, but there are 1 images/,
  },
  {
    name: 'a chunk size where nothing is packed',
    file: edited(good.file, (file) => file.writeUInt32LE(32_768, 0x14)),
    message: /chunk size 32768 at offset 20, but flags say that nothing is compressed/,
  },
  {
    name: 'an integrity table whose sizes differ',
    file: edited(wimOf(tree, { integrity: 1000 }).file, (file) => file.writeBigUInt64LE(2n ** 40n, 0x8c)),
    message: /integrity table at \d+: \d+ bytes, unpacked 1099511627776: it is compressed/,
  },
  {
    name: 'an integrity table without bytes',
    file: edited(good.file, (file) => file.writeBigUInt64LE(300n, 0x84)),
    message: /integrity table at 300: 0 bytes, too few/,
  },
  {
    name: 'an integrity table that has nothing but a size',
    file: edited(good.file, (file) => file.writeBigUInt64LE(300n, 0x8c)),
    message: /integrity table at 0: 0 bytes, too few/,
  },
  {
    name: 'an integrity table that is solid',
    file: edited(wimOf(tree, { integrity: 1000 }).file, (file) => file.writeUInt8(0x10, 0x83)),
    message: /integrity table at \d+: \d+ bytes, unpacked \d+: it is compressed/,
  },
  {
    name: 'XML that is solid',
    file: edited(good.file, (file) => file.writeUInt8(0x10, 0x4f)),
    message: /XML at \d+: it is compressed/,
  },
  {
    name: 'metadata that lies in another part',
    file: edited(good.file, (file) => file.writeUInt16LE(2, good.tableAt + 0x18)),
    message: /image 1 of 1 has no metadata/,
  },
  {
    name: 'XML of a second part that is none',
    file: [wimOf(tree, { part: 1, parts: 2 }).file, rawWim({ part: 2, parts: 2, xml: '<WIM>' }).file],
    message: /1\.wim: XML: /,
  },
  {
    name: 'a folder that names content, which is not there',
    file: wimOf(tree, {}, (metadata, at) => sha1(Buffer.from('nowhere')).copy(metadata, (at.get('dir') as number) + 0x40)).file,
    message: /blob [0-9a-f]{40} of "\/dir" in image 1 is not in this file/,
    code: 'incomplete',
  },
];

async function read(t: TestContext, files: Buffer | readonly Buffer[], limits: Partial<WimLimits> = {}): Promise<void> {
  const folder = temporary(t, 'hostile-wim');
  const paths = (Buffer.isBuffer(files) ? [files] : files).map((file, index) => {
    const path = join(folder, `${index}.wim`);
    writeFileSync(path, file);
    return path;
  });
  await using wim = await Wim.open(paths, { limits });
  await verifyWim(wim);
}

test('the files that are edited below are right before they are', async (t) => {
  await read(t, good.file);
  await read(t, packed.file);
  await read(t, solidWim(solidBytes).file);
  await read(t, wimOf(tree, { integrity: 1000 }).file);
  await read(t, [wimOf(tree, { part: 1, parts: 2 }).file, rawWim({ part: 2, parts: 2 }).file]);
});

for (const { name, file, message, code = 'invalid-content', limits } of refusals)
  test(`refused: ${name}`, async (t) => {
    await assert.rejects(read(t, file, limits), (error: Error) => {
      assert.match(error.message, message);
      assert.equal((error as Error & { code?: string }).code, code);
      assert.doesNotMatch(error.message, /\n/);
      assert.match(error.message, /[01]\.wim/, 'the file is named');
      return true;
    });
  });

test('remedies are named where there are some', async (t) => {
  const hint = async (name: string) => {
    const found = refusals.find((refusal) => refusal.name === name);
    try {
      await read(t, found?.file ?? []);
    } catch (error) {
      return (error as Error & { hint?: string }).hint;
    }
    return undefined;
  };
  assert.match((await hint('27: pipable')) ?? '', /wimlib-imagex export .* --not-pipable/);
  assert.match((await hint('27: encrypted')) ?? '', /unencrypted/);
  assert.match((await hint('24: a blob that is not there')) ?? '', /delta WIM.*base/);
  assert.match((await hint('26: a missing part')) ?? '', /all its parts/);
});

test('a file that its writer has not finished is read, with a warning', async (t) => {
  const path = join(temporary(t, 'hostile-wim'), 'a.wim');
  writeFileSync(
    path,
    edited(good.file, (file) => file.writeUInt32LE(0x40, 16)),
  );
  await using wim = await Wim.open([path]);
  assert.match(wim.warnings[0] ?? '', /whoever wrote it did not finish/);
});

for (const [what, change] of [
  ['grows', (path: string) => appendFileSync(path, 'more')],
  [
    'is written to',
    (path: string) => {
      const file = openSync(path, 'r+');
      writeSync(file, 'x', 2000);
      closeSync(file);
    },
  ],
] as const)
  test(`a file that ${what} while it is read is said to have changed`, async (t) => {
    const path = join(temporary(t, 'hostile-wim'), 'a.wim');
    writeFileSync(path, good.file);
    await using wim = await Wim.open([path]);
    change(path);
    await assert.rejects(verifyWim(wim), { code: 'unavailable', message: /a\.wim changed while it was read/ });
  });

const link = (target: string): Pick<RawEntry, 'attributes' | 'reparseTag' | 'content'> => ({
  attributes: 0x400,
  reparseTag: 0xa000000c,
  content: Buffer.from(unixLinkReparse(target)?.data ?? []),
});

async function extracted(t: TestContext, entries: readonly RawEntry[], prepare: (folder: string) => void = () => {}) {
  const folder = temporary(t, 'hostile-wim');
  writeFileSync(join(folder, 'a.wim'), wimOf(entries).file);
  const target = join(folder, 'out', 'tree');
  mkdirSync(join(folder, 'out'));
  prepare(folder);
  await using wim = await Wim.open([join(folder, 'a.wim')]);
  const result = await extractWim(wim, 1, target);
  return { folder, target, result };
}

test('extracting writes nothing through a link of the image, wherever it leads', async (t) => {
  const { folder, target } = await extracted(t, [
    { name: 'away', ...link('../..') },
    { name: 'root', ...link('/etc') },
    { name: 'dir', children: [{ name: 'up', ...link('../../../x') }] },
    { name: 'z.txt', content: text },
  ]);
  assert.deepEqual(readdirSync(folder).sort(), ['a.wim', 'out']);
  assert.deepEqual(readdirSync(target).sort(), ['away', 'dir', 'root', 'z.txt']);
  assert.ok(lstatSync(join(target, 'away')).isSymbolicLink());
});

test('times before 1970 are given as they are, to files with and without content, folders and links', async (t) => {
  const folder = temporary(t, 'hostile-wim');
  const path = join(folder, 'a.wim');
  const link: RawEntry = {
    name: 'link',
    attributes: 0x400,
    reparseTag: 0xa000000c,
    content: Buffer.from(unixLinkReparse('a.txt')?.data ?? []),
  };
  const entries: readonly RawEntry[] = [...tree, { name: 'empty', content: Buffer.alloc(0) }, link];
  const old = wimOf(entries, {}, (metadata, at) => {
    // Half a second into 1960: file systems know that year.
    for (const place of at.values()) metadata.writeBigUInt64LE(113_288_544_005_000_000n, place + 0x38);
  });
  writeFileSync(path, old.file);
  await using wim = await Wim.open([path]);
  const out = join(folder, 'out');
  await extractWim(wim, 1, out);
  for (const name of ['', 'a.txt', 'dir', 'dir/b.bin', 'empty', 'link'])
    assert.equal(lstatSync(join(out, name)).mtimeMs, Date.UTC(1960, 0, 1) + 500, name);
});

test('a folder that is not empty is left alone, and a link in its place leads nowhere else', async (t) => {
  await assert.rejects(
    extracted(t, tree, (folder) => mkdirSync(join(folder, 'out', 'tree', 'mine'), { recursive: true })),
    { code: 'conflict', message: /is not empty/ },
  );
  await assert.rejects(
    extracted(t, tree, (folder) => writeFileSync(join(folder, 'out', 'tree'), 'a file')),
    { code: 'conflict', message: /is no folder/ },
  );
  await assert.rejects(
    extracted(t, tree, (folder) => symlinkSync(join(folder, 'nowhere', 'there'), join(folder, 'out', 'tree'))),
    (error) => isImageError(error),
  );
});

test('names that the system cannot hold are refused before anything is written', async (t) => {
  for (const name of ['\ud800', ...(process.platform === 'win32' ? ['nul', 'a:b', 'dot.'] : ['漢'.repeat(86)])]) {
    const folder = temporary(t, 'hostile-wim');
    const unix = unixDataItem({ uid: 0, gid: 0, mode: 0o100644, rdev: 0 });
    const item = Buffer.alloc(8 + unix.data.length);
    item.writeUInt32LE(unix.tag, 0);
    item.writeUInt32LE(unix.data.length, 4);
    item.set(unix.data, 8);
    writeFileSync(
      join(folder, 'a.wim'),
      wimOf([
        { name: 'ok.txt', content: text },
        { name, content: text, items: item },
      ]).file,
    );
    await using wim = await Wim.open([join(folder, 'a.wim')]);
    await assert.rejects(extractWim(wim, 1, join(folder, 'out')), { code: 'invalid-content', message: /cannot be extracted here: / });
    assert.ok(!existsSync(join(folder, 'out')));
  }
});

test('a link whose target lies outside of its data is refused, and nothing of the image stays', async (t) => {
  const data = Buffer.from(linkReparse({ isMountPoint: false, substitute: 'x', print: 'x' }, true)?.data ?? []);
  data.writeUInt16LE(5000, 2);
  const folder = temporary(t, 'hostile-wim');
  writeFileSync(join(folder, 'a.wim'), wimOf([...tree, { name: 'l', ...link('x'), content: data }]).file);
  await using wim = await Wim.open([join(folder, 'a.wim')]);
  await assert.rejects(extractWim(wim, 1, join(folder, 'out')), {
    code: 'invalid-content',
    message: /the link "\/l" has a target outside of its data/,
  });
  assert.deepEqual(readdirSync(folder), ['a.wim']);
});

test('a damaged blob leaves nothing of what was extracted before', async (t) => {
  const folder = temporary(t, 'hostile-wim');
  const damaged = edited(good.file, (file) => file.writeUInt8(1, (good.resourcesAt[2] ?? 0) + 99_000));
  writeFileSync(join(folder, 'a.wim'), damaged);
  mkdirSync(join(folder, 'out'));
  await using wim = await Wim.open([join(folder, 'a.wim')]);
  await assert.rejects(extractWim(wim, 1, join(folder, 'out')), { code: 'digest-mismatch', message: /\/dir\/b\.bin/ });
  assert.deepEqual(readdirSync(join(folder, 'out')), []);
});
