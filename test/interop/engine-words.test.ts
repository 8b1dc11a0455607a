/** What a dockerd 28.5 answers to requests that are wrong, odd or old: statuses and words, as they were recorded from it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { tarOf } from '../support/make-image.ts';
import { startEngine, startRegistry, type Engine } from './engine-ground.ts';

const encode = (value: unknown): string => encodeURIComponent(JSON.stringify(value));
const json = { 'Content-Type': 'application/json' };

/** The first line of what is said: the second is ours, and says what to do. */
async function refused(engine: Engine, request: string, status: number, words: string, sent = {}): Promise<void> {
  const [method = '', path = ''] = request.split(' ');
  const answer = await engine.send(method, path, sent);
  assert.equal(answer.status, status, `${request}: ${answer.text}`);
  assert.equal((answer.json() as { message: string }).message.split('\n', 1)[0], words, request);
}

test('a switch that says both is refused, before a prune takes one for the other', async (t) => {
  const engine = await startEngine(t);
  await engine.put(['docker.io/library/app:1']);
  await engine.put([], { layers: ['dangling'] });
  await engine.send('POST', '/volumes/create', { json: { Name: 'data' } });
  const dangling = encode({ dangling: { true: true, false: true } });
  const all = encode({ all: ['true', 'false'] });
  for (const path of ['GET /images/json', 'POST /images/prune', 'GET /volumes', 'GET /networks'])
    await refused(engine, `${path}?filters=${dangling}`, 400, "invalid filter 'dangling=[false true]'");
  await refused(engine, `POST /volumes/prune?filters=${all}`, 400, "invalid filter 'all=[false true]'");
  await refused(engine, `GET /containers/json?filters=${encode({ 'is-task': ['0', 'true'] })}`, 400, "invalid filter 'is-task=[0 true]'");
  for (const path of ['GET /images/json', 'POST /images/prune'])
    await refused(engine, `${path}?filters=${encode({ dangling: [] })}`, 400, "invalid filter 'dangling'");
  assert.equal((await engine.store.images()).length, 2);
  assert.equal((await engine.store.volumes()).length, 1);
  // The same thing said twice is one thing.
  assert.deepEqual((await engine.send('GET', `/images/json?filters=${encode({ dangling: ['1', 'true'] })}`)).status, 200);
});

test('filters that are none are nothing, and marks that are none are refused', async (t) => {
  const engine = await startEngine(t);
  for (const filters of ['null', '{"label":null}', '{"label":{"a":false}}', '{}'])
    assert.equal((await engine.send('GET', `/images/json?filters=${encodeURIComponent(filters)}`)).status, 200, filters);
  for (const filters of ['{"label":{"a":1}}', '{"label":"a"}', '{"label":[1]}', '[]', 'x']) {
    await refused(engine, `GET /images/json?filters=${encodeURIComponent(filters)}`, 400, 'invalid filter');
    await refused(engine, `POST /build/prune?filters=${encodeURIComponent(filters)}`, 400, 'invalid filter');
  }
  const twice = encode({ until: ['1h', '2h'] });
  for (const what of ['containers', 'networks'])
    await refused(engine, `POST /${what}/prune?filters=${twice}`, 400, 'more than one until filter specified');
  await refused(engine, `POST /networks/prune?filters=${encode({ name: ['x'] })}`, 400, "invalid filter 'name'");
  await refused(engine, `POST /networks/prune?filters=${encode({ until: ['x'] })}`, 400, 'failed to parse value as time or duration: "x"');
  await refused(
    engine,
    `GET /containers/json?filters=${encode({ expose: ['90-80/tcp'] })}`,
    400,
    'error while looking up for expose 90-80/tcp: Invalid range specified for the Port: 90-80',
  );
  await refused(engine, 'GET /containers/json?limit=x', 400, 'strconv.Atoi: parsing "x": invalid syntax');
});

test('a query or a form that cannot be read is refused', async (t) => {
  const engine = await startEngine(t);
  await refused(engine, 'GET /images/json?all=%zz', 400, 'invalid URL escape "%zz"');
  await refused(engine, 'POST /images/prune?filters=%', 400, 'invalid URL escape "%"');
  await refused(engine, 'GET /images/json?all=%4&x=1', 400, 'invalid URL escape "%4"');
  await refused(engine, 'GET /images/json?all=1;x=1', 400, 'invalid semicolon separator in query');
  const form = { headers: { 'Content-Type': 'application/x-www-form-urlencoded' }, body: 'repo=%zz' };
  await refused(engine, 'POST /images/app/tag', 400, 'invalid URL escape "%zz"', form);
});

test('a name that is empty has the answer of its route', async (t) => {
  const engine = await startEngine(t);
  await refused(engine, 'DELETE /images/', 400, 'image name cannot be blank');
  await refused(engine, 'DELETE /v1.24/containers/', 400, 'invalid name or ID supplied: ""');
  await refused(engine, 'DELETE /networks/', 400, 'network  is ambiguous (3 matches found based on ID prefix)');
  assert.deepEqual((await engine.send('GET', '/networks/')).json(), (await engine.send('GET', '/networks')).json());
  await refused(engine, 'DELETE /images', 404, 'page not found');
  await refused(engine, 'POST /containers/nope/rename', 400, 'Neither old nor new names may be empty');
});

test('a body that is no JSON, or not the right one, is refused in the words of Go’s decoder', async (t) => {
  const engine = await startEngine(t);
  await engine.put(['docker.io/library/app:1']);
  for (const [path, type] of [
    ['/containers/create', 'container.CreateRequest'],
    ['/volumes/create', 'volume.CreateOptions'],
    ['/containers/app/update', 'container.UpdateConfig'],
    ['/commit?container=app', 'container.CreateRequest'],
  ] as const) {
    const say = (body: string, words: string) => refused(engine, `POST ${path}`, 400, words, { headers: json, body });
    await say('{', 'invalid JSON: unexpected EOF');
    await say("{'Image':1}", String.raw`invalid JSON: invalid character '\'' looking for beginning of object key string`);
    await say('{} x', 'unexpected content after JSON');
    await say('[]', `invalid JSON: json: cannot unmarshal array into Go value of type ${type}`);
  }
  const create = 'POST /containers/create';
  await refused(engine, create, 400, 'config cannot be empty in order to create a container', { headers: json, body: 'null' });
  await refused(engine, create, 400, 'no command specified', { json: { Image: '' } });
});

test('a platform is refused in containerd’s words, before anything else is asked', async (t) => {
  const engine = await startEngine(t);
  await engine.put(['docker.io/library/app:1']);
  const sent = { json: { Image: 'app:1' } };
  const component =
    'OSAndVersion specifier component must match "^([A-Za-z0-9_-]+)(?:\\\\(([A-Za-z0-9_.%-]*)((?:\\\\+[A-Za-z0-9_.%-]+)*)\\\\))?$"';
  for (const [platform, words] of [
    ['bogus', '"bogus": unknown operating system or architecture'],
    ['a/b/c/d', '"a/b/c/d": cannot parse platform specifier'],
    ['linux/a*b', '"linux/a*b": wildcards not yet supported'],
    ['/', `"" is an invalid OS component of "/": ${component}`],
    ['linux/a b', '"a b" is an invalid component of "linux/a b": platform specifier component must match "^[A-Za-z0-9_.-]+$"'],
  ] as const) {
    const query = encodeURIComponent(platform);
    await refused(engine, `POST /containers/create?platform=${query}`, 400, `${words}: invalid argument`, sent);
    await refused(engine, `POST /images/create?fromImage=app&platform=${query}`, 400, `${words}: invalid argument`);
    await refused(engine, `POST /images/create?fromSrc=-&platform=${query}`, 400, `${words}: invalid argument`);
  }
  for (const platform of ['amd64', 'linux', 'windows(10.0.1)/amd64', 'windows/amd64:10.0.1', 'linux/aarch64'])
    assert.notEqual((await engine.send('POST', `/containers/create?platform=${encodeURIComponent(platform)}`, sent)).status, 400, platform);
  const inspect = (platform: string, words: string) =>
    refused(engine, `GET /images/app:1/json?platform=${encodeURIComponent(platform)}`, 400, words);
  await inspect('linux/amd64', "failed to parse platform: invalid character 'l' looking for beginning of value");
  await inspect('{', 'failed to parse platform: unexpected end of JSON input');
  await inspect('{} x', "failed to parse platform: invalid character 'x' after top-level value");
  await inspect('[]', 'failed to parse platform: json: cannot unmarshal array into Go value of type v1.Platform');
  await inspect('null', 'both OS and Architecture must be provided');
});

test('an image of another platform than was asked for is neither pushed, saved nor loaded in its place', async (t) => {
  const engine = await startEngine(t);
  const { host, store } = await startRegistry(t);
  await engine.put([`${host}/app:1`, 'docker.io/library/app:1'], { platform: { os: 'linux', architecture: 'amd64' } });
  const other = `platform=${encode({ os: 'linux', architecture: 's390x' })}`;
  const lacks = (name: string) => `image with reference ${name} was found but does not provide the specified platform (linux/s390x)`;
  const last = async (method: string, path: string, body?: Buffer) =>
    String((await engine.send(method, path, body ? { body } : {})).lines().at(-1)?.['error']);
  assert.equal(await last('POST', `/images/${host}/app/push?tag=1&${other}`), lacks(`${host}/app:1`));
  assert.deepEqual(await store.names(), []);
  await refused(engine, `GET /images/get?names=app:1&${other}`, 404, `no suitable export target found: ${lacks('app:1')}`);
  const saved = (await engine.send('GET', '/images/get?names=app:1')).body;
  assert.equal(
    await last('POST', `/images/load?${other}`, saved),
    "image app:1 was loaded, but doesn't provide the requested platform (linux/s390x)",
  );
  const own = `platform=${encode({ os: 'linux', architecture: 'amd64' })}`;
  assert.equal((await engine.send('GET', `/images/get?names=app:1&${own}`)).status, 200);
  assert.match((await engine.send('POST', `/images/load?${own}`, { body: saved })).text, /Loaded image: app:1/);
  assert.match(await last('POST', '/images/nope/push?tag=x'), /^tag does not exist: nope:x\n/);
});

test('an import tells of its name, then of itself; a prune of networks is told too', async (t) => {
  const engine = await startEngine(t);
  const tar = await tarOf({ a: 'a' });
  await engine.send('POST', '/images/create?fromSrc=-&repo=made&tag=1', { body: tar });
  await engine.send('GET', '/images/get?names=made:1');
  await engine.send('POST', '/networks/prune');
  await engine.send('DELETE', '/images/made:1');
  const [image] = await engine.store.events({});
  const events = (await engine.store.events({})).map(({ type, action, attributes }) => `${type} ${action} ${attributes['name'] ?? ''}`);
  assert.deepEqual(events, [
    'image tag made:1',
    `image import ${image?.id}`,
    `image save ${image?.id}`,
    'network prune ',
    'image untag made:1',
    `image delete ${image?.id}`,
  ]);
});

test('what only a cluster has, and a network that is asked for oddly, are answered as by a machine in no swarm', async (t) => {
  const engine = await startEngine(t);
  const update = 'volume update only valid for cluster volumes, but swarm is unavailable';
  await refused(engine, 'PUT /volumes/data?version=1', 503, update, { json: { Spec: {} } });
  await refused(engine, 'GET /networks/bridge?scope=swarm', 404, 'network bridge not found');
  await refused(
    engine,
    'GET /networks/bridge?verbose=x',
    400,
    'invalid value for verbose: x: strconv.ParseBool: parsing "x": invalid syntax',
  );
  assert.equal((await engine.send('GET', '/networks/bridge?scope=local&verbose=1')).status, 200);
  await refused(engine, `GET /networks?filters=${encode({ type: ['x'] })}`, 400, "invalid filter: 'type'='x'");
});

test('a container of an old client is what that client meant', async (t) => {
  const engine = await startEngine(t);
  await engine.put(['docker.io/library/app:1']);
  for (const [version, mode] of [
    ['1.24', 'shareable'],
    ['1.39', 'shareable'],
    ['1.40', 'private'],
  ] as const) {
    const sent = { json: { Image: 'app:1', Cmd: ['a'], HostConfig: { AutoRemove: true } } };
    const { Id }: { Id: string } = (await engine.send('POST', `/v${version}/containers/create`, sent)).json();
    const { HostConfig }: { HostConfig: Record<string, unknown> } = (await engine.send('GET', `/containers/${Id}/json`)).json();
    assert.deepEqual([HostConfig['IpcMode'], HostConfig['AutoRemove'], HostConfig['PortBindings']], [mode, version !== '1.24', null]);
  }
});
