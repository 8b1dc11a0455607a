/** Digests survive every chain of places: whatever an image has been through, its manifest has the bytes that it was made with. */
import assert from 'node:assert/strict';
import { createReadStream, createWriteStream, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { test, type TestContext } from 'node:test';
import { createGzip } from 'node:zlib';

import fc from 'fast-check';

import { copy } from '../../src/content/copy.ts';
import { Directory } from '../../src/content/directory.ts';
import type { ImageSource } from '../../src/content/image-source.ts';
import { OciFolder } from '../../src/content/oci-folder.ts';
import { openArchive } from '../../src/content/open-archive.ts';
import { validate } from '../../src/content/validate.ts';
import { writeArchive, type WriteArchiveOptions } from '../../src/content/write-archive.ts';
import type { Descriptor } from '../../src/model/descriptor.ts';
import { ImageStore } from '../../src/store/image-store.ts';
import { makeImage, makeIndex, putImage } from '../support/make-image.ts';
import { temporary } from '../support/temporary.ts';

const name = 'docker.io/library/app:1';

interface Step {
  readonly source: ImageSource;
  readonly target: Descriptor;
  close?(): Promise<void>;
}

type Leg = (from: ImageSource, target: Descriptor, folder: string) => Promise<Step>;

async function archiveFile(
  from: ImageSource,
  target: Descriptor,
  path: string,
  options: WriteArchiveOptions,
  packed: boolean,
): Promise<string> {
  const archive = await writeArchive(from, [{ target, names: [options.dialect === 'oci' ? 'v1' : name] }], options);
  await (packed ? pipeline(archive, createGzip(), createWriteStream(path)) : pipeline(archive, createWriteStream(path)));
  return path;
}

const inStore = async (folder: string, from: (ingest: Awaited<ReturnType<ImageStore['begin']>>) => Promise<Descriptor>): Promise<Step> => {
  const store = await ImageStore.open(join(folder, 'store'));
  {
    await using ingest = await store.begin();
    await ingest.tag(await from(ingest), name);
  }
  const found = await store.resolve(name);
  return { source: store, target: found, close: () => store.close() };
};

const legs: Readonly<Record<string, Leg>> = {
  'an OCI folder': async (from, target, path) => {
    const folder = await OciFolder.open(join(path, 'oci'), { create: true });
    await copy(from, target, folder);
    await folder.tag(target, 'app:1');
    return { source: folder, target: await folder.resolve('app:1') };
  },
  'a dir: folder': async (from, target, path) => {
    const folder = await Directory.open(join(path, 'dir'), { create: true });
    await copy(from, target, folder);
    await folder.tag(target, '');
    return { source: folder, target: await folder.resolve('') };
  },
  'the store': (from, target, path) => inStore(path, async (ingest) => (await copy(from, target, ingest), target)),
  'a docker archive, in place': async (from, target, path) => {
    const archive = await openArchive(await archiveFile(from, target, join(path, 'a.tar'), {}, false));
    return { source: archive, target: await archive.resolve('app:1'), close: () => archive[Symbol.asyncDispose]() };
  },
  'an OCI archive, in place': async (from, target, path) => {
    const archive = await openArchive(await archiveFile(from, target, join(path, 'a.tar'), { dialect: 'oci' }, false));
    return { source: archive, target: await archive.resolve('v1'), close: () => archive[Symbol.asyncDispose]() };
  },
  'a packed archive poured into the store': async (from, target, path) => {
    const packed = await archiveFile(from, target, join(path, 'a.tar.gz'), {}, true);
    return inStore(path, async (ingest) => {
      await using archive = await openArchive(createReadStream(packed), { pour: ingest });
      assert.deepEqual(
        archive.entries.map(({ names, missing }) => [names, missing]),
        [[[name], []]],
      );
      await copy(archive, await archive.resolve(''), ingest);
      return await archive.resolve('');
    });
  },
  'a stream poured into a folder, never on disk as an archive': async (from, target, path) => {
    const folder = await OciFolder.open(join(path, 'oci'), { create: true });
    await using archive = await openArchive(await writeArchive(from, [{ target, names: [name] }]), { pour: folder });
    await copy(archive, await archive.resolve(name), folder);
    await folder.tag(target, 'poured');
    return { source: folder, target: await folder.resolve('poured') };
  },
};

const kinds = {
  'an image of gzip layers': () => makeImage(),
  'an image of docker types in zstd': () => makeImage({ docker: true, compression: 'zstd' }),
  'an image of plain layers': () => makeImage({ compression: 'none' }),
  'an index of two platforms': () =>
    makeIndex([
      { os: 'linux', architecture: 'amd64' },
      { os: 'windows', architecture: 'amd64', 'os.version': '10.0.20348.1726' },
    ]),
};

function folderOf(parent: string, turn: number): string {
  const path = join(parent, String(turn));
  mkdirSync(path);
  return path;
}

async function through(t: Pick<TestContext, 'after'>, kind: keyof typeof kinds, chain: readonly string[]): Promise<void> {
  const parent = temporary(t, 'chain');
  const image = await kinds[kind]();
  const start = await OciFolder.open(join(parent, 'start'), { create: true });
  await putImage(start, image);
  const opened: Step[] = [];
  let at: Step = { source: start, target: image.target };
  try {
    for (const [turn, leg] of chain.entries()) {
      at = await (legs[leg] ?? assert.fail(leg))(at.source, at.target, folderOf(parent, turn));
      opened.push(at);
      const { mediaType, digest, size } = at.target;
      assert.deepEqual({ mediaType, digest, size }, image.target, chain.slice(0, turn + 1).join(' → '));
    }
    assert.deepEqual(await validate(at.source, at.target, { diffIds: true }), []);
  } finally {
    for (const step of opened) await step.close?.();
  }
}

for (const leg of Object.keys(legs))
  for (const kind of Object.keys(kinds) as (keyof typeof kinds)[])
    test(`${kind} through ${leg} keeps its digest`, (t) => through(t, kind, [leg]));

test('any image through any chain of places keeps its digest', async (t) => {
  const chains = fc.array(fc.constantFrom(...Object.keys(legs)), { minLength: 2, maxLength: 4 });
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...(Object.keys(kinds) as (keyof typeof kinds)[])), chains, (kind, chain) => through(t, kind, chain)),
    { numRuns: 12 },
  );
});
