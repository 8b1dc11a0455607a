import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isImageError } from '../errors.ts';
import { acceptRealm } from './realm.ts';

const accepted = async (realm: string, registry: string) => (await acceptRealm(realm, new URL(registry))).url.href;
const refused = (realm: string | undefined, registry: string, code: 'insecure' | 'protocol' = 'insecure') =>
  assert.rejects(acceptRealm(realm, new URL(registry)), (error) => isImageError(error, code), `${realm} of ${registry}`);

test('a https token service may be on another host, as the great registries have it', async () => {
  assert.equal(await accepted('https://auth.example.com/token', 'https://registry.example.com/v2/'), 'https://auth.example.com/token');
  assert.equal(await accepted('https://8.8.8.8/token', 'https://9.9.9.9/v2/'), 'https://8.8.8.8/token');
});

test('a https registry names no http token service, not even its own', async () => {
  await refused('http://auth.example.com/token', 'https://registry.example.com/v2/');
  await refused('http://registry.example.com/token', 'https://registry.example.com/v2/');
});

test('a public registry names no internal address (CVE-2026-48978)', async () => {
  for (const host of [
    '127.0.0.1',
    'localhost',
    '10.0.0.1',
    '169.254.169.254',
    '[::1]',
    '[::ffff:10.0.0.1]',
    '[fe80::1]',
    '0x7f.1',
    '2130706433',
  ])
    await refused(`https://${host}/token`, 'https://9.9.9.9/v2/');
});

test('a private registry names private and public ones, but nothing of this machine', async () => {
  assert.equal(await accepted('https://10.0.0.2/token', 'https://10.0.0.1/v2/'), 'https://10.0.0.2/token');
  await refused('https://127.0.0.1/token', 'https://10.0.0.1/v2/');
  await refused('https://169.254.169.254/token', 'https://10.0.0.1/v2/');
});

test('http is for a http registry’s own host and for internal ones', async () => {
  assert.equal(await accepted('http://127.0.0.1:5001/auth', 'http://127.0.0.1:5000/v2/'), 'http://127.0.0.1:5001/auth');
  assert.equal(await accepted('http://10.0.0.2/auth', 'http://10.0.0.1/v2/'), 'http://10.0.0.2/auth');
  await refused('http://8.8.8.8/auth', 'http://127.0.0.1:5000/v2/');
});

test('the address is looked at again when it is connected to', async () => {
  const { allowAddress } = await acceptRealm('https://auth.example.com/token', new URL('https://9.9.9.9/v2/'));
  assert.ok(allowAddress);
  assert.equal(allowAddress('10.0.0.1'), false);
  assert.equal(allowAddress('::1'), false);
  assert.equal(allowAddress('8.8.8.8'), true);
});

test('what is no plain http URL is refused', async () => {
  await refused(undefined, 'https://registry.example.com/v2/', 'protocol');
  await refused('/token', 'https://registry.example.com/v2/', 'protocol');
  await refused('file:///etc/passwd', 'https://registry.example.com/v2/');
  await refused('https://user:pass@auth.example.com/', 'https://registry.example.com/v2/');
});
