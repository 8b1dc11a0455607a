import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { rawSolidWim } from '../../test/support/raw-wim.ts';
import { temporary } from '../../test/support/temporary.ts';
import { type NewTarMember, writeTar } from '../formats/tar/write-tar.ts';
import { Wim } from '../formats/wim/wim.ts';
import { wimContents } from './wim-contents.ts';
import { contentRows, WimSpool } from './wim-spool.ts';

test('contents of any size are read again in any order: small ones, such as fill a piece of the file, and larger ones', async (t) => {
  const folder = temporary(t, 'wim-spool');
  const sizes = [10, 3_000_000, 1, 2 ** 20 - 1, 1, 2 ** 20, 70_000, 2 ** 20 + 1, 20, 65_536];
  const contents = sizes.map((size, number) => Buffer.alloc(size, `${number} `));
  const entries = contents.map((content, number) => ({ name: `${number}`, content }));
  writeFileSync(join(folder, 'a.wim'), rawSolidWim([...entries, { name: 'again', content: contents[3] as Buffer }], contents));
  await using wim = await Wim.open([join(folder, 'a.wim')]);
  const nodes = [...(await wim.tree(1)).walk()].map(({ node }) => node);
  const rows = contentRows(nodes, wim.table);
  assert.deepEqual(
    Array.from(rows, (row) => wim.table.size(row)),
    sizes,
    'each once, as they lie in the file',
  );
  await using spool = await WimSpool.fill(folder, rows, wim.table, wimContents(wim, undefined));
  const asked = nodes.toReversed().map(({ data }) => data ?? { sha1: '', size: 0 });
  let count = 0;
  for await (const { blob, body } of spool.read(asked)) {
    const hash = createHash('sha1');
    for await (const chunk of body) hash.update(chunk);
    assert.equal(hash.digest('hex'), blob.sha1);
    assert.equal(blob, asked[count++]);
  }
  assert.equal(count, 11);
});

test('large contents are the same in a tar, whose reader is slower than they are read', async (t) => {
  const folder = temporary(t, 'wim-spool');
  const contents = [1, 2, 3].map((seed) => Buffer.from(Uint32Array.from({ length: 750_000 }, (_, at) => at * seed).buffer));
  writeFileSync(
    join(folder, 'a.wim'),
    rawSolidWim(
      contents.map((content, number) => ({ name: `${number}`, content })),
      contents,
    ),
  );
  await using wim = await Wim.open([join(folder, 'a.wim')]);
  const nodes = [...(await wim.tree(1)).walk()].map(({ node }) => node);
  await using spool = await WimSpool.fill(folder, contentRows(nodes, wim.table), wim.table, wimContents(wim, undefined));
  const members = async function* (): AsyncGenerator<NewTarMember, void, undefined> {
    for await (const { blob, body } of spool.read(nodes.flatMap(({ data }) => data ?? [])))
      yield { entry: { path: blob.sha1, type: 'file', size: blob.size }, body };
  };
  const parts: Uint8Array[] = [];
  for await (const part of writeTar(members())) {
    await setTimeout(2);
    parts.push(part as Uint8Array);
  }
  const whole = Buffer.concat(parts);
  let at = 512;
  for (const content of contents) {
    assert.ok(whole.subarray(at, at + content.length).equals(content));
    at += Math.ceil(content.length / 512) * 512 + 512;
  }
});
