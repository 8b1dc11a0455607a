import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';

import { bytesOf, chunksOf, makeImage, makeIndex, putImage } from '../../test/support/make-image.ts';
import { temporary } from '../../test/support/temporary.ts';
import type { Descriptor } from '../model/descriptor.ts';
import { digestOf, parseDigest } from '../model/digest.ts';
import { mediaTypes } from '../model/media-types.ts';
import { copy } from './copy.ts';
import { OciFolder } from './oci-folder.ts';
import { validate } from './validate.ts';

const index = async (folder: string) =>
  JSON.parse(await readFile(join(folder, 'index.json'), 'utf8')) as {
    manifests: (Descriptor & Record<string, unknown>)[];
    [key: string]: unknown;
  };

test('an image written to a folder is whole there, and its digests are the same', async (t) => {
  const path = join(temporary(t), 'a folder');
  const image = await makeImage();
  const folder = await OciFolder.open(path, { create: true });
  await putImage(folder, image);
  await folder.tag(image.target, 'app:1');

  const again = await OciFolder.open(path);
  assert.deepEqual(await again.resolve('app:1'), image.target);
  assert.deepEqual(await validate(again, image.target, { diffIds: true }), []);
  assert.deepEqual(await again.entries(), [{ target: image.target, names: ['docker.io/library/app:1'] }]);
  assert.deepEqual(await readFile(join(path, 'blobs', 'sha256', image.target.digest.slice(7))), image.blobs.get(image.target.digest));
  assert.deepEqual((await readdir(path)).toSorted(), ['blobs', 'index.json', 'oci-layout']);
});

test('a name is found however a tool has written it', async (t) => {
  const path = temporary(t);
  const folder = await OciFolder.open(path, { create: true });
  const image = await makeImage();
  await putImage(folder, image);
  const others = await Promise.all(['x', 'y'].map((text) => makeImage({ layers: [text] })));
  for (const other of others) await putImage(folder, other);
  const named = (annotations: Record<string, string> | undefined) =>
    writeFile(
      join(path, 'index.json'),
      JSON.stringify({
        schemaVersion: 2,
        manifests: [
          { ...image.target, annotations },
          { ...others[0]?.target, annotations: { 'org.opencontainers.image.ref.name': 'other' } },
        ],
      }),
    );

  await named({ 'org.opencontainers.image.ref.name': 'app' });
  for (const name of ['app', 'app:latest', 'docker.io/library/app', 'library/app:latest'])
    assert.equal((await folder.resolve(name)).digest, image.target.digest, name);
  await named({ 'org.opencontainers.image.ref.name': 'quay.io/me/app:2' });
  assert.equal((await folder.resolve('quay.io/me/app:2')).digest, image.target.digest);
  await assert.rejects(folder.resolve('quay.io/me/app:3'), { code: 'not-found', hint: 'It has quay.io/me/app:2, other:latest.' });
  await named({ 'io.containerd.image.name': 'docker.io/me/app:3', 'org.opencontainers.image.ref.name': '3' });
  for (const name of ['me/app:3', 'docker.io/me/app:3', '3']) assert.equal((await folder.resolve(name)).digest, image.target.digest, name);
  assert.deepEqual((await folder.entries())[0]?.names, ['docker.io/me/app:3']);
  await named({ 'org.opencontainers.image.ref.name': 'A name of its own' });
  assert.equal((await folder.resolve('A name of its own')).digest, image.target.digest);
  await named(undefined);
  for (const name of [image.target.digest, `@${image.target.digest}`, '@0'])
    assert.equal((await folder.resolve(name)).digest, image.target.digest, name);
  // whatever is there can be asked for by its digest
  assert.deepEqual(await folder.resolve(others[1]?.target.digest ?? ''), others[1]?.target);
  await assert.rejects(folder.resolve(''), { code: 'ambiguous' });
});

test('the only image needs no name, and names below a nested index are found', async (t) => {
  const path = temporary(t);
  const folder = await OciFolder.open(path, { create: true });
  await assert.rejects(folder.resolve(''), { code: 'not-found', message: /has no images/ });
  const made = await makeIndex([{ os: 'linux', architecture: 'amd64' }]);
  await putImage(folder, made);
  await folder.tag(made.target, '');
  assert.deepEqual(await folder.resolve(''), made.target);
  const nested = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: mediaTypes.ociIndex,
      manifests: [{ ...made.target, annotations: { 'org.opencontainers.image.ref.name': 'inner' } }],
    }),
  );
  const outer = { mediaType: mediaTypes.ociIndex, digest: digestOf(nested), size: nested.length };
  await folder.write(outer, async () => chunksOf(nested));
  await writeFile(join(path, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests: [outer] }));
  assert.deepEqual(await folder.resolve('inner'), made.target);
});

test('what other tools wrote into index.json stays, and a name that moves leaves its image there', async (t) => {
  const path = temporary(t);
  const folder = await OciFolder.open(path, { create: true });
  const [one, two] = [await makeImage({ layers: ['1'] }), await makeImage({ layers: ['2'] })];
  await putImage(folder, one);
  await putImage(folder, two);
  const foreign = { mediaType: 'application/x-theirs', digest: one.config.digest, size: 1, theirs: { deep: [1] } };
  await writeFile(
    join(path, 'index.json'),
    JSON.stringify({
      schemaVersion: 2,
      extra: true,
      manifests: [
        foreign,
        {
          ...one.target,
          annotations: { 'io.containerd.image.name': 'docker.io/library/app:1', 'org.opencontainers.image.ref.name': '1', kept: 'yes' },
        },
      ],
    }),
  );
  await folder.tag(two.target, 'app:1');
  const document = await index(path);
  assert.equal(document.extra, true);
  assert.deepEqual(document.manifests, [
    foreign,
    { ...one.target, annotations: { kept: 'yes' } },
    { ...two.target, annotations: { 'org.opencontainers.image.ref.name': 'app:1' } },
  ]);
  assert.deepEqual(await folder.resolve('docker.io/library/app:1'), two.target);
  await folder.tag(two.target, 'app:1');
  assert.deepEqual(await index(path), document);
});

test('twenty names written at once by several openings are all there', async (t) => {
  const path = temporary(t);
  const folders = [await OciFolder.open(path, { create: true }), await OciFolder.open(path), await OciFolder.open(path)];
  const image = await makeImage();
  await Promise.all(folders.map((folder) => putImage(folder, image)));
  await Promise.all(Array.from({ length: 20 }, (_, at) => (folders[at % 3] ?? assert.fail()).tag(image.target, `app:${at}`)));
  assert.equal((await index(path)).manifests.length, 20);
  assert.deepEqual((await readdir(path)).toSorted(), ['blobs', 'index.json', 'oci-layout']);
});

test('of many who make the same folder at once, none takes a name of another away', async (t) => {
  const path = join(temporary(t), 'new');
  const image = await makeImage();
  await Promise.all(
    Array.from({ length: 6 }, async (_, at) => {
      const folder = await OciFolder.open(path, { create: true });
      await putImage(folder, image);
      await folder.tag(image.target, `app:${at}`);
    }),
  );
  assert.equal((await (await OciFolder.open(path)).entries())[0]?.names.length, 6);
});

test('a lock that a dead process left does not stop the next one for long', async (t) => {
  const path = temporary(t);
  const folder = await OciFolder.open(path, { create: true });
  const image = await makeImage();
  await putImage(folder, image);
  const lock = join(path, '.index.json.lock');
  await writeFile(lock, '');
  const { utimes } = await import('node:fs/promises');
  await utimes(lock, new Date(Date.now() - 60_000), new Date(Date.now() - 60_000));
  await folder.tag(image.target, 'app');
  assert.deepEqual(await folder.resolve('app'), image.target);
});

test('a manifest is there only with all its content, and is not taken without', async (t) => {
  const folder = await OciFolder.open(temporary(t), { create: true });
  const image = await makeImage();
  await assert.rejects(
    putImage(folder, image, ({ digest }) => digest === image.layers[1]?.digest),
    { code: 'incomplete', message: new RegExp(image.layers[1]?.digest ?? '') },
  );
  assert.equal(await folder.has(image.target), false);
  await putImage(folder, image);
  assert.equal(await folder.has(image.target), true);
  await rm(join(folder.path, 'blobs', 'sha256', image.layers[0]?.digest.slice(7) ?? ''));
  assert.equal(await folder.has(image.target), false);
  await assert.rejects(folder.tag(image.target, 'app'), { code: 'incomplete' });
});

test('wrong bytes are refused and leave nothing behind, and damaged ones are replaced by the next write', async (t) => {
  const folder = await OciFolder.open(temporary(t), { create: true });
  const bytes = Buffer.from('content');
  const target = { mediaType: 'text/plain', digest: digestOf(bytes), size: bytes.length };
  await assert.rejects(
    folder.write(target, async () => chunksOf(Buffer.from('CONTENT'))),
    { code: 'digest-mismatch' },
  );
  await assert.rejects(
    folder.write(target, async () => chunksOf(Buffer.from('content, and more'))),
    { code: 'size-mismatch' },
  );
  await assert.rejects(
    folder.write(target, async () => chunksOf(Buffer.from('con'))),
    { code: 'size-mismatch' },
  );
  assert.deepEqual(await readdir(join(folder.path, 'blobs', 'sha256')), []);
  assert.deepEqual(
    (await readdir(folder.path)).filter((name) => name.startsWith('.')),
    [],
  );
  await writeFile(join(folder.path, 'blobs', 'sha256', target.digest.slice(7)), 'CONTENT');
  await folder.write(target, async () => chunksOf(bytes));
  assert.deepEqual(await bytesOf(await folder.open(target)), bytes);
});

test('a range of a blob is what was asked for', async (t) => {
  const folder = await OciFolder.open(temporary(t), { create: true });
  const target = await folder.add('text/plain', chunksOf(Buffer.from('0123456789'), 3));
  assert.equal(target.size, 10);
  assert.equal((await bytesOf(await folder.open(target, { offset: 4 }))).toString(), '456789');
  assert.equal((await bytesOf(await folder.open(target, { offset: 4, length: 3 }))).toString(), '456');
  assert.equal((await bytesOf(await folder.open(target, { offset: 10 }))).toString(), '');
  await assert.rejects(folder.open(target, { offset: 11 }), { code: 'range-invalid' });
  await assert.rejects(folder.open({ ...target, digest: parseDigest(`sha256:${'0'.repeat(64)}`) }), { code: 'blob-unknown' });
});

test('an interrupted write leaves nothing behind', async (t) => {
  const folder = await OciFolder.open(temporary(t), { create: true });
  const abort = new AbortController();
  const endless = async function* () {
    for (let at = 0; ; at++) {
      if (at === 3) abort.abort();
      yield Buffer.alloc(1000);
    }
  };
  await assert.rejects(folder.add('text/plain', endless(), { signal: abort.signal }), { code: 'canceled' });
  assert.deepEqual((await readdir(folder.path)).toSorted(), ['blobs', 'index.json', 'oci-layout']);
});

test('sha512 content has its own folder', async (t) => {
  const folder = await OciFolder.open(temporary(t), { create: true });
  const image = await makeImage({ algorithm: 'sha512' });
  await putImage(folder, image);
  await folder.tag(image.target, 'app');
  assert.deepEqual(await validate(folder, await folder.resolve('app')), []);
  assert.equal((await readdir(join(folder.path, 'blobs', 'sha512'))).length, 4);
});

test('what refers to an image is found by walking, and comes along with it', async (t) => {
  const [from, to] = [await OciFolder.open(temporary(t), { create: true }), await OciFolder.open(temporary(t), { create: true })];
  const image = await makeImage();
  await putImage(from, image);
  await from.tag(image.target, 'app');
  const empty = await from.add(mediaTypes.ociEmpty, chunksOf(Buffer.from('{}')));
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: mediaTypes.ociManifest,
      artifactType: 'application/x-signature',
      config: empty,
      layers: [],
      subject: image.target,
      annotations: { by: 'me' },
    }),
  );
  const signature = { mediaType: mediaTypes.ociManifest, digest: digestOf(manifest), size: manifest.length };
  await from.write(signature, async () => chunksOf(manifest));
  const expected = [{ ...signature, artifactType: 'application/x-signature', annotations: { by: 'me' } }];
  assert.deepEqual(await from.referrers(image.target), expected);
  assert.deepEqual(await from.referrers(image.target, 'application/x-other'), []);
  await copy(from, image.target, to, { referrers: true });
  assert.deepEqual(await to.referrers(image.target, 'application/x-signature'), expected);
});

test('a folder that is no image layout says so, and says what it may be', async (t) => {
  const parent = temporary(t);
  await assert.rejects(OciFolder.open(join(parent, 'none')), { code: 'not-found' });
  await assert.rejects(OciFolder.open(parent), { code: 'invalid-content', message: /is not an OCI image layout/ });
  await writeFile(join(parent, 'file'), '');
  await assert.rejects(OciFolder.open(join(parent, 'file')), { code: 'invalid-content', hint: /oci-archive:/ });
  await assert.rejects(OciFolder.open(parent, { create: true }), { code: 'conflict' });
  await mkdir(join(parent, 'dir'));
  await writeFile(join(parent, 'dir', 'version'), '');
  await writeFile(join(parent, 'dir', 'manifest.json'), '');
  await assert.rejects(OciFolder.open(join(parent, 'dir')), { code: 'invalid-content', hint: /dir:/ });
  const layout = await OciFolder.open(join(parent, 'layout'), { create: true });
  await writeFile(join(layout.path, 'oci-layout'), '{"imageLayoutVersion":"2.0.0"}');
  await assert.rejects(OciFolder.open(layout.path), { code: 'unsupported', message: /2\.0\.0/ });
  await writeFile(join(layout.path, 'oci-layout'), '{}');
  await assert.rejects(OciFolder.open(layout.path), { code: 'invalid-content' });
});
