import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, readdirSync, statSync } from 'node:fs';
import { createServer, get } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';

import { OciFolder } from '../../src/content/oci-folder.ts';
import { ImageStore } from '../../src/store/image-store.ts';
import { startDoor } from '../contracts/registry-door.ts';
import { bay } from '../support/bay.ts';
import { makeImage, putImage, type MadeImage } from '../support/make-image.ts';
import { temporary } from '../support/temporary.ts';
import { skipWithoutWindows } from '../support/windows.ts';
import { windowsGround } from './ground.ts';

test('several processes on Windows, and some that are ended', { skip: skipWithoutWindows }, async (t) => {
  const { host, home, store, ok, spawn, serving, idOf, agree, agreeGone } = await windowsGround(t);
  const files = join(host.drive, 'files');
  mkdirSync(files);
  const images = await Promise.all(['a', 'b', 'c'].map((text) => makeImage({ layers: ['shared', text] })));
  const [image] = images as [MadeImage, ...MadeImage[]];
  const folder = await OciFolder.open(join(files, 'layout'), { create: true });
  for (const [at, each] of images.entries()) {
    await putImage(folder, each);
    await folder.tag(each.target, `made:${at}`);
  }
  await ok(['copy', '-q', 'oci:C:\\files\\layout:made:0', 'made:0']);
  await ok(['save', '-o', 'C:\\files\\saved.tar', 'made:0']);

  await t.test('processes beside each other in one store, and a prune among them, lose nothing', async () => {
    const rounds = [1, 2, 3, 4];
    const acts = rounds.flatMap((round) => [
      ['load', '-q', '-i', 'C:\\files\\saved.tar'],
      ['tag', 'made:0', `beside:${round}`],
      ['images', '-q'],
      ['image', 'prune', '-f'],
    ]);
    const ended = await Promise.all(acts.map((words) => host.bay(words, { home })));
    for (const [at, { code, stderr }] of ended.entries()) assert.deepEqual({ code, stderr }, { code: 0, stderr: '' }, acts[at]?.join(' '));
    const beside = rounds.map((round) => `beside:${round}`);
    await agree(beside, image.target.digest);
    await ok(['rmi', ...beside]);
  });

  await t.test('a server serves while others write, read and remove, and a push comes in', async (here) => {
    const elsewhere = temporary(here);
    await bay(['copy', '-q', `oci:${join(files, 'layout')}:made:2`, 'pushed:2'], { home: elsewhere });
    await serving(async (address) => {
      const inside = [
        ['copy', '-q', 'oci:C:\\files\\layout:made:1', 'made:1'],
        ['tag', 'made:0', 'team/one:1'],
        ['load', '-q', '-i', 'C:\\files\\saved.tar'],
        ['save', '-o', 'C:\\files\\meanwhile.tar', 'made:0'],
        ['image', 'prune', '-f'],
        ['images', '-q'],
      ];
      const [pushed, pulled, ...ended] = await Promise.all([
        bay(['copy', '-q', 'pushed:2', `docker://${address}/pushed:2`], { home: elsewhere }),
        bay(['pull', '-q', `${address}/made:0`], { home: elsewhere }),
        ...inside.map((words) => host.bay(words, { home })),
      ]);
      assert.equal(pushed.code, 0, pushed.stderr);
      assert.equal(pulled.code, 0, pulled.stderr);
      for (const [at, { code, stderr }] of ended.entries())
        assert.deepEqual({ code, stderr }, { code: 0, stderr: '' }, inside[at]?.join(' '));
      // One sees at once what another has done, in both directions.
      const tags = await fetch(`http://${address}/v2/team/one/tags/list`);
      assert.deepEqual(await tags.json(), { name: 'team/one', tags: ['1'] });
      await ok(['rmi', 'team/one:1']);
      assert.equal((await fetch(`http://${address}/v2/team/one/manifests/1`)).status, 404);
      assert.equal(await idOf('pushed:2'), images[2]?.target.digest);
    });
    await agree('made:1', images[1]?.target.digest ?? '');
    await agree('pushed:2', images[2]?.target.digest ?? '');
    await agreeGone('team/one:1');
    await ok(['rmi', 'made:1', 'pushed:2']);
  });

  await t.test('a file that another program has open is replaced as soon as that closes it', async () => {
    for (const [path, words] of [
      ['C:\\files\\saved.tar', ['save', '-o', 'C:\\files\\saved.tar', 'made:0']],
      [host.path(join(store, 'index.json')), ['tag', 'made:0', 'held:1']],
      ['C:\\files\\layout\\index.json', ['copy', '-q', 'made:0', 'oci:C:\\files\\layout:held:1']],
    ] as const) {
      const holder = `require("fs").openSync(${JSON.stringify(path)}); console.log("open"); setTimeout(() => console.log("closed"), 1200)`;
      const holding = host.spawnNode(['-e', holder], { home });
      await holding.said(/open/);
      await ok(words);
      assert.match(holding.stdout(), /closed/, `${words.join(' ')} did not wait`);
      await holding.ended;
    }
    await agree('held:1', image.target.digest);
    assert.equal((await folder.resolve('held:1')).digest, image.target.digest);
    await ok(['rmi', 'held:1']);
  });

  await t.test('one that stays open is said to be so, in seconds, and the old file is whole', async () => {
    const before = statSync(join(files, 'saved.tar')).size;
    const holding = host.spawnNode(
      ['-e', 'require("fs").openSync("C:\\\\files\\\\saved.tar"); console.log("open"); setInterval(() => {}, 1000)'],
      {
        home,
      },
    );
    await holding.said(/open/);
    const { code, stderr } = await host.bay(['save', '-o', 'C:\\files\\saved.tar', 'made:0'], { home });
    holding.kill();
    await holding.ended;
    assert.equal(code, 1);
    assert.match(stderr, /cannot write C:\\files\\saved\.tar: .*\r?\n.*open/);
    assert.equal(statSync(join(files, 'saved.tar')).size, before);
    assert.deepEqual(
      readdirSync(files).filter((name) => name.endsWith('.tmp')),
      [],
    );
  });

  await t.test('a pull that is killed in the middle leaves no name, and the next one goes on from there', async (here) => {
    const slow = await slowRegistry(here);
    const pulling = spawn(['pull', slow.name]);
    await slow.halfway;
    // What was sent is on the disk a moment later.
    await wait(500);
    pulling.kill();
    await pulling.ended;
    await agreeGone(slow.name);
    const before = slow.sent();
    slow.release();
    await ok(['pull', '-q', slow.name]);
    await agree(slow.name, slow.digest);
    assert.ok(slow.sent() - before < slow.size, `of ${slow.size} bytes, ${before} had been sent, and then ${slow.sent() - before}`);
    await ok(['rmi', slow.name]);
  });

  await t.test('a pull that is interrupted says so, and the next one goes on from there', async (here) => {
    const slow = await slowRegistry(here);
    const pulling = spawn(['pull', slow.name]);
    await slow.halfway;
    pulling.interrupt();
    assert.equal(await pulling.ended, 130);
    await agreeGone(slow.name);
    const before = slow.sent();
    slow.release();
    await ok(['pull', '-q', slow.name]);
    await agree(slow.name, slow.digest);
    assert.ok(slow.sent() - before < slow.size, `of ${slow.size} bytes, ${before} had been sent, and then ${slow.sent() - before}`);
    await ok(['rmi', slow.name]);
  });

  await t.test('a load that is killed in the middle leaves no name, and the next one has it all', async () => {
    const large = await makeImage({ layers: [randomBytes(6_000_000).toString('hex')], compression: 'none' });
    const source = await OciFolder.open(join(files, 'large'), { create: true });
    await putImage(source, large);
    await source.tag(large.target, 'large:1');
    await ok(['copy', '-q', 'oci:C:\\files\\large:large:1', 'oci-archive:C:\\files\\large.tar:large:1']);
    const loading = spawn(['load', '-i', 'C:\\files\\large.tar']);
    const drafts = join(store, 'bay', 'drafts');
    const begun = (): boolean =>
      readdirSync(drafts, { recursive: true, withFileTypes: true }).some(
        (entry) => entry.isFile() && (statSync(join(entry.parentPath, entry.name), { throwIfNoEntry: false })?.size ?? 0) > 0,
      );
    while (!begun()) await wait(1);
    loading.kill();
    await loading.ended;
    await agreeGone('large:1');
    await ok(['load', '-q', '-i', 'C:\\files\\large.tar']);
    await agree('large:1', large.target.digest);
    await ok(['rmi', 'large:1']);
  });

  await t.test('a server that is killed leaves the store to the next one', async () => {
    const served = spawn(['serve', '--listen', '127.0.0.1:0']);
    await served.said(/http:\/\//);
    served.kill();
    await served.ended;
    await serving(async (address) => {
      assert.equal((await fetch(`http://${address}/v2/made/manifests/0`)).status, 200);
    });
  });

  await t.test('after all that the store is whole', async () => {
    await using opened = await ImageStore.open(store);
    assert.deepEqual(await opened.check(), []);
    assert.equal((await opened.resolve('made:0')).digest, image.target.digest);
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
  const image = await makeImage({ layers: [randomBytes(3_000_000).toString('hex')], compression: 'none' });
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
