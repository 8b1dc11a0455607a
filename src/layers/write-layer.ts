import type { Readable } from 'node:stream';
import type { TarHeader, Timestamp } from '../formats/tar/entry.ts';
import { opaqueMarker, whiteoutPrefix } from './layer-indexer.ts';
import { HeaderMaker, type Member, treeTar } from './tree-members.ts';
import type { Union } from './union.ts';
import { type UpperStep, upperWalk } from './upper-walk.ts';
import { windowsFiles, windowsMode, windowsRootEntry } from './windows.ts';

/**
 * What was changed, as a layer's tar (image-spec layer.md): in the order of paths, folders before what is in them, a hard link behind the name that has the bytes. The same
 * changes with the same times are the same bytes, on every system.
 *
 * On Linux what was removed is a whiteout `.wh.NAME`, and a folder that shows nothing of the one below has an opaque marker. A Windows layer has its roots `Files` and `Hives` and no
 * opaque markers, of which no Windows host knows: each hidden name is a whiteout there, and named streams follow their file.
 */
export function layerTar(union: Union, options: { readonly signal?: AbortSignal | undefined } = {}): Readable {
  return treeTar(union.os === 'windows' ? windowsMembers(union) : linuxMembers(union), options.signal);
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
  yield { header: windowsRootEntry('Files') };
  for (const { path, row, parent } of upperWalk(union)) {
    const name = `${windowsFiles}/${path}`;
    if (!row || row.type === 'whiteout') {
      yield { header: whiteout(name, row ?? parent) };
      continue;
    }
    const entry = union.upper!.index.entry(row, path);
    const { header, of } = headers.member(entry, name);
    const mode = windowsMode(row.type === 'directory' || row.type === 'symlink' ? row.type : 'file', row.mode);
    yield { header: { ...header, mode: header.type === 'hard-link' ? row.mode : mode }, of };
    if (header.type === 'hard-link') continue;
    for (const stream of entry.streams ?? []) {
      yield { header: { path: `${name}:${stream.name}`, mode: windowsMode('file', row.mode), mtime: entry.mtime }, of: stream };
    }
  }
  yield { header: windowsRootEntry('Hives') };
}

function whiteout(path: string, row: NonNullable<UpperStep['row']>): TarHeader {
  const slash = path.lastIndexOf('/') + 1;
  return marker(`${path.slice(0, slash)}${whiteoutPrefix}${path.slice(slash)}`, row);
}

function marker(path: string, { seconds, nanoseconds }: Timestamp): TarHeader {
  return { path, mode: 0, mtime: { seconds, nanoseconds } };
}
