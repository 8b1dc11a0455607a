/** Archives and folders that were made to harm, or broke on their way: each is a clear error, soon, in little memory, and leaves no image behind. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { link, mkdir, readdir, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { createGzip, gzipSync } from 'node:zlib';

import fc from 'fast-check';

import type { Archive } from '../../src/content/archive.ts';
import { copy } from '../../src/content/copy.ts';
import { Directory } from '../../src/content/directory.ts';
import { OciFolder } from '../../src/content/oci-folder.ts';
import { openArchive } from '../../src/content/open-archive.ts';
import { validate } from '../../src/content/validate.ts';
import { writeArchive } from '../../src/content/write-archive.ts';
import { ImageError, type ErrorCode } from '../../src/errors.ts';
import { readTar } from '../../src/formats/tar/read-tar.ts';
import { writeTar, type NewTarMember } from '../../src/formats/tar/write-tar.ts';
import { digestOf } from '../../src/model/digest.ts';
import { mediaTypes } from '../../src/model/media-types.ts';
import { bytesOf, chunksOf, makeImage, putImage, tarOf, type MadeImage } from '../support/make-image.ts';
import { temporary } from '../support/temporary.ts';

type Context = Parameters<typeof temporary>[0];

async function emptyFolder(t: Context): Promise<OciFolder> {
  return OciFolder.open(join(temporary(t, 'hostile'), 'oci'), { create: true });
}

async function saved(t: Context, image: MadeImage): Promise<Buffer> {
  const folder = await emptyFolder(t);
  await putImage(folder, image);
  return bytesOf(await writeArchive(folder, [{ target: image.target, names: ['docker.io/library/app:1'] }]));
}

/** Takes all that an archive gives, as load does. */
async function takeAll(archive: Archive, to: OciFolder): Promise<void> {
  for (const { target } of archive.entries) {
    await copy(archive, target, to);
    await to.tag(target, 'loaded');
  }
}

/** Both ways of reading, and the same refusal on both. */
async function refused(
  t: Context,
  bytes: Uint8Array,
  expected: { code: ErrorCode | readonly ErrorCode[]; message?: RegExp; hint?: RegExp },
): Promise<void> {
  const path = join(temporary(t, 'hostile'), 'archive.tar');
  await writeFile(path, bytes);
  const codes = [expected.code].flat();
  for (const from of [path, chunksOf(bytes, 5000)]) {
    const to = await emptyFolder(t);
    const attempt = async () => {
      await using archive = await openArchive(from, { pour: to });
      await takeAll(archive, to);
    };
    await assert.rejects(attempt, (error) => {
      assert.ok(error instanceof ImageError, String(error));
      assert.ok(codes.includes(error.code), `${error.code}: ${error.message}`);
      if (expected.message) assert.match(error.message, expected.message);
      if (expected.hint) assert.match(error.hint ?? '', expected.hint);
      assert.ok(!error.message.includes('\n'), error.message);
      return true;
    });
    assert.deepEqual(await to.entries(), [], 'nothing is named');
    assert.deepEqual(
      (await readdir(to.path)).filter((name) => name.startsWith('.')),
      [],
      'no draft is left',
    );
  }
}

type File = readonly [path: string, body: string | Uint8Array];
const files = (...all: readonly File[]) => tar(all.map(([path, body]) => ({ entry: { path }, body })));
const tar = (members: readonly NewTarMember[]) => bytesOf(writeTar(members));
const layout: File = ['oci-layout', '{"imageLayoutVersion":"1.0.0"}'];
const json = (value: unknown) => JSON.stringify(value);
const blob = (bytes: Uint8Array): File => [`blobs/sha256/${digestOf(bytes).slice(7)}`, bytes];
const blobsOf = (image: MadeImage): readonly File[] => [...image.blobs.values()].map(blob);
const indexOf = (...manifests: readonly unknown[]): File => ['index.json', json({ schemaVersion: 2, manifests })];
const dockerOf = (...items: readonly unknown[]): File => ['manifest.json', json(items)];

test('what is no archive at all says so, and says what is one', async (t) => {
  await refused(t, Buffer.alloc(0), { code: 'invalid-content', message: /unexpected EOF/, hint: /docker save/ });
  await refused(t, Buffer.alloc(1024), { code: 'invalid-content', message: /unexpected EOF/ });
  await refused(t, Buffer.from('PK\x03\x04 this is a zip'), { code: 'invalid-content', hint: /docker save/ });
  await refused(t, Buffer.from('<html>404</html>'.padEnd(2000)), { code: 'invalid-content', hint: /docker save/ });
  await refused(t, gzipSync(Buffer.from('hello')), { code: 'invalid-content' });
  await refused(t, await files(['a', 'b']), { code: 'invalid-content', message: /neither index.json nor manifest.json/, hint: /import/ });
  await refused(t, await files(layout), { code: 'invalid-content', message: /index.json/ });
  await refused(t, await files(layout, ['index.json', '{}']), { code: 'invalid-content', message: /without an image/ });
  await refused(t, await files(['repositories', '{}'], ['abc/json', '{}'], ['abc/layer.tar', '']), { code: 'unsupported', hint: /docker/ });
});

test('an archive that is cut off anywhere gives an error, never an image', async (t) => {
  const whole = await saved(t, await makeImage());
  const packed = gzipSync(whole);
  const parent = temporary(t, 'hostile');
  let turn = 0;
  const cut = async (bytes: Buffer) => {
    const to = await OciFolder.open(join(parent, String(turn++)), { create: true });
    const path = join(parent, `${turn}.tar`);
    await writeFile(path, bytes);
    for (const from of [path, chunksOf(bytes, 4096)])
      await assert.rejects(
        async () => {
          await using archive = await openArchive(from, { pour: to });
          await takeAll(archive, to);
        },
        (error) => error instanceof ImageError && error.code !== 'internal',
      );
    assert.deepEqual(await to.entries(), []);
    await rm(to.path, { recursive: true });
  };
  // with the last byte of manifest.json all that counts is there: without the layout's mark it is a docker archive
  const documents = await Array.fromAsync(readTar(chunksOf(whole, 4096)), ({ entry }) => entry);
  const last = documents.find(({ path }) => path === 'manifest.json')!;
  const needed = last.bodyOffset + last.size - 1;
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 0, max: needed }), (length) => cut(whole.subarray(0, length))),
    { numRuns: 25 },
  );
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 0, max: packed.length - 1 }), (length) => cut(packed.subarray(0, length))),
    { numRuns: 15 },
  );
});

test('a byte that has changed anywhere gives the same image or an error', async (t) => {
  const image = await makeImage();
  const whole = await saved(t, image);
  const parent = temporary(t, 'hostile');
  let turn = 0;
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 0, max: whole.length - 1 }), fc.integer({ min: 1, max: 255 }), async (at, by) => {
      const bytes = Buffer.from(whole);
      bytes[at] = (bytes[at] ?? 0) ^ by;
      const path = join(parent, `${++turn}.tar`);
      await writeFile(path, bytes);
      for (const from of [path, chunksOf(bytes, 4096)]) {
        const to = await OciFolder.open(join(parent, `${turn}-${typeof from}`), { create: true });
        try {
          await using archive = await openArchive(from, { pour: to });
          await takeAll(archive, to);
          for (const { target } of await to.entries()) assert.deepEqual(await validate(to, target, { diffIds: true }), []);
        } catch (error) {
          assert.ok(error instanceof ImageError && error.code !== 'internal', String(error));
        }
      }
    }),
    { numRuns: 40 },
  );
});

test('content that is not what its name says is not taken', async (t) => {
  const image = await makeImage({ compression: 'none' });
  for (const victim of [image.target, image.config, image.layers[0] ?? assert.fail()]) {
    const wrong = [...image.blobs].map(([digest, bytes]): File => [
      `blobs/sha256/${digest.slice(7)}`,
      digest === victim.digest ? Buffer.from(bytes).reverse() : bytes,
    ]);
    await refused(t, await files(layout, ...wrong, indexOf(image.target)), { code: 'digest-mismatch' });
    const longer = [...image.blobs].map(([digest, bytes]): File => [
      `blobs/sha256/${digest.slice(7)}`,
      digest === victim.digest ? Buffer.concat([bytes, Buffer.from('x')]) : bytes,
    ]);
    await refused(t, await files(layout, ...longer, indexOf(image.target)), { code: ['digest-mismatch', 'size-mismatch', 'blob-unknown'] });
  }
  const members: readonly File[] = [
    dockerOf({ Config: 'c.json', RepoTags: ['app:1'], Layers: ['0.tar', '1.tar'] }),
    ['c.json', image.blobs.get(image.config.digest) ?? assert.fail()],
    ['0.tar', await tarOf({ evil: 'content' })],
    ['1.tar', image.blobs.get(image.layers[1]?.digest ?? '') ?? assert.fail()],
  ];
  await refused(t, await files(...members), { code: ['digest-mismatch', 'size-mismatch'] });
});

test('an entry that claims more bytes than there are, or than can be, is refused', async (t) => {
  const image = await makeImage();
  const whole = await saved(t, image);
  for (const size of ['00000777777\0', '77777777777\0']) {
    const bytes = Buffer.from(whole);
    // the third header is the first blob's
    const at = 2 * 512;
    bytes.write(size, at + 124, 'latin1');
    bytes.fill(' ', at + 148, at + 156);
    const sum = bytes.subarray(at, at + 512).reduce((total, byte) => total + byte, 0);
    bytes.write(`${sum.toString(8).padStart(6, '0')}\0 `, at + 148, 'latin1');
    await refused(t, bytes, { code: ['invalid-content', 'size-mismatch'] });
  }
});

test('two documents of one name are one too many: readers differ on which counts', async (t) => {
  const [one, two] = [await makeImage({ layers: ['1'] }), await makeImage({ layers: ['2'] })];
  const both = [...blobsOf(one), ...blobsOf(two)];
  await refused(t, await files(layout, ...both, indexOf(one.target), indexOf(two.target)), {
    code: 'invalid-content',
    message: /two entries named "index.json"/,
  });
  await refused(
    t,
    await files(layout, ...both, indexOf(one.target), ['./index.json', json({ schemaVersion: 2, manifests: [two.target] })]),
    { code: 'invalid-content', message: /two entries/ },
  );
  const plain = await makeImage({ layers: ['1'], compression: 'none' });
  const config: File = ['c.json', plain.blobs.get(plain.config.digest) ?? assert.fail()];
  const layer: File = ['l.tar', plain.blobs.get(plain.layers[0]?.digest ?? '') ?? assert.fail()];
  const docker = dockerOf({ Config: 'c.json', RepoTags: ['app:1'], Layers: ['l.tar'] });
  for (const twice of [
    [docker, docker],
    [config, config],
    [layer, layer],
  ])
    await refused(t, await files(config, layer, docker, ...twice.slice(1)), { code: 'invalid-content', message: /two entries/ });
  // of two blobs of one name both are what it says, or neither counts
  const to = await emptyFolder(t);
  await using archive = await openArchive(chunksOf(await files(layout, ...blobsOf(one), ...blobsOf(one), indexOf(one.target))), {
    pour: to,
  });
  await takeAll(archive, to);
  assert.deepEqual(await validate(to, one.target), []);
});

test('an archive whose two halves speak of different images is refused', async (t) => {
  const [one, two] = [await makeImage({ layers: ['1'] }), await makeImage({ layers: ['2'] })];
  const docker = (image: MadeImage, tag: string) => ({
    Config: blob(image.blobs.get(image.config.digest) ?? assert.fail())[0],
    RepoTags: [tag],
    Layers: image.layers.map(({ digest }) => `blobs/sha256/${digest.slice(7)}`),
  });
  const named = (image: MadeImage, name: string) => ({ ...image.target, annotations: { 'io.containerd.image.name': name } });
  const both = [layout, ...blobsOf(one), ...blobsOf(two)];
  await refused(t, await files(...both, indexOf(one.target), dockerOf(docker(two, 'app:1'))), {
    code: 'invalid-content',
    message: /contradicts itself/,
  });
  await refused(
    t,
    await files(
      ...both,
      indexOf(named(one, 'docker.io/library/app:1'), named(two, 'docker.io/library/other:1')),
      dockerOf(docker(two, 'app:1')),
    ),
    { code: 'invalid-content', message: /app:1 is one image in manifest.json and another/ },
  );
});

test('nothing leads out of the archive', async (t) => {
  const image = await makeImage({ layers: ['1'], compression: 'none' });
  const config: NewTarMember = { entry: { path: 'c.json' }, body: image.blobs.get(image.config.digest) };
  const docker: NewTarMember = {
    entry: { path: 'manifest.json' },
    body: json([{ Config: 'c.json', RepoTags: ['app:1'], Layers: ['a/layer.tar'] }]),
  };
  const links = (...all: readonly (readonly [path: string, type: 'symlink' | 'hard-link', to: string])[]) =>
    tar([config, docker, ...all.map(([path, type, linkname]): NewTarMember => ({ entry: { path, type, linkname } }))]);
  await refused(t, await links(['a/layer.tar', 'symlink', '../../etc/passwd']), { code: 'invalid-content', message: /out of the archive/ });
  await refused(t, await links(['a/layer.tar', 'symlink', '/etc/passwd']), { code: 'invalid-content', message: /out of the archive/ });
  await refused(t, await links(['a/layer.tar', 'hard-link', '/etc/passwd']), { code: 'invalid-content', message: /out of the archive/ });
  await refused(t, await links(['a/layer.tar', 'hard-link', '../x']), { code: 'invalid-content', message: /out of the archive/ });
  await refused(t, await links(['a', 'symlink', '/etc']), { code: 'invalid-content', message: /out of the archive/ });
  await refused(t, await links(['a/layer.tar', 'symlink', 'layer.tar']), { code: 'invalid-content', message: /circle/ });
  await refused(t, await links(['a/layer.tar', 'symlink', '../b/layer.tar'], ['b/layer.tar', 'symlink', '../a/layer.tar']), {
    code: 'invalid-content',
    message: /circle/,
  });
  await refused(t, await links(['a', 'symlink', 'b'], ['b', 'symlink', 'a']), { code: 'invalid-content', message: /circle/ });
  await refused(t, await links(['a/layer.tar', 'symlink', '../nowhere']), { code: 'incomplete', message: /a\/layer\.tar/ });
  for (const path of ['../../etc/cron.d/x', '/etc/passwd', 'a/../../x', 'blobs/sha256/../../../x'])
    await refused(t, await tar([config, docker, { entry: { path }, body: 'x' }]), { code: 'invalid-content', message: /leads out of it/ });
  await refused(t, await files(dockerOf({ Config: '../c.json', RepoTags: [], Layers: [] })), {
    code: 'invalid-content',
    message: /out of the archive/,
  });
  await refused(t, await tar([config, docker, { entry: { path: 'a/layer.tar', type: 'fifo' } }]), { code: 'incomplete' });
});

test('documents of any size and any content are bounded and refused', async (t) => {
  const image = await makeImage();
  const big = Buffer.alloc(33 << 20, ' ');
  await refused(t, await files(['manifest.json', big]), { code: 'too-large', message: /manifest\.json/ });
  await refused(t, await files(layout, ['index.json', big]), { code: 'too-large', message: /index\.json/ });
  await refused(t, await files(['oci-layout', big.subarray(0, 5000)]), { code: 'too-large' });
  await refused(t, await files(['c.json', big.subarray(0, 9 << 20)], dockerOf({ Config: 'c.json', Layers: [] })), {
    code: 'too-large',
    message: /c\.json/,
  });
  const manifest = Buffer.concat([Buffer.from('{'), Buffer.alloc(5 << 20, ' '), Buffer.from('}')]);
  await refused(t, await files(layout, blob(manifest), indexOf({ ...image.target, digest: digestOf(manifest), size: manifest.length })), {
    code: 'too-large',
  });
  for (const text of ['', '[', 'null', '42', '{"a":', '\xff', '['.repeat(100_000)])
    await refused(t, await files(['manifest.json', Buffer.from(text, 'latin1')]), { code: 'invalid-content' });
  for (const text of [
    '',
    'null',
    '[]',
    '{"manifests":{}}',
    '{"manifests":[null]}',
    '{"manifests":[{"digest":"sha256:../../x","mediaType":"a","size":1}]}',
    '{"manifests":[{"digest":"md5:00","mediaType":"a","size":1}]}',
  ])
    await refused(t, await files(layout, ['index.json', text]), { code: 'invalid-content' });
  for (const item of [
    null,
    1,
    {},
    { Config: 1 },
    { Config: '' },
    { Config: 'x', Layers: 'y' },
    { Config: 'x', RepoTags: [1] },
    { Config: 'x', RepoTags: ['NOT A NAME'] },
  ])
    await refused(t, await files(dockerOf(item)), { code: 'invalid-content' });
  await refused(t, await files(layout, ...blobsOf(image), indexOf({ ...image.target, size: 1e300 })), { code: 'invalid-content' });
  await refused(t, await files(layout, ...blobsOf(image), indexOf({ ...image.target, size: image.target.size - 1 })), {
    code: 'size-mismatch',
  });
  await refused(t, await files(layout, ...blobsOf(image), indexOf({ ...image.target, size: 2 ** 40 })), {
    code: ['too-large', 'size-mismatch'],
  });
});

test('a manifest that is also an index is refused, whoever names it (CVE-2021-41190)', async (t) => {
  const image = await makeImage();
  const { config, layers } = image;
  for (const [inside, outside] of [
    [{ schemaVersion: 2, config, layers, manifests: [image.target] }, mediaTypes.ociManifest],
    [{ schemaVersion: 2, config, layers, manifests: [image.target] }, mediaTypes.ociIndex],
    [{ schemaVersion: 2, mediaType: mediaTypes.ociManifest, manifests: [image.target] }, mediaTypes.ociIndex],
    [{ schemaVersion: 2, mediaType: mediaTypes.ociIndex, config, layers }, mediaTypes.ociManifest],
  ] as const) {
    const bytes = Buffer.from(json(inside));
    await refused(
      t,
      await files(layout, ...blobsOf(image), blob(bytes), indexOf({ mediaType: outside, digest: digestOf(bytes), size: bytes.length })),
      { code: 'invalid-content' },
    );
  }
  await refused(
    t,
    await files(layout, ...blobsOf(image), ['index.json', json({ schemaVersion: 2, manifests: [image.target], config, layers })]),
    { code: 'invalid-content', message: /both/ },
  );
});

test('what is named and not there is named in the error', async (t) => {
  const image = await makeImage();
  const layer = image.layers[1] ?? assert.fail();
  const without = (digest: string) => [...image.blobs].filter(([other]) => other !== digest).map(([, bytes]) => blob(bytes));
  await refused(t, await files(layout, ...without(layer.digest), indexOf(image.target)), {
    code: 'blob-unknown',
    message: new RegExp(layer.digest),
  });
  await refused(t, await files(layout, ...without(image.target.digest), indexOf(image.target)), {
    code: 'manifest-unknown',
    message: new RegExp(image.target.digest),
  });
  const path = join(temporary(t, 'hostile'), 'a.tar');
  await writeFile(path, await files(layout, ...without(layer.digest), indexOf(image.target)));
  await using archive = await openArchive(path);
  assert.deepEqual(archive.entries[0]?.missing, [layer]);
  await refused(t, await files(dockerOf({ Config: 'none.json', RepoTags: ['app:1'], Layers: [] })), {
    code: 'incomplete',
    message: /none\.json.*app:1/,
  });
  const config = image.blobs.get(image.config.digest) ?? assert.fail();
  await refused(t, await files(['c.json', config], dockerOf({ Config: 'c.json', RepoTags: ['app:1'], Layers: ['x'] })), {
    code: 'invalid-content',
    message: /1 layers .* names 2/,
  });
});

test('indexes nested without end are refused', async (t) => {
  const image = await makeImage();
  let target: { mediaType: string; digest: string; size: number } = image.target;
  const blobs = [...blobsOf(image)];
  for (let depth = 0; depth < 20; depth++) {
    const bytes = Buffer.from(json({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: [target] }));
    blobs.push(blob(bytes));
    target = { mediaType: mediaTypes.ociIndex, digest: digestOf(bytes), size: bytes.length };
  }
  await refused(t, await files(layout, ...blobs, indexOf(target)), { code: 'invalid-content', message: /nested/ });
});

test('bombs end at the limits: entries without end, and zeros that unpack without end', async (t) => {
  const endless = async function* (): AsyncGenerator<NewTarMember> {
    for (let at = 0; ; at++) yield { entry: { path: `d/${at}/`, type: 'directory' } };
  };
  const before = process.memoryUsage().rss;
  await assert.rejects(openArchive(writeTar(endless()), { pour: await emptyFolder(t) }), { code: 'too-large', message: /entries/ });
  const zeros = async function* () {
    const chunk = Buffer.alloc(1 << 20);
    for (let at = 0; at < 300; at++) yield chunk;
  };
  await assert.rejects(openArchive(Readable.from(zeros()).pipe(createGzip()), { pour: await emptyFolder(t) }), {
    code: 'too-large',
    message: /follow the end/,
  });
  assert.ok(process.memoryUsage().rss - before < 300 << 20, 'memory stays bounded');
});

test('a stream that fails in the middle fails with its own error and leaves no image', async (t) => {
  const whole = await saved(t, await makeImage());
  const breaking = async function* () {
    yield whole.subarray(0, 2000);
    throw new ImageError('unavailable', 'the line went dead');
  };
  const to = await emptyFolder(t);
  await assert.rejects(openArchive(breaking(), { pour: to }), { code: 'unavailable', message: 'the line went dead' });
  assert.deepEqual(await to.entries(), []);
});

test('an archive that shrinks while it is read is an error of the copy', async (t) => {
  const image = await makeImage({ layers: ['x'.repeat(2_000_000)], compression: 'none' });
  const path = join(temporary(t, 'hostile'), 'a.tar');
  await writeFile(path, await saved(t, image));
  await using archive = await openArchive(path);
  await truncate(path, 5000);
  await assert.rejects(
    copy(archive, image.target, await emptyFolder(t)),
    (error) => error instanceof ImageError && ['invalid-content', 'digest-mismatch', 'size-mismatch'].includes(error.code),
  );
});

test('cancelling stops the reading', async (t) => {
  const abort = new AbortController();
  const source = async function* () {
    yield* chunksOf(await files(['a.tar', Buffer.alloc(100_000)]));
    abort.abort();
    for (;;) yield Buffer.alloc(512);
  };
  await assert.rejects(openArchive(source(), { pour: await emptyFolder(t), signal: abort.signal }), { code: 'canceled' });
});

test('in a folder only regular files are content', { skip: process.platform === 'win32' && 'no links and FIFOs there' }, async (t) => {
  const image = await makeImage();
  const secret = join(temporary(t, 'hostile'), 'secret');
  await writeFile(secret, 'secret');
  const blobPath = (folder: OciFolder, digest: string) => join(folder.path, 'blobs', 'sha256', digest.slice(7));
  const layer = image.layers[0] ?? assert.fail();
  const things: Record<string, (path: string) => Promise<unknown>> = {
    'a symlink': (path: string) => symlink(secret, path),
    'a symlink to nothing': (path: string) => symlink('/nonexistent', path),
    'a FIFO': async (path: string) => execFileSync('mkfifo', [path]),
    'a folder': (path: string) => mkdir(path),
    'a device': (path: string) => symlink('/dev/zero', path),
  };
  for (const [what, put] of Object.entries(things)) {
    const folder = await emptyFolder(t);
    await putImage(folder, image);
    await folder.tag(image.target, 'app');
    await rm(blobPath(folder, layer.digest));
    await put(blobPath(folder, layer.digest));
    await assert.rejects(folder.open(layer), { code: 'invalid-content', message: /not a regular file/ }, what);
    await assert.rejects(copy(folder, image.target, await emptyFolder(t)), { code: 'invalid-content' }, what);
    assert.deepEqual(
      (await validate(folder, image.target)).map(({ code }) => code),
      ['invalid-content'],
      what,
    );
  }
  const folder = await emptyFolder(t);
  await rm(join(folder.path, 'index.json'));
  await symlink(secret, join(folder.path, 'index.json'));
  await assert.rejects(folder.resolve('app'), { code: 'invalid-content' });
  await rm(join(folder.path, 'index.json'));
  execFileSync('mkfifo', [join(folder.path, 'index.json')]);
  await assert.rejects(folder.resolve('app'), { code: 'invalid-content' });

  // written through a link: no
  const out = temporary(t, 'hostile');
  const trap = await emptyFolder(t);
  await rm(join(trap.path, 'blobs', 'sha256'), { recursive: true });
  await symlink(out, join(trap.path, 'blobs', 'sha256'));
  await assert.rejects(putImage(trap, image), { code: 'invalid-content', message: /link/ });
  assert.deepEqual(await readdir(out), []);
  // a hard link is a file like any other; writing there does not change what it was linked to
  const linked = await emptyFolder(t);
  await link(secret, blobPath(linked, layer.digest));
  await putImage(linked, image);
  assert.equal((await bytesOf(createReadStream(secret))).toString(), 'secret');
});

test('in a folder too: bad documents are named, and bad content is found', async (t) => {
  const image = await makeImage();
  const folder = await emptyFolder(t);
  await putImage(folder, image);
  await folder.tag(image.target, 'app');
  const index = join(folder.path, 'index.json');
  for (const text of ['', 'null', '{"manifests":[{}]}', '{"manifests":[],"layers":[]}']) {
    await writeFile(index, text);
    await assert.rejects(folder.resolve('app'), { code: 'invalid-content', message: /index\.json/ });
    const before = await bytesOf(createReadStream(index));
    await assert.rejects(folder.tag(image.target, 'app'), { code: 'invalid-content', message: /index\.json/ });
    assert.deepEqual(await bytesOf(createReadStream(index)), before);
  }
  await truncate(index, 0);
  await truncate(index, 40 << 20);
  await assert.rejects(folder.resolve('app'), { code: 'too-large' });
  await writeFile(index, json({ schemaVersion: 2, manifests: [image.target] }));
  await writeFile(join(folder.path, 'blobs', 'sha256', image.config.digest.slice(7)), Buffer.alloc(image.config.size));
  await assert.rejects(copy(folder, image.target, await emptyFolder(t)), { code: 'digest-mismatch' });
  assert.deepEqual(
    (await validate(folder, image.target)).map(({ target, code }) => [target.digest, code]),
    [[image.config.digest, 'digest-mismatch']],
  );
});

test('dir: folders are held to the same', { skip: process.platform === 'win32' && 'no links there' }, async (t) => {
  const image = await makeImage();
  const folder = await Directory.open(join(temporary(t, 'hostile'), 'dir'), { create: true });
  await putImage(folder, image);
  await folder.tag(image.target, '');
  const layer = image.layers[0] ?? assert.fail();
  await rm(join(folder.path, layer.digest.slice(7)));
  await symlink('/etc/passwd', join(folder.path, layer.digest.slice(7)));
  await assert.rejects(copy(folder, image.target, await emptyFolder(t)), { code: 'invalid-content', message: /not a regular file/ });
  await writeFile(join(folder.path, 'manifest.json'), Buffer.alloc(5 << 20, ' '));
  await assert.rejects(folder.resolve(''), { code: 'too-large' });
  await writeFile(join(folder.path, 'version'), 'something else');
  await assert.rejects(Directory.open(folder.path), { code: 'invalid-content' });
  await writeFile(join(folder.path, 'version'), 'Directory Transport Version: 2.0\n');
  await assert.rejects(Directory.open(folder.path), { code: 'unsupported' });
  await assert.rejects(Directory.open(temporary(t)), { code: 'invalid-content' });
});

test('the tar of an archive is read once, in whatever pieces it comes', async (t) => {
  const image = await makeImage();
  const whole = await saved(t, image);
  let seen = 0;
  for await (const _member of readTar(chunksOf(whole, 1))) seen++;
  assert.equal(seen, 2 + image.blobs.size + 3);
  const to = await emptyFolder(t);
  await using archive = await openArchive(chunksOf(whole, 1), { pour: to });
  await takeAll(archive, to);
  assert.deepEqual(await validate(to, image.target, { diffIds: true }), []);
});
