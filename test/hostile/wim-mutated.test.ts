/** Small WIM files with bytes changed by chance: whatever comes of it, the answer is an ImageError or a tree, soon. Seeds are counted, so a failure comes again. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { isImageError } from '../../src/errors.ts';
import { chunkEncoder } from '../../src/formats/wim/chunk-encoder.ts';
import { verifyWim } from '../../src/formats/wim/verify-wim.ts';
import type { WimNode } from '../../src/formats/wim/wim-tree.ts';
import { Wim } from '../../src/formats/wim/wim.ts';
import {
  rawMetadata,
  rawResourceHeader,
  rawRow,
  rawWim,
  sha1,
  solidResource,
  type RawEntry,
  type RawResource,
} from '../support/raw-wim.ts';
import { temporary } from '../support/temporary.ts';

/** Of each kind below. */
const cases = 1000;
/** Milliseconds. */
const patience = 2000;

const content = Buffer.alloc(40_000, 'The quick brown fox jumps over the lazy dog. ');
const tree: readonly RawEntry[] = [
  {
    name: 'a.txt',
    content: Buffer.from('text'),
    shortName: 'A~1.TXT',
    security: 0,
    streams: [{ name: 'zone', content: Buffer.from('3') }],
  },
  {
    name: 'dir',
    children: [
      { name: 'b', content, linkGroup: 5n },
      { name: 'c', content, linkGroup: 5n },
      { name: 'empty', children: [] },
    ],
  },
  { name: 'l', attributes: 0x400, reparseTag: 0xa000000c, content: Buffer.from('0123456789ab') },
];
const metadata = rawMetadata(tree, [Buffer.alloc(40, 1)]);

function packed(codec: 'lzx' | 'xpress', bytes: Buffer): RawResource {
  const encoder = chunkEncoder(codec);
  const chunks: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += 32_768) {
    const chunk = bytes.subarray(at, at + 32_768);
    const target = new Uint8Array(chunk.length);
    const source = new Uint8Array(chunk.length + 64);
    source.set(chunk);
    const size = encoder.encode(source, chunk.length, target);
    chunks.push(size === 0 ? chunk : Buffer.from(target.subarray(0, size)));
  }
  const table = Buffer.alloc((chunks.length - 1) * 4);
  let end = 0;
  chunks.slice(0, -1).forEach((chunk, index) => table.writeUInt32LE((end += chunk.length), index * 4));
  return { content: bytes, packed: Buffer.concat([table, ...chunks]), flags: 4 };
}

const blobs = [...new Set(metadata.contents)];
const solid = solidResource(Buffer.concat(blobs));

/** A file of each kind, and what is mutated in it: from an offset on, so many bytes. */
const kinds: Readonly<Record<string, { readonly make: (metadata: Buffer) => Buffer; readonly mutatesMetadata?: boolean }>> = {
  'a stored file': {
    make: (bytes) => rawWim({ images: [bytes], blobs: blobs.map((blob) => ({ content: blob })), integrity: 10_000 }).file,
  },
  'an LZX file': {
    make: (bytes) =>
      rawWim({ flags: 0x40002, chunkSize: 32_768, images: [packed('lzx', bytes)], blobs: blobs.map((blob) => packed('lzx', blob)) }).file,
  },
  'an XPRESS file': {
    make: (bytes) =>
      rawWim({ flags: 0x20002, chunkSize: 32_768, images: [packed('xpress', bytes)], blobs: blobs.map((blob) => packed('xpress', blob)) })
        .file,
  },
  'a solid file': {
    make: (bytes) => {
      let offset = 0;
      const rows = blobs.map((blob) => {
        const row = rawRow(rawResourceHeader(blob.length, 0x10, offset, 0), sha1(blob));
        offset += blob.length;
        return row;
      });
      const named = rawRow(rawResourceHeader(solid.length, 0x10, 208 + bytes.length, 2n ** 32n), Buffer.alloc(20));
      return rawWim({ version: 0xe00, flags: 0x40002, chunkSize: 32_768, images: [bytes], rows: [named, ...rows], gap: solid }).file;
    },
  },
  // Its hash is made right afterwards: else all would end there.
  metadata: { make: (bytes) => rawWim({ images: [bytes], blobs: blobs.map((blob) => ({ content: blob })) }).file, mutatesMetadata: true },
};

/** The same numbers for the same seed (mulberry32). */
function chances(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let value = Math.imul(state ^ (state >>> 15), 1 | state);
    value = (value + Math.imul(value ^ (value >>> 7), 61 | value)) ^ value;
    return ((value ^ (value >>> 14)) >>> 0) / 2 ** 32;
  };
}

function mutated(bytes: Buffer, chance: () => number): Buffer {
  const copy = Buffer.from(bytes);
  const at = () => Math.floor(chance() * copy.length);
  for (let count = 1 + Math.floor(chance() * 4); count > 0; count--) {
    const place = at();
    const kind = chance();
    if (kind < 0.4) copy[place] = Math.floor(chance() * 256);
    else if (kind < 0.6) copy[place] = (copy[place] ?? 0) ^ (1 << Math.floor(chance() * 8));
    else if (kind < 0.75) copy.fill(chance() < 0.5 ? 0 : 255, place, Math.min(copy.length, place + 8));
    else if (kind < 0.9) copy.copyWithin(place, at(), Math.min(copy.length, at() + 64));
    else return copy.subarray(0, place);
  }
  return copy;
}

/** Reads what a node says, all of it. */
function everything(node: WimNode): void {
  const { shortName, descriptor, created, streams, reparse, items, linkGroup } = node;
  assert.ok(`${shortName}${descriptor?.length}${created}${streams.length}${reparse?.tag}${items.length}${linkGroup}` !== '');
}

for (const [name, { make, mutatesMetadata }] of Object.entries(kinds)) {
  test(`${name}, changed in ${cases} ways, is refused or read`, async (t) => {
    const path = join(temporary(t, 'wim-mutated'), 'a.wim');
    const whole = make(metadata.bytes);
    writeFileSync(path, whole);
    await using wim = await Wim.open([path]);
    await verifyWim(wim);
    // Most of a file is content, where a change is only another hash: half of the changes go to the rest.
    const [dull] = [...blobs].sort((a, b) => b.length - a.length);
    const start = whole.indexOf((dull as Buffer).subarray(0, 1000));
    let refused = 0;
    for (let seed = 0; seed < cases; seed++) {
      const chance = chances(seed);
      let bytes: Buffer;
      if (mutatesMetadata) bytes = make(mutated(metadata.bytes, chance));
      else if (start < 0 || chance() < 0.5) bytes = mutated(whole, chance);
      else {
        const [head, tail] = [whole.subarray(0, start), whole.subarray(start + (dull as Buffer).length)];
        const isHead = chance() < 0.4;
        bytes = Buffer.concat([isHead ? mutated(head, chance) : head, dull as Buffer, isHead ? tail : mutated(tail, chance)]);
      }
      writeFileSync(path, bytes);
      const began = performance.now();
      try {
        await using wim = await Wim.open([path]);
        await verifyWim(wim);
        for (const { node } of (await wim.tree(1)).walk()) everything(node);
      } catch (error) {
        assert.ok(isImageError(error), `seed ${seed}: ${String((error as Error).stack)}`);
        assert.notEqual(error.code, 'internal', `seed ${seed}: ${String(error.stack)}`);
        refused++;
      }
      const took = performance.now() - began;
      assert.ok(took < patience, `seed ${seed} took ${took} ms`);
    }
    assert.ok(refused > cases / 2, `${refused} were refused`);
  });
}
