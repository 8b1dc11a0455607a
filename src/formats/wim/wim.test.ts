import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import {
  rawMetadata,
  rawResourceHeader,
  rawRow,
  rawWim,
  sha1,
  solidResource,
  storedChunks,
  type RawEntry,
} from '../../../test/support/raw-wim.ts';
import { temporary } from '../../../test/support/temporary.ts';
import type { WimBlob } from './wim-entry.ts';
import { Wim } from './wim.ts';

const lzx = { flags: 0x40002, chunkSize: 32_768 };

async function open(
  t: TestContext,
  entries: readonly RawEntry[],
  options: { packed?: boolean; descriptors?: readonly Buffer[]; integrity?: number } = {},
): Promise<Wim> {
  const { bytes, contents } = rawMetadata(entries, options.descriptors);
  const unique = [...new Map(contents.map((content) => [sha1(content).toString('hex'), content])).values()];
  const blobs = unique.map((content) => (options.packed ? storedChunks(content) : { content }));
  const path = join(temporary(t, 'wim'), 'a.wim');
  writeFileSync(path, rawWim({ ...(options.packed ? lzx : {}), images: [bytes], blobs }).file);
  const wim = await Wim.open([path]);
  t.after(() => wim.close());
  return wim;
}

const blobOf = (content: Buffer): WimBlob => ({ sha1: sha1(content).toString('hex'), size: content.length });

/** Enough of them that workers are used, small and large by turns, each another. */
const contents = Array.from({ length: 300 }, (_, index) =>
  Buffer.alloc(index % 10 === 0 ? 1_000_000 + index * 7 : 5000 + index, `content ${index} `),
);
contents.push(Buffer.alloc(9_000_000, 'larger than what is decoded at once'));
const many: readonly RawEntry[] = contents.map((content, index) => ({ name: `f${index}`, content }));

for (const packed of [false, true]) {
  test(`blobs come in the order asked for, each whole, ${packed ? 'packed' : 'stored'}`, async (t) => {
    const wim = await open(t, many, { packed });
    const order = contents.map((_, index) => contents[(index * 7) % contents.length] as Buffer);
    let count = 0;
    for await (const { blob, body } of wim.read(order.map(blobOf))) {
      const expected = order[count++] as Buffer;
      assert.equal(blob.sha1, sha1(expected).toString('hex'));
      assert.ok(Buffer.concat(await Array.fromAsync(body)).equals(expected), `blob ${count} is what was packed`);
    }
    assert.equal(count, contents.length);
  });

  test(`a body that is left, or left half-read, is skipped, ${packed ? 'packed' : 'stored'}`, async (t) => {
    const wim = await open(t, many, { packed });
    let number = 0;
    for await (const { body } of wim.read(contents.map(blobOf))) {
      const expected = contents[number] as Buffer;
      if (number % 3 === 1) for await (const piece of body) if (piece.length > 0) break;
      if (number % 3 === 2) assert.ok(Buffer.concat(await Array.fromAsync(body)).equals(expected), `blob ${number} is what was packed`);
      number++;
    }
    assert.equal(number, contents.length);
  });
}

test('bytes that were handed out stay as they are while others are decoded', async (t) => {
  const wim = await open(t, many);
  const kept: Uint8Array[][] = [];
  for await (const { body } of wim.read(contents.map(blobOf))) kept.push(await Array.fromAsync(body));
  for (const [number, pieces] of kept.entries()) assert.ok(Buffer.concat(pieces).equals(contents[number] as Buffer));
});

test('a blob without bytes is an empty body, first, between others and last', async (t) => {
  const content = Buffer.from('text');
  const wim = await open(t, [{ name: 'a', content }]);
  const empty = { sha1: '', size: 0 };
  const sizes = [];
  for await (const { body } of wim.read([empty, blobOf(content), empty, empty, blobOf(content), empty]))
    sizes.push(Buffer.concat(await Array.fromAsync(body)).length);
  assert.deepEqual(sizes, [0, 4, 0, 0, 4, 0]);
  assert.deepEqual(await Array.fromAsync(wim.read([])), []);
});

test('an early end stops the workers, and the file can be closed', async (t) => {
  const wim = await open(t, many);
  for await (const { body } of wim.read(contents.map(blobOf))) {
    await body.next();
    break;
  }
  wim.close();
});

test('a signal ends it, before the first blob and in the middle', async (t) => {
  const wim = await open(t, many);
  const controller = new AbortController();
  const rest = async () => {
    for await (const { body } of wim.read(contents.map(blobOf), { signal: controller.signal }))
      for await (const piece of body) if (piece.length > 0) controller.abort();
  };
  await assert.rejects(rest(), { code: 'canceled' });
  await assert.rejects(rest(), { code: 'canceled' });
});

test('what the blobs before a missing one are is handed out before it fails', async (t) => {
  const content = Buffer.from('text');
  const wim = await open(t, [{ name: 'a', content }]);
  let seen = 0;
  const all = async () => {
    for await (const { body } of wim.read([blobOf(content), { sha1: '00'.repeat(19) + '01', size: 5 }])) {
      seen++;
      await Array.fromAsync(body);
    }
  };
  await assert.rejects(all(), { code: 'incomplete', message: /a\.wim: blob 0+1 is not in this file/ });
  assert.equal(seen, 1);
});

test('the order of the file is that of places, whatever is asked', async (t) => {
  const wim = await open(t, many.slice(0, 20));
  const asked = contents.slice(0, 20).map(blobOf);
  assert.deepEqual(wim.fileOrder(asked.toReversed()), asked);
  assert.equal(wim.fileOrder([...asked, ...asked]).length, 40, 'none is lost that is asked for twice');
});

test('a node says what the entry says: names, streams, links, descriptors, items', async (t) => {
  const item = Buffer.concat([Buffer.from([1, 0, 0, 0, 16, 0, 0, 0]), Buffer.alloc(16, 9)]);
  const descriptor = Buffer.from('a descriptor of some length');
  const wim = await open(
    t,
    [
      {
        name: 'Dir',
        children: [
          {
            name: 'long name.txt',
            shortName: 'LONGNA~1.TXT',
            security: 0,
            linkGroup: 77n,
            content: Buffer.from('data'),
            streams: [{ name: 'Zone.Identifier', content: Buffer.from('zone') }],
            items: item,
          },
          { name: 'junction', attributes: 0x410, reparseTag: 0xa0000003, content: Buffer.from('reparse'), children: [] },
          { name: '\ud800', content: Buffer.from('data') },
        ],
        streams: [{ name: 'of a folder', content: Buffer.from('zone') }],
      },
    ],
    { descriptors: [descriptor] },
  );
  const tree = await wim.tree(1);
  assert.equal(tree.entryCount, 4);
  const node = tree.find('Dir\\long name.txt');
  assert.ok(node);
  assert.deepEqual(
    [node.name, node.shortName, node.attributes, node.linkGroup, node.isFolder, Buffer.from(node.descriptor ?? []).toString()],
    ['long name.txt', 'LONGNA~1.TXT', 0x20, 77n, false, descriptor.toString()],
  );
  assert.deepEqual(node.data, blobOf(Buffer.from('data')));
  assert.deepEqual(node.streams, [{ name: 'Zone.Identifier', data: blobOf(Buffer.from('zone')) }]);
  assert.deepEqual(
    node.items.map(({ tag, data }) => [tag, data.length]),
    [[1, 16]],
  );
  const junction = tree.find('Dir/junction');
  assert.deepEqual([junction?.isFolder, junction?.data, junction?.linkGroup, junction?.reparse?.tag], [false, undefined, 0n, 0xa0000003]);
  assert.deepEqual(junction?.reparse?.data, blobOf(Buffer.from('reparse')));
  assert.equal(tree.find('dir/long name.txt'), undefined, 'names are compared letter by letter');
  assert.deepEqual(
    Array.from(tree.walk(), ({ path }) => path),
    ['Dir', 'Dir/long name.txt', 'Dir/junction', 'Dir/\ud800'],
  );
  assert.deepEqual(
    tree.find('Dir')?.streams.map(({ name }) => name),
    ['of a folder'],
  );
  assert.equal(tree.find('Dir')?.data, undefined);
});

test('positions of blobs in a run of solid resources go on from one to the next', async (t) => {
  const { bytes } = rawMetadata([]);
  const parts = [contents.slice(1, 9), contents.slice(11, 15), contents.slice(21, 29)];
  const resources = parts.map((part) => solidResource(Buffer.concat(part)));
  const starts = resources.map((_, number) => 208 + bytes.length + Buffer.concat(resources.slice(0, number)).length);
  let offset = 0;
  const rows = parts.flat().map((content) => {
    const row = rawRow(rawResourceHeader(content.length, 0x10, offset, 0), sha1(content));
    offset += content.length;
    return row;
  });
  const named = resources.map((resource, number) =>
    rawRow(rawResourceHeader(resource.length, 0x10, starts[number] ?? 0, 2n ** 32n), Buffer.alloc(20)),
  );
  const path = join(temporary(t, 'wim'), 'a.wim');
  const make = (all: readonly Buffer[]) =>
    writeFileSync(path, rawWim({ ...lzx, version: 0xe00, images: [bytes], gap: Buffer.concat(resources), rows: all }).file);
  make([...named, ...rows]);
  await using wim = await Wim.open([path]);
  let number = 0;
  for await (const { body } of wim.read(parts.flat().map(blobOf)))
    assert.ok(Buffer.concat(await Array.fromAsync(body)).equals(parts.flat()[number++] as Buffer));
  assert.equal(number, 20);
  // A blob cannot begin in one resource and end in another.
  make([...named, rawRow(rawResourceHeader(10, 0x10, Buffer.concat(parts[0] ?? []).length - 5, 0), sha1(Buffer.from('x')))]);
  await assert.rejects(Wim.open([path]), { code: 'invalid-content', message: /are not within one of its solid resources/ });
});

test('a great many blobs without bytes cost no more than each of them', async (t) => {
  const wim = await open(t, []);
  const empty = { sha1: '', size: 0 };
  let count = 0;
  for await (const { blob } of wim.read(Array.from({ length: 100_000 }, () => empty))) count += blob.size + 1;
  assert.equal(count, 100_000);
});

test('an image that is not there is said to be not there', async (t) => {
  const wim = await open(t, []);
  await assert.rejects(wim.tree(2), { code: 'not-found', message: /has no image 2/, hint: 'It has one image.' });
  await assert.rejects(wim.tree(0), { code: 'not-found' });
});
