import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';

import { chunksOf, tarOf } from '../../test/support/make-image.ts';
import { temporary } from '../../test/support/temporary.ts';
import { digestOf } from '../model/digest.ts';
import { mediaTypes } from '../model/media-types.ts';
import { Image } from './image.ts';
import { layerImage } from './layer-image.ts';
import { OciFolder } from './oci-folder.ts';
import { validate } from './validate.ts';

const options = { platform: { os: 'linux', architecture: 'arm64', variant: 'v8' }, created: new Date('2026-03-04T05:06:07.008Z') };

test('a root file system becomes an image of one layer, kept as it came', async (t) => {
  const folder = await OciFolder.open(temporary(t), { create: true });
  const tar = await tarOf({ 'etc/os-release': 'ID=test', 'bin/sh': 'x'.repeat(5000) });
  for (const [bytes, mediaType] of [
    [tar, mediaTypes.ociLayer],
    [gzipSync(tar), mediaTypes.ociLayerGzip],
    [zstdCompressSync(tar), mediaTypes.ociLayerZstd],
  ] as const) {
    const target = await layerImage(folder, chunksOf(bytes), { ...options, config: { Cmd: ['/bin/sh'] } });
    assert.deepEqual(await validate(folder, target, { diffIds: true }), []);
    const image = await Image.open(folder, target);
    assert.deepEqual(image.layers, [{ descriptor: { mediaType, digest: digestOf(bytes), size: bytes.length }, diffId: digestOf(tar) }]);
    assert.deepEqual(image.config?.platform, { os: 'linux', architecture: 'arm64' });
    assert.deepEqual(image.config?.config, { Cmd: ['/bin/sh'] });
    assert.equal(image.config?.created, '2026-03-04T05:06:07.008Z');
    assert.deepEqual(image.config?.history, [{ created: '2026-03-04T05:06:07.008Z', comment: 'Imported from -' }]);
    assert.deepEqual(await layerImage(folder, chunksOf(bytes, 77), { ...options, config: { Cmd: ['/bin/sh'] } }), target, 'the same again');
  }
});

test('what is no tar makes no image', async (t) => {
  const folder = await OciFolder.open(temporary(t), { create: true });
  const kept = async () => (await readdir(join(folder.path, 'blobs', 'sha256'))).length;
  for (const bytes of [Buffer.alloc(0), Buffer.from('not a tar'), (await tarOf({ a: 'x'.repeat(5000) })).subarray(0, 3000)]) {
    await assert.rejects(layerImage(folder, chunksOf(bytes), options), { code: 'invalid-content' });
    assert.equal(await kept(), 0);
  }
  await assert.rejects(layerImage(folder, chunksOf(gzipSync(Buffer.from('not a tar'))), options), { code: 'invalid-content' });
});
