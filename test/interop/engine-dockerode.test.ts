/** dockerode, the SDK of Node programs, against our door. */
import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';

import { dockerode, followed } from '../support/dockerode.ts';
import { bytesOf, makeIndex, putImage, tarOf } from '../support/make-image.ts';
import { startEngine, startRegistry } from './engine-ground.ts';

test('dockerode finds its way: ping, version, info, df', async (t) => {
  const engine = await startEngine(t);
  await engine.put(['docker.io/library/a:1']);
  const docker = dockerode({ socketPath: engine.socket });
  assert.equal((await docker.ping()).toString(), 'OK');
  assert.equal((await docker.version())['ApiVersion'], '1.51');
  assert.equal((await docker.info())['Images'], 1);
  assert.equal(((await docker.df())['Images'] as unknown[]).length, 1);
});

test('dockerode pulls, lists, inspects, tags, reads the history and removes, with a version in the path and without', async (t) => {
  const engine = await startEngine(t);
  const { host, store } = await startRegistry(t);
  const index = await makeIndex([
    { os: 'linux', architecture: 'amd64' },
    { os: 'linux', architecture: 'arm64' },
  ]);
  {
    await using ingest = await store.begin();
    await putImage(ingest, index);
    await ingest.tag(index.target, 'docker.io/team/app:1');
  }
  const id = index.images[1]?.target.digest ?? '';
  for (const version of [undefined, 'v1.37', 'v1.51']) {
    const docker = dockerode({ socketPath: engine.socket, ...(version ? { version } : {}) });
    const name = `${host}/team/app:1`;
    const lines = await followed(docker, await docker.pull(name, { platform: 'linux/arm64' }));
    assert.deepEqual(lines[0], { status: 'Pulling from team/app', id: '1' });
    const image = docker.getImage(name);
    assert.equal((await image.inspect())['Id'], id);
    await image.tag({ repo: 'other/name', tag: '2' });
    for (const filters of [{ reference: ['other/*'] }, '{"reference":{"other/*":true}}'])
      assert.deepEqual(
        (await docker.listImages({ filters })).map(({ Id }) => Id),
        [id],
      );
    assert.deepEqual(
      (await image.history()).map(({ CreatedBy }) => CreatedBy),
      ['COPY for arm64', 'COPY shared'],
    );
    assert.equal(((await image.distribution())['Descriptor'] as { digest: string }).digest, index.target.digest);
    assert.deepEqual(await image.remove(), [{ Untagged: name }]);
    assert.deepEqual(await docker.getImage(id).remove({ force: true }), [{ Untagged: 'other/name:2' }, { Deleted: id }]);
    await assert.rejects(docker.getImage(name).inspect(), { statusCode: 404, reason: 'no such image', message: /No such image: / });
    await assert.rejects(docker.pull(`${host}/team/app:nope`), { statusCode: 404 });
  }
});

test('dockerode saves, loads, imports, pushes and prunes', async (t) => {
  const engine = await startEngine(t);
  const { host, store } = await startRegistry(t);
  const image = await engine.put([`${host}/team/a:1`]);
  const docker = dockerode({ socketPath: engine.socket });
  const archive = await bytesOf(await docker.getImage(`${host}/team/a:1`).get());
  const pushed = await followed(docker, await docker.getImage(`${host}/team/a`).push({ tag: '1' }));
  assert.ok(pushed.some(({ status }) => status === 'Pushed'));
  assert.equal((await store.find('team/a:1')).target.digest, image.target.digest);
  await docker.getImage(image.target.digest).remove();
  assert.deepEqual(await followed(docker, await docker.loadImage(Readable.from([archive]))), [
    { stream: `Loaded image: ${host}/team/a:1\n` },
  ]);
  assert.equal((await docker.listImages()).length, 1);

  const tar = await tarOf({ 'etc/hello': 'hello\n' });
  const [made] = (await followed(docker, await docker.importImage(Readable.from([tar]), { repo: 'made', tag: '1' }))).slice(-1);
  assert.equal((await docker.getImage('made:1').inspect())['Id'], made?.['status']);
  await followed(docker, await docker.importImage(Readable.from([Buffer.concat([tar, Buffer.alloc(512)])]), { repo: 'made', tag: '1' }));
  const pruned = await docker.pruneImages({ filters: { dangling: ['true'] } });
  assert.deepEqual(pruned['ImagesDeleted'], [{ Deleted: made?.['status'] }]);
  const failed = await followed(docker, await docker.loadImage(Readable.from([Buffer.from('no archive')])));
  assert.match(String(failed.at(-1)?.['error']), /tar archive/);
});

test('dockerode creates, fills, compares, commits and removes a container, and minds its volumes and networks', async (t) => {
  const engine = await startEngine(t);
  const image = await engine.put(['docker.io/library/app:1']);
  const docker = dockerode({ socketPath: engine.socket });
  const container = await docker.createContainer({
    Image: 'app:1',
    Cmd: ['run'],
    name: 'one',
    Labels: { a: 'b' },
    HostConfig: { Binds: ['data:/data'] },
  });
  await container.putArchive(Readable.from([await tarOf({ new: 'text' })]), { path: '/' });
  const { headers } = await container.infoArchive({ path: '/new' });
  const stat = JSON.parse(Buffer.from(headers['x-docker-container-path-stat'] ?? '', 'base64').toString()) as { size: number };
  assert.equal(stat.size, 4);
  assert.ok((await bytesOf(await container.getArchive({ path: '/new' }))).includes('text'));
  assert.deepEqual(await container.changes(), [{ Path: '/new', Kind: 1 }]);
  const made = await container.commit({ repo: 'made', tag: '2', comment: 'said', changes: 'ENV B=2' });
  const { Id, Parent, Config } = await docker.getImage('made:2').inspect();
  assert.deepEqual([Id, Parent, (Config as { Env: string[] }).Env.toSorted()], [made['Id'], image.target.digest, ['A=1', 'B=2']]);
  assert.ok((await bytesOf(await container.export())).length > 1024);
  await container.rename({ name: 'two' });
  await container.update({ CpuShares: 5 });
  assert.deepEqual((await container.inspect())['Name'], '/two');
  assert.deepEqual(
    (await docker.listContainers({ all: true, filters: { label: ['a=b'] } })).map(({ Names }) => Names),
    [['/two']],
  );
  await assert.rejects(container.start(), {
    statusCode: 501,
    message: /cannot start container two: Bayplan keeps containers and does not run them/,
  });
  await assert.rejects(docker.getContainer('nope').inspect(), { statusCode: 404 });
  await assert.rejects(docker.createContainer({ Image: 'nope' }), { statusCode: 404, message: /No such image: nope:latest/ });
  assert.deepEqual(
    (await docker.listNetworks()).map(({ Name }) => Name),
    ['bridge', 'host', 'none'],
  );
  assert.equal((await docker.getNetwork('host').inspect())['Driver'], 'host');
  assert.equal((await docker.getVolume('data').inspect())['Name'], 'data');
  await container.remove({ v: true, force: true });
  await docker.getVolume('data').remove();
  const { name } = await docker.createVolume({ Name: 'other' });
  assert.deepEqual(
    ((await docker.listVolumes())['Volumes'] as { Name: string }[]).map(({ Name }) => Name),
    [name],
  );
  assert.deepEqual(await docker.pruneContainers(), { ContainersDeleted: null, SpaceReclaimed: 0 });
});

test('dockerode follows the events', async (t) => {
  const engine = await startEngine(t);
  await engine.put(['docker.io/library/app:1']);
  const docker = dockerode({ socketPath: engine.socket });
  const stream = await docker.getEvents({ filters: { type: ['container'] } });
  const actions: unknown[] = [];
  stream.on('data', (line: Buffer) => actions.push((JSON.parse(line.toString()) as { Action: string }).Action));
  const container = await docker.createContainer({ Image: 'app:1', Cmd: ['run'] });
  for (let tries = 0; actions.length < 1 && tries < 100; tries++) await wait(20);
  await container.remove();
  for (let tries = 0; actions.length < 2 && tries < 100; tries++) await wait(20);
  stream.destroy();
  assert.deepEqual(actions, ['create', 'destroy']);
});
