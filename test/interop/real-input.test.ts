/**
 * Real images, through real programs and our command line: a Debian made from its packages, built into images by umoci and buildah, in and out of
 * registries, archives and folders, and run by podman. The digests are compared at every step.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { createReadStream, mkdirSync, readFileSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { test, type TestContext } from 'node:test';

import { bay, bayFile } from '../support/bay.ts';
import { dockerRegistry, startDockerRegistry } from '../support/docker-registry.ts';
import { peer, skipWithout } from '../support/peers.ts';
import { temporary } from '../support/temporary.ts';
import { startServer } from '../transcripts/hub.ts';

const mmdebstrap = peer('mmdebstrap');
const umoci = peer('umoci');
const buildah = peer('buildah');
const skopeo = peer('skopeo');
const podman = peer('podman');
const runc = peer('runc');
const sh = peer('sh');

/** Building and running need mounts and owners of files. */
const notRoot = process.getuid?.() !== 0 && 'only root can build and run these';

/**
 * A shell and programs, setuid ones, hard links and devices, unpacked from their packages. All that a minimal Debian has, set up, takes twice the time at
 * every step and has no other kind of file.
 */
const variant =
  process.env['BAY_SLOW_TESTS'] === '1'
    ? ['--variant=minbase']
    : ['--variant=extract', '--include=base-files,base-passwd,bash,coreutils,dash,libc-bin,login,perl-base'];

/** A command that must succeed. */
async function typed(home: string, ...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await bay(args, { home });
  assert.equal(code, 0, `bay ${args.join(' ')}: exit code ${code}\n${stderr}${stdout}`);
  return stdout;
}

/** The digest of the bytes that skopeo sees as the manifest there. */
async function seen(place: string): Promise<string> {
  const { stdout } = await skopeo.run(['inspect', '--raw', ...(place.startsWith('docker://') ? ['--tls-verify=false'] : []), place]);
  return `sha256:${createHash('sha256').update(stdout).digest('hex')}`;
}

/** The digest of the config of the image there: podman's id. */
async function configOf(place: string): Promise<string> {
  const { stdout } = await skopeo.run(['inspect', '--raw', ...(place.startsWith('docker://') ? ['--tls-verify=false'] : []), place]);
  return (JSON.parse(stdout) as { config: { digest: string } }).config.digest;
}

async function copyBySkopeo(from: string, to: string): Promise<void> {
  await skopeo.run(['copy', '-q', '--insecure-policy', '--preserve-digests', '--dest-tls-verify=false', from, to]);
}

async function sha256(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return `sha256:${hash.digest('hex')}`;
}

interface Podman {
  run(...args: readonly string[]): Promise<string>;
  /** Runs a container to its end. @returns what it printed */
  container(image: string, ...command: readonly string[]): Promise<string>;
}

/** Overlay copies nothing where a container starts; it cannot lie on another overlay, as the root of a container often is. */
function storeOptions(home: string): readonly string[] {
  mkdirSync(home, { recursive: true });
  const driver = statfsSync(home).type === overlayMagic ? 'vfs' : 'overlay';
  return ['--root', join(home, 'root'), '--runroot', join(home, 'run'), '--storage-driver', driver];
}

/** OVERLAYFS_SUPER_MAGIC of linux/magic.h. */
const overlayMagic = 0x794c7630;

/** Podman with a store of its own, and what containers need where cgroups and limits are not as it likes them. */
async function podmanIn(t: TestContext, home: string): Promise<Podman> {
  const env = { HOME: home, XDG_RUNTIME_DIR: home };
  const store = storeOptions(home);
  const files = Math.min(Number((await sh.run(['-c', 'ulimit -Hn'])).stdout) || 1_000_000, 20_000);
  const runtime = runc.skip === false ? ['--runtime', 'runc'] : [];
  const run = async (...args: readonly string[]) => (await podman.run([...store, '--events-backend', 'file', ...args], { env })).stdout;
  t.after(async () => {
    await podman.try([...store, '--events-backend', 'file', 'rm', '--all', '--force'], { env });
  });
  return {
    run,
    container: (image, ...command) =>
      run(
        ...['--cgroup-manager=cgroupfs', ...runtime],
        ...['run', '--rm', '--pull', 'never', '--network', 'none', '--ulimit', `nofile=${files}:${files}`, '--ulimit', 'nproc=5000:5000'],
        ...[image, ...command],
      ),
  };
}

test(
  'a Debian from its packages goes every way, keeps its digests, and runs',
  { skip: notRoot || skipWithout(mmdebstrap, umoci, buildah, skopeo, dockerRegistry, podman) },
  async (t) => {
    const folder = temporary(t, 'debian');
    const rootfs = join(folder, 'rootfs.tar');
    const layout = join(folder, 'layout');
    const home = join(folder, 'home');
    await mmdebstrap.run([...variant, 'bookworm', rootfs], { timeout: 240_000 });
    const tarDigest = await sha256(rootfs);

    await t.test('umoci makes a base of it, and buildah an image on that', async () => {
      await umoci.run(['init', '--layout', layout]);
      await umoci.run(['new', '--image', `${layout}:base`]);
      await umoci.run(['raw', 'add-layer', '--image', `${layout}:base`, rootfs]);
      await umoci.run(['config', '--image', `${layout}:base`, '--config.cmd', 'bash', '--config.env', 'SUITE=bookworm']);
      const store = storeOptions(join(folder, 'build'));
      // Relative: buildah makes names of paths, and a name has no capitals.
      const options = { env: { HOME: folder }, cwd: folder };
      const container = (await buildah.run([...store, 'from', 'oci:layout:base'], options)).stdout.trim();
      writeFileSync(join(folder, 'greeting'), 'hello from a layer\n');
      await buildah.run([...store, 'copy', container, join(folder, 'greeting'), '/srv/greeting'], options);
      await buildah.run([...store, 'config', '--cmd', '["cat","/srv/greeting"]', container], options);
      await buildah.run([...store, 'commit', '--rm', container, 'oci:layout:app'], options);
    });
    const base = await seen(`oci:${layout}:base`);
    const app = await seen(`oci:${layout}:app`);
    assert.notEqual(base, app);

    const registry = await startDockerRegistry(t);
    const door = await startServer(t, join(folder, 'door'));

    await t.test('skopeo pushes both into docker-registry and into the door', async () => {
      for (const { host } of [registry, door]) {
        for (const name of ['base', 'app']) await copyBySkopeo(`oci:${layout}:${name}`, `docker://${host}/debian:${name}`);
        assert.equal(await seen(`docker://${host}/debian:base`), base);
        assert.equal(await seen(`docker://${host}/debian:app`), app);
      }
      assert.deepEqual((await typed(door.home, 'images', '--no-trunc', '--format', '{{.Tag}} {{.ID}}')).split('\n').toSorted(), [
        '',
        `app ${app}`,
        `base ${base}`,
      ]);
    });

    await t.test('bay pulls them from both, and lists one and the same image under both names', async () => {
      for (const { host } of [registry, door]) {
        await typed(home, 'pull', `${host}/debian:app`);
        await typed(home, 'pull', '-q', `${host}/debian:base`);
      }
      const rows = (await typed(home, 'images', '--no-trunc', '--digests', '--format', '{{.Repository}}:{{.Tag}} {{.ID}} {{.Digest}}'))
        .trim()
        .split('\n');
      const expected = [registry, door].flatMap(({ host }) => [`${host}/debian:app ${app} ${app}`, `${host}/debian:base ${base} ${base}`]);
      assert.deepEqual(rows.toSorted(), expected.toSorted());
      const layers = JSON.parse(await typed(home, 'inspect', '-f', '{{json .RootFS.Layers}}', base)) as string[];
      assert.deepEqual(layers, [tarDigest], 'the layer is the very tar that mmdebstrap made');
      assert.equal(await seen(`oci:${home}/store:${registry.host}/debian:app`), app, 'and skopeo reads it in the store itself');
    });

    await t.test('bay saves them, and podman loads and runs them', async (step) => {
      await typed(home, 'tag', app, 'greeter:1');
      await typed(home, 'tag', base, 'debian:bookworm');
      const archive = join(folder, 'images.tar');
      await typed(home, 'save', '-o', archive, 'greeter:1', 'debian:bookworm');
      const box = await podmanIn(step, join(folder, 'podman'));
      await box.run('load', '-q', '-i', archive);
      assert.equal(await box.container('greeter:1'), 'hello from a layer\n');
      const release = await box.container('debian:bookworm', 'sh', '-c', 'echo $SUITE; cat /etc/os-release');
      assert.match(release, /^bookworm\n[^]*^VERSION_CODENAME=bookworm$/m);
      const { config } = JSON.parse(readFileSync(join(layout, 'blobs', 'sha256', app.slice(7)), 'utf8')) as { config: { digest: string } };
      assert.equal((await box.run('image', 'inspect', '-f', '{{.Id}}', 'greeter:1')).trim(), config.digest.slice(7));

      const other = join(folder, 'other');
      assert.deepEqual((await typed(other, 'load', '-i', archive)).trim().split('\n').toSorted(), [
        'Loaded image: debian:bookworm',
        'Loaded image: greeter:1',
      ]);
      assert.equal((await typed(other, 'inspect', '-f', '{{.Id}}', 'greeter:1')).trim(), app);
      assert.equal((await typed(other, 'inspect', '-f', '{{.Id}}', 'debian:bookworm')).trim(), base);
    });

    await t.test('bay imports the tar itself, and podman runs that', async (step) => {
      const id = (await typed(home, 'import', '--change', 'CMD ["cat", "/etc/debian_version"]', rootfs, 'debian:imported')).trim();
      assert.equal((await typed(home, 'inspect', '-f', '{{index .RootFS.Layers 0}}', 'debian:imported')).trim(), tarDigest);
      assert.equal(await seen(`oci:${home}/store:debian:imported`), id);
      const box = await podmanIn(step, join(folder, 'podman'));
      const pipe = `"$0" "$1" save debian:imported | podman ${storeOptions(join(folder, 'podman')).join(' ')} load -q`;
      await sh.run(['-c', pipe, process.execPath, bayFile], { env: { BAY_HOME: home, HOME: join(folder, 'podman') } });
      assert.match(await box.container('debian:imported'), /^12\.\d+\n$/);
    });

    await t.test('a container of it is changed and committed, runs in podman, and comes back as the same image', async (step) => {
      const note = join(folder, 'note');
      writeFileSync(note, 'noted in a container\n');
      await typed(home, 'create', '--name', 'demo', 'debian:bookworm');
      await typed(home, 'cp', note, 'demo:/home/note');
      await typed(home, 'cp', '-L', 'demo:/etc/os-release', join(folder, 'os-release'));
      assert.match(readFileSync(join(folder, 'os-release'), 'utf8'), /^VERSION_CODENAME=bookworm$/m);
      assert.equal(await typed(home, 'diff', 'demo'), 'C /home\nA /home/note\n');
      const id = (await typed(home, 'commit', '-c', 'CMD ["cat", "/home/note"]', 'demo', 'noted:1')).trim();
      assert.equal(await seen(`oci:${home}/store:noted:1`), id);
      const config = await configOf(`oci:${home}/store:noted:1`);

      const archive = join(folder, 'noted.tar');
      await typed(home, 'save', '-o', archive, 'noted:1');
      const box = await podmanIn(step, join(folder, 'podman'));
      await box.run('load', '-q', '-i', archive);
      assert.equal((await box.run('image', 'inspect', '-f', '{{.Id}}', 'noted:1')).trim(), config.slice(7));
      assert.equal(await box.container('noted:1'), 'noted in a container\n');
      assert.match(await box.container('noted:1', 'cat', '/etc/debian_version'), /^12\.\d+\n$/);

      // Podman packs layers anew: what stays is the image's id, and with it every layer's diff ID.
      await box.run('push', '-q', '--tls-verify=false', 'noted:1', `docker://${door.host}/noted:back`);
      assert.equal(await configOf(`docker://${door.host}/noted:back`), config);
      const back = join(folder, 'noted-back.tar');
      await box.run('save', '-q', '-o', back, 'noted:1');
      const other = join(folder, 'other');
      await typed(other, 'load', '-i', back);
      assert.equal(await configOf(`oci:${other}/store:noted:1`), config);
      // By an archive of ours, nothing is packed anew.
      await typed(other, 'load', '-i', archive);
      assert.equal((await typed(other, 'inspect', '-f', '{{.Id}}', 'noted:1')).trim(), id);

      await typed(home, 'create', '--name', 'again', 'noted:1');
      assert.match((await bay(['rmi', 'noted:1'], { home })).stderr, /again/, 'an image is not removed while a container is there');
      await typed(home, 'rm', 'again', 'demo');
      assert.match(await typed(home, 'rmi', 'noted:1'), /^Deleted: sha256:/m);
    });

    await t.test('bay carries it from place to place, and pushes it back', async () => {
      const stops = [
        `docker://${registry.host}/debian:app`,
        'carried:1',
        `oci:${folder}/carried:app`,
        `oci-archive:${folder}/carried.oci.tar:app`,
        `dir:${folder}/carried.dir`,
        `docker-archive:${folder}/carried.docker.tar:carried:2`,
        `docker://${door.host}/carried:3`,
        `docker://${registry.host}/carried:4`,
      ];
      for (const [at, from] of stops.slice(0, -1).entries()) {
        const to = stops[at + 1] ?? '';
        const { digest } = JSON.parse(await typed(home, 'copy', '--json', from, to)) as { digest: string };
        assert.equal(digest, app, `${from} to ${to}`);
      }
      assert.equal(await seen(`docker://${registry.host}/carried:4`), app);
      await typed(home, 'tag', 'greeter:1', `${registry.host}/pushed/greeter:1`);
      assert.match(await typed(home, 'push', `${registry.host}/pushed/greeter:1`), new RegExp(`^1: digest: ${app} size: \\d+$`, 'm'));
      assert.equal(await seen(`docker://${registry.host}/pushed/greeter:1`), app);
    });
  },
);
