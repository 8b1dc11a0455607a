/** A WIM that is being written when the process is killed, or when the disk is full: what has its name is whole, and nothing else looks like one. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { test } from 'node:test';

import { isImageError } from '../../src/errors.ts';
import { verifyWim } from '../../src/formats/wim/verify-wim.ts';
import { Wim } from '../../src/formats/wim/wim.ts';
import { createWim } from '../../src/operations/create-wim.ts';
import { runProgram, spawnProgram } from '../support/program.ts';
import { temporary } from '../support/temporary.ts';

function makeFolder(folder: string): void {
  mkdirSync(folder);
  for (let i = 0; i < 300; i++) writeFileSync(join(folder, `${i}`), `${i} `.repeat(40 * i));
  writeFileSync(join(folder, 'large'), Buffer.alloc(8 << 20, 'some of it '));
}

test('a kill at any moment leaves a whole file or none, and drafts that nobody takes for a WIM', async (t) => {
  const place = temporary(t, 'wim-crash');
  const source = join(place, 'source');
  const target = join(place, 'target');
  const file = join(target, 'a.wim');
  makeFolder(source);
  mkdirSync(target);
  const drafts = () => readdirSync(target).filter((name) => name !== 'a.wim');
  for (const after of [20, 80, 150, 250, 400, 600, 900]) {
    const child = spawnProgram(process.execPath, [join(import.meta.dirname, 'wim-child.ts'), source, file]);
    let complaint = '';
    child.stderr?.on('data', (part: Buffer) => (complaint += part.toString()));
    const closed = new Promise((resolve) => child.on('close', resolve));
    // Counted from when it has begun to write.
    while (drafts().length === 0 && child.exitCode === null) await setTimeout(2);
    await setTimeout(after);
    assert.ok(child.kill('SIGKILL'), complaint);
    await closed;
    for (const name of drafts()) {
      // Between its last byte and its name it is as whole as it gets; before, its header is missing.
      try {
        await using wim = await Wim.open([join(target, name)]);
        await verifyWim(wim);
        assert.equal((await wim.tree(1)).entryCount, 301);
      } catch (error) {
        assert.ok(isImageError(error, 'invalid-content'), String(error));
        assert.match(error.message, /not a WIM file/);
      }
      rmSync(join(target, name));
    }
    if (!readdirSync(target).includes('a.wim')) continue;
    await using wim = await Wim.open([file]);
    await verifyWim(wim);
  }
  // On a slow machine every moment was too early. What the kills have left is in nobody's way.
  const last = spawnProgram(process.execPath, [join(import.meta.dirname, 'wim-child.ts'), source, file]);
  await once(last.stdout ?? assert.fail(), 'data');
  last.kill('SIGKILL');
  await once(last, 'close');
  await using wim = await Wim.open([file]);
  await verifyWim(wim);
});

const skip = process.platform === 'linux' && process.getuid?.() === 0 ? false : 'only root on Linux can mount a small file system';

test('a disk that is full says so, and has as much room as before', { skip }, async (t) => {
  const source = join(temporary(t, 'wim-full'), 'source');
  makeFolder(source);
  const disk = mkdtempSync(join(tmpdir(), 'bayplan-disk-'));
  t.after(async () => {
    await runProgram('umount', ['-l', disk]);
    rmSync(disk, { recursive: true, force: true });
  });
  const { code, stderr } = await runProgram('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', disk]);
  if (code !== 0) return t.skip(`mount: ${stderr}`);
  await assert.rejects(createWim(source, join(disk, 'a.wim'), { compression: 'none' }), (error) => {
    assert.ok(isImageError(error, 'disk-full'), String(error));
    assert.match(error.message, /cannot write .*a\.wim: no space left on the disk/);
    return true;
  });
  assert.deepEqual(readdirSync(disk), []);
});
