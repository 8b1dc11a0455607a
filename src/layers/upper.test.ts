import assert from 'node:assert/strict';
import { existsSync, readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { gzipSync } from 'node:zlib';
import { type Listed, shown, tarOf, treeOf, unionOf } from '../../test/support/make-tree.ts';
import { temporary } from '../../test/support/temporary.ts';
import { readTar } from '../formats/tar/read-tar.ts';
import { changes } from './changes.ts';
import { exportTar } from './export-tree.ts';
import { Union } from './union.ts';
import { Upper } from './upper.ts';
import { layerTar } from './write-layer.ts';

const now = new Date(1_700_000_000_123);
const nowTime = { seconds: 1_700_000_000, nanoseconds: 123_000_000 };

async function containerOf(t: TestContext, layers: readonly (readonly Listed[])[], os = 'linux'): Promise<Upper> {
  const below = await unionOf(t, layers, os);
  const upper = Upper.open(join(temporary(t, 'container'), 'c'), below);
  t.after(() => upper.close());
  return upper;
}

async function* stream(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

async function put(
  upper: Upper,
  path: string,
  listed: readonly Listed[],
  options: Partial<Parameters<Upper['extract']>[2]> = {},
): Promise<void> {
  await upper.extract(path, stream(await tarOf(listed)), { now, ...options });
}

const letters = { modified: 'C', added: 'A', deleted: 'D' } as const;
const diff = (upper: Upper) => [...changes(upper.union())].map(({ kind, path }) => `${letters[kind]} ${path}`);

/** A tar's entries, one line each. */
async function listed(tar: AsyncIterable<Uint8Array>): Promise<string[]> {
  return await Array.fromAsync(readTar(tar), async ({ entry, body }) => {
    const text = Buffer.concat(await Array.fromAsync(body)).toString();
    return `${entry.path}${entry.linkname === '' ? '' : ` ${entry.type} ${entry.linkname}`}${text === '' ? '' : ` = ${text}`}`;
  });
}

test('a tar is put into a folder: folders are merged, all else is replaced, and what is missing on the way is made', async (t) => {
  const upper = await containerOf(t, [['etc/', ['etc/passwd', 'root'], 'etc/ssh/', ['etc/ssh/key', 'k'], 'tmp/']]);
  assert.equal(upper.union(), upper.below);
  await put(upper, '/etc', [['passwd', 'other'], { path: 'ssh/', type: 'directory', mode: 0o700 }, ['ssh/new', 'n'], ['deep/in/it', 'd']]);
  assert.deepEqual(await shown(upper.union()), [
    'etc/',
    'etc/deep/',
    'etc/deep/in/',
    'etc/deep/in/it = d',
    'etc/passwd = other',
    'etc/ssh/',
    'etc/ssh/key = k',
    'etc/ssh/new = n',
    'tmp/',
  ]);
  assert.deepEqual(diff(upper), [
    'C /etc',
    'A /etc/deep',
    'A /etc/deep/in',
    'A /etc/deep/in/it',
    'C /etc/passwd',
    'C /etc/ssh',
    'A /etc/ssh/new',
  ]);
  assert.equal(upper.union().lookup('etc/ssh')!.entry.mode, 0o700);
  assert.deepEqual(upper.union().lookup('etc')!.entry.mtime, nowTime);
  assert.deepEqual(upper.union().lookup('etc/ssh')!.entry.mtime, { seconds: 0, nanoseconds: 0 });
});

test('the folder is found through links, which may be on the way in the archive too; a name that is a link is replaced', async (t) => {
  const upper = await containerOf(t, [
    ['data/', 'usr/lib/', { path: 'lib', type: 'symlink', linkname: 'usr/lib' }, { path: 'data/abs', type: 'symlink', linkname: '/usr' }],
  ]);
  await put(upper, '/lib', [['one', '1']]);
  await put(upper, '/data', [['abs/lib/two', '2']]);
  await put(upper, '/', [['./lib/three', '3'], { path: 'lib', text: 'no link' }]);
  assert.deepEqual(await shown(upper.union()), [
    'data/',
    'data/abs symlink -> /usr',
    'lib = no link',
    'usr/',
    'usr/lib/',
    'usr/lib/one = 1',
    'usr/lib/three = 3',
    'usr/lib/two = 2',
  ]);
});

test('what cannot be put there changes nothing, and docker’s texts say why', async (t) => {
  const upper = await containerOf(t, [['d/', ['d/f', 'f'], 'e/', { path: 'dangling', type: 'symlink', linkname: 'nowhere' }]]);
  const keep = { noOverwriteDirNonDir: true };
  const refused = async (path: string, entries: readonly Listed[], code: string, message: RegExp, options = {}) =>
    await assert.rejects(put(upper, path, [['before', ''], ...entries], options), { code, message });
  await refused('/nowhere', [], 'not-found', /no such file or directory: \/nowhere/);
  await refused('/d/f', [], 'invalid-argument', /extraction point is not a directory/);
  await refused('/', [['d', 'file']], 'invalid-argument', /^cannot overwrite directory "d" with non-directory "\/"$/, keep);
  await refused('/d', ['f/'], 'invalid-argument', /^cannot overwrite non-directory "f" with directory "\/d"$/, keep);
  await refused('/d', [['../x', '']], 'invalid-content', /^invalid entry name "..\/x"/);
  await refused('/', [['d/f/x', '']], 'invalid-argument', /^openat d\/f\/x: not a directory$/);
  await refused('/', [['dangling/x', '']], 'not-found', /links to what is not there/);
  await refused('/', [['.wh.d', '']], 'invalid-content', /\.wh\./);
  await refused('/', [{ path: 'h', type: 'hard-link', linkname: 'nothing' }], 'invalid-content', /not there/);
  await refused('/', [{ path: 'h', type: 'hard-link', linkname: 'd' }], 'invalid-content', /a folder/);
  await assert.rejects(upper.extract('/', stream(Buffer.from('x'.repeat(2000))), { now }), { code: 'invalid-content' });
  await assert.rejects(upper.remove('/nothing', { now }), { code: 'not-found' });
  await assert.rejects(upper.remove('/', { now }), { code: 'invalid-argument' });
  assert.deepEqual(diff(upper), []);
  assert.deepEqual(
    readdirSync(upper.folder).filter((name) => name.startsWith('pack')),
    [],
  );
  await put(upper, '/d', [
    ['/../y', ''],
    ['sub/../z', ''],
  ]);
  assert.deepEqual(diff(upper), ['C /d', 'A /d/y', 'A /d/z']);
});

test('without docker’s flag a file takes the place of a folder, and a folder that of a file or of a folder that was', async (t) => {
  const upper = await containerOf(t, [['d/', ['d/f', 'f'], ['file', 'x'], 'e/', ['e/old', '']]]);
  await put(upper, '/', [['d', 'a file now'], 'file/', ['file/in', '']]);
  assert.deepEqual(diff(upper), ['C /d', 'C /file', 'A /file/in']);
  await upper.remove('/e', { now });
  await put(upper, '/', ['e/', ['e/new', '']]);
  await upper.remove('/d', { now });
  assert.deepEqual(diff(upper), ['D /d', 'C /e', 'A /e/new', 'D /e/old', 'C /file', 'A /file/in']);
  assert.deepEqual(await shown(upper.union()), ['e/ opaque', 'e/new = ', 'file/', 'file/in = ']);
  assert.deepEqual(await listed(layerTar(upper.union())), ['.wh.d', 'e/', 'e/.wh..wh..opq', 'e/new', 'file/', 'file/in']);
});

test('removing what was added leaves no trace but the time of its folder', async (t) => {
  const upper = await containerOf(t, [['d/', ['d/f', 'f']]]);
  await put(upper, '/d', [['new/x', '']]);
  await upper.remove('/d/new', { now });
  assert.deepEqual(diff(upper), []);
  await upper.remove('/d/f', { now });
  assert.deepEqual(diff(upper), ['C /d', 'D /d/f']);
  await assert.rejects(upper.remove('/d/f', { now }), { code: 'not-found' });
});

test('hard links of an archive are kept, also those to what the image has, whose bytes come along', async (t) => {
  const upper = await containerOf(t, [['d/', { path: 'd/below', text: 'of the image', uid: 3 }]]);
  await put(upper, '/', [
    ['a', 'new'],
    { path: 'b', type: 'hard-link', linkname: 'a' },
    { path: 'd/again', type: 'hard-link', linkname: '/d/below' },
  ]);
  const entry = (path: string) => upper.union().lookup(path)!.entry;
  assert.equal(entry('a').inode, entry('b').inode);
  assert.equal(entry('d/below').inode, entry('d/again').inode);
  assert.deepEqual([entry('d/below').links, entry('d/again').uid], [2, 3]);
  assert.deepEqual(await shown(upper.union()), ['a = new', 'b = new', 'd/', 'd/again = of the image', 'd/below = of the image']);
  assert.deepEqual(await listed(layerTar(upper.union())), [
    'a = new',
    'b hard-link a',
    'd/',
    'd/again = of the image',
    'd/below hard-link d/again',
  ]);
  assert.deepEqual(await listed(exportTar(upper.union(), '/d')), ['d/', 'd/again = of the image', 'd/below hard-link d/again']);
  await upper.remove('/a', { now });
  assert.equal(entry('b').links, 1);
  assert.deepEqual(await listed(exportTar(upper.union(), '/b')), ['b = new']);
});

test('a layer of the changes shows over the image what the container showed, and is the same bytes each time', async (t) => {
  const image: Listed[] = ['a/', ['a/1', '1'], ['a/2', '2'], 'b/', ['b/1', '1'], { path: 'l', type: 'symlink', linkname: 'a' }];
  const pax = new Map([['SCHILY.xattr.user.x', '\udcff\0']]);
  const make = async () => {
    const upper = await containerOf(t, [image]);
    await upper.remove('/a/1', { now });
    await put(upper, '/', [
      { path: 'a/3', text: 'three', mode: 0o4711, uid: 70_000, gid: 2, mtime: { seconds: -5, nanoseconds: 1 }, pax },
      { path: 'dev', type: 'block-device', devmajor: 8, devminor: 1 },
      { path: 'fifo', type: 'fifo' },
      [`${'long/'.repeat(60)}ö`, 'deep'],
      { path: 's', type: 'symlink', linkname: '../..' },
    ]);
    await upper.remove('/b', { now });
    await put(upper, '/', ['b/', ['b/2', '2']]);
    return upper;
  };
  const upper = await make();
  const bytes = Buffer.concat(await layerTar(upper.union()).toArray());
  assert.deepEqual(Buffer.concat(await layerTar((await make()).union()).toArray()), bytes);
  const committed = await treeOf(t, bytes);
  const union = new Union({ layers: [...upper.below.layers, committed], os: 'linux' });
  const plain = (union: Union) =>
    [...union.walk()].map((entry) => ({ ...entry, inode: 0, opaque: false, implied: false, content: entry.content !== undefined }));
  // the root's own time is not part of a layer
  assert.deepEqual(plain(union).slice(1), plain(upper.union()).slice(1));
  assert.deepEqual(await shown(union), await shown(upper.union()));
});

test('names in an archive are docker’s', async (t) => {
  const upper = await containerOf(t, [['etc/ssh/', ['etc/ssh/key', 'k'], { path: 'link', type: 'symlink', linkname: 'etc/ssh' }]]);
  const names = async (path: string, options?: Parameters<typeof exportTar>[2]) => await listed(exportTar(upper.below, path, options));
  assert.deepEqual(await names('/etc/ssh'), ['ssh/', 'ssh/key = k']);
  assert.deepEqual(await names('/etc/ssh/'), ['ssh/', 'ssh/key = k']);
  assert.deepEqual(await names('/etc/ssh/.'), ['./', './key = k']);
  assert.deepEqual(await names('etc/ssh/key'), ['key = k']);
  assert.deepEqual(await names('/link'), ['link symlink etc/ssh']);
  assert.deepEqual(await names('/etc/..'), await names('/'));
  assert.deepEqual((await names('/.'))[0], './');
  assert.deepEqual(await names('/link/'), ['link/', 'link/key = k']);
  assert.deepEqual(await names('/'), ['/', '/etc/', '/etc/ssh/', '/etc/ssh/key = k', '/link symlink etc/ssh']);
  assert.deepEqual(await names('/', { prefix: '' }), ['etc/', 'etc/ssh/', 'etc/ssh/key = k', 'link symlink etc/ssh']);
  assert.throws(() => exportTar(upper.below, '/nothing'), { code: 'not-found' });
});

test('packed archives are put in as well, large ones by a worker', async (t) => {
  const upper = await containerOf(t, [['d/']]);
  const many = Array.from({ length: 2000 }, (_, i): Listed => [`d/${i % 7}/${i}`, `text ${i}`]);
  await upper.extract('/', stream(gzipSync(await tarOf(many))), { now, owner: { uid: 9, gid: 8 } });
  assert.equal(diff(upper).length, 1 + 7 + 2000);
  const { entry } = upper.union().lookup('d/3/1508')!;
  assert.deepEqual([entry.uid, entry.gid], [9, 8]);
  assert.equal(Buffer.concat(await upper.union().open(entry).toArray()).toString(), 'text 1508');
});

test('packs of killed acts, and those in which nothing lies any more, are removed by later acts', async (t) => {
  const upper = await containerOf(t, [['d/']]);
  await put(upper, '/', [['a', '1']]);
  const packs = () => readdirSync(upper.folder).filter((name) => name.startsWith('pack'));
  assert.equal(packs().length, 1);
  const [first] = packs();
  const killed = join(upper.folder, 'pack-of-a-killed-act');
  const running = join(upper.folder, 'pack-of-a-running-act');
  writeFileSync(killed, '');
  writeFileSync(running, '');
  const old = new Date(Date.now() - 120_000);
  utimesSync(killed, old, old);
  await put(upper, '/', [['a', '2']]);
  assert.ok(!existsSync(killed) && existsSync(running));
  assert.equal(packs().length, 3);
  utimesSync(join(upper.folder, first!), old, old);
  await put(upper, '/', ['only-a-folder/']);
  assert.equal(packs().length, 2);
  assert.deepEqual(await shown(upper.union()), ['a = 2', 'd/', 'only-a-folder/']);
});

test('acts at the same time come one after the other, and none is lost', async (t) => {
  const upper = await containerOf(t, [['d/']]);
  const others = [upper, ...Array.from({ length: 3 }, () => Upper.open(upper.folder, upper.below))];
  await Promise.all(Array.from({ length: 24 }, async (_, i) => await put(others[i % 4]!, '/d', [[`${i}`, `${i}`]])));
  for (const other of others) {
    assert.equal(other.union().children('d').length, 24);
    other.close();
  }
});

test('an act that is canceled, or whose source fails, changes nothing', async (t) => {
  const upper = await containerOf(t, [['d/']]);
  const tar = await tarOf([['a', 'x'.repeat(5000)]]);
  const failing = async function* () {
    yield tar.subarray(0, 1024);
    throw new Error('the client has gone');
  };
  await assert.rejects(upper.extract('/', failing(), { now }), /the client has gone/);
  const controller = new AbortController();
  const canceling = async function* () {
    yield tar.subarray(0, 1024);
    controller.abort();
    yield tar.subarray(1024);
  };
  await assert.rejects(upper.extract('/', canceling(), { now, signal: controller.signal }), { code: 'canceled' });
  assert.deepEqual(readdirSync(upper.folder), []);
});

test('into a Windows container: case does not count, new files get what NTFS keeps, and a layer has whiteouts only', async (t) => {
  const upper = await containerOf(
    t,
    [['Files/', 'Hives/', ['Files/Windows/old.txt', 'old'], ['Files/Data/Sub/one', '1'], ['Files/Data/two', '2']]],
    'windows',
  );
  await put(upper, 'C:\\windows', [['OLD.txt', 'new'], { path: 'link', type: 'symlink', linkname: 'C:/Data' }]);
  await upper.remove('c:/data', { now });
  await put(upper, '\\', ['Data/', 'data/sub/', ['Data/Sub/three', '3']]);
  assert.deepEqual(await shown(upper.union()), [
    'Data/ opaque',
    'Data/sub/',
    'Data/sub/three = 3',
    'Windows/',
    'Windows/OLD.txt = new',
    'Windows/link symlink -> C:/Data',
  ]);
  assert.deepEqual(diff(upper), [
    'C /Data',
    'C /Data/sub',
    'D /Data/sub/one',
    'A /Data/sub/three',
    'D /Data/two',
    'C /Windows',
    'C /Windows/OLD.txt',
    'A /Windows/link',
  ]);
  const bytes = Buffer.concat(await layerTar(upper.union()).toArray());
  assert.deepEqual(await listed(stream(bytes)), [
    'Files',
    'Files/Data',
    'Files/Data/sub',
    'Files/Data/sub/.wh.one',
    'Files/Data/sub/three = 3',
    'Files/Data/.wh.two',
    'Files/Windows',
    'Files/Windows/OLD.txt = new',
    'Files/Windows/link symlink C:/Data',
    'Hives',
  ]);
  const entries = await Array.fromAsync(readTar(stream(bytes)), ({ entry }) => entry);
  const attributes = (path: string) => entries.find((entry) => entry.path === path)!.pax.get('MSWINDOWS.fileattr');
  assert.deepEqual([attributes('Files/Windows/OLD.txt'), attributes('Files/Data'), attributes('Files/Windows/link')], ['32', '16', '1040']);
  for (const { path, pax, type } of entries) {
    if (!path.includes('.wh.'))
      assert.ok(pax.has('MSWINDOWS.rawsd') && pax.has('MSWINDOWS.fileattr') && pax.has('LIBARCHIVE.creationtime'), `${path}, a ${type}`);
  }
  const committed = new Union({ layers: [...upper.below.layers, await treeOf(t, bytes, { os: 'windows' })], os: 'windows' });
  assert.deepEqual(
    (await shown(committed)).map((line) => line.replace(' opaque', '')),
    (await shown(upper.union())).map((line) => line.replace(' opaque', '')),
  );
  await assert.rejects(put(upper, 'C:\\', [{ path: 'pipe', type: 'fifo' }]), { code: 'invalid-argument', message: /Windows has no fifos/ });
  await assert.rejects(put(upper, 'C:\\', [['a?', '']]), { code: 'invalid-argument' });
});

test('what a Windows image says of its roots and folders is said again in a layer on top of it', async (t) => {
  const pax = new Map([
    ['MSWINDOWS.rawsd', 'of this image'],
    ['MSWINDOWS.fileattr', '22'],
  ]);
  const upper = await containerOf(t, [['Files', 'Files/d', 'Hives'].map((path) => ({ path, type: 'directory', pax }) as const)], 'windows');
  await put(upper, '/d', [['new', '']]);
  const said = await Array.fromAsync(readTar(layerTar(upper.union())), ({ entry }) => [entry.path, entry.pax.get('MSWINDOWS.rawsd')]);
  assert.deepEqual(said.slice(0, 2), [
    ['Files', 'of this image'],
    ['Files/d', 'of this image'],
  ]);
  assert.deepEqual(said.at(-1), ['Hives', 'of this image']);
  assert.equal(said.length, 4);
});

test('a folder that is merged into one of a Windows image keeps its descriptor and attributes, and takes those that come with it', async (t) => {
  const descriptor = ['MSWINDOWS.rawsd', 'for the installer alone'] as const;
  const made = ['LIBARCHIVE.creationtime', '1'] as const;
  const image = new Map([descriptor, made, ['MSWINDOWS.fileattr', '22']]);
  const upper = await containerOf(
    t,
    [['Files', 'Files/Windows', 'Files/Windows/System32', 'Hives'].map((path) => ({ path, type: 'directory', pax: image }) as const)],
    'windows',
  );
  const mtime = { seconds: 5, nanoseconds: 0 };
  const hidden = new Map([['MSWINDOWS.fileattr', '18']]);
  await put(upper, '/', [
    { path: 'windows', type: 'directory', mtime },
    { path: 'windows/system32', type: 'directory', mtime, pax: hidden },
    ['windows/system32/new.dll', ''],
  ]);
  const entries = await Array.fromAsync(readTar(layerTar(upper.union())), ({ entry }) => entry);
  const said = (path: string) => {
    const { pax, mtime } = entries.find((entry) => entry.path === path)!;
    return [pax.get('MSWINDOWS.rawsd'), pax.get('LIBARCHIVE.creationtime'), pax.get('MSWINDOWS.fileattr'), mtime.seconds];
  };
  assert.deepEqual(said('Files/Windows'), [descriptor[1], made[1], '22', 5]);
  assert.deepEqual(said('Files/Windows/System32'), [descriptor[1], made[1], '18', 5]);
});

test('a link in a Windows layer says that it leads to a folder, also where the folder came after it', async (t) => {
  const upper = await containerOf(t, [['Files/', 'Hives/']], 'windows');
  const link = (path: string, linkname: string) => ({ path, type: 'symlink', linkname }) as const;
  await put(upper, '/', [
    link('a', 'sub'),
    link('b', 'file'),
    link('circle', 'circle'),
    link('later', 'C:\\later-on'),
    link('other', 'D:\\x'),
  ]);
  await put(upper, '/', ['sub/', ['file', '']]);
  await put(upper, '/', ['later-on/']);
  const entries = await Array.fromAsync(readTar(layerTar(upper.union())), ({ entry }) => entry);
  const bits = entries.filter(({ type }) => type === 'symlink').map(({ path, pax }) => [path.slice(6), pax.get('MSWINDOWS.fileattr')]);
  assert.deepEqual(Object.fromEntries(bits), { a: '1040', b: '1056', circle: '1056', later: '1040', other: '1056' });
});

test('names in a Windows container are those of NTFS, of hard links and of folders on the way too: 255 letters, whatever their bytes', async (t) => {
  const upper = await containerOf(t, [['Files/', 'Hives/']], 'windows');
  const long = '\u65e5'.repeat(255);
  await put(upper, '/', [
    [long, 'x'],
    [`in-${long.slice(3)}/${long}`, 'y'],
    { path: `${long.slice(1)}k`, type: 'hard-link', linkname: long },
  ]);
  const layer = Buffer.concat(await layerTar(upper.union()).toArray());
  const committed = new Union({ layers: [...upper.below.layers, await treeOf(t, layer, { os: 'windows' })], os: 'windows' });
  assert.deepEqual(await shown(committed), await shown(upper.union()));
  for (const name of ['a:b', 'a.', 'q?', `${long}x`]) {
    const names = [[name, ''], `${name}/`, [`${name}/in`, ''], { path: name, type: 'hard-link', linkname: long }] as const;
    for (const listed of names) await assert.rejects(put(upper, '/', [listed]), { code: 'invalid-argument' }, name);
  }
});

test('a data stream belongs to its file, and goes with it', async (t) => {
  const upper = await containerOf(
    t,
    [['Files/', 'Hives/', ['Files/d/a', 'A'], ['Files/d/a:zone', 'Z'], ['Files/d/a.txt', 'T']]],
    'windows',
  );
  assert.deepEqual(await shown(upper.below), ['d/ implied', 'd/a = A', 'd/a.txt = T']);
  const entry = upper.below.lookup('d/a')!.entry;
  const [stream] = entry.streams!;
  assert.deepEqual([entry.streams!.length, stream!.name], [1, 'zone']);
  assert.equal(Buffer.concat(await upper.below.open({ ...entry, ...stream! }).toArray()).toString(), 'Z');
  await put(upper, '/d', [['A', 'B']]);
  assert.equal(upper.union().lookup('d/a')!.entry.streams, undefined);
});
