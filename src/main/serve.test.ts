import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { bay, bayFile, spawnBay } from '../../test/support/bay.ts';
import { makeImage, putImage } from '../../test/support/make-image.ts';
import { spawnProgram } from '../../test/support/program.ts';
import { temporary } from '../../test/support/temporary.ts';
import { ImageStore } from '../store/image-store.ts';

test('what a server says to try works, whatever the first image is called', async (t) => {
  const home = temporary(t, 'serve');
  const image = await makeImage();
  await using store = await ImageStore.open(join(home, 'store'));
  await using ingest = await store.begin();
  await putImage(ingest, image);
  await ingest.tag(image.target, 'registry.example/team/app:1.2');

  const server = spawnBay(['serve', '--listen', '127.0.0.1:0', '--docker-socket', 'none'], { home, env: { BAY_LAUNCHER: undefined } });
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

const isRoot = process.getuid?.() === 0;
const skip =
  process.platform === 'win32'
    ? 'folders cannot be made read-only there'
    : isRoot && spawnSync('setpriv', ['--version']).status !== 0 && 'there is no setpriv to be no root with';

test('a server over a store that cannot be written is a read-only registry', { skip }, async (t) => {
  const home = temporary(t, 'serve');
  const path = join(home, 'store');
  await (await ImageStore.open(path)).close();
  for (const folder of [path, join(path, 'bay')]) chmodSync(folder, 0o500);
  const withoutPowers = isRoot ? ['setpriv', '--bounding-set', '-dac_override,-dac_read_search'] : [];
  const [file, ...words] = [...withoutPowers, process.execPath, bayFile, 'serve', '--listen', '127.0.0.1:0', '--docker-socket', 'none'];
  const server = spawnProgram(file ?? '', words, { env: { BAY_HOME: home, NO_COLOR: '1', NODE_TEST_CONTEXT: undefined } });
  const exited = once(server, 'exit');
  try {
    let said = '';
    for await (const part of server.stdout ?? []) if ((said += String(part)).includes('Ctrl-C')) break;
    const [address] = /http:\/\/127\.0\.0\.1:\d+/.exec(said) ?? [];
    assert.ok(address, said);
    assert.equal((await fetch(`${address}/v2/`)).status, 200);
    assert.equal((await fetch(`${address}/v2/app/blobs/uploads/`, { method: 'POST' })).status, 405);
  } finally {
    server.kill('SIGTERM');
    await exited;
    for (const folder of [path, join(path, 'bay')]) chmodSync(folder, 0o700);
  }
});
