/**
 * What every place that images can be written to and read from keeps (src/content/image-sink.ts, image-source.ts): one suite over all of them.
 *
 *   imagePlaceContract('an OCI folder', async (t) => ({ source, sink, nameOf: (tag) => tag }));
 */
import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';

import { copy } from '../../src/content/copy.ts';
import type { ImageSink } from '../../src/content/image-sink.ts';
import type { ImageSource } from '../../src/content/image-source.ts';
import { ImageError, type ErrorCode } from '../../src/errors.ts';
import type { Descriptor } from '../../src/model/descriptor.ts';
import { digestOf } from '../../src/model/digest.ts';
import { mediaTypes } from '../../src/model/media-types.ts';
import { bytesOf, chunksOf, makeImage, makeIndex, putImage, type MadeImage } from '../support/make-image.ts';

export interface ImagePlace {
  readonly sink: ImageSink;
  /** The same place, for reading. */
  readonly source: ImageSource;
  /** How a name with this tag is written there. */
  nameOf(tag: string): string;
}

export interface ContractOptions {
  /** What this place is not able to do, by its format. */
  readonly without?: readonly ('sha512' | 'ranges' | 'loose blobs' | 'foreign' | 'several images')[];
}

export function imagePlaceContract(what: string, open: (t: TestContext) => Promise<ImagePlace>, options: ContractOptions = {}): void {
  const has = (ability: NonNullable<ContractOptions['without']>[number]) => !options.without?.includes(ability);
  const need = (ability: NonNullable<ContractOptions['without']>[number]) => ({ skip: has(ability) ? false : `${what} has no ${ability}` });

  describe(`${what} as a place for images`, () => {
    for (const [kind, make] of Object.entries(kinds)) {
      if (kind.includes('sha512') && !has('sha512')) continue;
      test(`${kind} comes out as it went in`, async (t) => {
        const place = await open(t);
        const image = await make();
        assert.equal(await place.sink.has(image.target), false);
        await putImage(place.sink, image);
        await place.sink.tag(image.target, place.nameOf('one'));
        await assertIs(place, 'one', image);
      });
    }

    test('has says yes to a manifest only when all of it is there', need('loose blobs'), async (t) => {
      const { sink } = await open(t);
      const image = await makeImage();
      const [first, second] = image.layers;
      assert.ok(first && second);
      for (const piece of [first, second, image.config]) {
        assert.equal(await sink.has(piece), false);
        assert.equal(await sink.has(image.target), false);
        await write(sink, piece, image);
        assert.equal(await sink.has(piece), true);
      }
      assert.equal(await sink.has(image.target), false);
      await write(sink, image.target, image);
      assert.equal(await sink.has(image.target), true);
    });

    test('a manifest is refused while something of it is absent', need('loose blobs'), async (t) => {
      const { sink } = await open(t);
      const image = await makeImage();
      await write(sink, image.config, image);
      await rejects(write(sink, image.target, image), 'incomplete');
      assert.equal(await sink.has(image.target), false);
    });

    test('a foreign layer may be absent', need('foreign'), async (t) => {
      const place = await open(t);
      const image = await makeImage({ docker: true, foreign: [0] });
      await putImage(place.sink, image, ({ mediaType }) => mediaType === mediaTypes.dockerForeignLayerGzip);
      assert.equal(await place.sink.has(image.target), true);
      await place.sink.tag(image.target, place.nameOf('windows'));
      assert.deepEqual(await bytesOf(await place.source.open(image.target)), image.blobs.get(image.target.digest));
    });

    test('bytes that are not what was said are not kept', need('loose blobs'), async (t) => {
      const { sink } = await open(t);
      const target = blob('the right bytes, quite a few of them');
      const bytes = Buffer.from('the right bytes, quite a few of them');
      for (const [wrong, code] of [
        [Buffer.from('the wrong bytes, quite a few of them'), 'digest-mismatch'],
        [bytes.subarray(0, 10), 'size-mismatch'],
        [Buffer.concat([bytes, bytes]), 'size-mismatch'],
        [Buffer.alloc(0), 'size-mismatch'],
      ] as const) {
        await rejects(
          sink.write(target, async (offset) => chunksOf(wrong.subarray(offset), 7)),
          code,
          'digest-mismatch',
        );
        assert.equal(await sink.has(target), false);
      }
      await sink.write(target, async (offset) => chunksOf(bytes.subarray(offset)));
      assert.equal(await sink.has(target), true);
    });

    test(
      'a source that breaks off is gone on with where the bytes ended, or asked again from the start',
      need('loose blobs'),
      async (t) => {
        const { source, sink } = await open(t);
        const bytes = Buffer.alloc(3_000_000, 'some bytes ');
        const target = blob(bytes);
        let asked = 0;
        let open_ = 0;
        const flaky = async (offset: number) => {
          assert.ok(offset <= bytes.length);
          assert.equal(open_, 0, 'never asked twice at once');
          open_++;
          asked++;
          const last = asked === 3;
          return (async function* () {
            try {
              yield* chunksOf(bytes.subarray(offset, last ? bytes.length : offset + 1_000_000), 64 * 1024);
              if (!last) throw new ImageError('unavailable', 'the connection broke');
            } finally {
              open_--;
            }
          })();
        };
        for (let tries = 0; ; tries++) {
          try {
            await sink.write(target, flaky);
            break;
          } catch (error) {
            assert.ok(error instanceof ImageError && error.code === 'unavailable', String(error));
            assert.ok(tries < 3);
            assert.equal(await sink.has(target), false);
          }
        }
        assert.equal(await sink.has(target), true);
        assert.deepEqual(await bytesOf(await source.open(target)), bytes);
      },
    );

    test('a write that is told to stop stops, and keeps nothing', need('loose blobs'), async (t) => {
      const { sink } = await open(t);
      const target = blob('never to be finished');
      const stop = new AbortController();
      const endless = async () =>
        (async function* () {
          yield Buffer.from('never');
          stop.abort();
          yield Buffer.from(' to be');
          await new Promise((_, reject) => {
            if (stop.signal.aborted) reject(new ImageError('canceled', 'canceled'));
            stop.signal.addEventListener('abort', () => reject(new ImageError('canceled', 'canceled')));
          });
        })();
      await rejects(sink.write(target, endless, { signal: stop.signal }), 'canceled');
      assert.equal(await sink.has(target), false);
    });

    test('two who write the same piece at once both have it', need('loose blobs'), async (t) => {
      const { source, sink } = await open(t);
      const bytes = Buffer.alloc(700_000, 'twice ');
      const target = blob(bytes);
      await Promise.all([1, 2, 3].map(() => sink.write(target, async (offset) => chunksOf(bytes.subarray(offset), 50_000))));
      assert.deepEqual(await bytesOf(await source.open(target)), bytes);
    });

    test('a part is given from any offset, and none behind the end', need('ranges'), async (t) => {
      const { source, sink } = await open(t);
      const image = await makeImage();
      await putImage(sink, image);
      const [layer] = image.layers;
      assert.ok(layer);
      const bytes = image.blobs.get(layer.digest);
      assert.ok(bytes);
      for (const offset of [0, 1, 50, bytes.length - 1, bytes.length])
        assert.deepEqual(await bytesOf(await source.open(layer, { offset })), bytes.subarray(offset), `from ${offset}`);
      assert.deepEqual(await bytesOf(await source.open(layer, { offset: 10, length: 20 })), bytes.subarray(10, 30));
      await rejects((async () => await bytesOf(await source.open(layer, { offset: bytes.length + 1 })))(), 'range-invalid');
    });

    test('what is not there is said to be not there', async (t) => {
      const { source, sink, nameOf } = await open(t);
      const target = blob('nobody has this');
      assert.equal(await sink.has(target), false);
      await rejects((async () => await bytesOf(await source.open(target)))(), 'blob-unknown', 'not-found');
      await rejects(
        (async () => await bytesOf(await source.open({ ...target, mediaType: mediaTypes.ociManifest })))(),
        'manifest-unknown',
        'not-found',
      );
      await rejects(source.resolve(nameOf('nothing')), 'not-found', 'manifest-unknown');
    });

    test('a name moves to what it is given last', need('several images'), async (t) => {
      const { source, sink, nameOf } = await open(t);
      const [one, two] = [await makeImage({ layers: ['one'] }), await makeImage({ layers: ['two'] })];
      for (const image of [one, two]) {
        await putImage(sink, image);
        await sink.tag(image.target, nameOf('moving'));
        assert.equal((await source.resolve(nameOf('moving'))).digest, image.target.digest);
      }
      assert.deepEqual(await bytesOf(await source.open(one.target)), one.blobs.get(one.target.digest), 'the old one is still there');
    });

    test('copy fills it, and a second copy asks the source for nothing', async (t) => {
      const place = await open(t);
      const image = await makeIndex([
        { os: 'linux', architecture: 'amd64' },
        { os: 'linux', architecture: 'arm64' },
      ]);
      const asked: string[] = [];
      const source = memorySource(image, asked);
      await copy(source, image.target, place.sink);
      assert.equal(new Set(asked).size, image.blobs.size);
      assert.equal(asked.length, image.blobs.size, 'each piece once');
      await place.sink.tag(image.target, place.nameOf('copied'));
      await assertIs(place, 'copied', image);
      asked.length = 0;
      await copy(source, image.target, place.sink);
      assert.deepEqual(asked, []);
    });
  });
}

const kinds: Readonly<Record<string, () => Promise<MadeImage>>> = {
  'an image of gzip layers': () => makeImage(),
  'an image of zstd layers': () => makeImage({ compression: 'zstd' }),
  'an image of plain layers': () => makeImage({ compression: 'none' }),
  'an image of docker types': () => makeImage({ docker: true }),
  'an image by sha512': () => makeImage({ algorithm: 'sha512' }),
  'an index of three platforms': () =>
    makeIndex([
      { os: 'linux', architecture: 'amd64' },
      { os: 'linux', architecture: 'arm64' },
      { os: 'windows', architecture: 'amd64', 'os.version': '10.0.20348.1726' },
    ]),
};

async function assertIs(place: ImagePlace, tag: string, image: MadeImage): Promise<void> {
  assert.equal(await place.sink.has(image.target), true);
  const found = await place.source.resolve(place.nameOf(tag));
  assert.deepEqual(
    { mediaType: found.mediaType, digest: found.digest, size: found.size },
    { mediaType: image.target.mediaType, digest: image.target.digest, size: image.target.size },
  );
  const descend = async (target: Descriptor): Promise<void> => {
    const bytes = await bytesOf(await place.source.open(target));
    assert.deepEqual(bytes, image.blobs.get(target.digest), target.digest);
    if (!/manifest|index/.test(target.mediaType)) return;
    const document = JSON.parse(bytes.toString()) as { config?: Descriptor; layers?: Descriptor[]; manifests?: Descriptor[] };
    for (const child of [...(document.config ? [document.config] : []), ...(document.layers ?? []), ...(document.manifests ?? [])])
      await descend(child);
  };
  await descend(found);
}

function memorySource(image: MadeImage, asked: string[]): ImageSource {
  return {
    resolve: async () => image.target,
    open: async (target, { offset = 0 } = {}) => {
      asked.push(target.digest);
      const bytes = image.blobs.get(target.digest);
      if (!bytes) throw new ImageError('blob-unknown', target.digest);
      const { Readable } = await import('node:stream');
      return Readable.from(chunksOf(bytes.subarray(offset)));
    },
  };
}

function blob(content: string | Buffer): Descriptor {
  const bytes = Buffer.from(content);
  return { mediaType: mediaTypes.bytes, digest: digestOf(bytes), size: bytes.length };
}

async function write(sink: ImageSink, target: Descriptor, image: MadeImage): Promise<void> {
  const bytes = image.blobs.get(target.digest);
  assert.ok(bytes);
  await sink.write(target, async (offset) => chunksOf(bytes.subarray(offset)));
}

async function rejects(promise: Promise<unknown>, ...codes: readonly ErrorCode[]): Promise<void> {
  await assert.rejects(promise, (error) => {
    assert.ok(error instanceof ImageError, `an ImageError, not ${String(error)}`);
    assert.ok(codes.includes(error.code), `${error.code} (${error.message}) is none of ${codes.join(', ')}`);
    return true;
  });
}
