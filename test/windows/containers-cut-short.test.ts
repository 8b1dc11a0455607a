/** Containers on Windows whose acts are killed, whose files somebody holds open, in a home whose paths are too long for most programs; and who needs what. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';

import { ImageStore } from '../../src/store/image-store.ts';
import { tarOfFiles } from '../support/base-image.ts';
import { skipWithoutWindows } from '../support/windows.ts';
import { windowsGround } from './ground.ts';

const longHome = `C:\\A B\\${'a long name '.repeat(14)}end`;

/** Many of them take longer to be written than a kill takes. */
const fileSize = 250_000;

test('containers on Windows that are cut short', { skip: skipWithoutWindows }, async (t) => {
  const { host, ok, refused, spawn, store } = await windowsGround(t, longHome);
  const work = join(host.drive, 'work');
  mkdirSync(join(work, 'many'), { recursive: true });
  for (let at = 0; at < 40; at++) writeFileSync(join(work, 'many', `file ${at}`), randomBytes(fileSize));
  const files = {
    'etc/': '',
    'etc/motd': 'hello\n',
    'data/': '',
    'data/locked': { path: '', mode: 0o444 },
    large: randomBytes(5_000_000).toString('hex'),
  } as const;
  writeFileSync(join(work, 'base.tar.gz'), gzipSync(await tarOfFiles(files), { level: 1 }));
  const below = (name: string): string[] => readdirSync(join(store, 'bay', name), { recursive: true, encoding: 'utf8' });
  const bytesBelow = (name: string): number =>
    below(name).reduce((sum, path) => sum + (statSync(join(store, 'bay', name, path), { throwIfNoEntry: false })?.size ?? 0), 0);
  /** Kills the command as soon as it has written something there. */
  const kill = async (words: readonly string[], place: string): Promise<void> => {
    const before = bytesBelow(place);
    const running = spawn(words);
    let isOver = false;
    void running.ended.then(() => (isOver = true));
    while (!isOver && bytesBelow(place) < before + 200_000) await wait(1);
    running.kill();
    await running.ended;
  };

  await t.test('a create that is killed leaves no container, or a whole one', async () => {
    await ok(['import', '--platform', 'linux/amd64', '-c', 'CMD ["sh"]', '-c', 'VOLUME /data', 'C:\\work\\base.tar.gz', 'base:1']);
    const create = ['create', '--platform', 'linux/amd64', '--name', 'one', 'base:1'];
    await kill(create, 'drafts');
    if ((await ok(['ps', '-aq'])).trim() === '') await ok(create);
    assert.match(await ok(['ps', '-a', '--format', '{{.Names}}']), /^one\r?\n$/);
  });

  await t.test('a copy that is killed changes nothing, and the next one does', async () => {
    await kill(['cp', 'C:\\work\\many', 'one:/etc'], 'containers');
    const changes = (await ok(['diff', 'one'])).trim().split(/\s*\n/);
    if (changes.length < 42) {
      assert.deepEqual(changes, ['']);
      await ok(['cp', 'C:\\work\\many', 'one:/etc']);
    }
    assert.equal((await ok(['diff', 'one'])).trim().split('\n').length, 42);
  });

  await t.test('a commit that is killed leaves no image, and the next one does', async () => {
    await kill(['commit', 'one', 'made:1'], 'drafts');
    if ((await ok(['images', '-q', 'made:1'])).trim() === '') await ok(['commit', '-m', 'said', 'one', 'made:1']);
    assert.match(await ok(['history', 'made:1']), /\bsh\b/);
  });

  await t.test('what needs an image is told, by why, tree and the refusal to remove it', async () => {
    const why = await ok(['why', 'base:1']);
    assert.match(why, /container one \(created\)/);
    assert.match(why, /image made:1 \([0-9a-f]{12}\) made from it: recorded by commit/);
    assert.match(await ok(['tree']), /made:1 .*recorded by commit/);
    const { stderr } = await refused(['rmi', 'base:1']);
    assert.match(stderr, /conflict: unable to delete base:1 .*container one \(created\), image made:1/);
    const events = await ok(['events', '--since', '1h', '--until', '0s', '--format', '{{.Type}} {{.Action}}']);
    assert.deepEqual([...new Set(events.trim().split(/\r?\n/))].toSorted(), [
      'container commit',
      'container create',
      'container extract-to-dir',
      'image create',
      'image import',
      'image tag',
      'volume create',
    ]);
  });

  await t.test('a read-only file of a volume is replaced, and what no Windows could hold is refused by name', async () => {
    const [volume = ''] = readdirSync(join(store, 'bay', 'volumes'));
    const locked = join(store, 'bay', 'volumes', volume, '_data', 'locked');
    assert.equal(statSync(locked).size, 0);
    await ok(['cp', 'C:\\work\\many\\file 1', 'one:/data/locked']);
    assert.equal(statSync(locked).size, fileSize);
    for (const name of ['aux', 'a:b', 'dot.']) {
      writeFileSync(join(work, 'odd.tar'), await tarOfFiles({ [name]: 'x' }));
      const { stderr } = await refused(['cp', '-', 'one:/data'], { input: join(work, 'odd.tar') });
      assert.ok(stderr.includes(name), stderr);
    }
  });

  await t.test('a container goes while somebody has its files open, and those go with the next start', async () => {
    const script =
      'const fs = require("fs"); for (const file of process.argv.slice(1)) fs.openSync(file, "r"); console.log("held"); setInterval(() => {}, 1000)';
    const [container = ''] = readdirSync(join(store, 'bay', 'containers'));
    const [volume = ''] = readdirSync(join(store, 'bay', 'volumes'));
    const held = [join(store, 'bay', 'containers', container, 'index.sqlite'), join(store, 'bay', 'volumes', volume, '_data', 'locked')];
    assert.deepEqual(held.map(existsSync), [true, true]);
    const holding = host.spawnNode(['-e', script, ...held.map((file) => host.path(file))], { home: longHome });
    await holding.said(/held/);
    await ok(['rm', '-v', 'one']);
    assert.equal((await ok(['ps', '-aq'])).trim(), '');
    assert.equal((await ok(['volume', 'ls', '-q'])).trim(), '');
    holding.kill();
    await holding.ended;
    await ok(['rmi', '--tree', 'base:1']);
    for (const name of ['containers', 'volumes', 'trash']) assert.deepEqual(below(name), [], name);
  });

  await t.test('after all that the store is whole', async () => {
    await using here = await ImageStore.open(store);
    assert.deepEqual(await here.check(), []);
  });
});
