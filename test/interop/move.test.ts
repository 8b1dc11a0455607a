/** The store moves while a server serves it and commands run: nobody is refused anything, before, meanwhile and after. */
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, get, request } from 'node:http';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { test, type TestContext } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';

import { storeFolder } from '../../src/io/home-folder.ts';
import { ImageStore } from '../../src/store/image-store.ts';
import { bay, spawnBay } from '../support/bay.ts';
import { makeImage, tarOf } from '../support/make-image.ts';
import { temporary } from '../support/temporary.ts';

interface Served {
  readonly home: string;
  readonly registry: string;
  ask(method: string, path: string, body?: Uint8Array | object): Promise<Buffer>;
  run(...words: readonly string[]): Promise<string>;
}

async function serve(t: TestContext): Promise<Served> {
  const home = temporary(t, 'move');
  const socket = join(home, 'engine.sock');
  const server = spawnBay(['serve', '--listen', '127.0.0.1:0', '--docker-socket', socket], { home });
  const exited = once(server, 'exit');
  let said = '';
  const agent = new Agent({ keepAlive: true });
  t.after(async () => {
    server.kill('SIGTERM');
    await exited;
    agent.destroy();
  });
  server.stderr?.on('data', (part: Buffer) => (said += part.toString()));
  await new Promise<void>((resolve, reject) => {
    server.stdout?.on('data', (part: Buffer) => {
      said += part.toString();
      if (said.includes('Ctrl-C')) resolve();
    });
    void exited.then(() => reject(new Error(`bay serve ended: ${said}`)));
  });
  const [, registry = ''] = /(http:\/\/127\.0\.0\.1:\d+)/.exec(said) ?? [];
  return {
    home,
    registry,
    ask: async (method, path, body) => {
      const bytes = body === undefined || body instanceof Uint8Array ? body : Buffer.from(JSON.stringify(body));
      const type = body instanceof Uint8Array ? 'application/x-tar' : 'application/json';
      const sent = request({
        socketPath: socket,
        agent,
        method,
        path,
        headers: bytes ? { 'content-type': type, 'content-length': bytes.length } : {},
      });
      sent.end(bytes);
      const [answer] = (await once(sent, 'response')) as [Readable & { statusCode: number }];
      const got = Buffer.concat(await answer.toArray());
      assert.ok(answer.statusCode < 300, `${method} ${path}: ${answer.statusCode} ${got.toString()}`);
      return got;
    },
    run: async (...words) => {
      const { code, stdout, stderr } = await bay(words, { home });
      assert.equal(code, 0, `bay ${words.join(' ')}: ${stderr}`);
      return stdout;
    },
  };
}

async function must(url: string, options: RequestInit = {}): Promise<Response> {
  const answer = await fetch(url, options);
  assert.ok(answer.ok, `${options.method ?? 'GET'} ${url}: ${answer.status} ${answer.ok ? '' : await answer.text()}`);
  return answer;
}

const sha256 = (bytes: Uint8Array): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

/** In two pieces, with a pause in which the store may go. */
async function pushBlob(repository: string, bytes: Buffer): Promise<void> {
  const begun = await must(`${repository}/blobs/uploads/`, { method: 'POST' });
  let place = new URL(begun.headers.get('location') ?? '', repository);
  const half = bytes.length >> 1;
  for (const [from, to] of [
    [0, half],
    [half, bytes.length],
  ] as const) {
    const headers = { 'content-range': `${from}-${to - 1}`, 'content-type': 'application/octet-stream' };
    const part = await must(place.href, { method: 'PATCH', body: bytes.subarray(from, to), headers });
    place = new URL(part.headers.get('location') ?? '', repository);
    await wait(Math.random() * 30);
  }
  place.searchParams.set('digest', sha256(bytes));
  await must(place.href, { method: 'PUT' });
}

async function push(registry: string, name: string, tag: string, texts: readonly string[]): Promise<void> {
  const image = await makeImage({ layers: texts, compression: 'none' });
  for (const { digest } of [...image.layers, image.config])
    await pushBlob(`${registry}/v2/${name}`, image.blobs.get(digest) ?? Buffer.alloc(0));
  const manifest = image.blobs.get(image.target.digest) ?? Buffer.alloc(0);
  await must(`${registry}/v2/${name}/manifests/${tag}`, {
    method: 'PUT',
    body: manifest,
    headers: { 'content-type': image.target.mediaType },
  });
}

async function pull(registry: string, name: string, tag: string): Promise<void> {
  const answer = await must(`${registry}/v2/${name}/manifests/${tag}`);
  const { layers, config } = (await answer.json()) as { layers: { digest: string }[]; config: { digest: string } };
  for (const { digest } of [...layers, config]) {
    const bytes = new Uint8Array(await (await must(`${registry}/v2/${name}/blobs/${digest}`)).arrayBuffer());
    assert.equal(sha256(bytes), digest);
  }
}

/** A container with a volume is made, written into on both sides of the mount, read, compared and removed. */
async function useContainer({ ask }: Served, round: number): Promise<void> {
  const made = JSON.parse(
    (
      await ask('POST', `/containers/create?name=c${round}`, { Image: 'base', Cmd: ['x'], HostConfig: { Binds: ['data:/mnt'] } })
    ).toString(),
  ) as { Id: string };
  const text = `round ${round}`;
  const tar = await tarOf({ file: text });
  await ask('PUT', `/containers/${made.Id}/archive?path=/`, tar);
  await ask('PUT', `/containers/${made.Id}/archive?path=/mnt`, tar);
  for (const path of ['/file', '/mnt/file'])
    assert.ok((await ask('GET', `/containers/${made.Id}/archive?path=${path}`)).includes(text), `${path} has ${text}`);
  assert.match((await ask('GET', `/containers/${made.Id}/changes`)).toString(), /"\/file"/);
  await ask('DELETE', `/containers/${made.Id}`);
}

/** A body that comes drop by drop until `stop`. */
function dripping(stop: () => boolean, taken: Buffer[]): Readable {
  return Readable.from(
    (async function* () {
      while (!stop()) {
        const part = randomBytes(20_000);
        taken.push(part);
        yield part;
        await wait(10);
      }
    })(),
  );
}

/** One upload goes on for as long as all the moves take. */
async function uploadSlowly({ registry }: Served, stop: () => boolean): Promise<void> {
  const repository = `${registry}/v2/slow/upload`;
  const begun = await must(`${repository}/blobs/uploads/`, { method: 'POST' });
  const place = new URL(begun.headers.get('location') ?? '', repository);
  const taken: Buffer[] = [];
  const sent = request(place, { method: 'PATCH', headers: { 'content-type': 'application/octet-stream' } });
  dripping(stop, taken).pipe(sent);
  const [answer] = (await once(sent, 'response')) as [Readable & { statusCode: number; headers: Record<string, string> }];
  await answer.toArray();
  assert.equal(answer.statusCode, 202);
  const end = new URL(answer.headers['location'] ?? '', repository);
  const digest = sha256(Buffer.concat(taken));
  end.searchParams.set('digest', digest);
  await must(end.href, { method: 'PUT' });
  const back = new Uint8Array(await (await must(`${repository}/blobs/${digest}`)).arrayBuffer());
  assert.equal(sha256(back), digest);
}

/** One download is taken slowly for as long as all the moves take. */
async function downloadSlowly({ registry }: Served, digest: string, stop: () => boolean): Promise<void> {
  const [answer] = (await once(get(`${registry}/v2/big/blobs/${digest}`), 'response')) as [Readable & { statusCode: number }];
  assert.equal(answer.statusCode, 200);
  const hash = createHash('sha256');
  for await (const chunk of answer) {
    hash.update(chunk as Buffer);
    if (!stop()) await wait(100);
  }
  assert.equal(`sha256:${hash.digest('hex')}`, digest);
}

const disks = [['the same disk', undefined], ...(existsSync('/dev/shm') ? [['another disk', '/dev/shm']] : [])] as const;

for (const [disk, other] of disks)
  test(
    `nobody who pulls, pushes, makes containers or runs commands fails while the store moves to ${disk} and back`,
    { timeout: 240_000 },
    async (t) => {
      const elsewhere = other === undefined ? temporary(t, 'moved') : mkdtempSync(join(other, 'bayplan-moved-'));
      const served = await serve(t);
      t.after(() => rmSync(elsewhere, { recursive: true, force: true }));
      const { registry, home, run } = served;
      await push(registry, 'base', 'latest', ['base', 'x'.repeat(200_000)]);
      const big = randomBytes(20_000_000);
      await pushBlob(`${registry}/v2/big`, big);
      let over = false;
      const stop = () => over;
      const counts = { pushed: 0, pulled: 0, containers: 0, commands: 0 };
      const again = async (key: keyof typeof counts, act: (round: number) => Promise<unknown>) => {
        try {
          // A short rest: who asks without one takes the processor from the others and the move.
          for (; !over; counts[key]++, await wait(20)) await act(counts[key]);
        } finally {
          over = true;
        }
      };
      /** Until each of them has done two things more, from beginning to end. */
      const worked = async () => {
        const before = { ...counts };
        const keys = Object.keys(counts) as (keyof typeof counts)[];
        // The first thing that ends was begun before.
        while (!over && keys.some((key) => counts[key] < before[key] + 3)) await wait(20);
      };
      const clients = [
        again('pushed', (round) => push(registry, `pushed/${round % 3}`, 'latest', ['base', `pushed ${round}`])),
        again('pulled', () => pull(registry, 'base', 'latest')),
        again('containers', (round) => useContainer(served, round)),
        again('commands', async (round) => {
          await run('tag', 'base', `tagged:${round % 5}`);
          assert.match(await run('images'), /base/);
        }),
        uploadSlowly(served, stop),
        downloadSlowly(served, sha256(big), stop),
      ];
      const failed = Promise.all(clients);
      failed.catch(() => (over = true));
      const moves: Record<string, unknown>[] = [];
      try {
        for (const target of ['away', 'store']) {
          await worked();
          if (over) break;
          const path = target === 'store' ? join(home, 'store') : join(elsewhere, target);
          moves.push(JSON.parse(await run('store', 'move', path, '--json')) as Record<string, unknown>);
        }
        await worked();
      } finally {
        over = true;
        await failed;
      }
      for (const [key, count] of Object.entries(counts)) assert.ok(count > 8, `${key}: ${count}`);
      assert.deepEqual(
        moves.map(({ how, removed }) => [how, removed]),
        Array.from(moves, () => [other === undefined ? 'linked' : 'copied', true]),
      );
      assert.equal(moves.length, 2);
      assert.deepEqual(readdirSync(elsewhere), []);
      assert.equal(await storeFolder({ BAY_HOME: home }), join(home, 'store'));
      assert.deepEqual(JSON.parse(readFileSync(join(home, 'config.json'), 'utf8')), {});
      await using store = await ImageStore.open(join(home, 'store'));
      assert.deepEqual(await store.check(), []);
      await store.sweep();
      assert.deepEqual(await store.check(), []);
      assert.equal((await store.journal()).filter(({ moved }) => moved).length, 2);
      t.diagnostic(JSON.stringify(counts));
    },
  );

test('a target that cannot be is refused with the reason, and nothing is changed', async (t) => {
  const home = temporary(t, 'move');
  const folder = temporary(t, 'there');
  writeFileSync(join(folder, 'file'), '');
  assert.equal((await bay(['volume', 'create', 'data'], { home })).code, 0);
  const store = join(home, 'store');
  for (const [target, why] of [
    [folder, /the path exists already/],
    [join(folder, 'file'), /the path exists already/],
    [join(folder, 'file', 'below'), /is no folder/],
    [store, /the path exists already/],
    [join(store, 'inside'), /it lies in the store itself/],
    [join(store, 'bay', 'trees', 'deep', 'inside'), /it lies in the store itself/],
    ['/proc/nowhere', /cannot move the store to/],
    ['http://images.example.com/store', /it is an address, not a path/],
  ] as const) {
    const { code, stderr } = await bay(['store', 'move', target], { home });
    assert.equal(code, 1, target);
    assert.match(stderr, why, target);
    assert.doesNotMatch(stderr, /^\s+at /m);
  }
  assert.deepEqual(readdirSync(folder), ['file']);
  assert.match((await bay(['volume', 'ls'], { home })).stdout, /data/);
  assert.deepEqual(
    readdirSync(join(store, 'bay')).filter((name) => name.startsWith('move.json')),
    [],
  );
});

test('a store that was moved to a disk that is not there now is refused, and no empty one takes its place', async (t) => {
  const home = temporary(t, 'move');
  const disk = temporary(t, 'disk');
  const away = `${disk}-unmounted`;
  assert.equal((await bay(['volume', 'create', 'data'], { home })).code, 0);
  assert.equal((await bay(['store', 'move', join(disk, 'store')], { home })).code, 0);
  renameSync(disk, away);
  mkdirSync(disk);
  for (const words of [['volume', 'ls'], ['volume', 'create', 'other'], ['Get-ContainerImage'], ['store', 'move', join(home, 'store')]]) {
    const { code, stderr } = await bay(words, { home });
    assert.equal(code, 1, words.join(' '));
    assert.match(stderr, /it is not there, and .*config\.json says that it was moved there/, words.join(' '));
    assert.match(stderr, /Mount the disk/);
    assert.deepEqual(readdirSync(disk), []);
  }
  rmSync(disk, { recursive: true });
  renameSync(away, disk);
  assert.match((await bay(['volume', 'ls'], { home })).stdout, /data/);
});

test('a cmdlet finishes a move that was killed, as other commands do', async (t) => {
  const home = temporary(t, 'move');
  const to = join(temporary(t, 'moved'), 'store');
  assert.equal((await bay(['volume', 'create', 'data'], { home })).code, 0);
  {
    await using store = await ImageStore.open(join(home, 'store'));
    await assert.rejects(store.move(to, { onSwitched: () => Promise.reject(new Error('killed')) }), /killed/);
  }
  assert.equal((await bay(['Get-ContainerImage'], { home })).code, 0);
  assert.equal(await storeFolder({ BAY_HOME: home }), to);
  assert.equal(existsSync(join(home, 'store')), false);
});
