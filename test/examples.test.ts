import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';

import { startDoor } from './contracts/registry-door.ts';
import { makeImage, putImage, tarOf } from './support/make-image.ts';
import { runProgram } from './support/program.ts';
import { temporary } from './support/temporary.ts';

const example = (name: string, ...words: string[]) => fed('', name, ...words);
const fed = (input: string | Uint8Array, name: string, ...words: string[]) =>
  runProgram(process.execPath, [join(import.meta.dirname, '..', 'examples', `${name}.ts`), ...words], { input });

test('the examples of the library run against the published package', async (t) => {
  const door = await startDoor(t);
  const image = await makeImage();
  {
    await using ingest = await door.store.begin();
    await putImage(ingest, image);
    await ingest.tag(image.target, 'me/app:1');
  }
  const folder = temporary(t, 'example');
  const host = new URL(door.address).host;

  const pulled = await example('pull', join(folder, 'store'), `${host}/me/app:1`);
  assert.equal(pulled.code, 0, pulled.stderr);
  assert.ok(pulled.stdout.includes(`${host}/me/app:1 is ${image.target.digest}\n`), pulled.stdout);
  const again = await example('pull', join(folder, 'store'), `${host}/me/app:1`);
  assert.match(again.stdout, /, as before\n/);

  const committed = await fed(await tarOf({ added: 'by a program' }), 'commit', join(folder, 'store'), `${host}/me/app:1`, 'made:1');
  assert.equal(committed.code, 0, committed.stderr);
  assert.match(committed.stdout, /^\/added\nsha256:[0-9a-f]{64}\n$/);
  const refused = await example('commit', join(folder, 'store'), 'nope', 'made:2');
  assert.deepEqual([refused.code, refused.stderr.trim()], [1, 'No such image: nope:latest']);

  const copied = await example('copy', `${host}/me/app`, '1', join(folder, 'layout'));
  assert.equal(copied.code, 0, copied.stderr);
  assert.match(copied.stdout, /^whole$/m);
  const missing = await example('copy', `${host}/me/app`, 'nope', join(folder, 'layout'));
  assert.equal(missing.code, 1);
  assert.match(missing.stderr, /not found/);
});
