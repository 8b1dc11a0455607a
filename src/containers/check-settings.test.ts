import assert from 'node:assert/strict';
import { test } from 'node:test';

import { checkSettings } from './check-settings.ts';
import { readSettings } from './container-settings.ts';

function check(document: object, os = 'linux'): void {
  checkSettings(readSettings(document), os);
}

test('all that is wrong with a network’s settings is said at once, in docker’s words', () => {
  const own = 'user specified IP address is supported on user defined networks only';
  const subnet = 'user specified IP address is supported only when connecting to networks with user configured subnets';
  const alias = 'network-scoped alias is supported only for containers in user defined networks';
  for (const [name, settings, said] of [
    ['bridge', { Aliases: ['x'] }, alias],
    ['none', { Aliases: ['x'], IPAMConfig: { IPv4Address: 'zz' } }, `* ${alias}\n* ${own}\n* invalid IPv4 address: zz\n* ${subnet}`],
    ['mine', { IPAMConfig: { IPv4Address: '::1' } }, 'invalid IPv4 address: ::1'],
    ['mine', { IPAMConfig: { IPv4Address: '0.0.0.0' } }, 'invalid IPv4 address: 0.0.0.0'],
    [
      'mine',
      { IPAMConfig: { IPv4Address: '1.2.3.4', IPv6Address: 'zz', LinkLocalIPs: ['169.254.0.1', 'x'] } },
      '* invalid IPv6 address: zz\n* invalid link-local IP address: x',
    ],
  ] as const)
    assert.throws(
      () => check({ HostConfig: { NetworkMode: name }, NetworkingConfig: { EndpointsConfig: { [name]: settings } } }),
      { code: 'invalid-argument', message: `invalid config for network ${name}: invalid endpoint settings:\n${said}` },
      JSON.stringify(settings),
    );
  check({
    NetworkingConfig: { EndpointsConfig: { mine: { Aliases: ['x'], IPAMConfig: { IPv4Address: '1.2.3.4', IPv6Address: '2::1' } } } },
  });
});

test('another name for a host has an address, or is the host’s own', () => {
  for (const entry of ['a:1.2.3.4', 'a:::1', 'a:host-gateway']) check({ HostConfig: { ExtraHosts: [entry] } });
  for (const [entry, said] of [
    ['a', 'bad format for add-host: "a"'],
    [':1.2.3.4', 'bad format for add-host: ":1.2.3.4"'],
    ['a=1.2.3.4', 'bad format for add-host: "a=1.2.3.4"'],
    ['a:', 'invalid IP address in add-host: ""'],
    ['a:1.2.3.4:5', 'invalid IP address in add-host: "1.2.3.4:5"'],
  ] as const)
    assert.throws(() => check({ HostConfig: { ExtraHosts: [entry] } }), { message: said }, entry);
});

test('what only Windows can limit is refused on Linux', () => {
  for (const [key, what] of [
    ['IOMaximumIOps', 'IOPs'],
    ['IOMaximumBandwidth', 'bandwidth'],
  ] as const) {
    const document = { HostConfig: { [key]: 5 } };
    const message = `invalid option: QoS maximum ${what} configuration is not supported on linux`;
    assert.throws(() => check(document), { message });
    check(document, 'windows');
  }
});
