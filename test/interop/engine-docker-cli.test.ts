/** Docker's own client against our door: what a user types, and what is printed for it. Each version of it that is here. */
import assert from 'node:assert/strict';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';

import { makeCertificates, openssl } from '../support/certificates.ts';
import { dockerRegistry, startDockerRegistry } from '../support/docker-registry.ts';
import { skipWithout } from '../support/peers.ts';
import { startTokenServer } from '../support/token-server.ts';
import { dockerClients, skipWithoutDocker, type DockerClient } from '../support/docker-clients.ts';
import { makeIndex, putImage, tarOf } from '../support/make-image.ts';
import type { Ended, ProgramOptions } from '../support/program.ts';
import { loadSamples } from '../../src/operations/samples.ts';
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

  test(`${client.name}: creates a container, copies in and out, shows what has changed, commits, and removes it`, async (t) => {
    const { ok, refused, folder, put } = await ground(t, client);
    const image = await put(['docker.io/library/app:1']);
    const id = (await ok(['create', '--name', 'one', '--label', 'a=b', '-v', 'data:/data', 'app:1', 'run'])).trim();
    assert.match(id, /^[0-9a-f]{64}$/);
    assert.equal(await ok(['ps', '-q']), '');
    assert.equal(
      await ok(['ps', '-a', '--no-trunc', '--format', '{{.ID}} {{.Image}} {{.Names}} {{.Status}}']),
      `${id} app:1 one Created\n`,
    );
    assert.equal(await ok(['ps', '-aq', '--filter', 'ancestor=app:1', '--filter', 'label=a=b']), `${id.slice(0, 12)}\n`);
    writeFileSync(join(folder, 'file'), 'from here\n');
    await ok(['cp', join(folder, 'file'), 'one:/new']);
    await ok(['cp', join(folder, 'file'), 'one:/data/kept']);
    await ok(['cp', 'one:/new', join(folder, 'back')]);
    assert.equal(readFileSync(join(folder, 'back'), 'utf8'), 'from here\n');
    await ok(['cp', 'one:/file-0', folder]);
    assert.equal(readFileSync(join(folder, 'file-0'), 'utf8'), 'one');
    assert.match(
      await refused(['cp', join(folder, 'file'), 'one:/no/such']),
      /Could not find the file \/no in container one|No such container:path: one:\/no/,
    );
    // Without what docker makes for a mount: a folder.
    assert.match(await ok(['diff', 'one']), /^A \/new$/m);
    assert.doesNotMatch(await ok(['diff', 'one']), /kept/);

    const made = (await ok(['commit', '-m', 'said', '-a', 'me', '-c', 'ENV B=2', 'one', 'made:2'])).trim();
    assert.equal(
      await ok(['inspect', '--format', '{{.Id}} {{.Parent}} {{.Comment}} {{.Author}} {{.Config.Env}}', 'made:2']),
      `${made} ${image.target.digest} said me [A=1 B=2]\n`,
    );
    assert.match(await ok(['history', '--no-trunc', '--format', '{{.ID}}', 'made:2']), new RegExp(`^${made}\n${image.target.digest}\n`));
    const exported = join(folder, 'exported.tar');
    await ok(['export', '-o', exported, 'one']);
    assert.ok(statSync(exported).size > 1024);

    await ok(['rename', 'one', 'two']);
    await ok(['update', '--cpu-shares', '5', 'two']);
    assert.equal(await ok(['inspect', '--format', '{{.Name}} {{.HostConfig.CpuShares}} {{.State.Status}}', id]), '/two 5 created\n');
    assert.match(await refused(['create', '--name', 'two', 'app:1']), /The container name "\/two" is already in use by container/);
    assert.match(await refused(['volume', 'rm', 'data']), /volume is in use/);
    assert.match(await refused(['rmi', 'app:1']), /conflict: unable to (?:delete|remove)/);
    assert.equal(await ok(['rm', '-v', 'two']), 'two\n');
    assert.equal(await ok(['volume', 'ls', '-q']), 'data\n');
    assert.equal(await ok(['volume', 'rm', 'data']), 'data\n');
    assert.match(await ok(['system', 'prune', '-af']), /Total reclaimed space: [1-9]/);
    assert.equal(await ok(['images', '-aq']), '');
    // Docker's client counts in whole seconds.
    const soon = String(Math.ceil(Date.now() / 1000));
    const log = await ok(['events', '--since', '1h', '--until', soon, '--filter', 'type=container', '--format', '{{.Action}}']);
    assert.match(log, /^create\nextract-to-dir\n[\s\S]*\ncommit\nexport\nrename\nupdate\ndestroy\n/);
  });

  test(`${client.name}: run pulls an image that is not here, makes the container, and says that nothing runs`, async (t) => {
    const { ok, refused } = await ground(t, client);
    const { host, store } = await startRegistry(t);
    const index = await makeIndex([{ os: 'linux', architecture: process.arch === 'arm64' ? 'arm64' : 'amd64' }]);
    {
      await using ingest = await store.begin();
      await putImage(ingest, index);
      await ingest.tag(index.target, 'docker.io/team/app:1');
    }
    const said = await refused(['run', '--name', 'one', `${host}/team/app:1`, 'sh']);
    assert.match(said, new RegExp(`Unable to find image '${host}/team/app:1' locally`));
    assert.match(said, /cannot start container one: Bayplan keeps containers and does not run them/);
    assert.equal(await ok(['ps', '-a', '--format', '{{.Names}}']), 'one\n');
    assert.match(await refused(['start', 'one']), /cannot start container one/);
    // What was to go when it ends goes when it cannot begin, with its nameless volume.
    for (const how of [[], ['-d']])
      assert.match(
        await refused(['run', '--rm', ...how, '-v', '/data', '--name', 'two', `${host}/team/app:1`, 'sh']),
        /cannot (?:start|attach to) container two: Bayplan keeps containers and does not run them/,
      );
    assert.equal(await ok(['ps', '-a', '--format', '{{.Names}}']), 'one\n');
    assert.equal(await ok(['volume', 'ls', '-q']), '');
    assert.match(await refused(['run', 'nosuch.invalid/image']), /Unable to find image/);
  });

  test(
    `${client.name}: logs in, and its credentials go along with a push and a pull`,
    { skip: skipWithout(dockerRegistry, openssl) },
    async (t) => {
      const { ok, refused, put, folder, store } = await ground(t, client);
      const { authority } = await makeCertificates(folder);
      const tokens = await startTokenServer(t, authority, { users: { me: 'hunter2' }, publicRepositories: [] });
      const { host } = await startDockerRegistry(t, {
        auth: [
          'token:',
          `  realm: ${tokens.realm}`,
          '  service: test-registry',
          '  issuer: test-issuer',
          `  rootcertbundle: ${authority.certificate}`,
        ],
      });
      const image = await put([`${host}/team/app:1`]);
      const login = ['login', '-u', 'me', '--password-stdin', host];
      assert.match(await refused(login, { input: 'wrong' }), /unauthorized|incorrect username or password/);
      assert.match(await refused(['push', `${host}/team/app:1`]), /denied|unauthorized|authentication required/);
      assert.match(await ok(login, { input: 'hunter2' }), /Login Succeeded/);
      assert.match(await ok(['push', `${host}/team/app:1`]), new RegExp(`digest: ${image.target.digest}`));
      await ok(['rmi', `${host}/team/app:1`]);
      assert.match(await ok(['pull', `${host}/team/app:1`]), /Downloaded newer image/);
      assert.equal((await store.find(`${host}/team/app:1`)).target.digest, image.target.digest);
      await ok(['rmi', `${host}/team/app:1`]);
      await ok(['logout', host]);
      assert.match(
        await refused(['pull', `${host}/team/app:1`]),
        /pull access denied for .*, repository does not exist or may require 'docker login'/,
      );
    },
  );

  test(`${client.name}: a container of a Windows image, on this system`, async (t) => {
    const { ok, store, folder } = await ground(t, client);
    await loadSamples({ store, now: () => new Date() });
    await ok(['create', '--name', 'one', '--platform', 'windows/amd64', 'sample-web:1.0.0.0', 'cmd']);
    writeFileSync(join(folder, 'page.html'), '<html>');
    // A path that is no path to a client here.
    await ok(['cp', join(folder, 'page.html'), 'one:C:\\inetpub\\wwwroot\\new.html']);
    await ok(['cp', join(folder, 'page.html'), 'one:/inetpub/wwwroot/other.html']);
    // Names there have no case.
    await ok(['cp', 'one:/INETPUB/wwwroot/NEW.html', join(folder, 'back.html')]);
    assert.equal(readFileSync(join(folder, 'back.html'), 'utf8'), '<html>');
    assert.match(await ok(['diff', 'one']), /^A .*new\.html$/m);
    await ok(['commit', 'one', 'made:2']);
    assert.equal(await ok(['inspect', '--format', '{{.Os}} {{.OsVersion}}', 'made:2']), 'windows 10.0.20348.1\n');
    assert.match(await ok(['system', 'df', '--format', '{{.Type}} {{.Reclaimable}}']), /^Images \d/);
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
