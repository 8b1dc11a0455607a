/**
 * Works in a store until it is killed, and says on stdout what it has been told is done, a JSON line for each act.
 *
 *   node store-worker.ts FOLDER NAME SEED [POINT COUNT]
 *
 * With a point it ends itself at the COUNTth time a write comes to that point; without it goes on for ever.
 */
import { writeSync } from 'node:fs';

import { familiar, parseReference } from '../../src/model/reference.ts';
import { ImageStore } from '../../src/store/image-store.ts';
import { chunksOf, makeImage, putImage } from '../support/make-image.ts';

const [folder = '', name = '', seed = '0', point, count = '1'] = process.argv.slice(2);
let left = Number(count);

const store = await ImageStore.open(folder, {
  at: (reached) => {
    if (reached === point && --left === 0) process.kill(process.pid, 'SIGKILL');
  },
});

export interface Done {
  readonly act: 'tag' | 'push' | 'untag' | 'remove' | 'flush';
  readonly name: string;
  /** What the name points at now; absent where it is gone. */
  readonly digest?: string;
}

/** Synchronous: what was said was done before. */
const say = (done: Done) => writeSync(1, `${JSON.stringify(done)}\n`);

const repository = store.repository({ registry: 'docker.io', repository: `pushed/${name}` });
for (let round = Number(seed); ; round++) {
  const tagged = `${name}:${round % 3}`;
  const image = await makeImage({ layers: ['base', `${name} ${round}`, 'x'.repeat(300_000 + round)], compression: 'none' });
  {
    await using ingest = await store.begin({ verb: 'pull' });
    await putImage(ingest, image);
    await ingest.tag(image.target, tagged);
    say({ act: 'tag', name: tagged, digest: image.target.digest });
  }
  const pushed = await makeImage({ layers: ['base', `pushed ${name} ${round}`] });
  for (const layer of [...pushed.layers, pushed.config]) {
    const upload = await repository.upload();
    const bytes = pushed.blobs.get(layer.digest) ?? Buffer.alloc(0);
    const half = bytes.length >> 1;
    await upload.append(chunksOf(bytes.subarray(0, half)), 0);
    await upload.append(chunksOf(bytes.subarray(half)), half);
    await upload.finish(layer.digest);
  }
  await repository.write(pushed.target, async () => chunksOf(pushed.blobs.get(pushed.target.digest) ?? Buffer.alloc(0)));
  await repository.tag(pushed.target, 'latest');
  say({ act: 'push', name: `pushed/${name}:latest`, digest: pushed.target.digest });
  // A worker that was killed after the removal and before it was said does the round again: then the name is gone.
  const going = `${name}:1`;
  const here = (await store.names()).find(({ reference }) => familiar(reference) === going);
  if (round % 3 === 2 && here) {
    const { digest } = here.target;
    await store.untag(parseReference(going), { verb: 'rmi' });
    say({ act: 'untag', name: going });
    if ((await store.image(digest))?.names.length === 0) await store.forget(digest, { verb: 'rmi' });
    await store.sweep({ roots: [digest] });
    say({ act: 'remove', name: going });
  }
  if (round % 4 === 3) await store.sweep();
  await store.flush();
  say({ act: 'flush', name });
}
