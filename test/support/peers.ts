/**
 * Real programs to test against: on the PATH, or in a chroot of newer ones that `$PEERS_ROOT` names.
 *
 *   const skopeo = peer('skopeo');
 *   test('skopeo reads the store while we write', { skip: skopeo.skip }, async (t) => {
 *     const { stdout } = await skopeo.run(['inspect', `oci:${folder}:app`]);
 *
 * Where a peer is missing its tests are skipped with the reason, which the reporter lists. In CI (`CI=true`) the peers
 * that Debian 12 has must be there: their tests run and fail.
 */
import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { accessSync, constants, lstatSync } from 'node:fs';
import { delimiter, join } from 'node:path';

import { runProgram, spawnProgram, type Ended, type ProgramOptions } from './program.ts';

/** What Debian 12 does not package: may be missing in CI as well. */
const optionalInCi: ReadonlySet<string> = new Set(['crane', 'oras', 'cosign', 'notation']);

export const systemPath = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];

export interface Peer {
  readonly name: string;
  /** For the test's `skip` option: `false`, or why it cannot run. */
  readonly skip: false | string;
  /** Runs it to its end, and fails the test with what it said if the exit code is not 0. */
  run(args: readonly string[], options?: ProgramOptions): Promise<Ended>;
  /** Runs it to its end, whatever the exit code. */
  try(args: readonly string[], options?: ProgramOptions): Promise<Ended>;
  /** Leaves it running, with three pipes; the test ends it. */
  spawn(args: readonly string[], options?: ProgramOptions): ChildProcess;
}

export function peer(name: string): Peer {
  const found = locate(name);
  const mustRun = process.env['CI'] === 'true' && !optionalInCi.has(name);
  const command = (args: readonly string[], options: ProgramOptions): [string, readonly string[], ProgramOptions] => {
    assert.ok(found, `${name} is not installed here, and in CI it must be`);
    return found(args, options);
  };
  return {
    name,
    skip: found === undefined && !mustRun ? `${name} is not installed` : false,
    async run(args, options = {}) {
      const ended = await runProgram(...command(args, options));
      assert.equal(ended.code, 0, `${name} ${args.join(' ')}: exit code ${ended.code}\n${ended.stderr}${ended.stdout}`);
      return ended;
    },
    try: async (args, options = {}) => await runProgram(...command(args, options)),
    spawn: (args, options = {}) => spawnProgram(...command(args, options)),
  };
}

/** The skip option of a test that needs several peers. */
export function skipWithout(...peers: readonly Peer[]): false | string {
  return peers.map(({ skip }) => skip).find((skip) => skip !== false) ?? false;
}

type Invocation = (args: readonly string[], options: ProgramOptions) => [string, readonly string[], ProgramOptions];

function locate(name: string): Invocation | undefined {
  const path = [...(process.env['PATH'] ?? '').split(delimiter), ...systemPath];
  const here = path.map((folder) => join(folder, name)).find(isProgram);
  if (here !== undefined) return (args, options) => [here, args, options];

  const root = process.env['PEERS_ROOT'];
  if (root === undefined || process.getuid?.() !== 0) return undefined;
  const inside = systemPath.map((folder) => join(folder, name)).find((file) => isThere(join(root, file)));
  if (inside === undefined) return undefined;
  return (args, { cwd = '/', env = {}, ...rest }) => {
    const given = Object.entries(env).flatMap(([key, value]) => (value === undefined ? [] : [`${key}=${value}`]));
    const clean = ['-i', `--chdir=${cwd}`, 'HOME=/root', `PATH=${systemPath.join(':')}`, 'LC_ALL=C.UTF-8', ...given];
    return ['chroot', [root, '/usr/bin/env', ...clean, inside, ...args], rest];
  };
}

export function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Without following links: an absolute one is to be followed inside the chroot. */
export function isThere(file: string): boolean {
  return lstatSync(file, { throwIfNoEntry: false }) !== undefined;
}
