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
