/** Several processes that create, change, commit and remove containers of one store at once, without a server. */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { Containers } from '../../src/containers/containers.ts';
import { containerChanges } from '../../src/operations/container-changes.ts';
import { createContainer } from '../../src/operations/create-container.ts';
import { statInContainer } from '../../src/operations/stat-in-container.ts';
import { ImageStore } from '../../src/store/image-store.ts';
import { makeBase } from '../support/base-image.ts';
import { runProgram } from '../support/program.ts';
import { temporary } from '../support/temporary.ts';

const script = join(import.meta.dirname, 'container-process.ts');

test('eight processes at once: no container, no file and no image is lost, and none is left', async (t) => {
  const folder = temporary(t, 'containers');
  await using store = await ImageStore.open(folder);
  await makeBase(store);
  const host = { store, containers: new Containers(store), now: () => new Date() };
  await createContainer(host, { Image: 'base:1' }, { name: 'shared' });
  const ended = await Promise.all(Array.from({ length: 8 }, (_, at) => runProgram(process.execPath, [script, folder, `p${at}`, '4'])));
  for (const { code, stderr } of ended) assert.equal(code, 0, stderr);
  const said = ended.flatMap(({ stdout }) => stdout.trim().split('\n'));
  const of = (act: string) => said.filter((line) => line.startsWith(`${act} `)).map((line) => line.slice(act.length + 1));
  assert.equal(of('remove').length, 32);

  assert.deepEqual(
    (await store.containers()).map(({ name }) => name),
    ['shared'],
    'seen at once here too',
  );
  assert.deepEqual(await store.volumes(), []);
  const changed = (await containerChanges(host, 'shared')).map(({ Path }) => Path);
  assert.deepEqual(changed, ['/etc', ...of('share').map((file) => `/etc/${file}`)].sort());
  for (const reference of of('commit')) {
    const own = /made\/(.*):1/.exec(reference)?.[1] ?? '';
    await createContainer(host, { Image: reference }, { name: `check-${own}` });
    assert.equal((await statInContainer(host, `check-${own}`, `/etc/${own}`)).size, own.length + 1);
  }
  // The index follows a change of names in a moment, by a draft.
  await store.flush();
  assert.deepEqual(await store.check(), []);
  assert.deepEqual(readdirSync(join(folder, 'bay', 'containers')), [(await store.container('shared')).id]);
  assert.deepEqual(
    readdirSync(join(folder, 'bay', 'drafts')).filter((file) => file !== 'free'),
    [],
  );
});
