/** Finding, saving and installing base images, from catalogue files and from a registry: our own doors and a server of files are the other side. */
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { chmodSync, copyFileSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { test, type TestContext } from 'node:test';

import type { CatalogSource } from '../../src/catalog/catalog-source.ts';
import { Catalog } from '../../src/catalog/catalog.ts';
import { Containers } from '../../src/containers/containers.ts';
import { writeArchive } from '../../src/content/write-archive.ts';
import type { ImageError } from '../../src/errors.ts';
import { writeStreamAtomic } from '../../src/io/atomic-file.ts';
import { listen, registryDoor, type RequestRecord } from '../../src/frontends/registry/door.ts';
import type { Descriptor } from '../../src/model/descriptor.ts';
import { familiar, parseReference } from '../../src/model/reference.ts';
import { buildCatalog } from '../../src/operations/build-catalog.ts';
import { containerImages } from '../../src/operations/container-images.ts';
import { findBaseImages, findOneBaseImage, type CatalogQuery } from '../../src/operations/find-base.ts';
import { installBaseImage } from '../../src/operations/install-base.ts';
import { installWim } from '../../src/operations/install-wim.ts';
import { load } from '../../src/operations/load.ts';
import { saveBaseImage } from '../../src/operations/save-base.ts';
import { tag } from '../../src/operations/tag.ts';
import { uninstallBaseImage } from '../../src/operations/uninstall-base.ts';
import { openRegistries } from '../../src/remote/registries.ts';
import type { ImageStore } from '../../src/store/image-store.ts';
import { bay } from '../support/bay.ts';
import { makeCertificates, openssl } from '../support/certificates.ts';
import { dockerRegistry, startDockerRegistry } from '../support/docker-registry.ts';
import { fileServer } from '../support/file-server.ts';
import { isolated } from '../support/lying-registry.ts';
import { makeImage, makeIndex, putImage } from '../support/make-image.ts';
import { makeWim } from '../support/make-wim.ts';
import { openStore } from '../support/open-store.ts';
import { peer } from '../support/peers.ts';
import { temporary } from '../support/temporary.ts';

const wimlib = peer('wimlib-imagex');

const preview = 'Container OS Image of Windows Server 2016 Technical Preview 4 : Nano Server Installation';

/** The page's images in a folder, with their catalogue. */
async function pageFolder(t: TestContext, options: { readonly key?: string } = {}): Promise<string> {
  const folder = temporary(t, 'catalogue');
  mkdirSync(join(folder, 'core'));
  await makeWim(join(folder, 'NanoServer.wim'), { name: 'NanoServer', version: '10.0.10586.0', description: preview });
  await makeWim(join(folder, 'NanoServer-8.wim'), { name: 'NanoServer', version: '10.0.10586.8' });
  await makeWim(join(folder, 'core', 'core.wim'), { name: 'WindowsServerCore', version: '10.0.10586.0', publisher: 'CN=Demo' });
  const { skipped } = await buildCatalog(folder, options);
  assert.deepEqual(skipped, []);
  return folder;
}

function registriesOf(t: TestContext) {
  const registries = openRegistries({ ...isolated, plainHttp: true });
  t.after(() => registries.close());
  return registries;
}

function catalogOf(t: TestContext, sources: readonly CatalogSource[]) {
  const registries = registriesOf(t);
  return {
    catalog: new Catalog(sources, registries),
    remote: (reference: Parameters<typeof registries.repository>[0]) => registries.repository(reference),
  };
}

const at = (location: string, more: { name?: string; key?: string } = {}): CatalogSource => ({
  kind: 'catalogue',
  name: 'page',
  location,
  ...more,
});

async function rows(host: { catalog: Catalog }, query: CatalogQuery = {}, warnings: string[] = []): Promise<string[]> {
  const found = await findBaseImages(host, query, { onWarning: (text) => warnings.push(text) });
  return found.map(({ name, version, publisher, source }) => [name, version, publisher, source].join(' '));
}

async function hostOf(t: TestContext) {
  const store = await openStore(t);
  return { store, containers: new Containers(store), downloads: temporary(t, 'downloads') };
}

test('a catalogue is found in a folder and on a server alike: the newest of each, or the versions that are asked for', async (t) => {
  const folder = await pageFolder(t);
  const { url } = await fileServer(t, folder);
  for (const location of [folder, join(folder, 'catalogue.json'), url, `${url}catalogue.json?sig=a`]) {
    const host = catalogOf(t, [at(location)]);
    const newest = ['NanoServer 10.0.10586.8 CN=Microsoft page', 'WindowsServerCore 10.0.10586.0 CN=Demo page'];
    assert.deepEqual(await rows(host), newest);
    assert.deepEqual(await rows(host, { names: ['nano*'], all: true }), [newest[0], 'NanoServer 10.0.10586.0 CN=Microsoft page']);
    assert.deepEqual(await rows(host, { names: ['nanoserver'], version: '10.0.10586' }), ['NanoServer 10.0.10586.0 CN=Microsoft page']);
    assert.deepEqual(await rows(host, { names: ['*'], maximum: '10.0.10586.7', minimum: '10' }), [
      'NanoServer 10.0.10586.0 CN=Microsoft page',
      newest[1],
    ]);
    assert.deepEqual(await rows(host, { names: ['none'] }), []);
  }
  const [found] = await findBaseImages(catalogOf(t, [at(folder)]), { names: ['NanoServer'], version: '10.0.10586.0' });
  assert.deepEqual(
    [found?.description, found?.published?.toISOString(), found?.signature, found?.size],
    [preview, '2015-10-30T07:00:00.000Z', 'unsigned', readFileSync(join(folder, 'NanoServer.wim')).length],
  );
});

test('the same files give the same catalogue, byte for byte', async (t) => {
  const folder = await pageFolder(t);
  const first = readFileSync(join(folder, 'catalogue.json'), 'utf8');
  await buildCatalog(folder);
  assert.equal(readFileSync(join(folder, 'catalogue.json'), 'utf8'), first);
});

test('a catalogue is made of what wimlib has written, and that is installed', { skip: wimlib.skip }, async (t) => {
  const [folder, tree] = [temporary(t, 'catalogue'), temporary(t, 'tree')];
  mkdirSync(join(tree, 'Windows', 'System32', 'config'), { recursive: true });
  for (const hive of ['SYSTEM', 'SOFTWARE', 'SAM', 'SECURITY', 'DEFAULT'])
    writeFileSync(join(tree, 'Windows', 'System32', 'config', hive), 'regf');
  const version = { MAJOR: 10, MINOR: 0, BUILD: 14393, SPBUILD: 2273 };
  const said = Object.entries(version).map(([part, number]) => `--image-property=WINDOWS/VERSION/${part}=${number}`);
  const windows = ['--image-property=WINDOWS/ARCH=9', '--image-property=WINDOWS/PRODUCTNAME=Microsoft Windows Operating System'];
  await wimlib.run(['capture', tree, join(folder, 'core.wim'), 'WindowsServerCore', 'Core image', '--compress=LZX', ...said, ...windows]);
  await buildCatalog(folder);
  const host = { ...(await hostOf(t)), ...catalogOf(t, [at(folder)]) };
  const found = await findOneBaseImage(host, { names: ['windowsservercore'] });
  assert.deepEqual([found.version, found.publisher, found.description], ['10.0.14393.2273', 'CN=Microsoft', 'Core image']);
  const { reference } = await installBaseImage(host, found, host);
  assert.equal(familiar(reference), 'windowsservercore:10.0.14393.2273');
});

test('what was signed is told from what was not, and a catalogue that somebody changed is refused', async (t) => {
  const { privateKey } = generateKeyPairSync('ed25519');
  const file = join(temporary(t, 'key'), 'key.pem');
  writeFileSync(file, privateKey.export({ type: 'pkcs8', format: 'pem' }));
  const folder = await pageFolder(t, { key: file });
  const { publicKey: key = '' } = await buildCatalog(folder, { key: file });
  const signature = async (source: CatalogSource) => (await findBaseImages(catalogOf(t, [source]), {}))[0]?.signature;
  assert.equal(await signature(at(folder, { key })), 'signed');
  assert.equal(await signature(at(folder)), 'unsigned');
  const { publicKey: other = '' } = await buildCatalog(folder, { key: await otherKey(t) });
  await assert.rejects(signature(at(folder, { key })), {
    code: 'denied',
    message: /bad signature: the catalogue was changed after it was signed, or another key/,
  });
  assert.equal(await signature(at(folder, { key: other })), 'signed');
  writeFileSync(
    join(folder, 'catalogue.json'),
    readFileSync(join(folder, 'catalogue.json'), 'utf8').replace('10.0.10586.8', '10.0.10586.9'),
  );
  await assert.rejects(signature(at(folder, { key: other })), { code: 'denied' });
  await buildCatalog(folder);
  await assert.rejects(signature(at(folder, { key: other })), { code: 'denied', message: /is not signed/ });
});

async function otherKey(t: TestContext): Promise<string> {
  const file = join(temporary(t, 'key'), 'other.pem');
  writeFileSync(file, generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }));
  return file;
}

test('sources are asked in their order; one that does not answer is a warning that names it, and all of them an error', async (t) => {
  const folder = await pageFolder(t);
  const gone: CatalogSource = { kind: 'catalogue', name: 'gone', location: 'http://127.0.0.1:9/catalogue.json' };
  const two = catalogOf(t, [gone, at(folder, { name: 'first' }), at(folder, { name: 'second' })]);
  const warnings: string[] = [];
  const query = { names: ['NanoServer'] };
  assert.deepEqual(await rows(two, query, warnings), ['NanoServer 10.0.10586.8 CN=Microsoft first']);
  assert.deepEqual(
    warnings.map((text) => text.replace(/reach.*/, 'reach')),
    ['source gone: cannot reach'],
  );
  assert.deepEqual(await rows(two, { ...query, sources: ['SECOND'] }), ['NanoServer 10.0.10586.8 CN=Microsoft second']);
  await assert.rejects(rows(two, { sources: ['third'] }), { code: 'not-found', message: "Unable to find package source 'third'." });
  await assert.rejects(rows(two, { sources: ['gone'] }), { code: 'unavailable', message: /^source gone: cannot reach 127\.0\.0\.1:9/ });
  await assert.rejects(rows(catalogOf(t, [gone, { ...gone, name: 'also' }])), {
    code: 'unavailable',
    message: /source gone: .*; source also: /,
  });
});

test('a source that takes too long is one that does not answer', async (t) => {
  const { url } = await fileServer(t, temporary(t, 'none'), { lie: () => true });
  const page = at(await pageFolder(t), { name: 'page' });
  const catalog = new Catalog([{ kind: 'catalogue', name: 'slow', location: url }, page, own(new URL(url).host)], registriesOf(t), {
    patience: 500,
  });
  const warnings: string[] = [];
  assert.equal((await rows({ catalog }, { names: ['NanoServer'] }, warnings)).length, 1);
  assert.deepEqual(warnings, ['source slow: it did not answer within 1 s', 'source own: it did not answer within 1 s']);
});

test(
  'a catalogue on https is reached as registries are: by the authorities of certs.d, and never on to http',
  { skip: openssl.skip },
  async (t) => {
    const folder = await pageFolder(t);
    const { authority, server } = await makeCertificates(temporary(t, 'certificates'));
    const secure = createTlsServer({ cert: server.cert, key: server.keyText }, (request, response) => {
      if (request.url === '/away/catalogue.json') response.writeHead(302, { location: 'http://127.0.0.1:9/catalogue.json' }).end();
      else response.end(readFileSync(join(folder, request.url?.slice(1) ?? '')));
    });
    await new Promise<void>((resolve) => secure.listen(0, '127.0.0.1', resolve));
    t.after(() => (secure.closeAllConnections(), secure.close()));
    const host = `127.0.0.1:${(secure.address() as AddressInfo).port}`;
    const certs = temporary(t, 'certs');
    mkdirSync(join(certs, host));
    const reach = (certsFolders: readonly string[], path = '') => {
      const registries = openRegistries({ ...isolated, certsFolders });
      t.after(() => registries.close());
      return rows({ catalog: new Catalog([at(`https://${host}/${path}`)], registries) }, { names: ['NanoServer'] });
    };
    await assert.rejects(reach([]), { code: 'insecure', message: /certificate of 127\.0\.0\.1:\d+ is not accepted/ });
    copyFileSync(authority.certificate, join(certs, host, 'ca.crt'));
    assert.equal((await reach([certs])).length, 1);
    await assert.rejects(reach([certs], 'away/'), { code: 'insecure' });
  },
);

test('a .wim is installed from a server, is a base image at once, and goes again unless something stands on it', async (t) => {
  const { url } = await fileServer(t, await pageFolder(t));
  const host = { ...(await hostOf(t)), ...catalogOf(t, [at(url)]) };
  const installed = await installBaseImage(host, await findOneBaseImage(host, { names: ['nanoserver'], version: '10.0.10586.0' }), host);
  assert.deepEqual(
    [familiar(installed.reference), installed.name, installed.publisher, installed.version, installed.publisherSource, installed.changed],
    ['nanoserver:10.0.10586.0', 'NanoServer', 'CN=Microsoft', '10.0.10586.0', 'catalogue', true],
  );
  assert.deepEqual(readdirSync(host.downloads), []);
  const [row] = await containerImages(host);
  assert.deepEqual([row?.name, row?.publisher, row?.version, row?.isOsImage], ['NanoServer', 'CN=Microsoft', '10.0.10586.0', true]);
  const again = await installBaseImage(host, await findOneBaseImage(host, { names: ['NanoServer'], version: '10.0.10586.0' }), host);
  assert.deepEqual([again.changed, again.root.digest], [false, installed.root.digest]);
  // The file's own word goes before the catalogue's.
  const core = await installBaseImage(host, await findOneBaseImage(host, { names: ['*core'] }), host);
  assert.deepEqual([core.publisher, core.publisherSource], ['CN=Demo', 'wim']);
  // A name in another repository is one of all its names.
  await tag(host, 'nanoserver:10.0.10586.0', 'mine/nano:1');
  const { deleted } = await uninstallBaseImage(host, 'CN=Microsoft_NanoServer_10.0.10586.0');
  assert.deepEqual(deleted, [installed.root.digest]);
  await assert.rejects(uninstallBaseImage(host, 'NanoServer'), { code: 'not-found' });
});

test('what was downloaded and could not be installed is not downloaded again, and goes with the installation', async (t) => {
  const server = await fileServer(t, await pageFolder(t));
  const host = { ...(await hostOf(t)), ...catalogOf(t, [at(server.url)]) };
  const found = await findOneBaseImage(host, { names: ['NanoServer'], version: '10.0.10586.0' });
  const stopped = new AbortController();
  const onProgress = ({ state }: { readonly state: string }) => state === 'done' && stopped.abort();
  await assert.rejects(installBaseImage(host, found, { ...host, signal: stopped.signal, onProgress }), { code: 'canceled' });
  assert.equal(readdirSync(host.downloads).length, 1);
  await installBaseImage(host, found, host);
  assert.deepEqual(readdirSync(host.downloads), []);
  assert.equal(server.requests.filter(({ url }) => url === '/NanoServer.wim').length, 1);
});

async function registry(t: TestContext) {
  const store = await openStore(t);
  const requests: RequestRecord[] = [];
  const door = await listen(registryDoor(store, { log: (record) => requests.push(record) }));
  t.after(() => door.close());
  return { store, requests, host: door.address.replace('http://', '') };
}

async function push(store: Pick<ImageStore, 'repository'>, name: string, version: string): Promise<void> {
  const platform = { os: 'windows', architecture: 'amd64', 'os.version': version };
  const made = await makeImage({ platform, layers: [name] });
  const repository = store.repository(parseReference(name));
  await putImage(repository, made);
  await repository.tag(made.target, parseReference(name).tag ?? 'latest');
}

function own(location: string): CatalogSource {
  return {
    kind: 'registry',
    name: 'own',
    location,
    publisher: 'CN=Microsoft',
    repositories: [{ repository: 'windows/nanoserver', name: 'NanoServer', description: 'Nano' }],
  };
}

test('a registry’s versions are its tags, and what its other tags point at; the image keeps its digest and gets its name', async (t) => {
  const { store, host: address } = await registry(t);
  for (const version of ['10.0.14393.0', '10.0.17763.4010']) await push(store, `windows/nanoserver:${version}`, version);
  await push(store, 'windows/nanoserver:10.0.17763.4010-amd64', '10.0.17763.4010');
  const index = await makeIndex([
    { os: 'windows', architecture: 'amd64', 'os.version': '10.0.20348.1726' },
    { os: 'windows', architecture: 'arm64', 'os.version': '10.0.26100.1' },
  ]);
  const repository = store.repository(parseReference('windows/nanoserver'));
  await putImage(repository, index);
  await repository.tag(index.target, 'ltsc2022');
  const host = { ...(await hostOf(t)), ...catalogOf(t, [own(address)]) };
  assert.deepEqual(await rows(host, { all: true }), [
    'NanoServer 10.0.20348.1726 CN=Microsoft own',
    'NanoServer 10.0.17763.4010 CN=Microsoft own',
    'NanoServer 10.0.14393.0 CN=Microsoft own',
  ]);
  const [newest] = await findBaseImages(host, {});
  assert.deepEqual(
    [newest?.version, newest?.published?.toISOString(), (newest?.size ?? 0) > 100],
    ['10.0.20348.1726', '2026-01-02T03:04:05.000Z', true],
  );
  const installed = await installBaseImage(host, await findOneBaseImage(host, { names: ['NanoServer'] }), host);
  assert.equal(installed.root.digest, index.images[0]?.target.digest);
  assert.equal(familiar(installed.reference), 'nanoserver:10.0.20348.1726');
  const [row] = await containerImages(host);
  assert.deepEqual(
    [row?.name, row?.publisher, row?.version, row?.publisherSource],
    ['NanoServer', 'CN=Microsoft', '10.0.20348.1726', 'catalogue'],
  );
});

test('a registry of Docker’s own is searched and installed from', { skip: dockerRegistry.skip }, async (t) => {
  const { host: address } = await startDockerRegistry(t);
  const registries = registriesOf(t);
  const there = { repository: ({ repository }: { repository: string }) => registries.repository({ registry: address, repository }) };
  for (const version of ['10.0.14393.0', '10.0.20348.1726']) await push(there, `base/windows/nanoserver:${version}`, version);
  await push(there, 'base/windows/nanoserver:ltsc2025', '10.0.26100.1');
  const host = { ...(await hostOf(t)), ...catalogOf(t, [own(`${address}/base`)]) };
  const found = await rows(host, { names: ['nano*'], all: true });
  assert.deepEqual(
    found.map((row) => row.split(' ')[1]),
    ['10.0.26100.1', '10.0.20348.1726', '10.0.14393.0'],
  );
  const { root, reference } = await installBaseImage(
    host,
    await findOneBaseImage(host, { names: ['NanoServer'], version: '10.0.20348.*' }),
    host,
  );
  assert.equal(familiar(reference), 'nanoserver:10.0.20348.1726');
  assert.equal(root.digest, (await there.repository({ repository: 'base/windows/nanoserver' }).resolve('10.0.20348.1726')).digest);
});

test('thousands of tags cost no thousand requests, and a catalogue is read once', async (t) => {
  const { store, host: address, requests } = await registry(t);
  await push(store, 'windows/nanoserver:10.0.1.0', '10.0.1.0');
  const repository = store.repository(parseReference('windows/nanoserver'));
  const target = await repository.resolve('10.0.1.0');
  await using ingest = await store.begin();
  const tags = Array.from({ length: 3000 }, (_, number) => (number % 2 === 0 ? `10.0.2.${number}` : `word${number}`));
  await Promise.all(tags.map((tag) => ingest.tag(target, `windows/nanoserver:${tag}`)));
  const host = catalogOf(t, [own(address)]);
  assert.equal((await findBaseImages(host, { all: true })).length, 1501);
  await findBaseImages(host, { names: ['Nano*'] });
  const manifests = requests.filter(({ target: path }) => path.includes('/manifests/')).length;
  assert.ok(manifests < 60, `${manifests} requests for manifests`);
});

test('where another publisher has the name, the publisher stands before it', async (t) => {
  const [folder, other] = [await pageFolder(t), temporary(t, 'other')];
  await makeWim(join(other, 'nano.wim'), { name: 'NanoServer', version: '10.0.10586.0', publisher: 'CN=Contoso' });
  await buildCatalog(other);
  const host = { ...(await hostOf(t)), ...catalogOf(t, [at(other, { name: 'other' }), at(folder)]) };
  const query = { names: ['NanoServer'], version: '10.0.10586.0' };
  await installBaseImage(host, await findOneBaseImage(host, { ...query, sources: ['page'] }), host);
  const second = await installBaseImage(host, await findOneBaseImage(host, query), host);
  assert.equal(familiar(second.reference), 'contoso/nanoserver:10.0.10586.0');
  await assert.rejects(uninstallBaseImage(host, 'NanoServer'), { code: 'ambiguous', message: /CN=Contoso_NanoServer_10\.0\.10586\.0/ });
  await uninstallBaseImage(host, 'contoso/nanoserver:10.0.10586.0');
  await uninstallBaseImage(host, 'NanoServer:10.0.10586');
  assert.deepEqual(await containerImages(host), []);
});

test('an OCI archive in a catalogue is described by its annotations, and installed with its digest', async (t) => {
  const folder = temporary(t, 'archives');
  const from = await openStore(t);
  const made = await makeImage({
    annotations: {
      'org.opencontainers.image.title': 'Tools',
      'org.opencontainers.image.vendor': 'Demo',
      'org.opencontainers.image.version': '1.2',
      'org.opencontainers.image.description': 'What we need',
    },
  });
  {
    await using ingest = await from.begin();
    await putImage(ingest, made);
    await ingest.tag(made.target, 'tools:1.2');
  }
  await writeStreamAtomic(
    join(folder, 'tools.tar'),
    await writeArchive(from, [{ target: made.target, names: ['docker.io/library/tools:1.2'] }]),
  );
  copyFileSync(join(folder, 'tools.tar'), join(folder, '.hidden.tar'));
  writeFileSync(join(folder, 'broken.wim'), 'MSWIM');
  const { skipped } = await buildCatalog(folder);
  assert.deepEqual(
    skipped.map(({ file }) => file),
    ['broken.wim'],
  );
  const host = { ...(await hostOf(t)), ...catalogOf(t, [at(folder)]) };
  const found = await findOneBaseImage(host, { names: ['Tools'] });
  assert.deepEqual([found.version, found.publisher, found.description], ['1.2.0.0', 'CN=Demo', 'What we need']);
  const installed = await installBaseImage(host, found, host);
  assert.deepEqual([familiar(installed.reference), installed.root.digest], ['tools:1.2.0.0', made.target.digest]);
});

test('a server’s own base images are a catalogue, and another machine installs them with publisher and digest', async (t) => {
  const { store, host: address } = await registry(t);
  const from = {
    store,
    containers: new Containers(store),
    downloads: temporary(t, 'downloads'),
    ...catalogOf(t, [at(await pageFolder(t))]),
  };
  const query = { names: ['NanoServer'], version: '10.0.10586.0' };
  const first = await installBaseImage(from, await findOneBaseImage(from, query), from);
  for (const location of [`http://${address}/`, `http://${address}/catalog.json`]) {
    const host = { ...(await hostOf(t)), ...catalogOf(t, [at(location)]) };
    assert.deepEqual(await rows(host), ['NanoServer 10.0.10586.0 CN=Microsoft page']);
    const installed = await installBaseImage(host, await findOneBaseImage(host, query), host);
    assert.deepEqual([installed.root.digest, installed.publisher], [first.root.digest, 'CN=Microsoft']);
    const tar = join(temporary(t, 'saved'), 'nano.tar');
    await saveBaseImage(host, await findOneBaseImage(host, query), tar);
    const wim = join(temporary(t, 'saved'), 'nano.wim');
    await saveBaseImage(host, await findOneBaseImage(host, query), wim);
    const offline = await hostOf(t);
    const offlineInstalled = await installWim(offline, wim);
    assert.deepEqual(
      [offlineInstalled.name, offlineInstalled.publisher, offlineInstalled.version, offlineInstalled.diffId],
      ['NanoServer', 'CN=Microsoft', '10.0.10586.0', await diffIdOf(store, first.root)],
    );
    const target = await openStore(t);
    const [loaded] = await load({ store: target }, tar);
    assert.deepEqual([loaded?.root.digest, loaded?.names.map(familiar)], [first.root.digest, ['nanoserver:10.0.10586.0']]);
  }
});

async function diffIdOf(store: ImageStore, root: Descriptor) {
  return (await store.image(root.digest))?.platforms[0]?.diffIds[0];
}

test('saving refuses a folder, a file that is there, a read-only one, and a name that says another kind of file', async (t) => {
  const host = { ...(await hostOf(t)), ...catalogOf(t, [at(await pageFolder(t))]) };
  const found = await findOneBaseImage(host, { names: ['NanoServer'], version: '10.0.10586.0' });
  const folder = temporary(t, 'saved');
  const path = join(folder, 'new', 'NanoServer.wim');
  await saveBaseImage(host, found, path);
  assert.equal(readFileSync(path).length, found.size);
  await assert.rejects(saveBaseImage(host, found, folder), { code: 'invalid-argument', message: 'Please provide file name with path.' });
  await assert.rejects(saveBaseImage(host, found, path), { code: 'conflict', message: `${path} already exists` });
  await saveBaseImage(host, found, path, { overwrite: true });
  await assert.rejects(saveBaseImage(host, found, join(folder, 'x.tar')), { code: 'invalid-argument' });
  chmodSync(path, 0o444);
  await assert.rejects(saveBaseImage(host, found, path, { overwrite: true }), {
    code: 'permission',
    message: `Cannot over write read-only file: ${path}`,
  });
  chmodSync(path, 0o644);
  await assert.rejects(saveBaseImage(host, found, join(path, 'below.wim')), (error: ImageError) => error.code !== 'internal');
});

test(
  'what a catalogue leaves out is named, each with the reason: links, what cannot be read, names that are no path',
  { skip: process.platform === 'win32' && 'links and modes of Unix' },
  async (t) => {
    const folder = temporary(t, 'catalogue');
    await makeWim(join(folder, 'whole.wim'), { name: 'Whole', version: '1.0.0.0' });
    for (const name of ['a\nb.wim', 'folder/of.wim']) {
      mkdirSync(join(folder, 'folder'), { recursive: true });
      copyFileSync(join(folder, 'whole.wim'), join(folder, name));
    }
    symlinkSync('whole.wim', join(folder, 'link.wim'));
    symlinkSync('folder', join(folder, 'way.tar'));
    const { images, skipped } = await buildCatalog(folder);
    assert.deepEqual(
      images.map(({ content }) => content.kind !== 'registry' && content.file),
      ['folder/of.wim', 'whole.wim'],
    );
    assert.deepEqual(
      new Map(skipped.map(({ file, why }) => [file, why.replace(/^.*(?=is not the path)/s, '')])),
      new Map([
        ['link.wim', 'it is a link: put the file itself there'],
        ['way.tar', 'it is a link: put the file itself there'],
        ['a\nb.wim', 'is not the path of a file beside the catalogue'],
      ]),
    );
    const { stderr } = await bay(['catalog', 'build', folder], { home: join(folder, 'home') });
    assert.match(stderr, /^WARNING: a b\.wim is left out: /m);
    assert.equal(stderr.trimEnd().split('\n').length, skipped.length);
  },
);

test('a file has a name as long as names may be', async (t) => {
  const folder = temporary(t, 'catalogue');
  const path = join(folder, `${'x'.repeat(251)}.wim`);
  await makeWim(path, { name: 'Long', version: '1.0.0.0' });
  await writeStreamAtomic(join(folder, `${'y'.repeat(251)}.tar`), Readable.from([Buffer.from('all')]));
  assert.deepEqual(
    readdirSync(folder).map((name) => name.length),
    [255, 255],
  );
});
