import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gunzipSync, zstdDecompressSync } from 'node:zlib';

import { makeBase, openHostWithBase, tarOfFiles, type ContainersHost, type Files } from '../../test/support/base-image.ts';
import { bytesOf } from '../../test/support/make-image.ts';
import { Containers } from '../containers/containers.ts';
import { Image } from '../content/image.ts';
import { readTar } from '../formats/tar/read-tar.ts';
import { once } from '../io/once.ts';
import type { Descriptor } from '../model/descriptor.ts';
import { digestOf } from '../model/digest.ts';
import { parseReference } from '../model/reference.ts';
import { commit } from './commit.ts';
import { containerChanges } from './container-changes.ts';
import { copyFromContainer } from './copy-from-container.ts';
import { copyIntoContainer } from './copy-into-container.ts';
import { createContainer } from './create-container.ts';
import { history } from './history.ts';
import { remove } from './remove.ts';
import { removeContainer } from './remove-container.ts';

async function changed(host: ContainersHost, name: string, files: Files = { 'new/': '', 'new/file': 'new\n' }): Promise<void> {
  await createContainer(host, { Image: 'base:1' }, { name });
  await copyIntoContainer(host, name, '/etc', once(await tarOfFiles(files)));
}

async function layerOf(host: ContainersHost, root: Descriptor): Promise<{ readonly image: Image; readonly packed: Buffer }> {
  const image = await Image.open(host.store, root);
  const layer = image.layers.at(-1)?.descriptor as Descriptor;
  return { image, packed: await bytesOf(await host.store.open(layer)) };
}

async function namesIn(tar: Buffer): Promise<string[]> {
  const names: string[] = [];
  for await (const { entry } of readTar(once(tar))) names.push(entry.path.replace(/\/$/, ''));
  return names;
}

test('a commit is the base’s layers with one of what changed, and says by whom and why', async (t) => {
  const host = await openHostWithBase(t, { changes: ['CMD ["sh", "-c", "x"]', 'ENV A=1', 'LABEL of=image'] });
  await changed(host, 'one');
  const root = await commit(host, 'one', {
    reference: parseReference('me/app:1'),
    author: 'me',
    message: 'why',
    changes: ['ENV B=2', 'CMD ["app"]', 'LABEL own=x', 'VOLUME /v'],
  });
  assert.equal((await host.store.find('me/app:1')).target.digest, root.digest);
  const { image, packed } = await layerOf(host, root);
  assert.equal(image.layers.length, 2);
  assert.deepEqual(await namesIn(gunzipSync(packed)), ['etc', 'etc/new', 'etc/new/file']);
  assert.equal(image.layers[1]?.diffId, digestOf(gunzipSync(packed)));
  assert.deepEqual(image.config?.config, {
    Env: ['A=1', 'B=2'],
    Cmd: ['app'],
    Volumes: { '/v': {} },
    Labels: { of: 'image', own: 'x' },
  });
  const [step] = image.history;
  assert.deepEqual([step?.created_by, step?.author, step?.comment, step?.created], ['sh -c x', 'me', 'why', '2026-11-24T10:00:00.123Z']);
  assert.equal(image.config?.author, 'me');
});

test('the same files at the same time are the same image, made in another store too', async (t) => {
  const digests = new Set<string>();
  for (let round = 0; round < 2; round++) {
    const host = await openHostWithBase(t);
    await changed(host, 'one', round === 0 ? { a: 'a', b: 'b' } : { b: 'b', a: 'a' });
    const root = await commit(host, 'one', { created: new Date(1_700_000_000_000) });
    digests.add((await layerOf(host, root)).image.layers.at(-1)?.diffId ?? '');
    assert.equal((await commit(host, 'one', { created: new Date(1_700_000_000_000) })).digest, root.digest, 'and made twice');
  }
  assert.equal(digests.size, 1);
});

test('a container that was not changed gives an image with one more step and no more layers', async (t) => {
  const host = await openHostWithBase(t);
  await createContainer(host, { Image: 'base:1' }, { name: 'one' });
  const root = await commit(host, 'one', { reference: parseReference('same:1') });
  const image = await Image.open(host.store, root);
  assert.equal(image.layers.length, 1);
  assert.deepEqual(
    image.config?.history.map(({ empty_layer, comment }) => [empty_layer, comment]),
    [
      [undefined, 'Imported from -'],
      [true, undefined],
    ],
  );
});

test('a config of the API’s takes the place of the container’s, which fills what it leaves out', async (t) => {
  const host = await openHostWithBase(t, { changes: ['CMD ["sh"]', 'ENV A=1', 'WORKDIR /w'] });
  await createContainer(host, { Image: 'base:1', Env: ['B=2'] }, { name: 'one' });
  const root = await commit(host, 'one', { config: { Env: ['Q=1'], Cmd: ['zz'], Labels: { l: '1' } } });
  const { config } = await Image.open(host.store, root);
  assert.deepEqual(config?.config, { Env: ['Q=1', 'B=2', 'A=1'], Cmd: ['zz'], WorkingDir: '/w', Labels: { l: '1' } });
});

test('zstd on request', async (t) => {
  const host = await openHostWithBase(t);
  await changed(host, 'one');
  const root = await commit(host, 'one', { compression: 'zstd' });
  const { image, packed } = await layerOf(host, root);
  assert.equal(image.layers[1]?.descriptor.mediaType, 'application/vnd.oci.image.layer.v1.tar+zstd');
  assert.equal(image.layers[1]?.diffId, digestOf(zstdDecompressSync(packed)));
});

test('what is refused has docker’s words, and leaves no image', async (t) => {
  const host = await openHostWithBase(t);
  await changed(host, 'one');
  const before = (await host.store.images()).length;
  await assert.rejects(commit(host, 'nope'), { code: 'not-found', message: 'No such container: nope' });
  await assert.rejects(commit(host, 'one', { changes: ['RUN x'] }), {
    code: 'invalid-argument',
    message: 'RUN is not a valid change command',
  });
  const stopped = new AbortController();
  stopped.abort();
  await assert.rejects(commit(host, 'one', { signal: stopped.signal, reference: parseReference('x:1') }), { code: 'canceled' });
  assert.equal((await host.store.images()).length, before);
});

test('the parent is recorded: history shows it, and it is not removed under its child', async (t) => {
  const host = await openHostWithBase(t);
  await changed(host, 'one');
  const base = (await host.store.find('base:1')).target.digest;
  const root = await commit(host, 'one', { reference: parseReference('child:1') });
  const [parent] = await host.store.parents(root.digest);
  assert.deepEqual([parent?.image, parent?.how, parent?.by], [base, 'recorded', 'commit']);
  const steps = await history(host, 'child:1');
  assert.deepEqual(
    steps.map(({ id, tags }) => [id, tags]),
    [
      [root.digest, ['child:1']],
      [base, ['base:1']],
    ],
  );
  await removeContainer(host, 'one');
  await assert.rejects(remove(host, 'base:1'), { code: 'conflict' });
  await remove(host, 'child:1');
  await remove(host, 'base:1');
  await host.store.sweep();
  assert.deepEqual(await host.store.images(), []);
});

test('a commit is a base like any other, also for a container that deletes and replaces', async (t) => {
  const host = await openHostWithBase(t);
  await changed(host, 'one');
  await commit(host, 'one', { reference: parseReference('two:1') });
  await createContainer(host, { Image: 'two:1' }, { name: 'two' });
  await copyIntoContainer(host, 'two', '/etc', once(await tarOfFiles({ new: 'a file now\n' })));
  assert.deepEqual(await containerChanges(host, 'two'), [
    { Path: '/etc', Kind: 0 },
    { Path: '/etc/new', Kind: 0 },
  ]);
  await commit(host, 'two', { reference: parseReference('three:1') });
  await createContainer(host, { Image: 'three:1' }, { name: 'three' });
  const { tar } = await copyFromContainer(host, 'three', '/etc/new');
  const found: string[] = [];
  for await (const { entry, body } of readTar(tar)) found.push(`${entry.path} ${entry.type} ${(await bytesOf(body)).toString()}`);
  assert.deepEqual(found, ['new file a file now\n']);
});

test('a Windows image is a base on any host: its paths, its layers’ shape', async (t) => {
  const host = await openHostWithBase(t);
  await makeBase(host.store, {
    name: 'win:1',
    platform: 'windows/amd64:10.0.20348.1',
    changes: ['CMD ["cmd"]'],
    files: { 'Files/': '', 'Files/Windows/': '', 'Files/Windows/win.ini': '[x]\n', 'Hives/': '', 'Hives/System_Base': 'hive' },
  });
  await createContainer(host, { Image: 'win:1' }, { name: 'win' });
  const put = async (path: string, files: Files) => copyIntoContainer(host, 'win', path, once(await tarOfFiles(files)));
  await put('C:\\Windows', { 'new.txt': 'new\r\n' });
  await put('/windows', { 'WIN.INI': '[y]\n' });
  const changes = await containerChanges(host, 'win');
  const shown = changes.map(({ Kind, Path }) => `${Kind} ${Path.toLowerCase()}`);
  assert.deepEqual(shown.toSorted(), ['0 /windows', '0 /windows/win.ini', '1 /windows/new.txt']);
  const { stat, tar } = await copyFromContainer(host, 'win', String.raw`c:\WINDOWS\New.txt`);
  assert.equal(stat.size, 5);
  for await (const { entry } of readTar(tar)) assert.match(entry.path, /^new\.txt$/i);
  const root = await commit(host, 'win', { reference: parseReference('win:2') });
  const { image, packed } = await layerOf(host, root);
  assert.equal(image.config?.platform?.['os.version'], '10.0.20348.1');
  const members = new Map<string, ReadonlyMap<string, string>>();
  for await (const { entry } of readTar(once(gunzipSync(packed)))) members.set(entry.path.replace(/\/$/, '').toLowerCase(), entry.pax);
  assert.ok(members.has('files/windows/new.txt'), [...members.keys()].join());
  assert.ok(members.has('files/windows/win.ini'));
  const pax = members.get('files/windows/new.txt');
  assert.equal(pax?.get('MSWINDOWS.fileattr'), '32');
  assert.ok(pax?.get('MSWINDOWS.rawsd'));
  assert.ok([...members.keys()].every((path) => /^(?:files|hives|utilityvm)(?:\/|$)/.test(path)));
  await createContainer(host, { Image: 'win:2' }, { name: 'again' });
  assert.equal((await copyFromContainer(host, 'again', '/Windows/new.txt')).stat.size, 5);
});

test('the settings say how layers are compressed, and a commit may say otherwise', async (t) => {
  const { store, now } = await openHostWithBase(t);
  const host = { store, now, containers: new Containers(store, { compression: 'zstd' }) };
  await changed(host, 'one');
  const typeOf = async (root: Descriptor) => (await layerOf(host, root)).image.layers.at(-1)?.descriptor.mediaType;
  assert.match((await typeOf(await commit(host, 'one'))) ?? '', /\+zstd$/);
  assert.match((await typeOf(await commit(host, 'one', { compression: 'gzip' }))) ?? '', /\+gzip$/);
});

test('a commit whose body says nothing of a config changes the container’s own: variables of it are known, and a folder is below its', async (t) => {
  const host = await openHostWithBase(t, { changes: ['CMD ["c"]', 'ENV PATH=/bin', 'WORKDIR /srv'] });
  await createContainer(host, { Image: 'base:1' }, { name: 'one' });
  const changes = ['ENV PATH=/own:$PATH', 'WORKDIR app'];
  for (const config of [undefined, {}, { repo: 'x', container: 'one' }]) {
    const { config: made } = await Image.open(host.store, await commit(host, 'one', { changes, config }));
    assert.deepEqual([made?.config.Env, made?.config.WorkingDir], [['PATH=/own:/bin'], '/srv/app']);
  }
  const { config: made } = await Image.open(host.store, await commit(host, 'one', { changes, config: { env: ['A=1'] } }));
  assert.deepEqual([made?.config.Env, made?.config.WorkingDir], [['A=1', 'PATH=/own:'], '/app']);
});
