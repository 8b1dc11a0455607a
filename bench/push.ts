import type { Bench } from './bench.ts';
import { cost, run } from './command.ts';
import { paired } from './paired.ts';
import { peer } from './peers.ts';

export const push: Bench = {
  word: 'push',
  rows: [
    {
      name: 'push',
      peer: 'crane',
      measured: 'wall, the same image, into a repository that has nothing',
      unit: 's',
      limit: { atMost: 1.2 },
    },
    { name: 'push', peer: 'crane', measured: 'CPU, the same', unit: 's' },
  ],
  async measure(lab) {
    const crane = peer('crane');
    const image = await lab.mixed();
    const { layout, name } = image;
    const home = await lab.homeWith(image);
    const { host } = await lab.registry();
    const { ours, theirs } = await paired(
      7,
      async (round) => {
        // No other name points into this registry: nothing can be mounted there from another repository.
        const there = `${host}/push/ours-${round}:latest`;
        await run(lab.bay('tag', name, there), lab.options(home));
        const pushed = await cost(lab.bay('push', '--quiet', there), lab.work, lab.options(home));
        await run(lab.bay('rmi', there), lab.options(home));
        return pushed;
      },
      (round) => cost(crane.command(['push', layout, `${host}/push/theirs-${round}:latest`]), lab.work, lab.options()),
    );
    return [
      { ours: ours.map(({ wall }) => wall), theirs: theirs.map(({ wall }) => wall) },
      { ours: ours.map(({ cpu }) => cpu), theirs: theirs.map(({ cpu }) => cpu) },
    ];
  },
};
