import type { Readable } from 'node:stream';
import type { TarHeader } from '../formats/tar/entry.ts';
import { type NewTarMember, writeTar, type WriteTarOptions } from '../formats/tar/write-tar.ts';
import { PackReader, type Wanted } from './pack-reader.ts';
import type { TreeEntry } from './tree-entry.ts';

/** Something to be written to a tar: a header, with the bytes of what it is of, or alone. */
export type Member = { readonly header: TarHeader; readonly of?: Pick<TreeEntry, 'content' | 'size'> | undefined };

/** A tar of these, with the bytes of their packs. */
export function treeTar(members: Iterable<Member>, options: WriteTarOptions): Readable {
  return writeTar(withBodies(members), options);
}

function* withBodies(members: Iterable<Member>): Generator<NewTarMember, void, undefined> {
  const reader = new PackReader();
  try {
    for (const some of inSome(members)) {
      const wanted = some.map(({ of }) => of ?? nothing);
      for (const [at, { header }] of some.entries()) {
        const { content, size } = wanted[at]!;
        if (!content) yield { entry: header };
        else if (content.sparse || size > smallFile) yield { entry: { ...header, size }, body: reader.read(content, size) };
        else yield { entry: { ...header, size }, body: reader.held(content, size) ?? reader.small(content, size, wanted.slice(at + 1)) };
      }
    }
  } finally {
    reader.close();
  }
}

const nothing: Wanted = { size: 0 };
/** Bytes up to which a file is read whole. */
const smallFile = 64 << 10;

/** So many at a time as it is worth to look ahead. */
function* inSome(members: Iterable<Member>): Generator<Member[], void, undefined> {
  let some: Member[] = [];
  for (const member of members) {
    if (some.push(member) < 256) continue;
    yield some;
    some = [];
  }
  yield some;
}

/** Entries as headers: the first of several names of an inode has the bytes, the others are hard links to it. */
export class HeaderMaker {
  readonly #names = new Map<number, string>();

  member(entry: TreeEntry, path: string): Member {
    const { type, mode, uid, gid, mtime, pax, device, linkTarget, inode, links } = entry;
    const header = { path, mode, uid, gid, mtime, pax };
    if (links > 1) {
      const first = this.#names.get(inode);
      if (first !== undefined) return { header: { ...header, type: 'hard-link', linkname: first } };
      this.#names.set(inode, path);
    }
    return {
      header: {
        ...header,
        type: type === 'whiteout' ? 'file' : type,
        ...(linkTarget !== undefined && { linkname: linkTarget }),
        ...(device && { devmajor: device.major, devminor: device.minor }),
      },
      of: entry,
    };
  }
}
