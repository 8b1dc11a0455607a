import { availableParallelism, cpus, loadavg, release, totalmem, type } from 'node:os';

import type { FileSystem } from './file-system.ts';

/** One line on what the figures were measured on. */
export function machine({ type: name, slowAfterRemoval }: FileSystem): string {
  const model = cpus()[0]?.model.trim();
  const parts = [
    `${availableParallelism()} cores${model === undefined ? '' : ` (${model})`}, ${(totalmem() / 2 ** 30).toFixed(0)} GiB`,
    `${type()} ${release()}`,
    `Node ${process.versions.node}`,
    `written to ${name ?? 'an unknown file system'}`,
  ];
  const warning = slowAfterRemoval
    ? '\nThis file system has no journal: writing files after removing many is slow there, so rows that pull are not to be trusted. Set BENCH_DIR to another.'
    : '';
  return parts.join(' · ') + warning;
}

/** Work that waited for a core in the last minute, ours included: what is more than the cores spoils wall times. */
export function load(): string {
  return loadavg()[0]?.toFixed(1) ?? '';
}
