/**
 * The shape of a Windows layer's tar (image-spec layer.md "Platform-specific attributes", and what Windows hosts export and accept).
 *
 * Three roots, each an entry of its own: `Files` is the C: drive, `Hives` the registry, `UtilityVM` with `UtilityVM/Files` the system that
 * isolates by Hyper-V. What NTFS knows and tar does not stands in PAX records. Nothing here needs Windows.
 */

import type { Readable } from 'node:stream';
import { ImageError } from '../errors.ts';
import type { TarEntry, Timestamp } from '../formats/tar/entry.ts';
import { formatPaxTime } from '../formats/tar/pax.ts';
import { type NewTarMember, writeTar } from '../formats/tar/write-tar.ts';
import { securityDescriptor } from './security-descriptor.ts';

/** The folders that a layer may have at its root, in the order in which they are written. */
const windowsRoots = ['Files', 'Hives', 'UtilityVM'] as const;

/** The root that is drive C. */
export const windowsFiles = 'Files';

/** PAX keywords. */
const windowsRecords = {
  /** FILE_ATTRIBUTE_* bits, decimal. */
  attributes: 'MSWINDOWS.fileattr',
  /** Self-relative security descriptor, base64. */
  descriptor: 'MSWINDOWS.rawsd',
  /** `1` on a symlink entry that is a junction. */
  mountPoint: 'MSWINDOWS.mountpoint',
  /** Followed by an extended attribute's name; base64. */
  extendedAttribute: 'MSWINDOWS.xattr.',
  creationTime: 'LIBARCHIVE.creationtime',
} as const;

/** FILE_ATTRIBUTE_* bits (MS-FSCC §2.6) that entries of a layer have. */
const fileAttributes = {
  readOnly: 0x1,
  hidden: 0x2,
  system: 0x4,
  directory: 0x10,
  archive: 0x20,
  reparsePoint: 0x400,
} as const;

/** What Microsoft's own images give: administrators and the system everything, users reading and running, and making files in folders. */
export const directoryDescriptor =
  'O:BAG:SYD:(A;OICI;FA;;;BA)(A;OICI;FA;;;SY)(A;;FA;;;BA)(A;OICIIO;GA;;;CO)(A;OICI;0x1200a9;;;BU)(A;CI;LC;;;BU)(A;CI;DC;;;BU)';
export const fileDescriptor = 'O:BAG:SYD:(A;;FA;;;BA)(A;;FA;;;SY)(A;;0x1200a9;;;BU)';

/** Mode bits that Windows writers set: S_IFDIR and S_IFREG, for the tools that look there and not at the type. */
const directoryMode = 0o40755;
const fileMode = 0o100644;

/** A file, or without `content` a folder, of a Windows layer. */
export interface WindowsFile {
  /** From the layer's root, with forward slashes: `Files/Windows/System32/cmd.exe`, `Hives/System_Base`. */
  readonly path: string;
  readonly content?: Uint8Array | string;
  /** FILE_ATTRIBUTE_* bits; the directory bit of folders need not be given. Default: archive, or directory. */
  readonly attributes?: number;
  /** Also the time of the last change. Default: that of the layer. */
  readonly creationTime?: Timestamp;
}

/**
 * The tar of a base layer with these files. Roots and folders on the way are added; the order is that of the paths, whatever order they
 * come in, so the same tree is the same bytes.
 *
 * @throws ImageError `invalid-argument` for a path that no Windows layer or no NTFS volume can hold, and for two of one name: case does not tell them apart there.
 */
export function windowsBaseLayer(files: Iterable<WindowsFile>, creationTime: Timestamp = { seconds: 0, nanoseconds: 0 }): Readable {
  return writeTar(members(files, creationTime));
}

function members(files: Iterable<WindowsFile>, layerTime: Timestamp): NewTarMember[] {
  const tree = new Map<string, WindowsFile>(); // by path as NTFS compares it
  for (const root of ['Files', 'Hives']) tree.set(foldName(root), { path: root });
  for (const file of files) {
    checkWindowsPath(file.path);
    for (let slash = file.path.indexOf('/'); slash !== -1; slash = file.path.indexOf('/', slash + 1)) {
      const folder = { path: file.path.slice(0, slash) };
      const there = tree.get(foldName(folder.path));
      if (there === undefined) tree.set(foldName(folder.path), folder);
      else if (there.content !== undefined) throw refuse(file.path, `${JSON.stringify(there.path)} is a file`);
    }
    const there = tree.get(foldName(file.path));
    const isImplied = there !== undefined && there.content === undefined && file.content === undefined && there.attributes === undefined;
    if (there !== undefined && !isImplied) throw refuse(file.path, `it is there twice, as ${JSON.stringify(there.path)} before`);
    tree.set(foldName(file.path), file);
  }
  const keys = [...tree.keys()].sort(byComponents);
  return keys.map((key) => member(tree.get(key)!, layerTime));
}

function member({ path, content, attributes, creationTime }: WindowsFile, layerTime: Timestamp): NewTarMember {
  const isFolder = content === undefined;
  const time = creationTime ?? layerTime;
  const bits = isFolder ? (attributes ?? 0) | fileAttributes.directory : (attributes ?? fileAttributes.archive);
  const pax = new Map([
    [windowsRecords.attributes, String(bits)],
    [windowsRecords.descriptor, descriptorRecord(isFolder)],
    [windowsRecords.creationTime, formatPaxTime(time)],
  ]);
  const entry = { path, type: isFolder ? 'directory' : 'file', mode: isFolder ? directoryMode : fileMode, mtime: time, pax } as const;
  return isFolder ? { entry } : { entry, body: content };
}

/**
 * The records that a new file, folder or link gets which comes without them: attributes, a security descriptor, the time of its making. Others that mean nothing there
 * (attributes of Linux's) are left out. `linksToFolder`: a link's attributes and descriptor say which it is; without it, it gets none of them yet.
 *
 * @throws ImageError `invalid-argument` for what Windows has not
 */
export function completeWindowsRecords(
  { path, type, mtime }: Pick<TarEntry, 'path' | 'type' | 'mtime'>,
  pax: ReadonlyMap<string, string>,
  linksToFolder?: boolean,
): Map<string, string> {
  if (type !== 'file' && type !== 'directory' && type !== 'symlink') throw refuse(path, `Windows has no ${type.replace('-', ' ')}s`);
  const made = new Map<string, string>([[windowsRecords.creationTime, formatPaxTime(mtime)]]);
  if (type !== 'symlink' || linksToFolder !== undefined) {
    const isFolder = type === 'directory' || (type === 'symlink' && linksToFolder === true);
    const bits = (isFolder ? fileAttributes.directory : fileAttributes.archive) | (type === 'symlink' ? fileAttributes.reparsePoint : 0);
    made.set(windowsRecords.attributes, String(bits));
    made.set(windowsRecords.descriptor, descriptorRecord(isFolder));
  }
  return new Map([...made, ...[...pax].filter(([keyword]) => !keyword.startsWith('SCHILY.'))]);
}

const descriptorRecords = new Map<boolean, string>();

/** Of every new file or folder the same: made once. */
function descriptorRecord(isFolder: boolean): string {
  let record = descriptorRecords.get(isFolder);
  if (record === undefined) {
    record = securityDescriptor(isFolder ? directoryDescriptor : fileDescriptor).toString('base64');
    descriptorRecords.set(isFolder, record);
  }
  return record;
}

/** Mode bits with those of the type, for the tools that look there and not at the type. */
export function windowsMode(type: 'file' | 'directory' | 'symlink', mode: number): number {
  return (type === 'directory' ? 0o40000 : type === 'symlink' ? 0o120000 : 0o100000) | mode;
}

/** NTFS takes controls from U+007F on. */
// eslint-disable-next-line no-control-regex
const notInNames = /[\u0000-\u001f<>:"\\|?*]|[ .]$/;

/** Throws `invalid-argument` where an entry of a tar, as a tar spells its path, stands beside a layer's roots: such a tar is of a folder, or of Linux. */
export function checkWindowsEntry({ path }: Pick<TarEntry, 'path'>): void {
  const root = path.split('/').find((part) => part !== '' && part !== '.');
  if (root !== undefined && !root.startsWith('.wh.')) checkRoot(path, root);
}

function checkRoot(path: string, root: string): void {
  if (!windowsRoots.some((name) => name === root))
    throw refuse(
      path,
      `a Windows layer has only ${windowsRoots.join(', ')} at its root`,
      'What is to be on drive C goes below Files/ in the tar.',
    );
}

/**
 * Throws `invalid-argument` unless an entry of this path may stand in a Windows layer: below one of the roots, in `UtilityVM` only
 * `Files`, no empty, `.` or `..` part, and in no part what NTFS refuses. A colon is refused too: it would be an alternate data stream.
 */
export function checkWindowsPath(path: string): void {
  const parts = path.split('/');
  const [root = '', second] = parts;
  checkRoot(path, root);
  if (root === 'UtilityVM' && second !== undefined && second !== 'Files') throw refuse(path, 'UtilityVM has only Files in it');
  for (const part of parts) {
    if (part === '' || part === '.' || part === '..') throw refuse(path, 'a part of it is empty or made of dots');
    if (notInNames.test(part)) throw refuse(path, `${JSON.stringify(part)} is no name on Windows`);
    if (part.length > 255) throw refuse(path, 'a part of it is longer than 255 characters');
  }
}

function byComponents(a: string, b: string): number {
  // '/' before every other character: a folder's content comes right behind it
  const [left, right] = [a.replaceAll('/', '\0'), b.replaceAll('/', '\0')];
  return left < right ? -1 : left > right ? 1 : 0;
}

/** A name as NTFS compares it: in upper case, letter by letter, so that nothing becomes longer (ß stays ß). */
export function foldName(name: string): string {
  const upper = name.toUpperCase();
  if (upper.length === name.length) return upper;
  return Array.from(name, (letter) => (letter.toUpperCase().length === letter.length ? letter.toUpperCase() : letter)).join('');
}

function refuse(path: string, why: string, hint?: string): ImageError {
  return new ImageError('invalid-argument', `${JSON.stringify(path)} cannot be in a Windows layer: ${why}`, { hint });
}
