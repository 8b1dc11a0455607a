import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import type { Bench } from './bench.ts';
import { cost } from './command.ts';
import { paired } from './paired.ts';

const milliseconds = 1000;

export const start: Bench = {
  word: 'start',
  rows: [{ name: 'bay --version', peer: 'node -e 0', measured: 'wall', unit: 'ms', limit: { atMost: 1.15 } }],
  async measure(lab) {
    const once = async (args: readonly string[]) => (await cost(args, lab.work, lab.options())).wall * milliseconds;
    return [
      await paired(
        40,
        () => once(lab.bay('--version')),
        () => once([process.execPath, '-e', '0']),
      ),
    ];
  },
};

export const images: Bench = {
  word: 'images',
  rows: [{ name: 'bay images', peer: 'docker images', measured: 'wall, 2,000 images', unit: 'ms', limit: { atMost: 0.5 } }],
  async measure(lab) {
    const docker = await lab.docker();
    const home = await lab.tinyHome(2000);
    await cost(docker.command('load', '--quiet', '--input', await lab.tiny(2000)), lab.work, lab.options());
    const list = async (command: readonly string[], file: string) =>
      (await cost(command, lab.work, lab.options(home, { stdout: join(lab.work, file) }))).wall * milliseconds;
    const samples = await paired(
      20,
      () => list(docker.client.beside(lab.bay('images')), 'ours.txt'),
      () => list(docker.command('images'), 'theirs.txt'),
    );
    const [ours, theirs] = ['ours.txt', 'theirs.txt'].map((file) => readFileSync(join(lab.work, file), 'utf8').split('\n').length);
    if (ours !== theirs) throw new Error(`we list ${ours} lines, docker ${theirs}`);
    return [samples];
  },
};
