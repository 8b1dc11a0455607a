import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { isImageError } from '../errors.ts';
import { makeImage, putImage } from '../../test/support/make-image.ts';
import { openStore, storeFolder } from '../../test/support/open-store.ts';
import type { NewContainer } from './container-record.ts';
import type { ImageStore } from './image-store.ts';
import { processMark } from './process-mark.ts';

async function withImage(store: ImageStore, name = 'debian:12') {
  const image = await makeImage({ layers: ['base', name] });
  await using ingest = await store.begin({ verb: 'pull' });
  await putImage(ingest, image);
  await ingest.tag(image.target, name);
  return image;
}

function container(image: { target: { digest: NewContainer['target']['digest'] } }, changes: Partial<NewContainer> = {}): NewContainer {
  const { digest } = image.target;
  return {
    id: randomBytes(32).toString('hex'),
    name: 'web',
    image: 'debian:12',
    target: { digest },
    manifest: { digest },
    state: 'created',
    created: new Date(5),
    volumes: [],
    document: { Config: { Cmd: ['sh'] } },
    ...changes,
  };
}

const code =
  (...codes: Parameters<typeof isImageError>[1][]) =>
  (error: unknown) =>
    isImageError(error, ...codes);

test('a container is found by its id, its name, and the beginning of its id', async (t) => {
  const store = await openStore(t);
  const image = await withImage(store);
  const added = await store.addContainer(container(image), { action: 'create', attributes: { name: 'web', image: 'debian:12' } });
  assert.deepEqual(added.target, image.target);
  assert.deepEqual(added.document, { Config: { Cmd: ['sh'] } });
  for (const text of [added.id, 'web', '/web', added.id.slice(0, 7)]) assert.equal((await store.container(text)).id, added.id);
  await assert.rejects(store.container('nope'), { code: 'not-found', message: 'No such container: nope' });
  const twins = ['aa11', 'aa22'].map((begin, at) => container(image, { id: begin.padEnd(64, '0'), name: `twin${at}` }));
  for (const twin of twins) await store.addContainer(twin, { action: 'create' });
  await assert.rejects(store.container('aa'), code('ambiguous'));
  assert.equal((await store.container('aa2')).name, 'twin1');
});

test('a name belongs to one container, also when it is changed', async (t) => {
  const store = await openStore(t);
  const image = await withImage(store);
  const first = await store.addContainer(container(image), { action: 'create' });
  await assert.rejects(store.addContainer(container(image), { action: 'create' }), (error) => {
    assert.ok(isImageError(error, 'conflict'));
    assert.match(error.message, new RegExp(`^Conflict. The container name "/web" is already in use by container "${first.id}"`));
    return true;
  });
  const second = await store.addContainer(container(image, { name: 'db' }), { action: 'create' });
  await assert.rejects(
    store.changeContainer(second.id, () => ({ name: 'web' })),
    code('conflict'),
  );
  const renamed = await store.changeContainer(second.id, ({ document }) => ({ name: 'cache', document: { before: document, more: 1 } }), {
    action: 'rename',
    attributes: { oldName: '/db' },
  });
  assert.deepEqual([renamed.name, renamed.document], ['cache', { before: second.document, more: 1 }]);
  assert.deepEqual(
    (await store.events()).filter(({ type }) => type === 'container').map(({ action, id }) => [action, id]),
    [
      ['create', first.id],
      ['create', second.id],
      ['rename', second.id],
    ],
  );
});

test('the content of a container stays whatever becomes of its image, and goes when it is removed', async (t) => {
  const store = await openStore(t);
  const image = await withImage(store);
  const { id } = await store.addContainer(container(image), { action: 'create' });
  const folder = await store.containerFolder(id);
  writeFileSync(join(folder, 'changed'), 'x');
  await store.forget(image.target.digest, { verb: 'rmi', names: 'all' });
  assert.equal((await store.sweep()).bytes, 0);
  assert.deepEqual(
    (await store.holders(image.target.digest)).map(({ kind, id: holder }) => [kind, holder]),
    [
      ['container', id],
      ['container', id],
    ],
  );
  await store.removeContainer(id, { action: 'destroy' });
  assert.equal(existsSync(folder), false);
  assert.deepEqual(readdirSync(join(store.path, 'bay', 'trash')), []);
  assert.ok((await store.sweep()).blobs.some(({ digest }) => digest === image.target.digest));
  await assert.rejects(store.addContainer(container(image), { action: 'create' }), { message: 'No such image: debian:12' });
});

test('what may not be removed stays as it was', async (t) => {
  const store = await openStore(t);
  const image = await withImage(store);
  const { id } = await store.addContainer(container(image, { state: 'running' }), { action: 'create' });
  const before = await store.events();
  await assert.rejects(
    store.removeContainer(id, { action: 'destroy' }, ({ state }) => {
      if (state === 'running') throw new RangeError('it runs');
    }),
  );
  assert.equal((await store.container(id)).state, 'running');
  assert.deepEqual(await store.events(), before);
});

test('a volume that a container needs cannot be removed, and a container cannot be made without it', async (t) => {
  const store = await openStore(t);
  const image = await withImage(store);
  await assert.rejects(store.addContainer(container(image, { volumes: ['data'] }), { action: 'create' }), {
    message: 'get data: no such volume',
  });
  const volume = await store.addVolume({ name: 'data', document: { labels: {} } }, { action: 'create' });
  writeFileSync(join(volume.mountpoint, 'kept'), 'x');
  const again = await store.addVolume({ name: 'data', document: { labels: { other: '1' } } }, { action: 'create' });
  assert.deepEqual(again, volume);
  const { id } = await store.addContainer(container(image, { volumes: ['data'] }), { action: 'create' });
  await assert.rejects(store.removeVolume('data', { action: 'destroy' }), { message: `remove data: volume is in use - [${id}]` });
  assert.ok(existsSync(join(volume.mountpoint, 'kept')));
  await store.removeContainer(id, { action: 'destroy' });
  await store.removeVolume('data', { action: 'destroy' });
  assert.deepEqual(await store.volumes(), []);
  assert.deepEqual(readdirSync(join(store.path, 'bay', 'volumes')), []);
  assert.deepEqual(
    (await store.events()).filter(({ type }) => type === 'volume').map(({ action }) => action),
    ['create', 'destroy'],
  );
});

test('a volume keeps apart from others on any file system, whatever it is called', async (t) => {
  const store = await openStore(t);
  const names = ['data', 'DATA', 'Data', 'con', 'aux.txt', 'a.', 'x'.repeat(250)];
  const made = await Promise.all(names.map((name) => store.addVolume({ name, document: {} }, { action: 'create' })));
  const folders = made.map(({ mountpoint }) => mountpoint.split(/[\\/]/).at(-2) ?? '');
  assert.equal(new Set(folders.map((folder) => folder.toLowerCase())).size, names.length);
  for (const folder of folders) assert.match(folder, /^(?!(?:con|aux)(?:\.|$))[a-z0-9~][a-z0-9_.-]{0,99}(?<!\.)$/);
  assert.deepEqual((await store.volumes()).map(({ name }) => name).toSorted(), names.toSorted());
});

test('a volume begins with what its draft has', async (t) => {
  const store = await openStore(t);
  await using draft = await store.draftFolder('volume');
  mkdirSync(join(draft.path, '_data'));
  writeFileSync(join(draft.path, '_data', 'file'), 'content');
  const { mountpoint } = await store.addVolume({ name: 'filled', document: {} }, { action: 'create' }, draft);
  assert.deepEqual(readdirSync(mountpoint), ['file']);
  assert.deepEqual(readdirSync(join(store.path, 'bay', 'drafts')), ['free']);
});

test('a layer is laid out once, and goes with the last image that has it', async (t) => {
  const store = await openStore(t);
  const one = await withImage(store, 'one:1');
  const two = await withImage(store, 'two:1');
  const [record] = (await store.image(one.target.digest))?.platforms ?? [];
  const [base, own] = record?.diffIds ?? [];
  assert.ok(base && own);
  for (const diffId of [base, own, base]) {
    await using draft = await store.draftFolder('tree');
    writeFileSync(join(draft.path, 'pack'), 'x'.repeat(100));
    const folder = await store.addTree(diffId, draft, 100);
    assert.equal(await store.tree(diffId), folder);
  }
  assert.equal(await store.treesBytes(), 200);
  await store.forget(one.target.digest, { verb: 'rmi', names: 'all' });
  const plan = await store.sweep({ dryRun: true });
  const swept = await store.sweep();
  assert.deepEqual(plan, swept);
  assert.deepEqual(swept.trees, [own]);
  assert.equal(await store.tree(own), undefined);
  assert.ok(await store.tree(base));
  await store.forget(two.target.digest, { verb: 'rmi', names: 'all' });
  assert.deepEqual((await store.sweep({ roots: [two.target.digest] })).trees, [base]);
  assert.deepEqual(readdirSync(join(store.path, 'bay', 'trees')), []);
});

test('what was thrown away without saying so comes back, and what nobody owns goes, when the store is opened', async (t) => {
  const folder = storeFolder(t);
  const store = await openStore(t, folder);
  const volume = await store.addVolume({ name: 'data', document: {} }, { action: 'create' });
  writeFileSync(join(volume.mountpoint, 'kept'), 'x');
  const bay = join(folder, 'bay');
  // A removal that was killed before its commit, an addition that was, and a draft of a process that has ended.
  renameSync(join(bay, 'volumes', 'data'), join(bay, 'trash', 'volumes~data.0123456789ab'));
  mkdirSync(join(bay, 'trees', `sha256-${'0'.repeat(64)}`));
  const dead = processMark(2 ** 22 - 7);
  mkdirSync(join(bay, 'drafts', `~tree-${dead}-0123456789abcdef`));
  writeFileSync(join(bay, 'drafts', `~tree-${dead}-0123456789abcdef.maker`), '');
  // One killed before it made its folder, one in the midst of a blob, and one who lives.
  writeFileSync(join(bay, 'drafts', `~volume-${dead}-0123456789abcdef.maker`), '');
  writeFileSync(join(bay, 'drafts', `~blob-${dead}-0123456789abcdef`), 'half');
  const alive = `~blob-${processMark()}-0123456789abcdef`;
  writeFileSync(join(bay, 'drafts', alive), 'half');
  // And what somebody has put there by hand.
  mkdirSync(join(bay, 'trash', 'folder', 'inner'), { recursive: true });
  await store.close();
  await openStore(t, folder);
  assert.deepEqual(readdirSync(volume.mountpoint), ['kept']);
  for (const name of ['trees', 'trash', 'containers']) assert.deepEqual(readdirSync(join(bay, name)), []);
  assert.deepEqual(readdirSync(join(bay, 'drafts')), ['free', alive]);
});

test('files of volumes and containers outlive the loss of the database, and a volume made again has its files', async (t) => {
  const folder = storeFolder(t);
  const store = await openStore(t, folder);
  const image = await withImage(store);
  const { id } = await store.addContainer(container(image), { action: 'create' });
  const changed = join(await store.containerFolder(id), 'changed');
  writeFileSync(changed, 'x');
  const { mountpoint } = await store.addVolume({ name: 'data', document: {} }, { action: 'create' });
  writeFileSync(join(mountpoint, 'kept'), 'x');
  await store.close();
  rmSync(join(folder, 'bay', 'store.sqlite'));
  // What a killed process leaves makes the next start look for more of it.
  writeFileSync(join(folder, 'bay', 'drafts', `~volume-${processMark(2 ** 22 - 7)}-0123456789abcdef.maker`), '');
  const again = await openStore(t, folder);
  await again.sweep();
  assert.ok(existsSync(changed));
  assert.deepEqual(await again.volumes(), []);
  // Others of its name that are on their way, or its own that was removed before and is not gone yet.
  const others = ['volumes~data.bak.0123456789ab', 'volumes~data.0123456789ab'].map((name) => join(folder, 'bay', 'trash', name));
  writeFileSync(others[0]!, '');
  mkdirSync(others[1]!);
  const found = await again.addVolume({ name: 'data', document: {} }, { action: 'create' });
  assert.deepEqual(readdirSync(found.mountpoint), ['kept']);
  for (const other of others) rmSync(other, { recursive: true });
  for (const name of ['trash', 'drafts']) assert.deepEqual(readdirSync(join(folder, 'bay', name)), name === 'trash' ? [] : ['free']);
});

test('a folder that a process placed and was killed before its commit goes, and the next of its name begins anew', async (t) => {
  const folder = storeFolder(t);
  const store = await openStore(t, folder);
  const bay = join(folder, 'bay');
  const leave = () => {
    mkdirSync(join(bay, 'volumes', 'data', '_data'), { recursive: true });
    writeFileSync(join(bay, 'volumes', 'data', '_data', 'half'), 'x');
    writeFileSync(join(bay, 'trash', 'volumes~data.0123456789ab'), '');
  };
  leave();
  const { mountpoint } = await store.addVolume({ name: 'data', document: {} }, { action: 'create' });
  assert.deepEqual(readdirSync(mountpoint), []);
  await store.removeVolume('data', { action: 'destroy' });
  leave();
  await store.close();
  await openStore(t, folder);
  for (const name of ['volumes', 'trash']) assert.deepEqual(readdirSync(join(bay, name)), []);
});

test('a removal that comes to nothing puts the folders back', async (t) => {
  const store = await openStore(t);
  const image = await withImage(store);
  const { id } = await store.addContainer(container(image), { action: 'create' });
  const other = await store.addContainer(container(image, { name: 'other' }), { action: 'create' });
  const file = join(await store.containerFolder(id), 'changed');
  writeFileSync(file, 'x');
  const images = [{ digest: image.target.digest, names: 'all' as const }];
  const containers = [{ id, event: { action: 'destroy' } }];
  await assert.rejects(store.discard({ containers, images }, { verb: 'rmi' }), { code: 'conflict' });
  assert.ok(existsSync(file));
  assert.deepEqual(readdirSync(join(store.path, 'bay', 'trash')), []);
  await store.discard({ containers: [...containers, { id: other.id, event: { action: 'destroy' } }], images }, { verb: 'rmi' });
  assert.equal(existsSync(file), false);
});

test('a folder that a killed process threw away is back for one that was there before', async (t) => {
  const store = await openStore(t);
  const image = await withImage(store);
  const { id } = await store.addContainer(container(image), { action: 'create' });
  writeFileSync(join(await store.containerFolder(id), 'changed'), 'x');
  const { mountpoint } = await store.addVolume({ name: 'data', document: {} }, { action: 'create' });
  writeFileSync(join(mountpoint, 'kept'), 'x');
  const bay = join(store.path, 'bay');
  for (const make of [true, false]) {
    renameSync(join(bay, 'containers', id), join(bay, 'trash', `containers~${id}.0123456789ab`));
    assert.deepEqual(readdirSync(await store.containerFolder(id, { make })), ['changed']);
  }
  renameSync(join(bay, 'volumes', 'data'), join(bay, 'trash', 'volumes~data.0123456789ab'));
  assert.deepEqual(readdirSync((await store.volume('data')).mountpoint), ['kept']);
});

test('a container that runs goes by force only', async (t) => {
  const store = await openStore(t);
  const image = await withImage(store);
  const { id } = await store.addContainer(container(image, { state: 'paused' }), { action: 'create' });
  const containers = [{ id, event: { action: 'destroy' } }];
  await assert.rejects(store.discard({ containers }, { verb: 'rmi' }), { code: 'conflict', message: 'container web is paused' });
  await store.discard({ containers, force: true }, { verb: 'rmi' });
  assert.deepEqual(await store.containers(), []);
});
