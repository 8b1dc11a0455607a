/**
 * Makes and removes containers, volumes, laid-out layers and images in a store until it is killed, and says on stdout what it has been told is done.
 *
 *   node store-object-worker.ts FOLDER NAME ROUND [POINT COUNT]
 *
 * With a point it ends itself at the COUNTth time a write comes to that point, counted from the first act; without it goes on for ever. With `rounds=N` as the
 * point it ends in order after N rounds, with nothing left.
 */
import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';

import { isImageError } from '../../src/errors.ts';
import type { Digest } from '../../src/model/digest.ts';
import { ImageStore } from '../../src/store/image-store.ts';
import { makeImage, putImage } from '../support/make-image.ts';

const [folder = '', name = '', first = '0', point = '', count = '1'] = process.argv.slice(2);
let left = Number(count);
let counting = false;
const rounds = /^rounds=(\d+)$/.exec(point)?.[1];

const store = await ImageStore.open(folder, {
  at: (reached) => {
    if (counting && reached === point && --left === 0) process.kill(process.pid, 'SIGKILL');
  },
});

export interface ObjectDone {
  /** `open`: from now on it may be there or not, until the next word about it. */
  readonly act: 'open' | 'container' | 'no container' | 'volume' | 'no volume' | 'tree' | 'image' | 'no image';
  readonly name: string;
}

const say = (done: ObjectDone) => writeSync(1, `${JSON.stringify(done)}\n`);

const base = await makeImage({ layers: ['base', `of ${name}`] });
{
  await using ingest = await store.begin({ verb: 'pull' });
  await putImage(ingest, base);
  await ingest.tag(base.target, `${name}-base:1`);
}
const { digest } = base.target;
const [shared, own] = (await store.image(digest))?.platforms[0]?.diffIds ?? [];
if (!shared || !own) throw new Error('an image without layers');
counting = true;
const images: Digest[] = [];
for (let round = Number(first); rounds === undefined || round < Number(first) + Number(rounds); round++) {
  for (const diffId of [shared, own]) {
    if ((await store.tree(diffId)) !== undefined) continue;
    say({ act: 'open', name: diffId });
    await using draft = await store.draftFolder('tree');
    writeFileSync(join(draft.path, 'pack'), diffId);
    await store.addTree(diffId, draft, 100, base.layers[diffId === shared ? 0 : 1]?.digest);
    say({ act: 'tree', name: diffId });
  }
  const volume = `${name}-data-${round % 2}`;
  await using draft = await store.draftFolder('volume');
  mkdirSync(join(draft.path, '_data'));
  writeFileSync(join(draft.path, '_data', 'file'), volume);
  say({ act: 'open', name: volume });
  await store.addVolume({ name: volume, document: {} }, { action: 'create' }, draft);
  say({ act: 'volume', name: volume });

  const title = `${name}-${round % 3}`;
  say({ act: 'open', name: title });
  const old = (await store.containers()).find((container) => container.name === title);
  if (old) await store.removeContainer(old.id, { action: 'destroy' });
  const { id } = await store.addContainer(
    {
      id: randomBytes(32).toString('hex'),
      name: title,
      image: `${name}-base:1`,
      target: { digest },
      manifest: { digest },
      state: 'created',
      created: new Date(),
      volumes: [volume],
      document: { round },
    },
    { action: 'create', attributes: { name: title } },
  );
  say({ act: 'container', name: title });
  writeFileSync(join(await store.containerFolder(id), 'changed'), title);
  await store.changeContainer(id, ({ document }) => ({ state: 'exited', document: { before: document, changed: true } }), {
    action: 'update',
  });

  say({ act: 'open', name: `${name}-made:1` });
  const made = await makeImage({ layers: ['base', `of ${name}`, `round ${round}`] });
  {
    await using ingest = await store.begin({ verb: 'commit' });
    await putImage(ingest, made);
    await ingest.name(made.target, `${name}-made:1`, { parent: { digest, how: 'commit' } });
    say({ act: 'image', name: `${name}-made:1` });
  }
  images.push(made.target.digest);
  if (round % 2 === 1) {
    for (const open of [title, `${name}-made:1`, volume]) say({ act: 'open', name: open });
    const { target } = made;
    const names = ((await store.image(target.digest))?.names ?? []).map(({ reference }) => reference);
    await store.discard(
      { containers: [{ id, event: { action: 'destroy' } }], images: [{ digest: target.digest, names }] },
      { verb: 'rmi' },
    );
    await store.sweep({ roots: [target.digest] });
    say({ act: 'no container', name: title });
    say({ act: 'no image', name: `${name}-made:1` });
    try {
      await store.removeVolume(volume, { action: 'destroy' });
      say({ act: 'no volume', name: volume });
    } catch (error) {
      // Another container of ours has it still.
      if (!isImageError(error, 'conflict')) throw error;
      say({ act: 'volume', name: volume });
    }
    await store.sweep();
  }
}
for (const container of await store.containers())
  if (container.name.startsWith(`${name}-`)) await store.removeContainer(container.id, { action: 'destroy' });
for (const volume of await store.volumes())
  if (volume.name.startsWith(`${name}-`)) await store.removeVolume(volume.name, { action: 'destroy' });
for (const image of images)
  await store.forget(image, { verb: 'rmi', names: 'all' }).catch((error: unknown) => {
    if (!isImageError(error, 'not-found')) throw error;
  });
await store.forget(digest, { verb: 'rmi', names: 'all' });
await store.sweep();
await store.close();
