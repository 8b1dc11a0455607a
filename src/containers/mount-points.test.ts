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

test('options of another kind of mount, and those that a mount cannot have, are refused in docker’s words', () => {
  const mount = (Type: string, more: object) => ({ HostConfig: { Mounts: [{ Type, Target: '/a', ...more }] } });
  const tmpfs = (...Options: string[][]) => mount('tmpfs', { TmpfsOptions: { Options } });
  for (const [document, said] of [
    [mount('bind', { Source: '/tmp', VolumeOptions: {} }), 'VolumeOptions must not be specified on mount type "bind"'],
    [mount('volume', { TmpfsOptions: {} }), 'TmpfsOptions must not be specified on mount type "volume"'],
    [mount('image', { Source: 'app', BindOptions: {} }), 'BindOptions must not be specified on mount type "image"'],
    [mount('tmpfs', { Source: 'x' }), 'invalid mount config for type "tmpfs": field Source must not be specified'],
    [tmpfs(['ro']), 'invalid mount config for type "tmpfs": invalid option: ro'],
    [tmpfs(['exec'], []), 'invalid mount config for type "tmpfs": invalid option array length'],
    [
      mount('volume', { VolumeOptions: { Subpath: 'x' } }),
      'invalid mount config for type "volume": must not set Subpath when using anonymous volumes',
    ],
    [
      binds('/a:/b:nocopy'),
      'invalid volume specification: \'/a:/b:nocopy\': invalid mount config for type "bind": field VolumeOptions must not be specified',
    ],
    [{ HostConfig: { Tmpfs: { '/x/..': '' } } }, "invalid specification: destination can't be '/'"],
  ] as const)
    assert.throws(() => plan(document), { code: 'invalid-argument', message: said }, said);
  assert.deepEqual(plan(tmpfs(['exec'])), ['tmpfs - /a - rw']);
  // What docker lets stand on the same place, it does.
  assert.deepEqual(plan({ HostConfig: { Tmpfs: { '/a': '' }, Mounts: [{ Type: 'volume', Source: 'v', Target: '/a' }] } }), [
    'volume v /a z rw copy',
  ]);
});
