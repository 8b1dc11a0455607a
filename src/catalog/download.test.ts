import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { gzipSync } from 'node:zlib';

import { fileServer, type FileServerOptions } from '../../test/support/file-server.ts';
import { isolated } from '../../test/support/lying-registry.ts';
import { temporary } from '../../test/support/temporary.ts';
import { parseDigest } from '../model/digest.ts';
import { openRegistries } from '../remote/registries.ts';
import { openCataloguePlace } from './catalogue-place.ts';
import { download, type DownloadFrom } from './download.ts';

const sha256 = (bytes: Uint8Array) => parseDigest(`sha256:${createHash('sha256').update(bytes).digest('hex')}`);

async function ground(t: TestContext, bytes: Buffer, options: FileServerOptions = {}) {
  const [served, target] = [temporary(t, 'served'), temporary(t, 'target')];
  writeFileSync(join(served, 'a b.wim'), bytes);
  const server = await fileServer(t, served, options);
  const registries = openRegistries(isolated);
  t.after(() => registries.close());
  const from: DownloadFrom = {
    place: await openCataloguePlace(server.url, registries),
    file: 'a b.wim',
    sha256: sha256(bytes),
    size: bytes.length,
  };
  return { served, target, path: join(target, 'out.wim'), server, registries, from };
}

test('a connection that is cut ten times brings the whole file, by ranges', async (t) => {
  const bytes = randomBytes(3_000_000);
  let cuts = 0;
  const { from, path, server, target } = await ground(t, bytes, { cutAfter: () => (cuts++ < 10 ? 250_000 : undefined) });
  const states: string[] = [];
  await download(from, path, { onProgress: ({ state }) => states.push(state) });
  assert.deepEqual(readFileSync(path), bytes);
  assert.deepEqual(readdirSync(target), ['out.wim']);
  assert.equal(server.requests.length, 11);
  assert.deepEqual(
    server.requests.slice(1).map(({ headers }) => [headers.range !== undefined, headers['if-range'] !== undefined]),
    Array.from({ length: 10 }, () => [true, true]),
  );
  assert.equal(states.filter((state) => state === 'retrying').length, 10);
  assert.equal(states.at(-1), 'done');
});

test('a server that brings nothing is given up, and what is there is gone on with later', async (t) => {
  const bytes = randomBytes(400_000);
  let limit: number | undefined = 100_000;
  const { from, path, server, target } = await ground(t, bytes, { cutAfter: () => limit });
  const once = { ...from, place: { ...from.place, retry: { ...from.place.retry, tries: 1 } } };
  await assert.rejects(download(once, path), { code: 'unavailable' });
  assert.deepEqual(readdirSync(target).toSorted(), ['out.wim.part', 'out.wim.part.json']);
  limit = undefined;
  await download(from, path);
  assert.deepEqual(readFileSync(path), bytes);
  assert.equal(server.requests.at(-1)?.headers.range, 'bytes=100000-');
  assert.deepEqual(readdirSync(target), ['out.wim']);
});

test('a file that changed on the server between two tries is begun anew', async (t) => {
  const [old, bytes] = [randomBytes(300_000), randomBytes(300_000)];
  for (const withoutTag of [false, true]) {
    let limit: number | undefined = 100_000;
    const { from, path, served } = await ground(t, old, { cutAfter: () => limit, withoutTag });
    const once = { ...from, sha256: sha256(bytes), place: { ...from.place, retry: { ...from.place.retry, tries: 1 } } };
    await assert.rejects(download(once, path), { code: 'unavailable' });
    writeFileSync(join(served, 'a b.wim'), bytes);
    limit = undefined;
    await download(once, path);
    assert.deepEqual(readFileSync(path), bytes);
  }
});

test('a file that changes on the server for ever is given up, however much each connection brings', async (t) => {
  const bytes = randomBytes(600_000);
  const { from, path, served, server } = await ground(t, bytes, {
    cutAfter: () => {
      // Each third connection meets another version of it.
      if (server.requests.length % 3 === 0) utimesSync(join(served, 'a b.wim'), server.requests.length, server.requests.length);
      assert.ok(server.requests.length < 60, 'it asks for ever');
      return 150_000;
    },
  });
  const quick = { ...from, place: { ...from.place, retry: { ...from.place.retry, base: 1 } } };
  await assert.rejects(download(quick, path), { code: 'unavailable' });
});

test('content that is not what the catalogue says is refused, and nothing of it is kept', async (t) => {
  const bytes = randomBytes(200_000);
  const { from, path, target } = await ground(t, bytes);
  writeFileSync(path, 'what was there');
  await assert.rejects(download({ ...from, sha256: sha256(Buffer.from('other')) }, path), {
    code: 'digest-mismatch',
    message: /a%20b\.wim/,
  });
  await assert.rejects(download({ ...from, size: 100_000 }, path), { code: 'size-mismatch' });
  await assert.rejects(download({ ...from, size: 300_000 }, path), { code: 'size-mismatch' });
  assert.deepEqual(readdirSync(target), ['out.wim']);
  assert.equal(readFileSync(path, 'utf8'), 'what was there');
});

test('an answer without end stops where the catalogue says that the file ends', async (t) => {
  const bytes = randomBytes(100_000);
  let sent = 0;
  const { from, path, target } = await ground(t, bytes, {
    lie: (_request, response) => {
      const more = (): void => {
        while (!response.destroyed && response.write(bytes)) sent += bytes.length;
      };
      response.on('drain', more);
      more();
      return true;
    },
  });
  await assert.rejects(download(from, path), { code: 'size-mismatch' });
  assert.ok(sent < 100_000_000);
  assert.deepEqual(readdirSync(target), []);
});

test('a disk that has not the room is said before the first byte', async (t) => {
  const { from, path, server, target } = await ground(t, randomBytes(10));
  await assert.rejects(download({ ...from, size: Number.MAX_SAFE_INTEGER }, path), {
    code: 'disk-full',
    message: 'Not enough space to save the file',
  });
  assert.equal(server.requests.length, 0);
  assert.deepEqual(readdirSync(target), []);
});

test('two downloads to one place do not meet, and a draft is never written through a link', async (t) => {
  const bytes = randomBytes(200_000);
  const { from, path, target, served } = await ground(t, bytes);
  const both = await Promise.allSettled([download(from, path), download(from, path)]);
  assert.deepEqual(both.map(({ status }) => status).toSorted(), ['fulfilled', 'rejected']);
  symlinkSync(join(served, 'victim'), join(target, 'linked.wim.part'));
  await assert.rejects(download(from, join(target, 'linked.wim')));
  assert.equal(existsSync(join(served, 'victim')), false);
});

test('from a folder it comes as from a server, and an empty file is one', async (t) => {
  const { served, registries, target } = await ground(t, randomBytes(200_000));
  const place = await openCataloguePlace(served, registries);
  const bytes = readFileSync(join(served, 'a b.wim'));
  await download({ place, file: 'a b.wim', sha256: sha256(bytes), size: bytes.length }, join(target, 'copy'));
  assert.deepEqual(readFileSync(join(target, 'copy')), bytes);
  writeFileSync(join(served, 'empty.wim'), '');
  await download({ place, file: 'empty.wim', sha256: sha256(Buffer.alloc(0)), size: 0 }, join(target, 'empty'));
  assert.equal(readFileSync(join(target, 'empty')).length, 0);
  await assert.rejects(download({ place, file: 'none.wim', sha256: sha256(bytes), size: 1 }, join(target, 'none')), { code: 'not-found' });
});

test('a server or proxy that packs what it sends, or answers a range with another one, brings the file nevertheless', async (t) => {
  const bytes = Buffer.concat([randomBytes(400_000), Buffer.alloc(400_000)]);
  const packed = gzipSync(bytes);
  const send = (response: ServerResponse, status: number, headers: OutgoingHttpHeaders, body: Buffer, cut = false) => {
    response.writeHead(status, { ETag: '"1"', 'Content-Length': body.length, ...headers });
    if (cut) response.write(body.subarray(0, 200_000), () => response.destroy());
    else response.end(body);
    return true;
  };
  const gzip = { 'Content-Encoding': 'gzip' };
  const lies: ((isRange: boolean, number: number, response: ServerResponse) => boolean)[] = [
    (_isRange, number, response) => send(response, 200, gzip, packed, number === 1),
    (isRange, number, response) =>
      isRange
        ? send(response, 206, { ...gzip, 'Content-Range': `bytes 200000-${packed.length - 1}/${packed.length}` }, packed.subarray(200_000))
        : send(response, 200, gzip, packed, number === 1),
    (isRange, number, response) =>
      isRange
        ? send(response, 206, { 'Content-Range': `bytes 0-${bytes.length - 1}/${bytes.length}` }, bytes)
        : send(response, 200, {}, bytes, number === 1),
    (isRange, number, response) =>
      isRange
        ? send(response, 206, { 'Content-Type': 'multipart/byteranges; boundary=b' }, Buffer.from('--b--'))
        : send(response, 200, {}, bytes, number === 1),
  ];
  for (const lie of lies) {
    let number = 0;
    const { from, path } = await ground(t, bytes, {
      lie: (request, response) => lie(request.headers.range !== undefined, ++number, response),
    });
    await download(from, path);
    assert.deepEqual(readFileSync(path), bytes);
  }
});
