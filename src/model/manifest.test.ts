import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isImageError } from '../errors.ts';
import { digestOf } from './digest.ts';
import { parseConfig } from './config.ts';
import { maxManifestBytes, parseManifest, sniffManifestType } from './manifest.ts';
import { mediaTypes } from './media-types.ts';

const piece = (mediaType: string) => ({ mediaType, digest: digestOf(Buffer.from(mediaType)), size: mediaType.length });
const manifest = { schemaVersion: 2, config: piece(mediaTypes.ociConfig), layers: [piece(mediaTypes.ociLayerGzip)] };
const bytes = (document: unknown) => Buffer.from(JSON.stringify(document));

test('a manifest and an index are told apart by their fields where no type says it', () => {
  assert.equal(sniffManifestType(bytes(manifest)), mediaTypes.ociManifest);
  assert.equal(sniffManifestType(bytes({ schemaVersion: 2, manifests: [] })), mediaTypes.ociIndex);
  assert.equal(sniffManifestType(bytes({ ...manifest, mediaType: mediaTypes.dockerManifest })), mediaTypes.dockerManifest);
  assert.equal(parseManifest(bytes(manifest), `${mediaTypes.ociManifest}; charset=utf-8`).mediaType, mediaTypes.ociManifest);
});

test('a document that could be read in two ways is refused (CVE-2021-41190)', () => {
  for (const [document, type] of [
    [{ ...manifest, manifests: [] }, undefined],
    [{ schemaVersion: 2, manifests: [], layers: [] }, undefined],
    [{ ...manifest, mediaType: mediaTypes.ociManifest }, mediaTypes.ociIndex],
    [{ ...manifest, mediaType: mediaTypes.dockerManifest }, mediaTypes.ociManifest],
    [manifest, mediaTypes.ociIndex],
    [{ schemaVersion: 2, manifests: [] }, mediaTypes.ociManifest],
    [{ ...manifest, fsLayers: [] }, undefined],
  ] as const)
    assert.throws(
      () => parseManifest(bytes(document), type),
      (error) => isImageError(error, 'invalid-content'),
      JSON.stringify(document),
    );
});

test('schema 1, wrong shapes and too much are refused in words', () => {
  assert.throws(() => parseManifest(bytes({ schemaVersion: 1 })), /schema version 1/);
  for (const document of [
    null,
    [],
    'x',
    {},
    { schemaVersion: 2 },
    { schemaVersion: 2, manifests: {} },
    { ...manifest, layers: 'x' },
    { ...manifest, layers: [{}] },
    { ...manifest, config: { ...manifest.config, size: -1 } },
    { ...manifest, config: { ...manifest.config, digest: 'sha256:../x' } },
    { ...manifest, annotations: { a: 1 } },
    { ...manifest, mediaType: 7 },
  ])
    assert.throws(
      () => parseManifest(bytes(document)),
      (error) => isImageError(error, 'invalid-content'),
      JSON.stringify(document),
    );
  assert.throws(
    () => parseManifest(new Uint8Array(maxManifestBytes + 1)),
    (error) => isImageError(error, 'too-large'),
  );
  assert.throws(
    () => parseManifest(Buffer.from([0x7b, 0xff, 0x7d])),
    (error) => isImageError(error, 'invalid-content'),
  );
});

test('an artifact, an empty index and layers of null are fine', () => {
  assert.deepEqual(parseManifest(bytes({ ...manifest, layers: null })).kind, 'manifest');
  const artifact = parseManifest(
    bytes({ ...manifest, artifactType: 'application/x', config: piece(mediaTypes.ociEmpty), subject: piece('s/s') }),
  );
  assert.equal(artifact.artifactType, 'application/x');
  assert.ok(artifact.subject);
});

test('whatever JSON comes, the answer is a document or an ImageError', () => {
  fc.assert(
    fc.property(fc.json(), fc.constantFrom(undefined, mediaTypes.ociManifest, mediaTypes.ociIndex), (json, type) => {
      for (const read of [() => parseManifest(Buffer.from(json), type), () => parseConfig(Buffer.from(json))])
        try {
          read();
        } catch (error) {
          if (!isImageError(error)) throw error;
        }
    }),
  );
});

test('a config keeps docker’s own keys and forgives an odd one', () => {
  const config = parseConfig(
    bytes({
      os: 'windows',
      architecture: 'amd64',
      'os.version': '10.0.1',
      config: { Healthcheck: { Test: ['NONE'] }, Env: 'odd', Labels: { a: 'b' } },
      rootfs: { type: 'layers', diff_ids: [digestOf(bytes(1))] },
      history: [{ created_by: 'x', empty_layer: true }],
    }),
  );
  assert.deepEqual(config.config, { Healthcheck: { Test: ['NONE'] }, Labels: { a: 'b' } });
  assert.equal(config.platform?.['os.version'], '10.0.1');
  assert.deepEqual(config.history, [{ created_by: 'x', empty_layer: true }]);
});
