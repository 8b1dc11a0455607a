/** Catalogues and servers that lie: a clear error in bounded memory and time, nothing written outside, nothing half installed. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';

import { Catalog } from '../../src/catalog/catalog.ts';
import { readSources, type CatalogSource } from '../../src/catalog/catalog-source.ts';
import { maxCatalogueBytes, parseCatalogue } from '../../src/catalog/catalogue-document.ts';
import { Containers } from '../../src/containers/containers.ts';
import { ImageError } from '../../src/errors.ts';
import { findBaseImages, findOneBaseImage } from '../../src/operations/find-base.ts';
import { installBaseImage } from '../../src/operations/install-base.ts';
import { saveBaseImage } from '../../src/operations/save-base.ts';
import { listSources, registerSource } from '../../src/operations/sources.ts';
import { openRegistries } from '../../src/remote/registries.ts';
import { fileServer, type FileServerOptions } from '../support/file-server.ts';
import { isolated } from '../support/lying-registry.ts';
import { openStore } from '../support/open-store.ts';
import { temporary } from '../support/temporary.ts';

const sha256 = createHash('sha256').update('content').digest('hex');
const good = { name: 'NanoServer', version: '10.0.10586.0', publisher: 'CN=Microsoft', file: 'nano.wim', sha256, size: 7 };

function catalogOf(t: TestContext, location: string) {
  const registries = openRegistries({ ...isolated, plainHttp: true, timeouts: { idle: 500, headers: 500, connect: 500 } });
  t.after(() => registries.close());
  const source: CatalogSource = { kind: 'catalogue', name: 'lab', location };
  return {
    catalog: new Catalog([source], registries),
    remote: (reference: Parameters<typeof registries.repository>[0]) => registries.repository(reference),
  };
}

async function refused(t: TestContext, lie: NonNullable<FileServerOptions['lie']>): Promise<ImageError> {
  const { url } = await fileServer(t, temporary(t, 'none'), { lie });
  try {
    await findBaseImages(catalogOf(t, url), {});
  } catch (error) {
    assert.ok(error instanceof ImageError, String(error));
    assert.match(error.message, /^source lab: /);
    return error;
  }
  assert.fail('it was accepted');
}

/** Sends the same bytes until the other side has enough. */
function pour(response: ServerResponse, bytes: Buffer): void {
  const more = (): void => {
    while (!response.destroyed && response.write(bytes));
  };
  response.on('drain', more);
  more();
}

test('an entry that lies about its file, its kind or itself makes the catalogue none', () => {
  const refuses = (change: Readonly<Record<string, unknown>>, says: RegExp) =>
    assert.throws(
      () => parseCatalogue(Buffer.from(JSON.stringify({ schemaVersion: 1, images: [good, { ...good, ...change }] }))),
      (error: ImageError) => error.code === 'invalid-content' && says.test(error.message) && /images\[1\]/.test(error.message),
      JSON.stringify(change),
    );
  for (const file of [
    '../../etc/passwd.wim',
    '/etc/nano.wim',
    'a/../../nano.wim',
    './nano.wim',
    'a//nano.wim',
    '..\\nano.wim',
    'C:\\nano.wim',
    'C:nano.wim',
    '\\\\server\\share\\nano.wim',
    'https://evil.example/nano.wim',
    '//evil.example/nano.wim',
    'nano.wim?x',
    'nul.wim',
    'a/con/nano.wim',
    'nano.wim:stream.wim',
    'nano\u0000.wim',
    'nano\n.wim',
    'folder./nano.wim',
    '',
    42,
    null,
  ])
    refuses({ file }, /\.file/);
  refuses({ file: 'nano.exe' }, /neither a \.wim nor an OCI archive/);
  refuses({ file: 'x'.repeat(2000) }, /longer than 1000/);
  for (const sha of ['', 'abc', `${sha256}00`, `sha256:${sha256}`, 1, undefined]) refuses({ sha256: sha }, /sha256/);
  for (const size of [-1, 1.5, '7', Number.MAX_VALUE, undefined]) refuses({ size }, /size/);
  for (const version of ['', 'latest', '1.2.3.4.5', '10.0.*', 10, undefined]) refuses({ version }, /version/);
  for (const name of ['', '../x', 'a/b', 'a\\b', 'nano*', 'a:b', '\u001b[31m', 'x'.repeat(300), {}, undefined]) refuses({ name }, /name/);
  refuses({ published: 'yesterday' }, /published/);
  refuses({ description: 'x\u001b]0;title' }, /description/);
  refuses({ image: { repository: '../../v2', digest: `sha256:${sha256}` } }, /image/);
  refuses({ image: { repository: 'nano', digest: 'sha256:0' } }, /image/);
  refuses({ image: { repository: 'evil.example:5000/nano:tag', digest: `sha256:${sha256}` } }, /image/);
});

test('a document that is no catalogue is said to be none', () => {
  for (const [text, code] of [
    ['', 'invalid-content'],
    ['<html>', 'invalid-content'],
    ['[]', 'invalid-content'],
    ['{}', 'invalid-content'],
    ['{"schemaVersion":1}', 'invalid-content'],
    ['{"schemaVersion":1,"images":{}}', 'invalid-content'],
    ['{"schemaVersion":"1","images":[]}', 'invalid-content'],
    ['{"schemaVersion":2,"images":[]}', 'unsupported'],
    [`{"schemaVersion":1,"images":[${'1,'.repeat(100_000)}1]}`, 'too-large'],
    ['\ud800{}', 'invalid-content'],
    [`${'['.repeat(200_000)}`, 'invalid-content'],
  ] as const)
    assert.throws(() => parseCatalogue(Buffer.from(text)), { code }, text.slice(0, 60));
  assert.deepEqual(parseCatalogue(Buffer.from('\ufeff{"schemaVersion":1,"images":[],"later":{}}')), { images: [] });
});

test('a server that answers without end, with too much, slowly, in a circle or with something else is left', async (t) => {
  const chunk = Buffer.alloc(1024 * 1024, ' ');
  const before = process.memoryUsage().rss;
  const cases: [name: string, code: string, lie: NonNullable<FileServerOptions['lie']>][] = [
    ['endless', 'too-large', (_request, response) => (pour(response, chunk), true)],
    [
      'said to be huge',
      'too-large',
      (_request, response) => (response.writeHead(200, { 'Content-Length': maxCatalogueBytes + 1 }).write('{'), true),
    ],
    ['silent', 'unavailable', () => true],
    ['stalled', 'unavailable', (_request, response) => (response.writeHead(200).write('{"schema'), true)],
    ['not JSON', 'invalid-content', (_request, response) => (response.end('<html>sign in</html>'), true)],
    ['broken', 'unavailable', (_request, response) => (response.destroy(), true)],
    ['refusing', 'denied', (_request, response) => (response.writeHead(403).end('no'), true)],
    ['failing', 'unavailable', (_request, response) => (response.writeHead(500).end('no'), true)],
    ['without it', 'not-found', (_request, response) => (response.writeHead(404).end(), true)],
    ['a circle', 'protocol', (_request, response) => (response.writeHead(302, { Location: '/catalogue.json' }).end(), true)],
    ['elsewhere', 'protocol', (_request, response) => (response.writeHead(302, { Location: 'file:///etc/passwd' }).end(), true)],
  ];
  for (const [name, code, lie] of cases) assert.equal((await refused(t, lie)).code, code, name);
  assert.ok(process.memoryUsage().rss - before < 300e6);
});

async function offered(t: TestContext, entry: Readonly<Record<string, unknown>>, options: FileServerOptions = {}) {
  const folder = temporary(t, 'served');
  writeFileSync(join(folder, 'catalogue.json'), JSON.stringify({ schemaVersion: 1, images: [{ ...good, ...entry }] }));
  writeFileSync(join(folder, 'nano.wim'), 'content');
  const { url } = await fileServer(t, folder, options);
  const store = await openStore(t);
  const host = { store, containers: new Containers(store), downloads: temporary(t, 'downloads'), ...catalogOf(t, url) };
  return { folder, url, host, found: await findOneBaseImage(host, { names: ['NanoServer'] }) };
}

test('a file that is not what the catalogue says is not installed, not saved, and not kept', async (t) => {
  const wrong = createHash('sha256').update('other').digest('hex');
  for (const [entry, code] of [
    [{ sha256: wrong }, 'digest-mismatch'],
    [{ size: 6 }, 'size-mismatch'],
    [{ size: 8 }, 'size-mismatch'],
    [{ size: 2 ** 50 }, 'disk-full'],
    [{ file: 'gone.wim' }, 'not-found'],
    // Its hash is right, and it is no WIM.
    [{}, 'invalid-content'],
  ] as const) {
    const { host, found } = await offered(t, entry);
    await assert.rejects(installBaseImage(host, found, host), { code }, JSON.stringify(entry));
    assert.deepEqual(readdirSync(host.downloads), [], JSON.stringify(entry));
    assert.deepEqual(await host.store.images(), []);
    if (code === 'invalid-content') continue;
    const target = temporary(t, 'saved');
    await assert.rejects(saveBaseImage(host, found, join(target, 'x.wim')), { code }, JSON.stringify(entry));
    assert.deepEqual(readdirSync(target), [], JSON.stringify(entry));
  }
});

test('a server that answers with another part than was asked for, also when asked for the whole, is refused', async (t) => {
  let requests = 0;
  const { host, found } = await offered(
    t,
    { size: 7 },
    {
      lie: (request, response) => {
        if (request.url !== '/nano.wim') return false;
        if (requests++ === 0) {
          response.writeHead(200, { 'Content-Length': 7, ETag: '"a"' }).write('con');
          setTimeout(() => response.destroy(), 50);
        } else response.writeHead(206, { 'Content-Range': 'bytes 1-6/7', ETag: '"a"' }).end('ontent');
        return true;
      },
    },
  );
  await assert.rejects(saveBaseImage(host, found, join(temporary(t, 'saved'), 'x.wim')), { code: 'protocol' });
});

test('a folder’s catalogue leads nowhere by a link, a FIFO or a folder', async (t) => {
  const folder = temporary(t, 'served');
  const outside = temporary(t, 'outside');
  writeFileSync(join(outside, 'secret'), 'content');
  writeFileSync(join(folder, 'catalogue.json'), JSON.stringify({ schemaVersion: 1, images: [good] }));
  const host = { store: await openStore(t), ...catalogOf(t, folder) };
  const found = await findOneBaseImage(host, { names: ['NanoServer'] });
  const save = () => saveBaseImage(host, found, join(temporary(t, 'saved'), 'x.wim'));
  await assert.rejects(save(), { code: 'not-found' });
  symlinkSync(join(outside, 'secret'), join(folder, 'nano.wim'));
  await assert.rejects(save(), { code: 'invalid-content', message: /not a regular file/ });
  const other = temporary(t, 'other');
  mkdirSync(join(other, 'catalogue.json'));
  await assert.rejects(findBaseImages(catalogOf(t, other), {}), { code: 'invalid-content' });
  if (process.platform === 'win32') return;
  const fifo = temporary(t, 'fifo');
  execFileSync('mkfifo', [join(fifo, 'catalogue.json')]);
  await assert.rejects(findBaseImages(catalogOf(t, fifo), {}), { code: 'invalid-content' });
  await assert.rejects(findBaseImages(catalogOf(t, join(folder, 'none')), {}), { code: 'not-found' });
});

test('settings and sources of the wrong shape are refused by name, and never lose what others wrote', async (t) => {
  for (const [value, says] of [
    [{}, /"sources" is not a list/],
    [[1], /sources\[0\]/],
    [[{ kind: 'catalogue', name: 'a', location: 'ftp://x/' }], /Only http or https/],
    [[{ kind: 'catalogue', name: 'a', location: 'https://me:secret@x/' }], /user name/],
    [[{ kind: 'catalogue', name: 'a', location: '/x', key: 'abc' }], /Ed25519/],
    [[{ kind: 'other', name: 'a', location: '/x' }], /no kind of source/],
    [[{ kind: 'registry', name: 'a', location: 'host', repositories: [] }], /no repository/],
    [[{ kind: 'registry', name: 'a', location: 'host', repositories: [{ repository: 'UPPER', name: 'x' }] }], /lowercase/],
    [[{ kind: 'catalogue', name: '../a', location: '/x' }], /name of a source/],
    [
      [
        { kind: 'catalogue', name: 'a', location: '/x' },
        { kind: 'catalogue', name: 'A', location: '/y' },
      ],
      /two sources/,
    ],
  ] as const)
    assert.throws(
      () => readSources(value),
      (error: ImageError) => error.code === 'invalid-config' && says.test(error.message),
      JSON.stringify(value),
    );
  const env = { BAY_HOME: temporary(t, 'home') };
  writeFileSync(join(env.BAY_HOME, 'config.json'), '{"compression":"gzip","theirs":[1]}');
  const names = Array.from({ length: 10 }, (_, number) => `source${number}`);
  await Promise.all(names.map((name) => registerSource(env, { kind: 'catalogue', name, location: '/images' })));
  assert.deepEqual(
    listSources(env)
      .map(({ name }) => name)
      .toSorted(),
    ['MicrosoftContainerRegistry', ...names].toSorted(),
  );
  await assert.rejects(registerSource(env, { kind: 'catalogue', name: 'SOURCE1', location: '/x' }), {
    code: 'conflict',
    message: "Package Source 'SOURCE1' exists.",
  });
  writeFileSync(join(env.BAY_HOME, 'config.json'), '{"sources":');
  assert.throws(() => listSources(env), { code: 'invalid-config' });
  await assert.rejects(registerSource(env, { kind: 'catalogue', name: 'b', location: '/x' }), { code: 'invalid-config' });
});
