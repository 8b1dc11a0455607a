import { join } from 'node:path';

import type { Bench } from './bench.ts';
import { cost, peakMemory, run } from './command.ts';
import type { Lab } from './lab.ts';
import { paired } from './paired.ts';
import { peer } from './peers.ts';

const image = 'an image of 6 layers, 50,000 files, 900 MB (300 MB packed)';

/** The same result: the packed layers, verified, in an OCI layout. */
export const pullKept: Bench = {
  word: 'pull',
  rows: [
    { name: 'pull', peer: 'skopeo to an OCI layout', measured: `CPU, ${image}`, unit: 's', limit: { atMost: 1.3 } },
    { name: 'pull', peer: 'skopeo to an OCI layout', measured: 'wall, the same', unit: 's' },
  ],
  async measure(lab) {
    const skopeo = peer('skopeo');
    const name = await lab.published(await lab.mixed(), await lab.registry());
    const { ours, theirs } = await paired(
      7,
      () => pullOnce(lab, name),
      async () => {
        const layout = join(await lab.fresh('skopeo'), 'layout');
        const copy = ['--insecure-policy', 'copy', '--quiet', '--src-tls-verify=false', `docker://${name}`, `oci:${layout}:image`];
        return await cost(skopeo.command(copy), lab.work, lab.options());
      },
    );
    await lab.fresh('skopeo');
    return [
      { ours: ours.map(({ cpu }) => cpu), theirs: theirs.map(({ cpu }) => cpu) },
      { ours: ours.map(({ wall }) => wall), theirs: theirs.map(({ wall }) => wall) },
    ];
  },
};

/** docker does more: it has unpacked the image then. */
export const pullDocker: Bench = {
  word: 'pull-docker',
  rows: [
    { name: 'pull', peer: 'docker pull, which also unpacks', measured: 'wall, the same', unit: 's', limit: { atMost: 0.15 } },
    { name: 'pull', peer: 'docker pull, which also unpacks', measured: 'CPU, with dockerd', unit: 's' },
  ],
  async measure(lab) {
    const docker = await lab.docker();
    const name = await lab.published(await lab.mixed(), await lab.registry());
    const { ours, theirs } = await paired(
      3,
      () => pullOnce(lab, name),
      async () => {
        const pulled = await cost(docker.command('pull', '--quiet', name), lab.work, lab.options(undefined, { daemons: [docker.pid] }));
        await run(docker.command('rmi', name), lab.options());
        return pulled;
      },
    );
    return [
      { ours: ours.map(({ wall }) => wall), theirs: theirs.map(({ wall }) => wall) },
      { ours: ours.map(({ cpu }) => cpu), theirs: theirs.map(({ cpu }) => cpu) },
    ];
  },
};

export const pullMemory: Bench = {
  word: 'memory',
  rows: [{ name: 'peak memory of a pull', measured: 'RSS, 1 GB in 4 layers', unit: 'MB', limit: { atMost: 150 } }],
  async measure(lab) {
    const name = await lab.published(await lab.gigabyte(), await lab.registry());
    const ours: number[] = [];
    for (let round = 0; round < 3; round++) {
      const home = await lab.fresh('home');
      ours.push((await peakMemory(lab.bay('pull', '--quiet', name), lab.options(home))) / 1e6);
    }
    await lab.fresh('home');
    return [{ ours }];
  },
};

async function pullOnce(lab: Lab, name: string) {
  const home = await lab.fresh('home');
  const pulled = await cost(lab.bay('pull', '--quiet', name), lab.work, lab.options(home));
  await lab.fresh('home');
  return pulled;
}
