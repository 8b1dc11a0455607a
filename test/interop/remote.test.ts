/** Our client and Debian's docker-registry, plain and with each of its ways in; and skopeo, which reads what we push, pushes what we read, and shares our login. */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';

import { copy } from '../../src/content/copy.ts';
import { ImageError, type ErrorCode } from '../../src/errors.ts';
import type { Progress } from '../../src/io/operation.ts';
import { mediaTypes } from '../../src/model/media-types.ts';
import { openRegistries, type Registries } from '../../src/remote/registries.ts';
import type { RegistryOptions, WireLog } from '../../src/remote/registry-options.ts';
import { imagePlaceContract } from '../contracts/image-sink.ts';
import { makeCertificates, openssl } from '../support/certificates.ts';
import { dockerRegistry, startDockerRegistry } from '../support/docker-registry.ts';
import { blobOf, isolated, noise } from '../support/lying-registry.ts';
import { bytesOf, chunksOf, makeImage, makeIndex, putImage } from '../support/make-image.ts';
import { peer, skipWithout } from '../support/peers.ts';
import { temporary } from '../support/temporary.ts';
import { startTokenServer } from '../support/token-server.ts';

const skopeo = peer('skopeo');
const skip = dockerRegistry.skip;

function open(t: TestContext, options: RegistryOptions = {}): Registries {
  const registries = openRegistries({ ...isolated, ...options });
  t.after(() => registries.close());
  return registries;
}

function fails(promise: Promise<unknown>, code: ErrorCode, message?: RegExp): Promise<void> {
  return assert.rejects(promise, (error: unknown) => {
    assert.ok(error instanceof ImageError, String(error));
    assert.equal(error.code, code, error.message);
    if (message) assert.match(error.message, message);
    return true;
  });
}

if (skip === false)
  imagePlaceContract(
    'a repository of docker-registry',
    async (t) => {
      const { host } = await startDockerRegistry(t);
      const repository = open(t).repository({ registry: host, repository: 'some/app' });
      return { source: repository, sink: repository, nameOf: (tag) => tag };
    },
    { without: ['sha512'] },
  );
else test('docker-registry as a place for images', { skip });

test('tags, catalog, search, deletion and uploads by hand', { skip }, async (t) => {
  const { host } = await startDockerRegistry(t);
  const registries = open(t);
  const image = await makeImage();
  const repository = registries.repository({ registry: host, repository: 'team/app' });
  await fails(repository.tags(), 'not-found');
  await putImage(repository, image);
  for (const tag of ['b', 'a', 'latest', '1.0']) await repository.tag(image.target, tag);
  assert.deepEqual(await repository.tags(), ['1.0', 'a', 'b', 'latest']);
  assert.deepEqual(await repository.tags({ limit: 2 }), ['1.0', 'a']);
  assert.deepEqual(await repository.tags({ limit: 5, last: 'a' }), ['b', 'latest']);
  for (const name of ['nano', 'team/nanoserver', 'zebra'])
    await putImage(registries.repository({ registry: host, repository: name }), image);
  assert.deepEqual(await registries.catalog(host), ['nano', 'team/app', 'team/nanoserver', 'zebra']);
  assert.deepEqual(await registries.catalog(host, { limit: 2, last: 'nano' }), ['team/app', 'team/nanoserver']);
  assert.deepEqual(
    (await registries.search(`${host}/nano`)).map(({ name }) => name),
    ['nano', 'team/nanoserver'],
  );
  assert.deepEqual(await registries.ping(host), { url: `http://${host}/v2/`, status: 200, wantsLogin: false });

  await fails(repository.untag('a'), 'unsupported');
  await repository.delete(image.target);
  assert.equal(await repository.has(image.target), false);
  await fails(repository.delete(image.target), 'manifest-unknown');
  await fails(repository.delete(blobOf(noise(3))), 'blob-unknown');

  const bytes = noise(100_000);
  const upload = await repository.upload();
  await upload.append(chunksOf(bytes.subarray(0, 40_000)));
  assert.equal(upload.offset, 40_000);
  await fails(upload.append(chunksOf(bytes), 7), 'range-invalid');
  const later = await repository.upload(upload.id);
  assert.equal(later.offset, 40_000);
  await later.append(chunksOf(bytes.subarray(40_000)), 40_000);
  assert.deepEqual(await later.finish(blobOf(bytes).digest), { mediaType: mediaTypes.bytes, digest: blobOf(bytes).digest, size: 100_000 });
  assert.deepEqual(await bytesOf(await repository.open(blobOf(bytes))), bytes);
  const dropped = await repository.upload();
  await dropped.cancel();
  await fails(repository.upload(dropped.id), 'upload-unknown');
});

test('referrers are kept under a tag where the registry keeps none, for skopeo and us', { skip }, async (t) => {
  const { host } = await startDockerRegistry(t);
  const repository = open(t).repository({ registry: host, repository: 'app' });
  const image = await makeImage();
  await putImage(repository, image);
  const made = ['application/x.signature', 'application/x.sbom'].map((artifactType) => {
    const document = {
      schemaVersion: 2,
      mediaType: mediaTypes.ociManifest,
      artifactType,
      config: image.config,
      layers: image.layers,
      subject: image.target,
      annotations: { of: artifactType },
    };
    const bytes = Buffer.from(JSON.stringify(document));
    return { bytes, target: blobOf(bytes, mediaTypes.ociManifest), artifactType };
  });
  assert.deepEqual(await repository.referrers(image.target), []);
  for (const { target, bytes } of made) await repository.write(target, async () => chunksOf(bytes));
  const listed = await repository.referrers(image.target);
  assert.deepEqual(
    listed.map(({ digest, artifactType, annotations }) => [digest, artifactType, annotations]),
    made.map(({ target, artifactType }) => [target.digest, artifactType, { of: artifactType }]),
  );
  assert.equal((await repository.referrers(image.target, 'application/x.sbom')).length, 1);
  const [signature] = made;
  assert.ok(signature);
  await repository.delete(signature.target);
  assert.deepEqual(
    (await repository.referrers(image.target)).map(({ artifactType }) => artifactType),
    ['application/x.sbom'],
  );
});

test('an image goes from repository to repository by mount, without a byte of its layers on the wire', { skip }, async (t) => {
  const { host } = await startDockerRegistry(t);
  const log: WireLog[] = [];
  const registries = open(t, { onLog: (entry) => log.push(entry) });
  const image = await makeIndex([
    { os: 'linux', architecture: 'amd64' },
    { os: 'linux', architecture: 'arm64' },
  ]);
  const [from, to] = ['base', 'derived'].map((repository) => registries.repository({ registry: host, repository }));
  assert.ok(from && to);
  await putImage(from, image);
  log.length = 0;
  const events: Progress[] = [];
  await copy(from, image.target, to, { from: () => ({ registry: host, repository: 'base' }), onProgress: (event) => events.push(event) });
  assert.equal(await to.has(image.target), true);
  assert.equal(log.filter(({ method, url }) => method === 'GET' && url.includes('/blobs/')).length, 0);
  assert.ok(events.filter(({ state }) => state === 'mounted').length >= 5);
});

test('skopeo and we read what the other has pushed, to the byte', { skip: skipWithout(dockerRegistry, skopeo) }, async (t) => {
  const { host } = await startDockerRegistry(t);
  const repository = open(t).repository({ registry: host, repository: 'app' });
  const image = await makeImage();
  await putImage(repository, image);
  await repository.tag(image.target, 'ours');
  const layout = join(temporary(t, 'skopeo'), 'layout');
  await skopeo.run(['copy', '--preserve-digests', '--src-tls-verify=false', `docker://${host}/app:ours`, `oci:${layout}:one`]);
  await skopeo.run(['copy', '--preserve-digests', '--dest-tls-verify=false', `oci:${layout}:one`, `docker://${host}/other:theirs`]);
  const other = open(t).repository({ registry: host, repository: 'other' });
  const found = await other.resolve('theirs');
  assert.equal(found.digest, image.target.digest);
  for (const piece of [image.config, ...image.layers])
    assert.deepEqual(await bytesOf(await other.open(piece)), image.blobs.get(piece.digest));
});

/** `me:hunter2`, by bcrypt. */
const htpasswd = 'me:$2b$05$5DLCd0E0W2FETaPIGnQGa.7UoLk4PUTu1V4aEoni/ujWdRo35a1.C\n'.replace('$2b$', '$2y$');

test(
  'Basic: nothing without a login, everything with it, and skopeo has the same login',
  { skip: skipWithout(dockerRegistry, skopeo) },
  async (t) => {
    const folder = temporary(t, 'login');
    writeFileSync(join(folder, 'htpasswd'), htpasswd);
    const { host } = await startDockerRegistry(t, { auth: ['htpasswd:', '  realm: test', `  path: ${join(folder, 'htpasswd')}`] });
    const registries = open(t, { configFolder: folder });
    const repository = registries.repository({ registry: host, repository: 'app' });
    const image = await makeImage();
    await fails(repository.resolve('latest'), 'denied', /repository does not exist or may require 'docker login'/);
    await fails(putImage(repository, image), 'unauthorized');
    await fails(registries.login(host, { username: 'me', password: 'wrong' }), 'unauthorized');
    assert.equal(await registries.credentials(host), undefined);
    assert.equal((await registries.ping(host)).wantsLogin, true);

    const file = join(folder, 'config.json');
    assert.deepEqual(await registries.login(`http://${host}/`, { username: 'me', password: 'hunter2' }), {
      status: 'Login Succeeded',
      storedIn: file,
      unencrypted: true,
    });
    if (process.platform !== 'win32') assert.equal(statSync(file).mode & 0o777, 0o600);
    await putImage(repository, image);
    await repository.tag(image.target, 'latest');
    assert.equal(
      (await open(t, { configFolder: folder }).repository({ registry: host, repository: 'app' }).resolve('latest')).digest,
      image.target.digest,
    );
    const { stdout } = await skopeo.run(['inspect', '--tls-verify=false', '--authfile', file, `docker://${host}/app`]);
    assert.equal((JSON.parse(stdout) as { Digest: string }).Digest, image.target.digest);

    assert.equal(await registries.logout(host), true);
    assert.equal(await registries.logout(host), false);
    assert.equal(readFileSync(file, 'utf8').includes('auth":'), false);
    await fails(open(t, { configFolder: folder }).repository({ registry: host, repository: 'app' }).resolve('latest'), 'denied');
  },
);

test(
  'Bearer: strangers read what is public, a login writes, and a mount has a token for both repositories',
  { skip: skipWithout(dockerRegistry, openssl) },
  async (t) => {
    const folder = temporary(t, 'token');
    const { authority } = await makeCertificates(folder);
    const tokens = await startTokenServer(t, authority, { users: { me: 'hunter2' }, publicRepositories: ['public'] });
    const { host } = await startDockerRegistry(t, {
      auth: [
        'token:',
        `  realm: ${tokens.realm}`,
        '  service: test-registry',
        '  issuer: test-issuer',
        `  rootcertbundle: ${authority.certificate}`,
      ],
    });
    const me = open(t, { credentials: () => ({ username: 'me', password: 'hunter2' }) });
    const image = await makeImage();
    for (const name of ['public', 'private']) {
      const repository = me.repository({ registry: host, repository: name });
      await putImage(repository, image);
      await repository.tag(image.target, 'latest');
    }
    const mounted: Progress[] = [];
    const derived = me.repository({ registry: host, repository: 'derived' });
    await copy(me.repository({ registry: host, repository: 'private' }), image.target, derived, {
      from: () => ({ registry: host, repository: 'private' }),
      onProgress: (event) => {
        if (event.state === 'mounted') mounted.push(event);
      },
    });
    assert.equal(mounted.length, image.blobs.size - 1);
    assert.ok(tokens.asked.some(({ scopes }) => scopes.length === 2));

    const stranger = open(t);
    assert.equal((await stranger.repository({ registry: host, repository: 'public' }).resolve('latest')).digest, image.target.digest);
    await fails(stranger.repository({ registry: host, repository: 'private' }).resolve('latest'), 'denied', /docker login/);
    await fails(
      stranger.repository({ registry: host, repository: 'public' }).write(blobOf(noise(10)), async () => chunksOf(noise(10))),
      'denied',
    );
    const wrong = open(t, { credentials: () => ({ username: 'me', password: 'wrong' }) });
    await fails(
      wrong.repository({ registry: host, repository: 'public' }).resolve('latest'),
      'unauthorized',
      /incorrect username or password/,
    );

    // One token serves many requests.
    const before = tokens.asked.length;
    const reader = open(t, { credentials: () => ({ username: 'me', password: 'hunter2' }) }).repository({
      registry: host,
      repository: 'private',
    });
    await reader.resolve('latest');
    for (const layer of image.layers) await bytesOf(await reader.open(layer));
    await reader.tags();
    assert.equal(tokens.asked.length - before, 1);
  },
);

test(
  'Bearer: a login keeps the refresh token in place of the password, and it is what is used then',
  { skip: skipWithout(dockerRegistry, openssl) },
  async (t) => {
    const folder = temporary(t, 'token');
    const { authority } = await makeCertificates(folder);
    const tokens = await startTokenServer(t, authority, { users: { me: 'hunter2' }, publicRepositories: [], lifetime: 1 });
    const { host } = await startDockerRegistry(t, {
      auth: [
        'token:',
        `  realm: ${tokens.realm}`,
        '  service: test-registry',
        '  issuer: test-issuer',
        `  rootcertbundle: ${authority.certificate}`,
      ],
    });
    const registries = open(t, { configFolder: folder });
    await fails(registries.login(host, { username: 'me', password: 'wrong' }), 'unauthorized', /incorrect username or password/);
    await registries.login(host, { username: 'me', password: 'hunter2' });
    assert.doesNotMatch(
      readFileSync(join(folder, 'config.json'), 'utf8'),
      new RegExp(`hunter2|${Buffer.from('me:hunter2').toString('base64')}`),
    );
    assert.ok('identityToken' in ((await registries.credentials(host)) ?? {}));
    const repository = registries.repository({ registry: host, repository: 'app' });
    const image = await makeImage();
    await putImage(repository, image);
    assert.equal(tokens.asked.at(-1)?.grant, 'refresh_token');

    // Tokens live for a second: the next request fetches another, and nobody notices.
    const before = tokens.asked.length;
    await new Promise((resolve) => setTimeout(resolve, 1100));
    assert.equal(await repository.has(image.target), true);
    assert.equal(tokens.asked.length - before, 1);
  },
);

test(
  'TLS: an authority and a client certificate from certs.d, and nothing without them',
  { skip: skipWithout(dockerRegistry, openssl) },
  async (t) => {
    const folder = temporary(t, 'tls');
    const { authority, server, client } = await makeCertificates(folder);
    const { host } = await startDockerRegistry(t, {
      http: ['tls:', `  certificate: ${server.certificate}`, `  key: ${server.key}`, `  clientcas: ['${authority.certificate}']`],
    });
    const certs = join(folder, 'certs.d');
    const mine = join(certs, process.platform === 'win32' ? host.replace(':', '') : host);
    mkdirSync(mine, { recursive: true });
    const withCerts = () => open(t, { certsFolders: [certs] }).repository({ registry: host, repository: 'app' });
    await fails(withCerts().resolve('latest'), 'insecure', /certificate of .* is not accepted/);
    writeFileSync(join(mine, 'ca.crt'), authority.cert);
    await fails(withCerts().resolve('latest'), 'unauthorized', /client certificate/);
    writeFileSync(join(mine, 'client.cert'), client.cert);
    await fails(withCerts().resolve('latest'), 'invalid-config', /has no key/);
    writeFileSync(join(mine, 'client.key'), client.keyText);
    const image = await makeImage();
    const repository = withCerts();
    await putImage(repository, image);
    for (const layer of image.layers) assert.deepEqual(await bytesOf(await repository.open(layer)), image.blobs.get(layer.digest));

    // containerd's file says the same in its own words.
    const toml = join(folder, 'toml', process.platform === 'win32' ? host.replace(':', '') : host);
    mkdirSync(toml, { recursive: true });
    writeFileSync(
      join(toml, 'hosts.toml'),
      `server = "https://${host}"\nca = ${JSON.stringify(authority.certificate)}\nclient = [[${JSON.stringify(client.certificate)}, ${JSON.stringify(client.key)}]]\n`,
    );
    const other = open(t, { certsFolders: [join(folder, 'toml')] }).repository({ registry: host, repository: 'app' });
    assert.equal(await other.has(image.target), true);
  },
);

test('docker.io is another registry where registries.conf says so, for the search too', { skip }, async (t) => {
  const { host } = await startDockerRegistry(t);
  const conf = join(temporary(t, 'conf'), 'registries.conf');
  writeFileSync(conf, `[[registry]]\nprefix = "docker.io"\nlocation = "${host}"\ninsecure = true\n`);
  const registries = open(t, { registriesConf: conf });
  const image = await makeImage();
  const repository = registries.repository({ registry: 'docker.io', repository: 'library/debian' });
  await putImage(repository, image);
  await repository.tag(image.target, '12');
  assert.equal(
    (await registries.repository({ registry: 'docker.io', repository: 'library/debian' }).resolve('12')).digest,
    image.target.digest,
  );
  assert.deepEqual(
    (await registries.search('debian')).map(({ name }) => name),
    ['library/debian'],
  );
  assert.deepEqual(await registries.catalog('docker.io'), ['library/debian']);
});
