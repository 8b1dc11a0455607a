/** Bad input at the command line: archives that are cut, lie or escape, and names that are none. Each is refused in words, and nothing of it stays. */
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';

import { writeTar } from '../../src/formats/tar/write-tar.ts';
import { digestOf } from '../../src/model/digest.ts';
import { bytesOf, makeImage, tarOf } from '../support/make-image.ts';
import { endOfTar, rawBody, rawHeader } from '../support/raw-tar.ts';
import { homeWithImage } from './cli-home.ts';

const sixtyFour = '0'.repeat(64);

test('an archive that is cut anywhere is loaded nowhere', async (t) => {
  const home = await homeWithImage(t);
  const archive = join(home.folder, 'archive.tar');
  await home.succeeds(['save', '-o', archive, 'kept:1']);
  const { size } = statSync(archive);
  for (const part of [0, 1, 511, 512, 1536, Math.floor(size / 2)]) {
    const cut = join(home.folder, `cut-${part}.tar`);
    writeFileSync(cut, readFileSync(archive));
    truncateSync(cut, part);
    await home.refuses(['load', '-i', cut], { says: /^Error: /m });
    await home.refuses(['load'], { says: /^Error: /m }, { input: readFileSync(cut) });
  }
  const packed = gzipSync(readFileSync(archive));
  await home.refuses(['load'], { says: /^Error: /m }, { input: packed.subarray(0, Math.floor(packed.length / 2)) });
  await home.intact();
});

test('an archive whose content is another’s, that lacks some, or names too much is refused', async (t) => {
  const home = await homeWithImage(t);
  const image = await makeImage({ layers: ['mine'] });
  const layout = { 'oci-layout': '{"imageLayoutVersion":"1.0.0"}' };
  const index = (...manifests: readonly object[]) => JSON.stringify({ schemaVersion: 2, manifests });
  const blobs = Object.fromEntries([...image.blobs].map(([digest, bytes]) => [`blobs/sha256/${digest.slice(7)}`, bytes]));
  const manifestPath = `blobs/sha256/${image.target.digest.slice(7)}`;
  const layerPath = `blobs/sha256/${image.layers[0]?.digest.slice(7)}`;
  const both = Buffer.from(JSON.stringify({ ...(JSON.parse(blobs[manifestPath]?.toString() ?? '') as object), manifests: [image.target] }));
  const named = { ...image.target, annotations: { 'io.containerd.image.name': 'docker.io/library/evil:1' } };
  const archives: Record<string, { files: Record<string, string | Uint8Array>; says: RegExp }> = {
    'a layer with other bytes': {
      files: { ...layout, ...blobs, [layerPath]: gzipSync('x'.repeat(200)), 'index.json': index(named) },
      says: /^Error: .*sha256:/m,
    },
    'no layer': {
      files: { ...layout, ...Object.fromEntries(Object.entries(blobs).filter(([path]) => path !== layerPath)), 'index.json': index(named) },
      says: /^Error: .*sha256:/m,
    },
    'an image that is an index too': {
      files: {
        ...layout,
        ...blobs,
        [`blobs/sha256/${digestOf(both).slice(7)}`]: both,
        'index.json': index({ ...named, digest: digestOf(both), size: both.length }),
      },
      says: /^Error: .*both an index and an image/m,
    },
    'a digest that is a path': {
      files: { ...layout, ...blobs, 'index.json': index({ ...named, digest: 'sha256:../../../../etc/passwd' }) },
      says: /^Error: .*digest/m,
    },
    'no images': { files: { ...layout, 'index.json': index() }, says: /^Error: /m },
    'a docker archive whose layer is a path': {
      files: {
        'manifest.json': JSON.stringify([{ Config: 'config.json', RepoTags: ['evil:1'], Layers: ['../../../etc/passwd'] }]),
        'config.json': '{}',
      },
      says: /^Error: /m,
    },
    'no archive of images': { files: { 'etc/passwd': 'root' }, says: /^Error: /m },
  };
  for (const [what, { files, says }] of Object.entries(archives)) {
    const archive = join(home.folder, `${what}.tar`);
    writeFileSync(archive, await tarOf(files));
    await home.refuses(['load', '-i', archive], { says });
    await home.refuses(['load'], { says }, { input: readFileSync(archive) });
  }
  await home.intact();

  // An annotation that is no name of an image names nothing: the image comes without one.
  const misnamed = index({ ...named, annotations: { 'io.containerd.image.name': '../../etc/Passwd' } });
  const loaded = await home.succeeds(['load'], { input: await tarOf({ ...layout, ...blobs, 'index.json': misnamed }) });
  assert.equal(loaded, `Loaded image ID: ${image.target.digest}\n`);
  await home.succeeds(['rmi', image.target.digest]);
  await home.intact();
});

test('a tar that is none, and one that says it is larger than anything, is no root file system', async (t) => {
  const home = await homeWithImage(t);
  const tar = await tarOf({ 'etc/passwd': 'root:x:0:0' });
  const inputs = {
    text: Buffer.from('not a tar at all\n'.repeat(100)),
    cut: tar.subarray(0, 515),
    'wrong checksum': Buffer.concat([rawHeader({ name: 'a', checksum: '000000\0 ' }), endOfTar]),
    'a size without end': Buffer.concat([rawHeader({ name: 'a', size: '77777777777' }), rawBody('a')]),
    'cut gzip': gzipSync(tar).subarray(0, 60),
  };
  for (const [what, input] of Object.entries(inputs)) {
    const file = join(home.folder, what);
    writeFileSync(file, input);
    await home.refuses(['import', file, 'evil:1'], { says: /^Error: /m });
    await home.refuses(['import', '-', 'evil:1'], { says: /^Error: /m }, { input });
  }
  await home.refuses(['import', home.folder, 'evil:1'], { says: /^Error: .* is a folder, not a tar$/m, hint: /Pack it/ });
  await home.refuses(['load', '-i', home.folder], { says: /^Error: /m });
  await home.intact();
});

test('a tar whose paths escape is an image like others, and nothing of it is unpacked', async (t) => {
  const home = await homeWithImage(t);
  const victim = join(home.folder, 'victim');
  mkdirSync(victim);
  const tar = await bytesOf(
    writeTar([
      { entry: { path: '../../../victim/escaped' }, body: 'x' },
      { entry: { path: `${victim}/absolute` }, body: 'x' },
      { entry: { path: 'link', type: 'symlink', linkname: victim } },
      { entry: { path: 'link/through' }, body: 'x' },
    ]),
  );
  const id = (await home.succeeds(['import', '-', 'escaping:1'], { input: tar })).trim();
  await home.succeeds(['history', 'escaping:1']);
  await home.succeeds(['save', '-o', join(home.folder, 'out.tar'), 'escaping:1']);
  assert.deepEqual(readdirSync(victim), []);
  await home.succeeds(['rmi', id]);
  await home.intact();
});

test('names and digests that are none are refused by every command before anything happens', async (t) => {
  const home = await homeWithImage(t);
  const none = [
    '',
    ' ',
    'UPPER',
    'a//b',
    '/a',
    'a/',
    'a:',
    ':a',
    'a:b:c',
    `a:${'x'.repeat(129)}`,
    `${'a/'.repeat(200)}a`,
    'a@sha256:12',
    'a@md5:0',
    '-a',
    'ä',
    'a b',
    'a\nb',
    'http://a/b',
    '../a',
    'a..b/..',
    `a@sha256:${sixtyFour.toUpperCase().replaceAll('0', 'A')}`,
  ];
  const lines: readonly ((name: string) => readonly string[])[] = [
    (name) => ['pull', '--', name],
    (name) => ['tag', '--', 'kept:1', name],
    (name) => ['rmi', '-f', '--', name],
    (name) => ['copy', '--', 'kept:1', `docker://${name}`],
  ];
  const each = none.flatMap((name) => lines.map((line) => line(name)));
  // A process each would be half a minute: a few of them, and the rest in tests of the parser.
  for (const [at, line] of each.entries()) {
    if (at % 7 !== 0) continue;
    await home.refuses(line, { says: /^(Error: |Error parsing reference: |invalid reference)/m });
  }
  for (const line of [
    ['pull', 'localhost:99999/a'],
    ['pull', '--platform', 'linux/amd64/v8/x', 'a'],
    ['pull', '--platform', 'linux/', 'a/b'],
    ['copy', '--platform', '..', 'kept:1', 'a:1'],
    ['images', '--filter', 'reference=[', '-q'],
    ['copy', 'oci:', 'a:1'],
    ['copy', 'docker-daemon:a:1', 'a:1'],
    ['copy', 'oci:/nonexistent/folder:1', 'a:1'],
    ['copy', 'oci-archive:/nonexistent.tar', 'a:1'],
    ['copy', 'dir:/nonexistent', 'a:1'],
    ['save', '-o', '/nonexistent/folder/out.tar', 'kept:1'],
    ['serve', '--listen', '127.0.0.1:99999'],
    ['serve', '--listen', '0.0.0.0:0'],
    ['search', 'http://localhost/a'],
  ]) {
    await home.refuses(line, {
      says: /^(Error: |\[\]|failed to save image: invalid output path: )/m,
      stdout: /^(?:\[\]\n|Using default tag: latest\n(?:latest: Pulling from .*\n)?)?$/,
    });
  }
  await home.intact();
});
