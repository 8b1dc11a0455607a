import { posix, win32 } from 'node:path';
import { userFolder } from './user-folder.ts';

/** Where other tools keep the settings that we share with them. All are absolute, and may not be there. */
export interface SettingsFolders {
  /** Docker's client: `config.json`. */
  readonly docker: string;
  /** What containers' tools call `containers/` of this user: `registries.conf`, `auth.json`. The first that has a file counts. */
  readonly containers: readonly string[];
  /** The same of this machine. */
  readonly machineContainers: string;
  /** `certs.d` folders of docker, podman and containerd; the first that knows a host counts. */
  readonly certs: readonly string[];
}

/**
 * On Windows docker's client reads `%USERPROFILE%\.docker`, whatever HOME says, and its engine `%ProgramData%\docker\certs.d`; containers' tools read
 * `%APPDATA%\containers` and `%ProgramData%\containers` (containers-config(5)), older ones `%USERPROFILE%\.config\containers`. Elsewhere it is HOME, the XDG base
 * directory specification, and `/etc`.
 */
export function settingsFolders(
  env: Readonly<Record<string, string | undefined>>,
  system: NodeJS.Platform = process.platform,
): SettingsFolders {
  if (system === 'win32') {
    const { join } = win32;
    const home = env.USERPROFILE || userFolder();
    const machine = env.ProgramData || env.PROGRAMDATA || 'C:\\ProgramData';
    const docker = env.DOCKER_CONFIG || join(home, '.docker');
    const containers = [join(env.APPDATA || join(home, 'AppData', 'Roaming'), 'containers'), join(home, '.config', 'containers')];
    return {
      docker,
      containers,
      machineContainers: join(machine, 'containers'),
      certs: [
        ...containers.map((folder) => join(folder, 'certs.d')),
        join(docker, 'certs.d'),
        join(machine, 'docker', 'certs.d'),
        join(machine, 'containers', 'certs.d'),
      ],
    };
  }
  const { join } = posix;
  const home = env.HOME || userFolder();
  const settings = env.XDG_CONFIG_HOME || join(home, '.config');
  const docker = env.DOCKER_CONFIG || join(home, '.docker');
  return {
    docker,
    containers: [join(settings, 'containers')],
    machineContainers: '/etc/containers',
    certs: [
      join(settings, 'containers', 'certs.d'),
      join(settings, 'docker', 'certs.d'),
      join(docker, 'certs.d'),
      '/etc/containerd/certs.d',
      '/etc/docker/certs.d',
      '/etc/containers/certs.d',
    ],
  };
}
