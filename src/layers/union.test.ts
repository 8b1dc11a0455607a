import assert from 'node:assert/strict';
import { test } from 'node:test';
import { shown, treeOf, unionOf } from '../../test/support/make-tree.ts';

test('a tree says what its layer says: whiteouts, opaque folders, and folders that have no entry', async (t) => {
  const tree = await treeOf(t, [
    'etc/',
    ['etc/passwd', 'root'],
    ['usr/bin/env', 'env'],
    'etc/.wh.shadow',
    'var/.wh..wh..opq',
    '.wh..wh.plnk/1.2',
    { path: 'bin', type: 'symlink', linkname: 'usr/bin' },
    { path: 'dev/null', type: 'character-device', devmajor: 1, devminor: 3, mode: 0o666 },
  ]);
  assert.deepEqual(await shown(tree), [
    'bin symlink -> usr/bin',
    'dev/ implied',
    'dev/null character-device',
    'etc/',
    'etc/passwd = root',
    'etc/shadow whiteout',
    'usr/ implied',
    'usr/bin/ implied',
    'usr/bin/env = env',
    'var/ opaque implied',
  ]);
  assert.deepEqual(tree.entry('dev/null')!.device, { major: 1, minor: 3 });
  assert.deepEqual(
    tree.children('etc').map(({ path }) => path),
    ['etc/passwd', 'etc/shadow'],
  );
  assert.deepEqual(tree.children('etc/passwd'), []);
  assert.equal(tree.entry('etc/nothing'), undefined);
  assert.throws(() => tree.open(tree.entry('etc')!), { code: 'invalid-argument' });
});

test('the later entry of a name counts, folders are merged, and a whiteout speaks of the trees below wherever it stands', async (t) => {
  const tree = await treeOf(t, [
    ['a', 'first'],
    ['a', 'second'],
    'd/',
    ['d/x', 'x'],
    { path: 'd', type: 'directory', mode: 0o700 },
    ['e/below', ''],
    ['e', 'a file now'],
    ['f', 'was a file'],
    'f/',
    '.wh.g',
    ['g/new', 'new'],
    'h/',
    ['h/kept', 'kept'],
    '.wh.h',
    ['i', 'kept'],
    '.wh.i',
  ]);
  assert.deepEqual(await shown(tree), [
    'a = second',
    'd/',
    'd/x = x',
    'e = a file now',
    'f/ opaque',
    'g/ opaque',
    'g/new = new',
    'h/ opaque',
    'h/kept = kept',
    'i = kept',
  ]);
  assert.equal(tree.entry('d')!.mode, 0o700);
});

test('layers lie over each other: whiteouts, opaque folders, a folder over a file and a file over a folder', async (t) => {
  const union = await unionOf(t, [
    [
      'd/',
      ['d/1', 'one'],
      ['d/2', 'two'],
      'o/',
      ['o/old', ''],
      ['file', 'f'],
      'folder/',
      ['folder/x', 'x'],
      ['w', ''],
      'again/',
      ['again/old', ''],
    ],
    ['d/.wh.1', ['d/3', 'three'], 'o/', 'o/.wh..wh..opq', ['o/new', ''], 'file/', ['file/in', ''], ['folder', 'F'], '.wh.w', '.wh.again'],
    [['d/1', 'back'], ['w', 'W'], 'again/', ['again/new', '']],
  ]);
  assert.deepEqual(await shown(union), [
    'again/',
    'again/new = ',
    'd/ implied',
    'd/1 = back',
    'd/2 = two',
    'd/3 = three',
    'file/',
    'file/in = ',
    'folder = F',
    'o/ opaque',
    'o/new = ',
    'w = W',
  ]);
});

test('a folder that is only on the way to others has owner, mode and records of the trees below', async (t) => {
  const pax = new Map([['SCHILY.xattr.user.a', '\0\xff']]);
  const union = await unionOf(t, [
    [{ path: 'home', type: 'directory', mode: 0o1770, uid: 5, gid: 6, mtime: { seconds: 7, nanoseconds: 8 }, pax }],
    ['home/new'],
  ]);
  const { mode, uid, gid, mtime, pax: records } = union.lookup('home')!.entry;
  assert.deepEqual([mode, uid, gid, mtime, records], [0o1770, 5, 6, { seconds: 7, nanoseconds: 8 }, pax]);
});

test('links are followed inside the root, and none leads out of it', async (t) => {
  const union = await unionOf(t, [
    [
      ['usr/lib/x', 'X'],
      { path: 'lib', type: 'symlink', linkname: '/usr/lib' },
      { path: 'usr/up', type: 'symlink', linkname: '../../../../usr/lib' },
      { path: 'loop', type: 'symlink', linkname: 'loop2' },
      { path: 'loop2', type: 'symlink', linkname: './loop' },
      { path: 'gone', type: 'symlink', linkname: '/nowhere' },
    ],
    [{ path: 'etc/link', type: 'symlink', linkname: '../lib/x' }],
  ]);
  const found = (path: string, follow = false) => union.lookup(path, { follow })?.path;
  assert.equal(found('/lib'), 'lib');
  assert.equal(found('/lib', true), 'usr/lib');
  assert.equal(found('/lib/'), 'usr/lib');
  assert.equal(found('lib/x'), 'usr/lib/x');
  assert.equal(found('/usr/up/../lib/./x'), 'usr/lib/x');
  assert.equal(found('../../etc/link', true), 'usr/lib/x');
  assert.equal(found('/'), '');
  assert.equal(found('gone', true), undefined);
  assert.equal(found('gone'), 'gone');
  assert.equal(found('lib/x/'), undefined);
  assert.equal(found('lib/x/y'), undefined);
  assert.throws(() => found('loop', true), { code: 'invalid-argument', message: /too many levels/ });
  assert.deepEqual(
    union.children('lib').map(({ path }) => path),
    ['usr/lib/x'],
  );
});

test('names of any bytes, of sparse files and of hard links are kept', async (t) => {
  const union = await unionOf(t, [
    [
      ['\udcff\udc80', 'bytes'],
      ['größe/☃', 'snow'],
      { path: 'link', type: 'symlink', linkname: '\udcfe' },
      { path: 'a', text: 'linked', uid: 12 },
      { path: 'b', type: 'hard-link', linkname: 'a' },
      { path: 'd/c', type: 'hard-link', linkname: './b' },
    ],
  ]);
  assert.deepEqual(await shown(union), [
    'a = linked',
    'b = linked',
    'd/ implied',
    'd/c = linked',
    'größe/ implied',
    'größe/☃ = snow',
    'link symlink -> \udcfe',
    '\udcff\udc80 = bytes',
  ]);
  const inodes = ['a', 'b', 'd/c'].map((path) => union.lookup(path)!.entry);
  assert.deepEqual(new Set(inodes.map(({ inode }) => inode)).size, 1);
  assert.deepEqual(
    inodes.map(({ links, uid }) => [links, uid]),
    [
      [3, 12],
      [3, 12],
      [3, 12],
    ],
  );
});

test('an image without layers is an empty root', async (t) => {
  const union = await unionOf(t, []);
  assert.deepEqual(
    [...union.walk()].map(({ path, type }) => [path, type]),
    [['', 'directory']],
  );
  assert.equal(union.lookup('/')!.entry.type, 'directory');
  assert.equal(union.lookup('/x'), undefined);
});

test('on Windows drive C is what is seen, and case does not count', async (t) => {
  const union = await unionOf(
    t,
    [
      [
        'Files/',
        'Hives/',
        ['Hives/System_Base', 'regf'],
        ['Files/Windows/System32/cmd.exe', 'MZ'],
        ['Files/Straße', 'ß'],
        { path: 'Files/Users', type: 'directory' },
        { path: 'Files/All', type: 'symlink', linkname: 'C:/Users' },
        { path: 'Files/Other', type: 'symlink', linkname: 'D:/Users' },
      ],
      ['Files/windows/.wh.nothing', ['Files/windows/SYSTEM32/new.dll', 'new']],
    ],
    'windows',
  );
  const found = (path: string, follow = false) => union.lookup(path, { follow })?.path;
  assert.equal(found('c:\\windows\\system32\\CMD.EXE'), 'windows/SYSTEM32/cmd.exe');
  assert.equal(found('C:\\'), '');
  assert.equal(found('all', true), 'Users');
  assert.equal(found('other', true), undefined);
  assert.equal(found('Strasse'), undefined);
  assert.equal(found('STRAßE'), 'Straße');
  assert.throws(() => found('D:\\x'), { code: 'invalid-argument' });
  assert.deepEqual(
    union.children('\\').map(({ path }) => path),
    ['All', 'Other', 'Straße', 'Users', 'windows'],
  );
});
