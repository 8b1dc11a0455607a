/** The Docker Engine API byte for byte: versions, parameters in all their shapes, errors early and late, and what no client should send. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';

import { bytesOf, makeImage, makeIndex, putImage, tarOf, type MadeImage } from '../support/make-image.ts';
import { startEngine, startRegistry, type Engine } from './engine-ground.ts';

const encode = (value: unknown): string => encodeURIComponent(JSON.stringify(value));

async function refused(engine: Engine, method: string, path: string, status: number, message: string | RegExp, sent = {}): Promise<void> {
  const answer = await engine.send(method, path, sent);
  assert.equal(answer.status, status, `${method} ${path}: ${answer.text}`);
  assert.equal(answer.headers['content-type'], 'application/json');
  const document: { message: string } = answer.json();
  assert.deepEqual(Object.keys(document), ['message']);
  if (typeof message === 'string') assert.equal(document.message, message, path);
  else assert.match(document.message, message, path);
}

test('the first word of every client is answered as docker answers it', async (t) => {
  const engine = await startEngine(t);
  for (const path of ['/_ping', '/v1.24/_ping', '/v1.51/_ping'])
    for (const method of ['HEAD', 'GET']) {
      const { status, headers, text } = await engine.send(method, path);
      assert.equal(status, 200);
      assert.equal(text, method === 'HEAD' ? '' : 'OK');
      const { server, date, connection, ...rest } = headers;
      assert.match(String(server), /^Bayplan\//);
      assert.ok(date && connection);
      assert.deepEqual(rest, {
        'api-version': '1.51',
        'builder-version': '1',
        'cache-control': 'no-cache, no-store, must-revalidate',
        'content-length': method === 'HEAD' ? '0' : '2',
        'content-type': 'text/plain; charset=utf-8',
        'docker-experimental': 'false',
        ostype: process.platform === 'win32' ? 'windows' : 'linux',
        pragma: 'no-cache',
        swarm: 'inactive',
      });
    }
});

test('versions from 1.22 to 1.51 are served, with and without the prefix; others are refused with docker’s texts', async (t) => {
  const engine = await startEngine(t);
  for (const path of ['/version', '/v1.22/version', '/v1.23/version', '/v1.24/version', '/v1.40/version', '/v1.51/version']) {
    const version: { ApiVersion: string; MinAPIVersion: string } = (await engine.send('GET', path)).json();
    assert.deepEqual([version.ApiVersion, version.MinAPIVersion], ['1.51', '1.24'], path);
  }
  await refused(engine, 'GET', '/v1.52/version', 400, 'client version 1.52 is too new. Maximum supported API version is 1.51');
  await refused(engine, 'GET', '/v2.0/version', 400, 'client version 2.0 is too new. Maximum supported API version is 1.51');
  for (const old of ['1.21', '1.0', '0.9', '1', '.', '1..9']) {
    const answer = await engine.send('GET', `/v${old}/version`);
    assert.equal(answer.status, 400, old);
    assert.equal(answer.headers['content-type'], 'text/plain; charset=utf-8');
    assert.equal(
      answer.text,
      `client version ${old} is too old. Minimum supported API version is 1.24, please upgrade your client to a newer version\n`,
    );
  }
});

test('a path or method that is not there is no page', async (t) => {
  const engine = await startEngine(t);
  for (const [method, path] of [
    ['GET', '/nope'],
    ['GET', '/'],
    ['GET', '/v1.51'],
    ['GET', '/images'],
    ['PUT', '/version'],
    ['DELETE', '/version'],
    ['PATCH', '/images/a/json'],
    ['GET', '/v1.51/v1.51/version'],
  ] as const)
    await refused(engine, method, path, 404, 'page not found');
  const head = await engine.send('HEAD', '/version');
  assert.deepEqual([head.status, head.text], [404, '']);
  assert.equal((await engine.send('OPTIONS', '/version')).status, 200);
});

test('a path with two slashes is sent to the one with one, as docker’s router does, and is not served', async (t) => {
  const engine = await startEngine(t);
  for (const [method, path, location] of [
    ['GET', '//v1.51/images/json?all=1&filters=a//b', '/v1.51/images/json?all=1&filters=a//b'],
    ['GET', '/v1.51//images/json', '/v1.51/images/json'],
    ['POST', '///v1.51/containers//prune', '/v1.51/containers/prune'],
    ['GET', 'http://docker//images/json', '/images/json'],
  ] as const) {
    const answer = await engine.send(method, path);
    assert.deepEqual([answer.status, answer.headers.location, answer.text], [301, location, ''], path);
  }
});

test('the list has the shape of the version that asks', async (t) => {
  const engine = await startEngine(t);
  const image = await engine.put(['docker.io/library/app:1', 'quay.io/me/app:2']);
  const dangling = await engine.put([], { layers: ['other'] });
  const rows = async (path: string): Promise<Record<string, unknown>[]> => (await engine.send('GET', path)).json();
  const of = (list: Record<string, unknown>[], id: string): Record<string, unknown> => {
    const row = list.find(({ Id }) => Id === id);
    assert.ok(row);
    return row;
  };
  const now = await rows('/v1.51/images/json');
  assert.equal(now.length, 2);
  const { Size, ...row } = of(now, image.target.digest);
  assert.ok(typeof Size === 'number' && Size > 0);
  assert.deepEqual(row, {
    Containers: 0,
    Created: 1767323045,
    Id: image.target.digest,
    Labels: null,
    ParentId: '',
    Descriptor: image.target,
    RepoDigests: [`app@${image.target.digest}`, `quay.io/me/app@${image.target.digest}`],
    RepoTags: ['app:1', 'quay.io/me/app:2'],
    SharedSize: -1,
  });
  const bare = of(now, dangling.target.digest);
  assert.deepEqual([bare['RepoTags'], bare['RepoDigests']], [[], []]);

  const old = await rows('/v1.42/images/json');
  assert.equal(of(old, image.target.digest)['VirtualSize'], Size);
  assert.ok(!('Descriptor' in of(old, image.target.digest)));
  assert.equal(of(old, image.target.digest)['Containers'], -1);
  assert.deepEqual(
    [of(old, dangling.target.digest)['RepoTags'], of(old, dangling.target.digest)['RepoDigests']],
    [['<none>:<none>'], ['<none>@<none>']],
  );
  assert.ok(!('VirtualSize' in of(await rows('/v1.44/images/json'), image.target.digest)));
  assert.equal(of(await rows('/images/json?shared-size=1'), image.target.digest)['SharedSize'], 0);
  assert.equal(of(await rows('/v1.41/images/json?shared-size=1'), image.target.digest)['SharedSize'], -1);
});

test('the list is made again at once where anything has changed, by this process or another', async (t) => {
  const engine = await startEngine(t);
  const tags = async (): Promise<string[]> => {
    const rows: { RepoTags: string[] }[] = (await engine.send('GET', '/images/json')).json();
    return rows.flatMap(({ RepoTags }) => RepoTags).sort();
  };
  assert.deepEqual(await tags(), []);
  await engine.put(['docker.io/library/a:1']);
  assert.deepEqual(await tags(), ['a:1']);
  assert.equal((await engine.send('POST', '/images/a:1/tag?repo=b&tag=2')).status, 201);
  assert.deepEqual(await tags(), ['a:1', 'b:2']);
  const { ImageStore } = await import('../../src/store/image-store.ts');
  {
    await using other = await ImageStore.open(engine.store.path, { actor: 'other' });
    await other.untag({ registry: 'docker.io', repository: 'library/a', tag: '1' }, { verb: 'rmi' });
  }
  assert.deepEqual(await tags(), ['b:2']);
});

test('filters come in both shapes; what is none is refused with docker’s texts', async (t) => {
  const engine = await startEngine(t);
  await engine.put(['docker.io/library/app:1', 'docker.io/me/app:1']);
  await engine.put([], { layers: ['other'] });
  const tags = async (filters: string): Promise<string[]> => {
    const rows: { RepoTags: string[] }[] = (await engine.send('GET', `/images/json?filters=${filters}`)).json();
    return rows.flatMap(({ RepoTags }) => RepoTags);
  };
  for (const shape of [{ reference: { 'me/*': true } }, { reference: ['me/*'] }]) assert.deepEqual(await tags(encode(shape)), ['me/app:1']);
  for (const shape of [{ dangling: { true: true } }, { dangling: ['true'] }, { dangling: ['1'] }])
    assert.deepEqual(await tags(encode(shape)), []);
  assert.deepEqual(await tags(''), ['app:1', 'me/app:1']);
  assert.deepEqual(await tags(encode({})), ['app:1', 'me/app:1']);
  for (const bad of ['x', encode([]), encode({ label: 'x' }), encode({ label: [1] }), encode(7), '%22a%22'])
    await refused(engine, 'GET', `/images/json?filters=${bad}`, 400, 'invalid filter');
  await refused(engine, 'GET', `/images/json?filters=${encode({ bogus: ['a'] })}`, 400, /^invalid filter 'bogus'/);
  await refused(
    engine,
    'GET',
    `/images/json?filters=${encode({ __proto__: null, constructor: ['a'] })}`,
    400,
    /^invalid filter 'constructor'/,
  );
  await refused(engine, 'GET', `/images/json?filters=${encode({ dangling: ['x'] })}`, 400, "invalid filter 'dangling=[x]'");
  await refused(engine, 'GET', `/images/json?filters=${encode({ before: ['nope'] })}`, 404, 'No such image: nope:latest');
  await refused(
    engine,
    'GET',
    `/images/json?filters=${encode({ until: ['zz'] })}`,
    400,
    /^failed to parse value as time or duration: "zz"/,
  );
  await refused(engine, 'POST', `/images/prune?filters=${encode({ dangling: ['x'] })}`, 400, "invalid filter 'dangling=[x]'");
  await refused(engine, 'POST', `/images/prune?filters=${encode({ reference: ['a'] })}`, 400, /^invalid filter 'reference'/);
});

test('before and since take an image by whatever id it has: also by that of one of its platforms', async (t) => {
  const engine = await startEngine(t);
  const old = await makeImage({ layers: ['old'], created: '2001-01-01T00:00:00Z' });
  const young = await makeImage({ layers: ['young'], created: '2025-01-01T00:00:00Z' });
  const index = await makeIndex([{ os: 'linux', architecture: 'arm64' }]);
  const [manifest] = [...index.blobs].find(([, bytes]) => bytes.includes('"layers"')) ?? [];
  {
    await using ingest = await engine.store.begin();
    for (const [name, image] of Object.entries({ old, young, index })) {
      await putImage(ingest, image);
      await ingest.tag(image.target, `docker.io/library/${name}:1`);
    }
  }
  const tags = async (filter: object): Promise<string[]> => {
    const rows: { RepoTags: string[] }[] = (await engine.send('GET', `/images/json?filters=${encode(filter)}`)).json();
    return rows.flatMap(({ RepoTags }) => RepoTags);
  };
  for (const id of [index.target.digest, index.config.digest, manifest ?? '']) {
    assert.deepEqual(await tags({ before: [id] }), ['young:1', 'old:1'], id);
    assert.deepEqual(await tags({ since: [id] }), [], id);
  }
});

test('of several parents the list names the one that an inspected image names', async (t) => {
  const engine = await startEngine(t);
  const put = async (name: string | undefined, image: MadeImage): Promise<string> => {
    await using ingest = await engine.store.begin({ verb: 'load' });
    await putImage(ingest, image);
    if (name === undefined) await ingest.keep(image.target);
    else await ingest.name(image.target, name);
    return image.target.digest;
  };
  await put(undefined, await makeImage({ layers: ['base'] }));
  const named = await put('base:1', await makeImage({ layers: ['base'], labels: { at: '1' } }));
  const meant = await put('base:2', await makeImage({ layers: ['base'], labels: { at: '2' } }));
  const app = await put('app:1', await makeImage({ layers: ['base', 'app'] }));
  const annotations = { 'org.opencontainers.image.base.digest': meant };
  const other = await put('app:2', await makeImage({ layers: ['base', 'other'], annotations }));
  const rows: { Id: string; ParentId: string }[] = (await engine.send('GET', '/images/json')).json();
  for (const [image, parent] of [
    [app, named],
    [other, meant],
  ]) {
    const inspected: { Parent: string } = (await engine.send('GET', `/images/${image}/json`)).json();
    assert.equal(inspected.Parent, parent);
    assert.equal(rows.find(({ Id }) => Id === image)?.ParentId, parent);
  }
  const { imageTree } = await import('../../src/operations/image-tree.ts');
  const under = new Map<string, string>();
  const path: string[] = [];
  for (const { digest, depth } of await imageTree({ store: engine.store })) {
    path[depth] = digest;
    if (depth > 0) under.set(digest, path[depth - 1] ?? '');
  }
  assert.deepEqual([under.get(app), under.get(other)], [named, meant]);
});

test('switches are read as docker reads them', async (t) => {
  const engine = await startEngine(t);
  await engine.put(['docker.io/library/a:1', 'docker.io/library/b:1']);
  const [row] = (await engine.send('GET', '/images/json')).json() as { Id: string }[];
  const id = row?.Id ?? '';
  for (const off of ['', '0', 'no', 'false', 'none', ' FALSE ', 'No'])
    await refused(
      engine,
      'DELETE',
      `/images/${id}?force=${encodeURIComponent(off)}`,
      409,
      /^conflict: unable to delete [0-9a-f]{12} \(must be forced\) - image is referenced in multiple repositories/,
    );
  const answer = await engine.send('DELETE', `/images/${id}?force=yes`);
  assert.deepEqual([answer.status, answer.json()], [200, [{ Untagged: 'a:1' }, { Untagged: 'b:1' }, { Deleted: id }]]);
});

test('parameters may come as a form', async (t) => {
  const engine = await startEngine(t);
  await engine.put(['docker.io/library/a:1']);
  const headers = { 'Content-Type': 'application/x-www-form-urlencoded' };
  const answer = await engine.send('POST', '/images/a:1/tag', { headers, body: 'repo=localhost%3A5000%2Fb&tag=2' });
  assert.deepEqual([answer.status, answer.text, answer.headers['content-length']], [201, '', '0']);
  assert.equal((await engine.send('GET', '/images/localhost:5000/b:2/json')).status, 200);
});

test('an image is inspected by name, id and digest, in the shape of the version, and by platform in OCI’s spelling', async (t) => {
  const engine = await startEngine(t);
  const index = await makeIndex([
    { os: 'linux', architecture: 'amd64' },
    { os: 'linux', architecture: 'arm64' },
  ]);
  {
    await using ingest = await engine.store.begin();
    await putImage(ingest, index);
    await ingest.tag(index.target, 'docker.io/library/both:1');
  }
  const id = index.target.digest;
  const inspect = async (path: string): Promise<Record<string, unknown>> => {
    const answer = await engine.send('GET', path);
    assert.equal(answer.status, 200, `${path}: ${answer.text}`);
    return answer.json();
  };
  for (const name of [
    'both:1',
    'docker.io/library/both:1',
    'library%2Fboth%3A1',
    id,
    id.slice(7),
    id.slice(7, 12),
    `both@${id}`,
    `both:1@${id}`,
  ])
    assert.equal((await inspect(`/images/${name}/json`))['Id'], id, name);
  const arm = await inspect(`/images/both:1/json?platform=${encode({ os: 'linux', architecture: 'arm64' })}`);
  assert.equal(arm['Architecture'], 'arm64');
  // the manifest's own, as docker's: not the index's
  const [, second] = index.images;
  assert.deepEqual(
    [arm['Id'], arm['Descriptor']],
    [second?.target.digest, { ...second?.target, platform: { architecture: 'arm64', os: 'linux' } }],
  );
  const { Config, ...document } = await inspect('/images/both:1/json');
  assert.deepEqual(Config, {
    User: '',
    Env: ['A=1'],
    Cmd: ['/bin/true'],
    Volumes: null,
    WorkingDir: '',
    Entrypoint: null,
    OnBuild: null,
    Labels: null,
  });
  assert.deepEqual(document['Descriptor'], index.target);
  assert.deepEqual(
    [document['Parent'], document['DockerVersion'], 'VirtualSize' in document, 'Container' in document],
    ['', '', false, false],
  );
  const old = await inspect('/v1.30/images/both:1/json');
  assert.deepEqual([old['VirtualSize'], 'Descriptor' in old, old['Container']], [document['Size'], false, '']);
  assert.equal((old['Config'] as { Tty: boolean }).Tty, false);

  const { Manifests } = await inspect('/images/both:1/json?manifests=1');
  assert.deepEqual(
    (Manifests as { ID: string; Available: boolean; Kind: string; ImageData: { Platform: unknown } }[]).map(
      ({ ID, Available, Kind, ImageData }) => [ID, Available, Kind, ImageData.Platform],
    ),
    index.images.map(({ target }, at) => [target.digest, true, 'image', { os: 'linux', architecture: ['amd64', 'arm64'][at] }]),
  );
  const both = `manifests=1&platform=${encode({ os: 'linux', architecture: 'arm64' })}`;
  await refused(
    engine,
    'GET',
    `/images/both:1/json?${both}`,
    400,
    'conflicting options: manifests and platform options cannot both be set',
  );
  await refused(engine, 'GET', '/images/both:1/json?platform=x', 400, /^failed to parse platform: /);
  await refused(engine, 'GET', `/images/both:1/json?platform=${encode({ os: 'linux' })}`, 400, 'both OS and Architecture must be provided');
  await refused(
    engine,
    'GET',
    `/images/both:1/json?platform=${encode({ variant: 'v7' })}`,
    400,
    'optional platform fields provided, but OS and Architecture are missing',
  );
  const s390 = encode({ os: 'linux', architecture: 's390x' });
  await refused(
    engine,
    'GET',
    `/images/both:1/json?platform=${s390}`,
    404,
    'image with reference both:1 was found but does not provide the specified platform (linux/s390x)',
  );
  // 1.48 does not know the parameter yet.
  assert.equal((await inspect(`/v1.48/images/both:1/json?platform=${s390}`))['Id'], id);
});

test('names that are none, or are somebody’s idea of a path, are refused and reach nothing', async (t) => {
  const engine = await startEngine(t);
  await refused(engine, 'GET', '/images/nope/json', 404, 'No such image: nope:latest');
  await refused(engine, 'GET', '/images/UPPER/json', 400, 'invalid reference format: repository name (library/UPPER) must be lowercase');
  for (const name of [
    '..%2f..%2fetc',
    '..',
    'a/../b',
    'a%5cb',
    'a:b:c',
    '@',
    'a@sha256:1',
    '%00',
    'a%0d%0ab',
    '%e2%80%ae',
    `${'a'.repeat(2000)}`,
  ])
    for (const [method, path] of [
      ['GET', `/images/${name}/json`],
      ['GET', `/images/${name}/history`],
      ['GET', `/images/${name}/get`],
      ['POST', `/images/${name}/tag?repo=x`],
      ['DELETE', `/images/${name}`],
      ['GET', `/distribution/${name}/json`],
    ] as const) {
      const answer = await engine.send(method, path);
      assert.ok(answer.status === 400, `${method} ${path.slice(0, 60)}: ${answer.status} ${answer.text}`);
    }
  await refused(engine, 'GET', '/images/%zz/json', 400, 'invalid percent-encoding in the path');
  await refused(engine, 'DELETE', '/images/%20', 400, 'image name cannot be blank');
  await engine.put(['docker.io/library/a:1']);
  await refused(engine, 'POST', '/images/a:1/tag?repo=x@sha256:1', 400, 'cannot import digest reference');
  await refused(
    engine,
    'POST',
    '/images/a:1/tag?repo=sha256&tag=1',
    400,
    'refusing to create an ambiguous tag using digest algorithm as name',
  );
  await refused(engine, 'POST', '/images/a:1/tag?repo=up&tag=..', 400, 'invalid tag format');
  assert.equal((await engine.send('POST', '/images/a:1/tag?repo=&tag=1')).status, 200);
});

test('a pull tells what happens in docker’s lines, and an error before the first byte has a status', async (t) => {
  const engine = await startEngine(t);
  const { host, store } = await startRegistry(t);
  const index = await makeIndex([
    { os: 'linux', architecture: 'amd64' },
    { os: 'linux', architecture: 'arm64' },
  ]);
  {
    await using ingest = await store.begin();
    await putImage(ingest, index);
    for (const tag of ['1', '2']) await ingest.tag(index.target, `docker.io/team/app:${tag}`);
  }
  const pull = (query: string) => engine.send('POST', `/images/create?${query}`);
  const answer = await pull(`fromImage=${host}/team/app&tag=1&platform=linux/arm64`);
  assert.equal(answer.status, 200, answer.text);
  assert.equal(answer.headers['content-type'], 'application/json');
  assert.match(answer.text, /^(?:\{[^\r\n]*\}\r\n)+$/);
  const lines = answer.lines();
  assert.deepEqual(lines[0], { status: 'Pulling from team/app', id: '1' });
  const [shared] = index.images[1]?.layers ?? [];
  assert.ok(
    lines.some(
      ({ status, id, progressDetail }) =>
        status === 'Pull complete' && id === shared?.digest.slice(7, 19) && typeof progressDetail === 'object',
    ),
  );
  assert.deepEqual(lines.slice(-2), [
    { status: `Digest: ${index.target.digest}` },
    { status: `Status: Downloaded newer image for ${host}/team/app:1` },
  ]);
  const image: { Architecture: string; RepoDigests: string[] } = (await engine.send('GET', `/images/${host}/team/app:1/json`)).json();
  assert.deepEqual([image.Architecture, image.RepoDigests], ['arm64', [`${host}/team/app@${index.target.digest}`]]);

  assert.deepEqual(
    (await pull(`fromImage=${host}/team/app&tag=1&platform=linux/arm64`)).lines().map(({ status }) => status),
    ['Pulling from team/app', `Digest: ${index.target.digest}`, `Status: Image is up to date for ${host}/team/app:1`],
  );
  // By digest, which comes as the tag; and all tags, where there is none.
  assert.equal(
    (await pull(`fromImage=${host}/team/app&tag=${index.target.digest}`)).lines()[0]?.['id'],
    `${host}/team/app@${index.target.digest}`,
  );
  assert.deepEqual(
    (await pull(`fromImage=${host}/team/app`))
      .lines()
      .filter(({ id }) => id === '1' || id === '2')
      .map(({ id }) => id),
    ['1', '2'],
  );

  await refused(engine, 'POST', '/images/create?fromImage=scratch', 403, "'scratch' is a reserved name");
  await refused(
    engine,
    'POST',
    '/images/create?fromImage=BAD',
    400,
    'invalid reference format: repository name (library/BAD) must be lowercase',
  );
  await refused(engine, 'POST', `/images/create?fromImage=${host}/team/app&tag=b@c`, 400, 'invalid tag format');
  await refused(
    engine,
    'POST',
    `/images/create?fromImage=${host}/team/nope&tag=1`,
    404,
    new RegExp(`^manifest for ${host}/team/nope:1 not found`),
  );
  await refused(
    engine,
    'POST',
    `/images/create?fromImage=${host}/team/app&tag=1&platform=linux/s390x`,
    404,
    /^no matching manifest for linux\/s390x in the manifest list entries/,
  );
  await refused(engine, 'POST', '/images/create?fromImage=127.0.0.1:1/a&tag=1', 500, 'cannot reach 127.0.0.1:1: connection refused');
  await refused(engine, 'POST', '/images/create?fromImage=a&platform=!!', 400, /^"!!" is an invalid OS component of "!!": /);
  await refused(engine, 'POST', '/images/create', 400, /^neither fromImage nor fromSrc/);
});

test('a pull that breaks after its first byte ends with the error as its last line, and leaves no name', async (t) => {
  const engine = await startEngine(t);
  const registry = await startRegistry(t);
  {
    await using ingest = await registry.store.begin();
    const index = await makeIndex([{ os: 'linux', architecture: 'amd64' }]);
    await putImage(ingest, index);
    await ingest.tag(index.target, 'docker.io/team/app:1');
  }
  // All is passed on but the layers, whose bytes are others.
  const liar = createServer((request, response) => {
    void fetch(`http://${registry.host}${request.url}`, {
      method: request.method ?? 'GET',
      headers: { accept: request.headers.accept ?? '*/*' },
    }).then(async (answer) => {
      const body = Buffer.from(await answer.arrayBuffer());
      const layer = answer.headers.get('content-type') === 'application/octet-stream' && !body.toString().startsWith('{');
      response.writeHead(answer.status, Object.fromEntries(answer.headers));
      response.end(layer ? body.map((byte) => byte ^ 1) : body);
    });
  });
  liar.listen(0, '127.0.0.1');
  await once(liar, 'listening');
  t.after(() => liar.close());
  const host = `127.0.0.1:${(liar.address() as AddressInfo).port}`;
  const answer = await engine.send('POST', `/images/create?fromImage=${host}/team/app&tag=1&platform=linux/amd64`);
  assert.equal(answer.status, 200, answer.text);
  const last = answer.lines().at(-1) as { error: string; errorDetail: { message: string } };
  assert.match(last.error, /^content is sha256:[0-9a-f]{64}, not sha256:/);
  assert.equal(last.errorDetail.message, last.error);
  assert.deepEqual((await engine.send('GET', '/images/json')).json(), []);
});

test('an import takes the body, says the id last, and changes the settings; a late error is the last line', async (t) => {
  const engine = await startEngine(t);
  const tar = await tarOf({ 'etc/hello': 'hello\n' });
  const changes = ['ENV A=1', 'CMD ["sh"]'].map((change) => `changes=${encodeURIComponent(change)}`).join('&');
  const answer = await engine.send('POST', `/images/create?fromSrc=-&repo=made&tag=1&message=said&platform=linux/arm64&${changes}`, {
    // As it comes from a pipe.
    body: [tar.subarray(0, 700), tar.subarray(700)],
    headers: { 'Content-Type': 'application/x-tar' },
  });
  const { status } = answer.lines().at(-1) as { status: string };
  assert.match(status, /^sha256:[0-9a-f]{64}$/);
  const image: Record<string, unknown> = (await engine.send('GET', '/images/made:1/json')).json();
  assert.deepEqual([image['Id'], image['Architecture'], image['Comment']], [status, 'arm64', 'said']);
  const config = image['Config'] as { Env: string[]; Cmd: string[] };
  assert.deepEqual([config.Env, config.Cmd], [['A=1'], ['sh']]);

  const files = createServer((_, response) => response.end(tar));
  files.listen(0, '127.0.0.1');
  await once(files, 'listening');
  t.after(() => files.close());
  const url = `http://127.0.0.1:${(files.address() as AddressInfo).port}/root.tar`;
  const fetched = (await engine.send('POST', `/images/create?fromSrc=${encodeURIComponent(url)}&repo=fetched`)).lines();
  assert.deepEqual(fetched[0], { status: `Downloading from ${url}` });
  assert.equal((await engine.send('GET', '/images/fetched/json')).status, 200);

  await refused(engine, 'POST', '/images/create?fromSrc=-&changes=BOGUS%20x', 400, 'BOGUS is not a valid change command', { body: tar });
  await refused(engine, 'POST', '/images/create?fromSrc=-', 400, /^unexpected EOF: the tar is empty/);
  await refused(engine, 'POST', '/images/create?fromSrc=http://127.0.0.1:1/a', 500, /^cannot read http:\/\/127\.0\.0\.1:1\/a/);
  await refused(engine, 'POST', '/images/create?fromSrc=file:///etc/passwd', 400, /is no http or https address$/);
});

test('what is saved is loaded again with the same digests; load is quiet unless it is told otherwise, and says errors in its stream', async (t) => {
  const engine = await startEngine(t);
  const a = await engine.put(['docker.io/library/a:1', 'docker.io/library/a:2']);
  const b = await engine.put(['docker.io/library/b:1'], { layers: ['b'] });
  const saved = await engine.send('GET', '/images/get?names=a&names=b:1');
  assert.deepEqual([saved.status, saved.headers['content-type']], [200, 'application/x-tar']);
  const one = await engine.send('GET', '/images/a:1/get');
  assert.ok(one.body.length > 0 && one.body.length < saved.body.length);
  await refused(engine, 'GET', '/images/get?names=nope', 404, 'No such image: nope:latest');
  await refused(engine, 'GET', '/images/get', 400, 'no image to save was named');

  const other = await startEngine(t);
  const loaded = await other.send('POST', '/images/load', { body: saved.body, headers: { 'Content-Type': 'application/x-tar' } });
  assert.deepEqual(
    loaded
      .lines()
      .map(({ stream }) => stream)
      .sort(),
    ['Loaded image: a:1\n', 'Loaded image: a:2\n', 'Loaded image: b:1\n'],
  );
  const ids: { Id: string }[] = (await other.send('GET', '/images/json')).json();
  assert.deepEqual(ids.map(({ Id }) => Id).sort(), [a.target.digest, b.target.digest].sort());

  const third = await startEngine(t);
  const loud = (await third.send('POST', '/images/load?quiet=0', { body: saved.body })).lines();
  assert.ok(loud.some(({ progressDetail }) => progressDetail !== undefined));
  // Curl's default for a body is a form; it is none.
  const headers = { 'Content-Type': 'application/x-www-form-urlencoded' };
  assert.equal((await third.send('POST', '/images/load', { body: saved.body, headers })).lines().length, 3);

  for (const body of ['', 'xx', saved.body.subarray(0, 3000)]) {
    const answer = await third.send('POST', '/images/load', { body });
    assert.equal(answer.status, 200);
    const { error, errorDetail } = answer.lines().at(-1) as { error: string; errorDetail: { message: string } };
    assert.ok(error.length > 10 && errorDetail.message === error);
  }
});

test('pulls of one image by several clients at once fetch each layer once', async (t) => {
  const engine = await startEngine(t);
  const { host, store, log } = await startRegistry(t);
  const image = await makeImage({ layers: [await tarOf({ a: randomBytes(3_000_000) }), await tarOf({ b: randomBytes(3_000_000) })] });
  {
    await using ingest = await store.begin();
    await putImage(ingest, image);
    await ingest.tag(image.target, 'team/app:1');
  }
  const answers = await Promise.all(
    Array.from({ length: 6 }, async () => engine.send('POST', `/images/create?fromImage=${host}/team/app&tag=1`)),
  );
  for (const answer of answers)
    assert.match(String(answer.lines().at(-1)?.['status']), /^Status: (?:Downloaded newer|Image is up to date)/);
  const fetched = log.filter(({ method, target }) => method === 'GET' && target.includes('/blobs/')).map(({ target }) => target);
  for (const { digest } of image.layers) assert.equal(fetched.filter((path) => path.endsWith(digest)).length, 1, fetched.join('\n'));
});

test('a push of the one platform that is here says that it stands for an index, but not to who asked for that platform', async (t) => {
  const engine = await startEngine(t);
  const { host, store } = await startRegistry(t);
  const platforms = ['amd64', 'arm64'].map((architecture) => ({ os: 'linux', architecture }));
  const index = await makeIndex(platforms);
  {
    await using ingest = await store.begin();
    await putImage(ingest, index);
    await ingest.tag(index.target, 'team/app:1');
  }
  await engine.send('POST', `/images/create?fromImage=${host}/team/app&tag=1&platform=linux/arm64`);
  const notes = async (query: string): Promise<readonly unknown[]> =>
    (await engine.send('POST', `/v1.50/images/${host}/team/app/push?tag=1${query}`))
      .lines()
      .filter(({ aux }) => (aux as Record<string, unknown> | undefined)?.['manifestPushedInsteadOfIndex'] !== undefined);
  assert.equal((await notes('')).length, 1);
  assert.deepEqual(await notes(`&platform=${encodeURIComponent(JSON.stringify(platforms[1]))}`), []);
});

test('a push says what it does, and what is not here in its stream', async (t) => {
  const engine = await startEngine(t);
  const { host, store } = await startRegistry(t);
  const image = await engine.put([`${host}/team/app:1`]);
  const answer = await engine.send('POST', `/images/${host}/team/app/push?tag=1`, { headers: { 'X-Registry-Auth': 'e30=' } });
  assert.equal(answer.status, 200);
  const lines = answer.lines();
  assert.deepEqual(lines[0], { status: `The push refers to repository [${host}/team/app]` });
  assert.ok(lines.some(({ status, id }) => status === 'Pushed' && id === image.layers[0]?.digest.slice(7, 19)));
  assert.ok(lines.some(({ status }) => status === `1: digest: ${image.target.digest} size: ${image.target.size}`));
  assert.equal((await store.find('team/app:1')).target.digest, image.target.digest);
  for (const [path, error] of [
    [`/images/${host}/team/app/push?tag=nope`, /^tag does not exist: .*\/team\/app:nope/],
    ['/images/nope/push', /^An image does not exist locally with the tag: nope/],
  ] as const) {
    const failed = await engine.send('POST', path);
    assert.deepEqual([failed.status, failed.lines().length], [200, 2]);
    assert.match(String(failed.lines()[1]?.['error']), error);
  }
});

test('credentials go to the registry that they are for, and to no other; the server’s own go nowhere', async (t) => {
  const seen: (string | undefined)[] = [];
  const registry = createServer((request, response) => {
    seen.push(request.headers.authorization);
    response.writeHead(request.headers.authorization ? 404 : 401, { 'WWW-Authenticate': 'Basic realm="x"' });
    response.end();
  });
  registry.listen(0, '127.0.0.1');
  await once(registry, 'listening');
  t.after(() => registry.close());
  const host = `127.0.0.1:${(registry.address() as AddressInfo).port}`;
  const engine = await startEngine(t);
  const { mkdirSync, writeFileSync } = await import('node:fs');
  mkdirSync(`${engine.folder}/.docker`);
  const own = Buffer.from('server:secret').toString('base64');
  writeFileSync(`${engine.folder}/.docker/config.json`, JSON.stringify({ auths: { [host]: { auth: own } } }));

  const auth = (value: unknown) => ({ 'X-Registry-Auth': Buffer.from(JSON.stringify(value)).toString('base64url') });
  const pull = (headers: Record<string, string>) => engine.send('POST', `/images/create?fromImage=${host}/a&tag=1`, { headers });
  await pull(auth({ username: 'me', password: 'mine' }));
  assert.ok(seen.includes(`Basic ${Buffer.from('me:mine').toString('base64')}`));
  seen.length = 0;
  for (const headers of [
    {},
    auth({}),
    { 'X-Registry-Auth': 'not base64 of anything !!' },
    { 'X-Registry-Auth': Buffer.from('{"username":7}').toString('base64url') },
  ]) {
    const answer = await pull(headers);
    assert.equal(answer.status, 404, answer.text);
    assert.match(answer.text, /pull access denied for .*, repository does not exist or may require 'docker login'/);
  }
  assert.ok(seen.length > 0 && seen.every((one) => one === undefined), String(seen));
});

test('one prune goes on at a time', async (t) => {
  const engine = await startEngine(t);
  await engine.put([]);
  const answers = await Promise.all([1, 2, 3, 4].map(() => engine.send('POST', '/images/prune')));
  const [first, ...others] = answers.toSorted((a, b) => a.status - b.status);
  assert.equal(first?.status, 200);
  const report = JSON.parse(first?.text ?? '') as { ImagesDeleted: unknown[]; SpaceReclaimed: number };
  assert.ok(report.ImagesDeleted.length === 1 && report.SpaceReclaimed > 0);
  for (const { status, text } of others)
    if (status !== 200) assert.deepEqual([status, text], [409, '{"message":"a prune operation is already running"}\n']);
  assert.deepEqual((await engine.send('POST', '/images/prune')).json(), { ImagesDeleted: null, SpaceReclaimed: 0 });
});

test('a machine in no swarm, without plugins and builds, says so as docker does', async (t) => {
  const engine = await startEngine(t);
  for (const path of ['/swarm', '/nodes', '/services', '/tasks', '/secrets', '/configs'])
    await refused(engine, 'GET', path, 503, /^This node is not a swarm manager\. Use "docker swarm init"/);
  assert.deepEqual((await engine.send('GET', '/plugins')).json(), []);
  assert.deepEqual((await engine.send('POST', '/build/prune')).json(), { CachesDeleted: null, SpaceReclaimed: 0 });
  for (const path of ['/build?t=a', '/session', '/grpc'])
    await refused(engine, 'POST', path, 501, /^Bayplan does not build images from a Dockerfile\n/);
});

test('a client that leaves stops the work that it asked for', async (t) => {
  let asked = 0;
  let gone: Promise<unknown> | undefined;
  const registry = createServer((_, response) => {
    asked++;
    gone ??= once(response, 'close');
  });
  registry.listen(0, '127.0.0.1');
  await once(registry, 'listening');
  t.after(() => {
    registry.closeAllConnections();
    registry.close();
  });
  const engine = await startEngine(t);
  const socket = connect(engine.socket);
  socket.write(
    `POST /images/create?fromImage=127.0.0.1:${(registry.address() as AddressInfo).port}/a&tag=1 HTTP/1.1\r\nHost: d\r\nContent-Length: 0\r\n\r\n`,
  );
  while (asked === 0) await wait(10);
  socket.destroy();
  // The registry never answers: only the engine can have ended its request.
  await gone;
});

test('a read-only server changes nothing, and gives everything', async (t) => {
  const engine = await startEngine(t, { readOnly: true });
  const image = await engine.put(['docker.io/library/a:1']);
  for (const [method, path] of [
    ['POST', '/images/create?fromImage=b&tag=1'],
    ['POST', '/images/load'],
    ['POST', '/images/a:1/tag?repo=b'],
    ['POST', '/images/prune'],
    ['DELETE', '/images/a:1'],
    ['POST', '/containers/create'],
    ['PUT', '/containers/x/archive?path=/'],
    ['POST', '/commit?container=x'],
    ['POST', '/volumes/create'],
    ['POST', '/volumes/prune'],
  ] as const)
    await refused(engine, method, path, 403, 'this server is read-only', method === 'POST' ? { json: {} } : {});
  const { host, store } = await startRegistry(t);
  {
    await using ingest = await engine.store.begin();
    await ingest.tag(image.target, `${host}/library/a:1`);
  }
  assert.match((await engine.send('POST', `/images/${host}/library/a:1/push`)).text, /Pushed/);
  assert.equal((await store.find('a:1')).target.digest, image.target.digest);
  assert.equal((await engine.send('GET', '/images/a:1/get')).status, 200);
});

test('web pages are refused, by whatever a browser says of them', async (t) => {
  const engine = await startEngine(t);
  for (const headers of [{ Origin: 'http://evil.example' }, { Origin: 'null' }, { 'Sec-Fetch-Site': 'same-origin' }])
    await refused(engine, 'GET', '/images/json', 403, 'a web page may not use the Docker Engine API', { headers });
});

test('requests that are none cost the client its connection, and the server nothing', async (t) => {
  const engine = await startEngine(t);
  const raw = async (text: string): Promise<string> => {
    const socket = connect(engine.socket);
    socket.on('error', () => {});
    socket.end(text);
    return (await bytesOf(socket)).toString();
  };
  for (const text of [
    '\0\0\0\0\r\n\r\n',
    'GET\r\n\r\n',
    `GET /${'a'.repeat(100_000)} HTTP/1.1\r\nHost: d\r\n\r\n`,
    'GET /version HTTP/1.1\r\nHost: d\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n',
    'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
  ])
    assert.doesNotMatch(await raw(text), /^HTTP\/1\.1 2/, text.slice(0, 20));
  for (const [type, status] of [
    ['text/plain', 400],
    ['', 400],
  ] as const)
    assert.equal((await engine.send('POST', '/auth', { body: 'x', headers: type ? { 'Content-Type': type } : {} })).status, status);
  assert.equal((await engine.send('POST', '/auth', { body: [Buffer.alloc(3 << 20), Buffer.alloc(3 << 20)] })).status, 413);
  assert.equal((await engine.send('GET', '/_ping')).status, 200);
});

test('an upgrade that is not for us is answered like any other request, body and all', async (t) => {
  const engine = await startEngine(t);
  await engine.put(['docker.io/library/a:1']);
  const upgrade = 'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA\r\n';
  const ask = async (text: string): Promise<string> => {
    const socket = connect(engine.socket);
    socket.write(text);
    const [answer] = (await once(socket, 'data')) as [Buffer];
    socket.destroy();
    return answer.toString();
  };
  assert.match(await ask(`GET /_ping HTTP/1.1\r\nHost: d\r\n${upgrade}\r\n`), /^HTTP\/1\.1 200 OK\r\n[\s\S]*OK$/);
  const form = 'repo=b&tag=2';
  const type = 'Content-Type: application/x-www-form-urlencoded\r\n';
  const tagged = await ask(`POST /images/a:1/tag HTTP/1.1\r\nHost: d\r\n${type}Content-Length: ${form.length}\r\n${upgrade}\r\n${form}`);
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const asksFirst = major > 24 || (major === 24 && minor >= 9);
  assert.match(tagged, asksFirst ? /^HTTP\/1\.1 201 Created/ : /^HTTP\/1\.1 400 Bad Request/);
});

test('a client that reads nothing is cut off before it costs memory', async (t) => {
  const engine = await startEngine(t);
  const socket = connect(engine.socket);
  socket.on('error', () => {});
  socket.write('GET /events HTTP/1.1\r\nHost: d\r\n\r\n');
  await once(socket, 'readable');
  const attributes = { text: 'x'.repeat(1 << 20) };
  const closed = once(socket, 'close');
  for (let at = 0; at < 20; at++) await engine.store.record({ type: 'container', action: 'x', id: 'y', attributes });
  await wait(500);
  socket.resume();
  await closed;
  assert.equal((await engine.send('GET', '/_ping')).status, 200);
});

test('documents that are deep or long are refused, and cost little', async (t) => {
  const engine = await startEngine(t);
  const headers = { 'Content-Type': 'application/json' };
  const before = process.memoryUsage().rss;
  for (const [body, status] of [
    ['['.repeat(3_000_000), 400],
    ['{"a":'.repeat(500_000), 400],
    [`{"Image":"a","Labels":${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}}`, 400],
    ['x'.repeat(5_000_000), 413],
    [`{"Image":"${'a'.repeat(4_000_000)}"}`, 400],
  ] as const) {
    const answer = await engine.send('POST', '/containers/create', { body, headers });
    assert.equal(answer.status, status, answer.text.slice(0, 200));
    assert.ok(answer.text.length < 4096, String(answer.text.length));
  }
  assert.ok(process.memoryUsage().rss - before < 200 * 2 ** 20);
  const long = 'x'.repeat(60_000);
  for (const path of [`/images/json?filters=${long}`, `/images/${long}/json`, `/events?since=${long}`, `/v1.${'1'.repeat(60_000)}/info`])
    assert.ok((await engine.send('GET', path)).text.length < 4096, path.slice(0, 30));
});
