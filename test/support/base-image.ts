/** An image of a few files to make containers of, in a store of its own. */
import type { TestContext } from 'node:test';

import { Containers } from '../../src/containers/containers.ts';
import type { TarHeader } from '../../src/formats/tar/entry.ts';
import { writeTar } from '../../src/formats/tar/write-tar.ts';
import { once } from '../../src/io/once.ts';
import type { Descriptor } from '../../src/model/descriptor.ts';
import { parsePlatform } from '../../src/model/platform.ts';
import { parseReference } from '../../src/model/reference.ts';
import type { Host } from '../../src/operations/host.ts';
import { importImage } from '../../src/operations/import-image.ts';
import type { ImageStore } from '../../src/store/image-store.ts';
import { openStore } from './open-store.ts';

export type ContainersHost = Pick<Host, 'store' | 'containers' | 'now'>;

/** Folders end in a slash; a text is a file, anything else what its header says. */
export type Files = Readonly<Record<string, string | TarHeader>>;

export async function tarOfFiles(files: Files): Promise<Buffer> {
  const members = Object.entries(files).map(([path, file]) => ({
    entry: {
      mtime: { seconds: 1_700_000_000, nanoseconds: 0 },
      type: path.endsWith('/') ? ('directory' as const) : ('file' as const),
      ...(typeof file === 'string' ? {} : file),
      path,
    },
    ...(typeof file === 'string' && !path.endsWith('/') ? { body: file } : {}),
  }));
  const chunks: Buffer[] = [];
  for await (const chunk of writeTar(members)) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

const rootFiles: Files = {
  'bin/': '',
  'bin/sh': { path: '', mode: 0o755 },
  'data/': { path: '', type: 'directory', mode: 0o700 },
  'data/file': 'of the image\n',
  'data/sub/': '',
  'data/sub/deep': 'deep\n',
  'etc/': '',
  'etc/motd': 'hello\n',
  'etc/passwd': 'root:x:0:0::/:/bin/sh\nme:x:1000:100::/home/me:/bin/sh\n',
  'etc/group': 'root:x:0:\nstaff:x:50:\n',
  link: { path: '', type: 'symlink', linkname: 'data' },
  'usr/': '',
  'usr/lib/': '',
};

export interface BaseImageOptions {
  readonly name?: string;
  readonly changes?: readonly string[];
  readonly files?: Files;
  readonly platform?: string;
}

export async function makeBase(store: ImageStore, options: BaseImageOptions = {}): Promise<Descriptor> {
  const { name = 'base:1', changes = ['CMD ["sh"]'], files = rootFiles, platform = 'linux/amd64' } = options;
  return importImage({ store, now: () => new Date('2026-01-02T03:04:05Z') }, once(await tarOfFiles(files)), {
    reference: parseReference(name),
    changes,
    platform: parsePlatform(platform),
  });
}

/** A store with `base:1` in it. The clock stands still unless one is given. */
export async function openHostWithBase(
  t: Pick<TestContext, 'after'>,
  options: BaseImageOptions & { readonly now?: () => Date } = {},
): Promise<ContainersHost> {
  const store = await openStore(t);
  await makeBase(store, options);
  return { store, containers: new Containers(store), now: options.now ?? (() => new Date('2026-11-24T10:00:00.123Z')) };
}
