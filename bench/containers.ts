/** Containers as objects: what the first one of an image costs, and a commit of many files. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import type { Bench } from './bench.ts';
import { cost, run, type Cost } from './command.ts';
import type { Docker } from './docker.ts';
import type { Lab } from './lab.ts';
import { paired } from './paired.ts';
import { peer } from './peers.ts';

const image = 'an image of 6 layers, 50,000 files, 900 MB (300 MB packed)';

/** Both have unpacked the image then, and checked its diff IDs. */
export const firstContainer: Bench = {
  word: 'create',
  rows: [
    { name: 'pull, then create', peer: 'podman', measured: `wall, ${image}`, unit: 's', limit: { atMost: 0.5 } },
    { name: 'pull, then create', peer: 'podman', measured: 'CPU, the same', unit: 's' },
  ],
  async measure(lab) {
    const podman = peer('podman');
    const name = await lab.published(await lab.mixed(), await lab.registry());
    const { ours, theirs } = await paired(
      3,
      async () => {
        const home = await lab.fresh('home');
        const options = lab.options(home);
        const pulled = await cost(lab.bay('pull', '--quiet', name), lab.work, options);
        const created = await cost(lab.bay('create', name, 'true'), lab.work, options);
        await lab.fresh('home');
        return sum(pulled, created);
      },
      async () => {
        const storage = storageIn(await lab.fresh('podman'));
        const pulled = await cost(podman.command([...storage, 'pull', '--quiet', '--tls-verify=false', name]), lab.work, lab.options());
        const created = await cost(podman.command([...storage, 'create', '--network', 'none', name, 'true']), lab.work, lab.options());
        await run(podman.command([...storage, 'system', 'reset', '--force']), lab.options());
        await lab.fresh('podman');
        return sum(pulled, created);
      },
    );
    return [
      { ours: ours.map(({ wall }) => wall), theirs: theirs.map(({ wall }) => wall) },
      { ours: ours.map(({ cpu }) => cpu), theirs: theirs.map(({ cpu }) => cpu) },
    ];
  },
};

/** Beside buildah's commit to an OCI layout in gzip, the only packing that it has for a commit. */
export const commit: Bench = {
  word: 'commit',
  rows: [
    { name: 'docker commit, gzip', peer: 'buildah to an OCI layout', measured: 'CPU, 39,000 new files', unit: 's', limit: { atMost: 0.9 } },
    { name: 'docker commit, gzip', peer: 'buildah to an OCI layout', measured: 'wall, the same', unit: 's' },
    { name: 'docker commit, zstd', peer: 'buildah, gzip', measured: 'CPU, the same', unit: 's', limit: { atMost: 0.6 } },
  ],
  async measure(lab) {
    const buildah = peer('buildah');
    const files = await lab.newFiles();
    const doors = {
      gzip: await lab.dockerDoor(await homeWithChanges(lab, files, 'gzip')),
      zstd: await lab.dockerDoor(await homeWithChanges(lab, files, 'zstd')),
    };
    const ourCommit = ({ command, pid }: Docker, round: number) =>
      cost(command('commit', 'changed', `changed:${round}`), lab.work, lab.options(undefined, { daemons: [pid] }));

    const storage = storageIn(await lab.fresh('buildah'));
    await run(buildah.command([...storage, 'from', '--name', 'changed', 'scratch']), lab.options());
    await run(buildah.command([...storage, 'add', '--quiet', 'changed', files, '/']), lab.options());
    const theirCommit = async () => {
      const layout = join(await lab.fresh('layout'), 'layout');
      const words = ['commit', '--quiet', '--format', 'oci', '--disable-compression=false', 'changed', `oci:${layout}:image`];
      return await cost(buildah.command([...storage, ...words]), lab.work, lab.options());
    };
    const gzip = await paired(5, (round) => ourCommit(doors.gzip, round), theirCommit);
    const zstd = await paired(5, (round) => ourCommit(doors.zstd, round), theirCommit);
    await run(buildah.command([...storage, 'rm', '--all']), lab.options());
    await lab.fresh('buildah');
    return [
      { ours: gzip.ours.map(({ cpu }) => cpu), theirs: gzip.theirs.map(({ cpu }) => cpu) },
      { ours: gzip.ours.map(({ wall }) => wall), theirs: gzip.theirs.map(({ wall }) => wall) },
      { ours: zstd.ours.map(({ cpu }) => cpu), theirs: zstd.theirs.map(({ cpu }) => cpu) },
    ];
  },
};

/** A home of ours, set to this compression, with a container `changed` that these files were copied into. */
async function homeWithChanges(lab: Lab, files: string, compression: string): Promise<string> {
  const home = await lab.fresh(`home-${compression}`);
  writeFileSync(join(home, 'config.json'), JSON.stringify({ compression }));
  const options = lab.options(home);
  await run(lab.bay('load', '--quiet', '--input', await lab.tiny(1)), options);
  await run(lab.bay('create', '--name', 'changed', 'tiny/app-0000:1.0.0'), options);
  await run(['bash', '-ec', `${lab.bay('cp', '-', 'changed:/').join(' ')} < ${files}`], options);
  return home;
}

function storageIn(folder: string): readonly string[] {
  return ['--root', join(folder, 'root'), '--runroot', join(folder, 'run'), '--storage-driver', 'overlay'];
}

function sum(one: Cost, other: Cost): Cost {
  return { wall: one.wall + other.wall, cpu: one.cpu + other.cpu };
}
