import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isImageError } from '../errors.ts';
import { proxyFor } from './proxy.ts';

const env = { HTTP_PROXY: 'http://plain:3128', https_proxy: 'secure:8080' };

test('each scheme has its proxy; loopback has none', () => {
  const proxy = proxyFor(env);
  assert.equal(proxy(new URL('http://a.example/'))?.href, 'http://plain:3128/');
  assert.equal(proxy(new URL('https://a.example/'))?.href, 'http://secure:8080/');
  for (const url of ['http://localhost:5000/', 'https://127.0.0.1/', 'https://[::1]:5000/'])
    assert.equal(proxy(new URL(url)), undefined, url);
});

test('NO_PROXY names hosts with their subdomains, suffixes, ports, addresses and ranges', () => {
  const proxy = proxyFor({ ...env, NO_PROXY: 'a.example, .b.example,*.c.example,d.example:5000,10.0.0.0/8,192.168.1.7,fd00::/8' });
  const direct = [
    'a.example',
    'x.a.example',
    'x.b.example',
    'x.c.example',
    'd.example:5000',
    '10.200.1.1',
    '192.168.1.7',
    '[fd12::1]:5000',
  ];
  const proxied = ['b.example', 'xa.example', 'd.example', 'd.example:5001', '11.0.0.1', '192.168.1.70', '[fe12::1]'];
  for (const host of direct) assert.equal(proxy(new URL(`https://${host}/`)), undefined, host);
  for (const host of proxied) assert.notEqual(proxy(new URL(`https://${host}/`)), undefined, host);
  assert.equal(proxyFor({ ...env, NO_PROXY: '*' })(new URL('https://a.example/')), undefined);
});

test('the environment goes before the client’s settings', () => {
  const settings = { httpProxy: 'http://configured:1', httpsProxy: 'http://configured:2', noProxy: 'b.example' };
  assert.equal(proxyFor({ HTTP_PROXY: 'http://plain:3128' }, settings)(new URL('http://a.example/'))?.host, 'plain:3128');
  assert.equal(proxyFor({}, settings)(new URL('https://a.example/'))?.host, 'configured:2');
  assert.equal(proxyFor({}, settings)(new URL('https://b.example/')), undefined);
});

test('a request’s header cannot become the proxy of a CGI program', () => {
  assert.equal(proxyFor({ HTTP_PROXY: 'http://evil:1', REQUEST_METHOD: 'GET' })(new URL('http://a.example/')), undefined);
});

test('what is no http proxy is refused where it is read', () => {
  for (const HTTPS_PROXY of ['socks5://a:1', 'http://'])
    assert.throws(
      () => proxyFor({ HTTPS_PROXY }),
      (error) => isImageError(error, 'invalid-config'),
    );
});
