/** WIM files that we write, read by wimlib, 7-Zip and ourselves. */
import assert from 'node:assert/strict';
import { chmodSync, linkSync, lstatSync, mkdirSync, readFileSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import fc from 'fast-check';

import type { NewWimContent, NewWimEntry } from '../../src/formats/wim/new-wim.ts';
import type { WimEntry } from '../../src/formats/wim/wim-entry.ts';
import { Wim } from '../../src/formats/wim/wim.ts';
import { writeWim } from '../../src/formats/wim/write-wim.ts';
import { createWim } from '../../src/operations/create-wim.ts';
import { extractWim } from '../../src/operations/extract-wim.ts';
import { peer } from '../support/peers.ts';
import { runProgram } from '../support/program.ts';
import { temporary } from '../support/temporary.ts';
import { treeLines } from '../support/tree-lines.ts';

const wimlib = peer('wimlib-imagex');
const sevenZip = peer('7zz');
const compressions = ['lzx', 'xpress', 'none'] as const;

/** Bytes that both compress and do not, the same for one seed. */
function bytesOf(size: number, seed: number): Buffer {
  const bytes = Buffer.alloc(size);
  let state = seed;
  for (let at = 0; at < size; at++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    bytes[at] = seed % 3 === 0 ? state >>> 16 : seed % 3 === 1 ? 97 + ((state >>> 16) & 3) : at >>> 6;
  }
  return bytes;
}

/** A tree with whatever a tree of Linux has, as little of each as shows a mistake. */
function makeTree(folder: string): void {
  const file = (name: string, bytes: string | Uint8Array, mode = 0o644) => {
    writeFileSync(join(folder, name), bytes);
    chmodSync(join(folder, name), mode);
  };
  mkdirSync(join(folder, 'sizes'), { recursive: true });
  for (const size of [0, 1, 4095, 4096, 32_767, 32_768, 32_769, 65_536, 65_537, 200_000])
    for (let seed = 0; seed < 3; seed++) file(`sizes/${size}-${seed}`, bytesOf(size, seed));
  // Of two pieces each, and together more than is written without workers.
  file('sizes/large', bytesOf((2 << 20) + 70_000, 1));
  file('sizes/large-random', bytesOf((2 << 20) + 70_000, 0));
  file('program', readFileSync(process.execPath).subarray(0, 1 << 20), 0o4755);
  for (const name of ['copy 1', 'copy 2', 'copy 3']) file(name, 'the same in three places');
  file('linked', 'one file', 0o600);
  mkdirSync(join(folder, 'empty'), { mode: 0o700 });
  mkdirSync(join(folder, 'many'));
  for (let i = 0; i < 500; i++) file(`many/${i}`, i % 10 === 0 ? '' : `file ${i}`);
  linkSync(join(folder, 'linked'), join(folder, 'many', 'second name'));
  linkSync(join(folder, 'linked'), join(folder, 'many', 'third name'));
  let deep = join(folder, 'deep');
  for (let i = 0; i < 60; i++) mkdirSync((deep = join(deep, `d${i}`)), { recursive: true });
  writeFileSync(join(deep, 'bottom'), 'here');
  for (const name of ['日本語', '😀.txt', 'back\\slash', 'with:colon', 'dot.', ' space ', 'é', 'É', 'x'.repeat(255)]) file(name, name);
  symlinkSync('linked', join(folder, 'to file'));
  symlinkSync('many', join(folder, 'to folder'));
  symlinkSync('/etc/passwd', join(folder, 'to absolute'));
  symlinkSync('../nowhere/it is', join(folder, 'to nothing'));
  symlinkSync('back\\slash', join(folder, 'to back\\slash'));
  const old = new Date('1969-07-20T20:17:40.123Z');
  utimesSync(join(folder, 'program'), old, old);
}

/** Made once, for it is only read, and removed when all tests are done. */
let tree = '';
const ends: (() => unknown)[] = [];
after(async () => {
  for (const end of ends) await end();
});
before(async () => {
  if (wimlib.skip !== false) return;
  tree = join(temporary({ after: (end) => void (end && ends.push(end as () => unknown)) }, 'wim-write'), 'tree');
  makeTree(tree);
  if (process.getuid?.() !== 0) return;
  await runProgram('mknod', [join(tree, 'null device'), 'c', '1', '3']);
  await runProgram('mkfifo', [join(tree, 'pipe')]);
  await runProgram('chown', ['1234:56789', join(tree, 'program')]);
});

for (const compression of compressions) {
  test(
    `a folder written with ${compression} comes out of wimlib as it went in, and 7-Zip finds no fault`,
    { skip: wimlib.skip || sevenZip.skip },
    async (t) => {
      const folder = temporary(t, 'wim-write');
      const file = join(folder, 'tree.wim');
      const written = await createWim(tree, file, { compression });
      assert.equal(written.size, lstatSync(file).size);
      await wimlib.run(['verify', file]);
      await sevenZip.run(['t', file]);
      const { stdout } = await wimlib.run(['info', file]);
      assert.match(stdout, new RegExp(`Directory Count: +${written.images[0]!.folders}\\nFile Count: +${written.images[0]!.files}\\n`));
      const applied = join(folder, 'applied');
      await wimlib.run(['apply', file, '1', applied, '--unix-data']);
      assert.deepEqual(treeLines(applied, { linkTimes: true }), treeLines(tree, { linkTimes: true }));
    },
  );
}

test(
  'extended attributes go into a WIM as wimlib puts them there, and come out as they were',
  { skip: wimlib.skip || (process.platform !== 'linux' && 'only Linux has these') },
  async (t) => {
    const folder = temporary(t, 'wim-attributes');
    const [source, ours, theirs] = [join(folder, 'it'), join(folder, 'ours.wim'), join(folder, 'theirs.wim')];
    mkdirSync(join(source, 'd =é'), { recursive: true });
    writeFileSync(join(source, 'plain'), '1');
    writeFileSync(join(source, 'd =é', 'new\nline\\'), '2');
    writeFileSync(join(source, 'two'), '3');
    linkSync(join(source, 'two'), join(source, 'two again'));
    const set = (path: string, name: string, value: string) => runProgram('setfattr', ['-n', name, '-v', value, join(source, path)]);
    try {
      await set('.', 'user.root', 'r');
    } catch {
      t.skip('this file system has none, or there is no setfattr');
      return;
    }
    for (const path of ['d =é', 'd =é/new\nline\\', 'two'])
      for (const name of ['user.z', 'user.a=b é', 'user.m']) await set(path, name, '0s/wAK');
    await set('two', 'user.empty', '');
    const { leftOut } = await createWim(source, ours);
    assert.deepEqual(leftOut, []);
    await wimlib.run(['capture', source, theirs, 'it', '--unix-data']);
    const listed = async (where: string) =>
      (await runProgram('getfattr', ['-Rhdm-', '--encoding=base64', '--', '.'], { cwd: where })).stdout.split('\n\n').sort();
    const expected = await listed(source);
    assert.equal(expected.length, 6);
    for (const [name, wim] of [
      ['from ours', ours],
      ['from theirs', theirs],
    ] as const) {
      await using opened = await Wim.open([wim]);
      await extractWim(opened, 1, join(folder, name));
      assert.deepEqual(await listed(join(folder, name)), expected);
    }
    await wimlib.run(['apply', ours, '1', join(folder, 'by wimlib'), '--unix-data']);
    assert.deepEqual(await listed(join(folder, 'by wimlib')), expected);
  },
);

test(
  'a folder gives the same file each time, whatever was read in between, and wimlib counts in it what it counts itself',
  { skip: wimlib.skip },
  async (t) => {
    const folder = temporary(t, 'wim-write');
    const [one, two, theirs] = ['one.wim', 'two.wim', 'theirs.wim'].map((name) => join(folder, name)) as [string, string, string];
    await createWim(tree, one);
    treeLines(tree);
    await createWim(tree, two);
    assert.ok(readFileSync(one).equals(readFileSync(two)));
    await wimlib.run(['capture', tree, theirs, 'tree', '--unix-data', '--norpfix']);
    const counted = async (file: string) =>
      (await wimlib.run(['info', file])).stdout.match(/^(?:Directory Count|File Count|Total Bytes|Hard Link Bytes):.*$/gm);
    assert.deepEqual(await counted(one), await counted(theirs));
    const listed = async (file: string) =>
      (await wimlib.run(['dir', file, '1', '--detailed'])).stdout
        .split('\n')
        .filter((line) => /^(?:Full Path|Attributes|Reparse|Link Count|UNIX Data|Hash|Uncompressed size|Last Write)/.test(line));
    assert.deepEqual(await listed(one), await listed(theirs));
    const sizes = [one, theirs].map((file) => lstatSync(file).size) as [number, number];
    assert.ok(sizes[0] <= 1.05 * sizes[1], `${sizes[0]} bytes, wimlib's has ${sizes[1]}`);
  },
);

const name = fc
  .string({ unit: 'binary', minLength: 1, maxLength: 20 })
  .filter((text) => !/[/\\\0]/.test(text) && text !== '.' && text !== '..' && text.length <= 255);
const time = fc.bigInt({ min: 0n, max: 2n ** 63n - 1n });
const content = fc
  .oneof(
    { weight: 3, arbitrary: fc.uint8Array({ minLength: 1, maxLength: 40 }) },
    { weight: 1, arbitrary: fc.tuple(fc.integer({ min: 1, max: 150_000 }), fc.nat(9)).map(([size, seed]) => bytesOf(size, seed)) },
  )
  .map((bytes): NewWimContent => ({ bytes }));
const items = fc.array(
  fc.record({ tag: fc.oneof(fc.constantFrom(1, 2), fc.nat(0xffff_ffff)), data: fc.uint8Array({ minLength: 16, maxLength: 64 }) }),
  { maxLength: 2 },
);

const common = {
  name,
  shortName: fc.constantFrom('', '', 'SHORT~1.TXT'),
  created: time,
  accessed: time,
  written: time,
  descriptor: fc.option(
    fc.constantFrom(1, 2, 3).map((seed) => bytesOf(20 + 4 * seed, seed)),
    { nil: undefined },
  ),
  streams: fc.oneof(
    { weight: 4, arbitrary: fc.constant([]) },
    {
      weight: 1,
      arbitrary: fc.uniqueArray(fc.record({ name, content }), { maxLength: 3, selector: (stream) => stream.name.toUpperCase() }),
    },
  ),
  items,
  unknown54: fc.constantFrom(0, 0, 7),
};
const file = fc.record({
  ...common,
  attributes: fc.constantFrom(0x20, 0x80, 0x21, 0x2020),
  content: fc.option(content, { nil: undefined }),
  linkId: fc.option(fc.nat(5), { nil: undefined }),
});
const reparsePoint = fc.record({
  ...common,
  attributes: fc.constantFrom(0x400, 0x410, 0x420),
  reparse: fc.record({
    tag: fc.constantFrom(0xa000_000c, 0xa000_0003, 0x8000_0017),
    reserved: fc.nat(0xffff),
    flags: fc.constantFrom(0, 1),
    data: fc.uint8Array({ minLength: 12, maxLength: 60 }),
  }),
});
const { folder } = fc.letrec<{ folder: NewWimEntry; entry: NewWimEntry }>((tie) => ({
  entry: fc.oneof({ depthSize: 'small', withCrossShrink: true }, file, reparsePoint, tie('folder')),
  folder: fc.record({
    ...common,
    attributes: fc.constantFrom(0x10, 0x2010),
    children: fc.uniqueArray(tie('entry'), { maxLength: 6, selector: (child) => child.name.toUpperCase() }),
  }),
}));

/** The tree with what makes it a root, and names of one file alike: the first says what it is. */
function rooted(tree: NewWimEntry): NewWimEntry {
  const files = new Map<number | bigint, NewWimEntry>();
  const visit = (entry: NewWimEntry): NewWimEntry => {
    if (entry.linkId !== undefined) {
      const known = files.get(entry.linkId) ?? entry;
      files.set(entry.linkId, known);
      return { ...known, name: entry.name, shortName: entry.shortName };
    }
    return entry.children ? { ...entry, children: [...(entry.children as readonly NewWimEntry[])].map(visit) } : entry;
  };
  return { ...visit(tree), name: '', shortName: '' };
}

async function sha1(bytes: Uint8Array): Promise<string> {
  return bytes.length === 0 ? '' : Buffer.from(await crypto.subtle.digest('SHA-1', Uint8Array.from(bytes))).toString('hex');
}

const hex = (bytes: Uint8Array | undefined) => (bytes === undefined ? undefined : Buffer.from(bytes).toString('hex'));
const blobOf = async (content: NewWimContent | undefined) => {
  assert.ok(content === undefined || 'bytes' in content);
  return content === undefined ? { sha1: '', size: 0 } : { sha1: await sha1(content.bytes), size: content.bytes.length };
};

/** One line for all that there is to an entry. */
const line = (
  path: string,
  {
    shortName,
    attributes,
    created,
    accessed,
    written,
    descriptor,
    unknown54,
  }: Pick<WimEntry, 'shortName' | 'attributes' | 'created' | 'accessed' | 'written' | 'descriptor' | 'unknown54'>,
  ...rest: unknown[]
) => JSON.stringify([path, shortName, attributes, String(created), String(accessed), String(written), hex(descriptor), unknown54, ...rest]);

async function expected(entry: NewWimEntry, path: string): Promise<string[]> {
  const { attributes, streams = [], reparse, items = [], children, linkId } = entry;
  const isFolder = (attributes & 0x10) !== 0;
  const lines = [
    line(
      path,
      { ...entry, shortName: entry.shortName ?? '', unknown54: entry.unknown54 ?? 0 },
      isFolder ? undefined : await blobOf(entry.content),
      await Promise.all(streams.map(async ({ name, content }) => [name, await blobOf(content)])),
      reparse && [reparse.tag, reparse.reserved, reparse.flags, await blobOf({ bytes: reparse.data })],
      items.map(({ tag, data }) => [tag, hex(data)]),
      linkId === undefined ? undefined : String(linkId),
    ),
  ];
  for (const child of (children ?? []) as readonly NewWimEntry[]) lines.push(...(await expected(child, `${path}/${child.name}`)));
  return lines;
}

function found(entries: readonly { path: string; node: WimEntry }[], linkIds: ReadonlyMap<string, string | undefined>): string[] {
  return entries.map(({ path, node }) =>
    line(
      path,
      node,
      (node.attributes & 0x10) !== 0 ? undefined : pick(node.data),
      node.streams.map(({ name, data }) => [name, pick(data)]),
      node.reparse && [node.reparse.tag, node.reparse.reserved, node.reparse.flags, pick(node.reparse.data)],
      node.items.map(({ tag, data }) => [tag, hex(data)]),
      linkIds.get(path),
    ),
  );
}

const pick = (blob: { sha1: string; size: number } | undefined) => (blob ? { sha1: blob.sha1, size: blob.size } : { sha1: '', size: 0 });

test('60 random trees are read back in every field, and wimlib and 7-Zip take them', { skip: wimlib.skip || sevenZip.skip }, async (t) => {
  const place = temporary(t, 'wim-random');
  let count = 0;
  await fc.assert(
    fc.asyncProperty(folder, fc.constantFrom(...compressions), async (tree, compression) => {
      const root = rooted(tree);
      const file = join(place, `${count++}.wim`);
      await writeWim(file, [{ name: 'random', root, created: new Date(0) }], { compression });
      await using wim = await Wim.open([file]);
      const read = await wim.tree(1);
      const entries = [
        { path: '', node: read.root as WimEntry },
        ...[...read.walk()].map(({ path, node }) => ({ path: `/${path}`, node: node as WimEntry })),
      ];
      const wanted = (await expected(root, '')).sort();
      // Which numbers there are is the writer's; which names share one is not.
      const ids = new Map(
        wanted
          .map((text) => JSON.parse(text) as unknown[])
          .map((fields) => [fields[0] as string, (fields.at(-1) ?? undefined) as string | undefined]),
      );
      const groups = new Map<bigint, Set<string | undefined>>();
      for (const { path, node } of entries)
        if (node.linkGroup !== 0n) groups.set(node.linkGroup, (groups.get(node.linkGroup) ?? new Set()).add(ids.get(path)));
      for (const group of groups.values()) assert.equal(group.size, 1);
      const names = Map.groupBy([...ids], ([, id]) => id);
      for (const { path, node } of entries) {
        const others = ids.get(path) === undefined ? 1 : (names.get(ids.get(path)) ?? []).length;
        assert.equal(node.linkGroup !== 0n, others > 1, path);
      }
      assert.deepEqual(found(entries, ids).sort(), wanted);
      await wimlib.run(['verify', file]);
      await wimlib.run(['dir', file, '1', '--detailed']);
      await sevenZip.run(['t', file]);
    }),
    { numRuns: 60, seed: 20_261_128 },
  );
});

test('a WIM of several images has what they share once', { skip: wimlib.skip }, async (t) => {
  const file = join(temporary(t, 'wim-images'), 'two.wim');
  const entry = (name: string, text: string): NewWimEntry => ({
    name,
    attributes: 0x80,
    created: 1n,
    accessed: 1n,
    written: 1n,
    content: { bytes: Buffer.from(text) },
  });
  const root = (...children: NewWimEntry[]): NewWimEntry => ({
    name: '',
    attributes: 0x10,
    created: 1n,
    accessed: 1n,
    written: 1n,
    children,
  });
  const created = new Date('2016-10-12T00:00:00Z');
  const windows = {
    architecture: 9,
    productName: 'Test & <Try>',
    version: { major: 10, minor: 0, build: 14_393, spBuild: 321 },
    languages: ['en-US'],
    defaultLanguage: 'en-US',
  };
  const containerImage = { publisher: 'CN=Demo', version: '10.0.14393.321', config: '{"os":"windows"}' };
  const written = await writeWim(file, [
    {
      name: 'first',
      description: '日本語',
      root: root(entry('a', 'shared'), entry('b', 'shared'), entry('c', 'only here')),
      created,
      windows,
      containerImage,
    },
    { name: 'second', root: root(entry('d', 'shared')), created },
  ]);
  assert.equal(written.blobs, 2);
  await wimlib.run(['verify', file]);
  const { stdout } = await wimlib.run(['info', file]);
  assert.match(stdout, /Image Count: +2/);
  assert.match(stdout, /Architecture: +x86_64\nProduct Name: +Test & <Try>/);
  assert.match(stdout, /Build: +14393/);
  const { stdout: blobs } = await wimlib.run(['info', file, '--blobs']);
  assert.match(blobs, /Reference Count += 3/);
  await using wim = await Wim.open([file]);
  assert.deepEqual(
    wim.images.map(({ name, description, containerImage }) => [name, description, containerImage]),
    [
      ['first', '日本語', containerImage],
      ['second', wim.images[1]?.description, undefined],
    ],
  );
});

test('sparse files, and files of more than one piece, are whole', { skip: wimlib.skip }, async (t) => {
  const place = temporary(t, 'wim-sparse');
  const pack = join(place, 'pack');
  writeFileSync(pack, Buffer.concat([Buffer.from('before'), bytesOf(100_000, 0), bytesOf(3000, 1)]));
  const size = 9_000_001;
  const whole = Buffer.alloc(size);
  bytesOf(100_000, 0).copy(whole, 2_050_000);
  bytesOf(3000, 1).copy(whole, size - 3000);
  const sparse = [
    { offset: 2_050_000, length: 100_000 },
    { offset: size - 3000, length: 3000 },
  ];
  const times = { created: 1n, accessed: 1n, written: 1n };
  for (const compression of compressions) {
    const file = join(place, `${compression}.wim`);
    const content = { file: pack, offset: 6, size, sparse };
    await writeWim(
      file,
      [
        {
          name: 'sparse',
          created: new Date(0),
          root: { ...times, name: '', attributes: 0x10, children: [{ ...times, name: 'f', attributes: 0x80, content }] },
        },
      ],
      { compression },
    );
    await wimlib.run(['verify', file]);
    await wimlib.run(['extract', file, '1', '/f', `--dest-dir=${join(place, compression)}`]);
    assert.ok(readFileSync(join(place, compression, 'f')).equals(whole));
  }
});
