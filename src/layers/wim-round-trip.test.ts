/** Random trees of WIM images become layers and trees again: equal in every field that a WIM has. */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import fc from 'fast-check';

import { treeOf } from '../../test/support/make-tree.ts';
import { Blobs, type EntryFacts, factsLine, MadeTree, type MadeEntry, madeEntry, unixItem } from '../../test/support/wim-trees.ts';
import type { WimItem } from '../formats/wim/wim-entry.ts';
import type { NewWimContent, NewWimEntry } from '../formats/wim/new-wim.ts';
import { reparseTags } from '../formats/wim/wim-reparse.ts';
import { digestOf } from '../model/digest.ts';
import { LayerStack } from './layer-stack.ts';
import { PackReader } from './pack-reader.ts';
import { imageTrees } from './wim-image.ts';
import { wimLayerTar } from './wim-layer.ts';
import { planLayer } from './wim-plan.ts';
import { osOf, shapeOf, type WimShape } from './wim-walk.ts';

/** What a WIM says of its tree, in the order of paths, links told by the first path. */
async function before(tree: MadeTree, blobs: Blobs): Promise<string[]> {
  const lines: string[] = [];
  const firsts = new Map<bigint, string>();
  const visit = (entry: MadeEntry, path: string): void => {
    const { linkGroup, data, reparse, streams } = entry;
    const isFolder = (entry.attributes & 0x10) !== 0;
    const first = linkGroup === 0n ? undefined : firsts.get(linkGroup);
    if (linkGroup !== 0n && first === undefined) firsts.set(linkGroup, path);
    lines.push(
      factsLine(path, {
        ...entry,
        reparse: reparse && { ...reparse, data: blobs.get(reparse.data.sha1) },
        data: isFolder || reparse ? undefined : blobs.get(data?.sha1 ?? ''),
        streams: streams.map((stream) => ({ name: stream.name, data: blobs.get(stream.data.sha1) })),
        linkTo: first,
      }),
    );
    for (const child of byName(tree.children(entry))) visit(child, `${path}/${child.name}`);
  };
  visit(tree.root, '');
  return lines;
}

async function after(root: NewWimEntry): Promise<string[]> {
  const lines: string[] = [];
  const firsts = new Map<number | bigint, string>();
  const reader = new PackReader();
  const bytesOf = async (content: NewWimContent | undefined) => {
    if (!content) return Buffer.alloc(0);
    assert.ok('file' in content);
    return Buffer.concat(await Array.fromAsync(reader.read(content, content.size)));
  };
  const visit = async (entry: NewWimEntry, path: string): Promise<void> => {
    const first = entry.linkId === undefined ? undefined : firsts.get(entry.linkId);
    if (entry.linkId !== undefined && first === undefined) firsts.set(entry.linkId, path);
    const streams: EntryFacts['streams'][number][] = [];
    for (const { name, content } of entry.streams ?? []) streams.push({ name, data: await bytesOf(content) });
    const isPlain = (entry.attributes & 0x410) === 0;
    const { shortName = '', unknown54 = 0, items = [] } = entry;
    lines.push(
      factsLine(path, {
        ...entry,
        descriptor: entry.descriptor,
        shortName,
        unknown54,
        items,
        streams,
        data: isPlain ? await bytesOf(entry.content) : undefined,
        linkTo: first,
      }),
    );
    for (const child of byName((entry.children ?? []) as Iterable<NewWimEntry>)) await visit(child, `${path}/${child.name}`);
  };
  await visit(root, '');
  reader.close();
  return lines;
}

function byName<T extends { readonly name: string }>(entries: Iterable<T>): T[] {
  return [...entries].sort((a, b) => (a.name < b.name ? -1 : 1));
}

async function roundTrip(t: TestContext, shape: WimShape, tree: MadeTree, blobs: Blobs, utility?: MadeTree) {
  const plan = await planLayer({ shape, tree, utility }, blobs.read);
  const tar = Buffer.concat(await wimLayerTar(plan, blobs.read).toArray());
  const os = osOf(shape);
  const layer = await treeOf(t, tar, { os });
  const trees = imageTrees(new LayerStack([layer.index]), os);
  return { plan, tar, layer, trees, root: await after(trees.root), utility: trees.utility && (await after(trees.utility)) };
}

const bytes = (max: number) => fc.uint8Array({ minLength: 0, maxLength: max });
const windowsName = fc
  .string({ unit: fc.constantFrom(...Array.from('aAbBéЖ漢😀 .-_~$[]{}=;,')), minLength: 1, maxLength: 12 })
  .filter((name) => !/[ .]$|^\.wh\./.test(name));
const linuxName = fc
  .string({ unit: fc.constantFrom(...Array.from('aAbBéЖ漢😀 .:\\*?"<>|=')), minLength: 1, maxLength: 12 })
  .filter((name) => !/^\.{1,2}$|^\.wh\./.test(name));
const time = fc.oneof(fc.constantFrom(0n, 1n, 116_444_736_000_000_000n), fc.bigInt(0n, 1n << 62n));
const descriptor = bytes(40).map((tail) => Buffer.concat([Buffer.from([1, 0, 4, 128]), Buffer.alloc(16), tail]));
const item: fc.Arbitrary<WimItem> = fc.oneof(
  bytes(20).map((data) => ({ tag: 0x5555, data })),
  bytes(64).map((data) => ({ tag: 1, data })),
  fc
    .array(fc.record({ name: fc.stringMatching(/^[a-z.=]{1,9}$/), value: bytes(9), flags: fc.constantFrom(0, 0x80) }), { maxLength: 3 })
    .map((list) => ({
      tag: 2,
      data: Buffer.concat(
        list.map(({ name, value, flags }) =>
          Buffer.concat([Buffer.from([value.length, 0, name.length, flags]), Buffer.from(`${name}\0`), value]),
        ),
      ),
    })),
);

/** Symlinks and junctions as programs write them, with odd ones, and points that are no links. */
function reparse(blobs: Blobs): fc.Arbitrary<MadeEntry['reparse']> {
  const words = fc.constantFrom('a', '..\\b', 'C:\\Windows', '\\\\?\\C:\\x', '\\\\server\\share\\f', '\\rooted', 'a/b', '漢');
  const link = fc
    .record({ followed: words, print: fc.oneof(words, fc.constant('')), isJunction: fc.boolean(), flags: fc.constantFrom(0, 1) })
    .map((given) => {
      const [first, second] = [Buffer.from(`${given.followed}\0`, 'utf16le'), Buffer.from(`${given.print}\0`, 'utf16le')];
      const head = Buffer.alloc(given.isJunction ? 8 : 12);
      [0, first.length - 2, first.length, second.length - 2].forEach((word, at) => head.writeUInt16LE(word, 2 * at));
      const data = blobs.add(Buffer.concat([head, first, second]));
      return { tag: given.isJunction ? reparseTags.mountPoint : reparseTags.symlink, reserved: 0, flags: given.flags, data };
    });
  const other = fc
    .record({
      tag: fc.constantFrom(0x8000_0017, reparseTags.symlink, 0x1234_5678),
      reserved: fc.constantFrom(0, 7),
      flags: fc.constantFrom(0, 1),
      data: bytes(30),
    })
    .map((given) => ({ ...given, data: blobs.add(given.data) }));
  return fc.oneof(link, other);
}

function entries(os: 'windows' | 'linux', blobs: Blobs): fc.Arbitrary<MadeEntry[]> {
  const name = os === 'windows' ? windowsName : linuxName;
  const key = ({ name: own }: MadeEntry) => (os === 'windows' ? own.toUpperCase() : own);
  const facts = fc.record({
    name,
    shortName: fc.constantFrom('', '', 'SHORT~1.TXT'),
    created: time,
    accessed: time,
    written: time,
    descriptor: fc.option(descriptor, { nil: undefined }),
    unknown54: fc.constantFrom(0, 0, 0xffff_ffff),
    items:
      os === 'windows'
        ? fc.array(item, { maxLength: 3 })
        : fc.array(item, { maxLength: 2 }).map((list) => [unixItem(0o100640, 5, 6), ...list]),
    streams:
      os === 'windows'
        ? fc.uniqueArray(fc.record({ name: fc.stringMatching(/^[a-z$ é]{1,8}$/), data: bytes(5).map((content) => blobs.add(content)) }), {
            maxLength: 2,
            selector: (stream) => stream.name.toUpperCase(),
          })
        : fc.constant([]),
  });
  const { list } = fc.letrec<{ list: MadeEntry[]; one: MadeEntry }>((tie) => ({
    list: fc.uniqueArray(tie('one'), { maxLength: 4, selector: key }),
    one: fc.oneof(
      { maxDepth: 4, withCrossShrink: true },
      facts.chain((own) =>
        fc
          .record({ data: bytes(700), attributes: fc.constantFrom(0x20, 0x80, 0x2221) })
          .map(({ data, attributes }) => ({ ...own, linkGroup: 0n, data: blobs.add(data), attributes })),
      ),
      facts.chain((own) =>
        fc.record({ point: reparse(blobs), isFolder: fc.boolean() }).map(({ point, isFolder }) => ({
          ...own,
          linkGroup: 0n,
          reparse: point,
          attributes: 0x400 | (isFolder ? 0x10 : 0x20),
          data: isFolder ? undefined : blobs.add(''),
        })),
      ),
      facts.chain((own) => tie('list').map((children) => ({ ...own, linkGroup: 0n, attributes: 0x10, children, data: undefined }))),
    ),
  }));
  return list;
}

for (const os of ['windows', 'linux'] as const) {
  test(`a tree of a WIM is the same tree after it was a layer of ${os}: 60 random ones`, async (t) => {
    const blobs = new Blobs();
    await fc.assert(
      fc.asyncProperty(entries(os, blobs), async (children) => {
        const top = os === 'windows' ? {} : { items: [unixItem(0o040755)] };
        const tree = new MadeTree(madeEntry('', { ...top, children }));
        const { root } = await roundTrip(t, os === 'windows' ? 'volume' : 'linux', tree, blobs);
        assert.deepEqual(root, await before(tree, blobs));
      }),
      { numRuns: 60 },
    );
  });
}

test('names of one file stay names of one file, each with its own short name', async (t) => {
  const blobs = new Blobs();
  const data = blobs.add('shared');
  const tree = new MadeTree(
    madeEntry('', {
      children: [
        madeEntry('Windows', {
          children: [
            madeEntry('a.dll', { data, linkGroup: 7n, shortName: 'A~1.DLL' }),
            madeEntry('b.dll', { data, linkGroup: 7n, shortName: 'B~1.DLL' }),
          ],
        }),
        madeEntry('c.dll', { data, linkGroup: 7n }),
        // A number that lies: another file.
        madeEntry('d.dll', { data: blobs.add('other'), linkGroup: 7n }),
        madeEntry('e.dll', { data, linkGroup: 9n }),
      ],
    }),
  );
  const { root, plan } = await roundTrip(t, 'volume', tree, blobs);
  const expected = await before(tree, blobs);
  assert.deepEqual(
    root.filter((line) => !line.startsWith('/d.dll')),
    expected.filter((line) => !line.startsWith('/d.dll')),
  );
  assert.match(
    root.find((line) => line.startsWith('/d.dll'))!,
    /data 6f74686572 .* linked -$/,
  );
  assert.deepEqual(
    plan.losses.map(({ kind, count, asks }) => ({ kind, count, asks })),
    [{ kind: 'short-names', count: 2, asks: false }],
  );
});

test('a WIM with the roots of a layer keeps them, its root and its registry; what was put in goes out again', async (t) => {
  const blobs = new Blobs();
  const config = madeEntry('config', {
    children: [madeEntry('SYSTEM', { data: blobs.add('system') }), madeEntry('SAM', { data: blobs.add('sam') })],
  });
  const files = madeEntry('Files', { children: [madeEntry('Windows', { children: [madeEntry('System32', { children: [config] })] })] });
  const hives = madeEntry('Hives', { children: [madeEntry('Sam_Base', { data: blobs.add('its own') })] });
  const top = { written: 5n, items: [{ tag: 1, data: Buffer.alloc(16, 3) }], unknown54: 4 };
  for (const children of [[files, hives], [files], [files, madeEntry('Hives')]]) {
    const tree = new MadeTree(madeEntry('', { ...top, children }));
    assert.equal(shapeOf(tree, undefined), 'layer');
    const { root, layer, utility } = await roundTrip(t, 'layer', tree, blobs);
    assert.deepEqual(root, await before(tree, blobs));
    assert.equal(utility, undefined);
    const paths = [...layer.walk()].map(({ path }) => path);
    assert.ok(paths.includes('Hives/System_Base') && paths.includes('Hives/Sam_Base'));
  }
});

test('a drive gets Files in front, the base hives, and the second image below UtilityVM', async (t) => {
  const blobs = new Blobs();
  const config = madeEntry('Config', {
    children: [madeEntry('Software', { data: blobs.add('soft'), written: 9n }), madeEntry('DEFAULT', { data: blobs.add('default') })],
  });
  const tree = new MadeTree(
    madeEntry('', {
      written: 3n,
      children: [madeEntry('Users'), madeEntry('WINDOWS', { children: [madeEntry('system32', { children: [config] })] })],
    }),
  );
  const second = new MadeTree(
    madeEntry('', { written: 4n, children: [madeEntry('EFI', { children: [madeEntry('BCD', { data: blobs.add('boot') })] })] }),
  );
  assert.equal(shapeOf(tree, undefined), 'volume');
  const { root, utility, layer } = await roundTrip(t, 'volume', tree, blobs, second);
  assert.deepEqual(root, await before(tree, blobs));
  assert.deepEqual(utility, await before(second, blobs));
  assert.deepEqual(
    [...layer.walk()].map(({ path, size }) => `${path} ${size}`),
    [
      ' 0',
      'Files 0',
      'Files/Users 0',
      'Files/WINDOWS 0',
      'Files/WINDOWS/system32 0',
      'Files/WINDOWS/system32/Config 0',
      'Files/WINDOWS/system32/Config/DEFAULT 7',
      'Files/WINDOWS/system32/Config/Software 4',
      'Hives 0',
      'Hives/DefaultUser_Base 7',
      'Hives/Software_Base 4',
      'UtilityVM 0',
      'UtilityVM/Files 0',
      'UtilityVM/Files/EFI 0',
      'UtilityVM/Files/EFI/BCD 4',
    ],
  );
});

test('the layer of a tree is these bytes, on every machine and in every version', async (t) => {
  const blobs = new Blobs();
  const data = blobs.add('the same bytes');
  const target = Buffer.concat([Buffer.from([0, 0, 2, 0, 4, 0, 2, 0, 1, 0, 0, 0]), Buffer.from('a\0a\0', 'utf16le')]);
  const reparse = { tag: reparseTags.symlink, reserved: 0, flags: 1, data: blobs.add(target) };
  const children = (items: readonly WimItem[]) => [
    madeEntry('b', { data, linkGroup: 3n, items, shortName: 'B~1' }),
    madeEntry('a', { data, linkGroup: 3n, items }),
    madeEntry('link', { reparse, attributes: 0x420, items }),
    madeEntry('ordner ä', { items, accessed: 7n, children: [madeEntry('c', { data: blobs.add(''), items, unknown54: 2 })] }),
  ];
  const windows = new MadeTree(madeEntry('', { children: [...children([{ tag: 1, data: Buffer.alloc(16, 1) }]), madeEntry('Windows')] }));
  const layer = new MadeTree(madeEntry('', { children: [madeEntry('Files', { children: children([]) })] }));
  const linux = new MadeTree(madeEntry('', { items: [unixItem(0o040755)], children: children([unixItem(0o100750, 10, 20)]) }));
  const digests: string[] = [];
  for (const [shape, tree] of [
    ['volume', windows],
    ['layer', layer],
    ['linux', linux],
  ] as const) {
    assert.equal(shapeOf(tree, undefined), shape);
    digests.push(digestOf((await roundTrip(t, shape, tree, blobs)).tar));
  }
  assert.deepEqual(digests, [
    'sha256:0627bfdc047120458160754fa7fb04b2d4548aab68c81132271b05518a299241',
    'sha256:53bfbf22a5db3fda00412e960629e878de90d72cfa2ba9360f41ff861bcb9c4d',
    'sha256:3a583a045862186a24de9107ac6447911e488ab37b8e7de1296b101c5207219d',
  ]);
});
