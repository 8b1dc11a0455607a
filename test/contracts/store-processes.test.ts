/** Several processes in one store, without a server: commands beside each other and beside a prune. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';

import { ImageStore } from '../../src/store/image-store.ts';
import { runProgram } from '../support/program.ts';
import { temporary } from '../support/temporary.ts';

const script = join(import.meta.dirname, 'store-process.ts');

test('pulls, pushes, lists and prunes beside each other: nothing that was named is lost', async (t) => {
  const folder = temporary(t, 'processes');
  const roles = ['pull', 'pull', 'push', 'push', 'sweep', 'list'];
  const ended = await Promise.all(roles.map((role) => runProgram(process.execPath, [script, folder, role, '4'])));
  for (const [at, { code, stderr }] of ended.entries()) assert.equal(code, 0, `${roles[at]}: ${stderr}`);
  await using store = await ImageStore.open(folder);
  assert.deepEqual(await store.check(), []);
  const said = ended.flatMap(({ stdout }) => stdout.split('\n').filter(Boolean));
  assert.ok(said.length > 20, `${said.length} acts`);
  const last = new Map(said.map((line) => line.split(' ') as [string, string]));
  for (const [name, digest] of last) {
    const target = await store.resolve(name);
    assert.equal(target.digest, digest, name);
    assert.ok(await store.has(target));
  }
});

test('what one process names another sees at once, and index.json within a second', async (t) => {
  const folder = temporary(t, 'processes');
  await using store = await ImageStore.open(folder);
  await runProgram(process.execPath, [script, folder, 'pull', '0.01']);
  assert.equal(store.changed(), true);
  assert.equal((await store.names()).length, 1);
  assert.equal((await store.journal()).length, 1);
});
