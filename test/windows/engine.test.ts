/** The Docker Engine API on a Windows pipe: images and containers of Windows, by a client that knows nothing but HTTP. */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { windowsBaseLayer } from '../../src/layers/windows.ts';
import { bytesOf, tarOf } from '../support/make-image.ts';
import { skipWithoutWindows, type WindowsHost } from '../support/windows.ts';
import { windowsGround } from './ground.ts';

interface Asked {
  readonly method: string;
  readonly path: string;
  readonly json?: object;
  /** Base64. */
  readonly body?: string;
}

interface Answered {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Base64. */
  readonly body: string;
}

/** Runs on that Windows: asks one thing after the other, and writes down what was answered. */
const client = String.raw`
const { request } = require('node:http');
const { readFileSync, writeFileSync } = require('node:fs');
const [pipe, asked, answered] = process.argv.slice(1);
const ask = ({ method, path, json, body }) => new Promise((resolve, reject) => {
  const bytes = json ? Buffer.from(JSON.stringify(json)) : Buffer.from(body ?? '', 'base64');
  const headers = { host: 'docker', 'content-length': bytes.length, ...(json ? { 'content-type': 'application/json' } : {}) };
  const sent = request({ socketPath: pipe, method, path, headers, agent: false }, (response) => {
    const parts = [];
    response.on('data', (part) => parts.push(part));
    response.on('end', () => resolve({ status: response.statusCode, headers: response.headers, body: Buffer.concat(parts).toString('base64') }));
  });
  sent.on('error', reject);
  sent.end(bytes);
});
(async () => {
  const answers = [];
  for (const one of JSON.parse(readFileSync(asked, 'utf8'))) answers.push(await ask(one));
  writeFileSync(answered, JSON.stringify(answers));
})();
`;

async function ask(host: WindowsHost, home: string, pipe: string, asked: readonly Asked[]): Promise<readonly Answered[]> {
  const folder = join(host.drive, 'asked');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'asked.json'), JSON.stringify(asked));
  const { code, stderr } = await host.node(['-e', client, pipe, 'C:\\asked\\asked.json', 'C:\\asked\\answered.json'], { home });
  assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
  return JSON.parse(readFileSync(join(folder, 'answered.json'), 'utf8')) as Answered[];
}

const text = ({ body }: Answered): string => Buffer.from(body, 'base64').toString();
const json = (answer: Answered): never => JSON.parse(text(answer)) as never;

test('the Docker Engine API on a Windows pipe', { skip: skipWithoutWindows }, async (t) => {
  const { host, home, ok, refused, serving, agree } = await windowsGround(t);
  const tar = join(host.drive, 'base.tar');
  writeFileSync(tar, await bytesOf(windowsBaseLayer([{ path: 'Files/inetpub/wwwroot/index.html', content: '<html>old' }])));
  const id = (await ok(['import', '--platform', 'windows/amd64:10.0.20348.1', 'C:\\base.tar', 'base:1'])).trim();
  await serving(async () => {
    const pipe = String.raw`\\.\pipe\bayplan`;
    const [ping, version, images, created, put] = (await ask(host, home, pipe, [
      { method: 'GET', path: '/_ping' },
      { method: 'GET', path: '/v1.51/version' },
      { method: 'GET', path: '/v1.51/images/json' },
      { method: 'POST', path: '/v1.51/containers/create?name=demo', json: { Image: 'base:1', Cmd: ['cmd'] } },
      {
        method: 'PUT',
        path: `/v1.51/containers/demo/archive?path=${encodeURIComponent('C:\\inetpub\\wwwroot')}`,
        body: (await tarOf({ 'new.html': '<html>' })).toString('base64'),
      },
    ])) as [Answered, Answered, Answered, Answered, Answered];
    assert.deepEqual([text(ping), ping.headers['ostype'], ping.headers['api-version']], ['OK', 'windows', '1.51']);
    assert.equal((json(version) as { Os: string }).Os, 'windows');
    assert.ok((json(images) as { Id: string }[]).some(({ Id }) => Id === id));
    assert.equal(created.status, 201, text(created));
    assert.equal(put.status, 200, text(put));

    const [stat, changes, committed, history, taken, listed] = (await ask(host, home, pipe, [
      // Names there have no case.
      { method: 'HEAD', path: `/containers/demo/archive?path=${encodeURIComponent('c:\\INETPUB\\wwwroot\\NEW.html')}` },
      { method: 'GET', path: '/containers/demo/changes' },
      { method: 'POST', path: '/commit?container=demo&repo=made&tag=2&comment=said' },
      { method: 'GET', path: '/images/made:2/history' },
      { method: 'DELETE', path: `/images/${id}` },
      { method: 'GET', path: `/containers/json?all=1&filters=${encodeURIComponent('{"name":["demo"]}')}` },
    ])) as [Answered, Answered, Answered, Answered, Answered, Answered];
    assert.equal(stat.status, 200);
    const { size } = JSON.parse(Buffer.from(stat.headers['x-docker-container-path-stat'] ?? '', 'base64').toString()) as { size: number };
    assert.equal(size, 6);
    assert.match(text(changes), /new\.html","Kind":1/);
    assert.equal(committed.status, 201, text(committed));
    const steps: { Id: string; Comment: string }[] = json(history);
    assert.deepEqual([steps[0]?.Id, steps[0]?.Comment], [(json(committed) as { Id: string }).Id, 'said']);
    assert.ok(steps.some((step) => step.Id === id));
    assert.equal(taken.status, 409, text(taken));
    assert.match(text(taken), /conflict: unable to delete/);
    assert.deepEqual(
      (json(listed) as { Names: string[] }[]).map(({ Names }) => Names),
      [['/demo']],
    );

    // The command line sees it at once, and a second server is told that the pipe is taken.
    assert.match(await ok(['ps', '-a']), /base:1/);
    await agree('made:2', (json(committed) as { Id: string }).Id);
    const second = await refused(['serve', '--listen', '127.0.0.1:0', '--docker-socket', pipe]);
    assert.match(second.stderr, /pipe\\bayplan: another server listens there/);
    const socket = await refused(['serve', '--listen', '127.0.0.1:0', '--docker-socket', 'C:\\docker.sock']);
    assert.match(socket.stderr, /docker\.sock is not the name of a pipe/);
    const [removed] = (await ask(host, home, pipe, [{ method: 'DELETE', path: '/containers/demo' }])) as [Answered];
    assert.equal(removed.status, 204, text(removed));
  });
  // A pipe of another name, as docker writes it.
  await serving(async () => {
    const [ping] = await ask(host, home, String.raw`\\.\pipe\other`, [{ method: 'GET', path: '/_ping' }]);
    assert.equal(ping && text(ping), 'OK');
  }, ['--docker-socket', 'npipe:////./pipe/other']);
});
