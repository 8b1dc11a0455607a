import type { Readable } from 'node:stream';
import { isImageError } from '../errors.ts';
import type { TarHeader, Timestamp } from '../formats/tar/entry.ts';
import type { WriteTarOptions } from '../formats/tar/write-tar.ts';
import { opaqueMarker, whiteoutPrefix } from './layer-indexer.ts';
import { HeaderMaker, type Member, treeTar } from './tree-members.ts';
import type { Union } from './union.ts';
import { type UpperStep, upperWalk } from './upper-walk.ts';
import { completeWindowsRecords, foldName, windowsFiles, windowsMode } from './windows.ts';

/**
 * What was changed, as a layer's tar (image-spec layer.md): in the order of paths, folders before what is in them, a hard link behind the name that has the bytes. The same
 * changes with the same times are the same bytes, on every system.
 *
 * On Linux what was removed is a whiteout `.wh.NAME`, and a folder that shows nothing of the one below has an opaque marker. A Windows layer has its roots `Files` and `Hives` and no
 * opaque markers, of which no Windows host knows: each hidden name is a whiteout there.
 */
export function layerTar(union: Union, options: WriteTarOptions = {}): Readable {
  return treeTar(union.os === 'windows' ? windowsMembers(union) : linuxMembers(union), options);
}

function* linuxMembers(union: Union): Generator<Member, void, undefined> {
  const headers = new HeaderMaker();
  for (const { path, row, below } of upperWalk(union)) {
    if (!row) continue;
    if (row.type === 'whiteout') {
      yield { header: whiteout(path, row) };
      continue;
    }
    const entry = union.upper!.index.entry(row, path);
    if (row.type !== 'directory') {
      yield headers.member(entry, path);
      continue;
    }
    yield headers.member(entry, `${path}/`);
    if (row.opaque && below?.row.type === 'directory') yield { header: marker(`${path}/${opaqueMarker}`, row) };
  }
}

function* windowsMembers(union: Union): Generator<Member, void, undefined> {
  const headers = new HeaderMaker();
  yield windowsRoot(union, windowsFiles);
  for (const { path, row, parent } of upperWalk(union)) {
    const name = `${windowsFiles}/${path}`;
    if (!row || row.type === 'whiteout') {
      yield { header: whiteout(name, row ?? parent) };
      continue;
    }
    const entry = union.upper!.index.entry(row, path);
    const { header, of } = headers.member(entry, name);
    yield header.type === 'hard-link' ? { header } : { header: completed(header, leadsToFolder(union, path, header)), of };
  }
  yield windowsRoot(union, 'Hives');
}

/** As the container shows it, where there is one. */
function windowsRoot(union: Union, name: string): Member {
  const root = union.stack.root();
  const node = root && union.stack.child(root, foldName(name));
  if (node) return { header: completed(new HeaderMaker().member(node.tree.entry(node.row, name, node.attributes), name).header) };
  return { header: completed({ path: name, type: 'directory' }) };
}

/** With what a Windows host wants to be said of each name, where a layer below did not say it. */
function completed(header: TarHeader, linksToFolder = false): TarHeader {
  const { path, type = 'file', mtime = { seconds: 0, nanoseconds: 0 }, pax = new Map<string, string>() } = header;
  const pure = completeWindowsRecords({ path, type, mtime }, pax, linksToFolder);
  const mode = header.mode ?? (type === 'directory' ? 0o755 : 0o644);
  return { ...header, mtime, pax: pure, mode: windowsMode(type === 'directory' || type === 'symlink' ? type : 'file', mode) };
}

/** Known only when everything is there: a tar may bring the folder after the link. */
function leadsToFolder(union: Union, path: string, { type }: TarHeader): boolean {
  if (type !== 'symlink') return false;
  try {
    return union.lookup(path, { follow: true })?.entry.type === 'directory';
  } catch (error) {
    // It goes in a circle, or to another drive.
    if (isImageError(error)) return false;
    throw error;
  }
}

function whiteout(path: string, row: NonNullable<UpperStep['row']>): TarHeader {
  const slash = path.lastIndexOf('/') + 1;
  return marker(`${path.slice(0, slash)}${whiteoutPrefix}${path.slice(slash)}`, row);
}

function marker(path: string, { seconds, nanoseconds }: Timestamp): TarHeader {
  return { path, mode: 0, mtime: { seconds, nanoseconds } };
}
