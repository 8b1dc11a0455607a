import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { OciFolder } from '../../src/content/oci-folder.ts';
import { windowsBaseLayer } from '../../src/layers/windows.ts';
import { ImageStore } from '../../src/store/image-store.ts';
import { bay } from '../support/bay.ts';
import { bytesOf, makeImage, putImage } from '../support/make-image.ts';
import { skipWithout } from '../support/peers.ts';
import { temporary } from '../support/temporary.ts';
import { skipWithoutWindows } from '../support/windows.ts';
import { skopeo, windowsGround } from './ground.ts';

// One host for all. Each part leaves the store as the next one's name for it says.
test('the published files on Windows', { skip: skipWithoutWindows }, async (t) => {
  const { host, home, store, ok, refused, spawn, serving, idOf, agree, agreeGone } = await windowsGround(t);

  await t.test('the system is Windows, and its Node is of the oldest line that is supported', async () => {
    const { code, stdout, stderr } = await host.node(['-p', 'process.platform + process.versions.node + require("path").sep'], { home });
    assert.match(stdout, /^win3222\.23\.3\\\r?\n$/, `it ended with ${code}: ${stderr}`);
  });

  await t.test('bay tells its version from a folder with a space', async () => {
    assert.match(await ok(['--version']), /^Bayplan version \d+\.\d+\.\d+, build (unknown|[0-9a-f]+)\r?\n$/);
  });

  await t.test('an unknown command is refused with the exit code of the other systems', async (here) => {
    const there = await refused(['no-such-command']);
    assert.deepEqual(there, await bay(['no-such-command'], { home: temporary(here) }));
  });

  await t.test('a path is the same file with its drive letter and from here', async () => {
    mkdirSync(join(host.drive, 'a folder'));
    writeFileSync(join(host.drive, 'a folder', 'said.txt'), 'from here');
    assert.equal(host.path(join(host.drive, 'a folder', 'said.txt')), 'C:\\a folder\\said.txt');
    const { stdout } = await host.node(['-p', 'require("fs").readFileSync("c:\\\\A FOLDER\\\\SAID.TXT", "utf8")'], { home });
    assert.equal(stdout.trim(), 'from here');
  });

  await t.test('without BAY_HOME the store is in the local application data', async () => {
    await ok(['images'], { home: '' });
    const users = readdirSync(join(host.drive, 'users'));
    assert.ok(users.some((user) => existsSync(join(host.drive, 'users', user, 'AppData', 'Local', 'bayplan', 'store', 'oci-layout'))));
  });

  // What this system made, on drive C:.
  const image = await makeImage();
  await putImage(await OciFolder.open(join(host.drive, 'a folder', 'images'), { create: true }), image);
  await (await OciFolder.open(join(host.drive, 'a folder', 'images'))).tag(image.target, 'made:1');

  await t.test('an image comes from an OCI folder, is saved and loaded by drive letter, and keeps its digest', async () => {
    assert.match(await ok(['copy', 'oci:C:\\a folder\\images:made:1', 'store:made:1']), /\S/);
    await agree('made:1', image.target.digest);
    await ok(['save', '-o', 'C:\\a folder\\saved image.tar', 'made:1']);
    await ok(['rmi', 'made:1']);
    await agreeGone('made:1');
    assert.match(await ok(['load', '-i', 'C:\\a folder\\saved image.tar']), /made:1/);
    await agree('made:1', image.target.digest);
  });

  await t.test('load reads stdin, save writes to stdout', async () => {
    await ok(['rmi', 'made:1']);
    assert.match(await ok(['load'], { input: join(host.drive, 'a folder', 'saved image.tar') }), /made:1/);
    await agree('made:1', image.target.digest);
    const saving = spawn(['save', 'made:1']);
    assert.deepEqual({ code: await saving.ended, stderr: saving.stderr() }, { code: 0, stderr: '' });
    const file = readFileSync(join(host.drive, 'a folder', 'saved image.tar'));
    assert.ok(saving.stdoutBytes().equals(file), 'the file and the stream are the same archive');
  });

  await t.test('names differ by case, as everywhere', async () => {
    await ok(['tag', 'made:1', 'made:UPPER']);
    await ok(['tag', 'made:1', 'made:upper']);
    await agree(['made:UPPER', 'made:upper'], image.target.digest);
    await ok(['rmi', 'made:UPPER']);
    await agreeGone('made:UPPER');
    await agree('made:upper', image.target.digest);
    await ok(['rmi', 'made:upper']);
  });

  await t.test('copies go to folders and archives, by any way of writing a path, and come back with their digest', async (here) => {
    const cwd = join(host.drive, 'a folder');
    const back: string[] = [];
    for (const [kind, path] of [
      ['oci', 'C:\\my images\\layout:app:1'],
      ['oci', 'c:/my images/other layout:app'],
      ['oci', '\\\\?\\C:\\my images\\third:app'],
      ['oci', '.\\beside:app'],
      ['oci-archive', 'C:\\my images\\an archive.tar:app'],
      ['docker-archive', 'c:/my images/docker archive.tar:app:1'],
      ['dir', 'C:\\my images\\dir of one'],
    ] as const) {
      const copied = await ok(['copy', 'made:1', `${kind}:${path}`], { cwd });
      back.push(`back:${back.length}`);
      const { digest } = JSON.parse(await ok(['copy', '-q', '--json', `${kind}:${path}`, back.at(-1) ?? ''], { cwd })) as {
        digest: string;
      };
      if (kind === 'docker-archive') assert.match(copied, /sha256:/);
      else assert.equal(digest, image.target.digest, path);
    }
    await ok(['rmi', ...back]);
    assert.deepEqual(readdirSync(join(host.drive, 'my images')).sort(), [
      'an archive.tar',
      'dir of one',
      'docker archive.tar',
      'layout',
      'other layout',
      'third',
    ]);
    const elsewhere = temporary(here);
    const read = await bay(['copy', `oci-archive:${join(host.drive, 'my images', 'an archive.tar')}:app`, 'app'], { home: elsewhere });
    assert.match(read.stdout, new RegExp(image.target.digest), read.stderr);
  });

  await t.test('what it saves is read here, with the same digest', async (here) => {
    const elsewhere = temporary(here);
    const loaded = await bay(['load', '-i', join(host.drive, 'a folder', 'saved image.tar')], { home: elsewhere });
    assert.equal(loaded.code, 0, loaded.stderr);
    await using other = await ImageStore.open(join(elsewhere, 'store'));
    assert.equal((await other.resolve('made:1')).digest, image.target.digest);
  });

  await t.test('import makes a Windows image of a file there, and inspect and history tell it', async () => {
    const tar = join(host.drive, 'a folder', 'base layer.tar');
    writeFileSync(tar, await bytesOf(windowsBaseLayer([{ path: 'Files/License.txt', content: 'a text\r\n' }])));
    const words = ['--platform', 'windows/amd64', '-c', 'CMD ["c:\\\\windows\\\\system32\\\\cmd.exe"]', '-m', 'of a file'];
    const id = (await ok(['import', ...words, 'C:\\a folder\\base layer.tar', 'win/base:10.0.1.2'])).trim();
    await agree('win/base:10.0.1.2', id);
    assert.match(await ok(['history', 'win/base:10.0.1.2']), /of a file/);
    const streamed = (await ok(['import', '--platform', 'windows/amd64', '-', 'win/streamed:1'], { input: tar })).trim();
    await agree('win/streamed:1', streamed);
    const [first, other] = JSON.parse(await ok(['inspect', 'win/base:10.0.1.2', 'win/streamed:1'])) as {
      Os: string;
      Config: { Cmd: string[] };
      RootFS: { Layers: string[] };
    }[];
    assert.equal(first?.Os, 'windows');
    assert.deepEqual(first.Config.Cmd, ['c:\\windows\\system32\\cmd.exe']);
    assert.deepEqual(other?.RootFS.Layers, first.RootFS.Layers);
    await ok(['rmi', 'win/base:10.0.1.2', 'win/streamed:1']);
  });

  await t.test('it serves: what is pushed from here is in its images at once, and what it has is pulled', async (here) => {
    const elsewhere = temporary(here);
    const other = await makeImage({ layers: ['three', 'four', 'five'] });
    await serving(async (address) => {
      const pulled = await bay(['pull', `${address}/made:1`], { home: elsewhere });
      assert.match(pulled.stdout, new RegExp(`Digest: ${image.target.digest}`), pulled.stderr);
      const pushed = await bay(['push', `${address}/made:1`], { home: elsewhere });
      assert.equal(pushed.code, 0, pushed.stderr);
      {
        await using from = await ImageStore.open(join(elsewhere, 'store'));
        await using ingest = await from.begin();
        await putImage(ingest, other);
        await ingest.tag(other.target, `${address}/team/pushed:2`);
      }
      const second = await bay(['push', `${address}/team/pushed:2`], { home: elsewhere });
      assert.equal(second.code, 0, second.stderr);
      assert.equal(await idOf('team/pushed:2'), other.target.digest);
    });
    await agree('team/pushed:2', other.target.digest);
    await ok(['rmi', 'team/pushed:2']);
  });

  await t.test('skopeo copies through its door, there and back', { skip: skipWithout(skopeo) }, async (here) => {
    const target = join(temporary(here), 'copied');
    await serving(async (address) => {
      await skopeo.run(['copy', '--src-tls-verify=false', `docker://${address}/made:1`, `oci:${target}:made`]);
      await skopeo.run(['copy', '--dest-tls-verify=false', `oci:${target}:made`, `docker://${address}/by/skopeo:1`]);
    });
    await agree('by/skopeo:1', image.target.digest);
    await ok(['rmi', 'by/skopeo:1']);
  });

  await t.test('what skopeo writes into the folder is taken in', { skip: skipWithout(skopeo) }, async () => {
    await skopeo.run(['copy', `oci:${join(host.drive, 'a folder', 'images')}:made:1`, `oci:${store}:adopted`]);
    await agree('adopted', image.target.digest);
    await ok(['rmi', 'adopted']);
  });

  await t.test('what is removed goes from the disk, read-only as it was', async () => {
    const other = await makeImage({ layers: [`${Math.random()}`] });
    const folder = await OciFolder.open(join(host.drive, 'a folder', 'images'));
    await putImage(folder, other);
    await folder.tag(other.target, 'other:1');
    await ok(['copy', '-q', 'oci:C:\\a folder\\images:other:1', 'other:1']);
    const files = [other.target, other.config, ...other.layers].map(({ digest }) => digest.slice('sha256:'.length));
    const kept = (name: string): string => join(store, 'blobs', 'sha256', name);
    assert.ok(files.every((name) => existsSync(kept(name))));
    const script = 'process.argv.slice(1).map((file) => (require("fs").statSync(file).mode & 0o222).toString(8)).join()';
    const { stdout } = await host.node(['-p', script, ...files.map((name) => host.path(kept(name)))], { home });
    assert.equal(stdout.trim(), files.map(() => '0').join());
    await ok(['rmi', 'other:1']);
    assert.deepEqual(
      files.filter((name) => existsSync(kept(name))),
      [],
    );
    assert.deepEqual(readdirSync(join(store, 'bay', 'trash')), []);
  });

  await t.test('the samples are made there, Windows-shaped ones among them', async () => {
    const samples = 'C:\\samples';
    const served = host.spawnBay(['serve', '--samples', '--listen', '127.0.0.1:0'], { home: samples });
    await served.said(/Ctrl-C stops the server/);
    served.interrupt();
    assert.equal(await served.ended, 0, served.stderr());
    // All that is said there is that the base which the last line would remove is needed.
    assert.match(
      served.stderr(),
      /^Uninstall-ContainerOSImage : Failed to uninstall OS image\.\r?\n.*'SampleNano': in use by container 'story'.*\n.*\n.*\n.*: ImageInUse,Uninstall-ContainerOSImage\r?\n$/,
    );
    assert.match(served.stdout(), /Store +C:\\samples\\store/);
    const listed = await ok(['images', '--format', '{{.Repository}}:{{.Tag}}'], { home: samples });
    assert.match(listed, /^sample-server:1\.0\.0\.0\r?$/m);
    const [found] = JSON.parse(await ok(['inspect', 'sample-web:1.0.0.0'], { home: samples })) as { Os: string; OsVersion: string }[];
    assert.deepEqual([found?.Os, found?.OsVersion], ['windows', '10.0.20348.1']);
  });

  await t.test('no name on the disk is one that NTFS refuses, or that differs from another by case alone', () => {
    for (const folder of [join(host.drive, 'A B', 'bay home'), join(host.drive, 'my images'), join(host.drive, 'samples')]) {
      const names = readdirSync(folder, { recursive: true, encoding: 'utf8' });
      for (const name of names)
        assert.doesNotMatch(name, /[<>:"\\|?*\p{Cc}]|[. ](?:\/|$)|(?:^|\/)(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|\/|$)/iu);
      assert.equal(new Set(names.map((name) => name.toLowerCase())).size, names.length);
    }
  });

  await t.test('the store is whole at the end, also for who opens it from here', async () => {
    await using opened = await ImageStore.open(store);
    assert.deepEqual(await opened.check(), []);
    assert.equal((await opened.resolve('made:1')).digest, image.target.digest);
  });
});
