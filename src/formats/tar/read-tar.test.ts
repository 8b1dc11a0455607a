import assert from 'node:assert/strict';
import { readFileSync, truncateSync, writeFileSync, openSync, writeSync, closeSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { peer } from '../../../test/support/peers.ts';
import { endOfTar, rawBody, rawExtended, rawHeader, rawRecord } from '../../../test/support/raw-tar.ts';
import { temporary } from '../../../test/support/temporary.ts';
import { indexTar, readTarBody } from './index-tar.ts';
import { readTar, type ReadTarOptions } from './read-tar.ts';
import { TarParser } from './parser.ts';
import { writeTar } from './write-tar.ts';

const tar = peer('tar');

async function* chunks(bytes: Uint8Array, size = 65_536): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function entries(parts: readonly Uint8Array[], options?: ReadTarOptions) {
  return await Array.fromAsync(readTar(chunks(Buffer.concat(parts)), options), ({ entry }) => entry);
}

async function one(...parts: readonly Uint8Array[]) {
  const all = await entries([...parts, endOfTar]);
  assert.equal(all.length, 1);
  return all[0]!;
}

test('a v7 header has no user names, and a name ending in a slash is a folder there', async () => {
  const v7 = { patch: [[257, Buffer.alloc(255)]] } as const;
  const file = await one(rawHeader({ ...v7, name: 'a', typeflag: '\0' }));
  assert.deepEqual([file.type, file.typeflag, file.uname], ['file', '\0', '']);
  assert.equal((await one(rawHeader({ ...v7, name: 'a/', typeflag: '\0' }))).type, 'directory');
  assert.equal((await one(rawHeader({ ...v7, name: 'a/', typeflag: '0' }))).type, 'file');
});

test('a name in two parts is joined: ustar’s prefix, star’s shorter one, none where GNU has a time', async () => {
  assert.equal((await one(rawHeader({ name: 'name', patch: [[345, 'some/prefix']] }))).path, 'some/prefix/name');
  const star = rawHeader({
    name: 'name',
    patch: [
      [345, 'p'.repeat(131) + '00000000001\0'],
      [508, 'tar\0'],
    ],
  });
  assert.equal((await one(star)).path, `${'p'.repeat(131)}/name`);
  const gnu = [257, 'ustar  \0'] as const;
  assert.equal((await one(rawHeader({ name: 'name', patch: [gnu, [345, '14000000000\0']] }))).path, 'name');
  assert.equal((await one(rawHeader({ name: 'name', patch: [gnu, [345, 'from/go1.7']] }))).path, 'from/go1.7/name');
});

test('numbers: octal with spaces and NULs about it, base-256, negative times', async () => {
  const large = Buffer.from('800000000000000200000003', 'hex');
  const entry = await one(
    rawHeader({
      typeflag: '5',
      size: large,
      patch: [
        [108, '   17 \0\0'],
        [116, Buffer.from('80000000ffffffff', 'hex')],
        [136, Buffer.alloc(12, 0xff)],
      ],
    }),
  );
  assert.deepEqual([entry.uid, entry.gid, entry.mtime.seconds, entry.size], [0o17, 0xffff_ffff, -1, 0]);
  for (const size of ['12345678901x', '99999999999', '-1', Buffer.alloc(12, 0xff), Buffer.from('8'.padEnd(24, 'f'), 'hex')]) {
    await assert.rejects(one(rawHeader({ size })), { code: 'invalid-content', message: /"file".*size/ });
  }
});

test('a checksum of signed bytes is taken as well, a wrong one is not', async () => {
  const block = rawHeader({ name: Uint8Array.of(0x61, 0xe4) });
  const unsigned = Number.parseInt(block.toString('latin1', 148, 154), 8);
  block.write((unsigned - 256).toString(8).padStart(6, '0'), 148, 'latin1');
  assert.equal((await one(block)).path, 'a\udce4');
  await assert.rejects(one(rawHeader({ checksum: '0012345\0' })), { code: 'invalid-content', message: /checksum/ });
  await assert.rejects(one(rawHeader({ checksum: 'checksum' })), { code: 'invalid-content', message: /checksum/ });
});

test('what stands before the entry wins over its block: PAX over ustar, GNU’s long names over PAX, the last of two', async () => {
  const pax = rawExtended('x', rawRecord('path', 'from pax') + rawRecord('size', '3') + rawRecord('uid', '7') + rawRecord('mtime', '1.5'));
  const entry = await one(pax, rawHeader({ name: 'block', size: 999 }), rawBody('abc'));
  assert.deepEqual([entry.path, entry.size, entry.uid, entry.mtime], ['from pax', 3, 7, { seconds: 1, nanoseconds: 5e8 }]);
  assert.deepEqual([entry.headerOffset, entry.bodyOffset], [0, 1536]);
  assert.equal((await one(rawExtended('L', 'from gnu\0'), pax, rawHeader({}), rawBody('abc'))).path, 'from gnu');
  assert.equal((await one(rawExtended('K', 'target'), rawHeader({ typeflag: '2' }))).linkname, 'target');
  assert.equal(
    (await one(rawExtended('x', rawRecord('path', 'first')), rawExtended('x', rawRecord('path', 'second')), rawHeader())).path,
    'second',
  );
  assert.equal((await one(rawExtended('x', rawRecord('path', '')), rawHeader({ name: 'block' }))).path, 'block');
});

test('a global header holds until the next, below the entry’s own records', async () => {
  const all = await entries([
    rawExtended('g', rawRecord('comment', 'one') + rawRecord('uname', 'root')),
    rawHeader({ name: 'a' }),
    rawExtended('g', rawRecord('comment', '')),
    rawExtended('x', rawRecord('uname', 'me')),
    rawHeader({ name: 'b' }),
    rawHeader({ name: 'c' }),
    endOfTar,
  ]);
  assert.deepEqual(
    all.map(({ path, uname, pax }) => [path, uname, pax.get('comment')]),
    [
      ['a', 'root', 'one'],
      ['b', 'me', undefined],
      ['c', 'root', undefined],
    ],
  );
  for (const keyword of ['path', 'linkpath', 'size', 'GNU.sparse.size']) {
    await assert.rejects(entries([rawExtended('g', rawRecord(keyword, '1')), rawHeader()]), { code: 'invalid-content' }, keyword);
  }
});

test('links, folders and devices have no body, whatever their size says', async () => {
  for (const typeflag of ['1', '2', '3', '4', '5', '6']) {
    const all = await entries([rawHeader({ typeflag, size: 1024, patch: [[157, 'target']] }), rawHeader({ name: 'next' }), endOfTar]);
    assert.deepEqual([all[0]!.size, all[1]!.path], [0, 'next'], typeflag);
  }
});

test('a type that we do not know keeps its letter and its body', async () => {
  const all = await entries([rawHeader({ typeflag: 'V', size: 3 }), rawBody('abc'), rawHeader({ name: 'next' }), endOfTar]);
  assert.deepEqual([all[0]!.type, all[0]!.typeflag, all[0]!.size, all[1]!.path], ['other', 'V', 3, 'next']);
});

test('the archive ends with two zero blocks, or behind a last byte; what follows is passed over', async () => {
  const file = [rawHeader({ size: 3 }), rawBody('abc')];
  for (const end of [
    [],
    [Buffer.alloc(512)],
    [endOfTar],
    [endOfTar, Buffer.alloc(9000)],
    [endOfTar, Buffer.from('trailing'), rawHeader()],
  ]) {
    assert.equal((await entries([...file, ...end])).length, 1);
  }
  for (const filled of [0, 1, 508]) {
    const cut = Buffer.concat([...file, rawHeader({ name: 'last', size: 3 }), Buffer.from('end'), Buffer.alloc(filled)]);
    const read = await Array.fromAsync(readTar(chunks(cut)), async ({ entry, body }) => [entry.path, String(await Array.fromAsync(body))]);
    assert.deepEqual(read.at(-1), ['last', 'end']);
    assert.equal((await entries([cut])).length, 2);
  }
  await assert.rejects(entries([...file, rawHeader({ size: 3 }), Buffer.from('en')]), { code: 'invalid-content', message: /too early/ });
  assert.equal((await entries([])).length, 0);
  await assert.rejects(entries([...file, Buffer.alloc(512), rawHeader()]), { code: 'invalid-content', message: /single block of zeros/ });
  await assert.rejects(entries([...file, Buffer.alloc(100)]), { code: 'invalid-content', message: /too early/ });
});

test('the whole source is read, and an early exit ends it', async () => {
  const bytes = Buffer.concat([rawHeader({ size: 3 }), rawBody('abc'), endOfTar, Buffer.alloc(50_000)]);
  let read = 0;
  let ended = false;
  const counted = async function* () {
    try {
      for await (const chunk of chunks(bytes, 1000)) {
        read += chunk.length;
        yield chunk;
      }
    } finally {
      ended = true;
    }
  };
  for await (const member of readTar(counted())) assert.equal(member.entry.path, 'file');
  assert.equal(read, bytes.length);
  ended = false;
  for await (const member of readTar(counted())) if (member.entry.size > 0) break;
  assert.ok(ended);
});

test('a body that is left half-read is skipped, and cannot be read later', async () => {
  const bytes = Buffer.concat(
    await writeTar([
      { entry: { path: 'a' }, body: 'x'.repeat(5000) },
      { entry: { path: 'b' }, body: 'second' },
    ]).toArray(),
  );
  const kept: AsyncIterable<Uint8Array>[] = [];
  for await (const { entry, body } of readTar(chunks(bytes, 700))) {
    kept.push(body);
    if (entry.path === 'a') for await (const chunk of body) if (chunk.length > 0) break;
    if (entry.path === 'b') assert.equal(Buffer.concat(await Array.fromAsync(body)).toString(), 'second');
  }
  await assert.rejects(Array.fromAsync(kept[0]!), { code: 'internal', message: /"a"/ });
});

test('an aborted signal stops it', async () => {
  const controller = new AbortController();
  const bytes = Buffer.concat([rawHeader({ size: 100_000 }), Buffer.alloc(100_352)]);
  await assert.rejects(
    async () => {
      for await (const { body } of readTar(chunks(bytes, 512), { signal: controller.signal })) {
        for await (const chunk of body) if (chunk.length > 0) controller.abort();
      }
    },
    { code: 'canceled' },
  );
});

for (const format of ['oldgnu', '0.0', '0.1', '1.0']) {
  test(`sparse files in GNU tar’s format ${format} are read with their holes`, { skip: tar.skip }, async (t) => {
    const folder = temporary(t, 'sparse');
    const file = join(folder, 'sparse');
    const content = Buffer.alloc(900_000);
    writeFileSync(file, '');
    truncateSync(file, content.length);
    const descriptor = openSync(file, 'r+');
    for (let at = 4096; at < 800_000; at += 20_480) {
      content.fill('data', at, at + 4096);
      writeSync(descriptor, content, at, 4096, at);
    }
    closeSync(descriptor);
    writeFileSync(join(folder, 'next'), 'next');
    const options = format === 'oldgnu' ? ['--format=oldgnu'] : ['--format=posix', `--sparse-version=${format}`];
    await tar.run(['-C', folder, '-S', ...options, '-cf', join(folder, 'out.tar'), 'sparse', 'next']);
    const bytes = readFileSync(join(folder, 'out.tar'));
    assert.ok(bytes.length < 400_000, 'tar has left holes out');

    const found = await Array.fromAsync(readTar(chunks(bytes, 1000)), async ({ entry, body }) => ({
      entry,
      body: Buffer.concat(await Array.fromAsync(body)),
    }));
    assert.deepEqual(
      found.map(({ entry }) => [entry.path, entry.size]),
      [
        ['sparse', content.length],
        ['next', 4],
      ],
    );
    assert.ok(found[0]!.body.equals(content));

    const archive = await open(join(folder, 'out.tar'));
    try {
      const [entry] = await Array.fromAsync(indexTar(archive));
      for (const start of [0, 1, 4095, 4096, 5000, 8192, 30_000, 899_999, 900_000]) {
        assert.ok(Buffer.concat(await readTarBody(archive, entry!, { start }).toArray()).equals(content.subarray(start)), `from ${start}`);
      }
    } finally {
      await archive.close();
    }
  });
}

test('an index of a file has the entries and opens every body, without having read the large ones', async (t) => {
  const members = Array.from({ length: 40 }, (_, i) => ({
    entry: { path: `file${i}` },
    body: Buffer.alloc(i % 5 === 0 ? 300_000 + i : i * 100, `body of ${i}`),
  }));
  const file = join(temporary(t, 'index'), 'a.tar');
  writeFileSync(file, Buffer.concat(await writeTar(members).toArray()));
  const archive = await open(file);
  try {
    let read = 0;
    const counting = {
      stat: archive.stat.bind(archive),
      read: async (buffer: Buffer, offset: number, length: number, position: number) => {
        const result = await archive.read(buffer, offset, length, position);
        read += result.bytesRead;
        return result;
      },
    } as typeof archive;
    const index = await Array.fromAsync(indexTar(counting));
    assert.deepEqual(
      index.map(({ path }) => path),
      members.map(({ entry }) => entry.path),
    );
    assert.ok(read < 1_500_000, `${read} bytes of ${(await archive.stat()).size} were read`);
    for (const [i, entry] of index.entries()) {
      assert.deepEqual(Buffer.concat(await readTarBody(archive, entry).toArray()), members[i]!.body);
      const start = Math.floor(entry.size / 3);
      assert.deepEqual(Buffer.concat(await readTarBody(archive, entry, { start }).toArray()), members[i]!.body.subarray(start));
    }
    assert.throws(() => readTarBody(archive, index[0]!, { start: index[0]!.size + 1 }), { code: 'range-invalid' });
    assert.throws(() => readTarBody(archive, index[0]!, { start: -1 }), { code: 'range-invalid' });
  } finally {
    await archive.close();
  }
});

test('an index of a file that ends inside a body is refused with the entry’s name', async (t) => {
  const file = join(temporary(t, 'index'), 'a.tar');
  for (const missing of [0, 1, 64, 65, 512, 100_000, 500_000]) {
    writeFileSync(file, Buffer.concat([rawHeader({ name: 'big', size: 600_000 }), Buffer.alloc(600_064 - missing)]));
    const archive = await open(file);
    try {
      if (missing <= 64) {
        assert.equal((await Array.fromAsync(indexTar(archive))).length, 1, `${missing}`);
        continue;
      }
      await assert.rejects(Array.fromAsync(indexTar(archive)), { code: 'invalid-content', message: /"big"/ }, `${missing}`);
    } finally {
      await archive.close();
    }
  }
});

test('the parser walks synchronously and says where everything lies', async () => {
  const bytes = Buffer.concat(
    await writeTar([
      { entry: { path: 'x'.repeat(300) }, body: 'one' },
      { entry: { path: 'b' }, body: 'second' },
    ]).toArray(),
  );
  const parser = new TarParser();
  const seen: string[] = [];
  for (let at = 0; at < bytes.length; at += 100) {
    parser.push(bytes.subarray(at, at + 100));
    for (let event = parser.next(); event; event = parser.next()) {
      if (event === 'entry') {
        const { bodyOffset, size, headerOffset } = parser.entry;
        seen.push(bytes.toString('latin1', bodyOffset, bodyOffset + size), bytes.toString('latin1', headerOffset, headerOffset + 12));
      }
    }
  }
  parser.end();
  assert.ok(parser.done);
  assert.deepEqual(seen, ['one', 'PaxHeaders.0', 'second', `b${'\0'.repeat(11)}`]);
});
