import { isImageError } from '../errors.ts';
import type { Timestamp } from '../formats/tar/entry.ts';
import { parsePaxTime } from '../formats/tar/pax.ts';
import { wimAttributes, type WimItem } from '../formats/wim/wim-entry.ts';
import type { MadeReparse } from '../formats/wim/wim-reparse.ts';
import { securityDescriptor } from './security-descriptor.ts';
import type { TreeEntry } from './tree-entry.ts';
import { itemsOf, tooLongAttributes } from './wim-item-records.ts';
import { layerLinkOf, layerReparse } from './wim-link.ts';
import type { WimLossKind } from './wim-losses.ts';
import { unixOf, usualAttributes } from './wim-member.ts';
import { parseReparse, wimRecords } from './wim-records.ts';
import { isFiletime, toFiletime } from './wim-time.ts';

/** What a WIM says of a file of a layer's tree, but for its name, its bytes and what is in it. */
export interface WimFacts {
  readonly attributes: number;
  readonly descriptor: Uint8Array | undefined;
  /** FILETIMEs. */
  readonly created: bigint;
  readonly accessed: bigint;
  readonly written: bigint;
  readonly reparse: MadeReparse | undefined;
  readonly items: readonly WimItem[];
  readonly shortName: string;
  readonly unknown54: number;
}

export interface Surroundings {
  readonly os: string;
  /** For a link: it leads to a folder. Asked where its layer does not say it. */
  readonly linksToFolder: () => boolean;
  /** For a folder: nothing is in it. */
  readonly isEmpty: () => boolean;
  /** Told of what a WIM cannot hold of it. */
  readonly onLoss?: ((kind: WimLossKind) => void) | undefined;
}

/** FILE_ATTRIBUTE_ARCHIVE, as Windows gives new files. */
const { archive, directory, reparsePoint, encrypted } = wimAttributes;

export function wimFacts(entry: TreeEntry, around: Surroundings): WimFacts {
  const { pax, mtime } = entry;
  const { os, onLoss } = around;
  const isWindows = os === 'windows';
  const time = (keyword: string): Timestamp => parsePaxTime(pax.get(keyword) ?? '') ?? mtime;
  const created = time(isWindows || !pax.has(wimRecords.created) ? 'LIBARCHIVE.creationtime' : wimRecords.created);
  const accessed = time(isWindows ? 'atime' : wimRecords.accessed);
  const times = [created, accessed, mtime];
  if (!times.every(isFiletime)) onLoss?.('times');
  const reparse = reparsePointOf(entry, around);
  for (const _ of tooLongAttributes(pax, os)) onLoss?.('attributes');
  return {
    attributes: attributesOf(entry, reparse !== undefined, around),
    descriptor: descriptorOf(pax, onLoss),
    created: toFiletime(created),
    accessed: toFiletime(accessed),
    written: toFiletime(mtime),
    reparse,
    items: itemsOf({ pax, unix: isWindows ? undefined : unixOf(tarHeader(entry)) }, os),
    shortName: pax.get(wimRecords.shortName) ?? '',
    unknown54: uint32(pax.get(wimRecords.unknown54)) ?? 0,
  };
}

function tarHeader({ path, type, mode, uid, gid, device }: TreeEntry) {
  return {
    path,
    type: type === 'whiteout' ? ('file' as const) : type,
    mode,
    uid,
    gid,
    ...(device && { devmajor: device.major, devminor: device.minor }),
  };
}

/** What the layer says, but that a folder is one, and a link one. */
function attributesOf(entry: TreeEntry, isPoint: boolean, { os, linksToFolder }: Surroundings): number {
  const { type, pax } = entry;
  const said = uint32(pax.get('MSWINDOWS.fileattr'));
  if (said !== undefined) {
    const kind = type === 'directory' ? directory : type === 'symlink' ? said & directory : 0;
    return ((said & ~(directory | reparsePoint | encrypted)) | kind | (isPoint ? reparsePoint : 0)) >>> 0;
  }
  const folder = type === 'directory' || (type === 'symlink' && linksToFolder()) ? directory : 0;
  const point = isPoint ? reparsePoint : 0;
  if (os === 'windows') return folder | point | (folder === 0 ? archive : 0);
  return type === 'directory' || type === 'symlink' ? folder | point : usualAttributes(type) | point;
}

/** The link that it is, exactly as the WIM had it where it is still that one; or what a layer cannot say otherwise. */
function reparsePointOf(entry: TreeEntry, { os, isEmpty }: Surroundings): MadeReparse | undefined {
  const { type, pax, linkTarget } = entry;
  const kept = parseReparse(pax.get(wimRecords.reparse) ?? '');
  if (type === 'symlink' && linkTarget !== undefined) {
    const link = { target: linkTarget, isMountPoint: pax.get('MSWINDOWS.mountpoint') === '1' };
    const was = kept && layerLinkOf(kept, os);
    return was?.target === link.target && was.isMountPoint === link.isMountPoint ? kept : layerReparse(link, os);
  }
  if (type === 'file' || (type === 'directory' && isEmpty())) return kept;
  return undefined;
}

function descriptorOf(pax: ReadonlyMap<string, string>, onLoss: Surroundings['onLoss']): Uint8Array | undefined {
  const raw = pax.get('MSWINDOWS.rawsd');
  if (raw !== undefined) {
    const bytes = Buffer.from(raw, 'base64');
    // Revision 1, and the header's 20 bytes (MS-DTYP §2.4.6).
    if (bytes.length >= 20 && bytes[0] === 1) return bytes;
    onLoss?.('odd-descriptors');
    return undefined;
  }
  const text = pax.get('MSWINDOWS.sd');
  if (text === undefined) return undefined;
  try {
    return securityDescriptor(text);
  } catch (error) {
    if (!isImageError(error, 'invalid-argument')) throw error;
    onLoss?.('odd-descriptors');
    return undefined;
  }
}

function uint32(text: string | undefined): number | undefined {
  if (text === undefined || !/^\d{1,10}$/.test(text)) return undefined;
  const value = Number(text);
  return value <= 0xffff_ffff ? value : undefined;
}
