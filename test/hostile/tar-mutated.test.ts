/** Archives with bytes changed at random, and bombs inside compression: an answer or our own error, in little memory. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createGzip } from 'node:zlib';
import fc from 'fast-check';
import { ImageError, isImageError } from '../../src/errors.ts';
import { decompress } from '../../src/formats/compression/decompress.ts';
import { readTar } from '../../src/formats/tar/read-tar.ts';
import { writeTar } from '../../src/formats/tar/write-tar.ts';
import { endOfTar, rawBody, rawExtended, rawHeader, rawRecord } from '../support/raw-tar.ts';

const sparse = [
  rawExtended(
    'x',
    rawRecord('GNU.sparse.major', '1') +
      rawRecord('GNU.sparse.minor', '0') +
      rawRecord('GNU.sparse.realsize', '5000') +
      rawRecord('GNU.sparse.name', 'sparse'),
  ),
  rawHeader({ size: 1024 }),
  rawBody('1\n1000\n512\n'),
  rawBody('x'.repeat(512)),
];

/** With every kind of header in it. */
async function seed(): Promise<Buffer> {
  const written = await writeTar([
    { entry: { path: 'folder/', type: 'directory' } },
    {
      entry: { path: 'folder/'.repeat(50), mtime: { seconds: 1, nanoseconds: 5 }, pax: new Map([['SCHILY.xattr.user.a', 'b']]) },
      body: 'hello',
    },
    { entry: { path: 'link', type: 'symlink', linkname: 'ü' } },
    { entry: { path: 'device', type: 'block-device', devmajor: 8, devminor: 1 } },
  ]).toArray();
  const gnu = [rawExtended('L', 'long name\0'), rawHeader({ typeflag: 'S', size: 512, patch: [[257, 'ustar  \0'], [386, '00000000000\x0000000001000\0'], [483, '00000002000']] }), rawBody('y'.repeat(512))]; // prettier-ignore
  return Buffer.concat([...sparse, rawExtended('g', rawRecord('comment', 'x')), ...gnu, ...written]);
}

/** Puts the right checksum into every block that has the magic of a header: so that the changes are read, not refused at once. */
function fixChecksums(bytes: Buffer): void {
  for (let at = 0; at + 512 <= bytes.length; at += 512) {
    if (bytes.toString('latin1', at + 257, at + 262) !== 'ustar') continue;
    bytes.fill(' ', at + 148, at + 156);
    let sum = 0;
    for (let i = 0; i < 512; i++) sum += bytes[at + i]!;
    bytes.write(`${sum.toString(8).padStart(6, '0')}\0 `, at + 148, 'latin1');
  }
}

test('an archive with bytes changed is read or refused with our own error', async () => {
  const bytes = await seed();
  const change = fc.tuple(fc.nat(bytes.length - 1), fc.oneof(fc.nat(255), fc.constantFrom(0, 0x20, 0x30, 0x37, 0x80, 0xff, 0x78, 0x67)));
  await fc.assert(
    fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 8 }), fc.boolean(), async (changes, fix) => {
      const changed = Buffer.from(bytes);
      for (const [at, byte] of changes) changed[at] = byte;
      if (fix) fixChecksums(changed);
      const source = async function* () {
        for (let at = 0; at < changed.length; at += 700) yield changed.subarray(at, at + 700);
      };
      try {
        for await (const { entry, body } of readTar(source(), { limits: { holes: 1 << 20 } })) {
          let length = 0;
          for await (const chunk of body) length += chunk.length;
          assert.equal(length, entry.size);
          assert.ok(entry.bodyOffset > entry.headerOffset && entry.bodyOffset + entry.storedSize <= changed.length);
        }
      } catch (error) {
        assert.ok(error instanceof ImageError && isImageError(error, 'invalid-content', 'too-large', 'unsupported'), String(error));
      }
    }),
    { numRuns: 3000 },
  );
});

test('a tar of zeros in gzip is left as a bomb while its body streams, in little memory', async () => {
  const source = async function* () {
    const header = rawHeader({ size: '77777777777' });
    const zeros = Buffer.alloc(1 << 20);
    const gzip = createGzip({ level: 9 });
    gzip.write(header);
    let given = 0;
    const feed = () => {
      while (given++ < 3000) if (!gzip.write(zeros)) return void gzip.once('drain', feed);
      gzip.end(endOfTar);
    };
    feed();
    yield* gzip;
  };
  const before = process.memoryUsage().rss;
  let length = 0;
  const read = async () => {
    for await (const { body } of readTar(decompress(source(), 'gzip', { limits: { ratio: 200, ratioFrom: 200e6 } }))) {
      for await (const chunk of body) length += chunk.length;
    }
  };
  await assert.rejects(read(), { code: 'too-large', message: /bomb/ });
  assert.ok(length >= 190e6 && length < 260e6, `${length}`);
  assert.ok(process.memoryUsage().rss - before < 150e6);
});
