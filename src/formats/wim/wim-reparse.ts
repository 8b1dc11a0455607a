/** Symbolic links and junctions as reparse points (MS-FSCC §2.1.2), as a WIM keeps them: without the buffer's header of 8 bytes. */

export const reparseTags = { symlink: 0xa000_000c, mountPoint: 0xa000_0003 } as const;

/** In a reparse point's flags in a WIM: an absolute target stands as it was, not relative to the image's root. */
export const notFixed = 1;

/** What Windows puts into the data of a relative symbolic link. */
const relative = 1;

export interface WimLink {
  readonly isMountPoint: boolean;
  /** What the system follows. */
  readonly substitute: string;
  /** What is shown. */
  readonly print: string;
}

/** What goes into a reparse point of a WIM. */
export interface MadeReparse {
  readonly tag: number;
  readonly reserved: number;
  readonly flags: number;
  readonly data: Uint8Array;
}

/** Undefined for what is no link, or one whose names lie outside of its data. */
export function linkOf(tag: number, data: Uint8Array): WimLink | undefined {
  const isMountPoint = tag === reparseTags.mountPoint;
  if (!isMountPoint && tag !== reparseTags.symlink) return undefined;
  const start = isMountPoint ? 8 : 12;
  if (data.length < start) return undefined;
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  const name = (at: number): string | undefined => {
    const from = start + bytes.readUInt16LE(at);
    const length = bytes.readUInt16LE(at + 2);
    return from % 2 === 0 && length % 2 === 0 && from + length <= bytes.length ? bytes.toString('utf16le', from, from + length) : undefined;
  };
  const substitute = name(0);
  const print = name(4);
  return substitute === undefined || print === undefined ? undefined : { isMountPoint, substitute, print };
}

/** Undefined where its names are too long for one: together about 8,000 characters. */
export function linkReparse({ isMountPoint, substitute, print }: WimLink, isRelative: boolean): MadeReparse | undefined {
  const names = [substitute, print].map((name) => Buffer.from(`${name}\0`, 'utf16le'));
  const head = Buffer.alloc(isMountPoint ? 8 : 12);
  const data = Buffer.concat([head, ...names]);
  if (data.length > 16_376) return undefined;
  data.writeUInt16LE(names[0]!.length - 2, 2);
  data.writeUInt16LE(names[0]!.length, 4);
  data.writeUInt16LE(names[1]!.length - 2, 6);
  if (!isMountPoint) data.writeUInt32LE(isRelative ? relative : 0, 8);
  return {
    tag: isMountPoint ? reparseTags.mountPoint : reparseTags.symlink,
    reserved: 0,
    flags: isRelative ? 0 : notFixed,
    data,
  };
}

/** A symbolic link of UNIX: slashes and backslashes change places, and an absolute target begins on drive C. */
export function unixLinkReparse(target: string): MadeReparse | undefined {
  const path = swapped(target);
  const isRelative = !path.startsWith('\\');
  const print = isRelative ? path : `C:${path}`;
  return linkReparse({ isMountPoint: false, substitute: isRelative ? path : `\\??\\${print}`, print }, isRelative);
}

/** The target of a link as UNIX has it: without the drive or device in front, with slashes. */
export function unixTarget({ substitute }: WimLink): string {
  const [, below] = /^\\(?:\?\?|DosDevices|Device)\\[^\\]*(.*)$/s.exec(substitute) ?? [];
  return swapped(below === undefined ? substitute : below || '\\');
}

function swapped(path: string): string {
  return path.replace(/[\\/]/g, (slash) => (slash === '/' ? '\\' : '/'));
}
