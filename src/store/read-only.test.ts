import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { makeImage, putImage } from '../../test/support/make-image.ts';
import { temporary } from '../../test/support/temporary.ts';
import { mediaTypes } from '../model/media-types.ts';
import { familiar } from '../model/reference.ts';
import { ImageStore } from './image-store.ts';

const isRoot = process.getuid?.() === 0;
/** Root may write everywhere, unless these are taken from it. */
const withoutPowers = ['setpriv', '--bounding-set', '-dac_override,-dac_read_search'];
const skip =
  process.platform === 'win32'
    ? 'folders cannot be made read-only there'
    : isRoot && spawnSync('setpriv', ['--version']).status !== 0 && 'there is no setpriv to be no root with';

const list = `
import { ImageStore } from ${JSON.stringify(new URL('image-store.ts', import.meta.url))};
await ImageStore.open(process.argv[1], { create: false }).catch(({ code, message }) => console.log(JSON.stringify([code, message])));
`;

const program = `
import { ImageStore } from ${JSON.stringify(new URL('image-store.ts', import.meta.url))};
await using store = await ImageStore.open(process.argv[1], { create: false });
const failed = async (act) => { try { await act(); return 'done'; } catch (error) { return error.code; } };
const images = await store.images();
let bytes = 0;
for await (const block of await store.open(images[0].platforms[0].layers[0])) bytes += block.length;
await store.record({ type: 'image', action: 'save', id: images[0].target.digest, attributes: {} });
console.log(JSON.stringify({
  readOnly: store.readOnly,
  names: images.flatMap(({ names }) => names.map(({ reference }) => reference.repository + ':' + reference.tag)),
  whole: bytes === images[0].platforms[0].layers[0].size,
  faults: await store.check(),
  begin: await failed(() => store.begin()),
  sweep: await failed(() => store.sweep()),
  move: await failed(() => store.move(process.argv[1] + '-moved')),
}));
`;

/** What a process says that may only read the folder. */
function readBy(folder: string, act = program): unknown {
  const [file, ...words] = [...(isRoot ? withoutPowers : []), process.execPath, '--input-type=module', '-e', act, folder];
  const closed = [folder, join(folder, 'bay'), join(folder, 'bay', 'drafts')];
  for (const path of closed) chmodSync(path, 0o500);
  try {
    const { stdout, stderr, status } = spawnSync(file, words, { encoding: 'utf8', timeout: 60_000 });
    assert.equal(status, 0, stderr);
    return JSON.parse(stdout);
  } finally {
    for (const path of closed) chmodSync(path, 0o700);
  }
}

const expected = (...names: readonly string[]) => ({
  readOnly: true,
  names,
  whole: true,
  faults: [],
  begin: 'permission',
  sweep: 'permission',
  move: 'permission',
});

test('a store that cannot be written is listed and read, and left as it is', { skip }, async (t) => {
  const folder = join(temporary(t, 'store'), 'store');
  const store = await ImageStore.open(folder);
  const image = await makeImage();
  await (async () => {
    await using ingest = await store.begin();
    await putImage(ingest, image);
    await ingest.tag(image.target, 'app:1');
  })();
  await store.close();
  // What a copy leaves out, as it is empty.
  rmSync(join(folder, 'bay', 'trash'), { recursive: true });
  const before = readdirSync(folder, { recursive: true }).toSorted();
  assert.deepEqual(readBy(folder), expected('library/app:1'));
  assert.deepEqual(readdirSync(folder, { recursive: true }).toSorted(), before);
});

test('what another process has just changed is seen by one that may only read', { skip }, async (t) => {
  const folder = join(temporary(t, 'store'), 'store');
  await using store = await ImageStore.open(folder);
  const image = await makeImage();
  await using ingest = await store.begin();
  await putImage(ingest, image);
  // Where files could be taken, and only the rows could not.
  await (async () => {
    await using other = await store.begin();
    await other.add(mediaTypes.bytes, Buffer.from('nobody needs it'));
  })();
  for (const name of ['app:1', 'app:2']) {
    await ingest.tag(image.target, name);
    await store.flush();
    assert.deepEqual(readBy(folder), expected(...(await store.names()).map(({ reference }) => `library/${familiar(reference)}`)));
    assert.deepEqual(await store.check(), []);
  }
});

test('a store whose database this user may not read says that, and not that it is read-only', { skip }, async (t) => {
  const folder = join(temporary(t, 'store'), 'store');
  await (await ImageStore.open(folder)).close();
  chmodSync(join(folder, 'bay', 'store.sqlite'), 0);
  assert.deepEqual(readBy(folder, list), ['permission', `cannot read the store ${folder}: this user may not read its database`]);
});
