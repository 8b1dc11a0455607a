/**
 * Measures Bayplan beside real peers, in turns on this machine, and prints one table.
 *
 *   node bench/run.ts [pull|pull-docker|memory|push|start|images|engine|create|commit|registry|store|family|wim|install|cmdlet]…
 *
 * Without words: everything, in some twenty minutes. Needs dist/ (`npm run bench` sees to it), bash, and Linux. Peers come from the chroot
 * that `$PEERS_ROOT` names, else from the PATH; rows of missing ones say so. Inputs are made here, in `$BENCH_DIR` (default: a folder in
 * the system's temporary one; 6 GB), and removed after the run unless `BENCH_KEEP=1`. The exit code is 1 where a limit was missed or a row failed.
 */
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

import type { Bench } from './bench.ts';
import { layMounts, runEnclosed } from './enclosure.ts';
import { cmdlet } from './cmdlet.ts';
import { commit, firstContainer } from './containers.ts';
import { engine } from './engine.ts';
import { family } from './family.ts';
import { judge } from './figure.ts';
import { fileSystemOf } from './file-system.ts';
import { Lab } from './lab.ts';
import { load, machine } from './machine.ts';
import { versions } from './peers.ts';
import { pullDocker, pullKept, pullMemory } from './pull.ts';
import { push } from './push.ts';
import { registry } from './registry.ts';
import { endTogether } from './running.ts';
import { Skipped } from './skipped.ts';
import { images, start } from './start.ts';
import { store } from './store.ts';
import { table, type Outcome } from './table.ts';
import { installWim, wim } from './wim.ts';

const benches: readonly Bench[] = [
  pullKept,
  pullDocker,
  push,
  registry,
  start,
  images,
  engine,
  firstContainer,
  commit,
  pullMemory,
  store,
  family,
  wim,
  installWim,
  cmdlet,
];

async function main(words: readonly string[]): Promise<number> {
  const unknown = words.find((word) => !benches.some((bench) => bench.word === word));
  if (unknown !== undefined) {
    process.stderr.write(`bench: there is no ${unknown}; there are ${benches.map(({ word }) => word).join(', ')}\n`);
    return 2;
  }
  const folder = resolve(process.env['BENCH_DIR'] ?? join(tmpdir(), 'bayplan-bench'));
  mkdirSync(folder, { recursive: true });
  const strange = readdirSync(folder).find((name) => name !== 'work' && name !== 'inputs');
  if (strange !== undefined) {
    process.stderr.write(`bench: ${folder} has ${strange} in it; the bench wants a folder of its own, as it removes what is there\n`);
    return 2;
  }
  const enclosed = await runEnclosed();
  if (enclosed !== undefined) return enclosed;

  const work = join(folder, 'work');
  mkdirSync(work, { recursive: true });
  const unmount = layMounts(folder);
  const date = new Date();
  const before = load();
  const fileSystem = fileSystemOf(work);
  const outcomes: Outcome[] = [];
  // Whatever ends us, Ctrl-C too: nothing runs on, and nothing large stays behind.
  endTogether();
  process.on('exit', () => {
    clear(folder, process.env['BENCH_KEEP'] !== undefined);
    unmount();
  });
  {
    await using lab = new Lab(folder);
    for (const bench of benches.filter(({ word }) => words.length === 0 || words.includes(word))) {
      process.stderr.write(`bench: ${bench.word} …\n`);
      outcomes.push(...(await measured(bench, lab)));
    }
  }
  process.stdout.write(`${table(outcomes)}\n${date.toISOString().slice(0, 16)}Z · ${machine(fileSystem)} · load ${before} … ${load()}\n`);
  process.stdout.write(`Beside ${versions()}.\n`);
  return outcomes.some((outcome) => 'failed' in outcome || ('met' in outcome && outcome.met === false)) ? 1 : 0;
}

async function measured({ rows, measure }: Bench, lab: Lab): Promise<Outcome[]> {
  try {
    const samples = await measure(lab);
    return rows.map((row, at) => judge(row, samples[at] ?? { ours: [] }));
  } catch (error) {
    const text = (error instanceof Error ? error.message : String(error)).replaceAll(/\s+/g, ' ');
    return rows.map((row) => (error instanceof Skipped ? { row, skipped: text } : { row, failed: text }));
  }
}

/** Inside `work/`, which may be a mount, everything goes. */
function clear(folder: string, keep: boolean): void {
  const remove = { recursive: true, force: true, maxRetries: 5, retryDelay: 100 } as const;
  for (const name of readdirSync(join(folder, 'work'))) rmSync(join(folder, 'work', name), remove);
  if (!keep) rmSync(join(folder, 'inputs'), remove);
}

process.exitCode = await main(process.argv.slice(2));
