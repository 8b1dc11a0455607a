import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { peer } from '../../../test/support/peers.ts';
import { compress } from './compress.ts';
import { type DecompressOptions, decompress } from './decompress.ts';
import type { Compression } from './detect.ts';

const content = Buffer.alloc(100_000, 'something that repeats, ');
const gzip = gzipSync(content);
const zstd = zstdCompressSync(content);
const skippable = Buffer.from([0x50, 0x2a, 0x4d, 0x18, 4, 0, 0, 0, 1, 2, 3, 4]);

async function* given(...parts: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* parts;
}

async function unfolded(compression: Compression, parts: readonly Uint8Array[], options?: DecompressOptions): Promise<Buffer> {
  return Buffer.concat(await decompress(given(...parts), compression, options).toArray());
}

const bytewise = (bytes: Buffer): Buffer[] => Array.from(bytes, (_, i) => bytes.subarray(i, i + 1));

test('what we compress we read again, in whatever pieces', async () => {
  const pieces = fc.array(
    fc.oneof(
      fc.uint8Array({ maxLength: 400 }),
      fc.nat(300_000).map((length) => new Uint8Array(length)),
    ),
    { maxLength: 5 },
  );
  await fc.assert(
    fc.asyncProperty(
      pieces,
      fc.constantFrom('gzip' as const, 'zstd' as const),
      fc.integer({ min: 1, max: 5000 }),
      async (parts, kind, size) => {
        const packed = Buffer.concat(await compress(given(...parts), kind).toArray());
        const cut: Buffer[] = [];
        for (let at = 0; at < packed.length; at += size) cut.push(packed.subarray(at, at + size));
        assert.ok((await unfolded(kind, cut)).equals(Buffer.concat(parts)));
      },
    ),
    { numRuns: 40 },
  );
});

for (const [what, kind, parts, copies] of [
  ['one gzip member', 'gzip', [gzip], 1],
  ['gzip members in one chunk', 'gzip', [Buffer.concat([gzip, gzip, gzip])], 3],
  ['gzip members in chunks of their own', 'gzip', [gzip, gzip], 2],
  ['gzip members byte by byte', 'gzip', bytewise(Buffer.concat([gzip, gzip])), 2],
  ['gzip with zeros behind it', 'gzip', [Buffer.concat([gzip, gzip, Buffer.alloc(9000)])], 2],
  ['gzip with more zeros behind it than a chunk', 'gzip', [gzip, ...Array.from({ length: 5 }, () => Buffer.alloc(400_000))], 1],
  ['one zstd frame', 'zstd', [zstd], 1],
  ['zstd frames in one chunk', 'zstd', [Buffer.concat([zstd, zstd, zstd])], 3],
  ['zstd frames in chunks of their own', 'zstd', [zstd, zstd], 2],
  ['zstd frames between skippable ones', 'zstd', [Buffer.concat([skippable, zstd, skippable, skippable, zstd, skippable])], 2],
  ['zstd frames byte by byte', 'zstd', bytewise(Buffer.concat([skippable, zstd, skippable, zstd])), 2],
  ['skippable zstd frames alone', 'zstd', [skippable], 0],
  ['what is not compressed', 'none', [content], 1],
] as const) {
  test(`${what}: all of it is read`, async () => {
    const bytes = await unfolded(kind, parts);
    assert.ok(bytes.equals(Buffer.concat(Array.from({ length: copies }, () => content))), `${bytes.length} bytes`);
  });
}

const flipped = (bytes: Buffer, at: number): Buffer => {
  const copy = Buffer.from(bytes);
  copy[at]! ^= 0x10;
  return copy;
};

for (const [what, kind, parts] of [
  ['nothing at all as gzip', 'gzip', []],
  ['nothing at all as zstd', 'zstd', []],
  ['gzip with a wrong checksum', 'gzip', [flipped(gzip, gzip.length - 6)]],
  ['gzip with a wrong length', 'gzip', [flipped(gzip, gzip.length - 2)]],
  ['gzip with text behind it', 'gzip', [gzip, Buffer.from('hello')]],
  ['gzip with zeros and text behind it', 'gzip', [Buffer.concat([gzip, Buffer.alloc(100), Buffer.from('hello')])]],
  ['gzip with zeros and another member behind it', 'gzip', [gzip, Buffer.alloc(700_000), gzip]],
  ['gzip with half a header behind it', 'gzip', [gzip, gzip.subarray(0, 5)]],
  ['zstd with a wrong checksum', 'zstd', [flipped(Buffer.concat([zstdWithChecksum()]), zstdWithChecksum().length - 1)]],
  ['zstd with text behind it', 'zstd', [zstd, Buffer.from('hello')]],
  ['zstd with zeros behind it', 'zstd', [Buffer.concat([zstd, Buffer.alloc(512)])]],
  ['zstd with half a skippable frame behind it', 'zstd', [zstd, skippable.subarray(0, 9)]],
  ['text as gzip', 'gzip', [content]],
  ['text as zstd', 'zstd', [content]],
] as const) {
  test(`${what} is invalid content`, async () => {
    await assert.rejects(unfolded(kind, parts), { code: 'invalid-content', message: new RegExp(`^${kind} data`) });
  });
}

function zstdWithChecksum(): Buffer {
  return zstdCompressSync(content, { params: { 201: 1 } });
}

test('data that is cut off anywhere, or damaged anywhere, fails or is whole: it never hangs and never ends early', async () => {
  const body = randomBytes(300);
  for (const [kind, packed] of [
    ['gzip', gzipSync(body)],
    ['zstd', zstdCompressSync(body, { params: { 201: 1 } })],
  ] as const) {
    for (let at = 0; at < packed.length; at++) {
      await assert.rejects(unfolded(kind, [packed.subarray(0, at)]), { code: 'invalid-content' }, `${kind} cut at ${at}`);
      const result = await unfolded(kind, [flipped(packed, at)]).catch((error: unknown) => error);
      // a flag or time in gzip's header may change without harm
      if (Buffer.isBuffer(result)) assert.ok(result.equals(body), `${kind} damaged at ${at}`);
      else assert.match((result as { code: string }).code, /invalid-content|too-large/);
    }
  }
});

test('a bomb is left: by its size, and by its ratio once the floor is passed', async () => {
  for (const [kind, bomb] of [
    ['gzip', gzipSync(Buffer.alloc(50e6))],
    ['zstd', zstdCompressSync(Buffer.alloc(50e6))],
  ] as const) {
    for (const limits of [{ size: 10e6 }, { ratio: 100, ratioFrom: 5e6 }]) {
      let length = 0;
      const read = async () => {
        for await (const chunk of decompress(given(bomb), kind, { limits })) length += chunk.length;
      };
      await assert.rejects(read(), { code: 'too-large', message: /bomb/ });
      assert.ok(length < 12e6, `${kind}: ${length} bytes came through`);
    }
    assert.equal((await unfolded(kind, [bomb], { limits: { ratio: 100, ratioFrom: 60e6 } })).length, 50e6);
  }
});

test('a zstd window of more than 128 MiB is refused by name, before anything is allocated', async () => {
  const header = (...bytes: number[]) => Buffer.from([0x28, 0xb5, 0x2f, 0xfd, ...bytes]);
  const window = (log: number, mantissa = 0) => header(0x00, ((log - 10) << 3) | mantissa, 1, 0, 0);
  await unfolded('zstd', [window(27)]);
  for (const large of [
    window(27, 1),
    window(31),
    window(41, 7),
    header(0xe0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0),
    header(0xa0, 1, 0, 0, 8, 1, 0, 0),
  ]) {
    await assert.rejects(unfolded('zstd', [large]), { code: 'too-large', message: /window/ });
  }
});

test('the source’s own error comes through, and a reader that leaves ends the source', async () => {
  const failing = async function* () {
    yield gzip.subarray(0, 50);
    throw new RangeError('gone');
  };
  await assert.rejects(decompress(failing(), 'gzip').toArray(), RangeError);

  let ended: (() => void) | undefined;
  const end = new Promise<void>((resolve) => (ended = resolve));
  const endless = async function* () {
    try {
      for (;;) yield gzip;
    } finally {
      ended?.();
    }
  };
  for await (const chunk of decompress(endless(), 'gzip')) if (chunk.length > 0) break;
  await end;
});

test('an aborted signal ends it, before and while it reads', async () => {
  const controller = new AbortController();
  const endless = async function* () {
    for (;;) yield gzip;
  };
  const read = async () => {
    for await (const chunk of decompress(endless(), 'gzip', { signal: controller.signal })) if (chunk.length > 0) controller.abort();
  };
  await assert.rejects(read(), { code: 'canceled' });
  await assert.rejects(read(), { code: 'canceled' });
});

const commands = [
  ['gzip', ['-c'], 'gzip'],
  ['zstd', ['-c', '-q'], 'zstd'],
  ['zstd', ['-c', '-q', '--long=27', '-19'], 'zstd'],
] as const;
for (const [name, args, kind] of commands) {
  const program = peer(name);
  test(`what ${name} ${args.join(' ')} makes is read`, { skip: program.skip }, async () => {
    const input = Buffer.concat([randomBytes(150_000), content, Buffer.alloc(400_000)]);
    const { execFileSync } = await import('node:child_process');
    const packed = execFileSync(name, args, { input });
    assert.ok((await unfolded(kind, [packed])).equals(input));
  });
}
