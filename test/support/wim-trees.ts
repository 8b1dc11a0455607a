/** Trees of WIM images in memory, with the blobs that they name, and what a WIM's entry is as a text. */
import { createHash } from 'node:crypto';

import type { WimBlob, WimEntry, WimItem } from '../../src/formats/wim/wim-entry.ts';
import type { ReadBlobs } from '../../src/layers/wim-plan.ts';
import type { EntryTree } from '../../src/layers/wim-walk.ts';

export interface MadeEntry extends WimEntry {
  readonly children?: readonly MadeEntry[] | undefined;
}

/** Blobs by their hashes. */
export class Blobs {
  readonly #bytes = new Map<string, Uint8Array>();

  add(content: Uint8Array | string): WimBlob {
    const bytes = Buffer.from(content as Uint8Array);
    if (bytes.length === 0) return { sha1: '', size: 0 };
    const sha1 = createHash('sha1').update(bytes).digest('hex');
    this.#bytes.set(sha1, bytes);
    return { sha1, size: bytes.length };
  }

  get(sha1: string): Uint8Array {
    return this.#bytes.get(sha1) ?? new Uint8Array(0);
  }

  readonly read: ReadBlobs = (wanted) => this.#read(wanted);

  async *#read(wanted: Iterable<WimBlob>) {
    for (const blob of wanted) {
      const bytes = this.get(blob.sha1);
      yield { blob, body: chunks(bytes) };
    }
  }
}

async function* chunks(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  const half = bytes.length >> 1;
  if (half > 0) yield bytes.subarray(0, half);
  yield bytes.subarray(half);
}

export class MadeTree implements EntryTree {
  readonly root: MadeEntry;

  constructor(root: MadeEntry) {
    this.root = root;
  }

  children(entry: WimEntry): Iterable<MadeEntry> {
    return (entry as MadeEntry).children ?? [];
  }
}

/** 2020-01-02. */
export const someTime = 132_223_104_000_000_000n;

/** A folder, or with `data` a file, that says nothing special. */
export function madeEntry(name: string, given: Partial<MadeEntry> = {}): MadeEntry {
  const isFolder = given.data === undefined && given.reparse === undefined;
  return {
    name,
    shortName: '',
    attributes: isFolder ? 0x10 : 0x20,
    created: someTime,
    accessed: someTime,
    written: someTime,
    streams: [],
    linkGroup: 0n,
    items: [],
    unknown54: 0,
    ...given,
  };
}

/** Owner and mode of an entry of a Linux tree. */
export function unixItem(mode: number, uid = 0, gid = 0, rdev = 0): WimItem {
  const data = Buffer.alloc(16);
  [uid, gid, mode, rdev].forEach((word, at) => data.writeUInt32LE(word, 4 * at));
  return { tag: 0x337d_d873, data };
}

/** One line of an entry's facts. */
export interface EntryFacts extends Pick<
  WimEntry,
  'attributes' | 'created' | 'accessed' | 'written' | 'items' | 'shortName' | 'unknown54' | 'descriptor'
> {
  readonly reparse?: { readonly tag: number; readonly reserved: number; readonly flags: number; readonly data: Uint8Array } | undefined;
  readonly data: Uint8Array | undefined;
  readonly streams: readonly { readonly name: string; readonly data: Uint8Array }[];
  /** The first path of the same file. */
  readonly linkTo: string | undefined;
}

export function factsLine(path: string, facts: EntryFacts): string {
  const hex = (bytes: Uint8Array | undefined) => (bytes ? Buffer.from(bytes).toString('hex') : '-');
  const { attributes, created, accessed, written, descriptor, reparse, items, shortName, unknown54, data, streams, linkTo } = facts;
  return [
    path,
    `attributes ${attributes.toString(16)}`,
    `times ${created} ${accessed} ${written}`,
    `descriptor ${hex(descriptor)}`,
    `short ${shortName}`,
    `54 ${unknown54}`,
    `items ${items.map(({ tag, data: bytes }) => `${tag.toString(16)}=${hex(bytes)}`).join(',')}`,
    `reparse ${reparse ? `${reparse.tag.toString(16)} ${reparse.reserved} ${reparse.flags} ${hex(reparse.data)}` : '-'}`,
    `data ${hex(data)}`,
    `streams ${streams.map(({ name, data: bytes }) => `${name}=${hex(bytes)}`).join(',')}`,
    `linked ${linkTo ?? '-'}`,
  ].join(' | ');
}
