import { once } from 'node:events';
import { createServer } from 'node:http';
import { join } from 'node:path';

import { said, type Command, type RunOptions } from './command.ts';
import { startDaemon } from './daemon.ts';
import type { Peer } from './peers.ts';
import { Skipped } from './skipped.ts';

/** docker's client, and a daemon of the bench's own without networks: dockerd, or ours. */
export interface Docker {
  readonly pid: number;
  /** Path of the daemon's socket. */
  readonly socket: string;
  readonly client: Peer;
  command(...args: readonly string[]): Command;
  end(): Promise<void>;
}

export async function startDocker(client: Peer, dockerd: Peer, folder: string, options: RunOptions): Promise<Docker> {
  if (process.getuid?.() !== 0) throw new Skipped('dockerd needs root');
  const socket = join(folder, 'docker.sock');
  const command = clientOf(client, socket);
  const daemon = await startDaemon(
    dockerd.command([
      ...[
        '--host',
        `unix://${socket}`,
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
  return { pid: daemon.pid, socket, client, command, end: () => daemon.end() };
}

/** Our own Engine API door: `serve` is the command that opens it, without its socket. */
export async function startDockerDoor(client: Peer, serve: Command, folder: string, options: RunOptions): Promise<Docker> {
  const socket = join(folder, 'docker.sock');
  const command = clientOf(client, socket);
  const daemon = await startDaemon(
    [...serve, '--docker-socket', socket],
    options,
    async () => void (await said(command('version'), options)),
  );
  return { pid: daemon.pid, socket, client, command, end: () => daemon.end() };
}

/** No daemon, but an answer to each of `create` and `rm` that costs nothing: what a daemon of any kind can at best be measured at. */
export async function startAnsweringAtOnce(client: Peer, folder: string): Promise<Docker> {
  const socket = join(folder, 'docker.sock');
  const server = createServer((request, response) => {
    request.resume();
    const made = request.method === 'POST';
    response.writeHead(made ? 201 : request.method === 'DELETE' ? 204 : 200, {
      'Api-Version': '1.51',
      Ostype: 'linux',
      'Content-Type': 'application/json',
    });
    response.end(made ? '{"Id":"0123456789abcdef","Warnings":[]}' : undefined);
  });
  server.listen(socket);
  await once(server, 'listening');
  const end = async () => {
    server.close();
    await once(server, 'close');
  };
  return { pid: process.pid, socket, client, command: clientOf(client, socket), end };
}

function clientOf(client: Peer, socket: string): Docker['command'] {
  return (...args) => client.command(['--host', `unix://${socket}`, ...args]);
}
