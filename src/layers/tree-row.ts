/**
 * A row of a tree's index, as columns and as what they say.
 *
 * Names and link targets are text where they are valid UTF-8 and bytes where they are not. What few entries have (records, device numbers, sparse maps, named streams) is
 * one JSON text, which also keeps bytes that are no text: `formats/tar/name.ts` makes lone surrogates of them, and JSON escapes those.
 */

import { decodeName, encodeName } from '../formats/tar/name.ts';
import type { TreeEntryType } from './tree-entry.ts';

const typeNames: readonly TreeEntryType[] = ['file', 'directory', 'symlink', 'character-device', 'block-device', 'fifo', 'whiteout'];
const typeNumbers = new Map(typeNames.map((name, number) => [name, number]));
const flags = { opaque: 1, implied: 2, linked: 4 } as const;

export const columns = 'key, name, inode, type, flags, mode, uid, gid, seconds, nanoseconds, size, pack, offset, link, more';

/** What is said of one name. */
export interface Row {
  readonly name: string;
  readonly inode: number;
  readonly type: TreeEntryType;
  readonly opaque: boolean;
  readonly implied: boolean;
  /** It has, or once had, other names: table `linked` counts them. */
  readonly linked: boolean;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly seconds: number;
  readonly nanoseconds: number;
  readonly size: number;
  readonly pack: number | null;
  readonly offset: number | null;
  readonly linkTarget: string | undefined;
  /** JSON of `More`. */
  readonly more: string | null;
}

/** What few entries have. */
export interface More {
  readonly device?: readonly [major: number, minor: number];
  /** In the order of keywords. */
  readonly pax?: readonly (readonly [keyword: string, value: string])[];
  readonly sparse?: readonly (readonly [offset: number, length: number])[];
  readonly streams?: readonly { readonly name: string; readonly size: number; readonly offset: number; readonly sparse?: More['sparse'] }[];
}

type Text = string | Uint8Array;
/** A row's columns, in the order of `columns`. */
export type Columns = readonly [
  key: Text,
  name: Text | null,
  inode: number,
  type: number,
  flags: number,
  mode: number,
  uid: number,
  gid: number,
  seconds: number,
  nanoseconds: number,
  size: number,
  pack: number | null,
  offset: number | null,
  link: Text | null,
  more: string | null,
];

/** A folder of which no layer says anything. */
export const impliedFolder: Omit<Row, 'name' | 'inode'> = {
  type: 'directory',
  opaque: false,
  implied: true,
  linked: false,
  mode: 0o755,
  uid: 0,
  gid: 0,
  seconds: 0,
  nanoseconds: 0,
  size: 0,
  pack: null,
  offset: null,
  linkTarget: undefined,
  more: null,
};

export function moreOf({ more }: Pick<Row, 'more'>): More {
  return more === null ? {} : (JSON.parse(more) as More);
}

export function moreText(more: { [Key in keyof More]: More[Key] | undefined }): string | null {
  return Object.values(more).every((value) => value === undefined) ? null : JSON.stringify(more);
}

export function asRow(found: Columns): Row {
  const bits = found[4];
  const link = found[13];
  return {
    name: asName(found[1] ?? found[0]),
    inode: found[2],
    type: typeNames[found[3]]!,
    opaque: (bits & flags.opaque) !== 0,
    implied: (bits & flags.implied) !== 0,
    linked: (bits & flags.linked) !== 0,
    mode: found[5],
    uid: found[6],
    gid: found[7],
    seconds: found[8],
    nanoseconds: found[9],
    size: found[10],
    pack: found[11],
    offset: found[12],
    linkTarget: link === null ? undefined : asName(link),
    more: found[14],
  };
}

/** The values of a row's columns. */
export function columnsOf(key: string, row: Row): Columns {
  return [
    asText(key),
    key === row.name ? null : asText(row.name),
    row.inode,
    typeNumbers.get(row.type)!,
    (row.opaque ? flags.opaque : 0) | (row.implied ? flags.implied : 0) | (row.linked ? flags.linked : 0),
    row.mode,
    row.uid,
    row.gid,
    row.seconds,
    row.nanoseconds,
    row.size,
    row.pack,
    row.offset,
    row.linkTarget === undefined ? null : asText(row.linkTarget),
    row.more,
  ];
}

/** As a name is kept. */
export function asText(name: string): Text {
  return name.isWellFormed() ? name : encodeName(name);
}

export function asName(text: Text): string {
  return typeof text === 'string' ? text : decodeName(text);
}
