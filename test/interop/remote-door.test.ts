/** Our client and our own door: the whole of the newest protocol, between the two ends of it that we have. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo } from 'node:net';
import { test, type TestContext } from 'node:test';

import type { Repository } from '../../src/content/repository.ts';
import { ImageError } from '../../src/errors.ts';
import type { Progress } from '../../src/io/operation.ts';
import { mediaTypes } from '../../src/model/media-types.ts';
import { openRegistries } from '../../src/remote/registries.ts';
import { imagePlaceContract } from '../contracts/image-sink.ts';
import { startDoor } from '../contracts/registry-door.ts';
import { blobOf, isolated, noise } from '../support/lying-registry.ts';
import { bytesOf, chunksOf, makeImage, putImage } from '../support/make-image.ts';

function repositoryAt(t: TestContext, host: string, repository = 'team/app'): Repository {
  const registries = openRegistries({ ...isolated, retry: { tries: 5, base: 20, longest: 1000 } });
  t.after(() => registries.close());
  return registries.repository({ registry: host, repository });
}

imagePlaceContract('a repository behind our door', async (t) => {
  const { host } = await startDoor(t);
  const repository = repositoryAt(t, host);
  return { source: repository, sink: repository, nameOf: (tag) => tag };
});

test('the door keeps the lists of referrers itself, and one tag can go while the others stay', async (t) => {
  const { host, log } = await startDoor(t);
  const repository = repositoryAt(t, host);
  const image = await makeImage();
  await putImage(repository, image);
  for (const tag of ['a', 'b']) await repository.tag(image.target, tag);
  const document = {
    schemaVersion: 2,
    mediaType: mediaTypes.ociManifest,
    artifactType: 'application/x',
    config: image.config,
    layers: [],
    subject: image.target,
  };
  const bytes = Buffer.from(JSON.stringify(document));
  const referrer = blobOf(bytes, mediaTypes.ociManifest);
  await repository.write(referrer, async () => chunksOf(bytes));
  assert.deepEqual(
    (await repository.referrers(image.target, 'application/x')).map(({ digest }) => digest),
    [referrer.digest],
  );
  assert.deepEqual(await repository.referrers(image.target, 'application/other'), []);
  assert.deepEqual(await repository.tags(), ['a', 'b'], 'no tag stands for the list');
  await repository.untag('a');
  assert.deepEqual(await repository.tags(), ['b']);
  await repository.delete(referrer);
  assert.deepEqual(await repository.referrers(image.target), []);
  assert.ok(log.length > 0);
});

/** Passes bytes on to a host, and cuts each connection after so many of the client's: the network between two honest ends. */
async function cutting(t: TestContext, to: string, after: number): Promise<{ host: string; cuts: () => number }> {
  let cuts = 0;
  const port = Number(to.split(':').at(-1));
  const server = createServer((client) => {
    const onward = connect(port, '127.0.0.1');
    let passed = 0;
    const end = () => {
      client.destroy();
      onward.destroy();
    };
    client.on('data', (chunk) => {
      passed += chunk.length;
      onward.write(chunk);
      if (passed < after) return;
      cuts++;
      // What is on its way still arrives.
      setTimeout(end, 50);
      client.pause();
    });
    onward.on('data', (chunk) => client.write(chunk));
    for (const socket of [client, onward]) socket.on('error', end).on('close', end);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  return { host: `127.0.0.1:${(server.address() as AddressInfo).port}`, cuts: () => cuts };
}

test('an upload over a network that keeps breaking gets there, and never starts again', async (t) => {
  const { host } = await startDoor(t);
  const bad = await cutting(t, host, 3_000_000);
  const bytes = noise(10_000_000);
  const target = blobOf(bytes);
  const offsets: number[] = [];
  const events: Progress[] = [];
  await repositoryAt(t, bad.host).write(
    target,
    async (offset) => {
      offsets.push(offset);
      return chunksOf(bytes.subarray(offset), 65536);
    },
    { onProgress: (event) => events.push(event) },
  );
  assert.ok(bad.cuts() >= 3);
  assert.ok(offsets.length >= 4 && offsets.filter((offset) => offset === 0).length === 1);
  for (const [at, offset] of offsets.entries()) assert.ok(at === 0 || offset >= (offsets[at - 1] ?? 0), `${offsets.join(' ')}`);
  assert.ok(events.some(({ state }) => state === 'retrying'));
  const straight = repositoryAt(t, host);
  assert.ok((await bytesOf(await straight.open(target))).equals(bytes));
});

test('what one repository has is not shown in another, and a mount brings it there', async (t) => {
  const { host } = await startDoor(t);
  const [one, two] = [repositoryAt(t, host, 'one'), repositoryAt(t, host, 'two')];
  const bytes = noise(5000);
  const target = blobOf(bytes);
  await one.write(target, async (offset) => chunksOf(bytes.subarray(offset)));
  assert.equal(await two.has(target), false);
  await assert.rejects(two.open(target), (error) => error instanceof ImageError && error.code === 'blob-unknown');
  const states: string[] = [];
  await two.write(target, () => assert.fail('no byte is needed'), {
    from: { registry: host, repository: 'one' },
    onProgress: ({ state }) => states.push(state),
  });
  assert.deepEqual(states, ['mounted']);
  assert.equal(await two.has(target), true);
});
