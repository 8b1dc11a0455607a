import { configuredCompression } from '../../io/home-folder.ts';
import type { Catalog } from '../../catalog/catalog.ts';
import type { Containers } from '../../containers/containers.ts';
import type { Host } from '../../operations/host.ts';
import type { Registries } from '../../remote/registries.ts';
import type { ImageStore } from '../../store/image-store.ts';
import type { Shell } from './shell.ts';

/** The container host of one command line: each part is opened when an act first asks for it, and serves all its turns. `await using` it. */
export class CmdletHost implements AsyncDisposable {
  readonly #shell: Shell;
  #store: Promise<ImageStore> | undefined;
  #registries: Promise<Registries> | undefined;
  #containers: Promise<Containers> | undefined;
  #catalog: Promise<Catalog> | undefined;

  constructor(shell: Shell) {
    this.#shell = shell;
  }

  store(): Promise<ImageStore> {
    this.#store ??= (async () => {
      const { openHomeStore } = await import('../../operations/open-store.ts');
      return openHomeStore(this.#shell.env, { actor: 'cmdlet', now: () => this.#shell.now() });
    })();
    return this.#store;
  }

  containers(): Promise<Containers> {
    this.#containers ??= (async () => {
      const { Containers: Kept } = await import('../../containers/containers.ts');
      return new Kept(await this.store(), { compression: configuredCompression(this.#shell.env) });
    })();
    return this.#containers;
  }

  /** Where base OS images are found, as the settings say when it is first asked for. */
  catalog(): Promise<Catalog> {
    this.#catalog ??= (async () => {
      const { openCatalog } = await import('../../operations/find-base.ts');
      return openCatalog(this.#shell.env, await this.registries());
    })();
    return this.#catalog;
  }

  registries(): Promise<Registries> {
    this.#registries ??= this.#openRegistries();
    return this.#registries;
  }

  async whole(): Promise<Host> {
    const registries = await this.registries();
    return {
      store: await this.store(),
      containers: await this.containers(),
      registries,
      remote: (reference) => registries.repository(reference),
      now: () => this.#shell.now(),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#registries) (await this.#registries.catch(() => undefined))?.close();
    if (this.#store) await (await this.#store.catch(() => undefined))?.close();
  }

  async #openRegistries(): Promise<Registries> {
    const { openRegistries } = await import('../../remote/registries.ts');
    return openRegistries({ env: this.#shell.env, onWarning: (text) => void this.#shell.writeWarning(text) });
  }
}
