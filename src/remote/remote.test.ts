import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { digestOf } from '../model/digest.ts';
import { mediaTypes } from '../model/media-types.ts';
import { remote } from './remote.ts';

test('repositories that are opened one after the other share connections', async (t) => {
  const headers = { 'content-type': mediaTypes.ociManifest, 'content-length': 2, 'docker-content-digest': digestOf(Buffer.from('{}')) };
  let connections = 0;
  const server = createServer((_, response) => response.writeHead(200, headers).end()).on('connection', () => connections++);
  server.keepAliveTimeout = 60_000;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const ask = () => remote(`127.0.0.1:${port}/app`).resolve('1');
  for (let turn = 0; turn < 10; turn++) await ask();
  // One is a look whether the server speaks TLS; another is opened where a question comes before the last one's connection is free again.
  assert.ok(connections < 6, `${connections} connections`);
});
