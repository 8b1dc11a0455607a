/**
 * One store, and everything that works on it at the same time: `bay serve`, the command line, and other people's tools at the door and in the
 * folder. What one of them does the others see at their next look. (Each client alone, at each door, has tests of its own beside this one.)
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { test } from 'node:test';

import { OciFolder } from '../../src/content/oci-folder.ts';
import { ImageStore } from '../../src/store/image-store.ts';
import { bay } from '../support/bay.ts';
import { makeImage, makeIndex, putImage } from '../support/make-image.ts';
import { peer, skipWithout } from '../support/peers.ts';
import { temporary } from '../support/temporary.ts';
import { startServer } from '../transcripts/hub.ts';

const skopeo = peer('skopeo');
const podman = peer('podman');
const umoci = peer('umoci');
const crane = peer('crane');
const oras = peer('oras');

test('what any of them does, all of them see', { skip: skipWithout(skopeo, umoci) }, async (t) => {
  const folder = temporary(t, 'clients');
  const home = join(folder, 'home');
  const store = join(home, 'store');
  const server = await startServer(t, home);
  const made = {
    one: await makeImage({ layers: ['one'] }),
    two: await makeImage({ layers: ['one', 'two'], compression: 'zstd' }),
    many: await makeIndex([
      { os: 'linux', architecture: 'amd64' },
      { os: 'windows', architecture: 'amd64', 'os.version': '10.0.20348.1' },
    ]),
  };
  const layout = await OciFolder.open(join(folder, 'layout'), { create: true });
  for (const [name, image] of Object.entries(made)) {
    await putImage(layout, image);
    await layout.tag(image.target, name);
  }
  const names = async (): Promise<Record<string, string>> => {
    const { stdout } = await bay(['images', '--no-trunc', '--format', '{{.Repository}}:{{.Tag}} {{.ID}}'], { home });
    return Object.fromEntries(
      stdout
        .trim()
        .split('\n')
        .map((line) => line.split(' ')),
    ) as Record<string, string>;
  };
  const served = async (name: string): Promise<string> => {
    const { stdout } = await skopeo.run(['inspect', '--raw', '--tls-verify=false', `docker://${server.host}/${name}`]);
    return `sha256:${createHash('sha256').update(stdout).digest('hex')}`;
  };
  const succeeds = async (...args: readonly string[]): Promise<void> => {
    const { code, stderr } = await bay(args, { home });
    assert.equal(code, 0, stderr);
  };
  const copy = (from: string, to: string) =>
    skopeo.run(['copy', '-q', '--insecure-policy', '--all', '--preserve-digests', '--dest-tls-verify=false', from, to]);

  await t.test('pushed at the door, listed on the command line, read in the folder', async () => {
    await copy(`oci:${folder}/layout:many`, `docker://${server.host}/team/app:1`);
    assert.equal((await names())['team/app:1'], made.many.target.digest);
    assert.match((await umoci.run(['ls', '--layout', store])).stdout, /^team\/app:1$/m);
    const { stdout } = await skopeo.run(['inspect', '--raw', `oci:${store}:team/app:1`]);
    assert.equal(stdout, made.many.blobs.get(made.many.target.digest)?.toString());
  });

  await t.test('tagged on the command line, served at the door', async () => {
    await succeeds('tag', 'team/app:1', 'team/app:stable');
    const { stdout } = await skopeo.run(['list-tags', '--tls-verify=false', `docker://${server.host}/team/app`]);
    assert.deepEqual((JSON.parse(stdout) as { Tags: string[] }).Tags, ['1', 'stable']);
    assert.equal(await served('team/app:stable'), made.many.target.digest);
  });

  await t.test('copied into the folder, listed and served', async () => {
    await copy(`oci:${folder}/layout:one`, `oci:${store}:dropped:1`);
    assert.equal((await names())['dropped:1'], made.one.target.digest);
    assert.equal(await served('dropped:1'), made.one.target.digest);
  });

  await t.test('retagged in the folder by umoci, listed and served', async () => {
    await umoci.run(['tag', '--image', `${store}:dropped:1`, 'dropped-again']);
    assert.equal((await names())['dropped-again:latest'], made.one.target.digest);
    assert.equal(await served('dropped-again:latest'), made.one.target.digest);
  });

  await t.test('loaded on the command line, pulled by podman', { skip: podman.skip }, async () => {
    await succeeds('copy', '-q', `oci:${folder}/layout:two`, 'loaded:1');
    const box = ['--root', join(folder, 'podman'), '--runroot', join(folder, 'run'), '--storage-driver', 'vfs', '--events-backend', 'file'];
    const env = { HOME: folder, XDG_RUNTIME_DIR: folder };
    await podman.run([...box, 'pull', '-q', '--tls-verify=false', `${server.host}/loaded:1`], { env });
    const { stdout } = await podman.run([...box, 'image', 'inspect', '-f', '{{.Digest}}', `${server.host}/loaded:1`], { env });
    assert.equal(stdout.trim(), made.two.target.digest);
  });

  await t.test('an artifact that oras pushes is in the list, and crane sees it', { skip: skipWithout(oras, crane) }, async () => {
    await oras.run(['push', '--plain-http', '--artifact-type', 'application/vnd.example.note', `${server.host}/team/note:1`]);
    const { stdout } = await crane.run(['digest', '--insecure', `${server.host}/team/note:1`]);
    assert.equal((await names())['team/note:1'], stdout.trim());
    await succeeds('rmi', 'team/note:1');
  });

  await t.test('removed by one, gone for all', async () => {
    await succeeds('rmi', 'team/app:stable');
    const gone = await skopeo.try(['inspect', '--raw', '--tls-verify=false', `docker://${server.host}/team/app:stable`]);
    assert.match(gone.stderr, /manifest unknown/);
    await skopeo.run(['delete', '--tls-verify=false', `docker://${server.host}/team/app:1`]);
    assert.equal((await names())['team/app:1'], undefined);
    await succeeds('rmi', 'dropped:1', 'dropped-again:latest');
    await succeeds('rmi', '-f', 'loaded:1');
    assert.equal((await umoci.run(['ls', '--layout', store])).stdout, '');
  });

  await t.test('and in the end the store is in order, and holds nothing that nobody needs', async () => {
    await succeeds('image', 'prune', '--all', '--force');
    await using opened = await ImageStore.open(store);
    assert.deepEqual(await opened.images(), []);
    assert.deepEqual(await opened.check(), []);
    const { drafts, unheld } = await opened.usage();
    assert.deepEqual({ drafts, unheld }, { drafts: 0, unheld: 0 });
  });
});
