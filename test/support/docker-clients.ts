/** Every docker client that is here: Debian's, a newer one before it on the PATH, and that of the chroot `$PEERS_ROOT`. What one of them sends another does not. */
import { realpathSync } from 'node:fs';
import { delimiter, join } from 'node:path';

import { isProgram, isThere } from './peers.ts';
import { runProgram, type Ended, type ProgramOptions } from './program.ts';

export interface DockerClient {
  /** Where it is: `/usr/bin/docker`. */
  readonly name: string;
  /** `docker ARGS…` to its end, against this daemon, with settings of its own in `home`, whatever the exit code. */
  run(args: readonly string[], options: DockerOptions): Promise<Ended>;
}

export interface DockerOptions extends ProgramOptions {
  /** `unix://…`. */
  readonly host: string;
  /** Folder for its settings, to which no plugin belongs. */
  readonly home: string;
}

/** One for each test to loop over; `skip` where there is none. */
export const dockerClients: readonly DockerClient[] = [...localClients(), ...chrootClients()];
export const skipWithoutDocker: false | string =
  dockerClients.length > 0 || process.env['CI'] === 'true' ? false : 'docker is not installed';

function localClients(): readonly DockerClient[] {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/local/bin', '/usr/bin'];
  const files = new Set(
    folders
      .map((folder) => join(folder, 'docker'))
      .filter(isProgram)
      .map((file) => realpathSync(file)),
  );
  return [...files].map((file) => ({
    name: file,
    run: (args, options) => runProgram(file, args, { ...options, env: environment(options) }),
  }));
}

function chrootClients(): readonly DockerClient[] {
  const root = process.env['PEERS_ROOT'];
  if (root === undefined || process.getuid?.() !== 0 || !isThere(join(root, 'usr/bin/docker'))) return [];
  return [
    {
      name: `${root}/usr/bin/docker`,
      run: (args, options) => {
        const env = Object.entries(environment(options)).flatMap(([key, value]) => (value === undefined ? [] : [`${key}=${value}`]));
        const clean = ['-i', 'HOME=/root', 'PATH=/usr/bin:/bin', 'LC_ALL=C.UTF-8', ...env, 'docker', ...args];
        return runProgram('chroot', [root, '/usr/bin/env', ...clean], options);
      },
    },
  ];
}

function environment({ host, home, env }: DockerOptions): Record<string, string | undefined> {
  return {
    DOCKER_HOST: host,
    DOCKER_CONFIG: join(home, 'docker-config'),
    DOCKER_API_VERSION: undefined,
    DOCKER_CONTEXT: undefined,
    DOCKER_TLS_VERIFY: undefined,
    DOCKER_CERT_PATH: undefined,
    DOCKER_BUILDKIT: undefined,
    DOCKER_DEFAULT_PLATFORM: undefined,
    ...env,
  };
}
