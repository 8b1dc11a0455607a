import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { createServer, get } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';

import { OciFolder } from '../../src/content/oci-folder.ts';
import { ImageStore } from '../../src/store/image-store.ts';
import { startDoor } from '../contracts/registry-door.ts';
import { bay } from '../support/bay.ts';
import { dockerRegistry, startDockerRegistry } from '../support/docker-registry.ts';
import { makeImage, putImage } from '../support/make-image.ts';
import { peer, skipWithout } from '../support/peers.ts';
import { temporary } from '../support/temporary.ts';
import { skipWithoutWindows, windowsHost } from '../support/windows.ts';

const skopeo = peer('skopeo');

const home = 'C:\\A B\\bay home';

// One host for all: a Windows of its own takes ten seconds. Each part leaves the store as the next one's name for it says.
test('the published files on Windows', { skip: skipWithoutWindows }, async (t) => {
  const host = await windowsHost(t);
  const store = join(host.drive, 'A B', 'bay home', 'store');
  /** Runs `bay` there; fails the test if it fails. */
  const ok = async (...words: string[]): Promise<string> => {
    const { code, stdout, stderr } = await host.bay(words, { home });
    assert.deepEqual({ code, stderr }, { code: 0, stderr: '' }, words.join(' '));
    return stdout;
  };
  const idOf = async (name: string): Promise<string> => (await ok('images', '--no-trunc', '--format', '{{.ID}}', name)).trim();

  await t.test('the system is Windows, and its Node is of the oldest line that is supported', async () => {
    const { stdout } = await host.node(['-p', 'process.platform + process.versions.node + require("path").sep'], { home });
    assert.match(stdout, /^win3222\.23\.3\\\r?\n$/);
  });

  await t.test('bay tells its version from a folder with a space', async () => {
    const { code, stdout, stderr } = await host.bay(['--version'], { home });
    assert.equal(stderr, '');
    assert.match(stdout, /^Bayplan version \d+\.\d+\.\d+, build (unknown|[0-9a-f]+)\r?\n$/);
    assert.equal(code, 0);
  });

  await t.test('an unknown command is refused with the exit code of the other systems', async (here) => {
    const there = await host.bay(['no-such-command'], { home });
    const ours = await bay(['no-such-command'], { home: temporary(here) });
    assert.notEqual(ours.code, 0);
    assert.deepEqual(there, ours);
  });

  await t.test('a path is the same file with its drive letter and from here', async () => {
    mkdirSync(join(host.drive, 'a folder'));
    writeFileSync(join(host.drive, 'a folder', 'said.txt'), 'from here');
    assert.equal(host.path(join(host.drive, 'a folder', 'said.txt')), 'C:\\a folder\\said.txt');
    const { stdout } = await host.node(['-p', 'require("fs").readFileSync("c:\\\\A FOLDER\\\\SAID.TXT", "utf8")'], { home });
    assert.equal(stdout.trim(), 'from here');
  });

  await t.test('without BAY_HOME the store is in the local application data', async () => {
    const { code, stderr } = await host.bay(['images'], { home: '' });
    assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
    const users = readdirSync(join(host.drive, 'users'));
    assert.ok(users.some((user) => existsSync(join(host.drive, 'users', user, 'AppData', 'Local', 'bayplan', 'store', 'oci-layout'))));
  });

  // What this system made, as an archive on drive C:.
  const image = await makeImage();
  const folder = join(host.drive, 'a folder', 'images');
  await putImage(await OciFolder.open(folder, { create: true }), image);

  await t.test('an image comes from an archive with a drive letter, and from an OCI folder, with its digest', async () => {
    const sink = await OciFolder.open(folder);
    await sink.tag(image.target, 'made:1');
    assert.match(await ok('copy', 'oci:C:\\a folder\\images:made:1', 'store:made:1'), /\S/);
    assert.equal(await idOf('made:1'), image.target.digest);
    await ok('save', '-o', 'C:\\a folder\\saved image.tar', 'made:1');
    await ok('rmi', 'made:1');
    assert.equal(await ok('images', '-q'), '');
    assert.match(await ok('load', '-i', 'C:\\a folder\\saved image.tar'), /made:1/);
    assert.equal(await idOf('made:1'), image.target.digest);
  });

  await t.test('load reads what is given on stdin, and names without case are names with case', async () => {
    await ok('rmi', 'made:1');
    const { code, stdout, stderr } = await host.bay(['load'], { home, input: join(host.drive, 'a folder', 'saved image.tar') });
    assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
    assert.match(stdout, /made:1/);
    await ok('tag', 'made:1', 'made:UPPER');
    await ok('tag', 'made:1', 'made:upper');
    await ok('rmi', 'made:UPPER');
    assert.equal(await idOf('made:upper'), image.target.digest);
    await ok('rmi', 'made:upper');
  });

  await t.test('what it saves is read here, with the same digest', async (here) => {
    const elsewhere = temporary(here);
    const loaded = await bay(['load', '-i', join(host.drive, 'a folder', 'saved image.tar')], { home: elsewhere });
    assert.equal(loaded.code, 0, loaded.stderr);
    await using other = await ImageStore.open(join(elsewhere, 'store'));
    assert.equal((await other.resolve('made:1')).digest, image.target.digest);
  });

  await t.test('it pushes to a registry here, and pulls from it', { skip: dockerRegistry.skip }, async (here) => {
    const registry = await startDockerRegistry(here);
    const name = `${registry.host}/team/made:1`;
    await ok('tag', 'made:1', name);
    assert.match(await ok('push', name), new RegExp(`digest: ${image.target.digest}`));
    await ok('rmi', name, 'made:1');
    assert.match(await ok('pull', name), new RegExp(`Digest: ${image.target.digest}`));
    assert.equal(await idOf(name), image.target.digest);
    await ok('tag', name, 'made:1');
    await ok('rmi', name);
  });

  await t.test('it serves: what is pushed from here is in its images at once, and what it has is pulled', async (here) => {
    const served = host.spawnBay(['serve', '--listen', '127.0.0.1:0'], { home });
    const [, address = ''] = await served.said(/http:\/\/(127\.0\.0\.1:\d+)/);
    const elsewhere = temporary(here);
    const pulled = await bay(['pull', `${address}/made:1`], { home: elsewhere });
    assert.match(pulled.stdout, new RegExp(`Digest: ${image.target.digest}`), pulled.stderr);
    const pushed = await bay(['push', `${address}/made:1`], { home: elsewhere });
    assert.equal(pushed.code, 0, pushed.stderr);
    const other = await makeImage({ layers: ['three', 'four', 'five'] });
    await using from = await ImageStore.open(join(elsewhere, 'store'));
    {
      await using ingest = await from.begin();
      await putImage(ingest, other);
      await ingest.tag(other.target, `${address}/team/pushed:2`);
    }
    const second = await bay(['push', `${address}/team/pushed:2`], { home: elsewhere });
    assert.equal(second.code, 0, second.stderr);
    assert.equal(await idOf('team/pushed:2'), other.target.digest);
    served.interrupt();
    assert.equal(await served.ended, 0, served.stderr());
    assert.match(served.stdout(), /Stopped\.\r?\n$/);
  });

  await t.test('skopeo reads the store, and copies through its door', { skip: skipWithout(skopeo) }, async (here) => {
    const { stdout } = await skopeo.run(['inspect', '--format', '{{.Digest}}', `oci:${store}:made:1`]);
    assert.equal(stdout.trim(), image.target.digest);
    const served = host.spawnBay(['serve', '--listen', '127.0.0.1:0'], { home });
    const [, address = ''] = await served.said(/http:\/\/(127\.0\.0\.1:\d+)/);
    const target = join(temporary(here), 'copied');
    await skopeo.run(['copy', '--src-tls-verify=false', `docker://${address}/made:1`, `oci:${target}:made`]);
    const copied = await skopeo.run(['inspect', '--format', '{{.Digest}}', `oci:${target}:made`]);
    assert.equal(copied.stdout.trim(), image.target.digest);
    served.interrupt();
    assert.equal(await served.ended, 0, served.stderr());
  });

  await t.test('processes beside each other in one store, and a prune among them, lose nothing', async () => {
    const rounds = [1, 2, 3, 4];
    const acts = rounds.flatMap((round) => [
      ['load', '-q', '-i', 'C:\\a folder\\saved image.tar'],
      ['tag', 'made:1', `beside:${round}`],
      ['images', '-q'],
      ['image', 'prune', '-f'],
    ]);
    const ended = await Promise.all(acts.map((words) => host.bay(words, { home })));
    for (const [at, { code, stderr }] of ended.entries()) assert.deepEqual({ code, stderr }, { code: 0, stderr: '' }, acts[at]?.join(' '));
    for (const round of rounds) assert.equal(await idOf(`beside:${round}`), image.target.digest);
    await ok('rmi', ...rounds.map((round) => `beside:${round}`));
  });

  await t.test('a pull that is killed in the middle leaves no name, and is not in the way of the next', async (here) => {
    const slow = await slowRegistry(here);
    const pulling = host.spawnBay(['pull', slow.name], { home });
    await slow.halfway;
    pulling.kill();
    await pulling.ended;
    assert.equal(await ok('images', '-q', slow.name), '');
    slow.release();
    await ok('pull', '-q', slow.name);
    assert.equal(await idOf(slow.name), slow.digest);
  });

  await t.test('a pull that is interrupted says so, and the next one goes on from there', async (here) => {
    const slow = await slowRegistry(here);
    const pulling = host.spawnBay(['pull', slow.name], { home });
    await slow.halfway;
    pulling.interrupt();
    assert.equal(await pulling.ended, 130);
    assert.equal(await ok('images', '-q', slow.name), '');
    const before = slow.sent();
    slow.release();
    await ok('pull', '-q', slow.name);
    assert.equal(await idOf(slow.name), slow.digest);
    assert.ok(slow.sent() - before < slow.size, `of ${slow.size} bytes, ${before} had been sent, and then ${slow.sent() - before}`);
  });

  await t.test('the store is whole at the end, also for who opens it from here', async () => {
    await using opened = await ImageStore.open(store);
    assert.deepEqual(await opened.check(), []);
    assert.equal((await opened.resolve('made:1')).digest, image.target.digest);
  });
});

interface SlowRegistry {
  readonly name: string;
  readonly digest: string;
  /** Of the one large layer. */
  readonly size: number;
  /** Half of the layer has been sent; no more comes until `release`. */
  readonly halfway: Promise<unknown>;
  release(): void;
  /** Bytes of the layer that were sent, in all. */
  sent(): number;
}

/** A door of ours behind a proxy that stops in the middle of the one large layer. */
async function slowRegistry(t: TestContext): Promise<SlowRegistry> {
  const door = await startDoor(t);
  const image = await makeImage({ layers: [randomBytes(6_000_000).toString('hex')], compression: 'none' });
  const [layer] = image.layers;
  assert.ok(layer);
  {
    await using ingest = await door.store.begin();
    await putImage(ingest, image);
    await ingest.tag(image.target, 'big:1');
  }
  let sent = 0;
  let held = true;
  let half = (): void => {};
  const halfway = new Promise<void>((resolve) => (half = resolve));
  const proxy = createServer((request, response) => {
    const { host: _, ...headers } = request.headers;
    get(`${door.address}${request.url}`, { headers, method: request.method }, (answer) => {
      response.writeHead(answer.statusCode ?? 500, answer.headers);
      if (request.url?.includes(layer.digest) !== true || request.method !== 'GET') return void answer.pipe(response);
      answer.on('data', (part: Buffer) => {
        sent += part.length;
        response.write(part);
        if (!held || sent < layer.size / 2) return;
        answer.pause();
        half();
      });
      answer.on('end', () => response.end());
    });
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  t.after(() => {
    proxy.close();
    proxy.closeAllConnections();
  });
  const name = `127.0.0.1:${(proxy.address() as AddressInfo).port}/big:1`;
  return { name, digest: image.target.digest, size: layer.size, halfway, release: () => (held = false), sent: () => sent };
}
