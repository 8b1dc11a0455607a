/**
 * One of several processes at work in one store: node store-process.ts FOLDER ROLE SECONDS
 *
 * `pull` and `push` name images and say which, as lines; `sweep` removes what has no name, again and again; `list` reads all of it. Each fails if anything that it relies on is not there.
 */
import { writeSync } from 'node:fs';

import { ImageStore } from '../../src/store/image-store.ts';
import { bytesOf, makeImage, putImage } from '../support/make-image.ts';

const [folder = '', role = '', seconds = '2'] = process.argv.slice(2);
await using store = await ImageStore.open(folder);
const end = Date.now() + Number(seconds) * 1000;

const turns: Record<string, (round: number) => Promise<void>> = {
  async pull(round) {
    // The same few images again and again, so that a sweep is always about to take what is just being found.
    const image = await makeImage({ layers: ['base', `layer ${round % 4}`] });
    await using ingest = await store.begin({ verb: 'pull' });
    await putImage(ingest, image);
    await ingest.tag(image.target, `pulled:${process.pid}`);
    writeSync(1, `pulled:${process.pid} ${image.target.digest}\n`);
    for (const layer of image.layers) await bytesOf(await store.open(layer));
  },
  async push(round) {
    const image = await makeImage({ layers: ['base', `layer ${round % 4}`] });
    const repository = store.repository({ registry: 'docker.io', repository: 'me/pushed' });
    for (const blob of [...image.layers, image.config]) {
      if (await repository.has(blob)) continue;
      await repository.write(blob, async () => [image.blobs.get(blob.digest)] as never);
    }
    await repository.write(image.target, async () => [image.blobs.get(image.target.digest)] as never);
    await repository.tag(image.target, `p${process.pid}`);
    writeSync(1, `me/pushed:p${process.pid} ${image.target.digest}\n`);
    for (const blob of [...image.layers, image.config]) await bytesOf(await repository.open(blob));
  },
  async sweep() {
    for (const { target, names } of await store.images()) {
      if (names.length > 0) continue;
      // Another may have given it its name back, or forgotten it, since.
      await store.forget(target.digest, { verb: 'prune' }).catch((error: { code?: string }) => {
        if (error.code !== 'conflict' && error.code !== 'not-found') throw error;
      });
    }
    await store.sweep();
  },
  async list() {
    for (const { target, names } of await store.images()) {
      for (const { reference } of names) if (reference.tag === undefined) throw new Error('a name without a tag');
      if (target.size === 0) throw new Error('an image without a size');
    }
    await store.names();
    await store.usage();
  },
};

const turn = turns[role];
if (!turn) throw new Error(`no role ${role}`);
for (let round = 0; Date.now() < end; round++) await turn(round);
