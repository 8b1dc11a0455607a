/** Layers and archives that want out of their tree, lie, or ask for more than anybody has: refused with a clear error, in bounded memory, and nothing is left that counts as a tree. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createWriteStream, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createGzip, gzipSync } from 'node:zlib';
import { pipeline } from 'node:stream/promises';

import { isImageError } from '../../src/errors.ts';
import { makeLayerTree, type LayerTreeOptions } from '../../src/layers/layer-tree.ts';
import { Tree } from '../../src/layers/tree.ts';
import { Union } from '../../src/layers/union.ts';
import { Upper } from '../../src/layers/upper.ts';
import { layerTar } from '../../src/layers/write-layer.ts';
import { digestFrom, digestOf } from '../../src/model/digest.ts';
import { type Listed, shown, tarOf, treeOf, unionOf, unpackedFolder } from '../support/make-tree.ts';
import { endOfTar, rawBody, rawExtended, rawHeader, rawRecord } from '../support/raw-tar.ts';
import { temporary } from '../support/temporary.ts';

const now = new Date(0);

async function refused(
  t: TestContext,
  layer: readonly Listed[] | Uint8Array,
  code: string,
  message: RegExp,
  options: Partial<LayerTreeOptions> = {},
): Promise<void> {
  await assert.rejects(treeOf(t, layer, options), { name: 'ImageError', code, message });
}

test('a layer that leads out of its tree is refused', async (t) => {
  const out = (listed: Listed) => refused(t, ['a/', ['b', 'b'], listed], 'invalid-content', /refused/);
  await out(['../x', '']);
  await out(['a/../../x', '']);
  await out(['a/..', '']);
  await out({ path: 'h', type: 'hard-link', linkname: '../../etc/passwd' });
  await out({ path: 'h', type: 'hard-link', linkname: '/etc/passwd' });
  await out({ path: 'h', type: 'hard-link', linkname: 'a' });
  await out({ path: 'h', type: 'hard-link', linkname: 'b/c' });
  await out({ path: 'h', type: 'hard-link', linkname: '/' });
  await out('a/.wh...');
  await out('a/.wh..');
  await out('a/.wh.');
  await out(['.wh.a/x', '']);
  await out({ path: '/', type: 'symlink', linkname: 'elsewhere' });
  await out(['x'.repeat(256), '']);
  await out([`${'x/'.repeat(2100)}y`, '']);
});

test('paths from the root, and links to anywhere, stay in the tree: they are only names', async (t) => {
  const union = await unionOf(t, [
    [
      ['/etc/passwd', 'of the image'],
      { path: 'abs', type: 'hard-link', linkname: '/etc/passwd' },
      { path: 'out', type: 'symlink', linkname: '../../../../../../etc' },
      { path: 'root', type: 'symlink', linkname: '/' },
    ],
  ]);
  assert.deepEqual(await shown(union), [
    'abs = of the image',
    'etc/ implied',
    'etc/passwd = of the image',
    'out symlink -> ../../../../../../etc',
    'root symlink -> /',
  ]);
  for (const path of ['out/passwd', 'root/../../out/passwd', '/root/root/root/etc/passwd']) {
    assert.equal(union.lookup(path)!.path, 'etc/passwd');
  }
});

test('a link first, then a path through it: nothing is written where it points', async (t) => {
  const target = temporary(t, 'target');
  const link = { path: 'a', type: 'symlink', linkname: target } as const;
  await refused(t, [link, ['a/passwd', 'mine']], 'invalid-content', /"a" on its way is no folder/);
  await refused(
    t,
    [
      ['a', 'a file'],
      ['a/passwd', 'mine'],
    ],
    'invalid-content',
    /"a" on its way is no folder/,
  );
  // in two layers the folder hides the link, as it does for overlayfs
  const union = await unionOf(t, [[link], [['a/passwd', 'mine']]]);
  assert.deepEqual(await shown(union), ['a/ implied', 'a/passwd = mine']);
  // and into a container, the link leads to a place of the container
  const below = await unionOf(t, [[link, `${target.slice(1)}/`]]);
  const upper = Upper.open(join(temporary(t, 'c'), 'c'), below);
  t.after(() => upper.close());
  await upper.extract('/', once(await tarOf([['a/passwd', 'mine']])), { now });
  assert.deepEqual(readdirSync(target), []);
  assert.equal(upper.union().lookup('a/passwd')!.path, `${target.slice(1)}/passwd`);
});

test('devices and owners are facts in an index: no host gets a device, and whoever has no rights keeps them', async (t) => {
  const folder = await unpackedFolder(
    t,
    await tarOf([
      { path: 'sda', type: 'block-device', devmajor: 8, uid: 0, mode: 0o4777 },
      { path: 'p', type: 'fifo' },
    ]),
  );
  assert.deepEqual(readdirSync(folder).toSorted(), ['index.sqlite', 'pack']);
  assert.ok(readdirSync(folder).every((name) => statSync(join(folder, name)).isFile()));
});

test('a layer that is cut off, garbage, or not what the image says leaves no tree', async (t) => {
  const tar = await tarOf([
    ['a', 'x'.repeat(10_000)],
    ['b', 'y'],
  ]);
  const place = temporary(t, 'liars');
  const tried = async (name: string, blob: Uint8Array, diffId = digestOf(tar)) => {
    const folder = join(place, name);
    mkdirSync(folder);
    writeFileSync(join(place, `${name}.blob`), blob);
    const failure: unknown = await makeLayerTree(join(place, `${name}.blob`), diffId, folder, { os: 'linux' }).catch(
      (error: unknown) => error,
    );
    assert.throws(() => Tree.open(folder), { code: 'not-found' });
    return failure as { code: string; message: string };
  };
  const packed = gzipSync(tar);
  assert.equal((await tried('cut-tar', tar.subarray(0, 3000))).code, 'invalid-content');
  assert.equal((await tried('cut-gzip', packed.subarray(0, packed.length - 9))).code, 'invalid-content');
  assert.equal((await tried('garbage', Buffer.from('garbage '.repeat(1000)))).code, 'invalid-content');
  assert.equal((await tried('garbage-gzip', gzipSync('garbage '.repeat(1000)))).code, 'invalid-content');
  assert.equal(
    (await tried('damaged', Buffer.concat([packed.subarray(0, 40), Buffer.alloc(8, 0xff), packed.subarray(48)]))).code,
    'invalid-content',
  );
  assert.equal((await tried('other', gzipSync(await tarOf([['a', 'another']])))).code, 'digest-mismatch');
  const longer = await tried('longer', gzipSync(Buffer.concat([tar, Buffer.alloc(512, 1)])));
  assert.equal(longer.code, 'digest-mismatch');
  assert.match(longer.message, /not sha256:/);
  assert.equal((await tried('empty', Buffer.alloc(0))).code, 'digest-mismatch');
});

test('bombs are refused by what they unfold to, by their number of entries, and by the size of what they say', async (t) => {
  const decompress = { ratioFrom: 1 << 20, ratio: 100 };
  const zeros = Buffer.concat([rawHeader({ name: 'zeros', size: 8 << 20 }), Buffer.alloc(8 << 20), endOfTar]);
  await refused(t, zeros, 'too-large', /decompression bomb/, { limits: { decompress } });
  const many = Buffer.concat([...Array.from({ length: 3000 }, (_, i) => rawHeader({ name: `f${i}` })), endOfTar]);
  await refused(t, many, 'too-large', /more than 2000 entries/, { limits: { tar: { entries: 2000 } } });
  const records = Buffer.concat([rawExtended('x', rawRecord('SCHILY.xattr.user.a', 'x'.repeat(2 << 20))), rawHeader(), endOfTar]);
  await refused(t, records, 'too-large', /extended headers/);
  const sparse = Buffer.concat([
    rawExtended(
      'x',
      ['GNU.sparse.major=0', 'GNU.sparse.minor=1', 'GNU.sparse.map=0,0', `GNU.sparse.size=${2 ** 45}`]
        .map((record) => rawRecord(...(record.split(/=(.*)/s).slice(0, 2) as [string, string])))
        .join(''),
    ),
    rawHeader({ name: 'holes' }),
    endOfTar,
  ]);
  await refused(t, sparse, 'too-large', /sparse/);
});

test('a sparse file takes the disk only for what it stores, and is read as it is', async (t) => {
  const size = 2 ** 30;
  const sparse = Buffer.concat([
    rawExtended(
      'x',
      [
        ['GNU.sparse.major', '0'],
        ['GNU.sparse.minor', '1'],
        ['GNU.sparse.map', `${size - 4},4`],
        ['GNU.sparse.size', `${size}`],
      ]
        .map(([keyword, value]) => rawRecord(keyword!, value!))
        .join(''),
    ),
    rawHeader({ name: 'holes', size: 4 }),
    rawBody('last'),
    endOfTar,
  ]);
  const tree = await treeOf(t, sparse);
  assert.ok(statSync(join(tree.folder, 'pack')).size < 10_000);
  const entry = tree.entry('holes')!;
  assert.equal(entry.size, size);
  let length = 0;
  let end: Uint8Array = Buffer.alloc(0);
  for await (const chunk of tree.open(entry)) {
    length += (chunk as Buffer).length;
    end = chunk as Uint8Array;
  }
  assert.deepEqual([length, Buffer.from(end).toString()], [size, 'last']);
});

test('hundreds of thousands of entries are indexed in little memory', { timeout: 110_000 }, async (t) => {
  const place = temporary(t, 'many');
  const blob = join(place, 'blob');
  const total = 200_000;
  const hash = createHash('sha256');
  const blocks = function* () {
    for (let i = 0; i < total; i += 1000) {
      const block = Buffer.concat(Array.from({ length: 1000 }, (_, j) => rawHeader({ name: `d${(i + j) >> 2}/f${i + j}` })));
      hash.update(block);
      yield block;
    }
    hash.update(endOfTar);
    yield endOfTar;
  };
  await pipeline(blocks, createGzip({ level: 1 }), createWriteStream(blob));
  const folder = join(place, 'tree');
  mkdirSync(folder);
  const before = process.memoryUsage.rss();
  let most = 0;
  const watch = setInterval(() => (most = Math.max(most, process.memoryUsage.rss() - before)), 20);
  const { entries } = await makeLayerTree(blob, digestFrom('sha256', hash.digest('hex')), folder, { os: 'linux' });
  clearInterval(watch);
  assert.equal(entries, total);
  assert.ok(most < 200 << 20, `it took ${Math.round(most / 2 ** 20)} MiB`);
});

test('a Windows layer obeys the rules of Windows layers', async (t) => {
  const roots: Listed[] = ['Files/', 'Hives/'];
  const out = (...more: Listed[]) => refused(t, [...roots, ...more], 'invalid-content', /./, { os: 'windows' });
  await out(['Files/a', ''], ['Files/A', '']);
  await out('Files/d/', 'Files/D/');
  await out(['Files/ä', ''], ['Files/Ä', '']);
  await out(['Files/a/b', ''], ['Files/A', '']);
  await out(['Windows/x', '']);
  await out(['Files/a?', '']);
  await out(['Files/a.', '']);
  await out(['Files/a\\..\\b', '']);
  await out(['Files/../x', '']);
  await out('.wh.Files/x');
  await out('Other/.wh.x');
  await out(['UtilityVM/x', '']);
  await out({ path: 'Files/h', type: 'hard-link', linkname: 'Hives/x' });
  await out(['Hives/x', ''], { path: 'Files/h', type: 'hard-link', linkname: 'Hives/x' });
  await out({ path: 'Files/null', type: 'character-device', devmajor: 1, devminor: 3 });
  await out(['Files/nothing:stream', '']);
  await out(['Files/a', ''], ['Files/a:b:$DATA', '']);
  await out(['Files', 'a file']);
  const fine: Listed[] = [
    ...roots,
    ['Files/a', 'A'],
    { path: 'Files/b', type: 'hard-link', linkname: 'Files/a' },
    'UtilityVM/',
    'UtilityVM/Files/',
    'Files/.wh.gone',
    'Files/.wh..wh..opq',
  ];
  assert.deepEqual(await shown(await treeOf(t, fine, { os: 'windows' })), [
    'Files/',
    'Files/a = A',
    'Files/b = A',
    'Files/gone whiteout',
    'Hives/',
    'UtilityVM/',
    'UtilityVM/Files/',
  ]);
});

test('a layer with any bytes changed is a tree or an ImageError, never anything else', async (t) => {
  const tar = await tarOf([
    ['etc/a', 'text'],
    { path: 'l', type: 'symlink', linkname: 'etc' },
    'etc/.wh.b',
    { path: 'h', type: 'hard-link', linkname: 'etc/a' },
    [`${'long/'.repeat(40)}x`, ''],
  ]);
  let trees = 0;
  for (let i = 0; i < 150; i++) {
    const mutated = Buffer.from(tar);
    for (let n = 0; n <= i % 4; n++) mutated[(i * 7919 + n * 104_729) % (mutated.length - 1024)] = (i * 31 + n * 17) & 0xff;
    // the checksum is made right again, so that what is said inside the headers is read
    for (let at = 0; at + 512 <= mutated.length; at += 512) {
      if (mutated.toString('latin1', at + 257, at + 262) !== 'ustar') continue;
      mutated.fill(' ', at + 148, at + 156);
      const sum = mutated.subarray(at, at + 512).reduce((sum, byte) => sum + byte, 0);
      mutated.write(`${sum.toString(8).padStart(6, '0')}\0 `, at + 148, 'latin1');
    }
    try {
      const tree = await treeOf(t, mutated);
      const union = new Union({ layers: [tree], os: 'linux' });
      for (const entry of union.walk()) if (entry.size < 1 << 20 && entry.content) await Array.fromAsync(union.open(entry));
      trees++;
    } catch (error) {
      assert.ok(isImageError(error, 'invalid-content', 'too-large', 'unsupported'), String(error));
    }
  }
  assert.ok(trees > 10 && trees < 140, `${trees} of 150 were trees`);
});

test(
  'a process that is killed while it unpacks leaves no tree, and none while it changes a container a half change',
  { timeout: 110_000 },
  async (t) => {
    const place = temporary(t, 'killed');
    const tar = await tarOf(Array.from({ length: 3000 }, (_, i): Listed => [`d${i % 50}/f${i}`, 'x'.repeat(2000)]));
    writeFileSync(join(place, 'blob'), gzipSync(tar, { level: 1 }));
    writeFileSync(join(place, 'tar'), tar);
    const base = await unpackedFolder(t, await tarOf(['d/']));
    let killed = 0;
    for (let delay = 150; delay < 600; delay += 60) {
      const tree = join(place, `tree-${delay}`);
      const changes = join(place, `changes-${delay}`);
      mkdirSync(tree);
      const child = spawn(
        process.execPath,
        [join(import.meta.dirname, 'layers-worker.ts'), join(place, 'blob'), digestOf(tar), tree, join(place, 'tar'), base, changes],
        { stdio: 'ignore' },
      );
      const ended = new Promise<boolean>((resolve) => child.on('close', (_, signal) => resolve(signal === 'SIGKILL')));
      await sleep(delay);
      child.kill('SIGKILL');
      if (await ended) killed++;
      const found = Tree.find(tree);
      if (found) {
        assert.equal([...found.walk()].length, 1 + 50 + 3000);
        found.close();
      }
      const below = Tree.open(base);
      const upper = Upper.open(changes, new Union({ layers: [below], os: 'linux' }));
      const count = [...upper.union().walk()].length;
      assert.ok([2, 2 + 3050, 2 + 3050 + 1].includes(count), `${count} entries`);
      await upper.extract('/d', once(await tarOf([['after', 'it goes on']])), { now });
      assert.equal(upper.union().lookup('d/after')!.entry.size, 10);
      upper.close();
      below.close();
    }
    assert.ok(killed > 0);
  },
);

test('processes that change one container at once lose nothing', { timeout: 110_000 }, async (t) => {
  const place = temporary(t, 'at-once');
  const base = await unpackedFolder(t, await tarOf(['d/']));
  const changes = join(place, 'changes');
  const run = (name: string) =>
    new Promise<number | null>((resolve) =>
      spawn(process.execPath, [join(import.meta.dirname, 'layers-worker.ts'), 'many', base, changes, name], {
        stdio: ['ignore', 'ignore', 'inherit'],
      }).on('close', resolve),
    );
  assert.deepEqual(await Promise.all(['one', 'two', 'three'].map(run)), [0, 0, 0]);
  const below = Tree.open(base);
  const upper = Upper.open(changes, new Union({ layers: [below], os: 'linux' }));
  assert.equal(upper.union().children('d').length, 60);
  assert.equal((await Array.fromAsync(layerTar(upper.union()))).length > 0, true);
  upper.close();
  below.close();
});

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
