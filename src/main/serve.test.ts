import assert from 'node:assert/strict';
import { once } from 'node:events';
import { join } from 'node:path';
import { test } from 'node:test';

import { bay, spawnBay } from '../../test/support/bay.ts';
import { makeImage, putImage } from '../../test/support/make-image.ts';
import { temporary } from '../../test/support/temporary.ts';
import { ImageStore } from '../store/image-store.ts';

test('what a server says to try works, whatever the first image is called', async (t) => {
  const home = temporary(t, 'serve');
  const image = await makeImage();
  await using store = await ImageStore.open(join(home, 'store'));
  await using ingest = await store.begin();
  await putImage(ingest, image);
  await ingest.tag(image.target, 'registry.example/team/app:1.2');

  const server = spawnBay(['serve', '--listen', '127.0.0.1:0', '--docker-socket', 'none'], { home });
  const exited = once(server, 'exit');
  t.after(async () => {
    server.kill('SIGTERM');
    await exited;
  });
  let said = '';
  for await (const part of server.stdout ?? []) if ((said += String(part)).includes('Ctrl-C')) break;
  const tries = [...said.matchAll(/^ {2}bay (.+)$/gm)].map(([, words = '']) => words.split(' '));
  assert.deepEqual(
    tries.map(([command]) => command),
    ['images', 'history', 'copy', 'help'],
  );
  for (const words of tries) {
    const { code, stderr } = await bay(words, { home });
    assert.equal(code, 0, `bay ${words.join(' ')}: ${stderr}`);
  }
});
