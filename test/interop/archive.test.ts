/** Archives and folders between us and the tools that people have: what they write we read, what we write they read, with the same digests wherever the format can hold them. */
import assert from 'node:assert/strict';
import { createReadStream, createWriteStream } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { test } from 'node:test';

import { copy } from '../../src/content/copy.ts';
import { Directory } from '../../src/content/directory.ts';
import { Image } from '../../src/content/image.ts';
import type { ImageSink } from '../../src/content/image-sink.ts';
import type { ImageSource } from '../../src/content/image-source.ts';
import { OciFolder } from '../../src/content/oci-folder.ts';
import { openArchive } from '../../src/content/open-archive.ts';
import { validate } from '../../src/content/validate.ts';
import { writeArchive, type WriteArchiveOptions } from '../../src/content/write-archive.ts';
import type { ImageEntry } from '../../src/content/layout-index.ts';
import type { Descriptor } from '../../src/model/descriptor.ts';
import { digestOf } from '../../src/model/digest.ts';
import { makeImage, makeIndex, putImage, type MadeImage } from '../support/make-image.ts';
import { peer } from '../support/peers.ts';
import { temporary } from '../support/temporary.ts';

const skopeo = peer('skopeo');
const podman = peer('podman');
const umoci = peer('umoci');
const buildah = peer('buildah');

type Context = Parameters<typeof temporary>[0];

const amd64 = { os: 'linux', architecture: 'amd64' };
const arm64 = { os: 'linux', architecture: 'arm64' };

async function folderWith(t: Context, ...images: readonly MadeImage[]): Promise<OciFolder> {
  const folder = await OciFolder.open(join(temporary(t, 'interop'), 'oci'), { create: true });
  for (const image of images) await putImage(folder, image);
  return folder;
}

async function saveTo(
  path: string,
  source: ImageSource,
  images: readonly ImageEntry[],
  options: WriteArchiveOptions = {},
): Promise<string> {
  await pipeline(await writeArchive(source, images, options), createWriteStream(path));
  return path;
}

/** Digest of what skopeo sees as the manifest there. */
async function seenBySkopeo(where: string): Promise<string> {
  const { stdout } = await skopeo.run(['inspect', '--raw', where]);
  return digestOf(Buffer.from(stdout));
}

async function wholeCopy(source: ImageSource, target: Descriptor, sink: ImageSink & ImageSource): Promise<void> {
  await copy(source, target, sink);
  assert.deepEqual(await validate(sink, target, { diffIds: true }), []);
}

/** Podman with a store of its own. */
async function podmanIn(t: Context, args: readonly string[]): Promise<string> {
  const home = stores.get(t) ?? temporary(t, 'podman');
  stores.set(t, home);
  const { stdout } = await podman.run(
    ['--root', join(home, 'root'), '--runroot', join(home, 'run'), '--storage-driver', 'vfs', '--events-backend', 'file', ...args],
    {
      env: { HOME: home, XDG_RUNTIME_DIR: home },
    },
  );
  return stdout;
}
const stores = new WeakMap<Context, string>();

test('skopeo reads our oci: folder by name, and puts names beside ours', { skip: skopeo.skip }, async (t) => {
  const [one, two] = [await makeImage({ layers: ['1'] }), await makeImage({ layers: ['2'], compression: 'zstd' })];
  const index = await makeIndex([amd64, arm64]);
  const folder = await folderWith(t, one, two, index);
  for (const [image, name] of [
    [one, 'one:1'],
    [two, 'quay.io/me/two:2'],
    [index, 'all'],
  ] as const) {
    await folder.tag(image.target, name);
    assert.equal(await seenBySkopeo(`oci:${folder.path}:${name}`), image.target.digest);
  }
  await skopeo.run(['copy', '-q', `oci:${folder.path}:one:1`, `oci:${folder.path}:theirs`]);
  await skopeo.run(['copy', '-q', '--all', `oci:${folder.path}:all`, `oci:${folder.path}:theirs-all`]);
  assert.equal((await folder.resolve('theirs')).digest, one.target.digest);
  assert.equal((await folder.resolve('theirs-all:latest')).digest, index.target.digest);
  assert.equal((await folder.resolve('all')).digest, index.target.digest);
  assert.equal((await folder.entries()).length, 3);
});

test('skopeo and umoci write folders that we read', { skip: skopeo.skip || umoci.skip }, async (t) => {
  const index = await makeIndex([amd64, arm64]);
  const from = await folderWith(t, index);
  await from.tag(index.target, 'all');
  const path = join(temporary(t, 'interop'), 'theirs');
  await skopeo.run(['copy', '-q', '--all', `oci:${from.path}:all`, `oci:${path}:quay.io/me/all:1`]);
  const theirs = await OciFolder.open(path);
  assert.deepEqual(
    (await theirs.entries()).map(({ target, names }) => [target.digest, names]),
    [[index.target.digest, ['quay.io/me/all:1']]],
  );
  await wholeCopy(theirs, await theirs.resolve('quay.io/me/all:1'), await folderWith(t));

  const made = join(temporary(t, 'interop'), 'umoci');
  await umoci.run(['init', '--layout', made]);
  await umoci.run(['new', '--image', `${made}:fresh`]);
  await umoci.run(['config', '--image', `${made}:fresh`, '--config.cmd', '/bin/true', '--architecture', 'amd64', '--os', 'linux']);
  const folder = await OciFolder.open(made);
  const target = await folder.resolve('fresh');
  assert.deepEqual((await Image.open(folder, target)).config?.config.Cmd, ['/bin/true']);
  await wholeCopy(folder, target, await folderWith(t));
  await folder.tag(target, 'ours');
  const { stdout } = await umoci.run(['ls', '--layout', made]);
  assert.deepEqual(stdout.trim().split('\n').toSorted(), ['fresh', 'ours']);
});

test('skopeo reads what we save, as either kind of archive and each image by its name', { skip: skopeo.skip }, async (t) => {
  // skopeo 1.9 finds no name of a manifest of docker's type in a layout
  const [one, two] = [await makeImage({ layers: ['1', 'shared'], docker: true }), await makeImage({ layers: ['2', 'shared'] })];
  const folder = await folderWith(t, one, two);
  const path = await saveTo(join(temporary(t, 'interop'), 'saved.tar'), folder, [
    { target: one.target, names: ['docker.io/library/one:1', 'docker.io/library/uno:1'] },
    { target: two.target, names: ['quay.io/me/two:2'] },
  ]);
  assert.equal(await seenBySkopeo(`oci-archive:${path}:2`), two.target.digest);
  for (const [name, image] of [
    ['one:1', one],
    ['uno:1', one],
    ['quay.io/me/two:2', two],
  ] as const) {
    const out = join(temporary(t, 'interop'), 'dir');
    await skopeo.run(['copy', '-q', `docker-archive:${path}:${name}`, `dir:${out}`]);
    const copied = await Directory.open(out);
    const opened = await Image.open(copied, await copied.resolve(''));
    assert.equal(opened.manifest.config.digest, image.config.digest);
    assert.deepEqual(await validate(copied, opened.descriptor), []);
  }
});

test('through oci-archive: and back the digests are the same, for one image and for an index', { skip: skopeo.skip }, async (t) => {
  const image = await makeImage({ compression: 'zstd' });
  const index = await makeIndex([amd64, arm64]);
  const folder = await folderWith(t, image, index);
  for (const { target } of [image, index]) {
    const parent = temporary(t, 'interop');
    const ours = await saveTo(join(parent, 'ours.tar'), folder, [{ target, names: ['app:1'] }], { dialect: 'oci' });
    const theirs = join(parent, 'theirs.tar');
    await skopeo.run(['copy', '-q', '--all', `oci-archive:${ours}:app:1`, `oci-archive:${theirs}:other:2`]);
    {
      await using archive = await openArchive(theirs);
      assert.deepEqual(
        archive.entries.map((entry) => [entry.target.digest, entry.names, entry.missing, entry.isMade]),
        [[target.digest, ['docker.io/library/other:2'], [], false]],
      );
      await wholeCopy(archive, archive.entries[0]?.target ?? assert.fail(), await folderWith(t));
    }
  }
});

test(
  "skopeo's docker-archive: has one digest with us, in place or poured, and the same config and layers as before",
  { skip: skopeo.skip },
  async (t) => {
    const [one, two] = [
      await makeImage({ layers: ['1', 'shared', 'shared'], docker: true }),
      await makeImage({ layers: ['shared', '2'], docker: true }),
    ];
    for (const [name, image] of [
      ['one', one],
      ['two', two],
    ] as const) {
      const folder = await folderWith(t, image);
      await folder.tag(image.target, '');
      const path = join(temporary(t, 'interop'), 'theirs.tar');
      await skopeo.run(['copy', '-q', `oci:${folder.path}`, `docker-archive:${path}:quay.io/me/${name}:1`]);
      const pour = await folderWith(t);
      await using inPlace = await openArchive(path);
      await using poured = await openArchive(createReadStream(path), { pour });
      assert.deepEqual(inPlace.entries, poured.entries);
      const [entry] = inPlace.entries;
      assert.ok(entry?.isMade);
      assert.deepEqual(entry.names, [`quay.io/me/${name}:1`]);
      await wholeCopy(inPlace, entry.target, await folderWith(t));
      await wholeCopy(poured, entry.target, pour);
      assert.equal((await Image.open(pour, entry.target)).manifest.config.digest, image.config.digest);
      await pour.tag(entry.target, 'theirs:1');
      assert.equal(await seenBySkopeo(`oci:${pour.path}:theirs:1`), entry.target.digest);
      // and on from there: what we save of it they read as the same image
      const saved = await saveTo(join(temporary(t, 'interop'), 'again.tar'), pour, [
        { target: entry.target, names: [`quay.io/me/${name}:1`] },
      ]);
      assert.equal(await seenBySkopeo(`oci-archive:${saved}`), entry.target.digest);
      assert.equal(await seenBySkopeo(`docker-archive:${saved}`), await seenBySkopeo(`docker-archive:${path}`));
    }
  },
);

for (const [program, suffix] of [
  ['gzip', 'gz'],
  ['zstd', 'zst'],
  ['xz', 'xz'],
  ['bzip2', 'bz2'],
] as const) {
  const packer = peer(program);
  test(`an archive that ${program} has packed is loaded`, { skip: packer.skip }, async (t) => {
    const image = await makeImage();
    const path = await saveTo(join(temporary(t, 'interop'), 'a.tar'), await folderWith(t, image), [{ target: image.target, names: [] }]);
    await packer.run(['-q', path]);
    const pour = await folderWith(t);
    await using archive = await openArchive(`${path}.${suffix}`, { pour });
    await wholeCopy(archive, archive.entries[0]?.target ?? assert.fail(), pour);
    assert.equal(archive.entries[0]?.target.digest, image.target.digest);
  });
}

test('dir: folders go both ways', { skip: skopeo.skip }, async (t) => {
  const index = await makeIndex([amd64, arm64]);
  const folder = await folderWith(t, index);
  await folder.tag(index.target, 'all');
  const theirs = join(temporary(t, 'interop'), 'theirs');
  await skopeo.run(['copy', '-q', '--all', `oci:${folder.path}:all`, `dir:${theirs}`]);
  const read = await Directory.open(theirs);
  assert.deepEqual(await read.resolve(''), index.target);
  assert.deepEqual(await validate(read, index.target, { diffIds: true }), []);
  const ours = await Directory.open(join(temporary(t, 'interop'), 'ours'), { create: true });
  await copy(read, index.target, ours);
  await ours.tag(index.target, '');
  const back = join(temporary(t, 'interop'), 'back');
  await skopeo.run(['copy', '-q', '--all', `dir:${ours.path}`, `oci:${back}:back`]);
  assert.equal((await (await OciFolder.open(back)).resolve('back')).digest, index.target.digest);
  // and over what they wrote
  await wholeCopy(folder, index.images[0]?.target ?? assert.fail(), read);
  await read.tag(index.images[0]?.target ?? assert.fail(), '');
  assert.equal(await seenBySkopeo(`dir:${theirs}`), index.images[0]?.target.digest);
});

test('podman loads what we save, and we read what it saves', { skip: podman.skip }, async (t) => {
  const [one, two] = [
    await makeImage({ layers: ['1', 'shared'], docker: true }),
    await makeImage({ layers: ['2', 'shared'], docker: true }),
  ];
  const folder = await folderWith(t, one, two);
  const parent = temporary(t, 'interop');
  const saved = await saveTo(join(parent, 'saved.tar'), folder, [
    { target: one.target, names: ['quay.io/me/one:1', 'quay.io/me/uno:1'] },
    { target: two.target, names: ['quay.io/me/two:2'] },
  ]);
  const loaded = await podmanIn(t, ['load', '-q', '-i', saved]);
  for (const name of ['quay.io/me/one:1', 'quay.io/me/uno:1', 'quay.io/me/two:2'])
    assert.match(loaded, new RegExp(`Loaded image.*${name}`));
  const id = async (name: string) => (await podmanIn(t, ['image', 'inspect', '--format', '{{.Id}}', name])).trim();
  assert.equal(await id('quay.io/me/one:1'), one.config.digest.slice(7));
  assert.equal(await id('quay.io/me/two:2'), two.config.digest.slice(7));

  await podmanIn(t, [
    'save',
    '-q',
    '--multi-image-archive',
    '-o',
    join(parent, 'many.tar'),
    'quay.io/me/one:1',
    'quay.io/me/uno:1',
    'quay.io/me/two:2',
  ]);
  await podmanIn(t, ['save', '-q', '--format', 'oci-archive', '-o', join(parent, 'oci.tar'), 'quay.io/me/one:1']);
  await using many = await openArchive(join(parent, 'many.tar'));
  const names = new Map(many.entries.map((entry) => [entry.names.toSorted().join(' '), entry]));
  assert.deepEqual([...names.keys()].toSorted(), ['quay.io/me/one:1 quay.io/me/uno:1', 'quay.io/me/two:2']);
  const to = await folderWith(t);
  for (const { target } of many.entries) await wholeCopy(many, target, to);
  assert.equal((await Image.open(to, await many.resolve('quay.io/me/two:2'))).manifest.config.digest, two.config.digest);
  await using oci = await openArchive(join(parent, 'oci.tar'));
  assert.deepEqual(
    oci.entries.map((entry) => entry.names),
    [['quay.io/me/one:1']],
  );
  for (const { target } of oci.entries) await wholeCopy(oci, target, to);
});

test('buildah builds from our folder and pushes back into it', { skip: buildah.skip }, async (t) => {
  const base = await makeImage();
  const folder = await folderWith(t, base);
  await folder.tag(base.target, 'base');
  const home = temporary(t, 'buildah');
  const file = join(home, 'note');
  await writeFile(file, 'hello');
  const run = async (...args: string[]) =>
    // it makes a name of the path, in which no capital letter may be
    (
      await buildah.run(['--root', join(home, 'root'), '--runroot', join(home, 'run'), '--storage-driver', 'vfs', ...args], {
        cwd: dirname(folder.path),
        env: { HOME: home, XDG_RUNTIME_DIR: home },
      })
    ).stdout.trim();
  const container = (await run('from', '--quiet', 'oci:oci:base')).split('\n').at(-1) ?? '';
  await run('copy', container, file, '/note');
  await run('commit', '--quiet', '--timestamp', '0', container, 'oci:oci:built');
  const target = await folder.resolve('built');
  assert.deepEqual(await validate(folder, target, { diffIds: true }), []);
  assert.equal((await Image.open(folder, target)).layers.length, 3);
  assert.equal((await folder.resolve('base')).digest, base.target.digest);
  const path = await saveTo(join(home, 'built.tar'), folder, [{ target, names: ['docker.io/library/built:1'] }]);
  await using archive = await openArchive(path);
  assert.equal(archive.entries[0]?.target.digest, target.digest);
  assert.deepEqual(JSON.parse(await readFile(join(folder.path, 'oci-layout'), 'utf8')), { imageLayoutVersion: '1.0.0' });
});
