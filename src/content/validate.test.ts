import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';

import { chunksOf, makeImage, putImage, tarOf } from '../../test/support/make-image.ts';
import { temporary } from '../../test/support/temporary.ts';
import type { Descriptor } from '../model/descriptor.ts';
import { digestOf, parseDigest } from '../model/digest.ts';
import { mediaTypes } from '../model/media-types.ts';
import { OciFolder } from './oci-folder.ts';
import { validate } from './validate.ts';

const put = async (folder: OciFolder, mediaType: string, value: Buffer | object): Promise<Descriptor> => {
  const bytes = Buffer.isBuffer(value) ? value : Buffer.from(JSON.stringify(value));
  const target = { mediaType, digest: digestOf(bytes), size: bytes.length };
  await folder.write(target, async () => chunksOf(bytes));
  return target;
};

test('a whole image has no fault, and each thing that does not fit is one', async (t) => {
  const folder = await OciFolder.open(temporary(t), { create: true });
  const image = await makeImage();
  await putImage(folder, image);
  assert.deepEqual(await validate(folder, image.target, { diffIds: true }), []);

  const faultsOf = async (config: object, layers: readonly Descriptor[], options = {}) => {
    const manifest = {
      schemaVersion: 2,
      mediaType: mediaTypes.ociManifest,
      config: await put(folder, mediaTypes.ociConfig, config),
      layers,
    };
    return (await validate(folder, await put(folder, mediaTypes.ociManifest, manifest), options)).map(
      ({ code, message }) => `${code}: ${message}`,
    );
  };
  const tar = await tarOf({ a: 'b' });
  const layer = await put(folder, mediaTypes.ociLayerGzip, gzipSync(tar));
  const rootfs = { type: 'layers', diff_ids: [digestOf(tar)] };
  assert.deepEqual(await faultsOf({ rootfs }, [layer], { diffIds: true }), []);
  assert.deepEqual(await faultsOf({ rootfs }, [layer, layer]), ['invalid-content: the config names 1 diff IDs, the manifest 2 layers']);
  assert.deepEqual(await faultsOf({ rootfs, history: [{}, {}, { empty_layer: true }] }, [layer]), [
    'invalid-content: the history tells of 2 layers, the config of 1',
  ]);
  const other = `sha256:${'0'.repeat(64)}`;
  const wrong = { rootfs: { type: 'layers', diff_ids: [other] } };
  assert.deepEqual(await faultsOf(wrong, [layer]), []);
  assert.deepEqual(await faultsOf(wrong, [layer], { diffIds: true }), [
    `digest-mismatch: the unpacked layer is ${digestOf(tar)}, the config names ${other}`,
  ]);
  const plain = await put(folder, mediaTypes.ociLayerGzip, tar);
  assert.deepEqual(await faultsOf({ rootfs }, [plain], { diffIds: true }), [
    'invalid-content: the layer is packed with none, not with gzip as its media type says',
  ]);
  assert.deepEqual(await faultsOf([], [layer]), [`invalid-content: invalid image config: not a JSON object`]);
});

test('what is absent is a fault, but for a foreign layer', async (t) => {
  const folder = await OciFolder.open(temporary(t), { create: true });
  const foreign = await makeImage({ foreign: [0] });
  await putImage(folder, foreign, ({ digest }) => digest === foreign.layers[0]?.digest);
  assert.deepEqual(await validate(folder, foreign.target, { diffIds: true }), []);
  const absent = { mediaType: mediaTypes.ociManifest, digest: parseDigest(`sha256:${'1'.repeat(64)}`), size: 3 };
  assert.deepEqual(
    (await validate(folder, absent)).map(({ target, code }) => [target, code]),
    [[absent, 'manifest-unknown']],
  );
});

test('cancelling a validation is an error and no list of faults', async (t) => {
  const folder = await OciFolder.open(temporary(t), { create: true });
  const image = await makeImage();
  await putImage(folder, image);
  await assert.rejects(validate(folder, image.target, { signal: AbortSignal.abort() }), (error) => error instanceof Error);
});
