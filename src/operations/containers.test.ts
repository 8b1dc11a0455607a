import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';

import { makeBase, openHostWithBase, tarOfFiles, type ContainersHost, type Files } from '../../test/support/base-image.ts';
import { bytesOf, makeImage } from '../../test/support/make-image.ts';
import { readTar } from '../formats/tar/read-tar.ts';
import { once } from '../io/once.ts';
import { containerChanges } from './container-changes.ts';
import { copyFromContainer } from './copy-from-container.ts';
import { copyIntoContainer } from './copy-into-container.ts';
import { createContainer } from './create-container.ts';
import { createVolume } from './create-volume.ts';
import { exportContainer } from './export-container.ts';
import { inspectContainer } from './inspect-container.ts';
import { inspectVolume } from './inspect-volume.ts';
import { listContainers } from './list-containers.ts';
import { listVolumes } from './list-volumes.ts';
import { pruneContainers } from './prune-containers.ts';
import { pruneVolumes } from './prune-volumes.ts';
import { removeContainer } from './remove-container.ts';
import { removeVolume } from './remove-volume.ts';
import { renameContainer } from './rename-container.ts';
import { statInContainer } from './stat-in-container.ts';
import { updateContainer } from './update-container.ts';

const create = (host: ContainersHost, name: string, document: Record<string, unknown> = {}) =>
  createContainer(host, { Image: 'base:1', ...document }, { name });

async function copyIn(host: ContainersHost, name: string, path: string, files: Files, options = {}): Promise<void> {
  await copyIntoContainer(host, name, path, once(await tarOfFiles(files)), options);
}

async function namesIn(tar: AsyncIterable<Uint8Array>): Promise<string[]> {
  const names: string[] = [];
  for await (const { entry } of readTar(tar)) names.push(entry.path);
  return names;
}

/** The bodies of files by name. */
async function filesIn(tar: AsyncIterable<Uint8Array>): Promise<Record<string, string>> {
  const files: Record<string, string> = {};
  for await (const { entry, body } of readTar(tar)) if (entry.type === 'file') files[entry.path] = (await bytesOf(body)).toString();
  return files;
}

const temporaryFolder = (t: TestContext): string => {
  const folder = mkdtempSync(join(tmpdir(), 'bayplan-bind-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
};

const refused = (code: string, message: string | RegExp) => (error: unknown) => {
  const { code: actual, message: text } = error as { code?: string; message: string };
  assert.equal(actual, code, text);
  if (typeof message === 'string') assert.equal(text, message);
  else assert.match(text, message);
  return true;
};

test('a container is what was asked for over what its image says', async (t) => {
  const host = await openHostWithBase(t, { changes: ['CMD ["sh"]', 'ENV A=1', 'ENV Z=9', 'LABEL of=image', 'EXPOSE 80'] });
  const { Id, Warnings } = await create(host, 'one', { Env: ['A=0', 'B=2'], Labels: { own: 'x' }, WorkingDir: '/w' });
  assert.match(Id, /^[0-9a-f]{64}$/);
  assert.deepEqual(Warnings, []);
  const found = await inspectContainer(host, 'one');
  assert.equal(found.Id, Id);
  assert.equal(found.Name, '/one');
  assert.equal(found.State.Status, 'created');
  assert.deepEqual(found.Config.Env, ['A=0', 'B=2', 'Z=9']);
  assert.deepEqual(found.Config.Labels, { of: 'image', own: 'x' });
  assert.equal(found.Config.Hostname, Id.slice(0, 12));
  assert.deepEqual([found.Path, found.Args], ['sh', []]);
  assert.equal(found.HostConfig.NetworkMode, 'bridge');
  assert.equal(found.HostConfig.ShmSize, 67_108_864);
  assert.deepEqual(Object.keys(found.NetworkSettings.Networks), ['bridge']);
  for (const name of [Id, Id.slice(0, 6), 'one', '/one']) assert.equal((await inspectContainer(host, name)).Id, Id);
  assert.equal((await listContainers(host)).length, 0, 'nothing runs');
  const [listed, ...others] = await listContainers(host, { all: true, size: true });
  assert.deepEqual(others, []);
  assert.deepEqual(
    [listed?.Names, listed?.Command, listed?.Status, listed?.Image, listed?.SizeRw],
    [['/one'], 'sh', 'Created', 'base:1', 0],
  );
});

test('a container without a name gets one; a name that is taken is refused with docker’s sentence', async (t) => {
  const host = await openHostWithBase(t);
  const { Id } = await createContainer(host, { Image: 'base:1' });
  const { Name } = await inspectContainer(host, Id);
  assert.match(Name, /^\/[a-z]+_[a-z]+$/);
  await assert.rejects(
    create(host, Name.slice(1)),
    refused(
      'conflict',
      `Conflict. The container name "${Name}" is already in use by container "${Id}". You have to remove (or rename) that container to be able to reuse that name.`,
    ),
  );
  await assert.rejects(
    create(host, 'x'),
    refused('invalid-argument', 'Invalid container name (x), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed'),
  );
});

test('no volume takes the place of a file', async (t) => {
  const host = await openHostWithBase(t);
  await makeBase(host.store, { name: 'files:1', files: { 'etc/passwd': 'root' } });
  for (const path of ['/etc/passwd', '/etc/passwd/below'])
    await assert.rejects(
      createContainer(host, { Image: 'files:1', HostConfig: { Binds: [`vol:${path}`] } }),
      refused('invalid-argument', path.endsWith('below') ? `lstat ${path}: not a directory` : `source ${path} is not directory`),
    );
  assert.deepEqual([await listContainers(host, { all: true }), await listVolumes(host)], [[], []]);
});

test('what names another container is kept by its id, and what docker puts in is put in', async (t) => {
  const host = await openHostWithBase(t);
  const make = async (HostConfig: object, more: object = {}) => {
    const { Id, Warnings } = await createContainer(host, { Image: 'base:1', HostConfig, ...more });
    return { document: await inspectContainer(host, Id), Warnings };
  };
  const { Id } = await createContainer(host, { Image: 'base:1' }, { name: 'first' });
  const shared = await make({ IpcMode: 'container:first', PidMode: `container:${Id.slice(0, 9)}`, NetworkMode: 'container:first' });
  assert.deepEqual(
    [shared.document.HostConfig.IpcMode, shared.document.HostConfig.PidMode, shared.document.HostConfig.NetworkMode],
    Array(3).fill(`container:${Id}`),
  );
  for (const key of ['IpcMode', 'PidMode'])
    await assert.rejects(make({ [key]: 'container:nope' }), refused('invalid-argument', 'No such container: nope'));
  await assert.rejects(make({ VolumesFrom: ['nope'] }), refused('invalid-argument', 'No such container: nope'));

  const linked = await make({ Links: ['first:other'] });
  assert.deepEqual(linked.document.HostConfig.Links, [`/first:${linked.document.Name}/other`]);

  const open = await make({ NetworkMode: 'host', PortBindings: { '80/tcp': [{ HostPort: '80' }] }, Privileged: true, PidsLimit: -1 });
  assert.deepEqual(open.Warnings, ['Published ports are discarded when using host network mode']);
  assert.equal(open.document.Config.Hostname, hostname());
  assert.deepEqual([open.document.HostConfig.SecurityOpt, open.document.HostConfig.PidsLimit], [['label=disable'], null]);
  const labelled = await make({ PidMode: 'host', SecurityOpt: ['label=type:x', 'apparmor=mine'] });
  assert.deepEqual(labelled.document.HostConfig.SecurityOpt, ['label=type:x', 'apparmor=mine']);
  assert.equal(labelled.document.AppArmorProfile, 'mine');
  await assert.rejects(make({ SecurityOpt: ['bogus=x'] }), refused('invalid-argument', 'invalid --security-opt 2: "bogus=x"'));

  const addressed = await make({}, { MacAddress: '02:42:ac:11:00:02' });
  assert.deepEqual(
    [addressed.document.Config.MacAddress, addressed.document.NetworkSettings.Networks['bridge']?.MacAddress],
    Array(2).fill('02:42:ac:11:00:02'),
  );
  await assert.rejects(
    make({}, { MacAddress: 'x' }),
    refused('invalid-argument', 'invalid config for network bridge: invalid MAC address x'),
  );
});

test('an image that is not here is not found, in docker’s words, and nothing is left of the attempt', async (t) => {
  const host = await openHostWithBase(t);
  await assert.rejects(createContainer(host, { Image: 'nope' }), refused('not-found', 'No such image: nope:latest'));
  await assert.rejects(
    createContainer(host, { Image: 'base:1' }, { platform: { os: 'linux', architecture: 's390x' } }),
    refused('platform-not-found', 'image with reference base:1 was found but does not provide the specified platform (linux/s390x)'),
  );
  await assert.rejects(
    create(host, 'late', { Volumes: { '/data': {} }, HostConfig: { Links: ['nope:x'] } }),
    refused('invalid-argument', 'could not get container for nope: No such container: nope'),
  );
  assert.deepEqual(await listContainers(host, { all: true }), []);
  assert.deepEqual(await listVolumes(host), []);
  assert.deepEqual(readdirSync(join(host.store.path, 'bay', 'volumes')), []);
});

test('an image of another system or machine is taken with docker’s warning', async (t) => {
  const host = await openHostWithBase(t);
  await makeBase(host.store, { name: 'other:1', platform: 'linux/s390x' });
  const { Warnings } = await createContainer(host, { Image: 'other:1' });
  assert.match(
    Warnings[0] ?? '',
    /^The requested image's platform \(linux\/s390x\) does not match the detected host platform \(.+\) and no specific platform was requested$/,
  );
});

test('its image’s content stays for as long as the container does', async (t) => {
  const host = await openHostWithBase(t);
  await create(host, 'one');
  const { target } = await host.store.find('base:1');
  await host.store.forget(target.digest, { verb: 'rmi', names: 'all' });
  await host.store.sweep();
  assert.equal((await statInContainer(host, 'one', '/etc/motd')).size, 6);
  await removeContainer(host, 'one');
  const { blobs } = await host.store.sweep();
  assert.ok(blobs.length >= 3);
});

test('files go in and come out, and diff says what changed', async (t) => {
  const host = await openHostWithBase(t);
  await create(host, 'one');
  assert.deepEqual(await containerChanges(host, 'one'), []);
  await copyIn(host, 'one', '/etc', { new: 'new\n', motd: 'changed\n', 'made/': '', 'made/in': 'x' });
  assert.deepEqual(await containerChanges(host, 'one'), [
    { Path: '/etc', Kind: 0 },
    { Path: '/etc/made', Kind: 1 },
    { Path: '/etc/made/in', Kind: 1 },
    { Path: '/etc/motd', Kind: 0 },
    { Path: '/etc/new', Kind: 1 },
  ]);
  const { stat, tar } = await copyFromContainer(host, 'one', '/etc/motd');
  assert.deepEqual([stat.name, stat.size, stat.mode], ['motd', 8, 0o644]);
  assert.deepEqual(await filesIn(tar), { motd: 'changed\n' });
  const exported = await filesIn(await exportContainer(host, 'one'));
  assert.equal(exported['etc/motd'], 'changed\n');
  assert.equal(exported['etc/new'], 'new\n');
  assert.ok((await listContainers(host, { all: true, size: true }))[0]?.SizeRw);
});

test('a path’s stat, its names in the tar, and links are docker’s', async (t) => {
  const host = await openHostWithBase(t);
  await create(host, 'one');
  const stat = (path: string) => statInContainer(host, 'one', path);
  assert.deepEqual(await stat('/link'), {
    name: 'link',
    size: 4,
    mode: 2 ** 27 + 0o644,
    mtime: '2023-11-14T22:13:20Z',
    linkTarget: '/data',
  });
  assert.equal((await stat('/data')).mode, 2 ** 31 + 0o700);
  assert.equal((await stat('/link/file')).name, 'file');
  assert.equal((await stat('etc/motd')).name, 'motd', 'a relative path is from the root');
  assert.equal((await stat('/')).name, '/');
  assert.equal((await stat('/../../etc/motd')).size, 6, 'nothing is above the root');
  await assert.rejects(stat('/nope'), refused('not-found', 'Could not find the file /nope in container one'));
  const { Id } = await inspectContainer(host, 'one');
  await assert.rejects(
    statInContainer(host, Id.slice(0, 7), '/nope'),
    refused('not-found', `Could not find the file /nope in container ${Id.slice(0, 7)}`),
  );
  await assert.rejects(stat(''), refused('invalid-argument', /cannot be empty/));
  await assert.rejects(stat('/etc/motd/'), refused('invalid-argument', 'lstat /etc/motd/: not a directory'));
  const names = async (path: string) => namesIn((await copyFromContainer(host, 'one', path)).tar);
  assert.deepEqual(await names('/link'), ['link']);
  assert.deepEqual(await names('/link/'), ['link/', 'link/file', 'link/sub/', 'link/sub/deep']);
  assert.deepEqual(await names('/data/.'), ['./', './file', './sub/', './sub/deep']);
});

test('what cannot be put in is refused with docker’s texts, and changes nothing', async (t) => {
  const host = await openHostWithBase(t);
  await create(host, 'one');
  await create(host, 'fixed', { HostConfig: { ReadonlyRootfs: true } });
  await assert.rejects(copyIn(host, 'one', '/etc/motd', { a: 'a' }), refused('invalid-argument', 'extraction point is not a directory'));
  await assert.rejects(
    copyIn(host, 'one', '/no/such', { a: 'a' }),
    refused('not-found', 'Could not find the file /no/such in container one'),
  );
  await assert.rejects(copyIn(host, 'nope', '/', { a: 'a' }), refused('not-found', 'No such container: nope'));
  await assert.rejects(copyIn(host, 'fixed', '/etc', { a: 'a' }), refused('denied', 'container rootfs is marked read-only'));
  await assert.rejects(
    copyIn(host, 'one', '/etc', { good: 'good', '../../outside': 'x' }),
    (error: { code?: string }) => error.code === 'invalid-content' || error.code === 'invalid-argument',
  );
  assert.deepEqual(await containerChanges(host, 'one'), []);
});

test('copyUIDGID gives what comes in to the container’s user', async (t) => {
  const host = await openHostWithBase(t);
  await create(host, 'one', { User: 'me:staff' });
  await copyIn(host, 'one', '/etc', { mine: { path: '', uid: 7, gid: 7 } }, { copyUIDGID: true });
  await copyIn(host, 'one', '/etc', { its: { path: '', uid: 7, gid: 7 } });
  const owners: Record<string, string> = {};
  for await (const { entry } of readTar((await copyFromContainer(host, 'one', '/etc')).tar))
    owners[entry.path] = `${entry.uid}:${entry.gid}`;
  assert.deepEqual([owners['etc/mine'], owners['etc/its']], ['1000:50', '7:7']);
});

test('a volume of the image is made with the container, filled, and goes with it where that is asked', async (t) => {
  const host = await openHostWithBase(t, { changes: ['CMD ["sh"]', 'VOLUME /data'] });
  await create(host, 'one');
  await create(host, 'two');
  const [mount] = (await inspectContainer(host, 'one')).Mounts;
  assert.match(mount?.Name ?? '', /^[0-9a-f]{64}$/);
  assert.equal(readFileSync(join(mount?.Source ?? '', 'file'), 'utf8'), 'of the image\n');
  assert.equal(readFileSync(join(mount?.Source ?? '', 'sub', 'deep'), 'utf8'), 'deep\n');
  assert.deepEqual((await inspectVolume(host, mount?.Name ?? '')).Labels, { 'com.docker.volume.anonymous': '' });

  await copyIn(host, 'one', '/data', { inside: 'volume\n' });
  assert.equal(readFileSync(join(mount?.Source ?? '', 'inside'), 'utf8'), 'volume\n');
  assert.deepEqual(await containerChanges(host, 'one'), [], 'a volume is no part of the container');
  assert.deepEqual(await filesIn((await copyFromContainer(host, 'one', '/data')).tar), {
    'data/file': 'of the image\n',
    'data/inside': 'volume\n',
    'data/sub/deep': 'deep\n',
  });
  const whole = await filesIn((await copyFromContainer(host, 'one', '/')).tar);
  assert.equal(whole['/data/inside'] ?? whole['data/inside'], 'volume\n', 'cp of a folder shows what is mounted below it');
  assert.equal(Object.hasOwn(await filesIn(await exportContainer(host, 'one')), 'data/inside'), false, 'export does not');

  await assert.rejects(
    removeVolume(host, mount?.Name ?? ''),
    refused('conflict', /^remove [0-9a-f]{64}: volume is in use - \[[0-9a-f]{64}\]$/),
  );
  await removeContainer(host, 'one', { volumes: true });
  assert.equal(existsSync(mount?.Source ?? ''), false);
  await removeContainer(host, 'two');
  assert.equal((await listVolumes(host)).length, 1, 'without -v it stays');
});

test('named volumes are shared, filled while they are empty, and kept', async (t) => {
  const host = await openHostWithBase(t);
  const { Mountpoint } = await createVolume(host, { name: 'vol' });
  await create(host, 'one', { HostConfig: { Binds: ['vol:/data'] } });
  assert.equal(readFileSync(join(Mountpoint, 'file'), 'utf8'), 'of the image\n');
  writeFileSync(join(Mountpoint, 'file'), 'changed\n');
  await create(host, 'two', { HostConfig: { Binds: ['vol:/data:ro', 'bare:/data2:nocopy'] } });
  assert.equal(readFileSync(join(Mountpoint, 'file'), 'utf8'), 'changed\n');
  await assert.rejects(copyIn(host, 'two', '/data', { a: 'a' }), refused('denied', 'mounted volume is marked read-only'));
  await create(host, 'three', {
    HostConfig: { VolumesFrom: ['one'], Mounts: [{ Type: 'volume', Source: 'fresh', Target: '/etc', VolumeOptions: { NoCopy: true } }] },
  });
  assert.equal((await inspectContainer(host, 'three')).Mounts.length, 2);
  assert.deepEqual(readdirSync((await inspectVolume(host, 'fresh')).Mountpoint), []);
  await removeContainer(host, 'one', { volumes: true });
  assert.deepEqual(
    (await listVolumes(host)).map(({ Name }) => Name),
    ['bare', 'fresh', 'vol'],
  );
});

test('a bind is the host’s folder, also for cp', async (t) => {
  const folder = temporaryFolder(t);
  const host = await openHostWithBase(t);
  await create(host, 'one', { HostConfig: { Binds: [`${folder}:/mnt/host`] } });
  await copyIn(host, 'one', '/mnt/host', { 'sub/': '', 'sub/file': 'in\n' });
  assert.equal(readFileSync(join(folder, 'sub', 'file'), 'utf8'), 'in\n');
  writeFileSync(join(folder, 'out'), 'out\n');
  assert.deepEqual(await filesIn((await copyFromContainer(host, 'one', '/mnt/host/out')).tar), { out: 'out\n' });
  assert.deepEqual(await containerChanges(host, 'one'), []);
  await assert.rejects(copyIn(host, 'one', '/mnt/host', { '../escape': 'x' }), refused('invalid-content', /leads out of its folder/));
  assert.equal(existsSync(join(folder, '..', 'escape')), false);
});

test('a link in a mount cannot lead a copy out of it', { skip: process.platform === 'win32' }, async (t) => {
  const folder = temporaryFolder(t);
  const outside = temporaryFolder(t);
  mkdirSync(join(folder, 'in'));
  const host = await openHostWithBase(t);
  await create(host, 'one', { HostConfig: { Binds: [`${join(folder, 'in')}:/mnt`] } });
  await copyIn(host, 'one', '/mnt', { out: { path: '', type: 'symlink', linkname: outside } });
  // In the container an absolute link begins at the container's root, where there is no such folder.
  await assert.rejects(copyIn(host, 'one', '/mnt/out', { x: 'x' }), refused('not-found', /^Could not find the file/));
  await assert.rejects(copyIn(host, 'one', '/mnt', { 'out/x': 'x' }), refused('invalid-content', /it is no folder/));
  assert.deepEqual(readdirSync(outside), []);
});

test('rename and update change the record, with docker’s refusals', async (t) => {
  const host = await openHostWithBase(t);
  await create(host, 'one', { HostConfig: { Memory: 104_857_600 } });
  await create(host, 'two');
  await renameContainer(host, 'one', 'uno');
  assert.equal((await inspectContainer(host, 'uno')).Name, '/uno');
  await assert.rejects(
    renameContainer(host, 'uno', 'two'),
    refused('conflict', /^Error when allocating new name: Conflict\. The container name "\/two"/),
  );
  await assert.rejects(
    renameContainer(host, 'uno', 'b@'),
    refused('invalid-argument', 'Error when allocating new name: Invalid container name (/b@), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed'),
  );
  await assert.rejects(
    renameContainer(host, 'uno', 'uno'),
    refused('invalid-argument', 'Renaming a container with the same name as its current name'),
  );
  const { Id } = await inspectContainer(host, 'uno');
  await assert.rejects(
    updateContainer(host, 'uno', { Memory: 300_000_000 }),
    refused(
      'conflict',
      `Cannot update container ${Id}: Memory limit should be smaller than already set memoryswap limit, update the memoryswap at the same time`,
    ),
  );
  await updateContainer(host, 'uno', { Memory: 300_000_000, MemorySwap: 400_000_000, RestartPolicy: { Name: 'always' } });
  const { Memory, MemorySwap, RestartPolicy } = (await inspectContainer(host, 'uno')).HostConfig;
  assert.deepEqual([Memory, MemorySwap, RestartPolicy.Name], [300_000_000, 400_000_000, 'always']);
  await assert.rejects(updateContainer(host, 'uno', { Memory: 1 }), refused('invalid-argument', 'Minimum memory limit allowed is 6MB'));
});

test('filters of a list are docker’s', async (t) => {
  let time = Date.parse('2026-11-24T10:00:00Z');
  const host = await openHostWithBase(t, { now: () => new Date((time += 1000)) });
  await create(host, 'a-one', { Labels: { tier: 'web' } });
  await create(host, 'a-two', { Labels: { tier: 'db', x: '1' }, HostConfig: { Binds: ['vol:/v'], NetworkMode: 'none' } });
  await create(host, 'b-three');
  const names = async (...terms: readonly string[]) => {
    const filters = terms.map((term) => ({ key: term.split('=')[0] ?? '', value: term.slice(term.indexOf('=') + 1) }));
    return (await listContainers(host, { all: true, filters })).map(({ Names }) => Names[0]);
  };
  assert.deepEqual(await names('name=a-'), ['/a-two', '/a-one']);
  assert.deepEqual(await names('name=^/b'), ['/b-three']);
  assert.deepEqual([(await names('isolation=default')).length > 0, await names('isolation=hyperv')], [true, []]);
  assert.deepEqual(await names('name=one', 'name=three'), ['/b-three', '/a-one']);
  assert.deepEqual(await names('label=tier'), ['/a-two', '/a-one']);
  assert.deepEqual(await names('label=tier=db', 'label=x'), ['/a-two']);
  assert.deepEqual(await names('status=exited'), []);
  assert.deepEqual(await names('status=created', 'network=none'), ['/a-two']);
  assert.deepEqual(await names('volume=vol'), ['/a-two']);
  assert.deepEqual(await names('volume=/v'), ['/a-two']);
  assert.deepEqual(await names('before=b-three', 'since=a-one'), ['/a-two']);
  assert.deepEqual(await names('ancestor=base:1'), ['/b-three', '/a-two', '/a-one']);
  assert.deepEqual(await names('ancestor=nope'), []);
  assert.deepEqual(await names('health=none', 'is-task=false', 'name=b'), ['/b-three']);
  assert.deepEqual(await names('is-task=true'), []);
  assert.deepEqual(await names('expose=80'), []);
  assert.equal((await listContainers(host, { limit: 1 }))[0]?.Names[0], '/b-three');
  for (const [term, message] of [
    ['bogus=1', "invalid filter 'bogus'"],
    [
      'status=x',
      "invalid filter 'status=x': invalid value for state (x): must be one of created, running, paused, restarting, removing, exited, dead",
    ],
    ['exited=x', 'invalid filter \'exited=x\': strconv.Atoi: parsing "x": invalid syntax'],
    ['health=x', "invalid filter 'health=x': invalid value for health (x): must be one of none, starting, healthy, unhealthy"],
    ['is-task=x', "invalid filter 'is-task=[x]'"],
    ['publish=x', 'error while looking up for publish x: strconv.ParseUint: parsing "x": invalid syntax'],
  ] as const)
    await assert.rejects(names(term), refused('invalid-argument', message));
  await assert.rejects(names('before=nope'), refused('not-found', 'No such container: nope'));
});

test('prunes take what nothing needs, by their filters, and say what the disk got back', async (t) => {
  const host = await openHostWithBase(t, { changes: ['CMD ["sh"]', 'VOLUME /data'] });
  await create(host, 'one', { Labels: { keep: '' } });
  await create(host, 'two');
  await copyIn(host, 'two', '/etc', { big: 'x'.repeat(100_000) });
  await createVolume(host, { name: 'named' });
  const kept = await pruneContainers(host, { filters: [{ key: 'label!', value: 'keep' }] });
  assert.equal(kept.ContainersDeleted?.length, 1);
  assert.ok(kept.SpaceReclaimed >= 100_000);
  assert.deepEqual((await pruneContainers(host, { filters: [{ key: 'until', value: '2020-01-01' }] })).ContainersDeleted, null);
  const anonymous = await pruneVolumes(host);
  assert.equal(anonymous.VolumesDeleted?.length, 1, 'that of the container that is left stays');
  assert.ok(anonymous.SpaceReclaimed > 0);
  await pruneContainers(host);
  assert.deepEqual((await pruneVolumes(host, { filters: [{ key: 'label', value: 'nope' }] })).VolumesDeleted, null);
  assert.equal((await pruneVolumes(host, { filters: [{ key: 'all', value: 'true' }] })).VolumesDeleted?.length, 2);
  await assert.rejects(
    pruneVolumes(host, { filters: [{ key: 'bogus', value: '1' }] }),
    refused('invalid-argument', "invalid filter 'bogus'"),
  );
});

test('each act is told as docker tells it', async (t) => {
  const host = await openHostWithBase(t);
  const after = await host.store.lastEvent();
  await create(host, 'one', { Labels: { l: '1' }, HostConfig: { Binds: ['vol:/v'] } });
  await renameContainer(host, 'one', 'uno');
  await updateContainer(host, 'uno', { RestartPolicy: { Name: 'always' } });
  await copyIn(host, 'uno', '/etc', { a: 'a' });
  (await copyFromContainer(host, 'uno', '/etc/motd')).tar.resume();
  await removeContainer(host, 'uno');
  await removeVolume(host, 'vol');
  const events = await host.store.events({ after });
  assert.deepEqual(
    events.map(({ type, action }) => `${type} ${action}`),
    [
      'volume create',
      'container create',
      'container rename',
      'container update',
      'container extract-to-dir',
      'container archive-path',
      'container destroy',
      'volume destroy',
    ],
  );
  assert.deepEqual(events[2]?.attributes, { image: 'base:1', l: '1', name: 'uno', oldName: '/one' });
});

test('what is copied in above a mount goes into it where it belongs there', async (t) => {
  const host = await openHostWithBase(t);
  await create(host, 'one', { HostConfig: { Binds: ['vol:/etc/conf', 'fixed:/etc/fixed:ro'] } });
  const { Mountpoint } = await inspectVolume(host, 'vol');
  await copyIn(host, 'one', '/', {
    'etc/': '',
    'etc/own': 'own\n',
    'etc/conf/': '',
    'etc/conf/a': 'a\n',
    'etc/conf/b': { path: '', type: 'hard-link', linkname: 'etc/conf/a' },
    'etc/conf/closed/': { path: '', type: 'directory', mode: 0o555 },
    'etc/conf/closed/in': 'in\n',
    'etc/after': 'after\n',
  });
  assert.deepEqual(readdirSync(Mountpoint).toSorted(), ['a', 'b', 'closed']);
  // The time is the tar's, though a file was put into it.
  assert.equal(statSync(join(Mountpoint, 'closed')).mtimeMs, 1_700_000_000_000);
  const changed = (await containerChanges(host, 'one')).map(({ Path }) => Path);
  assert.deepEqual(changed, ['/etc', '/etc/after', '/etc/own']);
  assert.equal((await statInContainer(host, 'one', '/etc/conf/b')).size, 2);
  await assert.rejects(copyIn(host, 'one', '/etc', { 'fixed/x': 'x' }), refused('denied', 'mounted volume is marked read-only'));
  // The product removes what forbids its own removal; the test's own folder goes by plain means.
  await removeContainer(host, 'one');
  await removeVolume(host, 'vol');
});

test('a volume can be mounted by one of its folders', async (t) => {
  const host = await openHostWithBase(t);
  const { Mountpoint } = await createVolume(host, { name: 'vol' });
  mkdirSync(join(Mountpoint, 'sub'));
  const mount = (Subpath: string) => ({
    HostConfig: { Mounts: [{ Type: 'volume', Source: 'vol', Target: '/v', VolumeOptions: { Subpath } }] },
  });
  await create(host, 'one', mount('sub'));
  await copyIn(host, 'one', '/v', { in: 'in\n' });
  assert.deepEqual(readdirSync(join(Mountpoint, 'sub')), ['in']);
  await assert.rejects(
    create(host, 'two', mount('../other')),
    refused('invalid-argument', 'invalid mount config for type "volume": subpath must be a relative path within the volume'),
  );
  // Windows has no such names.
  if (process.platform !== 'win32') {
    mkdirSync(join(Mountpoint, 'a\\..\\b'));
    mkdirSync(join(Mountpoint, 'c:'));
    for (const [name, folder] of [
      ['four', 'a\\..\\b'],
      ['five', 'c:'],
    ] as const) {
      await create(host, name, mount(folder));
      await copyIn(host, name, '/v', { in: 'in\n' });
      assert.deepEqual(readdirSync(join(Mountpoint, folder)), ['in']);
    }
  }
  await create(host, 'three', mount('none'));
  await assert.rejects(
    statInContainer(host, 'three', '/v'),
    refused('invalid-argument', 'cannot access path none of the volume: it is no folder'),
  );
});

test('a filter’s pattern that could take for ever is refused', async (t) => {
  const host = await openHostWithBase(t);
  await create(host, 'a'.repeat(60));
  for (const value of ['(a+)+$', '(a|a)*b', 'a*a*a*a*b', String.raw`(a)\1`])
    await assert.rejects(
      listContainers(host, { filters: [{ key: 'name', value }] }),
      refused('invalid-argument', `invalid filter 'name=${value}': the pattern repeats too much`),
    );
  assert.equal((await listContainers(host, { all: true, filters: [{ key: 'name', value: '^/(a|b)[a+]+.*$' }] })).length, 1);
});

test('a list calls a container’s image as it was asked for, while that means the same', async (t) => {
  const host = await openHostWithBase(t);
  const base = await host.store.find('base:1');
  await create(host, 'one');
  await createContainer(host, { Image: base.target.digest.slice(7, 15) }, { name: 'two' });
  const shown = async () => (await listContainers(host, { all: true })).map(({ Image }) => Image).toSorted();
  assert.deepEqual(await shown(), [base.target.digest.slice(7, 15), 'base:1'].toSorted());
  await makeBase(host.store, { changes: ['CMD ["other"]'] });
  assert.deepEqual(await shown(), [base.target.digest.slice(7, 15), base.target.digest].toSorted());
});

test('layers that are refused, and work that is stopped, leave nothing', async (t) => {
  const host = await openHostWithBase(t);
  await makeBase(host.store, { name: 'bad:1', files: { good: 'good', '../../outside': 'x' } });
  const nothingLeft = async () => {
    // The index follows a change of names in a moment, by a draft.
    await host.store.flush();
    assert.deepEqual(await listContainers(host, { all: true }), []);
    assert.deepEqual(await listVolumes(host), []);
    assert.deepEqual(
      readdirSync(join(host.store.path, 'bay', 'drafts')).filter((file) => file !== 'free'),
      [],
    );
    assert.deepEqual(readdirSync(join(host.store.path, 'bay', 'trees')), []);
    assert.deepEqual(await host.store.check(), []);
  };
  await assert.rejects(
    createContainer(host, { Image: 'bad:1', Volumes: { '/v': {} } }),
    (error: { code?: string }) => error.code === 'invalid-content',
  );
  await nothingLeft();

  const lying = await makeImage({ layers: ['one'] });
  const manifest = JSON.parse(String(lying.blobs.get(lying.target.digest))) as { config: { digest: string; size: number } };
  const config = String(lying.blobs.get(lying.config.digest)).replace(
    /"diff_ids":\["sha256:[0-9a-f]{64}"/,
    `"diff_ids":["sha256:${'0'.repeat(64)}"`,
  );
  {
    await using ingest = await host.store.begin();
    await ingest.write(lying.layers[0]!, async () => once(lying.blobs.get(lying.layers[0]!.digest)!));
    const kept = await ingest.add(lying.config.mediaType, Buffer.from(config));
    const text = JSON.stringify({ ...manifest, config: { ...manifest.config, digest: kept.digest, size: kept.size } });
    await ingest.tag(await ingest.add(lying.target.mediaType, Buffer.from(text)), 'docker.io/library/lying:1');
  }
  await assert.rejects(createContainer(host, { Image: 'lying:1' }), { code: 'digest-mismatch' });
  await nothingLeft();

  const stopping = new AbortController();
  stopping.abort();
  await assert.rejects(createContainer(host, { Image: 'base:1' }, { signal: stopping.signal }), { code: 'canceled' });
  await nothingLeft();
});

test('a list of containers looks at the volumes that they have, not at all of them for each', async (t) => {
  const host = await openHostWithBase(t);
  await createVolume(host, { name: 'data' });
  await create(host, 'with', { HostConfig: { Binds: ['data:/data'] } });
  await create(host, 'without');
  const all = t.mock.method(host.store, 'volumes');
  const listed = await listContainers(host, { all: true });
  assert.equal(all.mock.callCount(), 0);
  const { Mountpoint: folder } = await inspectVolume(host, 'data');
  const sources = new Map(listed.map(({ Names, Mounts }) => [Names[0], Mounts.map(({ Source }) => Source)]));
  assert.deepEqual(sources.get('/with'), [folder]);
  assert.deepEqual(sources.get('/without'), []);
});
