import type { TarHeader } from '../formats/tar/entry.ts';
import { formatPaxTime } from '../formats/tar/pax.ts';
import { type WimBlob, type WimEntry, wimAttributes } from '../formats/wim/wim-entry.ts';
import { type UnixData, unixDataOf } from '../formats/wim/wim-items.ts';
import type { MadeReparse } from '../formats/wim/wim-reparse.ts';
import { attributeRecords, itemsRecord } from './wim-item-records.ts';
import { isSameReparse, type LayerLink, layerLinkOf, layerReparse } from './wim-link.ts';
import { formatReparse, wimRecords } from './wim-records.ts';
import { fromFiletime } from './wim-time.ts';
import { windowsMode } from './windows.ts';

/** A header of a layer's tar, with the bytes that follow it. */
export interface WimMember {
  readonly header: TarHeader;
  readonly body?: WimBlob | undefined;
}

export interface EntryToWrite {
  readonly entry: WimEntry;
  /** In the layer: without slashes at its ends; '' is the root, which only Linux's layers have. */
  readonly path: string;
  readonly os: string;
  /** The bytes of `entry.reparse`. */
  readonly reparse: Uint8Array | undefined;
  /** The path that the same file has been written under. */
  readonly linkTo?: string | undefined;
  /** Records beside the entry's own. */
  readonly more?: Readonly<Record<string, string>>;
}

/** What an entry is in a layer. */
export interface EntryKind {
  readonly type: 'file' | 'directory' | 'symlink' | 'character-device' | 'block-device' | 'fifo' | 'socket';
  readonly link?: LayerLink | undefined;
  readonly unix?: UnixData | undefined;
}

/** S_IFMT and the types that WIMs of Linux's trees have. */
const typeBits = 0o170000;
const unixTypes = new Map<number, EntryKind['type']>([
  [0o010000, 'fifo'],
  [0o020000, 'character-device'],
  [0o060000, 'block-device'],
  [0o140000, 'socket'],
]);

const noBytes: WimBlob = { sha1: '', size: 0 };

/** A reparse point that is no link is what its attributes say, with a record of ours. */
export function kindOf({ entry, os, reparse }: Pick<EntryToWrite, 'entry' | 'os' | 'reparse'>): EntryKind {
  const unix = os === 'windows' ? undefined : unixDataOf(entry.items);
  const link = entry.reparse && reparse ? layerLinkOf({ tag: entry.reparse.tag, data: reparse }, os) : undefined;
  if (link) return { type: 'symlink', link, unix };
  if ((entry.attributes & wimAttributes.directory) !== 0) return { type: 'directory', unix };
  return { type: (unix && !entry.reparse ? unixTypes.get(unix.mode & typeBits) : undefined) ?? 'file', unix };
}

/**
 * An entry as members of a layer's tar: its header, and on Windows one more for each of its named streams. None for a socket, which no tar can hold. The same entry gives the same
 * headers, on every machine.
 */
export function wimMembers(given: EntryToWrite): WimMember[] {
  const kind = kindOf(given);
  const { entry, path, os, linkTo } = given;
  if (kind.type === 'socket') return [];
  const header = os === 'windows' ? windowsHeader(given, kind) : linuxHeader(given, kind);
  if (linkTo !== undefined) return [{ header: hardLink(header, given, linkTo) }];
  const members: WimMember[] = [{ header, body: kind.type === 'file' ? (entry.data ?? noBytes) : undefined }];
  if (os !== 'windows') return members;
  for (const { name, data } of entry.streams)
    members.push({ header: { path: `${path}:${name}`, mtime: fromFiletime(entry.written), mode: header.mode! }, body: data });
  return members;
}

/** On Linux there are readers that give a file the owner and mode of its last name; on Windows a second name says nothing but its own. */
function hardLink(header: TarHeader, { entry, path, os }: EntryToWrite, linkname: string): TarHeader {
  if (os !== 'windows') return { ...header, type: 'hard-link', linkname };
  return { path, type: 'hard-link', linkname, mtime: header.mtime!, pax: new Map(ownRecords(entry)) };
}

function windowsHeader(given: EntryToWrite, { type, link }: EntryKind): TarHeader {
  const { entry, path, os, more = {} } = given;
  const mtime = fromFiletime(entry.written);
  const pax = new Map<string, string>([
    // A reparse point of another kind is an ordinary file to everybody else.
    ['MSWINDOWS.fileattr', String(link ? entry.attributes : (entry.attributes & ~wimAttributes.reparsePoint) >>> 0)],
    ...(entry.descriptor ? [['MSWINDOWS.rawsd', base64(entry.descriptor)] as const] : []),
    ...(link?.isMountPoint ? [['MSWINDOWS.mountpoint', '1'] as const] : []),
    ['LIBARCHIVE.creationtime', formatPaxTime(fromFiletime(entry.created))],
    ['atime', formatPaxTime(fromFiletime(entry.accessed))],
    // NTFS's time of change, which no WIM has; readers that find none take another time, each its own.
    ['ctime', formatPaxTime(mtime)],
    ...ownRecords(entry),
    ...reparseRecord(given, link),
    ...attributeRecords(entry.items, os),
    ...Object.entries(more),
  ]);
  keepItems(pax, entry, os, undefined);
  const shape = type === 'symlink' || type === 'directory' ? type : 'file';
  const permissions = type === 'symlink' ? 0o777 : type === 'directory' ? 0o755 : 0o644;
  return { path, type: shape, mode: windowsMode(shape, permissions), mtime, pax, ...(link && { linkname: link.target }) };
}

function linuxHeader(given: EntryToWrite, { type, link, unix }: EntryKind): TarHeader {
  const { entry, path, os, more = {} } = given;
  const mtime = fromFiletime(entry.written);
  const mode = unix ? unix.mode & 0o7777 : type === 'symlink' ? 0o777 : type === 'directory' ? 0o755 : 0o644;
  const { uid = 0, gid = 0, rdev = 0 } = unix ?? {};
  const pax = new Map<string, string>([
    // Of a link they say whether it led to a folder where it was made, which may be no folder of this tree.
    ...(entry.attributes === usualAttributes(type) && type !== 'symlink'
      ? []
      : [['MSWINDOWS.fileattr', String(entry.attributes)] as const]),
    ...(entry.descriptor ? [['MSWINDOWS.rawsd', base64(entry.descriptor)] as const] : []),
    ...(entry.accessed === entry.written ? [] : [[wimRecords.accessed, formatPaxTime(fromFiletime(entry.accessed))] as const]),
    ...(entry.created === entry.written ? [] : [[wimRecords.created, formatPaxTime(fromFiletime(entry.created))] as const]),
    ...ownRecords(entry),
    ...reparseRecord(given, link),
    ...attributeRecords(entry.items, os),
    ...Object.entries(more),
  ]);
  const isDevice = type === 'character-device' || type === 'block-device';
  const device = isDevice ? { devmajor: (rdev >>> 8) & 0xfff, devminor: (rdev & 0xff) | ((rdev >>> 12) & 0xfff00) } : {};
  const header: TarHeader = {
    path: type === 'directory' ? (path === '' ? './' : `${path}/`) : path,
    type: type === 'socket' ? 'file' : type,
    mode,
    uid,
    gid,
    mtime,
    pax,
    ...device,
    ...(link && { linkname: link.target }),
  };
  keepItems(pax, entry, os, unixOf(header));
  return header;
}

/** What the UNIX data item of an entry of a Linux tree is made of. */
export function unixOf({ type, mode = 0, uid = 0, gid = 0, devmajor = 0, devminor = 0 }: TarHeader): UnixData {
  const bits = { symlink: 0o120000, directory: 0o040000, fifo: 0o010000, 'character-device': 0o020000, 'block-device': 0o060000 };
  const kind = type !== undefined && type in bits ? bits[type as keyof typeof bits] : 0o100000;
  const rdev = ((devminor & 0xff) | (devmajor << 8) | ((devminor & ~0xff) << 12)) >>> 0;
  return { uid, gid, mode: kind | (mode & 0o7777), rdev };
}

/** The attributes that an entry of a Linux tree has where nothing else is said: FILE_ATTRIBUTE_DIRECTORY, REPARSE_POINT, NORMAL, none. */
export function usualAttributes(type: string): number {
  if (type === 'directory') return wimAttributes.directory;
  if (type === 'symlink') return wimAttributes.reparsePoint;
  return type === 'file' ? wimAttributes.normal : 0;
}

/** What each name of a file says by itself. */
function ownRecords({ shortName, unknown54 }: WimEntry): [string, string][] {
  return [
    ...(shortName === '' ? [] : [[wimRecords.shortName, shortName] as [string, string]]),
    ...(unknown54 === 0 ? [] : [[wimRecords.unknown54, String(unknown54)] as [string, string]]),
  ];
}

function reparseRecord({ entry, os, reparse: data }: EntryToWrite, link: LayerLink | undefined): [string, string][] {
  if (!entry.reparse || !data) return [];
  const { tag, reserved, flags } = entry.reparse;
  const point: MadeReparse = { tag, reserved, flags, data };
  const made = link && layerReparse(link, os);
  return made && isSameReparse(made, point) ? [] : [[wimRecords.reparse, formatReparse(point)]];
}

function keepItems(pax: Map<string, string>, { items }: WimEntry, os: string, unix: UnixData | undefined): void {
  const kept = itemsRecord(items, { pax, unix }, os);
  if (kept !== undefined) pax.set(wimRecords.items, kept);
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
}
