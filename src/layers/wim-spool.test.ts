import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { rawSolidWim } from '../../test/support/raw-wim.ts';
import { temporary } from '../../test/support/temporary.ts';
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
