/** Containers, volumes, networks and events by the Docker door: what is answered, byte for byte where docker's clients go by it. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';

import { readTar } from '../../src/formats/tar/read-tar.ts';
import { bytesOf, tarOf } from '../support/make-image.ts';
import { startEngine, type Answered, type Engine } from './engine-ground.ts';

const encode = (value: unknown): string => encodeURIComponent(JSON.stringify(value));

async function create(engine: Engine, name: string, document: object = {}): Promise<string> {
  const answer = await engine.send('POST', `/containers/create?name=${name}`, {
    json: { Image: 'app:1', Cmd: ['run', 'it'], ...document },
  });
  assert.equal(answer.status, 201, answer.text);
  const { Id, Warnings }: { Id: string; Warnings: unknown } = answer.json();
  assert.match(Id, /^[0-9a-f]{64}$/);
  assert.deepEqual(Warnings, []);
  return Id;
}

async function refused(engine: Engine, method: string, path: string, status: number, message: string | RegExp, sent = {}): Promise<void> {
  const answer = await engine.send(method, path, sent);
  assert.equal(answer.status, status, `${method} ${path}: ${answer.text}`);
  const { message: said }: { message: string } = answer.json();
  if (typeof message === 'string') assert.equal(said, message, path);
  else assert.match(said, message, path);
}

async function namesIn(tar: Uint8Array): Promise<string[]> {
  const names: string[] = [];
  for await (const { entry } of readTar(Readable.from([tar]))) names.push(entry.path);
  return names;
}

test('a container is created, listed, inspected, renamed, updated and removed', async (t) => {
  const engine = await startEngine(t);
  const image = await engine.put(['docker.io/library/app:1']);
  const id = await create(engine, 'one', {
    Labels: { a: 'b' },
    HostConfig: { NetworkMode: 'default' },
    NetworkingConfig: { EndpointsConfig: {} },
  });
  assert.deepEqual((await engine.send('GET', '/containers/json')).json(), []);
  const [row, ...others]: Record<string, unknown>[] = (await engine.send('GET', '/containers/json?all=1&size=1')).json();
  assert.deepEqual(others, []);
  assert.deepEqual(
    [row?.['Id'], row?.['Names'], row?.['Image'], row?.['ImageID'], row?.['Command'], row?.['State'], row?.['Status'], row?.['Labels']],
    [id, ['/one'], 'app:1', image.target.digest, 'run it', 'created', 'Created', { a: 'b' }],
  );
  assert.ok(!('ImageManifestDescriptor' in ((await engine.send('GET', '/v1.47/containers/json?all=1')).json() as object[])[0]!));
  for (const name of ['one', '%2Fone', id, id.slice(0, 5)]) {
    const document: { Id: string; Config: { Env: string[] } } = (await engine.send('GET', `/containers/${name}/json`)).json();
    assert.deepEqual([document.Id, document.Config.Env], [id, ['A=1']], name);
  }
  const used: { Containers: number }[] = (await engine.send('GET', '/images/json')).json();
  assert.deepEqual(
    used.map(({ Containers }) => Containers),
    [1],
  );

  const renamed = await engine.send('POST', '/containers/one/rename?name=two');
  assert.deepEqual([renamed.status, renamed.text, renamed.headers['content-length']], [204, '', undefined]);
  assert.deepEqual(
    (await engine.send('POST', '/containers/two/update', { json: { CpuShares: 5, RestartPolicy: { Name: 'always' } } })).json(),
    { Warnings: null },
  );
  const { HostConfig }: { HostConfig: { CpuShares: number; RestartPolicy: { Name: string } } } = (
    await engine.send('GET', '/containers/two/json')
  ).json();
  assert.deepEqual([HostConfig.CpuShares, HostConfig.RestartPolicy.Name], [5, 'always']);

  for (const [filters, count] of [
    [{ name: ['tw'] }, 1],
    [{ name: { x: true } }, 0],
    [{ ancestor: ['app:1'], label: ['a=b'] }, 1],
    [{ status: ['created'] }, 1],
    [{ status: ['exited'] }, 0],
  ] as const)
    assert.equal(
      ((await engine.send('GET', `/containers/json?all=1&filters=${encode(filters)}`)).json() as unknown[]).length,
      count,
      JSON.stringify(filters),
    );

  assert.equal((await engine.send('DELETE', '/containers/two?v=1&force=1')).status, 204);
  await refused(engine, 'GET', '/containers/two/json', 404, 'No such container: two');
});

test('what cannot be created is refused with the words that docker’s clients wait for', async (t) => {
  const engine = await startEngine(t);
  await engine.put(['docker.io/library/app:1']);
  const id = await create(engine, 'one');
  const post = (name: string, sent: object, status: number, message: string | RegExp) =>
    refused(engine, 'POST', `/containers/create?name=${name}`, status, message, sent);
  // The 404 by which `docker run` knows that it is to pull.
  await post('x', { json: { Image: 'nope' } }, 404, 'No such image: nope:latest');
  await post(
    'one',
    { json: { Image: 'app:1' } },
    409,
    `Conflict. The container name "/one" is already in use by container "${id}". You have to remove (or rename) that container to be able to reuse that name.`,
  );
  await post('!', { json: { Image: 'app:1' } }, 400, /^Invalid container name \(!\), only \[a-zA-Z0-9\]\[a-zA-Z0-9_.-\] are allowed/);
  await post('x', {}, 400, 'invalid JSON: got EOF while reading request body');
  await post(
    'x',
    { body: '{}', headers: { 'Content-Type': 'text/plain' } },
    400,
    "unsupported Content-Type header (text/plain): must be 'application/json'",
  );
  await post('x', { body: '{}' }, 400, 'malformed Content-Type header (): mime: no media type');
  await post('x', { body: '{', headers: { 'Content-Type': 'application/json' } }, 400, /^invalid JSON: /);
  await post('x', { json: [] }, 400, /^invalid JSON: /);
  await post('x', { json: { Image: 1 } }, 400, /cannot unmarshal number into Go struct field .*Image of type string/);
  await post('x', { json: {} }, 400, 'config cannot be empty in order to create a container');
  await refused(
    engine,
    'POST',
    '/containers/create?name=x&platform=linux/s390x',
    404,
    /does not provide the specified platform \(linux\/s390x\)/,
    { json: { Image: 'app:1' } },
  );
  await refused(engine, 'DELETE', '/containers/nope', 404, 'No such container: nope');
  await refused(engine, 'POST', '/containers/one/rename', 400, 'Neither old nor new names may be empty');
  await refused(engine, 'GET', '/containers/json?limit=x', 400, 'strconv.Atoi: parsing "x": invalid syntax');
  await refused(engine, 'GET', `/containers/json?filters=${encode({ bogus: ['x'] })}`, 400, /^invalid filter 'bogus'/);
  assert.equal(((await engine.send('GET', '/containers/json?all=1')).json() as unknown[]).length, 1);
});

test('files go in and come out as tars, and a path is described in a header', async (t) => {
  const engine = await startEngine(t);
  await engine.put(['docker.io/library/app:1']);
  await create(engine, 'one');
  const stat = (answer: Answered): Record<string, unknown> =>
    JSON.parse(Buffer.from(String(answer.headers['x-docker-container-path-stat']), 'base64').toString()) as Record<string, unknown>;
  const head = await engine.send('HEAD', '/containers/one/archive?path=/file-0');
  assert.deepEqual([head.status, head.text], [200, '']);
  assert.deepEqual([stat(head)['name'], stat(head)['size'], stat(head)['mode'], stat(head)['linkTarget']], ['file-0', 3, 0o644, '']);
  const missing = await engine.send('HEAD', '/containers/one/archive?path=/nope');
  assert.deepEqual([missing.status, missing.headers['x-docker-container-path-stat'], missing.text], [404, undefined, '']);

  assert.deepEqual((await engine.send('GET', '/containers/one/changes')).json(), null);
  const put = await engine.send('PUT', '/containers/one/archive?path=/&noOverwriteDirNonDir=true', {
    body: [await tarOf({ 'a/b': 'new', 'file-0': 'changed' })],
    headers: { 'Content-Type': 'application/x-tar' },
  });
  assert.deepEqual([put.status, put.text, put.headers['content-length']], [200, '', '0']);
  assert.deepEqual((await engine.send('GET', '/containers/one/changes')).json(), [
    { Path: '/a', Kind: 1 },
    { Path: '/a/b', Kind: 1 },
    { Path: '/file-0', Kind: 0 },
  ]);
  const got = await engine.send('GET', '/containers/one/archive?path=/a');
  assert.equal(got.headers['content-type'], 'application/x-tar');
  assert.equal(stat(got)['name'], 'a');
  assert.deepEqual(await namesIn(got.body), ['a/', 'a/b']);
  const all = await engine.send('GET', '/containers/one/export');
  assert.equal(all.headers['content-type'], 'application/octet-stream');
  assert.deepEqual((await namesIn(all.body)).sort(), ['a/', 'a/b', 'file-0', 'file-1']);

  await refused(engine, 'GET', '/containers/one/archive?path=/nope', 404, 'Could not find the file /nope in container one');
  for (const method of ['GET', 'PUT']) await refused(engine, method, '/containers/one/archive', 400, 'bad parameter: path cannot be empty');
  await refused(engine, 'PUT', '/containers/one/archive?path=/nope', 404, 'Could not find the file /nope in container one', {
    body: await tarOf({ x: 'x' }),
  });
  const answer = await engine.send('PUT', '/containers/one/archive?path=/', { body: Buffer.alloc(5000, 1) });
  assert.equal(answer.status, 400, answer.text);
  assert.equal(((await engine.send('GET', '/containers/one/changes')).json() as unknown[]).length, 3);
});

test('a commit makes an image whose parent is known, by query and by a config in the body', async (t) => {
  const engine = await startEngine(t);
  const image = await engine.put(['docker.io/library/app:1']);
  await create(engine, 'one');
  await engine.send('PUT', '/containers/one/archive?path=/', { body: await tarOf({ new: 'new' }) });
  const changes = ['ENV B=2', 'LABEL x=y'].map((change) => `changes=${encodeURIComponent(change)}`).join('&');
  const answer = await engine.send(
    'POST',
    `/commit?container=one&repo=localhost:5000/made&tag=2&comment=said&author=me&pause=0&${changes}`,
  );
  assert.equal(answer.status, 201, answer.text);
  const { Id }: { Id: string } = answer.json();
  const made: Record<string, unknown> = (await engine.send('GET', '/images/localhost:5000/made:2/json')).json();
  assert.deepEqual([made['Id'], made['Comment'], made['Author'], made['Parent']], [Id, 'said', 'me', image.target.digest]);
  assert.deepEqual((made['Config'] as { Env: string[] }).Env, ['A=1', 'B=2']);
  const rows: { Id: string; ParentId: string }[] = (await engine.send('GET', '/images/json')).json();
  assert.equal(rows.find((row) => row.Id === Id)?.ParentId, image.target.digest);
  const steps: { Id: string; CreatedBy: string }[] = (await engine.send('GET', '/images/localhost:5000/made:2/history')).json();
  assert.deepEqual([steps[0]?.Id, steps[0]?.CreatedBy, steps.length], [Id, 'run it', 3]);

  const second: { Id: string } = (
    await engine.send('POST', '/commit?container=one&repo=other', { json: { Cmd: ['else'], Env: ['C=3'] } })
  ).json();
  const other: { Config: { Cmd: string[]; Env: string[] } } = (await engine.send('GET', `/images/${second.Id}/json`)).json();
  assert.deepEqual(other.Config.Cmd, ['else']);
  assert.ok(other.Config.Env.includes('C=3'));

  await refused(engine, 'POST', '/commit?container=nope', 404, 'No such container: nope');
  await refused(engine, 'POST', '/commit', 400, 'invalid name or ID supplied: ""');
  await refused(engine, 'POST', '/commit?container=one&changes=BOGUS%20x', 400, 'BOGUS is not a valid change command');
  await refused(
    engine,
    'POST',
    '/commit?container=one&repo=UP',
    400,
    'invalid reference format: repository name (library/UP) must be lowercase',
  );
});

test('what makes a container run is refused with a sentence; whatever else is asked of one that does not run has docker’s answer', async (t) => {
  const engine = await startEngine(t);
  await engine.put(['docker.io/library/app:1']);
  const id = await create(engine, 'one');
  for (const [path, what] of [
    ['start', 'start'],
    ['restart?t=1', 'restart'],
  ] as const) {
    const sentence = `cannot ${what} container one: Bayplan keeps containers and does not run them`;
    await refused(engine, 'POST', `/containers/one/${path}`, 501, sentence);
    await refused(engine, 'POST', `/v1.40/containers/nope/${path}`, 404, 'No such container: nope');
  }
  const idle = `container ${id} is not running`;
  const nobody = 'No such container: nope';
  const command = { json: { Cmd: ['sh'] } };
  for (const [method, path, status, sentence, without, options] of [
    ['POST', 'pause', 409, idle, nobody],
    ['GET', 'top', 409, idle, nobody],
    ['POST', 'unpause', 409, `Container ${id} is not paused`, nobody],
    ['POST', 'resize?h=1&w=1', 409, idle, nobody],
    ['POST', 'resize?w=1', 400, 'invalid resize height "": invalid syntax'],
    ['POST', 'resize?h=1&w=-1', 400, 'invalid resize width "-1": value out of range'],
    ['POST', 'exec', 400, 'No exec command specified'],
    ['POST', 'exec', 400, /cannot unmarshal string into Go struct field ExecOptions.Cmd of type/, undefined, { json: { Cmd: 'sh' } }],
    ['POST', 'exec', 409, idle, nobody, command],
    ['POST', 'wait?condition=x', 400, 'invalid condition: "x"'],
    ['GET', 'logs', 400, 'Bad parameters: you must choose at least one stream'],
    ['GET', 'logs?stdout=1&since=x', 400, 'strconv.ParseInt: parsing "x": invalid syntax', nobody],
    ['POST', 'kill', 409, `cannot kill container: one: ${idle}`, `cannot kill container: nope: ${nobody}`],
    ['POST', 'kill?signal=SIGUSR1', 409, `cannot kill container: one: ${idle}`, `cannot kill container: nope: ${nobody}`],
    // The signal is read before the container is looked for.
    ['POST', 'kill?signal=BOGUS', 400, 'cannot kill container: one: invalid signal: BOGUS'],
    ['POST', 'kill?signal=0', 400, 'cannot kill container: one: invalid signal: 0'],
    ['POST', 'kill?signal=65', 400, 'cannot kill container: one: the linux daemon does not support signal 65'],
  ] as const) {
    await refused(engine, method, `/containers/one/${path}`, status, sentence, options);
    if (without !== undefined) await refused(engine, method, `/containers/nope/${path}`, 404, without, options);
  }
  // It does not run: that is what a stop, and most who wait, are for.
  const answers = async (method: string, path: string): Promise<unknown[]> => {
    const { status, headers, text } = await engine.send(method, path);
    return [status, headers['content-type'], text];
  };
  assert.deepEqual(await answers('POST', '/containers/one/stop?t=1'), [304, undefined, '']);
  await refused(engine, 'POST', '/containers/nope/stop', 404, nobody);
  for (const query of ['', '?condition=not-running'])
    assert.deepEqual(await answers('POST', `/containers/one/wait${query}`), [200, 'application/json', '{"StatusCode":0}\n']);
  await refused(engine, 'POST', '/containers/nope/wait', 404, nobody);
  // It has never said anything, and used nothing.
  const stream = 'application/vnd.docker.multiplexed-stream';
  assert.deepEqual(await answers('GET', '/containers/one/logs?stdout=1&follow=1&tail=5'), [200, stream, '']);
  assert.deepEqual(await answers('GET', '/v1.41/containers/one/logs?stderr=1'), [200, 'application/vnd.docker.raw-stream', '']);
  assert.deepEqual(await answers('POST', '/containers/one/attach?stream=1&stdout=1'), [200, 'application/vnd.docker.raw-stream', '']);
  const used = (await engine.send('GET', '/containers/one/stats?stream=0')).json() as Record<string, unknown>;
  assert.deepEqual([used['name'], used['id'], used['num_procs'], used['memory_stats']], ['/one', id, 0, {}]);
  await refused(engine, 'GET', '/exec/abc/json', 404, 'No such exec instance: abc');
  const attach = async (name: string): Promise<string> => {
    const socket = connect(engine.socket);
    socket.write(
      `POST /v1.51/containers/${name}/attach?stream=1&stdout=1 HTTP/1.1\r\nHost: d\r\nConnection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: 0\r\n\r\n`,
    );
    return (await bytesOf(socket)).toString();
  };
  assert.equal(await attach('one'), `HTTP/1.1 101 UPGRADED\r\nContent-Type: ${stream}\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n`);
  assert.match(await attach('nope'), /^HTTP\/1\.1 404 Not Found\r\n[\s\S]*"No such container: nope"/);
});

test('who waits for the end of a container has an answer when it is removed, and the head of it at once', async (t) => {
  const engine = await startEngine(t);
  await engine.put(['docker.io/library/app:1']);
  for (const condition of ['next-exit', 'removed']) {
    await create(engine, 'one');
    const socket = connect(engine.socket);
    socket.write(`POST /containers/one/wait?condition=${condition} HTTP/1.1\r\nHost: d\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
    const [head] = (await once(socket, 'data')) as [Buffer];
    assert.match(head.toString(), /^HTTP\/1\.1 200 OK\r\n/);
    assert.ok(!head.includes('StatusCode'));
    await engine.send('DELETE', '/containers/one');
    assert.match((await bytesOf(socket)).toString(), /\{"StatusCode":0\}\n/);
  }
});

test('a list has the folders of volumes, no size of what nothing was changed in, and is filtered by the beginning of an id and by what is mounted from where', async (t) => {
  const engine = await startEngine(t);
  await engine.put(['docker.io/library/app:1']);
  const id = await create(engine, 'one', { HostConfig: { Binds: ['data:/data', `${tmpdir()}:/host`] } });
  const list = async (query: string): Promise<Record<string, unknown>[]> =>
    (await engine.send('GET', `/containers/json?all=1${query}`)).json();
  const { Mountpoint }: { Mountpoint: string } = (await engine.send('GET', '/volumes/data')).json();
  const [one = {}] = await list('&size=1');
  assert.deepEqual(
    (one['Mounts'] as { Source: string }[] | undefined)?.map(({ Source }) => Source),
    [Mountpoint, tmpdir()],
  );
  assert.ok(!('SizeRw' in one) && Number(one['SizeRootFs']) > 0);
  const { Containers }: { Containers: Record<string, unknown>[] } = (await engine.send('GET', '/system/df')).json();
  assert.ok(!('SizeRw' in (Containers[0] ?? {})) && !('ImageManifestDescriptor' in (Containers[0] ?? {})));
  for (const [filter, found] of [
    [{ id: [id.slice(0, 5)] }, 1],
    [{ id: [id.slice(3, 12)] }, 0],
    [{ id: [''] }, 0],
    [{ id: [id.slice(3, 12), id] }, 1],
    [{ volume: [tmpdir()] }, 1],
    [{ volume: [Mountpoint] }, 0],
    [{ volume: ['data'] }, 1],
  ] as const)
    assert.equal((await list(`&filters=${encode(filter)}`)).length, found, JSON.stringify(filter));
});

test('what a container is asked to be is kept as docker keeps it', async (t) => {
  const engine = await startEngine(t);
  await engine.put(['docker.io/library/app:1']);
  await create(engine, 'one', {
    WorkingDir: '/a/../b/',
    HostConfig: { NetworkMode: 'bridge', ConsoleSize: [10], KernelMemory: 1000 },
    NetworkingConfig: { EndpointsConfig: { mine: { Aliases: ['x'] } } },
  });
  await create(engine, 'two', { NetworkDisabled: true });
  interface Shown {
    readonly Config: { readonly WorkingDir: string };
    readonly HostConfig: Record<string, unknown>;
    readonly NetworkSettings: { readonly Networks: object };
  }
  const inspect = async (name: string): Promise<Shown> => (await engine.send('GET', `/containers/${name}/json`)).json();
  const shown = await inspect('one');
  assert.equal(shown.Config.WorkingDir, '/b');
  assert.deepEqual([shown.HostConfig['ConsoleSize'], shown.HostConfig['KernelMemory']], [[10, 0], undefined]);
  // Who names networks has those alone.
  assert.deepEqual(Object.keys(shown.NetworkSettings.Networks), ['mine']);
  assert.deepEqual((await inspect('two')).NetworkSettings.Networks, {});
  for (const [document, warning] of [
    [{ HostConfig: { CpuPercent: 5 } }, 'linux does not support CPU percent. Percent discarded.'],
    [
      { MacAddress: '02:42:ac:11:00:02' },
      'The container-wide MacAddress field is now deprecated. It should be specified in EndpointsConfig instead.',
    ],
  ] as const) {
    const { text } = await engine.send('POST', '/containers/create', { json: { Image: 'app:1', Cmd: ['x'], ...document } });
    assert.ok(text.includes(JSON.stringify([warning])), text);
  }
  for (const [document, status, said] of [
    [{ HostConfig: { Mounts: [{ Type: 'image', Source: 'nope', Target: '/a' }] } }, 404, 'No such image: nope:latest'],
    [{ HostConfig: { VolumesFrom: [''] } }, 400, 'volumes-from specification cannot be an empty string'],
  ] as const)
    await refused(engine, 'POST', '/containers/create', status, said, { json: { Image: 'app:1', Cmd: ['x'], ...document } });
  const marked = { body: Buffer.from('\ufeff{"Image":"app:1","Cmd":["x"]}'), headers: { 'content-type': 'application/json' } };
  await refused(engine, 'POST', '/containers/create', 400, /^invalid JSON: invalid character '.*' looking for beginning of value/, marked);
});

test('volumes are made, listed, inspected, used and removed', async (t) => {
  const engine = await startEngine(t);
  await engine.put(['docker.io/library/app:1']);
  const made = await engine.send('POST', '/volumes/create', { json: { Name: 'data', Labels: { a: 'b' }, DriverOpts: {} } });
  assert.equal(made.status, 201, made.text);
  const { Mountpoint, CreatedAt, ...volume }: Record<string, unknown> = made.json();
  assert.ok(String(Mountpoint).endsWith('_data') && !Number.isNaN(Date.parse(String(CreatedAt))));
  assert.deepEqual([volume['Name'], volume['Driver'], volume['Labels'], volume['Scope']], ['data', 'local', { a: 'b' }, 'local']);
  assert.deepEqual((await engine.send('GET', '/volumes/data')).json(), made.json());
  const names = async (query = ''): Promise<string[]> =>
    ((await engine.send('GET', `/volumes${query}`)).json() as { Volumes: { Name: string }[] }).Volumes.map(({ Name }) => Name);
  assert.deepEqual(await names(), ['data']);
  assert.deepEqual(await names(`?filters=${encode({ label: ['x'] })}`), []);
  await create(engine, 'one', { HostConfig: { Binds: ['data:/data'] } });
  await refused(engine, 'DELETE', '/volumes/data', 409, /^remove data: volume is in use - \[[0-9a-f]{64}\]/);
  await engine.send('DELETE', '/containers/one');

  const { Name: anonymous }: { Name: string } = (await engine.send('POST', '/volumes/create', { json: {} })).json();
  assert.match(anonymous, /^[0-9a-f]{64}$/);
  assert.deepEqual(((await engine.send('POST', '/volumes/prune')).json() as { VolumesDeleted: string[] }).VolumesDeleted, [anonymous]);
  // Before 1.42 the ones with names went too.
  assert.deepEqual(((await engine.send('POST', '/v1.41/volumes/prune')).json() as { VolumesDeleted: string[] }).VolumesDeleted, ['data']);
  assert.deepEqual((await engine.send('POST', '/volumes/prune')).json(), { VolumesDeleted: [], SpaceReclaimed: 0 });
  await refused(engine, 'GET', '/volumes/data', 404, 'get data: no such volume');
  await refused(engine, 'DELETE', '/volumes/data', 404, 'get data: no such volume');
  assert.equal((await engine.send('DELETE', '/volumes/data?force=1')).status, 204);
  await refused(engine, 'POST', '/volumes/create', 400, /^create a\/b: "a\/b" includes invalid characters for a local volume name/, {
    json: { Name: 'a/b' },
  });
  await refused(engine, 'POST', '/volumes/create', 404, 'create x: error looking up volume plugin zz: plugin "zz" not found', {
    json: { Name: 'x', Driver: 'zz' },
  });
  for (const [json, wrong] of [
    [{ Name: 7 }, 'number into Go struct field CreateOptions.Name of type string'],
    [{ Labels: ['a'] }, 'array into Go struct field CreateOptions.Labels of type map[string]string'],
    [{ DriverOpts: { a: true } }, 'bool into Go struct field CreateOptions.DriverOpts of type string'],
  ] as const)
    await refused(engine, 'POST', '/volumes/create', 400, `invalid JSON: json: cannot unmarshal ${wrong}`, { json });
});

test('the networks are there that docker always has, and stay', async (t) => {
  const engine = await startEngine(t);
  const rows: { Name: string; Driver: string; Id: string }[] = (await engine.send('GET', '/networks')).json();
  assert.deepEqual(
    rows.map(({ Name, Driver }) => [Name, Driver]),
    [
      ['bridge', 'bridge'],
      ['host', 'host'],
      ['none', 'null'],
    ],
  );
  assert.deepEqual((await engine.send('GET', `/networks/${rows[0]?.Id}`)).json(), rows[0]);
  assert.equal(((await engine.send('GET', `/networks?filters=${encode({ name: ['host'] })}`)).json() as unknown[]).length, 1);
  // a pattern, as docker's
  assert.equal(((await engine.send('GET', `/networks?filters=${encode({ name: ['^ho.t$'] })}`)).json() as unknown[]).length, 1);
  await refused(engine, 'GET', '/networks/zz', 404, 'network zz not found');
  await refused(engine, 'DELETE', '/networks/none', 403, 'none is a pre-defined network and cannot be removed');
  await refused(engine, 'POST', '/networks/create', 501, 'there are the networks bridge, host and none, and no others can be made', {
    json: { Name: 'x' },
  });
  assert.deepEqual((await engine.send('POST', '/networks/prune')).json(), { NetworksDeleted: null });
});

test('events come as they happen, by whichever process, and those that have been', async (t) => {
  const engine = await startEngine(t);
  await engine.put(['docker.io/library/app:1']);
  const stream = request({ socketPath: engine.socket, path: `/events?filters=${encode({ type: { container: true } })}`, agent: false });
  stream.end();
  // The head comes before anything has happened.
  const [response] = (await once(stream, 'response')) as [IncomingMessage];
  assert.deepEqual([response.statusCode, response.headers['content-type']], [200, 'application/json']);
  let text = '';
  response.on('data', (part: Buffer) => (text += part.toString()));
  const began = Math.floor(Date.now() / 1000) - 1;
  const id = await create(engine, 'one', { Labels: { a: 'b' } });
  {
    const { ImageStore } = await import('../../src/store/image-store.ts');
    await using other = await ImageStore.open(engine.store.path, { actor: 'other' });
    await other.record({ type: 'container', action: 'start', id, attributes: { name: 'one' } });
  }
  await engine.send('DELETE', '/containers/one');
  for (let tries = 0; text.split('\n').length < 4 && tries < 100; tries++) await wait(20);
  stream.destroy();
  const lines = text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  assert.deepEqual(
    lines.map(({ Action }) => Action),
    ['create', 'start', 'destroy'],
  );
  const { time, timeNano, ...first } = lines[0] ?? {};
  assert.ok(Number(time) >= began && Math.floor(Number(timeNano) / 1e9) === time);
  assert.deepEqual(first, {
    status: 'create',
    id,
    from: 'app:1',
    Type: 'container',
    Action: 'create',
    Actor: { ID: id, Attributes: { a: 'b', image: 'app:1', name: 'one' } },
    scope: 'local',
  });

  const past = async (query: string): Promise<string[]> => {
    const answer = await engine.send('GET', `/events?${query}`);
    assert.equal(answer.status, 200, answer.text);
    return answer.text
      .split('\n')
      .filter(Boolean)
      .map((line) => (JSON.parse(line) as { Action: string }).Action);
  };
  const soon = `until=${(Date.now() / 1000 + 0.3).toFixed(3)}`;
  assert.deepEqual(await past(`since=${began}&${soon}&filters=${encode({ type: ['container'], event: ['create', 'destroy'] })}`), [
    'create',
    'destroy',
  ]);
  assert.deepEqual(await past(`since=${began}.5&until=${(Date.now() / 1000).toFixed(3)}&filters=${encode({ container: ['two'] })}`), []);
  assert.deepEqual(await past('until=1'), []);
  await refused(engine, 'GET', '/events?since=5&until=1', 400, '`since` time (5) cannot be after `until` time (1)');
  await refused(engine, 'GET', '/events?until=x', 400, 'strconv.ParseInt: parsing "x": invalid syntax');
});

test('all that takes space is counted, and each kind alone where it is asked for', async (t) => {
  const engine = await startEngine(t);
  await engine.put(['docker.io/library/app:1']);
  await create(engine, 'one');
  await engine.send('POST', '/volumes/create', { json: { Name: 'data' } });
  const df = async (query: string): Promise<Record<string, unknown[] | null>> => (await engine.send('GET', `/system/df${query}`)).json();
  const all = await df('');
  assert.deepEqual([all['Images']?.length, all['Containers']?.length, all['Volumes']?.length, all['BuildCache']], [1, 1, 1, []]);
  assert.ok(Number(all['LayersSize']) > 0);
  const some = await df('?type=volume&type=build-cache');
  assert.deepEqual([some['Images'], some['Containers'], some['Volumes']?.length, some['BuildCache']], [null, null, 1, []]);
  await refused(engine, 'GET', '/system/df?type=bogus', 400, 'unknown object type: bogus');
  const info: Record<string, unknown> = (await engine.send('GET', '/info')).json();
  assert.deepEqual([info['Containers'], info['ContainersStopped'], info['ContainersRunning'], info['Images']], [1, 1, 0, 1]);
});

test('an image’s size counts what is laid out of it, in the list and in the details', async (t) => {
  const engine = await startEngine(t);
  await engine.put(['docker.io/library/app:1']);
  const size = async (): Promise<number[]> => {
    const [row]: {
      Size: number;
      Manifests: { Size: { Content: number; Total: number }; ImageData: { Size: { Unpacked: number }; Containers: string[] } }[];
    }[] = (await engine.send('GET', '/images/json?manifests=1')).json();
    const { Size }: { Size: number } = (await engine.send('GET', '/images/app:1/json')).json();
    const inside = row?.Manifests[0];
    return [
      row?.Size ?? 0,
      Size,
      inside?.Size.Total ?? 0,
      (inside?.Size.Content ?? 0) + (inside?.ImageData.Size.Unpacked ?? 0),
      inside?.ImageData.Containers.length ?? 0,
    ];
  };
  const packed = await size();
  assert.deepEqual(packed, [packed[0], packed[0], packed[0], packed[0], 0]);
  await create(engine, 'one');
  const [listed = 0, ...others] = await size();
  assert.ok(listed > (packed[0] ?? 0));
  assert.deepEqual(others, [listed, listed, listed, 1]);
});

test('each of the four prunes takes what is unused of its kind', async (t) => {
  const engine = await startEngine(t);
  await engine.put(['docker.io/library/app:1']);
  const id = await create(engine, 'one');
  const containers: { ContainersDeleted: string[]; SpaceReclaimed: number } = (await engine.send('POST', '/containers/prune')).json();
  assert.deepEqual(containers.ContainersDeleted, [id]);
  assert.deepEqual((await engine.send('POST', '/containers/prune')).json(), { ContainersDeleted: null, SpaceReclaimed: 0 });
  await refused(engine, 'POST', `/containers/prune?filters=${encode({ bogus: ['x'] })}`, 400, /^invalid filter 'bogus'/);
  const images: { ImagesDeleted: object[] } = (
    await engine.send('POST', `/images/prune?filters=${encode({ dangling: { false: true } })}`)
  ).json();
  assert.equal(images.ImagesDeleted.length, 2);
});
