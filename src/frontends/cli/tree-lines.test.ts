import assert from 'node:assert/strict';
import { test } from 'node:test';

import { run } from './run.ts';
import { makeImage, putImage } from '../../../test/support/make-image.ts';
import { memoryTerminal } from '../../../test/support/memory-terminal.ts';
import { openStore, storeFolder } from '../../../test/support/open-store.ts';
import { treeLines } from './tree-lines.ts';

test('each line of a tree says under which it stands', () => {
  const depths = [0, 1, 2, 2, 1, 2, 0, 1];
  assert.deepEqual(treeLines(depths), ['', '├─ ', '│  ├─ ', '│  └─ ', '└─ ', '   └─ ', '', '└─ ']);
  assert.deepEqual(treeLines([]), []);
});

test('a tree and its reasons fit a narrow terminal, and keep what matters', async (t) => {
  const folder = storeFolder(t);
  const store = await openStore(t, `${folder}/store`);
  for (const layers of [['a'], ['a', 'b'], ['a', 'b', 'c']]) {
    await using ingest = await store.begin();
    const image = await makeImage({ layers });
    await putImage(ingest, image);
    await ingest.tag(image.target, `registry.example/team/of/a/long/name/image-${layers.length}:1.2.3`);
  }
  for (const columns of [40, 60, 200])
    for (const command of [['tree'], ['why', 'registry.example/team/of/a/long/name/image-1:1.2.3']]) {
      const terminal = memoryTerminal({ isTTY: true, columns, env: { BAY_HOME: folder } });
      assert.equal(await run(command, terminal), 0);
      const lines = terminal.out.trimEnd().split('\n');
      assert.ok(lines.length >= 4, terminal.out);
      // A table's columns are no narrower than ten cells.
      const most = command[0] === 'tree' ? Math.max(columns, 66) : columns;
      for (const line of lines) assert.ok(line.trimEnd().length <= most, `${line.length} cells at ${columns}: ${line}`);
      if (columns === 200) assert.match(terminal.out, /proved by 2 layers/);
    }
});

test('of an image with many names a line of the tree has the first, and how many more there are', async (t) => {
  const folder = storeFolder(t);
  const store = await openStore(t, `${folder}/store`);
  await using ingest = await store.begin();
  const image = await makeImage();
  await putImage(ingest, image);
  for (const tag of ['1', '2', '3', '4', '5', '6', '7']) await ingest.tag(image.target, `app:${tag}`);
  const terminal = memoryTerminal({ env: { BAY_HOME: folder } });
  assert.equal(await run(['tree'], terminal), 0);
  assert.match(terminal.out, /^app:1, app:2, app:3, app:4, app:5 and 2 more {3}/m);
});
