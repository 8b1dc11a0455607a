/** A registry that fails for good, or says nothing: it is asked as often as the one rule says, whoever asks, and a word from the user ends the wait at once. */
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { ImageError, isImageError } from '../../src/errors.ts';
import { parseReference } from '../../src/model/reference.ts';
import { pull } from '../../src/operations/pull.ts';
import { blobOf, honest, isolated, lyingRegistry, noise, type LyingRegistry } from '../support/lying-registry.ts';
import { chunksOf, makeImage } from '../support/make-image.ts';
import { openStore } from '../support/open-store.ts';

const tries = 3;
const begun = { location: '/v2/app/blobs/uploads/1' };
const impatient = { timeouts: { connect: 2000, headers: 150, idle: 150 }, retry: { ...isolated.retry, tries: 5, silence: 300 } };

function write(registry: LyingRegistry, size: number, signal?: AbortSignal): Promise<void> {
  const bytes = noise(size);
  return registry.repository('app').write(blobOf(bytes), async (offset) => chunksOf(bytes.subarray(offset), 65_536), { signal });
}

function asked(registry: LyingRegistry, method: string, part = ''): number {
  return registry.requests.filter((request) => request.method === method && request.path.includes(part)).length;
}

function givenUp(count: number): (error: unknown) => true {
  return (error) => {
    assert.ok(isImageError(error, 'unavailable'), String(error));
    assert.match(error.message, new RegExp(`given up after ${count} tries`));
    return true;
  };
}

for (const failure of ['breaks', 'refuses'] as const)
  test(`a blob that a registry always ${failure} is asked for ${tries} times by a pull into the store`, async (t) => {
    const image = await makeImage({ layers: [noise(300_000)] });
    const layer = image.layers[0]?.digest ?? '';
    const registry = await lyingRegistry(t, (request, answer, response) => {
      if (!request.path.endsWith(layer)) return void honest(image, request, answer);
      if (failure === 'refuses') return answer(503);
      const from = Number(/^bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0);
      const size = image.blobs.get(layer)?.length ?? 0;
      response.writeHead(from === 0 ? 200 : 206, {
        'content-length': String(size - from),
        ...(from === 0 ? {} : { 'content-range': `bytes ${from}-${size - 1}/${size}` }),
      });
      return void response.write(noise(1000), () => response.destroy());
    });
    const store = await openStore(t);
    const reference = parseReference(`${registry.host}/app:latest`);
    await assert.rejects(
      pull({ store, remote: (of) => registry.registries.repository(of) }, reference),
      failure === 'breaks' ? givenUp(tries) : { code: 'unavailable' },
    );
    assert.equal(asked(registry, 'GET', layer), tries);
    assert.deepEqual(await store.names(), []);
  });

test('an upload that a registry will not begin is asked for no oftener', async (t) => {
  let sessions = 0;
  const registry = await lyingRegistry(t, ({ method }, answer, response) => {
    if (method === 'POST' && sessions++ === 0) return answer(202, begun);
    if (method === 'PATCH') return void response.destroy();
    return answer(method === 'GET' ? 404 : 503);
  });
  await assert.rejects(write(registry, 5_000_000), { code: 'unavailable' });
  assert.equal(asked(registry, 'POST'), 1 + tries);
});

test('a token service that is down is asked no oftener', async (t) => {
  const registry = await lyingRegistry(t, ({ path }, answer) =>
    path === '/token' ? answer(503) : answer(401, { 'www-authenticate': `Bearer realm="http://${registry.host}/token",service="s"` }),
  );
  await assert.rejects(registry.repository('app').resolve('latest'), ImageError);
  assert.equal(asked(registry, 'GET', '/token'), tries);
});

for (const size of [1000, 5_000_000])
  test(`a registry that never answers the end of an upload of ${size} bytes is given up by the clock, and the error says so`, async (t) => {
    const registry = await lyingRegistry(
      t,
      ({ method, body }, answer) => {
        if (method === 'POST') answer(202, begun);
        if (method === 'GET') answer(404);
        if (method === 'PATCH') answer(202, { ...begun, range: `0-${body.length - 1}` });
      },
      { registry: impatient },
    );
    const start = performance.now();
    // What large content takes longer to hash is part of a wait, and of the silence.
    await assert.rejects(
      write(registry, size),
      (error) => isImageError(error, 'unavailable') && /no answer within .*given up after [12] tr/.test(error.message),
    );
    assert.ok(performance.now() - start < 20_000);
    assert.ok(asked(registry, 'PUT') <= 2);
  });

test('a registry that takes connections and says nothing at all is given up by the clock', async (t) => {
  const registry = await lyingRegistry(t, () => {}, { registry: impatient });
  await assert.rejects(write(registry, 1000), givenUp(2));
  assert.equal(registry.requests.length, 2);
});

test('a word from the user ends the wait for an answer at once', async (t) => {
  const stop = new AbortController();
  const registry = await lyingRegistry(t, ({ method }, answer) => {
    if (method === 'POST') answer(202, begun);
    else setTimeout(() => stop.abort(), 50);
  });
  const start = performance.now();
  await assert.rejects(write(registry, 1000, stop.signal), { code: 'canceled' });
  assert.ok(performance.now() - start < 2000);
});

test('a blob that is there in another size is not there, and is sent', async (t) => {
  const bytes = noise(1000);
  const target = blobOf(bytes);
  for (const [length, there] of [
    ['1000', true],
    ['999', false],
    ['0', false],
  ] as const) {
    const registry = await lyingRegistry(t, (_, answer) => answer(200, { 'content-length': length }));
    assert.equal(await registry.repository('app').has(target), there, length);
  }
  const silent = await lyingRegistry(t, (_, answer) => answer(200, { 'transfer-encoding': 'chunked' }));
  assert.equal(await silent.repository('app').has(target), true);
});
