import { join } from 'node:path';

import { said, type Command, type RunOptions } from './command.ts';
import { startDaemon } from './daemon.ts';
import type { Peer } from './peers.ts';
import { Skipped } from './skipped.ts';

/** docker's client, and a daemon of the bench's own without networks. */
export interface Docker {
  readonly pid: number;
  readonly client: Peer;
  command(...args: readonly string[]): Command;
  end(): Promise<void>;
}

export async function startDocker(client: Peer, dockerd: Peer, folder: string, options: RunOptions): Promise<Docker> {
  if (process.getuid?.() !== 0) throw new Skipped('dockerd needs root');
  const socket = `unix://${join(folder, 'docker.sock')}`;
  const command = (...args: readonly string[]) => client.command(['--host', socket, ...args]);
  const daemon = await startDaemon(
    dockerd.command([
      ...[
        '--host',
        socket,
        '--data-root',
        join(folder, 'data'),
        '--exec-root',
        join(folder, 'exec'),
        '--pidfile',
        join(folder, 'docker.pid'),
      ],
      ...['--bridge', 'none', '--iptables=false', '--ip6tables=false'],
    ]),
    options,
    async () => void (await said(command('version'), options)),
  );
  return { pid: daemon.pid, client, command, end: () => daemon.end() };
}
