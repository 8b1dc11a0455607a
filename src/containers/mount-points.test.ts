import assert from 'node:assert/strict';
import { test } from 'node:test';

import { readSettings } from './container-settings.ts';
import { planMounts, type MountPoint } from './mount-points.ts';

function plan(document: object, os = 'linux', others: Readonly<Record<string, readonly MountPoint[]>> = {}) {
  return planMounts(readSettings(document), os, (name) => others[name] ?? []).map(({ point, anonymous = false, copy = false }) => {
    const { Type, Name = '', Source, Destination, Mode, RW } = point;
    return `${Type} ${Name || Source || '-'} ${Destination} ${Mode || '-'} ${RW ? 'rw' : 'ro'}${anonymous ? ' anonymous' : ''}${copy ? ' copy' : ''}`;
  });
}
const binds = (...Binds: string[]) => ({ HostConfig: { Binds } });

test('binds and volumes are told apart by the first letter of their source, and modes are read', () => {
  assert.deepEqual(plan(binds('/tmp/:/host/:ro', 'vol:/data', 'raw:/raw:nocopy,ro', '/only', '/p:/q:rslave')), [
    'volume vol /data z rw copy',
    'bind /tmp /host ro ro',
    'volume - /only - rw anonymous copy',
    'bind /p /q rslave rw',
    'volume raw /raw nocopy,ro ro',
  ]);
});

test('a Windows container’s paths have drives and backslashes, whatever the host', () => {
  assert.deepEqual(
    plan(binds(String.raw`C:\src:C:\dst`, String.raw`vol:d:\data:ro`, String.raw`/srv/x:C:\y`, String.raw`c:\only\.\x\\`), 'windows'),
    [
      String.raw`bind /srv/x C:\y - rw`,
      String.raw`bind C:\src C:\dst - rw`,
      String.raw`volume - c:\only\x - rw anonymous copy`,
      String.raw`volume vol d:\data ro ro copy`,
    ].toSorted((a, b) => (a.split(' ')[2]! < b.split(' ')[2]! ? -1 : 1)),
  );
  assert.throws(() => plan(binds('vol:/data'), 'windows'), { code: 'invalid-argument' });
});

test('what comes from other containers is overridden by binds, and the image’s volumes take what is left', () => {
  const from: MountPoint[] = [
    { Type: 'volume', Name: 'a', Source: '', Destination: '/a', Driver: 'local', Mode: '', RW: true, Propagation: '' },
    { Type: 'bind', Source: '/x', Destination: '/b', Mode: '', RW: true, Propagation: 'rprivate' },
  ];
  assert.deepEqual(
    plan({ Volumes: { '/a': {}, '/c': {} }, HostConfig: { VolumesFrom: ['other:ro'], Binds: ['vol:/b'] } }, 'linux', { other: from }),
    ['volume a /a - ro', 'volume vol /b z rw copy', 'volume - /c - rw anonymous copy'],
  );
  assert.throws(() => plan({ HostConfig: { Tmpfs: { '/x': '' }, Binds: ['v:/x'] } }), { message: 'Duplicate mount point: /x' });
  assert.deepEqual(plan({ Volumes: { '/x': {} }, HostConfig: { Tmpfs: { '/x': '' } } }), []);
});
