/** A hub of one's own: the registry door of a second store stands where docker.io is, for pulls, pushes and the search. */
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';

import { spawnBay } from '../support/bay.ts';
import { temporary } from '../support/temporary.ts';

export interface Server {
  /** `127.0.0.1:PORT`. */
  readonly host: string;
  readonly home: string;
}

/** `bay serve` on a free port, ended with the test. */
export async function startServer(
  t: Pick<TestContext, 'after'>,
  home: string,
  { args = [], env }: { readonly args?: readonly string[]; readonly env?: Readonly<Record<string, string>> } = {},
): Promise<Server> {
  mkdirSync(home, { recursive: true });
  const child = spawnBay(['serve', '--listen', '127.0.0.1:0', ...args], { home, ...(env ? { env } : {}) });
  let said = '';
  child.stderr?.on('data', (part: Buffer) => (said += part.toString()));
  const ended = once(child, 'exit');
  t.after(async () => {
    child.kill('SIGTERM');
    await ended;
  });
  const host = await new Promise<string>((resolve, reject) => {
    child.stdout?.on('data', (part: Buffer) => {
      said += part.toString();
      const found = /Registry\s+http:\/\/(\S+)/.exec(said)?.[1];
      if (found !== undefined) resolve(found);
    });
    child.once('exit', () => reject(new Error(`bay serve ended: ${said}`)));
  });
  return { host, home };
}

/** How a transcript shows the server's address: as long as any address of a free port. */
export function shownAs({ host }: Pick<Server, 'host'>, shown = '127.0.0.1:50000'): Record<string, string> {
  return { [host]: shown };
}

export interface Hub extends Server {
  /** `CONTAINERS_REGISTRIES_CONF` for whoever takes it for docker.io. */
  readonly registriesConf: string;
}

/** The store's images must be there before: the server is asked at once. */
export async function startHub(t: Pick<TestContext, 'after'>, home?: string): Promise<Hub> {
  const base = temporary(t, 'hub');
  const server = await startServer(t, home ?? join(base, 'home'));
  return { ...server, registriesConf: hubSettings(base, server.host) };
}

/** Writes a registries.conf by which `host`, without TLS, is docker.io. @returns its path */
export function hubSettings(folder: string, host: string): string {
  const path = join(folder, 'registries.conf');
  writeFileSync(path, `[[registry]]\nprefix = "docker.io"\nlocation = "${host}"\ninsecure = true\n`);
  return path;
}
