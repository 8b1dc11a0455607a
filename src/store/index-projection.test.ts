import assert from 'node:assert/strict';
import fs from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';

import { makeImage, putImage } from '../../test/support/make-image.ts';
import { storeFolder } from '../../test/support/open-store.ts';
import { ImageStore } from './image-store.ts';

/** The system answers hard links as for a disk that has none. */
function withoutHardLinks(t: TestContext, code: string): void {
  t.mock.method(fs, 'linkSync', (from: string, to: string) => {
    throw Object.assign(new Error(`${code}: not on this disk, link '${from}' -> '${to}'`), { code });
  });
  syncBuiltinESMExports();
  t.after(() => {
    t.mock.restoreAll();
    syncBuiltinESMExports();
  });
}

// exFAT of Linux, of Windows.
for (const code of ['EPERM', 'EISDIR']) {
  test(`a disk without hard links (${code}) holds a store`, async (t) => {
    withoutHardLinks(t, code);
    const folder = storeFolder(t);
    const image = await makeImage();
    const names = async (): Promise<string> => readFile(join(folder, 'index.json'), 'utf8');
    {
      await using store = await ImageStore.open(folder);
      await using ingest = await store.begin();
      await putImage(ingest, image);
      await ingest.tag(image.target, 'app:1');
    }
    assert.match(await names(), /app:1/);
    // What is no JSON is put aside, and ours takes its place again.
    await writeFile(join(folder, 'index.json'), 'not JSON');
    {
      await using store = await ImageStore.open(folder);
      assert.equal((await store.resolve('app:1')).digest, image.target.digest);
    }
    assert.match(await names(), /app:1/);
    const [aside = ''] = fs.readdirSync(join(folder, 'bay')).filter((name) => name.startsWith('index.json.unreadable-'));
    assert.equal(await readFile(join(folder, 'bay', aside), 'utf8'), 'not JSON');
  });
}

test('a store that was copied reads its list of names once, not in every process', async (t) => {
  const folder = storeFolder(t);
  {
    await using store = await ImageStore.open(folder);
    await using ingest = await store.begin();
    const image = await makeImage();
    await putImage(ingest, image);
    await ingest.tag(image.target, 'app:1');
  }
  const copy = storeFolder(t);
  fs.cpSync(folder, copy, { recursive: true });
  // The file is an old one by then.
  t.mock.timers.enable({ apis: ['Date'], now: Date.now() + 60_000 });
  const reads = t.mock.method(fs, 'readFileSync');
  syncBuiltinESMExports();
  t.after(() => {
    t.mock.restoreAll();
    syncBuiltinESMExports();
  });
  const readsOfNames = async (): Promise<number> => {
    reads.mock.resetCalls();
    await using store = await ImageStore.open(copy);
    assert.equal((await store.images()).length, 1);
    return reads.mock.calls.filter(({ arguments: [path] }) => path === join(copy, 'index.json')).length;
  };
  assert.equal(await readsOfNames(), 1);
  assert.equal(await readsOfNames(), 0);
});
