/** What calls itself an image and could be nobody's is not pulled into the store; what only is kept like one passes. */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { gzipSync } from 'node:zlib';

import type { Descriptor } from '../../src/model/descriptor.ts';
import { digestOf } from '../../src/model/digest.ts';
import { mediaTypes } from '../../src/model/media-types.ts';
import { parseReference } from '../../src/model/reference.ts';
import { copyBetween } from '../../src/operations/copy-between.ts';
import { fetchImage } from '../../src/operations/install-base.ts';
import { parsePlace } from '../../src/operations/places.ts';
import { pull } from '../../src/operations/pull.ts';
import { blobOf, honest, lyingRegistry } from '../support/lying-registry.ts';
import { tarOf } from '../support/make-image.ts';
import { openStore } from '../support/open-store.ts';

const tar = await tarOf({ file: 'text' });
const packed = gzipSync(tar);
const diffId = digestOf(tar);
const other = digestOf(packed);

interface Odd {
  readonly config: string;
  readonly type?: string;
  readonly layers?: readonly string[];
}

function imageConfig(diffIds: readonly string[]): string {
  return JSON.stringify({ architecture: 'amd64', os: 'linux', rootfs: { type: 'layers', diff_ids: diffIds } });
}

/** A registry with one manifest, `app:latest`, alone or below an index. */
async function ground(t: TestContext, { config, type = mediaTypes.ociConfig, layers = [mediaTypes.ociLayerGzip] }: Odd, index = false) {
  const blobs = new Map<string, Buffer>();
  const keep = (mediaType: string, bytes: Buffer): Descriptor => {
    const target = blobOf(bytes, mediaType);
    blobs.set(target.digest, bytes);
    return target;
  };
  const document = (mediaType: string, rest: object) =>
    keep(mediaType, Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, ...rest })));
  const kept = { config: keep(type, Buffer.from(config)), layers: layers.map((layer) => keep(layer, packed)) };
  const manifest = document(mediaTypes.ociManifest, kept);
  const target = index
    ? document(mediaTypes.ociIndex, { manifests: [{ ...manifest, platform: { os: 'linux', architecture: 'amd64' } }] })
    : manifest;
  const registry = await lyingRegistry(t, (asked, answer) => {
    const asManifest = asked.path.endsWith(manifest.digest) ? manifest : target;
    honest({ target: asManifest, config: kept.config, layers: kept.layers, blobs }, asked, answer);
  });
  const store = await openStore(t);
  const host = { store, remote: registry.registries.repository.bind(registry.registries) };
  const name = `${registry.host}/app:latest`;
  return { store, host, name, pull: (allPlatforms = false) => pull(host, parseReference(name), { allPlatforms }) };
}

const refused: readonly (readonly [string, Odd, RegExp])[] = [
  ['a config that is no JSON', { config: 'this is not json' }, /invalid image config: not JSON/],
  ['one of docker’s that is no JSON', { config: 'nor is this', type: mediaTypes.dockerConfig }, /invalid image config: not JSON/],
  ['a config that is a list', { config: '[]' }, /invalid image config: not a JSON object/],
  ['a config that is null', { config: 'null' }, /invalid image config: not a JSON object/],
  ['a config that names no layers', { config: '{}' }, /number of layers and diffIDs don't match: 1 != 0/],
  ['a config that names more layers', { config: imageConfig([diffId, other]) }, /number of layers and diffIDs don't match: 1 != 2/],
];

for (const [what, odd, message] of refused)
  test(`${what} is refused, and nothing is named`, async (t) => {
    const { store, pull, host, name } = await ground(t, odd);
    await assert.rejects(pull(), { code: 'invalid-content', message });
    await assert.rejects(copyBetween(host, parsePlace(`docker://${name}`, '/'), parsePlace('store:copied:1', '/')), {
      code: 'invalid-content',
      message,
    });
    await using ingest = await store.begin();
    const content = { kind: 'registry', reference: parseReference(name) } as const;
    await assert.rejects(fetchImage(host, content, ingest, {}), { code: 'invalid-content', message });
    assert.deepEqual(await store.names(), []);
    assert.deepEqual(await store.images(), []);
  });

test('it is refused below an index too, with one platform pulled or all', async (t) => {
  for (const all of [false, true]) {
    const { store, pull } = await ground(t, { config: 'this is not json' }, true);
    await assert.rejects(pull(all), { code: 'invalid-content' });
    assert.deepEqual(await store.names(), []);
  }
});

const fine: readonly (readonly [string, Odd])[] = [
  ['an image', { config: imageConfig([diffId]) }],
  ['an image without layers', { config: '{}', layers: [] }],
  ['an artifact with the empty config', { config: '{}', type: mediaTypes.ociEmpty, layers: ['text/plain'] }],
  ['an artifact whose config is no JSON', { config: 'name: x', type: 'application/vnd.cncf.helm.config.v1+json', layers: ['text/plain'] }],
  ['an attestation, an image by its config alone', { config: '{}', layers: ['application/vnd.in-toto+json'] }],
];

for (const [what, odd] of fine)
  test(`${what} is pulled`, async (t) => {
    const { store, pull, name } = await ground(t, odd);
    await pull();
    assert.equal((await store.find(name)).target.mediaType, mediaTypes.ociManifest);
  });
