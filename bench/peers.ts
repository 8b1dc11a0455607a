/**
 * The programs that we are measured beside: in the chroot of newer ones that `$PEERS_ROOT` names, else on the PATH. One that is
 * missing is a row that says so.
 */
import { spawnSync } from 'node:child_process';
import { delimiter, join } from 'node:path';

import type { Command } from './command.ts';
import { isProgram, isThere, systemPath } from '../test/support/peers.ts';
import { Skipped } from './skipped.ts';

export interface Peer {
  readonly name: string;
  command(args: readonly string[]): Command;
  /** Another program, started through as many programs as the peer is: `chroot` costs a millisecond. */
  beside(command: Command): Command;
}

/** The folder that `$PEERS_ROOT` names; only root can use one. */
export const peersRoot: string | undefined = process.getuid?.() === 0 ? process.env['PEERS_ROOT'] : undefined;

const used = new Map<string, Peer>();

/** @throws Skipped where it is neither there nor here */
export function peer(name: string): Peer {
  const known = used.get(name);
  if (known) return known;
  const found = locate(name);
  used.set(name, found);
  return found;
}

/** What each peer that was used calls its version. */
export function versions(): string {
  const words: Readonly<Record<string, string>> = { crane: 'version', wrk: '-v' };
  return [...used.values()]
    .map((peer) => {
      const [file = '', ...args] = peer.command([words[peer.name] ?? '--version']);
      const { stdout, stderr } = spawnSync(file, args, { encoding: 'utf8' });
      return `${peer.name} ${/\d+\.\d+[\w.]*/.exec(`${stdout}${stderr}`)?.[0] ?? ''}`.trim();
    })
    .join(', ');
}

function locate(name: string): Peer {
  const inside =
    peersRoot === undefined ? undefined : systemPath.map((folder) => join(folder, name)).find((file) => isThere(peersRoot + file));
  if (peersRoot !== undefined && inside !== undefined)
    return {
      name,
      command: (args) => ['chroot', peersRoot, inside, ...args],
      beside: (command) => ['chroot', '/', ...command],
    };
  const here = [...(process.env['PATH'] ?? '').split(delimiter), ...systemPath].map((folder) => join(folder, name)).find(isProgram);
  if (here === undefined) throw new Skipped(`${name} is not installed`);
  return { name, command: (args) => [here, ...args], beside: (command) => command };
}
