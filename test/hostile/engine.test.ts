/** The Docker door against what nobody means well with: every route, with names, parameters and bodies that no client sends. Each is answered, none is a fault of ours. */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';

import { routes } from '../../src/frontends/engine-api/routes.ts';
import { startEngine } from '../interop/engine-ground.ts';

const names = [
  ...[
    '..',
    '../..',
    '/',
    '//',
    '.',
    '%2e%2e',
    '%2f%2f',
    'a%00b',
    '%',
    '%zz',
    '%ff%fe',
    'a%0d%0aX-Y:%20z',
    '__proto__',
    'constructor',
    'toString',
  ],
  ...[
    'a:b:c',
    'a@sha256:0',
    `a@sha256:${'0'.repeat(64)}`,
    `sha256:${'0'.repeat(64)}`,
    '0',
    'f',
    '-',
    '_',
    'A',
    'ä',
    '%F0%9F%92%A9',
    "';--",
    '%20',
    '{}',
    '*',
    '?',
  ],
  'x'.repeat(5000),
];

const queries = [
  '',
  'filters=%7B%22__proto__%22%3A%5B%22x%22%5D%7D&platform=%7B%7D&path=..&name=..&repo=..&tag=..&fromImage=..&fromSrc=..&names=..&since=..&until=..&limit=..&term=..&container=..',
  'filters=%7B%7D&platform=linux&path=/../../etc/passwd&name=%00&repo=%00&tag=%00&fromImage=%00&fromSrc=file:///etc/passwd&names=%00&since=9e99&until=-1&limit=-1&term=%00&container=%00',
  'filters=%7B%22label%22%3A%7B%22%22%3Atrue%7D%7D&platform=%7B%22os%22%3A1%7D&path=&name=&repo=&tag=&fromImage=&fromSrc=-&names=&limit=99999999999999999999&term=&container=&changes=%00&changes=RUN%20x&condition=x&force=maybe&size=1&all=1&manifests=1',
  `path=${'/a'.repeat(2000)}&name=${'a'.repeat(4000)}&repo=${'a'.repeat(4000)}&filters=%7B%22name%22%3A%5B%22(((((((((%22%5D%7D&platforms=x&platforms=x&type=x`,
  'filters=%7B%22name%22%3A%5B%22(a%2B)%2B%24%22%5D%2C%22reference%22%3A%5B%22%5B%22%5D%7D',
];

const bodies: readonly { readonly body: string; readonly type: string }[] = [
  { body: '', type: 'application/json' },
  { body: 'null', type: 'application/json' },
  {
    body: '{"__proto__":{"Image":"a"},"Image":"../..","Cmd":{},"HostConfig":[],"NetworkingConfig":7,"Labels":[1]}',
    type: 'application/json',
  },
  { body: '{"Image":"a\\u0000","Name":"../x","Memory":1e400,"Binds":["/etc:/etc"],"Labels":{"a":{}}}', type: 'application/json' },
  { body: '\ufeff{}', type: 'application/json; charset=utf-8' },
  { body: '=&=&%zz=%zz&a', type: 'application/x-www-form-urlencoded' },
  { body: '\x1f\x8b\x08\0\0\0\0\0\0\xff', type: 'application/x-tar' },
];

test('every route answers whatever it is sent, and nothing of it is a fault of ours', { timeout: 300_000 }, async (t) => {
  const engine = await startEngine(t);
  await engine.put(['docker.io/library/a:1']);
  const headers = { 'X-Registry-Auth': 'e30=', 'X-Registry-Config': '!!' };
  const seen = new Map<number, number>();
  // No pulls from the Hub: this name leads nowhere, at once.
  const offline = (query: string): string => query.replace('fromImage=..', 'fromImage=127.0.0.1:1/x');
  for (const { method, path } of routes) {
    // It goes on for as long as it is listened to.
    if (path === '/events') continue;
    const paths = path.includes('{name}') ? names.map((name) => path.replace('{name}', name)) : [path];
    for (const [at, one] of paths.entries()) {
      const target = `${at % 2 ? '/v1.30' : ''}${one}?${offline(queries[at % queries.length] ?? '')}`;
      // The Hub must not be asked by a test.
      if (/^\/(?:v1\.30\/)?(?:distribution\/[0a-z_]+|images\/search)/.test(target)) continue;
      const { body, type } = bodies[at % bodies.length] ?? { body: '', type: '' };
      const sent = method === 'GET' || method === 'HEAD' ? { headers } : { body, headers: { ...headers, 'Content-Type': type } };
      const answer = await engine.send(method, target, sent);
      seen.set(answer.status, (seen.get(answer.status) ?? 0) + 1);
      assert.ok(
        answer.status < 500 || [501, 503].includes(answer.status),
        `${method} ${target.slice(0, 200)}: ${answer.status} ${answer.text}`,
      );
      if (answer.status >= 400 && method !== 'HEAD')
        assert.doesNotMatch(answer.text, /internal error|\bat .*:\d+:\d+/, target.slice(0, 200));
    }
    for (const [at, query] of queries.entries()) {
      if (path === '/images/search' || path.startsWith('/distribution')) continue;
      const target = `${path.replace('{name}', 'a:1')}?${offline(query)}`;
      const { body, type } = bodies[(at + 3) % bodies.length] ?? { body: '', type: '' };
      const sent = method === 'GET' || method === 'HEAD' ? { headers } : { body, headers: { ...headers, 'Content-Type': type } };
      const answer = await engine.send(method, target, sent);
      assert.ok(
        answer.status < 500 || [501, 503].includes(answer.status) || /cannot reach|cannot read/.test(answer.text),
        `${method} ${target.slice(0, 300)}: ${answer.status} ${answer.text}`,
      );
    }
  }
  assert.ok((seen.get(400) ?? 0) > 100, JSON.stringify([...seen]));
  assert.equal((await engine.send('GET', '/_ping')).status, 200);
  assert.equal(Object.hasOwn(Object.prototype, 'Image'), false);
});

test('hundreds of connections that say nothing, or never finish, hinder nobody', async (t) => {
  const engine = await startEngine(t);
  const sockets = Array.from({ length: 300 }, (_, at) => {
    const socket = connect(engine.socket);
    socket.on('error', () => {});
    if (at % 3 === 1) socket.write('GET /version HTTP/1.1\r\nHost');
    if (at % 3 === 2) socket.write('POST /images/load HTTP/1.1\r\nHost: d\r\nContent-Length: 1000000\r\n\r\nabc');
    return socket;
  });
  await wait(200);
  const started = performance.now();
  assert.equal((await engine.send('GET', '/images/json')).status, 200);
  assert.ok(performance.now() - started < 2000);
  for (const socket of sockets) socket.destroy();
  await wait(200);
  assert.equal((await engine.send('GET', '/images/json')).status, 200);
});
