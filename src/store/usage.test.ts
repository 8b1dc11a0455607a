import assert from 'node:assert/strict';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';

import { openStore, storeFolder } from '../../test/support/open-store.ts';

test('what space is taken can be asked for while another process lays layers out, and its folders of drafts come and go', async (t) => {
  const folder = storeFolder(t);
  const store = await openStore(t, folder);
  let done = false;
  const others = [0, 1, 2].map(async (other) => {
    const draft = join(folder, 'bay', 'drafts', `~tree-${other}`);
    while (!done) {
      await mkdir(join(draft, 'a', 'b'), { recursive: true });
      await writeFile(join(draft, 'a', 'b', 'file'), 'x');
      await rm(draft, { recursive: true, force: true });
    }
  });
  try {
    for (let time = 0; time < 100; time++) assert.ok((await store.usage()).drafts <= 3);
  } finally {
    done = true;
    await Promise.all(others);
  }
});
