/** What layers show is what others make of them: umoci, which unpacks images, the kernel's overlayfs, and GNU tar for what comes out. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';

import { OciFolder } from '../../src/content/oci-folder.ts';
import { exportTar } from '../../src/layers/export-tree.ts';
import { Union } from '../../src/layers/union.ts';
import { Upper } from '../../src/layers/upper.ts';
import { layerTar } from '../../src/layers/write-layer.ts';
import { makeImage, putImage } from '../support/make-image.ts';
import { type Listed, tarOf, treeOf } from '../support/make-tree.ts';
import { peer, skipWithout } from '../support/peers.ts';
import { temporary } from '../support/temporary.ts';

const umoci = peer('umoci');
const tar = peer('tar');
const mount = peer('mount');
const umount = peer('umount');
const mknod = peer('mknod');
/** Owners, devices and mounts. */
const notRoot = process.getuid?.() !== 0 && 'only root can lay these out';

const time = (seconds: number) => ({ mtime: { seconds, nanoseconds: 250_000_000 } });
const folder = (path: string, more: Partial<Exclude<Listed, string | readonly unknown[]>> = {}) =>
  ({ type: 'directory', ...time(1000), ...more, path }) as const;

const layers: readonly (readonly Listed[])[] = [
  [
    folder('./'),
    folder('etc/', { mode: 0o1711, uid: 7, gid: 8 }),
    { path: 'etc/passwd', text: 'root', uid: 1000, gid: 1001, mode: 0o640, ...time(2000) },
    { path: 'etc/other-name', type: 'hard-link', linkname: 'etc/passwd' },
    folder('d/'),
    { path: 'd/1', text: 'one', ...time(1) },
    { path: 'd/2', text: 'two', ...time(2) },
    folder('o/'),
    { path: 'o/old', text: 'old', ...time(3) },
    folder('o/sub/'),
    { path: 'file', text: 'a file', mode: 0o4755, ...time(4) },
    folder('folder/'),
    { path: 'folder/x', text: 'x', ...time(5) },
    folder('gone/'),
    { path: 'gone/x', text: 'x', ...time(5) },
    { path: 'w', text: 'w', ...time(6) },
    { path: 'link', type: 'symlink', linkname: '../../etc/passwd', uid: 5, ...time(7) },
    { path: 'null', type: 'character-device', devmajor: 1, devminor: 3, mode: 0o666, ...time(8) },
    { path: 'fifo', type: 'fifo', ...time(9) },
    { path: 'größe ☃', text: 'ü', ...time(10) },
  ],
  [
    { path: 'd/.wh.1' },
    folder('o/', { mode: 0o700 }),
    { path: 'o/.wh..wh..opq' },
    { path: 'o/new', text: 'new', ...time(11) },
    folder('file/'),
    { path: 'file/in', text: 'in', ...time(12) },
    { path: 'folder', text: 'now a file', ...time(13) },
    { path: '.wh.gone' },
    { path: '.wh.w' },
    { path: 'etc/implied', text: 'its folder is only on the way', ...time(14) },
  ],
  [
    folder('d/', { uid: 3 }),
    { path: 'd/1', text: 'back', ...time(15) },
    { path: 'd/also', type: 'hard-link', linkname: 'd/1' },
    folder('gone/'),
    { path: 'gone/again', text: '', ...time(16) },
  ],
];

interface Line {
  readonly path: string;
  readonly type: string;
  readonly facts: readonly (string | number)[];
}

/** What is on a disk. A folder's time is left out: writing into it has changed it. */
function onDisk(root: string): Line[] {
  const lines: Line[] = [];
  const inodes = new Map<number, number>();
  const visit = (path: string) => {
    const stats = lstatSync(join(root, path));
    const type = stats.isFile()
      ? 'file'
      : stats.isDirectory()
        ? 'directory'
        : stats.isSymbolicLink()
          ? 'symlink'
          : stats.isFIFO()
            ? 'fifo'
            : 'device';
    if (!stats.isDirectory() && !inodes.has(stats.ino)) inodes.set(stats.ino, inodes.size);
    const facts: (string | number)[] = [
      type === 'symlink' ? 0 : stats.mode & 0o7777,
      stats.uid,
      stats.gid,
      type === 'directory' ? 0 : Math.floor(stats.mtimeMs / 1000),
    ];
    if (type === 'file') facts.push(readFileSync(join(root, path), 'utf8'), inodes.get(stats.ino)!);
    if (type === 'symlink') facts.push(readlinkSync(join(root, path)));
    if (type === 'device') facts.push(stats.rdev);
    if (path !== '') lines.push({ path, type, facts });
    if (type === 'directory') for (const name of readdirSync(join(root, path)).toSorted()) visit(path === '' ? name : `${path}/${name}`);
  };
  visit('');
  return lines;
}

async function inUnion(union: Union): Promise<Line[]> {
  const lines: Line[] = [];
  const inodes = new Map<number, number>();
  for (const entry of union.walk()) {
    const { path, type, mode, uid, gid, mtime, device, inode } = entry;
    if (type !== 'directory' && !inodes.has(inode)) inodes.set(inode, inodes.size);
    const facts: (string | number)[] = [type === 'symlink' ? 0 : mode, uid, gid, type === 'directory' ? 0 : mtime.seconds];
    if (type === 'file') facts.push(Buffer.concat(await Array.fromAsync(union.open(entry))).toString(), inodes.get(inode)!);
    if (type === 'symlink') facts.push(entry.linkTarget!);
    if (device) facts.push(device.major * 256 + device.minor);
    if (path !== '') lines.push({ path, type: device ? 'device' : type, facts });
  }
  return lines;
}

async function unionOf(t: TestContext): Promise<Union> {
  return new Union({ layers: await Promise.all(layers.map(async (layer) => await treeOf(t, layer))), os: 'linux' });
}

test('umoci unpacks the same tree from the same layers', { skip: notRoot || umoci.skip }, async (t) => {
  const place = temporary(t, 'umoci');
  const layout = await OciFolder.open(join(place, 'image'), { create: true });
  const image = await makeImage({ layers: await Promise.all(layers.map(tarOf)) });
  await putImage(layout, image);
  await layout.tag(image.target, 'made');
  await umoci.run(['unpack', '--image', `${join(place, 'image')}:made`, join(place, 'bundle')]);
  assert.deepEqual(await inUnion(await unionOf(t)), onDisk(join(place, 'bundle', 'rootfs')));
});

test(
  'the kernel’s overlayfs shows the same tree of the same layers',
  { skip: notRoot || skipWithout(tar, mount, umount, mknod) },
  async (t) => {
    const place = temporary(t, 'overlay');
    const folders: string[] = [];
    for (const [at, layer] of layers.entries()) {
      const folder = join(place, `layer-${at}`);
      mkdirSync(folder);
      folders.unshift(folder);
      // Folders that are only on the way must be there with what the layer below says of them: a layer's tar of docker has an entry for each.
      const said =
        at === 1
          ? [
              { path: 'd/', type: 'directory' } as const,
              { path: 'etc/', type: 'directory', mode: 0o1711, uid: 7, gid: 8 } as const,
              ...layer,
            ]
          : layer;
      // An opaque folder needs an attribute that few tools can set: it is made of whiteouts here.
      const plain = said.filter((entry) => !/\.wh\./.test((entry as { path: string }).path));
      await tar.run(['-xpf', '-', '--numeric-owner', '-C', folder], { input: await tarOf(plain) });
      const hidden = at === 1 ? ['d/1', 'o/old', 'o/sub', 'gone', 'w'] : [];
      for (const path of hidden) await mknod.run([join(folder, path), 'c', '0', '0']);
    }
    const merged = join(place, 'merged');
    mkdirSync(merged);
    const mounted = await mount.try(['-t', 'overlay', 'overlay', '-o', `lowerdir=${folders.join(':')}`, merged]);
    if (mounted.code !== 0) return t.skip(`overlayfs cannot be mounted here: ${mounted.stderr}`);
    try {
      const union = await unionOf(t);
      const expected = onDisk(merged);
      const shown = await inUnion(union);
      assert.deepEqual(shown, expected);
    } finally {
      await umount.run([merged]);
    }
  },
);

test('GNU tar makes the same tree of an export, and takes our layers', { skip: notRoot || tar.skip }, async (t) => {
  const place = temporary(t, 'export');
  const union = await unionOf(t);
  const root = join(place, 'root');
  mkdirSync(root);
  const exported = Buffer.concat(await exportTar(union, '/', { prefix: '' }).toArray());
  await tar.run(['-xpf', '-', '--numeric-owner', '-C', root], { input: exported });
  assert.deepEqual(await inUnion(union), onDisk(root));

  const upper = Upper.open(join(place, 'changes'), union);
  t.after(() => upper.close());
  // what GNU tar makes of the tree again goes in as it came out
  writeFileSync(join(root, 'd', '2'), 'changed');
  const { stdout: _, ...made } = await tar.run(['-cf', join(place, 'again.tar'), '--xattrs', '--format=posix', '-C', root, '.']);
  assert.equal(made.code, 0);
  const again = readFileSync(join(place, 'again.tar'));
  await upper.extract(
    '/',
    (async function* () {
      yield again;
    })(),
    { now: new Date(0) },
  );
  assert.deepEqual(await inUnion(upper.union()), onDisk(root));
  const layer = Buffer.concat(await layerTar(upper.union()).toArray());
  const { stdout } = await tar.run(['-tf', '-'], { input: layer });
  assert.equal(stdout.split('\n').filter((name) => name === 'd/2').length, 1);
  assert.equal(
    createHash('sha256').update(layer).digest('hex'),
    createHash('sha256')
      .update(Buffer.concat(await layerTar(upper.union()).toArray()))
      .digest('hex'),
  );
});
