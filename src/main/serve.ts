import { ImageError } from '../errors.ts';
import type { ServeOptions } from '../frontends/cli/commands/serve.ts';
import type { Terminal } from '../frontends/cli/terminal.ts';
import { isLoopback, listen, registryDoor } from '../frontends/registry/door.ts';
import { storeFolder } from '../io/home-folder.ts';
import { loadSamples } from '../operations/samples.ts';
import { ImageStore } from '../store/image-store.ts';

/** Opens the store and every front door over it, says where they are, and stays until the terminal's signal. */
export async function serve(options: ServeOptions, terminal: Terminal): Promise<number> {
  if (!isLoopback(options.host) && !options.openToAnyone)
    throw new ImageError(
      'insecure',
      `${options.host} is reachable from other machines, and the registry has neither TLS nor authentication`,
      {
        hint: 'Listen on 127.0.0.1, or say --open-to-anyone if anyone who reaches it may read, push and delete every image.',
      },
    );
  await using store = await ImageStore.open(await storeFolder(terminal.env), { actor: 'serve', now: () => terminal.now() });
  const samples = options.samples ? await loadSamples({ store, now: () => terminal.now() }) : [];
  const { address, close } = await listen(registryDoor(store, { readOnly: options.readOnly }), { host: options.host, port: options.port });
  terminal.stdout.write(await welcome(terminal, store, address, samples));
  try {
    await stopped(terminal.signal);
  } finally {
    await close();
    terminal.stdout.write('Stopped.\n');
  }
  return 0;
}

async function welcome(terminal: Terminal, store: ImageStore, address: string, samples: readonly string[]): Promise<string> {
  const bay = terminal.env.BAY_LAUNCHER ?? 'bay';
  const host = new URL(address).host;
  const name = samples[0] ?? (await store.names())[0]?.reference.repository ?? 'IMAGE';
  return [
    `Bayplan is ready.`,
    `  Store     ${store.path}`,
    `  Registry  ${address}`,
    ...(samples.length === 0 ? [] : ['', `The store was empty: it has ${samples.length} sample images now.`]),
    '',
    'Try, in a second terminal:',
    `  ${bay} images`,
    `  ${bay} history ${name}`,
    `  ${bay} copy ${name} docker://${host}/try/${name}`,
    `  ${bay} help`,
    '',
    'Ctrl-C stops the server.',
    '',
  ].join('\n');
}

async function stopped(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
