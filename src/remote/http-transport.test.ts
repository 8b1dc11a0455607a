import assert from 'node:assert/strict';
import { lookup } from 'node:dns/promises';
import { hostname } from 'node:os';
import { test } from 'node:test';
import { isImageError } from '../errors.ts';
import { addressReach, mayPointTo } from './address-reach.ts';
import { Connections } from './connections.ts';
import { httpTransport, wireError } from './http-transport.ts';
import { defaultTimeouts } from './transport.ts';

function transport(t: { after: (end: () => void) => void }) {
  const connections = new Connections();
  t.after(() => connections.close());
  return httpTransport({
    connections,
    timeouts: defaultTimeouts,
    proxy: () => undefined,
    tls: async () => undefined,
    widen: () => false,
    userAgent: 'test',
  });
}

const allowAddress = (address: string) => mayPointTo('public', addressReach(address));

const known = await lookup(hostname()).then(
  ({ address }) => addressReach(address) !== 'public',
  () => false,
);

test(
  'a name is judged by the address that it has when it is connected to',
  { skip: known ? false : 'this machine has no name with an internal address' },
  async (t) => {
    await assert.rejects(transport(t)({ method: 'GET', url: new URL(`http://${hostname()}:9/`), allowAddress }), (error) =>
      isImageError(error, 'insecure'),
    );
  },
);

test('an address is judged before anything is connected', async (t) => {
  for (const host of ['127.0.0.1', '[::1]', '10.0.0.1', 'localhost'])
    await assert.rejects(
      transport(t)({ method: 'GET', url: new URL(`http://${host}:9/`), allowAddress }),
      (error) => isImageError(error, 'insecure'),
      host,
    );
});

test('what goes wrong on the way says what, to whom, and what to do', () => {
  const url = new URL('https://registry.example:5000/v2/');
  const made = (code: string, message = code) => wireError(Object.assign(new Error(message), { code }), url);
  assert.deepEqual(
    [made('ECONNREFUSED').code, made('ECONNREFUSED').message],
    ['unavailable', 'cannot reach registry.example:5000: connection refused'],
  );
  assert.equal(made('ENOTFOUND').message, 'cannot reach registry.example:5000: no such host');
  assert.equal(made('CERT_HAS_EXPIRED').code, 'insecure');
  assert.match(made('SELF_SIGNED_CERT_IN_CHAIN').hint ?? '', /certs\.d\/registry\.example:5000\/ca\.crt/);
  assert.equal(made('ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED').code, 'unauthorized');
  assert.match(made('ERR_SSL_WRONG_VERSION_NUMBER', 'wrong version number').hint ?? '', /plain-http/);
  assert.equal(made('HPE_INVALID_CONSTANT').code, 'protocol');
});
