/** docker-py, the SDK that most scripts use, against our door: older filters, forms of JSON of its own, tar streams. */
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { peer } from '../support/peers.ts';
import { makeIndex, putImage } from '../support/make-image.ts';
import { runProgram } from '../support/program.ts';
import { startEngine, startRegistry } from './engine-ground.ts';

const python = peer('python3');
// The system's own, whatever else is before it on the PATH: Debian's package belongs to that one.
const interpreters = ['/usr/bin/python3', 'python3'];
const withDocker = await firstWithDocker();
const skip = withDocker === undefined && process.env['CI'] !== 'true' ? 'python3-docker is not installed' : python.skip;

async function firstWithDocker(): Promise<string | undefined> {
  for (const file of interpreters) if ((await runProgram(file, ['-c', 'import docker']).catch(() => ({ code: 1 }))).code === 0) return file;
  return undefined;
}

/** Runs a script that has `client` and `api`, and ends with `out(value)`. */
async function script(host: string, text: string, ...args: readonly string[]): Promise<never> {
  assert.ok(withDocker, 'no python3 here has docker-py, and in CI one must');
  const head = [
    'import docker, json, sys, io',
    'client = docker.DockerClient(base_url=sys.argv[1], version="auto", timeout=60)',
    'api = client.api',
    'out = lambda value: print(json.dumps(value))',
  ];
  const { code, stdout, stderr } = await runProgram(withDocker, ['-c', [...head, text].join('\n'), host, ...args]);
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout) as never;
}

test('docker-py finds its way: ping, version, info, df', { skip }, async (t) => {
  const engine = await startEngine(t);
  await engine.put(['docker.io/library/a:1']);
  const answer = await script(
    engine.host,
    'out([client.ping(), api.version()["ApiVersion"], client.info()["Images"], len(client.df()["Images"]), api._version])',
  );
  assert.deepEqual(answer, [true, '1.51', 1, 1, (answer as string[])[4]]);
});

test('docker-py pulls, lists with its older filters, tags, inspects, reads the history and removes', { skip }, async (t) => {
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
  const answer: Record<string, unknown> = await script(
    engine.host,
    `
name = sys.argv[2] + "/team/app"
image = client.images.pull(name, tag="1", platform="linux/arm64")
image.tag("other/name", tag="2")
lines = list(api.pull(name, tag="1", platform="linux/arm64", stream=True, decode=True))
try:
    client.images.get("nope")
except docker.errors.ImageNotFound as error:
    missing = error.explanation
try:
    client.images.pull(name, tag="nope")
except docker.errors.NotFound as error:
    unknown = error.explanation
listed = [i.id for i in client.images.list(filters={"reference": "other/*", "dangling": False})]
by_name = [i.id for i in client.images.list(name="other/name")]
found = client.images.get(image.id[:19])
history = [h["CreatedBy"] for h in image.history()]
removed = api.remove_image("other/name:2")
client.images.remove(name + ":1", force=True)
out(dict(id=image.id, architecture=found.attrs["Architecture"], tags=found.tags, listed=listed, by_name=by_name, history=history,
  removed=removed, left=len(client.images.list(all=True)), missing=missing, unknown=unknown, last=lines[-1]["status"]))
`,
    host,
  );
  const id = index.images[1]?.target.digest;
  const { unknown, ...rest } = answer;
  assert.match(String(unknown), /^manifest for .*:nope not found/);
  assert.deepEqual(rest, {
    id,
    architecture: 'arm64',
    tags: [`${host}/team/app:1`, 'other/name:2'],
    listed: [id],
    by_name: [id],
    history: ['COPY for arm64', 'COPY shared'],
    removed: [{ Untagged: 'other/name:2' }],
    left: 0,
    missing: 'No such image: nope:latest',
    last: `Status: Image is up to date for ${host}/team/app:1`,
  });
});

test('docker-py saves, loads, imports, pushes and prunes', { skip }, async (t) => {
  const engine = await startEngine(t);
  const { host, store } = await startRegistry(t);
  const image = await engine.put(['docker.io/library/a:1', `${host}/team/a:1`]);
  const answer: Record<string, unknown> = await script(
    engine.host,
    `
import tarfile
saved = b"".join(client.images.get("a:1").save(named=True))
pushed = [line for line in client.images.push(sys.argv[2] + "/team/a", tag="1", stream=True, decode=True)]
client.images.remove("a:1"); client.images.remove(sys.argv[2] + "/team/a:1")
loaded = client.images.load(saved)
buffer = io.BytesIO()
with tarfile.open(fileobj=buffer, mode="w") as tar:
    member = tarfile.TarInfo("etc/hello"); member.size = 6
    tar.addfile(member, io.BytesIO(b"hello\\n"))
imported = api.import_image_from_data(buffer.getvalue(), repository="made", tag="1")
api.import_image_from_data(buffer.getvalue() + b"\\0" * 512, repository="made", tag="1")
pruned = client.images.prune(filters={"dangling": True})
out(dict(loaded=[i.id for i in loaded], tags=loaded[0].tags, digest=[l["aux"]["Digest"] for l in pushed if "aux" in l], pruned=len(pruned["ImagesDeleted"]),
  space=pruned["SpaceReclaimed"] > 0, made=client.images.get("made:1").attrs["RepoTags"]))
`,
    host,
  );
  assert.deepEqual(answer, {
    loaded: [image.target.digest],
    // What docker-py calls the image in the archive: its first name.
    tags: [`${host}/team/a:1`],
    digest: [image.target.digest],
    pruned: 1,
    space: true,
    made: ['made:1'],
  });
  assert.equal((await store.find('team/a:1')).target.digest, image.target.digest);
});

test('docker-py creates, fills, compares, commits and removes a container, and minds its volumes and networks', { skip }, async (t) => {
  const engine = await startEngine(t);
  const image = await engine.put(['docker.io/library/app:1']);
  const answer: Record<string, unknown> = await script(
    engine.host,
    `
import tarfile
container = client.containers.create("app:1", ["run"], name="one", labels={"a": "b"}, environment=["X=1"], volumes={"data": {"bind": "/data", "mode": "rw"}})
buffer = io.BytesIO()
with tarfile.open(fileobj=buffer, mode="w") as tar:
    member = tarfile.TarInfo("new"); member.size = 4
    tar.addfile(member, io.BytesIO(b"text"))
put = container.put_archive("/", buffer.getvalue())
chunks, stat = container.get_archive("/new")
with tarfile.open(fileobj=io.BytesIO(b"".join(chunks))) as tar:
    back = tar.extractfile("new").read().decode()
diff = container.diff()
made = container.commit("made", tag="2", message="said", changes="ENV B=2")
exported = sum(len(chunk) for chunk in container.export())
container.rename("two")
container.update(cpu_shares=5)
container.reload()
try:
    container.start()
except docker.errors.APIError as error:
    start = [error.status_code, error.explanation]
try:
    client.containers.get("nope")
except docker.errors.NotFound as error:
    missing = error.explanation
try:
    client.containers.run("nope.invalid/x:1")
except Exception as error:
    ran = type(error).__name__
listed = [c.name for c in client.containers.list(all=True, filters={"label": "a=b", "status": ["created"]})]
networks = sorted(n.name for n in client.networks.list())
in_use = client.volumes.get("data").name
container.remove(v=True)
client.volumes.get("data").remove()
out(dict(put=put, stat=[stat["name"], stat["size"]], back=back, diff=diff, made=made.id, env=sorted(made.attrs["Config"]["Env"]), exported=exported > 1024, name=container.name,
  shares=container.attrs["HostConfig"]["CpuShares"], start=start, missing=missing, ran=ran, listed=listed, networks=networks, in_use=in_use,
  left=len(client.containers.list(all=True)), pruned=client.containers.prune()["ContainersDeleted"], volumes=client.volumes.list()))
`,
  );
  const { made, env, ...rest } = answer;
  assert.equal(made, (await engine.store.find('made:2')).target.digest);
  assert.notEqual(made, image.target.digest);
  assert.deepEqual(env, ['A=1', 'B=2', 'X=1']);
  assert.deepEqual(rest, {
    put: true,
    stat: ['new', 4],
    back: 'text',
    diff: [{ Path: '/new', Kind: 1 }],
    exported: true,
    name: 'two',
    shares: 5,
    start: [501, 'cannot start container two: Bayplan keeps containers and does not run them'],
    missing: 'No such container: nope',
    ran: 'APIError',
    listed: ['two'],
    networks: ['bridge', 'host', 'none'],
    in_use: 'data',
    left: 0,
    pruned: null,
    volumes: [],
  });
});

test('docker-py follows the events', { skip }, async (t) => {
  const engine = await startEngine(t);
  await engine.put(['docker.io/library/app:1']);
  const answer = await script(
    engine.host,
    `
import time
began = int(time.time()) - 1
client.images.get("app:1").tag("other", tag="2")
client.containers.create("app:1", ["run"], name="one").remove()
out([[e["Type"], e["Action"]] for e in client.events(since=began, until=time.time() + 0.5, decode=True, filters={"event": ["tag", "create", "destroy"]}) if e["Actor"]["Attributes"].get("name") in ("one", "other:2")])
`,
  );
  assert.deepEqual(answer, [
    ['image', 'tag'],
    ['container', 'create'],
    ['container', 'destroy'],
  ]);
});
