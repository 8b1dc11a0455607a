/** Tar archives that lie, end early, or ask for more than anybody has: a clear error, no hang, no memory by a number that they name. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isImageError } from '../../src/errors.ts';
import { TarParser } from '../../src/formats/tar/parser.ts';
import { type ReadTarOptions, readTar } from '../../src/formats/tar/read-tar.ts';
import { writeTar } from '../../src/formats/tar/write-tar.ts';
import { endOfTar, rawBody, rawExtended, rawHeader, rawRecord } from '../support/raw-tar.ts';

async function* chunks(bytes: Uint8Array, size = 65_536): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

/** Every entry with its whole body. */
async function readAll(
  source: Uint8Array | AsyncIterable<Uint8Array>,
  options?: ReadTarOptions,
): Promise<[path: string, length: number][]> {
  const found: [string, number][] = [];
  for await (const { entry, body } of readTar(source instanceof Uint8Array ? chunks(source) : source, options)) {
    let length = 0;
    for await (const chunk of body) length += chunk.length;
    assert.equal(length, entry.size);
    found.push([entry.path, length]);
  }
  return found;
}

test('an archive cut off at any block, or in any, gives an error or the entries before the cut, never others', async () => {
  const members = Array.from({ length: 12 }, (_, i) => ({
    entry: {
      path: i % 3 === 0 ? `${'long/'.repeat(60)}${i}` : `file${i}`,
      pax: i % 4 === 0 ? new Map([['SCHILY.xattr.user.a', 'x'.repeat(700)]]) : new Map(),
    },
    body: Buffer.alloc(i * 211, i),
  }));
  const bytes = Buffer.concat(await writeTar(members).toArray());
  const whole = await readAll(bytes);
  const ends = new Set<number>(); // from an entry's last byte to the end of its block: there a cut cannot be seen
  for await (const { entry } of readTar(chunks(bytes))) {
    const last = entry.bodyOffset + entry.storedSize;
    for (let end = last; end <= Math.ceil(last / 512) * 512; end++) ends.add(end);
  }
  for (let block = 0; block * 512 < bytes.length - 1024; block++) {
    for (const cut of [block * 512, block * 512 + 1, block * 512 + 511]) {
      const result = await readAll(bytes.subarray(0, cut)).catch((error: unknown) => error);
      if (cut === 0 || ends.has(cut)) assert.deepEqual(result, whole.slice(0, (result as unknown[]).length));
      else {
        assert.ok(isImageError(result, 'invalid-content'), `cut at ${cut}: ${String(result)}`);
        assert.match(result.message, /tar archive, .*too early/);
      }
    }
  }
});

test('an error about a body that ends too early names the entry', async () => {
  const bytes = Buffer.concat([
    rawHeader({ name: 'whole', size: 3 }),
    rawBody('abc'),
    rawHeader({ name: 'cut', size: 2000 }),
    Buffer.alloc(600),
  ]);
  await assert.rejects(readAll(bytes), { code: 'invalid-content', message: /"cut".*byte 1024/ });
});

test('sizes beyond all measure are refused, or end with the source: nothing is allocated for them', async () => {
  const before = process.memoryUsage().rss;
  const sizes = [
    '77777777777',
    Buffer.from('80000000001fffffffffffff', 'hex'),
    Buffer.from('800000007fffffffffffffff', 'hex'),
    Buffer.alloc(12, 0xff),
    Buffer.alloc(12, 0x80),
  ];
  for (const typeflag of ['0', 'x', 'g', 'L', 'K', 'S', 'V']) {
    for (const size of sizes) {
      const bytes = Buffer.concat([rawHeader({ typeflag, size, patch: [[483, '00000001000']] }), Buffer.alloc(4096, 'a')]);
      await assert.rejects(
        readAll(bytes),
        (error) => isImageError(error, 'invalid-content', 'too-large'),
        `${typeflag} ${size.toString('hex')}`,
      );
    }
    const pax = rawExtended('x', rawRecord('size', '9007199254740991'));
    await assert.rejects(readAll(Buffer.concat([pax, rawHeader({ typeflag }), Buffer.alloc(4096, 'a')])), (error) =>
      isImageError(error, 'invalid-content', 'too-large'),
    );
  }
  for (const size of ['9007199254740993', '-1', '1e9', '0x10', ' 1', '99999999999999999999']) {
    await assert.rejects(
      readAll(Buffer.concat([rawExtended('x', rawRecord('size', size)), rawHeader()])),
      { code: 'invalid-content' },
      size,
    );
  }
  assert.ok(process.memoryUsage().rss - before < 200e6);
});

test('extended headers are bounded: one that is large, many in front of one entry, and all global ones together', async () => {
  const limits = { metadata: 1 << 20 };
  const large = Buffer.from(rawRecord('comment', 'x'.repeat(2 << 20)));
  for (const typeflag of ['x', 'g', 'L', 'K']) {
    await assert.rejects(readAll(Buffer.concat([rawExtended(typeflag, large), rawHeader()]), { limits }), { code: 'too-large' }, typeflag);
  }
  const many = async function* () {
    for (;;) yield rawExtended('x', rawRecord('comment', 'x'.repeat(1000)));
  };
  await assert.rejects(readAll(many(), { limits }), { code: 'too-large' });
  const manyNames = async function* () {
    for (;;) yield rawExtended('L', 'x'.repeat(1000));
  };
  await assert.rejects(readAll(manyNames(), { limits }), { code: 'too-large' });
  const manyGlobal = async function* () {
    for (let i = 0; ; i++) yield rawExtended('g', rawRecord(`key${i}`, 'x'.repeat(1000)));
  };
  await assert.rejects(readAll(manyGlobal(), { limits }), { code: 'too-large' });
});

test('a path of more than the limit is refused', async () => {
  for (const extended of [
    rawExtended('L', 'x'.repeat(70_000)),
    rawExtended('x', rawRecord('path', 'x'.repeat(70_000))),
    rawExtended('x', rawRecord('linkpath', 'x'.repeat(70_000))),
  ]) {
    await assert.rejects(readAll(Buffer.concat([extended, rawHeader()])), { code: 'too-large', message: /name/ });
  }
});

test('an archive without end is left: zeros behind its end, global headers, entries', async () => {
  let given = 0;
  const endless = async function* (first: Uint8Array, rest: Uint8Array) {
    yield first;
    for (; ; given += rest.length) yield rest;
  };
  await assert.rejects(readAll(endless(endOfTar, Buffer.alloc(1 << 20)), { limits: { trailing: 10 << 20 } }), {
    code: 'too-large',
    message: /follow/,
  });
  assert.ok(given < 12 << 20);
  await assert.rejects(
    readAll(endless(rawHeader(), Buffer.concat(Array.from({ length: 100 }, () => rawHeader()))), { limits: { entries: 5000 } }),
    {
      code: 'too-large',
      message: /5000 entries/,
    },
  );
  await assert.rejects(readAll(endless(rawHeader(), rawExtended('g', rawRecord('comment', 'a'))), { limits: { entries: 5000 } }), {
    code: 'too-large',
  });
});

test('sparse maps that overlap, run backwards, leave the file or do not add up are refused', async () => {
  const body = rawBody(Buffer.alloc(1024, 'x'));
  const maps = [
    '0,512,256,512',
    '512,512,0,512',
    '0,512,4000,512',
    '0,512',
    '0,1024,2048',
    '0,512,1024,511',
    '0,-1',
    '0,1024,x,0',
    '',
    '0,9007199254740991',
    '9007199254740991,1024',
  ];
  for (const map of maps) {
    const records = [
      rawRecord('GNU.sparse.major', '0'),
      rawRecord('GNU.sparse.minor', '1'),
      rawRecord('GNU.sparse.size', '4096'),
      rawRecord('GNU.sparse.map', map),
    ].join('');
    await assert.rejects(
      readAll(Buffer.concat([rawExtended('x', records), rawHeader({ size: 1024 }), body])),
      { code: 'invalid-content' },
      map,
    );
  }
  const version1 = rawRecord('GNU.sparse.major', '1') + rawRecord('GNU.sparse.minor', '0') + rawRecord('GNU.sparse.realsize', '4096');
  for (const map of [
    '2\n0\n512\n',
    '1\n0\n',
    '99999999999999999\n',
    'x\n',
    '9007199254740990\n'.padEnd(1024, '1\n'),
    '\n',
    '1\n0\n511\n',
  ]) {
    await assert.rejects(
      readAll(Buffer.concat([rawExtended('x', version1), rawHeader({ size: 1024 }), rawBody(map.padEnd(1024, '\0'))])),
      { code: 'invalid-content' },
      map.slice(0, 30),
    );
  }
  const unknown = rawRecord('GNU.sparse.major', '2') + rawRecord('GNU.sparse.minor', '0');
  await assert.rejects(readAll(Buffer.concat([rawExtended('x', unknown), rawHeader()])), { code: 'unsupported', message: /2\.0/ });
});

test('old GNU maps: extension blocks without end, and pairs that are none', async () => {
  const pair = (offset: number, length: number) => `${offset.toString(8).padStart(11, '0')}\0${length.toString(8).padStart(11, '0')}\0`;
  const gnu = [257, 'ustar  \0'] as const;
  const header = rawHeader({ typeflag: 'S', size: 512, patch: [gnu, [386, pair(0, 0).repeat(4)], [482, '\u0001'], [483, '77777777777']] });
  const extension = Buffer.alloc(512);
  extension.write(pair(0, 0).repeat(21), 0, 'latin1');
  extension[504] = 1;
  const endless = async function* () {
    yield header;
    for (;;) yield extension;
  };
  await assert.rejects(readAll(endless()), { code: 'too-large' });
  const wrong = rawHeader({ typeflag: 'S', size: 512, patch: [gnu, [386, 'not a number'], [483, '00000001000']] });
  await assert.rejects(readAll(Buffer.concat([wrong, Buffer.alloc(1024)])), { code: 'invalid-content' });
});

test('a sparse file that stands for an exabyte of zeros is refused before it is read', async () => {
  const records = rawRecord('GNU.sparse.size', '1152921504606846') + rawRecord('GNU.sparse.map', '0,512');
  await assert.rejects(readAll(Buffer.concat([rawExtended('x', records), rawHeader({ size: 512 }), Buffer.alloc(512)])), {
    code: 'too-large',
    message: /sparse/,
  });
});

test('what is no tar is refused at its first block', async () => {
  for (const bytes of [Buffer.alloc(2048, 'garbage '), Buffer.from('PK\x03\x04'.padEnd(600)), Buffer.from('{}'), Buffer.alloc(700, 1)]) {
    await assert.rejects(readAll(bytes), { code: 'invalid-content', message: /its start/ });
  }
});

test('an extended header that is followed by nothing is refused', async () => {
  const extended = rawExtended('x', rawRecord('path', 'ghost'));
  await assert.rejects(readAll(extended), { code: 'invalid-content' });
  await assert.rejects(readAll(Buffer.concat([extended, endOfTar])), { code: 'invalid-content' });
});

test('an entry without a name is refused, and names that escape are given as they are: whoever unpacks must look', async () => {
  await assert.rejects(readAll(Buffer.concat([rawHeader({ name: '' }), endOfTar])), { code: 'invalid-content', message: /name/ });
  const names = ['../../etc/passwd', '/etc/passwd', './a/../../b', 'same', 'same', '..\\windows'];
  assert.deepEqual(
    (await readAll(Buffer.concat([...names.map((name) => rawHeader({ name })), endOfTar]))).map(([path]) => path),
    names,
  );
});

test('links to themselves and to each other are entries like others', async () => {
  const link = (name: string, target: string, typeflag: string) => rawHeader({ name, typeflag, patch: [[157, target]] });
  const bytes = Buffer.concat([link('a', 'a', '1'), link('b', 'c', '2'), link('c', 'b', '2'), link('d', '', '1'), endOfTar]);
  const entries = await Array.fromAsync(readTar(chunks(bytes)), ({ entry }) => [entry.path, entry.linkname]);
  assert.deepEqual(entries, [
    ['a', 'a'],
    ['b', 'c'],
    ['c', 'b'],
    ['d', ''],
  ]);
});

test('a million entries are walked in bounded memory', () => {
  const block = Buffer.concat(Array.from({ length: 2000 }, (_, i) => rawHeader({ name: `folder/file${i}` })));
  const parser = new TarParser();
  globalThis.gc?.();
  const before = process.memoryUsage().rss;
  let count = 0;
  let path = '';
  for (let round = 0; round < 500; round++) {
    parser.push(block);
    for (let event = parser.next(); event; event = parser.next()) {
      if (event !== 'entry') continue;
      count++;
      path = parser.entry.path;
    }
  }
  parser.push(endOfTar);
  parser.next();
  parser.end();
  assert.equal(count, 1_000_000);
  assert.equal(path, 'folder/file1999');
  assert.ok(process.memoryUsage().rss - before < 150e6);
});
