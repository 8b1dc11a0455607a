import assert from 'node:assert/strict';
import { appendFileSync, mkdirSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { type ErrorCode, isImageError } from '../../errors.ts';
import { temporary } from '../../../test/support/temporary.ts';
import type { NewWimEntry, NewWimImage } from './new-wim.ts';
import { Wim } from './wim.ts';
import { writeWim, type WriteWimOptions } from './write-wim.ts';

const times = { created: 1n, accessed: 2n, written: 3n };
const file = (name: string, content: string | Uint8Array = ''): NewWimEntry => ({
  ...times,
  name,
  attributes: 0x80,
  content: { bytes: Buffer.from(content) },
});
const folder = (name: string, ...children: NewWimEntry[]): NewWimEntry => ({ ...times, name, attributes: 0x10, children });
const image = (root: NewWimEntry, name = 'test'): NewWimImage => ({ name, root, created: new Date(0) });

async function refused(writing: Promise<unknown>, code: ErrorCode, message: RegExp): Promise<void> {
  await assert.rejects(writing, (error) => {
    assert.ok(isImageError(error, code), String(error));
    assert.match(error.message, message);
    return true;
  });
}

test('what no WIM can hold is refused with its path, and nothing is left', async (t) => {
  const place = temporary(t, 'wim');
  const path = join(place, 'a.wim');
  const link = { tag: 0xa000_000c, reserved: 0, flags: 0, data: Buffer.alloc(12) };
  const cases: [NewWimEntry, RegExp][] = [
    [file(''), /cannot put \/ into a WIM: the root is not a folder/],
    [folder('', folder('a', file(''))), /\/a\/ into a WIM: an entry without a name/],
    [folder('', file('..')), /".." is no name/],
    [folder('', file('a/b')), /"a\/b" is no name/],
    [folder('', file('a\0')), /is no name/],
    [folder('', file('a\\b')), /has a backslash/],
    [folder('', file('a'), file('a')), /a second entry of the same name/],
    [folder('', { ...file('a'), attributes: 0x400 }), /reparse point/],
    [folder('', { ...file('a'), reparse: link }), /reparse point/],
    [folder('', { ...file('a'), attributes: 0x10 }), /a folder with content/],
    [folder('', { ...file('a'), descriptor: Buffer.alloc(70_000) }), /a security descriptor of 70000 bytes/],
    [folder('', { ...file('a'), items: [{ tag: 9, data: Buffer.alloc(2 << 20) }] }), /more than 1 MiB/],
  ];
  for (const [root, message] of cases) await refused(writeWim(path, [image(root)]), 'invalid-argument', message);
  await refused(writeWim(path, [image(folder(''), 'a\u0001')]), 'invalid-argument', /NAME of a WIM's image.*XML cannot hold/);
  await refused(writeWim(path, [image(folder('')), image(folder(''))]), 'invalid-argument', /two images of one WIM are named "test"/);
  assert.deepEqual(readdirSync(place), []);
});

test('a folder more than 1,024 deep is refused', async (t) => {
  const place = temporary(t, 'wim');
  let root = folder('d');
  for (let i = 0; i < 1030; i++) root = folder('d', root);
  await refused(writeWim(join(place, 'a.wim'), [image({ ...root, name: '' })]), 'invalid-argument', /more than 1024 folders/);
  assert.deepEqual(readdirSync(place), []);
});

test('a file that is there stays as it is, unless it may be replaced', async (t) => {
  const path = join(temporary(t, 'wim'), 'a.wim');
  writeFileSync(path, 'mine');
  await refused(writeWim(path, [image(folder(''))]), 'conflict', /a\.wim: it exists already/);
  assert.equal(readFileSync(path, 'utf8'), 'mine');
  await writeWim(path, [image(folder('', file('a')))], { overwrite: true });
  using wim = await Wim.open([path]);
  assert.equal(wim.images[0]?.name, 'test');
});

test('a folder, a folder that is not there, and one in the place of a folder are no destinations', async (t) => {
  const place = temporary(t, 'wim');
  mkdirSync(join(place, 'folder'));
  writeFileSync(join(place, 'file'), '');
  const options: WriteWimOptions = { overwrite: true };
  await refused(writeWim(join(place, 'folder'), [image(folder(''))], options), 'invalid-argument', /it is a folder/);
  await refused(writeWim(join(place, 'none', 'a.wim'), [image(folder(''))]), 'not-found', /no such file or directory/);
  await refused(writeWim(join(place, 'file', 'a.wim'), [image(folder(''))]), 'invalid-argument', /not a directory/);
  assert.deepEqual(readdirSync(place).sort(), ['file', 'folder']);
});

test('content that changes while it is read is an error: shorter, and other than it was', async (t) => {
  const place = temporary(t, 'wim');
  const source = join(place, 'source');
  writeFileSync(source, Buffer.alloc(100_000, 'a'));
  const root = (size: number, then: () => void): NewWimEntry => ({
    ...folder(''),
    children: (function* () {
      yield { ...file('a'), content: { file: source, offset: 0, size } };
      then();
    })(),
  });
  await refused(writeWim(join(place, 'a.wim'), [image(root(100_001, () => undefined))]), 'unavailable', /source changed while it was read/);
  await refused(
    writeWim(join(place, 'a.wim'), [image(root(100_000, () => truncateSync(source, 5)))]),
    'unavailable',
    /source changed while it was read/,
  );
  assert.deepEqual(readdirSync(place), ['source']);
});

test('canceled at any moment, it leaves nothing and runs no further', async (t) => {
  const place = temporary(t, 'wim');
  const path = join(place, 'a.wim');
  await refused(writeWim(path, [image(folder(''))], { signal: AbortSignal.abort() }), 'canceled', /canceled/);
  const source = join(place, 'source');
  for (let i = 0; i < 40; i++) appendFileSync(source, Buffer.alloc(1 << 20, `${i} and more `));
  for (const after of [1, 3 << 20, 20 << 20]) {
    const controller = new AbortController();
    const root = folder('', { ...file('a'), content: { file: source, offset: 0, size: 40 << 20 } });
    const onBytes = (bytes: number) => bytes >= after && controller.abort();
    await refused(writeWim(path, [image(root)], { signal: controller.signal, onBytes, compression: 'xpress' }), 'canceled', /canceled/);
    assert.deepEqual(readdirSync(place), ['source']);
  }
});

test('metadata that is too much to be held is written all the same, and its file goes', async (t) => {
  const place = temporary(t, 'wim');
  const path = join(place, 'a.wim');
  const count = 30_000;
  const last = { tag: 9, data: Buffer.alloc(200, 'x') };
  const names = Array.from({ length: count }, (_, i) => ({
    ...file(`${String(i).padStart(8, '0')} ${'long'.repeat(20)}`, `file ${i % 1000}`),
    items: [last],
  }));
  const children = [
    ...names.slice(0, 100).map((child) => ({ ...child, linkId: 7 })),
    folder('in between', ...names),
    ...names.slice(200, 300).map((child) => ({ ...child, linkId: 7 })),
  ];
  const same = { bytes: Buffer.from('file 0') };
  const root = folder('', ...children.map((child) => (child.linkId === 7 ? { ...child, content: same } : child)));
  const written = await writeWim(path, [image(root)]);
  assert.deepEqual(readdirSync(place), ['a.wim']);
  assert.deepEqual(written.images, [{ folders: 2, files: count + 200 }]);
  using wim = await Wim.open([path]);
  const tree = await wim.tree(1);
  let links = 0;
  for (const { node } of tree.walk()) if (node.linkGroup !== 0n) links++;
  assert.equal(links, 200);
  assert.equal(tree.find(`in between/${names[count - 1]!.name}`)?.data?.size, 'file 999'.length);
});

test('without an integrity table there is none', async (t) => {
  const path = join(temporary(t, 'wim'), 'a.wim');
  await writeWim(path, [image(folder('', file('a', 'text')))], { integrity: false });
  using wim = await Wim.open([path]);
  assert.equal(wim.header.integrity, undefined);
});
