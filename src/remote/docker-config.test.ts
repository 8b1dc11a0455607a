import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, stat, symlink, writeFile, chmod, mkdir, lstat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { isImageError } from '../errors.ts';
import { CredentialStore } from './credential-store.ts';
import { authOf, changeDockerConfig, helperOf, readDockerConfig } from './docker-config.ts';

const windows = process.platform === 'win32';

async function folder(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'bay-config-'));
  t.after(() => rm(path, { recursive: true, force: true }));
  return path;
}

const base64 = (text: string) => Buffer.from(text).toString('base64');
const config = (document: Record<string, unknown>) => ({ path: 'config.json', document });

test('auths are found by host, by URL, and by the longest path', () => {
  const { ...document } = {
    auths: {
      'https://index.docker.io/v1/': { auth: base64('hub:a:b') },
      'https://old.example/v1/': { username: 'old', password: 'p' },
      'quay.io': { auth: base64('quay:1') },
      'quay.io/team': { auth: base64('team:2') },
      'quay.io/team/app': { identitytoken: 'refresh', auth: base64('me:') },
      'token.example:5000': { registrytoken: 'jwt' },
    },
  };
  const find = (host: string, repository?: string) => authOf(config(document), host, repository);
  assert.deepEqual(find('docker.io', 'library/debian'), { username: 'hub', password: 'a:b' });
  assert.deepEqual(find('old.example'), { username: 'old', password: 'p' });
  assert.deepEqual(find('quay.io', 'other/x'), { username: 'quay', password: '1' });
  assert.deepEqual(find('quay.io', 'team/x/y'), { username: 'team', password: '2' });
  assert.deepEqual(find('quay.io', 'team/app'), { username: 'me', identityToken: 'refresh' });
  assert.deepEqual(find('token.example:5000'), { registryToken: 'jwt' });
  assert.equal(find('token.example'), undefined);
  assert.equal(find('evil.quay.io'), undefined);
});

test('a host’s own helper goes before the one for all', () => {
  const document = { credsStore: 'all', credHelpers: { 'gcr.io': 'gcr' } };
  assert.equal(helperOf(config(document), 'gcr.io'), 'gcr');
  assert.equal(helperOf(config(document), 'docker.io'), 'all');
});

test('login keeps what others wrote, in a file for its owner alone', async (t) => {
  const home = await folder(t);
  const path = join(home, 'config.json');
  await writeFile(
    path,
    JSON.stringify({ detachKeys: 'ctrl-e', auths: { 'a.example': { auth: base64('a:1') } }, plugins: { x: { y: '1' } } }),
  );
  const store = new CredentialStore({ configFolder: home, env: { HOME: home } });
  assert.deepEqual(await store.keep('b.example', { username: 'bö', password: 'p:w' }), { storedIn: path, unencrypted: true });
  const written = JSON.parse(await readFile(path, 'utf8')) as Record<string, unknown>;
  assert.deepEqual(written, {
    detachKeys: 'ctrl-e',
    auths: { 'a.example': { auth: base64('a:1') }, 'b.example': { auth: base64('bö:p:w') } },
    plugins: { x: { y: '1' } },
  });
  if (!windows) assert.equal((await stat(path)).mode & 0o777, 0o600);
  assert.deepEqual(await store.find('b.example'), { username: 'bö', password: 'p:w' });
  assert.equal(await store.forget('b.example'), true);
  assert.equal(await store.forget('b.example'), false);
  assert.deepEqual(await store.find('a.example'), { username: 'a', password: '1' });
});

test('a file that is no JSON is a warning for a pull, and is never overwritten', async (t) => {
  const home = await folder(t);
  const path = join(home, 'config.json');
  await writeFile(path, '{ "auths": ');
  const warnings: string[] = [];
  const store = new CredentialStore({ configFolder: home, env: { HOME: home }, onWarning: (text) => warnings.push(text) });
  assert.equal(await store.find('a.example'), undefined);
  assert.match(warnings[0] ?? '', /not JSON/);
  await assert.rejects(store.keep('a.example', { username: 'a', password: 'b' }), (error) => isImageError(error, 'invalid-config'));
  assert.equal(await readFile(path, 'utf8'), '{ "auths": ');
});

test('many writers lose none of their changes', async (t) => {
  const path = join(await folder(t), 'config.json');
  const hosts = Array.from({ length: 8 }, (_, at) => `h${at}.example`);
  for (const host of hosts)
    await changeDockerConfig(path, (document) => ({ ...document, auths: { ...(document.auths as object | undefined), [host]: {} } }));
  const { document } = await readDockerConfig(path);
  assert.deepEqual(Object.keys(document.auths as object), hosts);
});

test('a link to the file stays a link', { skip: windows }, async (t) => {
  const home = await folder(t);
  await writeFile(join(home, 'real.json'), '{}');
  await symlink('real.json', join(home, 'config.json'));
  await changeDockerConfig(join(home, 'config.json'), () => ({ auths: {} }));
  assert.ok((await lstat(join(home, 'config.json'))).isSymbolicLink());
  assert.equal(JSON.stringify((await readDockerConfig(join(home, 'real.json'))).document), '{"auths":{}}');
});

test('a credential helper is asked, told and made to forget', { skip: windows }, async (t) => {
  const home = await folder(t);
  const bin = join(home, 'bin');
  await mkdir(bin);
  const helper = join(bin, 'docker-credential-memory');
  await writeFile(
    helper,
    `#!/bin/sh
read -r input
case "$1" in
  get) if [ -f "${home}/kept" ]; then cat "${home}/kept"; else echo "credentials not found in native keychain"; exit 1; fi ;;
  store) printf '%s' "$input" > "${home}/kept" ;;
  erase) rm "${home}/kept" ;;
esac
`,
  );
  await chmod(helper, 0o755);
  await writeFile(join(home, 'config.json'), JSON.stringify({ credsStore: 'memory' }));
  const store = new CredentialStore({ configFolder: home, env: { HOME: home, PATH: `${bin}${delimiter}${process.env.PATH}` } });
  assert.equal(await store.find('docker.io'), undefined);
  assert.deepEqual(await store.keep('docker.io', { username: 'me', password: 'secret' }), {
    storedIn: 'docker-credential-memory',
    unencrypted: false,
  });
  assert.deepEqual(JSON.parse(await readFile(join(home, 'kept'), 'utf8')), {
    ServerURL: 'https://index.docker.io/v1/',
    Username: 'me',
    Secret: 'secret',
  });
  assert.doesNotMatch(await readFile(join(home, 'config.json'), 'utf8'), /secret|auth":/);
  assert.deepEqual(await store.find('docker.io'), { username: 'me', password: 'secret' });
  await store.keep('docker.io', { identityToken: 'refresh' });
  assert.deepEqual(await store.find('docker.io'), { identityToken: 'refresh' });
  assert.equal(await store.forget('docker.io'), true);
  assert.equal(await store.forget('docker.io'), false);
});

test(
  'a helper that leaves something running, never ends, or never stops talking, keeps nobody',
  { skip: windows, timeout: 20_000 },
  async (t) => {
    const home = await folder(t);
    const pids = join(home, 'pids');
    const scripts = {
      leaving: `sleep 60 & echo $! > ${pids}; echo '{"Username":"me","Secret":"secret"}'`,
      endless: `sleep 60 & echo $! > ${pids}; wait`,
      talking: `yes & echo $! > ${pids}; wait`,
    };
    const found: unknown[] = [];
    const warnings: string[] = [];
    for (const [name, script] of Object.entries(scripts)) {
      await writeFile(join(home, `docker-credential-${name}`), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
      await writeFile(join(home, 'config.json'), JSON.stringify({ credsStore: name }));
      const env = { HOME: home, PATH: `${home}${delimiter}${process.env.PATH}` };
      const store = new CredentialStore({ configFolder: home, env, timeouts: { helper: 1500 }, onWarning: (text) => warnings.push(text) });
      found.push(await store.find('a.example'));
      // What talks ends by itself once nobody listens.
      if (name !== 'talking') process.kill(Number(await readFile(pids, 'utf8')), 'SIGKILL');
    }
    assert.deepEqual(found, [{ username: 'me', password: 'secret' }, undefined, undefined]);
    assert.match(warnings[0] ?? '', /docker-credential-endless get failed: it did not end within 2 s/);
    assert.match(warnings[1] ?? '', /docker-credential-talking get failed: its answer has more than/);
  },
);

test('a helper that is not there is a warning, and one that is a path is none', async (t) => {
  const home = await folder(t);
  const warnings: string[] = [];
  for (const credsStore of ['no-such-helper', '../evil']) {
    await writeFile(join(home, 'config.json'), JSON.stringify({ credsStore, auths: {} }));
    const store = new CredentialStore({ configFolder: home, env: { HOME: home, PATH: home }, onWarning: (text) => warnings.push(text) });
    assert.equal(await store.find('a.example'), undefined);
  }
  assert.match(warnings[0] ?? '', /docker-credential-no-such-helper: it is not installed/);
  assert.match(warnings[1] ?? '', /not the name of a credential helper/);
});

test('containers’ auth.json answers where docker’s file does not', async (t) => {
  const home = await folder(t);
  const file = join(home, 'auth.json');
  await writeFile(file, JSON.stringify({ auths: { 'a.example': { auth: base64('pod:man') } } }));
  const store = new CredentialStore({ configFolder: home, env: { HOME: home, REGISTRY_AUTH_FILE: file } });
  assert.deepEqual(await store.find('a.example', 'x'), { username: 'pod', password: 'man' });
});
