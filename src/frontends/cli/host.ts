import { configuredCompression } from '../../io/home-folder.ts';
import type { Host } from '../../operations/host.ts';
import type { Registries } from '../../remote/registries.ts';
import type { ImageStore } from '../../store/image-store.ts';
import type { GlobalValues } from './grammar.ts';
import type { Terminal } from './terminal.ts';

/** What a command has that opens the host. */
interface Caller {
  readonly terminal: Terminal;
  readonly globals: GlobalValues;
}

/** The store alone: all that a list needs, so that it loads no client of registries. */
export async function openStore({ terminal }: Pick<Caller, 'terminal'>): Promise<ImageStore> {
  const { openHomeStore } = await import('../../operations/open-store.ts');
  return openHomeStore(terminal.env, { actor: 'cli', now: () => terminal.now() });
}

/** How registries are reached, by the user's settings and what the command line says. */
export async function openRegistries({ terminal, globals }: Caller, options: { plainHttp?: boolean } = {}): Promise<Registries> {
  const { openRegistries: open } = await import('../../remote/registries.ts');
  return open({
    env: terminal.env,
    ...(globals.config === undefined ? {} : { configFolder: globals.config }),
    ...(options.plainHttp ? { plainHttp: true } : {}),
    onWarning: (text) => void terminal.stderr.write(`WARNING: ${text}\n`),
  });
}

/** What stores and reaches images. Close it with `await using`. */
export async function openHost(caller: Caller, options: { plainHttp?: boolean } = {}): Promise<Omit<Host, 'containers'> & AsyncDisposable> {
  const registries = await openRegistries(caller, options);
  const store = await openStore(caller);
  return {
    store,
    registries,
    remote: (reference) => registries.repository(reference),
    now: () => caller.terminal.now(),
    [Symbol.asyncDispose]: async () => {
      registries.close();
      await store.close();
    },
  };
}

/** The store and its containers. Close it with `await using`. */
export async function openContainers(
  caller: Pick<Caller, 'terminal'>,
): Promise<Pick<Host, 'store' | 'containers' | 'now'> & AsyncDisposable> {
  const { Containers } = await import('../../containers/containers.ts');
  const store = await openStore(caller);
  return {
    store,
    containers: new Containers(store, { compression: configuredCompression(caller.terminal.env) }),
    now: () => caller.terminal.now(),
    [Symbol.asyncDispose]: () => store.close(),
  };
}
