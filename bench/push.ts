import type { Bench } from './bench.ts';
import { cost, run, type Cost } from './command.ts';
import type { Lab } from './lab.ts';
import type { MadeImage } from './made-images.ts';
import { paired } from './paired.ts';
import { peer } from './peers.ts';

const row = (measured: string) => ({ name: 'push', peer: 'crane', measured, unit: 's' }) as const;

/** Into repositories that have nothing. */
export const push: Bench = {
  word: 'push',
  rows: [
    { ...row('wall, the same image, from the store to docker-registry'), limit: { atMost: 1.2 } },
    row('CPU, the same'),
    { ...row('wall, 1 GB in 4 layers'), limit: { atMost: 1.2 } },
  ],
  async measure(lab) {
    const mixed = await pushed(lab, await lab.mixed(), 7);
    const gigabyte = await pushed(lab, await lab.gigabyte(), 5);
    return [
      { ours: mixed.ours.map(({ wall }) => wall), theirs: mixed.theirs.map(({ wall }) => wall) },
      { ours: mixed.ours.map(({ cpu }) => cpu), theirs: mixed.theirs.map(({ cpu }) => cpu) },
      { ours: gigabyte.ours.map(({ wall }) => wall), theirs: gigabyte.theirs.map(({ wall }) => wall) },
    ];
  },
};

async function pushed(lab: Lab, image: MadeImage, rounds: number): Promise<{ ours: readonly Cost[]; theirs: readonly Cost[] }> {
  const crane = peer('crane');
  const { host } = await lab.registry();
  const home = await lab.homeWith(image);
  const repository = image.name.replace(/:.*/, '');
  return await paired(
    rounds,
    async (round) => {
      // No other name points into this registry: nothing can be mounted there from another repository.
      const there = `${host}/ours-${round}/${repository}:latest`;
      await run(lab.bay('tag', image.name, there), lab.options(home));
      const done = await cost(lab.bay('push', '--quiet', there), lab.work, lab.options(home));
      await run(lab.bay('rmi', there), lab.options(home));
      return done;
    },
    (round) => cost(crane.command(['push', image.layout, `${host}/theirs-${round}/${repository}:latest`]), lab.work, lab.options()),
  );
}
