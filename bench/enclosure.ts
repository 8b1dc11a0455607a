/**
 * Mounts of the bench's own: it runs again in a mount namespace (unshare(1)), where all that it mounts goes away with it.
 *
 * - Peers in `$PEERS_ROOT` see the bench's folder at the path where we see it, and have a /run of their own. The chroot is a mount
 *   point there: dockerd wants its / to be one.
 * - Where the folder's file system would spoil the figures, what is written meanwhile is on a tmpfs.
 */
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, rmdirSync } from 'node:fs';
import { freemem } from 'node:os';
import { join } from 'node:path';

import { fileSystemOf } from './file-system.ts';
import { peersRoot } from './peers.ts';

const marker = 'BAYPLAN_BENCH_ENCLOSED';
/** Free memory from which a tmpfs can hold all that the bench writes, in bytes. */
const enough = 10e9;

/** Runs this program again inside. Resolves to its exit code; to undefined where we are inside, or there is no inside to have. */
export async function runEnclosed(): Promise<number | undefined> {
  const able = process.platform === 'linux' && process.getuid?.() === 0 && process.env[marker] === undefined;
  if (!able || spawnSync('unshare', ['--version']).status !== 0) return undefined;
  const words = [process.execPath, ...process.execArgv, ...process.argv.slice(1)];
  const child = spawn('unshare', ['--mount', '--propagation', 'private', ...words], {
    env: { ...process.env, [marker]: '1' },
    stdio: 'inherit',
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => child.kill(signal));
  return await new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => resolve(code ?? 1));
  });
}

/** Inside: lays the mounts for a folder that holds `work/`. @returns what takes back the empty folders that they needed */
export function layMounts(folder: string): () => void {
  if (process.env[marker] === undefined) return () => {};
  const work = join(folder, 'work');
  if (fileSystemOf(work).slowAfterRemoval && freemem() > enough) mount('-t', 'tmpfs', '-o', 'mode=700', 'tmpfs', work);
  if (peersRoot === undefined) return () => {};
  mount('--rbind', peersRoot, peersRoot);
  for (const name of ['proc', 'sys', 'dev'])
    if (fileSystemOf(join(peersRoot, name)).type === fileSystemOf(peersRoot).type) mount('--rbind', `/${name}`, join(peersRoot, name));
  mount('-t', 'tmpfs', '-o', 'mode=755', 'tmpfs', join(peersRoot, 'run'));
  const inside = join(peersRoot, folder);
  const made = mkdirSync(inside, { recursive: true });
  mount('--rbind', folder, inside);
  return () => {
    if (made === undefined) return;
    spawnSync('umount', ['--lazy', '--recursive', inside]);
    rmdirSync(inside);
  };
}

function mount(...args: string[]): void {
  const { status, stderr } = spawnSync('mount', args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`mount ${args.join(' ')}: ${stderr.trim()}`);
}
