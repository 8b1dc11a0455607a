import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addressReach, hostReach, literalReach, mayPointTo } from './address-reach.ts';

test('an address says from how far it can be reached', () => {
  const expected = {
    loopback: ['127.0.0.1', '127.255.1.2', '0.0.0.0', '::1', '::', '::ffff:127.0.0.1', '[::1]', '64:ff9b::7f00:1', '2002:7f00:1::'],
    'link-local': ['169.254.169.254', 'fe80::1', 'fe80::1%eth0', '::ffff:a9fe:a9fe'],
    private: [
      '10.1.2.3',
      '172.16.0.1',
      '172.31.255.255',
      '192.168.1.1',
      '100.64.0.1',
      'fc00::1',
      'fd12:3456::1',
      '::ffff:10.0.0.1',
      '255.255.255.255',
    ],
    public: ['8.8.8.8', '172.32.0.1', '192.169.0.1', '100.128.0.1', '2606:4700::1111', '::ffff:8.8.8.8', '64:ff9b::808:808'],
  };
  for (const [reach, addresses] of Object.entries(expected))
    for (const address of addresses) assert.equal(addressReach(address), reach, address);
});

test('a host is judged by its text where that is enough', () => {
  assert.equal(literalReach('localhost'), 'loopback');
  assert.equal(literalReach('registry.localhost'), 'loopback');
  assert.equal(literalReach('[fe80::1]'), 'link-local');
  assert.equal(literalReach('registry.example.com'), undefined);
  assert.equal(literalReach('notlocalhost'), undefined);
});

test('a name that nobody knows counts as public', async () => {
  assert.equal(await hostReach('no-such-host.invalid'), 'public');
});

test('nothing points further inwards than it is', () => {
  assert.ok(mayPointTo('loopback', 'private'));
  assert.ok(mayPointTo('private', 'public'));
  assert.ok(mayPointTo('public', 'public'));
  assert.ok(!mayPointTo('public', 'private'));
  assert.ok(!mayPointTo('private', 'loopback'));
  assert.ok(!mayPointTo('private', 'link-local'));
});
