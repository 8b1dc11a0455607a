/** The Engine API door beside dockerd, both driven by docker's own client. */
import { readFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';

import type { Bench } from './bench.ts';
import { cost, run, said } from './command.ts';
import { startAnsweringAtOnce, type Docker } from './docker.ts';
import { paired } from './paired.ts';
import { peer } from './peers.ts';

const milliseconds = 1000;
const image = 'tiny/app-0000:1.0.0';

export const engine: Bench = {
  word: 'engine',
  rows: [
    { name: 'docker create, docker rm', peer: 'dockerd', measured: 'wall, ten of each, a tiny image', unit: 'ms', limit: { atMost: 0.8 } },
    { name: 'an answer at once', peer: 'dockerd', measured: 'wall, the same: what the client alone takes', unit: 'ms' },
    { name: 'GET /images/json', peer: 'dockerd', measured: 'wall, 2,000 images', unit: 'ms', limit: { atMost: 0.5 } },
    { name: 'idle server', measured: 'RSS, a minute after the rows above', unit: 'MB', limit: { atMost: 80 } },
    { name: 'idle server', measured: 'RSS, just started', unit: 'MB', limit: { atMost: 80 } },
  ],
  async measure(lab) {
    const curl = peer('curl');
    const theirs = await lab.docker();
    const home = await lab.tinyHome(2000);
    await run(theirs.command('load', '--quiet', '--input', await lab.tiny(2000)), lab.options());
    const ours = await lab.dockerDoor(home);
    await wait(2000);
    const fresh = residentBytes(ours.pid) / 1e6;

    const createAndRemove = async (docker: Docker) => {
      // Both clients are started ten times as often as there is to do for them: what differs is the daemon.
      const lines = Array.from({ length: 10 }, (_, at) => [
        [...docker.command('create', '--name', `bench-${at}`, image), '>/dev/null'].join(' '),
        [...docker.command('rm', `bench-${at}`), '>/dev/null'].join(' '),
      ]).flat();
      return (await cost(['bash', '-ec', lines.join('\n')], lab.work, lab.options())).wall * milliseconds;
    };
    const made = await paired(
      7,
      () => createAndRemove(ours),
      () => createAndRemove(theirs),
    );

    const atOnce = await startAnsweringAtOnce(ours.client, await lab.fresh('at-once'));
    const client = await paired(
      7,
      () => createAndRemove(atOnce),
      () => createAndRemove(theirs),
    );
    await atOnce.end();

    const list = async (docker: Docker) => {
      const report = await said(
        curl.command([
          ...['-sS', '--fail', '-w', '\n%{time_total}'],
          ...['--unix-socket', docker.socket, 'http://docker/v1.51/images/json'],
        ]),
        lab.options(),
      );
      const end = report.lastIndexOf('\n');
      const { length } = JSON.parse(report.slice(0, end)) as unknown[];
      if (length !== 2000) throw new Error(`the list has ${length} images`);
      return Number(report.slice(end)) * milliseconds;
    };
    const listed = await paired(
      20,
      () => list(ours),
      () => list(theirs),
    );
    await wait(75_000);
    return [made, client, listed, { ours: [residentBytes(ours.pid) / 1e6] }, { ours: [fresh] }];
  },
};

function residentBytes(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024;
}
