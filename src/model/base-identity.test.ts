import assert from 'node:assert/strict';
import { test } from 'node:test';
import { baseReference, fullName, normalizePublisher, publisherSource, publisherSourceKey } from './base-identity.ts';
import { familiar } from './reference.ts';

const of = (name: string, publisher: string, version: string) => ({ name, publisher, version });

test('a base image is known by its name in small letters and its version', () => {
  assert.equal(familiar(baseReference(of('NanoServer', 'CN=Microsoft', '10.0.10586.0'))), 'nanoserver:10.0.10586.0');
  assert.equal(familiar(baseReference(of('WindowsServerCore', '', '10.0.14393.0'))), 'windowsservercore:10.0.14393.0');
});

test('what no reference can have becomes a hyphen', () => {
  for (const [name, version, expected] of [
    ['Windows Server 2016 SERVERDATACENTER', '10.0.1.0', 'windows-server-2016-serverdatacenter:10.0.1.0'],
    ['a__b..c', '1.0.0.0', 'a-b-c:1.0.0.0'],
    ['-.edge._', '1.0 beta/2', 'edge:1.0-beta-2'],
    ['日本', '', 'image:latest'],
    ['f'.repeat(64), '1', `image-${'f'.repeat(64)}:1`],
    ['x'.repeat(400), '1'.repeat(400), `${'x'.repeat(100)}:${'1'.repeat(128)}`],
    ['host.example', '..', 'host.example:latest'],
  ] as const) {
    assert.equal(familiar(baseReference(of(name, '', version))), expected);
  }
});

test('a publisher in front of the name is never taken for a host', () => {
  assert.equal(familiar(baseReference(of('Tool', 'CN=Demo', '1.0.0.0'), true)!), 'demo/tool:1.0.0.0');
  assert.equal(familiar(baseReference(of('Tool', 'CN=contoso.com, O=Contoso', '1.0.0.0'), true)!), 'contoso-com-o-contoso/tool:1.0.0.0');
  assert.equal(familiar(baseReference(of('Tool', 'CN=localhost', '1'), true)!), 'by-localhost/tool:1');
  assert.equal(baseReference(of('Tool', '', '1'), true), undefined);
  assert.equal(baseReference(of('Tool', 'CN=日本', '1'), true), undefined);
});

test('a publisher that is no distinguished name becomes a common name', () => {
  assert.deepEqual(['Demo', 'CN=Demo', ' O=Contoso ', ''].map(normalizePublisher), ['CN=Demo', 'CN=Demo', 'O=Contoso', '']);
  assert.equal(fullName(of('NanoServer', 'CN=Microsoft', '10.0.10586.0')), 'CN=Microsoft_NanoServer_10.0.10586.0');
});

test('how a publisher is known is read from the annotation, and never believed where it says another word', () => {
  const identity = of('Tool', 'CN=Demo', '1.0.0.0');
  assert.equal(publisherSource(identity, { [publisherSourceKey]: 'wim' }), 'wim');
  assert.equal(publisherSource(identity, { [publisherSourceKey]: 'trust me' }), 'image');
  assert.equal(publisherSource(identity, { [publisherSourceKey]: 'signature' }), 'image');
  assert.equal(publisherSource(identity, undefined), 'image');
  assert.equal(publisherSource(of('Tool', '', ''), { [publisherSourceKey]: 'wim' }), undefined);
});
