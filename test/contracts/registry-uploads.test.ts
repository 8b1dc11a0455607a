/** Upload sessions: what clients that are interrupted, impatient or confused may rely on. */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { once } from 'node:events';
import { test, type TestContext } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';

import { digest, randomBlob, pushBlob, startDoor, type Answered, type Door } from './registry-door.ts';

const name = 'uploads/app';

async function begin(door: Door): Promise<string> {
  const answer = await door.send('POST', `/v2/${name}/blobs/uploads/`);
  assert.equal(answer.status, 202);
  assert.match(String(answer.headers.location), /^\/v2\/uploads\/app\/blobs\/uploads\/[\w-]+$/);
  assert.equal(answer.headers.range, '0-0');
  return String(answer.headers.location);
}

const range = async (door: Door, at: string): Promise<string | undefined> => {
  const answer = await door.send('GET', at);
  assert.equal(answer.status, 204);
  return answer.headers.range;
};

/** A request that is begun and not ended; what has been said so far is the caller's to decide. */
async function open(t: TestContext, door: Door, text: string) {
  const { hostname, port } = new URL(door.address);
  const socket = connect(Number(port), hostname);
  t.after(() => socket.destroy());
  socket.on('error', () => {});
  await once(socket, 'connect');
  socket.write(text);
  return socket;
}

async function until(what: string, check: () => Promise<boolean>): Promise<void> {
  for (const end = Date.now() + 10_000; Date.now() < end; await wait(20)) if (await check()) return;
  assert.fail(`never: ${what}`);
}

test('an upload outlives the server: a new one goes on with it', async (t) => {
  const first = await startDoor(t);
  const blob = randomBlob(300_000);
  const at = await begin(first);
  assert.equal((await first.send('PATCH', at, { body: blob.bytes.subarray(0, 100_000) })).status, 202);
  await first.close();
  const second = await startDoor(t, { folder: first.folder });
  assert.equal(await range(second, at), '0-99999');
  const patched = await second.send('PATCH', at, {
    headers: { 'Content-Range': '100000-199999' },
    body: blob.bytes.subarray(100_000, 200_000),
  });
  assert.equal(patched.status, 202);
  const answer = await second.send('PUT', `${at}?digest=${blob.digest}`, { body: blob.bytes.subarray(200_000) });
  assert.equal(answer.status, 201, answer.body.toString());
  assert.deepEqual((await second.send('GET', `/v2/${name}/blobs/${blob.digest}`)).body, blob.bytes);
});

test('a body that breaks off leaves what has arrived', async (t) => {
  const door = await startDoor(t);
  const blob = randomBlob(200_000);
  const at = await begin(door);
  const socket = await open(t, door, `PATCH ${at} HTTP/1.1\r\nHost: ${door.host}\r\nContent-Length: 200000\r\n\r\n`);
  socket.write(blob.bytes.subarray(0, 50_000));
  await wait(50);
  socket.destroy();
  let reached = 0;
  await until('the status says what arrived', async () => {
    const last = Number((await range(door, at))?.slice(2));
    reached = last + 1;
    return reached === 50_000;
  });
  const rest = await door.send('PATCH', at, { headers: { 'Content-Range': `${reached}-199999` }, body: blob.bytes.subarray(reached) });
  assert.equal(rest.status, 202, rest.body.toString());
  assert.equal((await door.send('PUT', `${at}?digest=${blob.digest}`)).status, 201);
  assert.deepEqual((await door.send('GET', `/v2/${name}/blobs/${blob.digest}`)).body, blob.bytes);
});

test('two chunks at once: one is taken, the other is told where the upload is', async (t) => {
  const door = await startDoor(t);
  const blob = randomBlob(400_000);
  for (let round = 0; round < 5; round++) {
    const at = await begin(door);
    const half = blob.bytes.subarray(0, 200_000);
    const patch = (): Promise<Answered> => door.send('PATCH', at, { headers: { 'Content-Range': '0-199999' }, body: half });
    const answers = await Promise.all([patch(), patch(), patch()]);
    assert.deepEqual(answers.map(({ status }) => status).toSorted(), [202, 416, 416]);
    assert.equal(await range(door, at), '0-199999');
    assert.equal((await door.send('PUT', `${at}?digest=${blob.digest}`, { body: blob.bytes.subarray(200_000) })).status, 201);
  }
});

test('while one request writes to an upload, others are told so, and it goes on undisturbed', async (t) => {
  const door = await startDoor(t);
  const at = await begin(door);
  const socket = await open(t, door, `PATCH ${at} HTTP/1.1\r\nHost: ${door.host}\r\nContent-Length: 1000\r\n\r\n${'a'.repeat(400)}`);
  await wait(300);
  assert.equal((await door.send('PUT', `${at}?digest=${digest('a'.repeat(400))}`)).status, 416);
  assert.equal((await door.send('PATCH', at, { headers: { 'Content-Range': '400-402' }, body: 'bbb' })).status, 416);
  assert.equal((await door.send('PATCH', at, { body: 'bbb' })).status, 416);
  assert.match(String(await range(door, at)), /^0-\d+$/);
  socket.write('a'.repeat(600));
  await until('all of it is in', async () => (await range(door, at)) === '0-999');
  assert.equal((await door.send('PUT', `${at}?digest=${digest('a'.repeat(1000))}`)).status, 201);
});

test('the closing PUT needs a digest, and the upload goes on without', async (t) => {
  const door = await startDoor(t);
  const at = await begin(door);
  assert.equal((await door.send('PATCH', at, { body: 'abc' })).status, 202);
  for (const query of [
    '',
    '?digest=',
    '?digest=sha256:baddigeststring',
    '?digest=md5:d41d8cd98f00b204e9800998ecf8427e',
    `?digest=SHA256:${'0'.repeat(64)}`,
  ]) {
    const answer = await door.send('PUT', `${at}${query}`);
    assert.equal(answer.status, 400, query);
    assert.match(answer.body.toString(), /DIGEST_INVALID/);
  }
  assert.equal(await range(door, at), '0-2');
  assert.equal((await door.send('PUT', `${at}?digest=${digest('abc')}`)).status, 201);
});

test('a Content-Range that is not the chunk is refused, whatever is wrong with it', async (t) => {
  const door = await startDoor(t);
  const at = await begin(door);
  assert.equal((await door.send('PATCH', at, { body: 'abcd' })).status, 202);
  const cases: [string, string, number][] = [
    ['4-6', 'efgh', 400],
    ['4-8', 'efgh', 400],
    ['x-y', 'efgh', 400],
    ['7-4', 'efgh', 400],
    ['4', 'efgh', 400],
    ['-4', 'efgh', 400],
    ['99999999999999999999-99999999999999999999', 'e', 400],
    ['5-8', 'efgh', 416],
    ['0-3', 'efgh', 416],
    ['4-7', '', 400],
  ];
  for (const [header, body, status] of cases) {
    const answer = await door.send('PATCH', at, { headers: { 'Content-Range': header }, body });
    assert.equal(answer.status, status, `${header}: ${answer.body.toString()}`);
    assert.equal(await range(door, at), '0-3', header);
  }
  for (const [header, body] of [
    ['4-7', 'efgh'],
    ['bytes 8-9/*', 'ij'],
    ['bytes=10-10', 'k'],
  ] as const)
    assert.equal((await door.send('PATCH', at, { headers: { 'Content-Range': header }, body })).status, 202, header);
  assert.equal((await door.send('PUT', `${at}?digest=${digest('abcdefghijk')}`)).status, 201);
});

test('more bytes than the Content-Range says, without a length, are refused', async (t) => {
  const door = await startDoor(t);
  const at = await begin(door);
  const answer = await door.send('PATCH', at, { headers: { 'Content-Range': '0-3' }, body: [Buffer.from('abcd'), Buffer.from('efgh')] });
  assert.equal(answer.status, 413);
});

test('an upload belongs to its repository', async (t) => {
  const door = await startDoor(t);
  const at = await begin(door);
  const id = at.slice(at.lastIndexOf('/') + 1);
  for (const [method, path] of [
    ['GET', `/v2/other/app/blobs/uploads/${id}`],
    ['PATCH', `/v2/other/app/blobs/uploads/${id}`],
    ['DELETE', `/v2/other/app/blobs/uploads/${id}`],
    ['GET', `/v2/${name}/blobs/uploads/..%2f${id}`],
    ['GET', `/v2/${name}/blobs/uploads/no-such-upload`],
    ['GET', `/v2/${name}/blobs/uploads/%00`],
    ['GET', `/v2/${name}/blobs/uploads/${'x'.repeat(2000)}`],
  ] as const) {
    const { status } = await door.send(method, path);
    assert.ok(status === 404 || status === 400, `${method} ${path}: ${status}`);
  }
  assert.equal((await door.send('GET', at)).status, 204);
});

test('a digest is no permission: a blob is seen only where it was pushed or mounted', async (t) => {
  const door = await startDoor(t);
  const blob = randomBlob(1000);
  await pushBlob(door, 'secret/app', blob);
  await pushBlob(door, 'other/app', randomBlob());
  for (const method of ['GET', 'HEAD', 'DELETE']) assert.equal((await door.send(method, `/v2/other/app/blobs/${blob.digest}`)).status, 404);
  assert.equal((await door.send('GET', `/v2/other/app/manifests/${blob.digest}`)).status, 404);
  const from = await door.send('POST', `/v2/other/app/blobs/uploads/?mount=${blob.digest}&from=third/app`);
  assert.equal(from.status, 202, 'the named repository has not got it');
  assert.equal((await door.send('GET', `/v2/secret/app/blobs/${blob.digest}`)).status, 200);
});

test('many clients push the same blob at once', async (t) => {
  const door = await startDoor(t);
  const blob = randomBlob(150_000);
  const answers = await Promise.all(
    Array.from({ length: 8 }, (_, at) =>
      door.send('POST', `/v2/many/app${at % 3}/blobs/uploads/?digest=${blob.digest}`, { body: blob.bytes }),
    ),
  );
  for (const { status, body } of answers) assert.equal(status, 201, body.toString());
  for (const at of [0, 1, 2]) assert.deepEqual((await door.send('GET', `/v2/many/app${at}/blobs/${blob.digest}`)).body, blob.bytes);
});
