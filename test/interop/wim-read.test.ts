/** What wimlib writes, in every form that it has, is what we read: names, rights, times, links and content of a real tree. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test, type TestContext } from 'node:test';
import { unixDataOf } from '../../src/formats/wim/wim-items.ts';
import { linkOf, unixTarget } from '../../src/formats/wim/wim-reparse.ts';
import { verifyWim } from '../../src/formats/wim/verify-wim.ts';
import { Wim } from '../../src/formats/wim/wim.ts';
import { extractWim } from '../../src/operations/extract-wim.ts';
import { peer, skipWithout } from '../support/peers.ts';
import { temporary } from '../support/temporary.ts';

const wimlib = peer('wimlib-imagex');
const mkfifo = peer('mkfifo');
const setfattr = peer('setfattr');
const getfattr = peer('getfattr');

/** Removed when all tests are done. */
const ends: (() => unknown)[] = [];
after(async () => {
  for (const end of ends) await end();
});
let tree = '';
/** As `tree`, with a file longer than the largest chunk that is not solid. */
let wideTree = '';

before(async () => {
  if (wimlib.skip !== false) return;
  const folder = temporary({ after: (end) => void (end && ends.push(end as () => unknown)) }, 'wim-read');
  [tree, wideTree] = ['tree', 'wide'].map((name) => join(folder, name)) as [string, string];
  for (const [root, size] of [
    [tree, 400_000],
    [wideTree, 2_200_000],
  ] as const) {
    mkdirSync(root);
    await makeTree(root, size);
  }
});

/** Sizes around those of chunks; what packs well, what does not, and code; links, rights, names. */
async function makeTree(root: string, codeSize: number): Promise<void> {
  const at = (...names: string[]) => join(root, ...names);
  mkdirSync(at('sizes'));
  const noise = Buffer.concat(Array.from({ length: 7000 }, (_, index) => createHash('sha256').update(`noise ${index}`).digest()));
  for (const size of [0, 1, 4095, 4096, 32_767, 32_768, 32_769, 65_536, 65_537, 200_000]) {
    writeFileSync(at('sizes', `noise-${size}`), noise.subarray(0, size));
    writeFileSync(at('sizes', `text-${size}`), Buffer.alloc(size, `line of text ${size}\n`));
  }
  writeFileSync(at('zeros'), Buffer.alloc(2_200_000));
  writeFileSync(at('code'), await programText(codeSize));
  for (const copy of ['1', '2', '3']) writeFileSync(at(`copy-${copy}`), noise.subarray(5000, 15_000));
  mkdirSync(at('links'));
  writeFileSync(at('links', 'first'), 'three names');
  for (const name of ['second', 'third']) linkSync(at('links', 'first'), at('links', name));
  symlinkSync('first', at('links', 'relative'));
  symlinkSync('/usr/bin/env', at('links', 'absolute'));
  symlinkSync('nowhere/at all', at('links', 'dangling'));
  symlinkSync('../sizes', at('links', 'folder'));
  mkdirSync(at('empty'));
  mkdirSync(at('many'));
  for (let index = 0; index < 200; index++) writeFileSync(at('many', `file ${index}`), `content ${index % 100}`);
  const deep = Array.from({ length: 60 }, (_, index) => `d${index}`);
  mkdirSync(at(...deep), { recursive: true });
  writeFileSync(at(...deep, 'file'), 'deep');
  mkdirSync(at('names'));
  for (const name of ['漢字', '🚢 container', 'é', `${'x'.repeat(255)}`, 'back\\slash', 'co:lon', ' space ', 'dot.', 'A', 'a'])
    writeFileSync(at('names', name), name);
  writeFileSync(at('setuid'), 'runs as another');
  chmodSync(at('setuid'), 0o4755);
  writeFileSync(at('closed'), 'nobody');
  chmodSync(at('closed'), 0o400);
  chmodSync(at('empty'), 0o1777);
  if (mkfifo.skip === false) await mkfifo.run([at('fifo')]);
}

/** Code of this processor. */
async function programText(size: number): Promise<Buffer> {
  await using file = await open(process.execPath);
  const { buffer } = await file.read(Buffer.alloc(size), 0, size, 4_000_000);
  return buffer;
}

interface Seen {
  readonly type: string;
  readonly mode: number;
  readonly owner: string;
  /** FILETIME. */
  readonly written: bigint;
  /** A file's SHA-1, a link's target. */
  readonly content?: string | undefined;
  /** The first path, by order, of the file that has several. */
  readonly linkedTo?: string;
}

const isSpecial = (mode: number) => ![0o100000, 0o040000, 0o120000].includes(mode & 0o170000);

function seenOnDisk(root: string): Map<string, Seen> {
  const found = new Map<string, Seen>();
  const firsts = new Map<bigint, string>();
  const look = (path: string) => {
    const stats = lstatSync(join(root, path), { bigint: true });
    const mode = Number(stats.mode);
    const common = { mode, owner: `${stats.uid}:${stats.gid}`, written: stats.mtimeNs / 100n + 116_444_736_000_000_000n };
    if (stats.isDirectory()) {
      found.set(path, { ...common, type: 'folder' });
      for (const name of readdirSync(join(root, path)).sort()) look(path === '' ? name : `${path}/${name}`);
    } else if (stats.isSymbolicLink()) found.set(path, { ...common, type: 'link', content: readlinkSync(join(root, path)) });
    else if (isSpecial(mode)) found.set(path, { ...common, type: 'special' });
    else {
      const first = stats.nlink > 1n ? firsts.get(stats.ino) : undefined;
      if (stats.nlink > 1n && first === undefined) firsts.set(stats.ino, path);
      const content = createHash('sha1')
        .update(readFileSync(join(root, path)))
        .digest('hex');
      found.set(path, { ...common, type: 'file', content, linkedTo: first ?? path });
    }
  };
  look('');
  return found;
}

async function seenInWim(wim: Wim, index: number): Promise<Map<string, Seen>> {
  const image = await wim.tree(index);
  const found = new Map<string, Seen>();
  const firsts = new Map<bigint, string>();
  const nodes = [{ path: '', node: image.root }, ...image.walk()].map(({ path, node }) => ({ path, node, unix: unixDataOf(node.items) }));
  const blobs = wim.fileOrder(nodes.flatMap(({ node }) => node.blobs));
  const contents = new Map<string, Buffer>();
  for await (const { blob, body } of wim.read(blobs)) contents.set(blob.sha1, Buffer.concat(await Array.fromAsync(body)));
  for (const { path, node, unix } of nodes.sort((a, b) => (a.path < b.path ? -1 : 1))) {
    assert.ok(unix, `${path} has UNIX data`);
    const common = { mode: unix.mode, owner: `${unix.uid}:${unix.gid}`, written: node.written };
    if (node.isFolder) found.set(path, { ...common, type: 'folder' });
    else if (node.reparse) {
      const link = linkOf(node.reparse.tag, contents.get(node.reparse.data.sha1) ?? Buffer.alloc(0));
      found.set(path, { ...common, type: 'link', content: link && unixTarget(link) });
    } else if (isSpecial(unix.mode)) found.set(path, { ...common, type: 'special' });
    else {
      const first = node.linkGroup === 0n ? undefined : firsts.get(node.linkGroup);
      if (node.linkGroup !== 0n && first === undefined) firsts.set(node.linkGroup, path);
      const content = createHash('sha1')
        .update(contents.get(node.data?.sha1 ?? '') ?? Buffer.alloc(0))
        .digest('hex');
      found.set(path, { ...common, type: 'file', content, linkedTo: first ?? path });
    }
  }
  return found;
}

/** The tree on disk has the same entries in another order of first names of hard links: all of one folder, so the order of names is one. */
function assertSame(actual: Map<string, Seen>, expected: Map<string, Seen>, without: (seen: Seen) => object = (seen) => seen): void {
  const plain = (map: Map<string, Seen>) =>
    [...map].sort(([a], [b]) => (a < b ? -1 : 1)).map(([path, seen]) => ({ path, ...without(seen) }));
  assert.deepEqual(plain(actual), plain(expected));
}

async function checkImage(
  t: TestContext,
  paths: readonly string[],
  options: { base?: string[]; index?: number; source?: string } = {},
): Promise<void> {
  const { base = [], index = 1, source = tree } = options;
  const expected = seenOnDisk(source);
  await using wim = await Wim.open(paths, { base });
  assert.deepEqual(wim.warnings, []);
  const result = await verifyWim(wim);
  assert.ok(result.blobs > 0);
  assertSame(await seenInWim(wim, index), expected);
  const target = join(temporary(t, 'wim-out'), 'tree');
  const { leftOut } = await extractWim(wim, index, target);
  const isRoot = process.getuid?.() === 0;
  assert.deepEqual(
    leftOut.map(({ what }) => what),
    existsSync(join(source, 'fifo')) ? ['devices, pipes and sockets'] : [],
  );
  for (const [path, { type }] of expected) if (type === 'special') expected.delete(path);
  // A time is given to the system as a number of seconds, which holds some 200 ns.
  const rough = (seen: Seen) => ({
    ...seen,
    written: Math.round(Number(seen.written) / 1e4),
    mode: isRoot ? seen.mode : 0,
    owner: isRoot ? seen.owner : '',
  });
  assertSame(seenOnDisk(target), expected, rough);
}

async function captured(t: TestContext, options: readonly string[], source = tree): Promise<string> {
  const file = join(temporary(t, 'wim-read'), 'a.wim');
  await wimlib.run(['capture', source, file, 'an image', 'of files', '--unix-data', ...options]);
  return file;
}

const cells: readonly (readonly string[])[] = [
  ['--compress=none'],
  ['--compress=none', '--check'],
  ...['4K', '8K', '16K', '32K', '64K'].map((size) => ['--compress=xpress', `--chunk-size=${size}`]),
  ['--compress=xpress:20'],
  ['--compress=xpress:80', '--check'],
  ...['32K', '64K', '128K', '512K', '1M', '2M'].map((size) => ['--compress=lzx', `--chunk-size=${size}`]),
  ['--compress=lzx:20', '--boot'],
  ['--compress=lzx:100', '--check', '--boot'],
  ...['32K', '128K', '1M', '64M'].map((size) => ['--compress=lzms', `--chunk-size=${size}`]),
  ['--solid', '--check'],
  ['--solid', '--solid-chunk-size=1M'],
  ['--compress=xpress', '--solid', '--solid-compress=lzx', '--solid-chunk-size=32K'],
  ['--compress=lzms', '--solid', '--solid-compress=lzx', '--solid-chunk-size=2M'],
  ['--compress=lzx', '--solid', '--solid-compress=xpress', '--solid-chunk-size=32K'],
  ['--norpfix', '--compress=xpress'],
  ['--rpfix', '--compress=xpress'],
];

for (const options of cells)
  test(`captured with ${options.join(' ')}`, { skip: wimlib.skip }, async (t) => {
    const source = options.some((option) => /=(?:512K|[0-9]+M)$|solid$/.test(option)) ? wideTree : tree;
    await checkImage(t, [await captured(t, options, source)], { source });
  });

/** Another tree that shares files with the first. */
function changedTree(t: TestContext): string {
  const other = join(temporary(t, 'wim-read'), 'other');
  mkdirSync(other);
  writeFileSync(join(other, 'code'), readFileSync(join(tree, 'code')));
  writeFileSync(join(other, 'new'), Buffer.alloc(100_000, 'new '));
  writeFileSync(join(other, 'empty'), '');
  return other;
}

test('several images, one deleted, with the holes that appending leaves', { skip: wimlib.skip }, async (t) => {
  const file = await captured(t, ['--compress=lzx', '--check']);
  const other = changedTree(t);
  await wimlib.run(['append', other, file, 'second', '--unix-data', '--check']);
  await wimlib.run(['append', tree, file, 'third', '--unix-data']);
  await checkImage(t, [file], { index: 2, source: other });
  await checkImage(t, [file], { index: 3 });
  await wimlib.run(['delete', file, '1', '--soft']);
  await checkImage(t, [file], { index: 1, source: other });
  await checkImage(t, [file], { index: 2 });
  await wimlib.run(['optimize', file, '--recompress', '--compress=xpress']);
  await checkImage(t, [file], { index: 2 });
  await using wim = await Wim.open([file]);
  assert.deepEqual(
    wim.images.map(({ index, name }) => [index, name]),
    [
      [1, 'second'],
      [2, 'third'],
    ],
  );
});

test('a split WIM, its parts in any order', { skip: wimlib.skip }, async (t) => {
  const file = await captured(t, ['--compress=none']);
  const folder = temporary(t, 'wim-read');
  await wimlib.run(['split', file, join(folder, 'a.swm'), '1']);
  const parts = readdirSync(folder)
    .map((name) => join(folder, name))
    .sort()
    .reverse();
  assert.ok(parts.length >= 3, 'there are several parts');
  await checkImage(t, parts);
  await assert.rejects(Wim.open(parts.slice(1)), { code: 'incomplete', message: /missing/ });
});

test('a delta WIM with its base; without it a file is named that lacks content', { skip: wimlib.skip }, async (t) => {
  const base = await captured(t, ['--compress=lzx']);
  const other = changedTree(t);
  const delta = join(temporary(t, 'wim-read'), 'delta.wim');
  await wimlib.run(['capture', other, delta, 'delta', '--unix-data', '--compress=xpress', `--delta-from=${base}`]);
  await checkImage(t, [delta], { base: [base], source: other });
  await using wim = await Wim.open([delta]);
  assert.equal((await wim.tree(1)).find('code')?.data?.isMissing, true);
  await assert.rejects(verifyWim(wim), { code: 'incomplete', message: /blob [0-9a-f]{40} of "\/code" in image 1 is not in this file/ });
  await assert.rejects(extractWim(wim, 1, join(temporary(t, 'wim-out'), 'x')), { code: 'incomplete', message: /"\/code"/ });
});

test('extended attributes are given back, to links too', { skip: skipWithout(wimlib, setfattr, getfattr) }, async (t) => {
  const source = join(temporary(t, 'wim-read'), 'tree');
  mkdirSync(join(source, 'folder'), { recursive: true });
  writeFileSync(join(source, 'odd\n\\ name'), 'x');
  const set = await setfattr.try(['-n', 'user.text', '-v', 'a=b', join(source, 'odd\n\\ name')]);
  if (set.code !== 0) return t.skip('this file system has no extended attributes');
  await setfattr.run(['-n', 'user.bytes', '-v', '0x00ff', join(source, 'folder')]);
  const file = await captured(t, ['--compress=xpress'], source);
  await using wim = await Wim.open([file]);
  const target = join(temporary(t, 'wim-out'), 'tree');
  assert.deepEqual((await extractWim(wim, 1, target)).leftOut, []);
  const shown = async (folder: string) => (await getfattr.run(['-R', '-h', '-d', '-m', '^user', '.'], { cwd: folder })).stdout;
  assert.equal(await shown(target), await shown(source));
  assert.match(await shown(target), /user\.bytes=/);
});

test('without UNIX data folders and files have usual modes', { skip: wimlib.skip }, async (t) => {
  const source = changedTree(t);
  const file = join(temporary(t, 'wim-read'), 'a.wim');
  await wimlib.run(['capture', source, file, '--compress=xpress']);
  await using wim = await Wim.open([file]);
  const target = join(temporary(t, 'wim-out'), 'tree');
  await extractWim(wim, 1, target);
  assert.equal(lstatSync(target).mode & 0o777, 0o755);
  assert.equal(lstatSync(join(target, 'new')).mode & 0o777, 0o644);
});

test(
  'a file of 4 GiB and a byte, whose chunk table has wide entries, is verified',
  { skip: wimlib.skip || process.env['BAY_SLOW_TESTS'] !== '1' ? 'only with BAY_SLOW_TESTS=1' : false },
  async (t) => {
    const source = join(temporary(t, 'wim-read'), 'big');
    mkdirSync(source);
    writeFileSync(join(source, 'sparse'), 'start');
    truncateSync(join(source, 'sparse'), 2 ** 32 + 1);
    const file = join(temporary(t, 'wim-read'), 'a.wim');
    await wimlib.run(['capture', source, file, '--compress=xpress:20']);
    await using wim = await Wim.open([file]);
    assert.equal((await verifyWim(wim)).bytes, 2 ** 32 + 1);
  },
);

test('a pipable WIM is refused with what to do', { skip: wimlib.skip }, async (t) => {
  const file = await captured(t, ['--pipable', '--compress=xpress']);
  await assert.rejects(Wim.open([file]), { code: 'unsupported', hint: /--not-pipable/ });
});
