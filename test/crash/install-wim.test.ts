/** A process that installs WIM files is killed at any moment: what it has said is installed is there, and nothing half is. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { test } from 'node:test';

import { writeWim } from '../../src/formats/wim/write-wim.ts';
import { familiar } from '../../src/model/reference.ts';
import { ImageStore } from '../../src/store/image-store.ts';
import { spawnProgram } from '../support/program.ts';
import { temporary } from '../support/temporary.ts';
import { someTime } from '../support/wim-trees.ts';

test('a kill while a WIM is installed leaves whole images only', async (t) => {
  const place = temporary(t, 'install-crash');
  const [wim, folder] = [join(place, 'base.wim'), join(place, 'store')];
  const times = { created: someTime, accessed: someTime, written: someTime };
  const files = Array.from({ length: 300 }, (_, i) => ({
    name: `${i}`,
    attributes: 0x20,
    ...times,
    content: { bytes: Buffer.from(`${i} `.repeat(20 * i)) },
  }));
  const windows = { name: 'Windows', attributes: 0x10, ...times, children: files };
  await writeWim(wim, [
    {
      name: 'Base',
      created: new Date(0),
      windows: { architecture: 9 },
      root: { name: '', attributes: 0x10, ...times, children: [windows] },
    },
  ]);
  await (await ImageStore.open(folder)).close();
  const said: string[] = [];
  for (const after of [5, 40, 80, 160, 320, 600, 1200]) {
    const child = spawnProgram(process.execPath, [
      join(import.meta.dirname, 'install-wim-child.ts'),
      wim,
      folder,
      String(1000 * said.length),
    ]);
    let [out, complaint] = ['', ''];
    child.stdout?.on('data', (part: Buffer) => (out += part.toString()));
    child.stderr?.on('data', (part: Buffer) => (complaint += part.toString()));
    const closed = new Promise((resolve) => child.on('close', resolve));
    // Counted from when the store is open.
    while (out === '' && child.exitCode === null) await setTimeout(2);
    await setTimeout(after);
    assert.ok(child.kill('SIGKILL'), complaint);
    await closed;
    said.push(...out.split('\n').slice(1, -1));

    await using store = await ImageStore.open(folder);
    assert.deepEqual(await store.check(), []);
    const there = (await store.names()).map(({ reference }) => familiar(reference));
    assert.deepEqual(
      said.filter((name) => !there.includes(name)),
      [],
    );
    // One may have been installed that nobody was told of, each time.
    for (const { target } of await store.names()) assert.ok(await store.has(target));
  }
  assert.ok(said.length > 0, 'none was installed at all: the moments are too early');
});
