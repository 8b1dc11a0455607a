import assert from 'node:assert/strict';
import { resolve } from 'node:path';
import { test } from 'node:test';
import { isImageError } from '../errors.ts';
import { parseHostsToml } from './hosts-toml.ts';

const path = resolve('certs.d', 'docker.io', 'hosts.toml');

test('hosts in their order, with what each may be asked for', async () => {
  const file = await parseHostsToml(
    `server = "https://registry-1.docker.io"
[host."https://m1.local:5000"]
  capabilities = ["pull", "resolve"]
  ca = "m1.crt"
  client = [["c.cert", "c.key"]]
  [host."https://m1.local:5000".header]
    x-team = ["a", "b"]
[host."http://m2.local/v2/hub"]
  capabilities = ["pull"]
  override_path = true
[host."m3.local"]
  skip_verify = true
`,
    path,
    'docker.io',
  );
  assert.deepEqual(
    file.hosts.map(({ base, capabilities, insecure }) => [base.href, [...capabilities].sort(), insecure]),
    [
      ['https://m1.local:5000/v2/', ['pull', 'resolve'], false],
      ['http://m2.local/v2/hub/', ['pull'], false],
      ['https://m3.local/v2/', ['pull', 'push', 'resolve'], true],
    ],
  );
  assert.deepEqual(file.hosts[0]?.certificates, {
    authorities: [resolve('certs.d', 'docker.io', 'm1.crt')],
    clients: [{ certificate: resolve('certs.d', 'docker.io', 'c.cert'), key: resolve('certs.d', 'docker.io', 'c.key') }],
  });
  assert.deepEqual(file.hosts[0]?.headers, { 'x-team': 'a, b' });
  assert.equal(file.server?.base.href, 'https://registry-1.docker.io/v2/');
});

test('settings at the top are the registry’s own', async () => {
  const file = await parseHostsToml('ca = "/own.crt"', path, 'docker.io');
  assert.equal(file.server?.base.href, 'https://registry-1.docker.io/v2/');
  assert.deepEqual(file.server?.certificates.authorities, [resolve('/own.crt')]);
  assert.equal((await parseHostsToml('', path, 'docker.io')).server, undefined);
});

test('what cannot be meant is refused with the file’s name', async () => {
  for (const text of [
    '[',
    'host = 1',
    'server = 5',
    '[host."ftp://x"]',
    '[host."https://"]',
    '[host."https://x"]\nca = 1',
    '[host."https://x".header]\n"a b" = "c"',
    '[host."https://x".header]\na = "b\\r\\nc: d"',
  ])
    await assert.rejects(
      parseHostsToml(text, path, 'docker.io'),
      (error) => isImageError(error, 'invalid-config') && error.message.includes('hosts.toml'),
      text,
    );
});
