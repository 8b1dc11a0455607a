/** Docker's own client against our door: what a user types, and what is printed for it. Each version of it that is here. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';

import { dockerClients, skipWithoutDocker, type DockerClient } from '../support/docker-clients.ts';
import { makeIndex, putImage, tarOf } from '../support/make-image.ts';
import type { Ended, ProgramOptions } from '../support/program.ts';
import { startEngine, startRegistry, type Engine } from './engine-ground.ts';

interface Ground extends Engine {
  /** Fails the test where docker does. @returns stdout */
  ok(args: readonly string[], options?: ProgramOptions): Promise<string>;
  /** @returns stderr of what is to fail */
  refused(args: readonly string[], options?: ProgramOptions): Promise<string>;
}

async function ground(t: TestContext, client: DockerClient): Promise<Ground> {
  const engine = await startEngine(t);
  const run = (args: readonly string[], options: ProgramOptions = {}): Promise<Ended> =>
    client.run(args, { ...options, host: engine.host, home: engine.folder });
  return {
    ...engine,
    async ok(args, options) {
      const { code, stdout, stderr } = await run(args, options);
      assert.equal(code, 0, `docker ${args.join(' ')}: ${stdout}${stderr}`);
      return stdout;
    },
    async refused(args, options) {
      const { code, stdout, stderr } = await run(args, options);
      assert.notEqual(code, 0, `docker ${args.join(' ')}: ${stdout}`);
      return stderr;
    },
  };
}

for (const client of dockerClients) {
  test(`${client.name}: version and info know what they speak to`, async (t) => {
    const { ok, folder } = await ground(t, client);
    assert.match(await ok(['version', '--format', '{{.Server.Os}} {{.Server.APIVersion}}']), /^(?:linux|windows) 1\.51\n$/);
    const info = JSON.parse(await ok(['info', '--format', '{{json .}}'])) as Record<string, unknown>;
    assert.deepEqual([info['Images'], info['DockerRootDir'], info['ServerErrors']], [0, join(folder, 'store'), undefined]);
    assert.deepEqual(JSON.parse((await ok(['plugin', 'ls', '--format', '{{json .}}'])) || '[]'), []);
  });

  test(`${client.name}: pulls, lists, inspects, tags and removes`, async (t) => {
    const { ok, refused } = await ground(t, client);
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
    const name = `${host}/team/app:1`;
    const arm = index.images[1]?.target.digest ?? '';
    const pulled = await ok(['pull', '--platform', 'linux/arm64', name]);
    const rows = pulled.trimEnd().split('\n');
    assert.equal(rows[0], '1: Pulling from team/app');
    assert.deepEqual(rows.slice(-3), [`Digest: ${index.target.digest}`, `Status: Downloaded newer image for ${name}`, name]);
    assert.match(pulled, new RegExp(`^${index.images[1]?.layers[0]?.digest.slice(7, 19)}: Pull complete$`, 'm'));
    assert.match(await ok(['pull', '--platform', 'linux/arm64', name]), /Status: Image is up to date for/);

    assert.equal(await ok(['images', '--no-trunc', '--format', '{{.Repository}} {{.Tag}} {{.ID}}']), `${host}/team/app 1 ${arm}\n`);
    assert.equal(await ok(['images', '-q', '--filter', 'reference=*/team/*']), `${arm.slice(7, 19)}\n`);
    assert.equal(await ok(['images', '-q', '--filter', 'dangling=true']), '');
    assert.equal(await ok(['inspect', '--format', '{{.Id}} {{.Architecture}} {{.Config.Cmd}}', name]), `${arm} arm64 [/bin/true]\n`);
    assert.equal(await ok(['history', '--format', '{{.CreatedBy}}', name]), 'COPY for arm64\nCOPY shared\n');

    await ok(['tag', name, 'other/name:2']);
    assert.match(
      await refused(['rmi', arm]),
      /conflict: unable to delete [0-9a-f]{12} \(must be forced\) - image is referenced in multiple repositories/,
    );
    assert.equal(await ok(['rmi', name]), `Untagged: ${name}\n`);
    assert.equal(await ok(['rmi', arm.slice(0, 20)]), `Untagged: other/name:2\nDeleted: ${arm}\n`);
    assert.match(await refused(['rmi', name]), /No such image: /);
    assert.equal((await ok(['images', '-q'])).trim(), '');
    assert.match(
      await refused(['pull', `${host}/team/app:nope`]),
      /^Error response from daemon: manifest for .*\/team\/app:nope not found/,
    );
    assert.match(
      await refused(['pull', '--platform', 'linux/s390x', name]),
      /no matching manifest for linux\/s390x in the manifest list entries/,
    );
  });

  test(`${client.name}: imports, pushes, saves, loads and prunes`, async (t) => {
    const { ok, refused, folder, put } = await ground(t, client);
    const { host, store } = await startRegistry(t);
    const tar = join(folder, 'root.tar');
    writeFileSync(tar, await tarOf({ 'etc/hello': 'hello\n' }));
    const id = (await ok(['import', '--change', 'ENV A=1', '--message', 'from a file', tar, `${host}/made:1`])).trim();
    assert.match(id, /^sha256:[0-9a-f]{64}$/);
    assert.equal(await ok(['inspect', '--format', '{{.Config.Env}} {{.Comment}}', id]), '[A=1] from a file\n');
    const pushed = await ok(['push', `${host}/made:1`]);
    assert.match(pushed, new RegExp(`^1: digest: ${id} size: \\d+$`, 'm'));
    assert.equal((await store.find('made:1')).target.digest, id);

    const saved = join(folder, 'saved.tar');
    await ok(['save', '-o', saved, `${host}/made:1`]);
    assert.match(await ok(['rmi', `${host}/made:1`]), new RegExp(`Deleted: ${id}`));
    assert.equal(await ok(['load', '-i', saved]), `Loaded image: ${host}/made:1\n`);
    assert.equal(await ok(['images', '-q', '--no-trunc']), `${id}\n`);
    assert.match(await refused(['load'], { input: 'no archive' }), /tar archive|unexpected EOF/);

    await put([]);
    assert.match(
      await ok(['image', 'prune', '-f']),
      /^Deleted Images:\n(?:deleted|Deleted): sha256:[0-9a-f]{64}\n\nTotal reclaimed space: [1-9]/,
    );
    assert.match(await ok(['image', 'prune', '-af']), /untagged: .*made:1\ndeleted: sha256:/);
    assert.match(await ok(['builder', 'prune', '-f']), /^Total:?\s+0B|^Total reclaimed space: 0B/);
    assert.match(await ok(['system', 'df']), /^TYPE +TOTAL +ACTIVE +SIZE +RECLAIMABLE\nImages +0 +0 +/);
  });

  test(`${client.name}: what is not here is said in one sentence`, async (t) => {
    const { refused, folder } = await ground(t, client);
    writeFileSync(join(folder, 'Dockerfile'), 'FROM scratch\n');
    const env = { DOCKER_BUILDKIT: '0' };
    assert.match(await refused(['build', folder], { env }), /Bayplan does not build images from a Dockerfile/);
    assert.match(await refused(['node', 'ls']), /This node is not a swarm manager/);
    assert.match(await refused(['inspect', '--type=image', 'nope']), /No such image: nope/);
  });
}

test('there is a docker client to be tested with', { skip: skipWithoutDocker }, () => {
  assert.ok(dockerClients.length > 0);
});
