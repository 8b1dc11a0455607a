import { join } from 'node:path';

import { ImageStore } from '../src/store/image-store.ts';
import type { Bench } from './bench.ts';
import { cost } from './command.ts';
import type { Row } from './figure.ts';

const count = 10_000;
const rounds = 15;
const row = (measured: string): Row => ({ name: `a store of ${count.toLocaleString('en')} images`, measured, unit: 'ms' });

export const store: Bench = {
  word: 'store',
  rows: [row('bay images, wall'), row('ImageStore.images()'), row('ImageStore.find() of a short id'), row('a new name, committed')],
  async measure(lab) {
    const home = await lab.tinyHome(count);
    const list: number[] = [];
    for (let round = 0; round < rounds; round++) list.push((await cost(lab.bay('images'), lab.work, lab.options(home))).wall * 1000);

    await using store = await ImageStore.open(join(home, 'store'));
    const images = await store.images();
    const some = Array.from({ length: rounds }, (_, round) => images[(round * 617) % images.length]?.target);
    return [
      { ours: list },
      { ours: await times(async () => void (await store.images())) },
      {
        ours: await times(
          async (round) => void (await store.find(some[round]?.digest.slice('sha256:'.length, 'sha256:'.length + 12) ?? '')),
        ),
      },
      {
        ours: await times(async (round) => {
          const target = some[round];
          await using ingest = await store.begin();
          if (target) await ingest.tag(target, `tagged/app:${round}`);
        }),
      },
    ];
  },
};

async function times(once: (round: number) => Promise<void>): Promise<number[]> {
  const taken: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const begun = performance.now();
    await once(round);
    taken.push(performance.now() - begun);
  }
  return taken;
}
