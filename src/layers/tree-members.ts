import type { Readable } from 'node:stream';
import type { TarHeader } from '../formats/tar/entry.ts';
import { type NewTarMember, writeTar } from '../formats/tar/write-tar.ts';
import { PackReader } from './pack-reader.ts';
import type { TreeEntry } from './tree-entry.ts';

/** Something to be written to a tar: a header, with the bytes of what it is of, or alone. */
export type Member = { readonly header: TarHeader; readonly of?: Pick<TreeEntry, 'content' | 'size'> | undefined };

/** A tar of these, with the bytes of their packs. */
export function treeTar(members: Iterable<Member>, signal: AbortSignal | undefined): Readable {
  return writeTar(withBodies(members), { signal });
}

async function* withBodies(members: Iterable<Member>): AsyncGenerator<NewTarMember, void, undefined> {
  const reader = new PackReader();
  try {
    for (const { header, of } of members) {
      if (!of?.content) yield { entry: header };
      else yield { entry: { ...header, size: of.size }, body: reader.held(of.content, of.size) ?? reader.read(of.content, of.size) };
    }
  } finally {
    await reader.close();
  }
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
