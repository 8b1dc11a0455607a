import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';

import type { Command, RunOptions } from './command.ts';
import { startDaemon } from './daemon.ts';
import type { Peer } from './peers.ts';

export interface RegistryServer {
  readonly host: string;
  readonly pid: number;
  end(): Promise<void>;
}

/** docker-registry with its packages' own settings, but for the log of requests, which ours does not write either. */
export async function startRegistry(registry: Peer, folder: string, options: RunOptions): Promise<RegistryServer> {
  const host = `127.0.0.1:${await freePort()}`;
  const settings = join(folder, 'registry.yml');
  writeFileSync(
    settings,
    `version: 0.1
log: {level: error, accesslog: {disabled: true}}
storage:
  cache: {blobdescriptor: inmemory}
  filesystem: {rootdirectory: ${JSON.stringify(join(folder, 'data'))}}
  delete: {enabled: true}
http: {addr: "${host}"}
`,
  );
  const daemon = await startDaemon(registry.command(['serve', settings]), options, async () => {
    const answer = await fetch(`http://${host}/v2/`);
    await answer.arrayBuffer();
  });
  return { host, pid: daemon.pid, end: () => daemon.end() };
}

export async function startDoor(command: Command, options: RunOptions): Promise<RegistryServer> {
  let host = '';
  const daemon = await startDaemon(command, options, async (said) => {
    const address = /http:\/\/(127\.0\.0\.1:\d+)/.exec(said())?.[1];
    if (address === undefined) throw new Error('it has not said where it listens');
    host = address;
  });
  return { host, pid: daemon.pid, end: () => daemon.end() };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  return typeof address === 'object' && address ? address.port : 0;
}
