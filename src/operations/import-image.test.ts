import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';

import { openHostWithBase, tarOfFiles } from '../../test/support/base-image.ts';
import { once } from '../io/once.ts';
import { append } from './append.ts';
import { importImage } from './import-image.ts';

const windows = { os: 'windows', architecture: 'amd64' };

test('a tar of a folder is no Windows image, nor a layer of one, and that is said when it comes, packed or not', async (t) => {
  const host = await openHostWithBase(t);
  const folder = await tarOfFiles({ './': '', './notes.txt': 'x' });
  const before = await host.store.names();
  for (const tar of [folder, gzipSync(folder)])
    await assert.rejects(importImage(host, once(tar), { platform: windows }), {
      code: 'invalid-argument',
      message: /Files, Hives, UtilityVM/,
    });
  assert.deepEqual(await host.store.names(), before);
  const made = await importImage(host, once(await tarOfFiles({ './': '', './Files/': '', 'Files/notes.txt': 'x' })), { platform: windows });
  await assert.rejects(append(host, made.digest, once(folder)), { code: 'invalid-argument' });
  await append(host, made.digest, once(await tarOfFiles({ 'Files/': '', 'Files/.wh.notes.txt': '' })));
});
