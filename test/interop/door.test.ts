/**
 * The registry door and the clients of the field: what they push is in the store byte for byte, and comes back to each of them so.
 * Real programs, real images (small, made here), a door on port 0. Who is not installed is skipped aloud.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { gzipSync } from 'node:zlib';

import { peer, skipWithout } from '../support/peers.ts';
import { temporary } from '../support/temporary.ts';
import {
  descriptor,
  document,
  index,
  push,
  image,
  artifact,
  randomBlob,
  startDoor,
  types,
  blobOf,
  type Blob,
  type Document,
  type Door,
} from '../contracts/registry-door.ts';

const skopeo = peer('skopeo');
const podman = peer('podman');
const crane = peer('crane');
const oras = peer('oras');
const buildah = peer('buildah');
const docker = peer('docker');

/** One file in a tar that any client unpacks. */
function tar(name: string, content: Uint8Array): Buffer {
  const header = Buffer.alloc(512);
  const field = (text: string, at: number) => header.write(text, at, 'latin1');
  field(name, 0);
  field('0000644\0', 100);
  field('0000000\0', 108);
  field('0000000\0', 116);
  field(`${content.length.toString(8).padStart(11, '0')}\0`, 124);
  field('00000000000\0', 136);
  field('        0', 148);
  field('ustar\x0000', 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  field(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return Buffer.concat([header, content, Buffer.alloc((512 - (content.length % 512)) % 512), Buffer.alloc(1024)]);
}

interface Layout {
  readonly folder: string;
  readonly manifest: Document;
  readonly whole: Document;
}

/** An OCI layout with one image (`one`) and an index of two (`both`), as any builder would leave it. */
function layout(t: TestContext): Layout {
  const folder = join(temporary(t, 'layout'), 'app');
  mkdirSync(join(folder, 'blobs', 'sha256'), { recursive: true });
  const keep = (blob: Blob): Blob => {
    writeFileSync(join(folder, 'blobs', 'sha256', blob.digest.slice(7)), blob.bytes);
    return blob;
  };
  const one = (architecture: string): Document => {
    const layers = [0, 1].map((at) => tar(`file-${architecture}-${at}`, randomBlob(200_000 + at).bytes));
    const packed = layers.map((layer) => keep(blobOf(gzipSync(layer))));
    const config = keep(
      blobOf(
        JSON.stringify({
          created: '2024-01-02T03:04:05Z',
          os: 'linux',
          architecture,
          config: { Cmd: ['/bin/true'], Labels: { 'org.opencontainers.image.description': 'made for tests' } },
          rootfs: { type: 'layers', diff_ids: layers.map((layer) => `sha256:${createHash('sha256').update(layer).digest('hex')}`) },
          history: layers.map((_, at) => ({ created: '2024-01-02T03:04:05Z', created_by: `step ${at}` })),
        }),
      ),
    );
    const json = {
      schemaVersion: 2,
      mediaType: types.manifest,
      config: descriptor(config, types.config),
      layers: packed.map((layer) => descriptor(layer, types.layer)),
    };
    const manifest = document(json, types.manifest);
    keep(manifest);
    return manifest;
  };
  const manifest = one('amd64');
  const whole = index([manifest, one('arm64')]);
  keep(whole);
  const name = (tag: string) => ({ annotations: { 'org.opencontainers.image.ref.name': tag } });
  const top = {
    schemaVersion: 2,
    mediaType: types.index,
    manifests: [descriptor(manifest, types.manifest, name('one')), descriptor(whole, types.index, name('both'))],
  };
  writeFileSync(join(folder, 'index.json'), JSON.stringify(top));
  writeFileSync(join(folder, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
  return { folder, manifest, whole };
}

/** The manifest in the door under a reference is this one, and all that it names can be had. */
async function served(door: Door, name: string, reference: string, expected: Document): Promise<void> {
  const answer = await door.send('GET', `/v2/${name}/manifests/${reference}`);
  assert.equal(answer.status, 200, answer.body.toString());
  assert.equal(answer.headers['docker-content-digest'], expected.digest);
  assert.deepEqual(answer.body, expected.bytes);
  const { layers = [], config } = JSON.parse(answer.body.toString()) as { layers?: { digest: string }[]; config?: { digest: string } };
  for (const child of config ? [config, ...layers] : []) {
    const { status, body } = await door.send('GET', `/v2/${name}/blobs/${child.digest}`);
    assert.equal(status, 200);
    assert.equal(blobOf(body).digest, child.digest);
  }
}

test('skopeo pushes and pulls an image and an index, with the digests kept', { skip: skopeo.skip }, async (t) => {
  const door = await startDoor(t);
  const { folder, manifest, whole } = layout(t);
  const at = `docker://${door.host}/team/app`;
  await skopeo.run(['copy', '--insecure-policy', '--dest-tls-verify=false', `oci:${folder}:one`, `${at}:one`]);
  await served(door, 'team/app', 'one', manifest);
  await skopeo.run(['copy', '--insecure-policy', '--all', '--dest-tls-verify=false', `oci:${folder}:both`, `${at}:both`]);
  await served(door, 'team/app', 'both', whole);
  const inspected = await skopeo.run(['inspect', '--tls-verify=false', `${at}:one`]);
  const seen = JSON.parse(inspected.stdout) as { Digest: string; RepoTags: string[] };
  assert.equal(seen.Digest, manifest.digest);
  assert.deepEqual(seen.RepoTags, ['both', 'one']);
  const out = temporary(t, 'pulled');
  await skopeo.run(['copy', '--insecure-policy', '--all', '--src-tls-verify=false', `${at}:both`, `dir:${join(out, 'dir')}`]);
  assert.deepEqual(readFileSync(join(out, 'dir', 'manifest.json')), whole.bytes);
  await skopeo.run([
    'copy',
    '--insecure-policy',
    '--src-tls-verify=false',
    '--dest-tls-verify=false',
    `${at}:one`,
    `docker://${door.host}/other/app:copied`,
  ]);
  await served(door, 'other/app', 'copied', manifest);
  await skopeo.run(['copy', '--insecure-policy', '--src-tls-verify=false', `${at}:one`, `docker-archive:${join(out, 'app.tar')}:app:1`]);
  await skopeo.run([
    'copy',
    '--insecure-policy',
    '--dest-tls-verify=false',
    `docker-archive:${join(out, 'app.tar')}`,
    `docker://${door.host}/from-archive:1`,
  ]);
  assert.equal((await door.send('GET', '/v2/from-archive/manifests/1')).headers['content-type'], types.dockerManifest);
  await skopeo.run(['delete', '--tls-verify=false', `${at}:one`]);
  const gone = await skopeo.try(['inspect', '--tls-verify=false', `${at}:one`]);
  assert.notEqual(gone.code, 0);
  assert.equal((await door.send('GET', `/v2/team/app/manifests/${manifest.digest}`)).status, 404);
  await served(door, 'other/app', 'copied', manifest);
});

test('skopeo copies to and from by digest, and lists tags', { skip: skopeo.skip }, async (t) => {
  const door = await startDoor(t);
  const { folder, manifest } = layout(t);
  await skopeo.run([
    'copy',
    '--insecure-policy',
    '--dest-tls-verify=false',
    `oci:${folder}:one`,
    `docker://${door.host}/app@${manifest.digest}`,
  ]);
  await served(door, 'app', manifest.digest, manifest);
  await skopeo.run([
    'copy',
    '--insecure-policy',
    '--src-tls-verify=false',
    '--dest-tls-verify=false',
    `docker://${door.host}/app@${manifest.digest}`,
    `docker://${door.host}/app:v1`,
  ]);
  const { stdout } = await skopeo.run(['list-tags', '--tls-verify=false', `docker://${door.host}/app`]);
  assert.deepEqual((JSON.parse(stdout) as { Tags: string[] }).Tags, ['v1']);
});

/** podman's own storage in a folder of the test. */
function storage(t: TestContext): readonly string[] {
  const folder = temporary(t, 'podman');
  return ['--root', join(folder, 'root'), '--runroot', join(folder, 'run'), '--storage-driver', 'vfs'];
}

test('podman pulls, pushes and searches', { skip: skipWithout(podman, skopeo) }, async (t) => {
  const door = await startDoor(t);
  const { folder, manifest } = layout(t);
  const own = storage(t);
  await skopeo.run(['copy', '--insecure-policy', '--dest-tls-verify=false', `oci:${folder}:one`, `docker://${door.host}/team/first:1`]);
  const pulled = await podman.run([...own, 'pull', '--tls-verify=false', `${door.host}/team/first:1`]);
  const id = pulled.stdout.trim().split('\n').at(-1) ?? '';
  const { config } = JSON.parse(manifest.bytes.toString()) as { config: { digest: string } };
  assert.equal(`sha256:${id}`, config.digest);
  await podman.run([...own, 'push', '--tls-verify=false', id, `${door.host}/team/app:1`]);
  const pushed = (await door.send('GET', '/v2/team/app/manifests/1')).json() as { config: { digest: string } };
  assert.equal(pushed.config.digest, config.digest);
  await podman.run([...own, 'rmi', '-f', id]);
  const again = await podman.run([...own, 'pull', '--tls-verify=false', `${door.host}/team/app:1`]);
  assert.equal(again.stdout.trim().split('\n').at(-1), id);
  await skopeo.run(['delete', '--tls-verify=false', `docker://${door.host}/team/first:1`]);
  await push(door, 'tools/web', '1', image());
  const found = await podman.run([...own, 'search', '--tls-verify=false', '--format', '{{.Name}}', `${door.host}/app`]);
  assert.deepEqual(found.stdout.trim().split('\n'), [`${door.host}/team/app`]);
  const all = await podman.run([...own, 'search', '--tls-verify=false', '--format', '{{.Name}}', `${door.host}/`]);
  assert.deepEqual(all.stdout.trim().split('\n').toSorted(), [`${door.host}/team/app`, `${door.host}/tools/web`]);
  const tags = await podman.run([...own, 'search', '--tls-verify=false', '--list-tags', `${door.host}/team/app`]);
  assert.match(tags.stdout, /\/team\/app +1$/m);
});

test('buildah builds on what the door serves, and pushes the result', { skip: skipWithout(buildah, skopeo) }, async (t) => {
  const door = await startDoor(t);
  const { folder } = layout(t);
  const own = storage(t);
  await skopeo.run(['copy', '--insecure-policy', '--dest-tls-verify=false', `oci:${folder}:one`, `docker://${door.host}/base:1`]);
  const { stdout } = await buildah.run([...own, 'from', '--tls-verify=false', `${door.host}/base:1`]);
  await buildah.run([...own, 'config', '--label', 'made=here', stdout.trim()]);
  await buildah.run([...own, 'commit', '--tls-verify=false', stdout.trim(), `docker://${door.host}/derived:1`]);
  const { status, body } = await door.send('GET', '/v2/derived/manifests/1');
  assert.equal(status, 200);
  const { config } = JSON.parse(body.toString()) as { config: { digest: string } };
  const settings = (await door.send('GET', `/v2/derived/blobs/${config.digest}`)).json() as { config: { Labels: Record<string, string> } };
  assert.equal(settings.config.Labels.made, 'here');
});

test('crane pushes, pulls, copies, lists, tags and deletes', { skip: skipWithout(crane, skopeo) }, async (t) => {
  const door = await startDoor(t);
  const { folder, whole, manifest } = layout(t);
  const run = async (...args: string[]) => (await crane.run([...args, '--insecure'])).stdout.trim();
  await skopeo.run([
    'copy',
    '--insecure-policy',
    '--all',
    '--dest-tls-verify=false',
    `oci:${folder}:both`,
    `docker://${door.host}/team/app:1`,
  ]);
  assert.equal(await run('digest', `${door.host}/team/app:1`), whole.digest);
  await run('copy', `${door.host}/team/app:1`, `${door.host}/second/app:1`);
  await served(door, 'second/app', '1', whole);
  await served(door, 'second/app', manifest.digest, manifest);
  await run('tag', `${door.host}/team/app:1`, '2');
  assert.deepEqual((await run('ls', `${door.host}/team/app`)).split('\n'), ['1', '2']);
  assert.deepEqual((await run('catalog', door.host)).split('\n'), ['second/app', 'team/app']);
  const out = temporary(t, 'crane');
  await run('pull', '--format=oci', `${door.host}/team/app:1`, join(out, 'layout'));
  await run('push', '--index', join(out, 'layout'), `${door.host}/third/app:1`);
  assert.equal((await door.send('GET', '/v2/third/app/manifests/1')).status, 200);
  await run('pull', '--platform=linux/amd64', `${door.host}/team/app:1`, join(out, 'app.tar'));
  await run('push', join(out, 'app.tar'), `${door.host}/fourth/app:1`);
  assert.equal((await door.send('GET', '/v2/fourth/app/manifests/1')).status, 200);
  await run('validate', '--remote', `${door.host}/team/app:1`);
  await run('delete', `${door.host}/team/app@${whole.digest}`);
  assert.equal((await door.send('HEAD', '/v2/team/app/manifests/2')).status, 404);
});

test('oras pushes artifacts, attaches to them, discovers, pulls and deletes', { skip: oras.skip }, async (t) => {
  const door = await startDoor(t);
  const folder = temporary(t, 'oras');
  writeFileSync(join(folder, 'hello.txt'), 'hello');
  writeFileSync(join(folder, 'sbom.json'), '{}');
  const run = async (...args: string[]) => (await oras.run([...args, '--plain-http'], { cwd: folder })).stdout;
  const at = `${door.host}/charts/web`;
  await run('push', `${at}:1,2,3`, '--artifact-type', 'application/vnd.example.chart', 'hello.txt:text/plain');
  assert.deepEqual((await door.send('GET', '/v2/charts/web/tags/list')).json(), { name: 'charts/web', tags: ['1', '2', '3'] });
  await run('attach', `${at}:1`, '--artifact-type', 'application/vnd.example.sbom+json', 'sbom.json:application/json');
  await run('attach', `${at}:1`, '--artifact-type', 'application/vnd.example.signature', '--annotation', 'a=b');
  interface Discovered {
    readonly referrers?: readonly { artifactType: string }[];
    readonly manifests?: readonly { artifactType: string }[];
  }
  const discover = async (...args: string[]): Promise<readonly string[]> => {
    const said: Discovered = JSON.parse(await run('discover', '--format', 'json', ...args, `${at}:1`));
    return (said.referrers ?? said.manifests ?? []).map(({ artifactType }) => artifactType).toSorted();
  };
  assert.deepEqual(await discover(), ['application/vnd.example.sbom+json', 'application/vnd.example.signature']);
  assert.deepEqual(await discover('--artifact-type', 'application/vnd.example.sbom+json'), ['application/vnd.example.sbom+json']);
  await run('copy', '-r', '--from-plain-http', '--to-plain-http', `${at}:1`, `${door.host}/copied/web:1`).catch(async () => {
    // --plain-http of the copy command is said for each side.
    await oras.run(['copy', '-r', '--from-plain-http', '--to-plain-http', `${at}:1`, `${door.host}/copied/web:1`], { cwd: folder });
  });
  const { 'docker-content-digest': copied } = (await door.send('HEAD', '/v2/copied/web/manifests/1')).headers;
  const referrers = (await door.send('GET', `/v2/copied/web/referrers/${String(copied)}`)).json() as { manifests: unknown[] };
  assert.equal(referrers.manifests.length, 2);
  await run('pull', `${at}:1`, '-o', join(folder, 'out'));
  assert.equal(readFileSync(join(folder, 'out', 'hello.txt'), 'utf8'), 'hello');
  assert.match(await run('repo', 'ls', door.host), /charts\/web/);
  await run('manifest', 'delete', '--force', `${at}:1`);
  assert.equal((await door.send('HEAD', '/v2/charts/web/manifests/1')).status, 404);
});

test("docker's own client reads and makes manifest lists", { skip: docker.skip }, async (t) => {
  const door = await startDoor(t);
  const one = image();
  await push(door, 'team/app', 'amd64', {
    ...one,
    manifest: document({ ...one.manifest.json, mediaType: types.dockerManifest }, types.dockerManifest),
  });
  const home = temporary(t, 'docker');
  const run = async (...args: string[]) => (await docker.run(['--config', home, 'manifest', ...args])).stdout;
  const seen = JSON.parse(await run('inspect', '--insecure', `${door.host}/team/app:amd64`)) as { config: { digest: string } };
  assert.equal(seen.config.digest, one.blobs[0]?.digest);
  await run('create', '--insecure', `${door.host}/team/app:list`, `${door.host}/team/app:amd64`);
  await run('push', '--insecure', `${door.host}/team/app:list`);
  const answer = await door.send('GET', '/v2/team/app/manifests/list');
  assert.equal(answer.headers['content-type'], 'application/vnd.docker.distribution.manifest.list.v2+json');
});

test('what one client pushes, the others pull', { skip: skopeo.skip }, async (t) => {
  const door = await startDoor(t);
  const signed = artifact('application/vnd.example.thing', undefined);
  await push(door, 'mixed/app', 'thing', signed);
  const out = temporary(t, 'mixed');
  await skopeo.run([
    'copy',
    '--insecure-policy',
    '--src-tls-verify=false',
    `docker://${door.host}/mixed/app:thing`,
    `oci:${join(out, 'thing')}:x`,
  ]);
  const top = JSON.parse(readFileSync(join(out, 'thing', 'index.json'), 'utf8')) as { manifests: { digest: string }[] };
  assert.equal(top.manifests[0]?.digest, signed.manifest.digest);
});
