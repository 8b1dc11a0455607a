import { join } from 'node:path';
import { isImageError } from '../errors.ts';
import { settingsFolders } from '../io/settings-folders.ts';
import { isObject } from '../model/descriptor.ts';
import { eraseFromHelper, getFromHelper, storeInHelper, type HelperGround } from './credential-helper.ts';
import { authEntry, authOf, changeDockerConfig, helperOf, isHub, readDockerConfig, serverKey, type DockerConfig } from './docker-config.ts';
import type { Credentials, RegistryOptions } from './registry-options.ts';

export interface Stored {
  readonly storedIn: string;
  readonly unencrypted: boolean;
}

/** Credentials where docker, podman and skopeo keep them, so that one login serves all. Written as docker does: into a helper, else `config.json`. */
export class CredentialStore {
  readonly #options: RegistryOptions;
  readonly #env: NodeJS.ProcessEnv;
  readonly #helpers: HelperGround;
  readonly path: string;

  constructor(options: RegistryOptions) {
    this.#options = options;
    this.#env = options.env ?? process.env;
    this.#helpers = { env: this.#env, timeout: options.timeouts?.helper ?? 60_000 };
    this.path = join(options.configFolder ?? settingsFolders(this.#env).docker, 'config.json');
  }

  /** For a repository below a host; a file or helper that cannot be read is a warning, and the registry is asked without credentials. */
  async find(host: string, repository?: string): Promise<Credentials | undefined> {
    const given = await this.#options.credentials?.(host);
    if (given !== undefined) return given ?? undefined;
    for (const path of [this.path, ...this.#containersFiles()]) {
      const config = await this.#read(path);
      const found = config === undefined ? undefined : await this.#findIn(config, host, repository);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  async #findIn(config: DockerConfig, host: string, repository: string | undefined): Promise<Credentials | undefined> {
    try {
      const helper = helperOf(config, host);
      const kept = helper === undefined ? undefined : await getFromHelper(helper, serverKey(host), this.#helpers);
      return kept ?? authOf(config, host, repository);
    } catch (error) {
      return this.#warn(error);
    }
  }

  /** The whole of the client's settings, for the keys that are not about credentials. */
  async config(): Promise<DockerConfig> {
    return (await this.#read(this.path)) ?? { path: this.path, document: {} };
  }

  async #read(path: string): Promise<DockerConfig | undefined> {
    try {
      return await readDockerConfig(path);
    } catch (error) {
      return this.#warn(error);
    }
  }

  #warn(error: unknown): undefined {
    if (!isImageError(error)) throw error;
    this.#options.onWarning?.(`${error.message}; going on without credentials`);
    return undefined;
  }

  /** @throws ImageError `invalid-config` where the file cannot be understood: it is not overwritten then */
  async keep(host: string, credentials: Credentials): Promise<Stored> {
    const key = serverKey(host);
    const helper = helperOf(await readDockerConfig(this.path), host);
    if (helper !== undefined) await storeInHelper(helper, key, credentials, this.#helpers);
    await changeDockerConfig(this.path, (document) => {
      const auths = isObject(document.auths) ? document.auths : {};
      return { ...document, auths: { ...auths, [key]: helper === undefined ? authEntry(credentials) : {} } };
    });
    return helper === undefined
      ? { storedIn: this.path, unencrypted: true }
      : { storedIn: `docker-credential-${helper}`, unencrypted: false };
  }

  /** False where nothing was kept. Looks at every spelling of the host, as docker does. */
  async forget(host: string): Promise<boolean> {
    const helper = helperOf(await readDockerConfig(this.path), host);
    const erased = helper !== undefined && (await eraseFromHelper(helper, serverKey(host), this.#helpers));
    const spellings = isHub(host)
      ? [serverKey(host), 'docker.io', 'index.docker.io']
      : [host, `https://${host}`, `http://${host}`, `https://${host}/`, `http://${host}/`];
    let empty = true;
    const removed = await changeDockerConfig(this.path, (document) => {
      if (!isObject(document.auths)) return undefined;
      const auths: Record<string, unknown> = { ...document.auths };
      const present = spellings.filter((spelling) => spelling in auths);
      if (present.length === 0) return undefined;
      empty = present.every((spelling) => isObject(auths[spelling]) && Object.keys(auths[spelling]).length === 0);
      for (const spelling of present) delete auths[spelling];
      return { ...document, auths };
    });
    // A helper's mark in the file is empty: it says nothing of credentials.
    return erased || (removed && !empty);
  }

  /** containers-auth.json(5): in the order in which its tools look. */
  #containersFiles(): readonly string[] {
    const env = this.#env;
    if (env.REGISTRY_AUTH_FILE) return [env.REGISTRY_AUTH_FILE];
    return [
      ...(env.XDG_RUNTIME_DIR ? [join(env.XDG_RUNTIME_DIR, 'containers', 'auth.json')] : []),
      ...settingsFolders(env).containers.map((folder) => join(folder, 'auth.json')),
    ];
  }
}
