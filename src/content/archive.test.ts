import assert from 'node:assert/strict';
import { createReadStream } from 'node:fs';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';

import { bytesOf, chunksOf, makeImage, makeIndex, putImage, tarOf, type MadeImage } from '../../test/support/make-image.ts';
import { temporary } from '../../test/support/temporary.ts';
import { readTar } from '../formats/tar/read-tar.ts';
import { writeTar, type NewTarMember } from '../formats/tar/write-tar.ts';
import { mediaTypes } from '../model/media-types.ts';
import type { Archive } from './archive.ts';
import { copy } from './copy.ts';
import { Image } from './image.ts';
import { OciFolder } from './oci-folder.ts';
import { openArchive } from './open-archive.ts';
import { validate } from './validate.ts';
import { writeArchive } from './write-archive.ts';

type Context = Parameters<typeof temporary>[0];

const amd64 = { os: 'linux', architecture: 'amd64' };
const arm64 = { os: 'linux', architecture: 'arm64' };

async function folderWith(t: Context, ...images: readonly MadeImage[]): Promise<OciFolder> {
  const folder = await OciFolder.open(join(temporary(t), 'oci'), { create: true });
  for (const image of images) await putImage(folder, image);
  return folder;
}

/** The archive both ways: read in place and poured. */
async function bothWays(
  t: Context,
  bytes: Uint8Array,
  check: (archive: Archive, way: 'in place' | 'poured') => Promise<void>,
): Promise<void> {
  const path = join(temporary(t), 'archive.tar');
  await writeFile(path, bytes);
  {
    await using archive = await openArchive(path);
    await check(archive, 'in place');
  }
  await using poured = await openArchive(chunksOf(bytes, 7000), { pour: await folderWith(t) });
  await check(poured, 'poured');
}

async function entriesOf(bytes: Uint8Array) {
  const entries: { path: string; mode: number; type: string; seconds: number; body: Buffer }[] = [];
  for await (const { entry, body } of readTar(chunksOf(bytes)))
    entries.push({ path: entry.path, mode: entry.mode, type: entry.type, seconds: entry.mtime.seconds, body: await bytesOf(body) });
  return entries;
}

/** What docker 1.10 to 24 wrote. */
async function legacy(
  images: readonly { image: MadeImage; tags: readonly string[] | null }[],
  options: { links?: 'symlink' | 'hard-link' } = {},
): Promise<Buffer> {
  const members: NewTarMember[] = [];
  const where = new Map<string, string>();
  const manifest = images.map(({ image, tags }, at) => {
    const config = `${image.config.digest.slice(7)}.json`;
    members.push({ entry: { path: config }, body: image.blobs.get(image.config.digest) });
    const layers = image.layers.map(({ digest }, number) => {
      const id = `${at}${number}`.repeat(32);
      members.push(
        { entry: { path: `${id}/`, type: 'directory' } },
        { entry: { path: `${id}/VERSION` }, body: '1.0' },
        { entry: { path: `${id}/json` }, body: '{}' },
      );
      const path = `${id}/layer.tar`;
      const before = where.get(digest);
      if (before !== undefined && options.links)
        members.push({ entry: { path, type: options.links, linkname: options.links === 'symlink' ? `../${before}` : before } });
      else members.push({ entry: { path }, body: image.blobs.get(digest) });
      where.set(digest, path);
      return path;
    });
    return { Config: config, RepoTags: tags, Layers: layers };
  });
  members.push({ entry: { path: 'manifest.json' }, body: JSON.stringify(manifest) }, { entry: { path: 'repositories' }, body: '{}' });
  return bytesOf(writeTar(members));
}

test('what is saved is an OCI layout and a docker archive in the order and shape of docker', async (t) => {
  const image = await makeImage();
  const folder = await folderWith(t, image);
  const bytes = await bytesOf(
    await writeArchive(folder, [{ target: image.target, names: ['docker.io/library/app:1', 'docker.io/me/app:2'] }]),
  );
  assert.deepEqual(
    await bytesOf(await writeArchive(folder, [{ target: image.target, names: ['docker.io/library/app:1', 'docker.io/me/app:2'] }])),
    bytes,
  );
  const entries = await entriesOf(bytes);
  const blobs = [...image.blobs.keys()].map((digest) => `blobs/sha256/${digest.slice(7)}`).toSorted();
  assert.deepEqual(
    entries.map(({ path }) => path),
    ['blobs/', 'blobs/sha256/', ...blobs, 'index.json', 'manifest.json', 'oci-layout'],
  );
  for (const { path, mode, seconds } of entries) {
    assert.equal(seconds, 0);
    assert.equal(mode, path.endsWith('/') ? 0o755 : path.startsWith('blobs/') || path === 'oci-layout' ? 0o444 : 0o644);
  }
  const text = (path: string) => JSON.parse(entries.find((entry) => entry.path === path)?.body.toString() ?? '') as unknown;
  assert.deepEqual(text('oci-layout'), { imageLayoutVersion: '1.0.0' });
  assert.deepEqual(text('manifest.json'), [
    {
      Config: `blobs/sha256/${image.config.digest.slice(7)}`,
      RepoTags: ['app:1', 'me/app:2'],
      Layers: image.layers.map(({ digest }) => `blobs/sha256/${digest.slice(7)}`),
    },
  ]);
  const named = (name: string, tag: string) => ({
    ...image.target,
    annotations: { 'io.containerd.image.name': name, 'org.opencontainers.image.ref.name': tag },
  });
  assert.deepEqual(text('index.json'), {
    schemaVersion: 2,
    mediaType: mediaTypes.ociIndex,
    manifests: [named('docker.io/library/app:1', '1'), named('docker.io/me/app:2', '2')],
  });
});

test('several images with several names come back as they were, read in place and poured', async (t) => {
  const [one, two] = [
    await makeImage({ layers: ['shared', '1'] }),
    await makeImage({ layers: ['shared', '2'], docker: true, compression: 'zstd' }),
  ];
  const three = await makeIndex([amd64, arm64]);
  const folder = await folderWith(t, one, two, three);
  const images = [
    { target: one.target, names: ['docker.io/library/one:latest', 'quay.io/me/one:latest'] },
    { target: two.target, names: [] },
    { target: three.target, names: ['docker.io/library/three:1'] },
  ];
  const bytes = await bytesOf(await writeArchive(folder, images));
  await bothWays(t, bytes, async (archive, way) => {
    assert.deepEqual(
      archive.entries,
      images.map((image) => ({ ...image, missing: [], whole: [image.target], isMade: false })),
      way,
    );
    const to = await folderWith(t);
    for (const { target } of archive.entries) {
      await copy(archive, target, to);
      assert.deepEqual(await validate(to, target, { diffIds: true }), []);
    }
    assert.deepEqual(await archive.resolve('quay.io/me/one'), one.target);
    assert.deepEqual(await archive.resolve(three.images[1]?.target.digest ?? ''), three.images[1]?.target);
    await assert.rejects(archive.resolve('four'), { code: 'not-found', hint: /three:1/ });
    await assert.rejects(archive.resolve(''), { code: 'ambiguous' });
  });
});

for (const [how, pack] of [
  ['gzip', gzipSync],
  ['zstd', zstdCompressSync],
] as const)
  test(`an archive packed with ${how} is poured, and is refused where there is nowhere to pour it`, async (t) => {
    const image = await makeImage();
    const bytes = await bytesOf(
      await writeArchive(await folderWith(t, image), [{ target: image.target, names: ['docker.io/library/app:1'] }]),
    );
    const path = join(temporary(t), 'named-as-if.tar');
    await writeFile(path, pack(bytes));
    await assert.rejects(openArchive(path), { code: 'unsupported', message: new RegExp(`packed with ${how}`) });
    const pour = await folderWith(t);
    await using archive = await openArchive(path, { pour });
    await copy(archive, archive.entries[0]?.target ?? assert.fail(), pour);
    assert.deepEqual(await validate(pour, image.target, { diffIds: true }), []);
  });

test('poured content is there before the copy asks for it: nothing is written twice', async (t) => {
  const image = await makeImage();
  const bytes = await bytesOf(await writeArchive(await folderWith(t, image), [{ target: image.target, names: [] }]));
  const pour = await folderWith(t);
  await using archive = await openArchive(chunksOf(bytes), { pour });
  const states: string[] = [];
  await copy(archive, image.target, pour, { onProgress: ({ state }) => states.push(state) });
  assert.deepEqual(states, ['exists']);
});

test('an archive without some layers is whole where they are there already', async (t) => {
  const [base, app] = [await makeImage({ layers: ['base'] }), await makeImage({ layers: ['base', 'app'] })];
  const from = await folderWith(t, base, app);
  const entries = (
    await entriesOf(await bytesOf(await writeArchive(from, [{ target: app.target, names: ['docker.io/library/app:1'] }])))
  ).filter(({ path }) => !path.includes(base.layers[0]?.digest.slice(7) ?? ''));
  const bytes = await bytesOf(
    writeTar(
      entries.map(({ path, type, body }) => ({
        entry: { path, type: type === 'directory' ? 'directory' : 'file' },
        body: type === 'directory' ? undefined : body,
      })),
    ),
  );
  const to = await folderWith(t, base);
  await using archive = await openArchive(chunksOf(bytes), { pour: to });
  assert.deepEqual(archive.entries[0]?.missing, []);
  await copy(archive, app.target, to);
  assert.deepEqual(await validate(to, app.target), []);
  await using other = await openArchive(chunksOf(bytes), { pour: await folderWith(t) });
  assert.deepEqual(other.entries[0]?.missing, [app.layers[0]]);
  assert.deepEqual(other.entries[0]?.whole, []);
});

test('the old dialect gives one image, whoever reads it and however: digests, names, layers as they are', async (t) => {
  const one = await makeImage({ layers: ['shared', '1'], compression: 'none' });
  const two = await makeImage({ layers: ['shared', '2'], compression: 'none' });
  const digests = new Set<string>();
  for (const links of [undefined, 'symlink', 'hard-link'] as const) {
    const bytes = await legacy(
      [
        { image: one, tags: ['one:1', 'me/one:2'] },
        { image: two, tags: null },
      ],
      links ? { links } : {},
    );
    await bothWays(t, bytes, async (archive, way) => {
      assert.deepEqual(
        archive.entries.map(({ names }) => names),
        [['docker.io/library/one:1', 'docker.io/me/one:2'], []],
      );
      assert.ok(archive.entries.every(({ isMade, missing }) => isMade && missing.length === 0));
      const to = await folderWith(t);
      for (const { target } of archive.entries) {
        digests.add(target.digest);
        await copy(archive, target, to);
        assert.deepEqual(await validate(to, target, { diffIds: true }), [], way);
      }
    });
  }
  // a plain image of OCI types is what an archive of it is taken for
  const made = [one.target.digest, two.target.digest];
  assert.deepEqual([...digests], made);
});

test('an image that went through the old dialect keeps its digest from there on', async (t) => {
  const image = await makeImage({ compression: 'none' });
  const store = await folderWith(t);
  await using archive = await openArchive(chunksOf(await legacy([{ image, tags: ['app:1'] }])), { pour: store });
  const target = archive.entries[0]?.target ?? assert.fail();
  await copy(archive, target, store);
  const saved = await bytesOf(await writeArchive(store, [{ target, names: ['docker.io/library/app:1'] }]));
  await bothWays(t, saved, async (again) =>
    assert.deepEqual(again.entries, [{ target, names: ['docker.io/library/app:1'], missing: [], whole: [target], isMade: false }]),
  );
});

test('packed layers and paths of other tools are read for what they are', async (t) => {
  const image = await makeImage({ compression: 'gzip' });
  const plain = await makeImage({ compression: 'none' });
  // crane
  const crane = await bytesOf(
    writeTar([
      { entry: { path: image.config.digest }, body: image.blobs.get(image.config.digest) },
      ...image.layers.map(({ digest }) => ({ entry: { path: `${digest.slice(7)}.tar.gz` }, body: image.blobs.get(digest) })),
      {
        entry: { path: 'manifest.json' },
        body: JSON.stringify([
          { Config: image.config.digest, RepoTags: ['app:1'], Layers: image.layers.map(({ digest }) => `${digest.slice(7)}.tar.gz`) },
        ]),
      },
    ]),
  );
  // podman: the layer has the diff ID's name, and the old path is a link to it; the documents come first
  const podman = await bytesOf(
    writeTar([
      {
        entry: { path: './manifest.json' },
        body: JSON.stringify([
          {
            Config: `${plain.config.digest.slice(7)}.json`,
            RepoTags: ['app:1'],
            Layers: plain.layers.map((_, at) => `v1-${at}/layer.tar`),
          },
        ]),
      },
      { entry: { path: `./${plain.config.digest.slice(7)}.json` }, body: plain.blobs.get(plain.config.digest) },
      ...plain.layers.flatMap(({ digest }, at): NewTarMember[] => [
        { entry: { path: `./v1-${at}/layer.tar`, type: 'symlink', linkname: `../${digest.slice(7)}.tar` } },
        { entry: { path: `./${digest.slice(7)}.tar` }, body: plain.blobs.get(digest) },
      ]),
    ]),
  );
  for (const bytes of [crane, podman]) {
    const digests = new Set<string>();
    await bothWays(t, bytes, async (archive) => {
      const to = await folderWith(t);
      const target = archive.entries[0]?.target ?? assert.fail();
      digests.add(target.digest);
      await copy(archive, target, to);
      assert.deepEqual(await validate(to, target, { diffIds: true }), []);
    });
    assert.equal(digests.size, 1);
  }
});

test('a name that two images of manifest.json claim is the last one, as with docker', async (t) => {
  const [one, two] = [await makeImage({ layers: ['1'], compression: 'none' }), await makeImage({ layers: ['2'], compression: 'none' })];
  await bothWays(
    t,
    await legacy([
      { image: one, tags: ['app:1'] },
      { image: two, tags: ['app:1'] },
    ]),
    async (archive) =>
      assert.deepEqual(
        archive.entries.map(({ names }) => names),
        [[], ['docker.io/library/app:1']],
      ),
  );
});

test('a foreign layer that only LayerSources knows stays foreign, and LayerSources is written for it', async (t) => {
  const image = await makeImage({ foreign: [0], docker: true });
  const folder = await folderWith(t);
  await putImage(folder, image, ({ digest }) => digest === image.layers[0]?.digest);
  const bytes = await bytesOf(await writeArchive(folder, [{ target: image.target, names: ['docker.io/library/app:1'] }]));
  const entries = await entriesOf(bytes);
  assert.ok(!entries.some(({ path }) => path.includes(image.layers[0]?.digest.slice(7) ?? '')));
  const config = JSON.parse(image.blobs.get(image.config.digest)?.toString() ?? '') as { rootfs: { diff_ids: string[] } };
  const [item] = JSON.parse(entries.find(({ path }) => path === 'manifest.json')?.body.toString() ?? '') as [Record<string, unknown>];
  assert.deepEqual(item?.LayerSources, { [config.rootfs.diff_ids[0] ?? '']: image.layers[0] });
  await bothWays(t, bytes, async (archive) =>
    assert.deepEqual(archive.entries[0], {
      target: image.target,
      names: ['docker.io/library/app:1'],
      missing: [],
      whole: [image.target],
      isMade: false,
    }),
  );
  // the docker half alone
  const half = await bytesOf(
    writeTar(
      entries
        .filter(({ path, type }) => type === 'file' && path !== 'index.json' && path !== 'oci-layout')
        .map(({ path, body }) => ({ entry: { path }, body })),
    ),
  );
  await bothWays(t, half, async (archive) => {
    const to = await folderWith(t);
    const target = archive.entries[0]?.target ?? assert.fail();
    await copy(archive, target, to);
    assert.deepEqual(await validate(to, target), []);
    const { layers } = (await Image.open(to, target)).manifest;
    assert.deepEqual(layers[0], { ...image.layers[0], mediaType: mediaTypes.ociForeignLayerGzip });
    assert.deepEqual(layers[1], { ...image.layers[1], mediaType: mediaTypes.ociLayerGzip });
  });
});

test('an image that is not whole is not saved, unless what is missing is asked to be told', async (t) => {
  const made = await makeIndex([amd64, arm64]);
  const folder = await folderWith(t);
  const [here, away] = made.images;
  await putImage(folder, here ?? assert.fail());
  const index = made.blobs.get(made.target.digest) ?? assert.fail();
  await writeFile(join(folder.path, 'blobs', 'sha256', made.target.digest.slice(7)), index);
  const images = [{ target: made.target, names: ['docker.io/library/app:1'] }];
  const missing = { ...away?.target, platform: arm64 };
  await assert.rejects(writeArchive(folder, images), {
    code: 'incomplete',
    message: 'not all of it is here: app:1 lacks linux/arm64',
    detail: { missing: [missing.digest] },
  });
  const told: unknown[] = [];
  const bytes = await bytesOf(await writeArchive(folder, images, { onMissing: (pieces) => told.push(...pieces) }));
  assert.deepEqual(told, [missing]);
  await bothWays(t, bytes, async (archive) => {
    assert.deepEqual(archive.entries, [{ ...images[0], missing: [missing], whole: [{ ...here?.target, platform: amd64 }], isMade: false }]);
    const to = await folderWith(t);
    for (const target of archive.entries[0]?.whole ?? []) await copy(archive, target, to);
    assert.deepEqual(await validate(to, here?.target ?? assert.fail()), []);
    await assert.rejects(copy(archive, made.target, to), { code: 'manifest-unknown' });
  });
});

test('manifest.json speaks of the platform that is asked for', async (t) => {
  const made = await makeIndex([amd64, arm64]);
  const folder = await folderWith(t, made);
  for (const [at, platform] of [amd64, arm64].entries()) {
    const entries = await entriesOf(
      await bytesOf(await writeArchive(folder, [{ target: made.target, names: ['docker.io/library/app:1'] }], { platform })),
    );
    const items = JSON.parse(entries.find(({ path }) => path === 'manifest.json')?.body.toString() ?? '') as { Config: string }[];
    assert.deepEqual(
      items.map(({ Config }) => Config),
      [`blobs/sha256/${made.images[at]?.config.digest.slice(7)}`],
    );
  }
});

test('the OCI dialect has no manifest.json and names as they are typed', async (t) => {
  const image = await makeImage({ algorithm: 'sha512' });
  const bytes = await bytesOf(
    await writeArchive(await folderWith(t, image), [{ target: image.target, names: ['v1'] }], { dialect: 'oci' }),
  );
  const entries = await entriesOf(bytes);
  assert.ok(!entries.some(({ path }) => path === 'manifest.json'));
  assert.deepEqual(
    entries.slice(0, 3).map(({ path }) => path),
    ['blobs/', 'blobs/sha256/', 'blobs/sha512/'],
  );
  await bothWays(t, bytes, async (archive) => assert.deepEqual(await archive.resolve('v1'), image.target));
});

test('a source that turns out damaged fails the stream, and no whole archive comes out', async (t) => {
  const image = await makeImage();
  const folder = await folderWith(t, image);
  const layer = image.layers[0] ?? assert.fail();
  await writeFile(join(folder.path, 'blobs', 'sha256', layer.digest.slice(7)), Buffer.alloc(layer.size));
  await assert.rejects(bytesOf(await writeArchive(folder, [{ target: image.target, names: [] }])), { code: 'digest-mismatch' });
});

test('an archive can be read while another of its blobs is being read, and is closed once', async (t) => {
  const image = await makeImage({ layers: ['x'.repeat(300_000), 'y'.repeat(300_000)], compression: 'none' });
  const path = join(temporary(t), 'a.tar');
  await writeFile(path, await bytesOf(await writeArchive(await folderWith(t, image), [{ target: image.target, names: [] }])));
  await using archive = await openArchive(path);
  const bodies = await Promise.all(
    [0, 1, 0, 1].map(async (at) => bytesOf(await archive.open(image.layers[at] ?? assert.fail(), { offset: 5 }))),
  );
  for (const [at, body] of bodies.entries()) assert.deepEqual(body, image.blobs.get(image.layers[at % 2]?.digest ?? '')?.subarray(5));
});

test('a pipe is read as a stream, whatever its name', { skip: process.platform === 'win32' && 'no FIFOs there' }, async (t) => {
  const { execFileSync } = await import('node:child_process');
  const image = await makeImage();
  const bytes = await bytesOf(
    await writeArchive(await folderWith(t, image), [{ target: image.target, names: ['docker.io/library/app:1'] }]),
  );
  const fifo = join(temporary(t), 'pipe');
  execFileSync('mkfifo', [fifo]);
  const pour = await folderWith(t);
  const [archive] = await Promise.all([openArchive(createReadStream(fifo), { pour }), writeFile(fifo, bytes)]);
  assert.deepEqual(archive.entries[0]?.target, image.target);
  await archive[Symbol.asyncDispose]();
});

test('nothing of a root file system that was taken for an archive is found to be an image', async (t) => {
  const bytes = await tarOf({ 'etc/passwd': 'root', 'usr/bin/true': 'elf', init: 'x' });
  const pour = await folderWith(t);
  await assert.rejects(openArchive(chunksOf(bytes), { pour }), { code: 'invalid-content', hint: /import/ });
  assert.deepEqual((await readdir(pour.path)).toSorted(), ['blobs', 'index.json', 'oci-layout']);
});
